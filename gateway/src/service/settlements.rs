//! Settlements of merchants as they are made and told of. What an order brings or gives back is written down in the
//! transaction that books it; here it becomes settlements, in one transaction with the jobs that pay them.

pub mod statement;
pub mod views;

use causeway_contracts::money::{Amount, Currency};
use serde_json::value::to_raw_value;

use super::{
    context::Gateway,
    id,
    records::{
        events::{self, New},
        followed,
        jobs::{self, Kind as Job},
        merchants::{self, Merchant},
        movements::{self, Open},
        paybacks::{Payback, Why},
        settlements::{self, SettlementBody, SettlementState, Stored},
    },
};
use crate::{
    acquiring::{
        order::{Happened, Order},
        settlement::{Agreement, DAY_MS, Kind, Movement, Period, Schedule, TooLarge, periods, settle},
    },
    bookkeeping::Entry,
    store::{Sql, StoreError},
};

/// A settlement takes so many movements, at most: it is read whole for its file. A longer day has several.
const MOVEMENTS_MAX: usize = 10_000;

/// So many are made by one transaction of the database.
const MADE_MAX: usize = 100;

/// Writes down that the order was paid, if its timeline says so from there on. Before any event is added: whoever holds
/// the events waits for no merchant's job.
pub(super) fn captured(gateway: &Gateway, sql: &mut dyn Sql, order: &Order, told: usize) -> Result<(), StoreError> {
    let is_paid = order.timeline[told..]
        .iter()
        .any(|moment| moment.happened == Happened::Paid);
    let Some(payment) = order.payment.filter(|_| is_paid) else {
        return Ok(());
    };
    let movement = Movement {
        kind: Kind::Capture,
        order: order.id.clone(),
        reference: order.reference.clone().unwrap_or_default(),
        at_ms: payment.time_ms,
        amount: payment.amount,
        transaction: payment.transaction.to_string(),
    };
    record(gateway, sql, order, &order.id, &movement)
}

/// Writes down that the entry has taken the order's payment back. The same about events.
pub(super) fn reversed(gateway: &Gateway, sql: &mut dyn Sql, order: &Order, entry: &Entry) -> Result<(), StoreError> {
    let (Some(payment), Some(transaction)) = (order.payment, entry.transaction) else {
        return Ok(());
    };
    let movement = Movement {
        kind: Kind::Reversal,
        order: order.id.clone(),
        reference: order.reference.clone().unwrap_or_default(),
        at_ms: entry.time_ms.0,
        amount: payment.amount,
        transaction: transaction.to_string(),
    };
    let unique = order.id.rsplit('_').next().unwrap_or_default();
    record(gateway, sql, order, &id::named("rev", unique), &movement)
}

/// Writes down that money of the order went back for good, at the ledger's time of now. The same about events.
pub(super) fn gone_back(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    order: &Order,
    payback: &Payback,
) -> Result<(), StoreError> {
    let (kind, Some(transaction)) = (
        match payback.body.why {
            Why::Refund { .. } => Kind::Refund,
            Why::Chargeback => Kind::Chargeback,
            Why::Stray { .. } => return Ok(()),
        },
        payback.body.transaction,
    ) else {
        return Ok(());
    };
    let movement = Movement {
        kind,
        order: order.id.clone(),
        reference: payback.reference.clone().unwrap_or_default(),
        at_ms: followed::find(sql)?.map_or(gateway.now_ms(), |followed| followed.time_ms.0),
        amount: payback.body.amount,
        transaction: transaction.to_string(),
    };
    record(gateway, sql, order, &payback.id, &movement)
}

/// Writes down that the network took so much of the order's payment back. The same about events.
pub(super) fn taken_back(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    order: &Order,
    dispute: &str,
    amount: Amount,
) -> Result<(), StoreError> {
    let payment = order.payment.ok_or(StoreError::Changed)?;
    let movement = Movement {
        kind: Kind::Chargeback,
        order: order.id.clone(),
        reference: order.reference.clone().unwrap_or_default(),
        at_ms: followed::find(sql)?.map_or(gateway.now_ms(), |followed| followed.time_ms.0),
        amount,
        // The one that was reversed.
        transaction: payment.transaction.to_string(),
    };
    record(gateway, sql, order, dispute, &movement)
}

fn record(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    order: &Order,
    id: &str,
    movement: &Movement,
) -> Result<(), StoreError> {
    // What the merchant's own account is paid is the merchant's already.
    if order.pay_to != gateway.account_of(gateway.us()) {
        return Ok(());
    }
    if !movements::add(sql, id, &order.merchant, order.currency, movement)? {
        return Ok(());
    }
    let merchant = merchants::any(sql, &order.merchant)?.ok_or(StoreError::Changed)?;
    match merchant.body.settlement {
        Some(agreement) => wake(gateway, sql, &order.merchant, agreement.schedule, movement.at_ms),
        None => Ok(()),
    }
}

/// Has the merchant's job look when something of this time is due.
pub(super) fn wake(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    merchant: &str,
    schedule: Schedule,
    at_ms: u64,
) -> Result<(), StoreError> {
    jobs::kick(
        sql,
        Job::Settlement,
        merchant,
        due_ms(schedule, at_ms, gateway.now_ms()),
    )
}

fn due_ms(schedule: Schedule, at_ms: u64, now_ms: u64) -> u64 {
    match schedule {
        Schedule::T0 => now_ms,
        Schedule::T1 => ((at_ms / DAY_MS + 1) * DAY_MS).max(now_ms),
    }
}

/// What came of looking for what is due.
#[derive(Debug, Default)]
pub(super) struct Closed {
    pub made: Vec<Stored>,
    /// There may be more that is due already.
    pub more: bool,
    /// What is open now may be due then.
    pub next_ms: Option<u64>,
}

/// Makes all settlements of a merchant that are due, those of the days that are over by the ledger's time; without one,
/// also of the day that is not. Nobody else makes any of the merchant's until the transaction is over. Nothing without terms.
pub(super) fn close(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    merchant: &str,
    over_ms: Option<u64>,
) -> Result<Closed, StoreError> {
    let mut closed = Closed::default();
    let Some(merchant) = merchants::locked(sql, merchant)? else {
        return Ok(closed);
    };
    let Some(agreement) = merchant.body.settlement.clone() else {
        return Ok(closed);
    };
    for currency in movements::open_currencies(sql, &merchant.id)? {
        let open = movements::open(sql, &merchant.id, currency, MOVEMENTS_MAX)?;
        let all: Vec<Movement> = open.iter().map(|open| open.movement.clone()).collect();
        let due = periods(agreement.schedule, &all, over_ms);
        let room = MADE_MAX - closed.made.len();
        closed.more |= due.len() > room || open.len() == MOVEMENTS_MAX && !due.is_empty();
        for period in due.iter().take(room) {
            let stored = make(gateway, sql, &merchant, &agreement, currency, &open, period)?;
            closed.made.push(stored);
        }
    }
    // Of those at once, only another capture makes something due.
    if agreement.schedule == Schedule::T1
        && let Some(oldest_ms) = movements::oldest_open(sql, &merchant.id)?
    {
        closed.next_ms = Some(due_ms(agreement.schedule, oldest_ms, gateway.now_ms() + 1_000));
    }
    Ok(closed)
}

fn make(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    merchant: &Merchant,
    agreement: &Agreement,
    currency: Currency,
    open: &[Open],
    period: &Period,
) -> Result<Stored, StoreError> {
    let now_ms = gateway.now_ms();
    let last = settlements::last(sql, &merchant.id, currency)?;
    let (number, brought_forward) = last.map_or_else(Default::default, |last| {
        (last.number, last.body.settlement.carried_forward)
    });
    let taken: Vec<&Open> = period.taken.iter().map(|at| &open[*at]).collect();
    let all: Vec<Movement> = taken.iter().map(|open| open.movement.clone()).collect();
    let terms = agreement.terms(currency);
    let settlement = settle(&terms, currency, brought_forward, &all).map_err(|error: TooLarge| {
        tracing::error!(
            merchant = merchant.id,
            error = error.to_string(),
            "a merchant is not settled"
        );
        StoreError::Changed
    })?;
    let is_due = !settlement.payouts.is_empty();
    let stored = Stored {
        id: id::new("stl", now_ms).map_err(|_| StoreError::Busy)?,
        client: merchant.client.clone(),
        merchant: merchant.id.clone(),
        day: period.day,
        number: number + 1,
        state: if is_due {
            SettlementState::Pending
        } else {
            SettlementState::NothingDue
        },
        intent: None,
        body: SettlementBody {
            schedule: agreement.schedule,
            from: gateway.account_of(gateway.us()),
            terms,
            settlement,
            movements: taken.len() as u64,
            created_ms: now_ms,
            transaction: None,
            height: None,
            paid_ms: None,
            problem: None,
            redirected_ms: None,
        },
    };
    settlements::add(sql, &stored)?;
    for open in taken {
        movements::take(sql, &open.id, &stored.id)?;
    }
    if is_due {
        jobs::kick(sql, Job::Settlement, &stored.id, now_ms)?;
    }
    Ok(stored)
}

/// Tells that it was paid.
pub(super) fn tell_paid(gateway: &Gateway, sql: &mut dyn Sql, stored: &Stored) -> Result<(), StoreError> {
    let data = to_raw_value(&views::settlement(gateway, stored)?).expect("views have a JSON form");
    let now_ms = gateway.now_ms();
    let new = New {
        id: id::new("evt", now_ms).map_err(|_| StoreError::Busy)?,
        client: &stored.client,
        kind: events::SETTLEMENT_PAID,
        object: &stored.id,
        data: &data,
        now_ms,
    };
    events::add(sql, &new)
}
