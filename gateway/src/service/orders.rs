//! Orders as they are stored and told of: changed in one transaction with their events, and paid by what the ledger has
//! booked.

mod booked;
pub mod code;
pub(super) mod held;
pub mod views;
pub mod walk_in;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use causeway_contracts::codec::Text;
use serde_json::value::to_raw_value;
use uuid::Uuid;

pub(super) use self::booked::{booked, expire_all, is_any_overdue};
use super::{
    change::ChangeError,
    context::Gateway,
    id,
    problem::{Code, Problem},
    records::{
        events::{self, New},
        orders,
    },
    settlements,
};
use crate::{
    acquiring::order::{Happened, NotNow, Order, RefundFault},
    store::{Sql, StoreError},
};

/// Of a payment's memo, before the order's code.
const PAYS: &str = "order";

/// Of a payment back.
const RETURNS: &str = "return";

/// Of what a card's issuer takes back.
const REVERSES: &str = "reversal";

/// An order's or a merchant's id in 22 characters, as payers' wallets name it: its UUID in base64url.
///
/// # Panics
/// If it is no id of this gateway's making.
pub fn short(id: &str) -> String {
    let unique = id.rsplit('_').next().unwrap_or_default();
    let unique = Uuid::try_parse(unique).expect("an id ends with a UUID");
    BASE64_URL_SAFE_NO_PAD.encode(unique.as_bytes())
}

/// What a payment for an order has as its memo.
pub fn memo(order: &str) -> Text<140> {
    Text::new(format!("{PAYS} {}", short(order))).expect("28 bytes")
}

/// What a payment back has as its memo: no acquirer takes it for a payment.
pub fn return_memo(order: &str) -> Text<140> {
    Text::new(format!("{RETURNS} {}", short(order))).expect("29 bytes")
}

/// Which order a payment names.
pub(super) fn named(memo: &str) -> Option<String> {
    named_as(PAYS, "ord", memo)
}

/// The payment of which order is taken back.
pub(super) fn reversed(memo: &str) -> Option<String> {
    named_as(REVERSES, "ord", memo)
}

/// The id of this kind after the word.
fn named_as(word: &str, kind: &str, memo: &str) -> Option<String> {
    let code = memo.strip_prefix(word)?.strip_prefix(' ')?;
    let unique = BASE64_URL_SAFE_NO_PAD.decode(code).ok()?;
    let unique = Uuid::from_slice(&unique).ok()?;
    Some(id::named(kind, &unique.simple().to_string()))
}

impl From<NotNow> for Problem {
    fn from(fault: NotNow) -> Self {
        Self::new(Code::OrderState, fault.to_string()).with(serde_json::json!({ "state": fault.state.as_str() }))
    }
}

pub(super) fn refund_problem(order: &Order, fault: RefundFault) -> Problem {
    match fault {
        RefundFault::NotNow(fault) => fault.into(),
        RefundFault::TooMuch { left } => {
            let left = order.money(left);
            let detail = format!("{} {} can be refunded, and no more", left.value, left.currency);
            Problem::new(Code::RefundTooLarge, detail).with(serde_json::json!({ "left": left }))
        }
        RefundFault::TooMany => Problem::new(Code::TooMany, fault.to_string()),
    }
}

/// Changes it, and tells of what has happened to it. Gives it as it is then.
pub(super) fn change<E: From<ChangeError> + From<StoreError>>(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    id: &str,
    with: impl FnOnce(&mut Order, &mut dyn Sql) -> Result<(), E>,
) -> Result<Order, E> {
    let mut order = orders::locked(sql, id)?.ok_or_else(|| ChangeError::from(Problem::not_found("order")))?;
    let before = order.clone();
    with(&mut order, sql)?;
    if order != before {
        orders::save(sql, &order)?;
        settlements::captured(gateway, sql, &order, before.timeline.len())?;
        held::release(gateway, sql, &order)?;
        tell(gateway, sql, &order, before.timeline.len())?;
    }
    Ok(order)
}

/// Adds the events of what is new in the timeline.
pub(super) fn tell(gateway: &Gateway, sql: &mut dyn Sql, order: &Order, told: usize) -> Result<(), StoreError> {
    let happened: Vec<_> = order.timeline[told..].iter().map(|moment| moment.happened).collect();
    tell_of(gateway, sql, order, &happened)
}

pub(super) fn tell_of(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    order: &Order,
    happened: &[Happened],
) -> Result<(), StoreError> {
    if happened.is_empty() {
        return Ok(());
    }
    let view = views::with_paybacks(gateway, sql, order)?;
    let data = to_raw_value(&view).expect("views have a JSON form");
    let now_ms = gateway.now_ms();
    for happened in happened {
        let kind = format!("order.{}", happened.as_str());
        let new = New {
            id: id::new("evt", now_ms).map_err(|_| StoreError::Busy)?,
            client: &order.client,
            kind: &kind,
            object: &order.id,
            data: &data,
            now_ms,
        };
        events::add(sql, &new)?;
    }
    Ok(())
}
