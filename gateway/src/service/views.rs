//! Objects as clients see them.

use std::convert::Infallible;

use causeway_contracts::{money::Amount, settlement::Rate, transaction::TxId};
use serde::Serialize;
use serde_json::{Value as Json, value::RawValue};
use utoipa::ToSchema;

use super::{
    context::Gateway,
    records::{
        accounts::{Account, AliasText, Customer},
        bulks::{self, Bulk, Line, LineProblem, LineState},
        quotes::Quote,
        webhooks::{AttemptRecord, Webhook},
    },
    time::rfc3339,
};
use crate::{
    money::{DigitsUnknown, Money},
    remittance::{
        Moment, Remittance, Wish,
        fact::{Question, Reason},
        order::Party,
        state::{Side, State},
    },
    store::{Sql, StoreError},
};

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// `list`
    pub object: &'static str,
    pub data: Vec<T>,
    pub has_more: bool,
    /// Given back as `cursor`, it continues the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// `items` has one more than `limit`, if there are more.
    pub fn of<S>(items: Vec<S>, limit: usize, cursor: impl Fn(&S) -> String, view: impl Fn(S) -> T) -> Self {
        let Ok(page) = Self::try_of(items, limit, cursor, |item| Ok::<_, Infallible>(view(item)));
        page
    }

    /// The same, if all can be shown.
    pub fn try_of<S, E>(
        mut items: Vec<S>,
        limit: usize,
        cursor: impl Fn(&S) -> String,
        view: impl Fn(S) -> Result<T, E>,
    ) -> Result<Self, E> {
        let has_more = items.len() > limit;
        items.truncate(limit);
        Ok(Self {
            object: "list",
            next_cursor: items.last().filter(|_| has_more).map(cursor),
            data: items.into_iter().map(view).collect::<Result<_, _>>()?,
            has_more,
        })
    }
}

/// What is taken for a remittance, and by whom.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeeView {
    /// `provider`: the liquidity provider's; `operator`: the sender's operator's.
    pub name: &'static str,
    pub amount: Money,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct HopView {
    /// The liquidity provider's account.
    pub maker: String,
    #[schema(value_type = String)]
    pub rate: Rate,
    pub sell: String,
    pub buy: String,
}

/// A price with all that it costs.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuoteView {
    pub id: String,
    /// `quote`
    pub object: &'static str,
    /// `open`, `used` or `expired`
    pub state: &'static str,
    pub account: String,
    /// What is exchanged.
    pub source: Money,
    /// What arrives.
    pub target: Money,
    pub fees: Vec<FeeView>,
    /// What leaves the account: source and fees.
    pub total: Money,
    /// Units of the target's currency for one of the source's; absent if they are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub rate: Option<Rate>,
    /// The liquidity provider's reference rate, without its spread.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub mid_rate: Option<Rate>,
    /// By which the rate is below the mid rate, in basis points, rounded up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread_bp: Option<u64>,
    pub path: Vec<HopView>,
    /// From acceptance on.
    pub delivery_seconds: u32,
    pub expires_at: String,
    pub created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remittance: Option<String>,
}

/// By how much `rate` is below `mid`.
fn spread_bp(rate: Rate, mid: Rate) -> Option<u64> {
    let scaled = |rate: Rate| u128::from(rate.mantissa).checked_mul(10_u128.pow(u32::from(12 - rate.scale.min(12))));
    let (rate, mid) = (scaled(rate)?, scaled(mid)?);
    let below = mid.checked_sub(rate)?;
    u64::try_from(below.checked_mul(10_000)?.div_ceil(mid)).ok()
}

pub fn quote(gateway: &Gateway, quote: &Quote, now_ms: u64) -> Result<QuoteView, DigitsUnknown> {
    let body = &quote.body;
    let money = |amount, currency| gateway.exponents.write(amount, currency);
    let fees = [("provider", body.maker_fee), ("operator", body.fee)];
    let fees: Vec<_> = fees
        .into_iter()
        .filter(|(_, amount)| !amount.is_zero())
        .map(|(name, amount)| {
            let amount = money(amount, body.source)?;
            Ok(FeeView { name, amount })
        })
        .collect::<Result<_, DigitsUnknown>>()?;
    let total = body.sent.0 + body.maker_fee.0 + body.fee.0;
    let path = body.signed.as_ref().map(|signed| HopView {
        maker: gateway.address(signed.quote.maker).to_string(),
        rate: signed.quote.rate,
        sell: body.source.to_string(),
        buy: body.target.to_string(),
    });
    Ok(QuoteView {
        id: quote.id.clone(),
        object: "quote",
        state: match &quote.used_by {
            Some(_) => "used",
            None if quote.expires_ms <= now_ms => "expired",
            None => "open",
        },
        account: body.account.clone(),
        source: money(body.sent, body.source)?,
        target: money(body.delivered, body.target)?,
        fees,
        total: money(Amount(total), body.source)?,
        rate: body.rate,
        mid_rate: body.mid,
        spread_bp: body.rate.zip(body.mid).and_then(|(rate, mid)| spread_bp(rate, mid)),
        path: path.into_iter().collect(),
        delivery_seconds: 5,
        expires_at: rfc3339(quote.expires_ms),
        created_at: rfc3339(body.created_ms),
        remittance: quote.used_by.clone(),
    })
}

/// Where it is found on the ledger: transactions whose receipts have been seen.
#[derive(Debug, Serialize, ToSchema)]
pub struct LedgerView {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub posting: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voiding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returning: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RemittanceView {
    pub id: String,
    /// `remittance`
    pub object: &'static str,
    pub uetr: String,
    /// `outgoing` at the sender's operator, `incoming` at the beneficiary's.
    pub direction: &'static str,
    pub state: State,
    /// Whose compliance holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_by: Option<Side>,
    pub version: u64,
    pub account: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    pub source: Money,
    pub target: Money,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fees: Vec<FeeView>,
    pub sender_operator: String,
    pub beneficiary_operator: String,
    pub sender: Party,
    pub beneficiary: Party,
    pub beneficiary_account: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_to_end_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Asked for, and not done yet: `accept`, `refuse`, `recall` or `return`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<&'static str>,
    /// What the beneficiary's operator asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<Question>,
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub answers: std::collections::BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    pub ledger: LedgerView,
    pub timeline: Vec<MomentView>,
    pub created_at: String,
    /// At the sender's operator: who has this address may follow the remittance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_url: Option<String>,
    /// Of the payment, once it is completed; `causeway verify` checks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub proof: Option<Box<RawValue>>,
}

/// A change, and what is known of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct MomentView {
    pub state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_by: Option<Side>,
    pub at: String,
    /// An operator, or `ledger`.
    pub by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
}

impl From<&Moment> for MomentView {
    fn from(moment: &Moment) -> Self {
        Self {
            state: moment.state,
            held_by: moment.held_by,
            at: rfc3339(moment.at_ms),
            by: moment.by.clone(),
            height: moment.height.map(|height| height.0),
            transaction: moment.transaction.map(|id| id.to_string()),
        }
    }
}

/// The path of the page on which it is followed.
pub fn tracking_path(gateway: &Gateway, remittance: &str) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let token = BASE64_URL_SAFE_NO_PAD.encode(gateway.keys.tracker(remittance));
    format!("/track/{token}")
}

pub fn remittance(
    gateway: &Gateway,
    remittance: &Remittance,
    proof: Option<String>,
) -> Result<RemittanceView, DigitsUnknown> {
    let order = &remittance.order;
    let is_outgoing = remittance.side == Side::Sender;
    let maker_fee = remittance.quote.as_ref().map(|quote| quote.signed.quote.fee);
    let fees = [
        ("provider", maker_fee.unwrap_or_default()),
        ("operator", remittance.fee),
    ];
    let fees = fees.into_iter().filter(|(_, amount)| is_outgoing && !amount.is_zero());
    let text = |id: Option<_>| id.map(|id: TxId| id.to_string());
    let ledger = &remittance.ledger;
    let proved = |id: Option<TxId>| id.filter(|id| remittance.has_seen(id));
    let is_held = proved(ledger.reservation).is_some();
    let (hold, expires_at) = match is_held {
        true => (ledger.hold, ledger.hold_expires_at),
        false => (None, None),
    };
    Ok(RemittanceView {
        id: remittance.id.clone(),
        object: "remittance",
        uetr: order.uetr.clone(),
        direction: if is_outgoing { "outgoing" } else { "incoming" },
        state: remittance.state(),
        held_by: remittance.standing.held_by,
        version: remittance.version,
        account: remittance.account.clone(),
        quote: remittance.quote.as_ref().map(|quote| quote.id.clone()),
        source: order.source.clone(),
        target: order.target.clone(),
        fees: fees
            .map(|(name, amount)| {
                let amount = gateway.exponents.write(amount, order.source.currency)?;
                Ok(FeeView { name, amount })
            })
            .collect::<Result<_, DigitsUnknown>>()?,
        sender_operator: order.sender_operator.to_string(),
        beneficiary_operator: order.beneficiary_operator.to_string(),
        sender: order.sender.clone(),
        beneficiary: order.beneficiary.clone(),
        beneficiary_account: order.beneficiary_account.clone(),
        end_to_end_id: order.end_to_end_id.clone(),
        purpose: order.purpose.clone(),
        reference: order.reference.clone(),
        pending: remittance.wish.as_ref().map(|wish| match wish {
            Wish::Accept => "accept",
            Wish::Refuse(_) => "refuse",
            Wish::Recall(_) => "recall",
            Wish::Return(_) => "return",
        }),
        question: remittance.question.clone(),
        answers: remittance.answers.clone(),
        reason: remittance.reason.clone(),
        ledger: LedgerView {
            reservation: text(proved(ledger.reservation)),
            hold: hold.map(|hold| hold.to_string()),
            hold_expires_at: expires_at.map(|at| rfc3339(at.0.saturating_mul(1000))),
            posting: text(ledger.posting.filter(|_| ledger.posting_seen)),
            voiding: text(proved(ledger.voiding)),
            returning: text(proved(ledger.returning)),
        },
        timeline: remittance.timeline.iter().map(MomentView::from).collect(),
        created_at: rfc3339(remittance.created_ms),
        tracking_url: is_outgoing.then(|| {
            format!(
                "{}{}",
                gateway.config.public_url,
                tracking_path(gateway, &remittance.id)
            )
        }),
        proof: proof.and_then(|proof| RawValue::from_string(proof).ok()),
    })
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CustomerView {
    pub id: String,
    /// `customer`
    pub object: &'static str,
    pub party: Party,
    pub accounts: Vec<AccountView>,
    pub created_at: String,
}

pub fn customer(customer: &Customer, accounts: &[Account]) -> CustomerView {
    CustomerView {
        id: customer.id.clone(),
        object: "customer",
        party: customer.body.party.clone(),
        accounts: accounts.iter().map(|account| self::account(account, None)).collect(),
        created_at: rfc3339(customer.created_ms),
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct BalanceView {
    pub available: Money,
    /// Set aside for what is under way.
    pub held: Money,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct AccountView {
    pub id: String,
    /// `account`
    pub object: &'static str,
    pub customer: String,
    /// On the ledger.
    pub address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iban: Option<String>,
    pub aliases: Vec<AliasText>,
    /// Paid out beyond the ledger by the operator.
    pub external: bool,
    /// `opening` until the ledger has it, then `open`
    pub state: &'static str,
    /// By the word of more than a third of the validators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balances: Option<Vec<BalanceView>>,
}

pub fn account(account: &Account, balances: Option<Vec<BalanceView>>) -> AccountView {
    AccountView {
        id: account.id.clone(),
        object: "account",
        customer: account.customer.clone(),
        address: account.address.clone(),
        iban: account.iban.clone(),
        aliases: account.body.aliases.clone(),
        external: account.body.external,
        state: if account.opened { "open" } else { "opening" },
        balances,
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookView {
    pub id: String,
    /// `webhook`
    pub object: &'static str,
    pub url: String,
    /// Kinds of events; all if there are none.
    pub events: Vec<String>,
    pub disabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<String>,
    /// Shown once: when it is made, and when it is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    pub created_at: String,
}

pub fn webhook(webhook: &Webhook, secret: Option<String>) -> WebhookView {
    WebhookView {
        id: webhook.id.clone(),
        object: "webhook",
        url: webhook.body.url.clone(),
        events: webhook.body.kinds.clone(),
        disabled: webhook.disabled,
        disabled_reason: webhook.body.disabled_why.clone(),
        secret,
        created_at: rfc3339(webhook.body.created_ms),
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryView {
    pub id: String,
    /// `delivery`
    pub object: &'static str,
    pub done: bool,
    pub attempts: Vec<AttemptRecord>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct BulkView {
    pub id: String,
    /// `bulk`
    pub object: &'static str,
    /// `best_effort` or `atomic`
    pub mode: &'static str,
    /// `running`, or `completed` once no line waits
    pub state: &'static str,
    pub lines: BulkCounts,
    pub created_at: String,
}

/// How many lines there are, and how many of them are where.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulkCounts {
    pub total: u64,
    pub waiting: u64,
    /// Have a remittance, which has a state of its own.
    pub made: u64,
    /// By the one transaction of an atomic bulk.
    pub paid: u64,
    pub failed: u64,
}

pub fn bulk(sql: &mut dyn Sql, bulk: &Bulk) -> Result<BulkView, StoreError> {
    let mut count = |state| bulks::count(sql, &bulk.id, state);
    let waiting = count(LineState::Waiting)?;
    let (made, paid) = (count(LineState::Made)?, count(LineState::Paid)?);
    let failed = count(LineState::Failed)?;
    Ok(BulkView {
        id: bulk.id.clone(),
        object: "bulk",
        mode: if bulk.atomic { "atomic" } else { "best_effort" },
        state: if bulk.completed { "completed" } else { "running" },
        lines: BulkCounts {
            total: waiting + made + paid + failed,
            waiting,
            made,
            paid,
            failed,
        },
        created_at: rfc3339(bulk.created_ms),
    })
}

#[derive(Debug, Serialize, ToSchema)]
pub struct BulkLineView {
    /// In the bulk, from 1.
    pub number: u64,
    pub state: LineState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remittance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remittance_state: Option<String>,
    /// Of the ledger, in an atomic bulk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// Why there is no remittance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<LineProblem>,
    /// What is to arrive.
    pub target: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_to_end_id: Option<String>,
}

pub fn bulk_line(line: Line) -> BulkLineView {
    BulkLineView {
        number: line.number,
        state: line.state,
        remittance: line.remittance,
        remittance_state: line.remittance_state,
        problem: line.problem,
        transaction: line.transaction,
        target: line.order.target(),
        end_to_end_id: line.order.end_to_end_id,
    }
}

/// Something has happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventView {
    /// `event`
    pub object: &'static str,
    pub id: String,
    /// Such as `remittance.completed`.
    #[serde(rename = "type")]
    pub kind: String,
    pub timestamp: String,
    /// The object as it was then.
    #[schema(value_type = Object)]
    pub data: Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_seen() {
        let rate = |mantissa, scale| Rate { mantissa, scale };
        assert_eq!(spread_bp(rate(3_763_368, 5), rate(37_728, 3)), Some(25));
        assert_eq!(spread_bp(rate(1, 0), rate(1, 0)), Some(0));
        assert_eq!(spread_bp(rate(2, 0), rate(1, 0)), None);
    }
}
