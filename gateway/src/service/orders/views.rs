//! Orders, and what was sent back of them, as clients see them.

mod advice;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use causeway_cards::iso8583::codes;
use causeway_contracts::money::{Amount, Currency};
use serde::Serialize;
use utoipa::ToSchema;

pub use self::advice::{AdviceView, advice};
use super::held::ADVICES_MAX;
use crate::{
    acquiring::order::{Capture, Happened, Moment, Order, REFUNDS_MAX, State, Stray, VoidReason},
    money::Money,
    service::{
        context::Gateway,
        records::{
            card_advices,
            card_attempts::{self, Attempt, AttemptOutcome},
            paybacks::{self, Payback, PaybackState, Why},
        },
        time::rfc3339,
    },
    store::{Sql, StoreError},
};

/// So many tries by card an order may have.
pub const ATTEMPTS_MAX: usize = 20;

/// So many strays are shown, the newest.
const STRAYS_MAX: usize = 100;

/// What is to be paid, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderView {
    pub id: String,
    /// `order`
    pub object: &'static str,
    pub state: State,
    /// One more with each change.
    pub version: u64,
    pub merchant: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub amount: Money,
    /// The account on the ledger that is paid.
    pub pay_to: String,
    /// What the payment has as its memo.
    pub memo: String,
    /// The same as a payment code for a wallet to scan, signed by the operator (EMVCo's merchant-presented mode); absent
    /// once it cannot be paid any more, and if the currency has no number in ISO 4217.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// In blocks before this time a payment counts.
    pub expires_at: String,
    /// When a card's money is taken.
    pub capture: Capture,
    /// Who has this address sees the order's page.
    pub checkout_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<OrderPaymentView>,
    pub refunded: Money,
    /// On its way back.
    pub refunding: Money,
    /// The newest first.
    pub refunds: Vec<RefundView>,
    /// Payments that do not count; the newest first, and at most 100. An order's first 20 are sent back by themselves.
    pub strays: Vec<StrayView>,
    /// What was tried by card; the newest first, and at most 20.
    pub attempts: Vec<AttemptView>,
    /// What issuers were told about money that they hold; the newest first, and at most 20.
    pub advices: Vec<AdviceView>,
    pub timeline: Vec<OrderMomentView>,
    pub created_at: String,
}

/// The payment that counts; of an order that is authorized, what is held.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderPaymentView {
    pub payer: String,
    pub amount: Money,
    pub transaction: String,
    pub height: u64,
    /// The block's time.
    pub at: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct OrderMomentView {
    pub happened: Happened,
    pub at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
    /// Of a refund, or of a capture that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// Why it was voided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<VoidReason>,
}

/// Money of an order that is sent back at the merchant's wish.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefundView {
    pub id: String,
    /// `refund`
    pub object: &'static str,
    pub order: String,
    pub state: PaybackState,
    pub amount: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
    /// Why it failed, or is not made so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    pub created_at: String,
}

/// A try to pay an order by card.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptView {
    pub id: String,
    /// `attempt`
    pub object: &'static str,
    pub order: String,
    pub outcome: AttemptOutcome,
    /// The issuer's response code (ISO 8583, field 39).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<&'static str>,
    /// The issuer's approval (field 38).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// The retrieval reference number (field 37).
    pub rrn: String,
    /// The number's first six and last four digits.
    pub masked: String,
    pub at: String,
}

/// A payment that does not count.
#[derive(Debug, Serialize, ToSchema)]
pub struct StrayView {
    pub id: String,
    pub order: String,
    pub reason: Stray,
    pub payer: String,
    /// Absent for some seconds if its currency is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// By which it came.
    pub transaction: String,
    /// Whether it was sent back.
    pub state: PaybackState,
    /// By which it was sent back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returned_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    pub at: String,
}

/// The path of its page.
pub fn checkout_path(gateway: &Gateway, order: &str) -> String {
    format!(
        "/checkout/{}",
        BASE64_URL_SAFE_NO_PAD.encode(gateway.keys.checkout(order))
    )
}

/// With what was sent back.
pub fn with_paybacks(gateway: &Gateway, sql: &mut dyn Sql, order: &Order) -> Result<OrderView, StoreError> {
    let mut found = paybacks::of_order(sql, &order.id, "ref_", REFUNDS_MAX)?;
    found.extend(paybacks::of_order(sql, &order.id, "ret_", STRAYS_MAX)?);
    let code = match order.state {
        State::Created => super::code::of(gateway, sql, order)?,
        _ => None,
    };
    let tried = card_attempts::of_order(sql, &order.id, ATTEMPTS_MAX)?;
    let told = match order.capture {
        Capture::Automatic => Vec::new(),
        Capture::Manual => card_advices::of_order(sql, &order.id, ADVICES_MAX)?,
    };
    Ok(OrderView {
        attempts: tried.iter().map(attempt).collect(),
        advices: told.iter().map(|told| advice(order, told)).collect(),
        ..view(gateway, order, code, &found)
    })
}

fn view(gateway: &Gateway, order: &Order, code: Option<String>, paybacks: &[Payback]) -> OrderView {
    let money = |amount: Amount| order.money(amount);
    let refunds = paybacks.iter().filter_map(|payback| refund(order, payback));
    let strays = paybacks.iter().filter_map(|payback| stray(gateway, payback));
    OrderView {
        id: order.id.clone(),
        object: "order",
        state: order.state,
        version: order.version,
        merchant: order.merchant.clone(),
        store: order.store.clone(),
        terminal: order.terminal.clone(),
        reference: order.reference.clone(),
        description: order.description.clone(),
        amount: money(order.amount),
        pay_to: gateway.address(order.pay_to).to_string(),
        memo: super::memo(&order.id).to_string(),
        code,
        expires_at: rfc3339(order.expires_ms),
        capture: order.capture,
        checkout_url: format!("{}{}", gateway.config.public_url, checkout_path(gateway, &order.id)),
        payment: order.payment.map(|payment| OrderPaymentView {
            payer: gateway.address(payment.payer).to_string(),
            amount: money(payment.amount),
            transaction: payment.transaction.to_string(),
            height: payment.height.0,
            at: rfc3339(payment.time_ms),
        }),
        refunded: money(order.refunded),
        refunding: money(order.refunding),
        refunds: refunds.collect(),
        strays: strays.collect(),
        attempts: Vec::new(),
        advices: Vec::new(),
        timeline: order.timeline.iter().map(|moment| moment_view(order, moment)).collect(),
        created_at: rfc3339(order.created_ms),
    }
}

/// While its answer is awaited, nobody knows what becomes of it.
pub fn attempt(attempt: &Attempt) -> AttemptView {
    let body = &attempt.body;
    AttemptView {
        id: attempt.id.clone(),
        object: "attempt",
        order: attempt.order.clone(),
        outcome: attempt.outcome.unwrap_or(AttemptOutcome::Unknown),
        code: body.code.clone(),
        meaning: meaning(body.code.as_ref()),
        approval: body.approval.clone(),
        rrn: body.rrn.clone(),
        masked: body.masked.clone(),
        at: rfc3339(attempt.created_ms),
    }
}

/// What a response code says.
fn meaning(code: Option<&String>) -> Option<&'static str> {
    codes::meaning(&codes::RESPONSES, code?.as_str())
}

fn moment_view(order: &Order, moment: &Moment) -> OrderMomentView {
    OrderMomentView {
        happened: moment.happened,
        at: rfc3339(moment.at_ms),
        height: moment.height.map(|height| height.0),
        amount: moment.amount.map(|amount| order.money(amount)),
        reason: moment.reason,
    }
}

/// `None` if it is no refund.
pub fn refund(order: &Order, payback: &Payback) -> Option<RefundView> {
    let body = &payback.body;
    let Why::Refund { reason } = &body.why else {
        return None;
    };
    Some(RefundView {
        id: payback.id.clone(),
        object: "refund",
        order: payback.order.clone(),
        state: payback.state,
        amount: order.money(body.amount),
        reference: payback.reference.clone(),
        reason: reason.clone(),
        transaction: body.transaction.map(|id| id.to_string()),
        height: body.height.map(|height| height.0),
        problem: body.problem.clone(),
        created_at: rfc3339(body.created_ms),
    })
}

/// `None` if it is a refund.
pub fn stray(gateway: &Gateway, payback: &Payback) -> Option<StrayView> {
    let body = &payback.body;
    let Why::Stray { reason, payment } = &body.why else {
        return None;
    };
    Some(StrayView {
        id: payback.id.clone(),
        order: payback.order.clone(),
        reason: *reason,
        payer: gateway.address(payment.payer).to_string(),
        amount: known_money(gateway, payment.amount, payment.currency),
        transaction: payment.transaction.to_string(),
        state: payback.state,
        returned_by: body.transaction.map(|id| id.to_string()),
        problem: body.problem.clone(),
        at: rfc3339(payment.time_ms),
    })
}

fn known_money(gateway: &Gateway, amount: Amount, currency: Currency) -> Option<Money> {
    gateway.exponents.write(amount, currency).ok()
}
