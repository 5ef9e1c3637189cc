//! Orders: made by merchants, paid on the ledger, cancelled and refunded.

use std::sync::Arc;

use causeway_contracts::money::Amount;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{
    checks,
    lists::{ListQuery, page},
    merchants::acquiring,
};
use crate::{
    acquiring::order::{Beginning, Capture, Order, State},
    money::{Money, MoneyFault},
    service::{
        call::{Call, Reply},
        change::ChangeError,
        config::{ORDER_SECONDS_MAX, ORDER_SECONDS_MIN},
        context::Gateway,
        id,
        orders::{
            change, refund_problem, tell,
            views::{self, OrderView, RefundView},
            walk_in,
        },
        problem::{Code, Problem},
        records::{
            jobs::{self, Kind},
            merchants, orders,
            paybacks::{self, Payback, PaybackBody, PaybackState, Why},
        },
        views::Page,
    },
    store::{Sql, StoreError},
};

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderRequest {
    pub merchant: String,
    /// Of the merchant's.
    #[serde(default)]
    pub store: Option<String>,
    /// Of the merchant's; its store is the order's.
    #[serde(default)]
    pub terminal: Option<String>,
    pub amount: Money,
    /// By which the merchant calls it: each of its orders has another.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 35)]
    pub reference: Option<String>,
    /// For the payer.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 140)]
    pub description: Option<String>,
    /// For so many seconds it may be paid.
    #[serde(default)]
    #[schema(minimum = 30, maximum = 86400)]
    pub expires_in: Option<u32>,
    /// `manual`: a card's issuer only holds the money, until it is captured or voided.
    #[serde(default)]
    pub capture: Capture,
}

/// An order
///
/// Whoever sends its amount to `pay_to` with `memo` before `expires_at` has paid it. What is sent for it too late, twice
/// or in another amount is sent back.
#[utoipa::path(post, path = "/v1/orders", request_body = OrderRequest, responses((status = 201, body = OrderView)))]
pub async fn create(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    acquiring(gateway)?;
    let request: OrderRequest = call.json()?;
    checks::text("reference", request.reference.as_deref(), 35)?;
    checks::text("description", request.description.as_deref(), 140)?;
    let exponent = gateway.exponents.of(request.amount.currency);
    let exponent = exponent.map_err(|fault| Problem::from(fault).of("amount"))?;
    let amount = request.amount.minor(exponent).map_err(MoneyFault::from);
    let amount = amount.map_err(|fault| Problem::from(fault).of("amount"))?;
    if amount.is_zero() {
        return Err(Problem::new(Code::AmountInvalid, "the amount is above zero").of("amount"));
    }
    let seconds = match (request.expires_in, gateway.config.acquiring) {
        (Some(seconds), _) => seconds,
        (None, acquiring) => acquiring.map_or(ORDER_SECONDS_MIN, |acquiring| acquiring.order_seconds),
    };
    if !(ORDER_SECONDS_MIN..=ORDER_SECONDS_MAX).contains(&seconds) {
        let detail = format!("it is {ORDER_SECONDS_MIN} to {ORDER_SECONDS_MAX} seconds");
        return Err(Problem::field("expires_in", detail));
    }
    let new = NewOrder {
        id: id::named("ord", &call.object),
        client: call.client().id.clone(),
        exponent,
        amount,
        now_ms: call.now_ms,
        expires_ms: call.now_ms + u64::from(seconds) * 1_000,
        request,
    };
    let shared = Arc::clone(gateway);
    let view = gateway
        .store
        .write::<_, ChangeError, _>(move |sql| {
            let order = make(&shared, sql, new)?;
            Ok(views::with_paybacks(&shared, sql, &order)?)
        })
        .await?;
    gateway.wake_deliveries.notify_one();
    Ok(Reply::created(&view))
}

struct NewOrder {
    id: String,
    client: String,
    exponent: u8,
    amount: Amount,
    now_ms: u64,
    expires_ms: u64,
    request: OrderRequest,
}

/// Stores it with its event, or gives the one with this id.
fn make(gateway: &Gateway, sql: &mut dyn Sql, new: NewOrder) -> Result<Order, ChangeError> {
    if let Some(known) = orders::find(sql, &new.client, &new.id)? {
        return Ok(known);
    }
    let request = new.request;
    let merchant = merchants::find(sql, &new.client, &request.merchant)?.ok_or_else(|| {
        let detail = "there is no such merchant, or it is another client's";
        Problem::new(Code::MerchantUnknown, detail).of("merchant")
    })?;
    if merchant.suspended {
        let detail = "the operator has suspended the merchant, and can resume it";
        return Err(Problem::new(Code::MerchantSuspended, detail).of("merchant").into());
    }
    let mut store = request.store;
    if let Some(id) = &store {
        let found = merchants::find_store(sql, &new.client, id)?.filter(|store| store.merchant == merchant.id);
        found.ok_or_else(|| Problem::field("store", "it is a store of the merchant's"))?;
    }
    if let Some(id) = &request.terminal {
        let found = merchants::find_terminal(sql, &new.client, id)?;
        let is_there = |of: &str| store.as_ref().is_none_or(|store| store == of);
        let found = found.filter(|terminal| terminal.merchant == merchant.id && is_there(&terminal.store));
        let terminal = found.ok_or_else(|| Problem::field("terminal", "it is a terminal of the merchant's store"))?;
        store = Some(terminal.store);
    }
    let pay_to = walk_in::pay_to(gateway, sql, &merchant)?;
    if request.capture == Capture::Manual && pay_to != gateway.account_of(gateway.us()) {
        let detail = "cards pay to the operator's own account, and this merchant's orders are paid to another";
        return Err(Problem::new(Code::NotByCard, detail).of("capture").into());
    }
    let order = Order::begin(Beginning {
        id: new.id,
        client: new.client,
        merchant: merchant.id,
        store,
        terminal: request.terminal,
        reference: request.reference,
        description: request.description,
        pay_to,
        currency: request.amount.currency,
        exponent: new.exponent,
        amount: new.amount,
        now_ms: new.now_ms,
        expires_ms: new.expires_ms,
        capture: request.capture,
    });
    let checkout = Sha256::digest(gateway.keys.checkout(&order.id));
    if !orders::add(sql, &order, &checkout)? {
        // Another process may have made it just now, for the same request.
        if let Some(known) = orders::find(sql, &order.client, &order.id)? {
            return Ok(known);
        }
        let reference = order.reference.as_deref().unwrap_or_default();
        let known = orders::by_reference(sql, &order.merchant, reference)?;
        let detail = "another order of the merchant's has this reference";
        let problem = Problem::new(Code::ReferenceTaken, detail).of("reference");
        return Err(problem
            .with(serde_json::json!({ "order": known.map(|known| known.id) }))
            .into());
    }
    tell(gateway, sql, &order, 0)?;
    Ok(order)
}

/// An order
#[utoipa::path(get, path = "/v1/orders/{id}", params(("id" = String, Path)),
    responses((status = 200, body = OrderView)))]
pub async fn get(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let shared = Arc::clone(gateway);
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| {
            let found = orders::find(sql, &client, &id)?;
            found
                .map(|order| views::with_paybacks(&shared, sql, &order))
                .transpose()
        })
        .await?;
    Ok(Reply::ok(&found.ok_or_else(|| Problem::not_found("order"))?))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrdersQuery {
    /// Only this merchant's.
    #[serde(default)]
    #[param(max_length = 64)]
    merchant: Option<String>,
    /// Only those that their merchants call so.
    #[serde(default)]
    #[param(max_length = 35)]
    reference: Option<String>,
    /// Only those in this state.
    #[serde(default)]
    state: Option<State>,
    /// From the page before.
    #[serde(default)]
    #[param(max_length = 64, pattern = "^[!-~]*$")]
    cursor: Option<String>,
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// Orders, the newest first
#[utoipa::path(get, path = "/v1/orders", params(OrdersQuery), responses((status = 200, body = Page<OrderView>)))]
pub async fn list(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let OrdersQuery {
        merchant,
        reference,
        state,
        cursor,
        limit,
    } = call.query()?;
    checks::text("merchant", merchant.as_deref(), 64)?;
    checks::text("reference", reference.as_deref(), 35)?;
    let (client, shared) = (call.client().id.clone(), Arc::clone(gateway));
    let read = move |sql: &mut dyn Sql, before, limit| {
        let wanted = orders::Wanted {
            merchant,
            reference,
            state: state.map(State::as_str),
            before,
        };
        let found = orders::list(sql, &client, &wanted, limit)?;
        let views = found.iter().map(|order| views::with_paybacks(&shared, sql, order));
        views.collect()
    };
    let asked = ListQuery { cursor, limit };
    page(
        gateway,
        asked,
        read,
        |order: &OrderView| order.id.clone(),
        Ok::<_, Problem>,
    )
    .await
}

/// Cancels it
///
/// As long as nobody has paid. A payment that comes later is sent back, and what a card's issuer holds for it is voided.
#[utoipa::path(post, path = "/v1/orders/{id}/cancel", params(("id" = String, Path)),
    request_body = super::remittances::NothingRequest, responses((status = 200, body = OrderView)))]
pub async fn cancel(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let (client, id, now_ms) = (call.client().id.clone(), call.parameter("id").to_owned(), call.now_ms);
    let shared = Arc::clone(gateway);
    let view = gateway
        .store
        .write::<_, ChangeError, _>(move |sql| {
            let order = change(&shared, sql, &id, |order, _| {
                is_of(order, &client)?;
                // Asked again, after a crash.
                if order.state == State::Cancelled {
                    return Ok(());
                }
                Ok::<_, ChangeError>(order.cancel(now_ms).map_err(Problem::from)?)
            })?;
            Ok(views::with_paybacks(&shared, sql, &order)?)
        })
        .await?;
    gateway.wake_card_advices.notify_one();
    gateway.wake_deliveries.notify_one();
    Ok(Reply::ok(&view))
}

fn is_of(order: &Order, client: &str) -> Result<(), Problem> {
    match order.client == client {
        true => Ok(()),
        false => Err(Problem::not_found("order")),
    }
}

#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundRequest {
    /// All that is left, if it is absent.
    #[serde(default)]
    pub amount: Option<Money>,
    /// By which the merchant calls it: with the same, the same refund is meant.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 35)]
    pub reference: Option<String>,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 140)]
    pub reason: Option<String>,
}

/// Sends money back to who has paid
///
/// Some of the payment, or all that is left of it. It is `settled` when the ledger has it.
#[utoipa::path(post, path = "/v1/orders/{id}/refunds", params(("id" = String, Path)), request_body = RefundRequest,
    responses((status = 201, body = RefundView)))]
pub async fn refund(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let request: RefundRequest = call.json()?;
    checks::text("reference", request.reference.as_deref(), 35)?;
    checks::text("reason", request.reason.as_deref(), 140)?;
    let asked = AskedRefund {
        id: id::named("ref", &call.object),
        order: call.parameter("id").to_owned(),
        client: call.client().id.clone(),
        request,
        now_ms: call.now_ms,
    };
    let shared = Arc::clone(gateway);
    let view = gateway
        .store
        .write::<_, ChangeError, _>(move |sql| request_refund(&shared, sql, asked))
        .await?;
    gateway.wake_paybacks.notify_one();
    gateway.wake_deliveries.notify_one();
    Ok(Reply::created(&view))
}

struct AskedRefund {
    id: String,
    order: String,
    client: String,
    request: RefundRequest,
    now_ms: u64,
}

fn request_refund(gateway: &Gateway, sql: &mut dyn Sql, asked: AskedRefund) -> Result<RefundView, ChangeError> {
    let order_id = asked.order.clone();
    let mut made = None;
    let order = change(gateway, sql, &order_id, |order, sql| {
        is_of(order, &asked.client)?;
        made = Some(add_refund(sql, order, asked)?);
        Ok::<_, ChangeError>(())
    })?;
    let view = made.and_then(|payback| views::refund(&order, &payback));
    Ok(view.ok_or(StoreError::Changed)?)
}

/// The order is locked: nobody else adds one to it.
fn add_refund(sql: &mut dyn Sql, order: &mut Order, asked: AskedRefund) -> Result<Payback, ChangeError> {
    let AskedRefund {
        id, request, now_ms, ..
    } = asked;
    if let Some(known) = paybacks::any(sql, &id)? {
        return Ok(known);
    }
    if request
        .amount
        .as_ref()
        .is_some_and(|amount| amount.currency != order.currency)
    {
        let detail = format!("the order was paid in {}", order.currency);
        return Err(Problem::field("amount.currency", detail).into());
    }
    let amount = request.amount.as_ref().map(|amount| amount.minor(order.exponent));
    let amount = amount
        .transpose()
        .map_err(|fault| Problem::from(MoneyFault::from(fault)).of("amount"))?;
    if let Some(reference) = &request.reference
        && let Some(known) = paybacks::by_reference(sql, &order.id, reference)?
    {
        if amount.is_none_or(|amount| amount == known.body.amount) {
            return Ok(known);
        }
        let detail = "a refund of another amount has this reference";
        let problem = Problem::new(Code::ReferenceTaken, detail).of("reference");
        return Err(problem.with(serde_json::json!({ "refund": known.id })).into());
    }
    let amount = amount.unwrap_or(order.refundable());
    let asked = order.request_refund(amount, now_ms);
    asked.map_err(|fault| refund_problem(order, fault))?;
    let payment = order.payment.ok_or(StoreError::Changed)?;
    let payback = Payback {
        id,
        order: order.id.clone(),
        reference: request.reference,
        state: PaybackState::Pending,
        intent: None,
        body: PaybackBody {
            why: Why::Refund { reason: request.reason },
            from: order.pay_to,
            to: payment.payer,
            currency: order.currency,
            amount,
            created_ms: now_ms,
            since_ms: now_ms,
            transaction: None,
            height: None,
            problem: None,
        },
    };
    if !paybacks::add(sql, &payback)? {
        return Err(StoreError::Changed.into());
    }
    jobs::kick(sql, Kind::Payback, &payback.id, now_ms)?;
    Ok(payback)
}
