//! Disputes about orders: opened and decided by the operator's officers.

use std::sync::Arc;

use causeway_contracts::money::Amount;
use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;
use utoipa::ToSchema;

use super::{
    checks,
    lists::{ListQuery, page},
};
use crate::{
    acquiring::{
        dispute::{Decision, Ended, Kind, State},
        order::Order,
    },
    money::{DigitsUnknown, Money},
    service::{
        call::{Call, Reply},
        change::ChangeError,
        context::Gateway,
        id,
        orders::{change, refund_problem},
        problem::{Code, Problem},
        records::{
            disputes::{self, Dispute},
            events::{self, New},
            jobs,
            paybacks::{self, Payback, PaybackBody, PaybackState, Why},
        },
        settlements,
        time::rfc3339,
        views::Page,
    },
    store::{Sql, StoreError},
};

/// Of one order.
const DISPUTES_MAX: usize = 100;

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DisputeRequest {
    #[schema(inline)]
    pub kind: Kind,
    /// A code of the payer's bank, such as 13.1.
    #[schema(min_length = 1, max_length = 35)]
    pub reason: String,
    /// At most what is left of the payment.
    pub amount: Money,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DisputeView {
    pub id: String,
    /// `dispute`
    pub object: &'static str,
    #[schema(inline)]
    pub state: State,
    #[schema(inline)]
    pub kind: Kind,
    pub reason: String,
    pub merchant: String,
    pub order: String,
    pub amount: Money,
    pub created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
}

fn view(gateway: &Gateway, dispute: &Dispute) -> Result<DisputeView, DigitsUnknown> {
    Ok(DisputeView {
        id: dispute.id.clone(),
        object: "dispute",
        state: dispute.state,
        kind: dispute.kind,
        reason: dispute.reason.clone(),
        merchant: dispute.merchant.clone(),
        order: dispute.order.clone(),
        amount: gateway.exponents.write(dispute.amount, dispute.currency)?,
        created_at: rfc3339(dispute.created_ms),
        ended_at: dispute.ended_ms.map(rfc3339),
    })
}

impl From<Ended> for Problem {
    fn from(fault: Ended) -> Self {
        Self::new(Code::DisputeState, fault.to_string()).with(serde_json::json!({ "state": fault.0.as_str() }))
    }
}

fn tell(gateway: &Gateway, sql: &mut dyn Sql, dispute: &Dispute) -> Result<(), StoreError> {
    let data = to_raw_value(&view(gateway, dispute)?).expect("views have a JSON form");
    let now_ms = gateway.now_ms();
    let new = New {
        id: id::new("evt", now_ms).map_err(|_| StoreError::Busy)?,
        client: &dispute.client,
        kind: &format!("dispute.{}", dispute.state),
        object: &dispute.id,
        data: &data,
        now_ms,
    };
    events::add(sql, &new)
}

/// A dispute
///
/// For the operator's officers, whichever client's order it is. As long as it is open, nothing else sends its amount back.
#[utoipa::path(post, path = "/v1/orders/{id}/disputes", params(("id" = String, Path)), request_body = DisputeRequest,
    responses((status = 201, body = DisputeView)))]
pub async fn create(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let request: DisputeRequest = call.json()?;
    checks::bounded("reason", &request.reason, 35)?;
    let amount = gateway.exponents.read(&request.amount);
    let amount = amount.map_err(|fault| Problem::from(fault).of("amount"))?;
    let (id, order, now_ms) = (
        id::named("dsp", &call.object),
        call.parameter("id").to_owned(),
        call.now_ms,
    );
    let shared = Arc::clone(gateway);
    let dispute = gateway
        .store
        .write::<_, ChangeError, _>(move |sql| {
            if let Some(known) = disputes::any(sql, &id)? {
                return Ok(known);
            }
            let changed = change::<ChangeError>(&shared, sql, &order, |order, sql| open(sql, order, &request, amount))?;
            let dispute = Dispute {
                id,
                client: changed.client,
                merchant: changed.merchant,
                order: changed.id,
                state: State::Opened,
                kind: request.kind,
                reason: request.reason,
                currency: changed.currency,
                amount,
                created_ms: now_ms,
                ended_ms: None,
            };
            disputes::add(sql, &dispute)?;
            tell(&shared, sql, &dispute)?;
            Ok(dispute)
        })
        .await?;
    gateway.wake_deliveries.notify_one();
    Ok(Reply::created(&view(gateway, &dispute)?))
}

fn open(sql: &mut dyn Sql, order: &mut Order, request: &DisputeRequest, amount: Amount) -> Result<(), ChangeError> {
    if request.amount.currency != order.currency {
        let detail = format!("the order was paid in {}", order.currency);
        return Err(Problem::field("amount.currency", detail).into());
    }
    if disputes::count_of_order(sql, &order.id)? >= DISPUTES_MAX {
        let detail = format!("an order has at most {DISPUTES_MAX} disputes");
        return Err(Problem::new(Code::TooMany, detail).into());
    }
    let opened = order.dispute_opened(amount);
    Ok(opened.map_err(|fault| refund_problem(order, fault))?)
}

/// Accepts it
///
/// For the operator's officers. The amount of a chargeback goes back to who has paid; a reversal is only written down.
#[utoipa::path(post, path = "/v1/disputes/{id}/accept", params(("id" = String, Path)),
    request_body = super::remittances::NothingRequest, responses((status = 200, body = DisputeView)))]
pub async fn accept(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    decide(gateway, call, Decision::Accept).await
}

/// Rejects it
///
/// For the operator's officers. The payment stands.
#[utoipa::path(post, path = "/v1/disputes/{id}/reject", params(("id" = String, Path)),
    request_body = super::remittances::NothingRequest, responses((status = 200, body = DisputeView)))]
pub async fn reject(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    decide(gateway, call, Decision::Reject).await
}

/// Withdraws it
///
/// For the operator's officers, when who had asked for the money does not any more.
#[utoipa::path(post, path = "/v1/disputes/{id}/withdraw", params(("id" = String, Path)),
    request_body = super::remittances::NothingRequest, responses((status = 200, body = DisputeView)))]
pub async fn withdraw(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    decide(gateway, call, Decision::Withdraw).await
}

async fn decide(gateway: &Arc<Gateway>, call: &Call, decision: Decision) -> Result<Reply, Problem> {
    let (id, now_ms) = (call.parameter("id").to_owned(), call.now_ms);
    let shared = Arc::clone(gateway);
    let dispute = gateway
        .store
        .write::<_, ChangeError, _>(move |sql| {
            let known = disputes::any(sql, &id)?.ok_or_else(|| Problem::not_found("dispute"))?;
            let mut ended = None;
            // The order is locked: nobody else decides.
            change::<ChangeError>(&shared, sql, &known.order, |order, sql| {
                let mut dispute = disputes::any(sql, &id)?.ok_or(StoreError::Changed)?;
                let next = dispute.state.after(decision).map_err(Problem::from)?;
                let is_new = dispute.state != next;
                if is_new {
                    dispute.state = next;
                    dispute.ended_ms = Some(now_ms);
                    end(&shared, sql, order, &dispute)?;
                }
                ended = Some((dispute, is_new));
                Ok(())
            })?;
            let (dispute, is_new) = ended.ok_or(StoreError::Changed)?;
            if is_new {
                tell(&shared, sql, &dispute)?;
            }
            Ok(dispute)
        })
        .await?;
    gateway.wake_paybacks.notify_one();
    gateway.wake_deliveries.notify_one();
    Ok(Reply::ok(&view(gateway, &dispute)?))
}

fn end(gateway: &Gateway, sql: &mut dyn Sql, order: &mut Order, dispute: &Dispute) -> Result<(), ChangeError> {
    disputes::save(sql, dispute)?;
    if (dispute.state, dispute.kind) == (State::Accepted, Kind::Reversal) {
        // The network took it back: nothing else may, and it is not the merchant's.
        return Ok(settlements::taken_back(
            gateway,
            sql,
            order,
            &dispute.id,
            dispute.amount,
        )?);
    }
    order.dispute_ended(dispute.amount);
    if dispute.state != State::Accepted {
        return Ok(());
    }
    let now_ms = gateway.now_ms();
    let asked = order.request_refund(dispute.amount, now_ms);
    asked.map_err(|fault| refund_problem(order, fault))?;
    let payment = order.payment.ok_or(StoreError::Changed)?;
    let payback = Payback {
        id: dispute.id.clone(),
        order: order.id.clone(),
        reference: None,
        state: PaybackState::Pending,
        intent: None,
        body: PaybackBody {
            why: Why::Chargeback,
            from: order.pay_to,
            to: payment.payer,
            currency: order.currency,
            amount: dispute.amount,
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
    Ok(jobs::kick(sql, jobs::Kind::Payback, &payback.id, now_ms)?)
}

/// A dispute
#[utoipa::path(get, path = "/v1/disputes/{id}", params(("id" = String, Path)),
    responses((status = 200, body = DisputeView)))]
pub async fn get(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| disputes::find(sql, &client, &id))
        .await?;
    let dispute = found.ok_or_else(|| Problem::not_found("dispute"))?;
    Ok(Reply::ok(&view(gateway, &dispute)?))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DisputesQuery {
    /// Only those about this order.
    #[serde(default)]
    #[param(max_length = 64)]
    order: Option<String>,
    /// Only those in this state.
    #[serde(default)]
    #[param(inline)]
    state: Option<State>,
    /// From the page before.
    #[serde(default)]
    #[param(max_length = 64, pattern = "^[!-~]*$")]
    cursor: Option<String>,
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// Disputes about the client's orders, the newest first
#[utoipa::path(get, path = "/v1/disputes", params(DisputesQuery), responses((status = 200, body = Page<DisputeView>)))]
pub async fn list(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let DisputesQuery {
        order,
        state,
        cursor,
        limit,
    } = call.query()?;
    checks::text("order", order.as_deref(), 64)?;
    let client = call.client().id.clone();
    let read = move |sql: &mut dyn Sql, before, limit| {
        let state = state.map(State::as_str);
        disputes::list(sql, &client, &disputes::Wanted { order, state, before }, limit)
    };
    let view = |dispute: Dispute| view(gateway, &dispute);
    page(
        gateway,
        ListQuery { cursor, limit },
        read,
        |dispute| dispute.id.clone(),
        view,
    )
    .await
}
