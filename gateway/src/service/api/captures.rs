//! What a card's issuer holds for an order is captured or voided, at the merchant's wish.

use std::sync::Arc;

use causeway_contracts::money::Amount;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    acquiring::{
        order::{NotNow, Order, State},
        preauthorization::{self, Capture},
    },
    money::{Money, MoneyFault},
    service::{
        call::{Call, Reply},
        change::ChangeError,
        context::Gateway,
        id,
        orders::{
            change,
            held::{self, ADVICES_MAX, Approved},
            memo,
            views::{self, ATTEMPTS_MAX, AdviceView},
        },
        problem::{Code, Problem},
        records::{
            card_advices::{self, Advice, AdviceBody, AdviceKind, AdviceState},
            card_attempts, merchants,
        },
    },
    store::{Sql, StoreError},
};

#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CaptureRequest {
    /// All that is held, if it is absent. The rest goes back to the cardholder.
    #[serde(default)]
    pub amount: Option<Money>,
}

/// Takes what a card's issuer holds for it
///
/// Some of it, or all; once. The issuer is told until it answers. The order is paid when the ledger's payment is booked.
#[utoipa::path(post, path = "/v1/orders/{id}/capture", params(("id" = String, Path)), request_body = CaptureRequest,
    responses((status = 201, body = AdviceView)))]
pub async fn capture(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let request: CaptureRequest = call.json()?;
    advise(gateway, call, AdviceKind::Capture, request.amount).await
}

/// Gives back what a card's issuer holds for it
///
/// All of it. The issuer is told until it answers. The order is voided when the ledger has it.
#[utoipa::path(post, path = "/v1/orders/{id}/void", params(("id" = String, Path)),
    request_body = super::remittances::NothingRequest, responses((status = 201, body = AdviceView)))]
pub async fn void(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    advise(gateway, call, AdviceKind::Void, None).await
}

struct Asked {
    id: String,
    client: String,
    kind: AdviceKind,
    amount: Option<Money>,
    now_ms: u64,
}

async fn advise(
    gateway: &Arc<Gateway>,
    call: &Call,
    kind: AdviceKind,
    amount: Option<Money>,
) -> Result<Reply, Problem> {
    let asked = Asked {
        id: id::named("adv", &call.object),
        client: call.client().id.clone(),
        kind,
        amount,
        now_ms: call.now_ms,
    };
    let (shared, order) = (Arc::clone(gateway), call.parameter("id").to_owned());
    let write = gateway.store.write::<_, ChangeError, _>(move |sql| {
        let mut made = None;
        let order = change(&shared, sql, &order, |order, sql| {
            made = Some(add(sql, order, asked)?);
            Ok::<_, ChangeError>(())
        })?;
        let made = made.ok_or(StoreError::Changed)?;
        Ok(views::advice(&order, &made))
    });
    let view = write.await?;
    gateway.wake_card_advices.notify_one();
    Ok(Reply::created(&view))
}

/// The order is locked: nobody else adds one to it.
fn add(sql: &mut dyn Sql, order: &mut Order, asked: Asked) -> Result<Advice, ChangeError> {
    if order.client != asked.client {
        return Err(Problem::not_found("order").into());
    }
    if let Some(known) = card_advices::any(sql, &asked.id)? {
        return Ok(known);
    }
    check(sql, order, asked.kind)?;
    let amount = amount(order, asked.amount)?;
    let approved = held::approved(sql, &order.id)?.ok_or(StoreError::Changed)?;
    check_told(sql, order, &approved)?;
    let message = message(sql, order, &approved, (asked.kind, amount), asked.now_ms)?;
    let advice = Advice {
        id: asked.id,
        order: order.id.clone(),
        attempt: approved.attempt.id,
        state: AdviceState::Pending,
        created_ms: asked.now_ms,
        message,
        body: AdviceBody {
            kind: asked.kind,
            route: approved.attempt.route,
            amount,
            is_asked: true,
            code: None,
        },
    };
    held::tell_issuer(sql, &advice)?;
    order.touched();
    Ok(advice)
}

/// That something is held, and that the merchant may have it.
fn check(sql: &mut dyn Sql, order: &Order, kind: AdviceKind) -> Result<(), ChangeError> {
    if order.state != State::Authorized {
        return Err(Problem::from(NotNow { state: order.state }).into());
    }
    let merchant = merchants::any(sql, &order.merchant)?.ok_or(StoreError::Changed)?;
    if merchant.suspended && kind == AdviceKind::Capture {
        let detail = "the operator has suspended the merchant, and can resume it; what is held can be voided";
        return Err(Problem::new(Code::MerchantSuspended, detail).into());
    }
    Ok(())
}

/// That nothing else is done with it. What the issuer of another try was told is of no money that is held now: of one that nobody
/// has heard of, say, before this card was approved.
fn check_told(sql: &mut dyn Sql, order: &Order, approved: &Approved) -> Result<(), ChangeError> {
    let mut told = card_advices::of_order(sql, &order.id, ADVICES_MAX + ATTEMPTS_MAX)?;
    told.retain(|advice| advice.attempt == approved.attempt.id);
    if let Some(other) = told.iter().find(|advice| advice.state != AdviceState::Declined) {
        let detail = "its capture or void is under way already; the order will say what became of it";
        let problem = Problem::new(Code::OrderState, detail);
        let details = serde_json::json!({ "state": order.state.as_str(), "advice": other.id });
        return Err(problem.with(details).into());
    }
    if told.len() == ADVICES_MAX {
        let detail = format!("its issuer has declined {ADVICES_MAX} times; the hold ends by its own time");
        return Err(Problem::new(Code::TooMany, detail).into());
    }
    Ok(())
}

/// All that is held if no other is asked for.
fn amount(order: &Order, asked: Option<Money>) -> Result<Amount, ChangeError> {
    let held = order.payment.ok_or(StoreError::Changed)?.amount;
    let Some(asked) = asked else {
        return Ok(held);
    };
    if asked.currency != order.currency {
        let detail = format!("{} are held for the order", order.currency);
        return Err(Problem::field("amount.currency", detail).into());
    }
    let amount = asked.minor(order.exponent).map_err(MoneyFault::from);
    let amount = amount.map_err(|fault| Problem::from(fault).of("amount"))?;
    if amount.is_zero() {
        return Err(Problem::new(Code::AmountInvalid, "the amount is above zero")
            .of("amount")
            .into());
    }
    if amount > held {
        let held = order.money(held);
        let detail = format!("{} {} are held, and no more can be captured", held.value, held.currency);
        let problem = Problem::new(Code::CaptureTooLarge, detail).of("amount");
        return Err(problem.with(serde_json::json!({ "held": held })).into());
    }
    Ok(amount)
}

/// As it is stored.
fn message(
    sql: &mut dyn Sql,
    order: &Order,
    approved: &Approved,
    (kind, amount): (AdviceKind, Amount),
    now_ms: u64,
) -> Result<Vec<u8>, ChangeError> {
    let attempt = &approved.attempt;
    let stored = held::stored(attempt)?;
    if kind == AdviceKind::Void {
        return Ok(stored.to_bytes());
    }
    let capture = Capture {
        amount,
        trace: card_attempts::next_trace(sql, &attempt.route)?,
        approval: attempt.body.approval.as_deref(),
        memo: &memo(&order.id),
        now_ms,
    };
    let message = stored.capture(&capture).map_err(|error| Problem::internal(&*error))?;
    Ok(preauthorization::to_bytes(&message))
}
