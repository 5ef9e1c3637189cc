//! Orders as they are stored and told of: changed in one transaction with their events, and paid by what the ledger has
//! booked.

pub mod code;
pub mod views;
pub mod walk_in;

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use causeway_contracts::{codec::Text, transaction::TxId};
use serde_json::value::to_raw_value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    change::ChangeError,
    context::Gateway,
    id,
    problem::{Code, Problem},
    records::{
        events::{self, New},
        jobs::{self, Kind},
        merchants, orders,
        paybacks::{self, Payback, PaybackBody, PaybackState, Why},
    },
    settlements,
};
use crate::{
    acquiring::order::{Happened, NotNow, Order, Payment, RefundFault, Stray},
    bookkeeping::{Direction, Entry, Kind as EntryKind},
    store::{Sql, StoreError},
};

/// So many orders expire with each block, at most; the others with the next.
const OVERDUE_MAX: usize = 100;

/// Of a payment's memo, before the order's code.
const PAYS: &str = "order";

/// Of a payment back.
const RETURNS: &str = "return";

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

pub(super) fn refund_problem(gateway: &Gateway, order: &Order, fault: RefundFault) -> Problem {
    match fault {
        RefundFault::NotNow(fault) => fault.into(),
        RefundFault::TooMuch { left } => {
            let left = gateway.exponents.write(left, order.currency);
            let detail = format!("{} {} can be refunded, and no more", left.value, left.currency);
            Problem::new(Code::RefundTooLarge, detail).with(serde_json::json!({ "left": left }))
        }
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

/// Entries of final blocks pay orders, and orders whose time was over in them expire: in the transaction that books
/// them. `time_ms`: the last block's. Whether anything has changed.
///
/// A payment that names an order of which this database knows nothing is somebody else's: another gateway of the same
/// operator may have it.
pub(super) fn booked(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    entries: &[Entry],
    time_ms: u64,
) -> Result<bool, StoreError> {
    let payments: Vec<_> = entries
        .iter()
        .filter_map(|entry| Some((named(&entry.memo)?, entry, payment(entry)?)))
        .collect();
    let mut ids: BTreeSet<String> = payments.iter().map(|(order, ..)| order.clone()).collect();
    ids.extend(orders::overdue(sql, time_ms, OVERDUE_MAX)?);
    // All are locked before the first event is, and in order: else two who change orders could wait for each other.
    let mut known = BTreeMap::new();
    for id in ids {
        if let Some(order) = orders::locked(sql, &id)? {
            known.insert(id, (order.timeline.len(), order));
        }
    }
    let mut strays = Vec::new();
    for (id, entry, payment) in payments {
        let Some((_, order)) = known.get_mut(&id).filter(|(_, order)| order.pay_to == entry.account) else {
            continue;
        };
        let merchant = merchants::any(sql, &order.merchant)?.ok_or(StoreError::Changed)?;
        if let Err(reason) = order.receive(payment, merchant.suspended, gateway.now_ms()) {
            order.touched();
            strays.push((id, stray(entry, order, payment, reason)));
        }
    }
    for (_, payback) in &strays {
        if paybacks::add(sql, payback)? {
            jobs::kick(sql, Kind::Payback, &payback.id, gateway.now_ms())?;
        }
    }
    for (told, order) in known.values() {
        settlements::captured(gateway, sql, order, *told)?;
    }
    let mut has_news = false;
    for (id, (told, mut order)) in known {
        if order.expires_ms <= time_ms {
            // Else it was paid or cancelled before.
            let _ = order.expire(gateway.now_ms());
        }
        let received = strays.iter().filter(|(order, _)| *order == id).count();
        if order.timeline.len() == told && received == 0 {
            continue;
        }
        has_news = true;
        orders::save(sql, &order)?;
        tell(gateway, sql, &order, told)?;
        tell_of(gateway, sql, &order, &vec![Happened::StrayReceived; received])?;
    }
    Ok(has_news)
}

/// Money that somebody has sent, if that is what the entry is of.
fn payment(entry: &Entry) -> Option<Payment> {
    let is_sent = entry.direction == Direction::Credit && matches!(entry.kind, EntryKind::Transfer | EntryKind::Path);
    is_sent.then_some(())?;
    Some(Payment {
        payer: entry.counterparty?,
        currency: entry.currency,
        amount: entry.amount,
        transaction: entry.transaction?,
        height: entry.height,
        time_ms: entry.time_ms.0,
    })
}

fn stray(entry: &Entry, order: &Order, payment: Payment, reason: Stray) -> Payback {
    Payback {
        id: stray_id(payment.transaction, entry),
        order: order.id.clone(),
        reference: None,
        state: PaybackState::Pending,
        intent: None,
        body: PaybackBody {
            why: Why::Stray { reason, payment },
            from: order.pay_to,
            to: payment.payer,
            currency: payment.currency,
            amount: payment.amount,
            created_ms: payment.time_ms,
            transaction: None,
            height: None,
            problem: None,
        },
    }
}

/// From the entry, so that no payment is sent back twice.
fn stray_id(transaction: TxId, entry: &Entry) -> String {
    let place = format!("{transaction} {} {}", entry.account, entry.part);
    let hash = Sha256::digest(format!("causeway-gateway/stray/1 {place}"));
    id::derived("ret", entry.time_ms.0, hash.first_chunk().expect("32 bytes"))
}
