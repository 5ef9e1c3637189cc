//! What final blocks say of orders: payments of them, and that their time is over.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use causeway_contracts::transaction::TxId;
use sha2::{Digest, Sha256};

use super::{held, named, reversed, tell, tell_of};
use crate::{
    acquiring::order::{Happened, Order, Payment, State, Stray},
    bookkeeping::{Direction, Entry, HoldNews, Kind as EntryKind},
    service::{
        context::Gateway,
        id,
        records::{
            card_attempts,
            jobs::{self, Kind, Leased},
            merchants, orders,
            paybacks::{self, Payback, PaybackBody, PaybackState, Why},
        },
        settlements,
    },
    store::{Sql, StoreError},
};

/// So many orders expire in one transaction.
const OVERDUE_MAX: usize = 100;

/// Of so many strays of one block it is told, and they are sent back by themselves.
const STRAYS_OF_BLOCK_MAX: usize = 200;

/// What final blocks book pays orders, in the transaction that books it, and what they say of holds authorizes, captures and voids
/// those. Whether anything has changed.
///
/// A payment that names an order of which this database knows nothing is somebody else's: another gateway of the same
/// operator may have it. Of entries that were booked before nothing comes again.
///
/// What one block can cause is bounded: whoever sends dust that names orders makes at most [`STRAYS_OF_BLOCK_MAX`] events
/// and payments back, and of one order at most as many as it returns by itself; what is beyond that is kept.
pub(in crate::service) fn booked(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    entries: &[Entry],
    holds: &[HoldNews],
) -> Result<bool, StoreError> {
    let payments: Vec<_> = entries
        .iter()
        .filter_map(|entry| Some((named(&entry.memo)?, entry, payment(entry)?)))
        .collect();
    let reversals: Vec<_> = entries
        .iter()
        .filter_map(|entry| Some((reversal(entry)?, entry)))
        .collect();
    let holds = held::of_orders(sql, holds)?;
    let named = payments.iter().map(|(order, ..)| order);
    let named = named.chain(reversals.iter().map(|(order, _)| order));
    let mut known = lock(sql, named.chain(holds.iter().map(|(order, _)| order)).collect())?;
    receive(gateway, sql, &mut known, payments)?;
    for (id, news) in holds {
        if let Some(known) = known.get_mut(&id) {
            held::book(gateway, sql, &mut known.order, news, entries)?;
        }
    }
    let taken_back = take_all_back(gateway, sql, &mut known, reversals)?;
    for known in known.values() {
        settlements::captured(gateway, sql, &known.order, known.told)?;
        held::release(gateway, sql, &known.order)?;
    }
    for (id, entry) in taken_back {
        settlements::reversed(gateway, sql, &known[&id].order, entry)?;
    }
    let mut has_news = false;
    for known in known.into_values() {
        if known.order.version > known.version {
            has_news = true;
            orders::save(sql, &known.order)?;
            tell(gateway, sql, &known.order, known.told)?;
            tell_of(gateway, sql, &known.order, &known.strays)?;
        }
    }
    Ok(has_news)
}

/// All are locked before the first event is, and in order: else two who change orders could wait for each other.
fn lock(sql: &mut dyn Sql, ids: BTreeSet<&String>) -> Result<BTreeMap<String, Known>, StoreError> {
    let mut known = BTreeMap::new();
    for id in ids {
        if let Some(order) = orders::locked(sql, id)? {
            known.insert(id.clone(), Known::of(order));
        }
    }
    Ok(known)
}

fn receive(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    known: &mut BTreeMap<String, Known>,
    payments: Vec<(String, &Entry, Payment)>,
) -> Result<(), StoreError> {
    let mut returned = 0;
    for (id, entry, payment) in payments {
        let Some(known) = known.get_mut(&id).filter(|known| known.order.pay_to == entry.account) else {
            continue;
        };
        let merchant = merchants::any(sql, &known.order.merchant)?.ok_or(StoreError::Changed)?;
        let received = known.order.receive(payment, merchant.suspended, gateway.now_ms());
        if let Err(reason) = received
            && keep(gateway, sql, &mut known.order, entry, payment, reason, returned)?
        {
            returned += 1;
            known.strays.push(Happened::StrayReceived);
        }
    }
    Ok(())
}

/// Those that were.
fn take_all_back<'a>(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    known: &mut BTreeMap<String, Known>,
    reversals: Vec<(String, &'a Entry)>,
) -> Result<Vec<(String, &'a Entry)>, StoreError> {
    let mut taken_back = Vec::new();
    for (id, entry) in reversals {
        let Some(known) = known.get_mut(&id).filter(|known| known.order.pay_to == entry.account) else {
            continue;
        };
        if card_attempts::is_any_open(sql, &id)? && take_back(gateway, &mut known.order, entry) {
            taken_back.push((id, entry));
        }
    }
    Ok(taken_back)
}

/// An order, and how it was before.
struct Known {
    version: u64,
    told: usize,
    order: Order,
    strays: Vec<Happened>,
}

impl Known {
    fn of(order: Order) -> Self {
        Self {
            version: order.version,
            told: order.timeline.len(),
            order,
            strays: Vec::new(),
        }
    }
}

/// Stores a stray, unless it is there. Whether it is sent back by itself.
fn keep(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    order: &mut Order,
    entry: &Entry,
    payment: Payment,
    reason: Stray,
    returned: usize,
) -> Result<bool, StoreError> {
    let mut payback = stray(gateway, entry, order, payment, reason);
    if paybacks::any(sql, &payback.id)?.is_some() {
        return Ok(false);
    }
    // What a card's issuer may be taking back is not sent back as well.
    let is_safe = !card_attempts::is_any_unknown(sql, &order.id)?;
    let is_returned = order.stray() && returned < STRAYS_OF_BLOCK_MAX && is_safe;
    if is_returned {
        payback.state = PaybackState::Pending;
    }
    if !paybacks::add(sql, &payback)? {
        return Err(StoreError::Changed);
    }
    if is_returned {
        jobs::kick(sql, Kind::Payback, &payback.id, gateway.now_ms())?;
    }
    Ok(is_returned)
}

/// Whether the entry takes the order's payment back, whole.
fn take_back(gateway: &Gateway, order: &mut Order, entry: &Entry) -> bool {
    let is_payment = |payment: Payment| (payment.currency, payment.amount) == (entry.currency, entry.amount);
    let is_done = order.payment.is_some_and(is_payment) && order.reverse(entry.height, gateway.now_ms()).is_ok();
    if !is_done {
        tracing::warn!(
            order = order.id,
            height = entry.height.0,
            "an issuer took money back that is not the order's payment"
        );
    }
    is_done
}

/// Which order's payment an issuer draws back, by the acquirer's mandate, if that is what the entry is of.
fn reversal(entry: &Entry) -> Option<String> {
    let is_drawn = (entry.kind, entry.direction) == (EntryKind::Collection, Direction::Debit);
    is_drawn.then(|| reversed(&entry.memo)).flatten()
}

/// Whether an order's time was over in blocks up to this time, and nobody has paid it.
pub(in crate::service) fn is_any_overdue(sql: &mut dyn Sql, time_ms: u64) -> Result<bool, StoreError> {
    Ok(!orders::overdue(sql, time_ms, 1)?.is_empty())
}

/// All of them expire, so many in each transaction. All blocks up to this time have been booked.
pub(in crate::service) async fn expire_all(
    gateway: &Arc<Gateway>,
    leased: &Leased,
    time_ms: u64,
) -> Result<(), StoreError> {
    let mut is_more = true;
    while is_more {
        let (shared, leased) = (Arc::clone(gateway), leased.clone());
        let write = gateway.store.write::<_, StoreError, _>(move |sql| {
            jobs::check(sql, &leased)?;
            expire(&shared, sql, time_ms)
        });
        is_more = write.await?;
    }
    Ok(())
}

/// Whether there may be more.
fn expire(gateway: &Gateway, sql: &mut dyn Sql, time_ms: u64) -> Result<bool, StoreError> {
    let ids: BTreeSet<String> = orders::overdue(sql, time_ms, OVERDUE_MAX)?.into_iter().collect();
    let is_more = ids.len() == OVERDUE_MAX;
    let mut overdue = Vec::new();
    for id in ids {
        overdue.extend(orders::locked(sql, &id)?);
    }
    // Somebody may have cancelled one while it was not locked yet.
    overdue.retain(|order| order.state == State::Created);
    for mut order in overdue {
        let told = order.timeline.len();
        let expired = order.expire(gateway.now_ms());
        expired.expect("it was created and nothing else");
        orders::save(sql, &order)?;
        held::release(gateway, sql, &order)?;
        tell(gateway, sql, &order, told)?;
    }
    Ok(is_more)
}

/// Money that somebody has sent, if that is what the entry is of. Escrows, collections, exchanges, postings of holds and
/// issues are not: their transaction's memo is not their payer's.
pub(super) fn payment(entry: &Entry) -> Option<Payment> {
    let is_sent = matches!(
        entry.kind,
        EntryKind::Transfer | EntryKind::Path | EntryKind::Split | EntryKind::Request | EntryKind::Spend
    );
    (is_sent && entry.direction == Direction::Credit).then_some(())?;
    Some(Payment {
        payer: entry.counterparty?,
        currency: entry.currency,
        amount: entry.amount,
        transaction: entry.transaction?,
        height: entry.height,
        index: entry.index,
        part: entry.part,
        time_ms: entry.time_ms.0,
    })
}

fn stray(gateway: &Gateway, entry: &Entry, order: &Order, payment: Payment, reason: Stray) -> Payback {
    Payback {
        id: stray_id(payment.transaction, entry),
        order: order.id.clone(),
        reference: None,
        state: PaybackState::Kept,
        intent: None,
        body: PaybackBody {
            why: Why::Stray { reason, payment },
            from: order.pay_to,
            to: payment.payer,
            currency: payment.currency,
            amount: payment.amount,
            created_ms: payment.time_ms,
            since_ms: gateway.now_ms(),
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
