//! Orders whose money a card's issuer holds: what the ledger, and what issuers answer, make of them.
//!
//! A hold names its order by its memo when it is opened, and is known by its id from then on. Anybody can open one that names an
//! order. So an order is authorized only when an issuer has approved a card for it as well; it is voided when none of its holds is
//! left, or one was voided as its merchant asked; and it is paid only by just the amount that the merchant has asked for.

mod issuer;

use std::collections::BTreeMap;

use causeway_contracts::{
    money::Amount,
    settlement::{ContractId, Leg},
};

pub(super) use self::issuer::release;
use self::issuer::undo;
pub(in crate::service) use self::issuer::{answered, give_up, stored, tell_issuer};
use super::{named, views::ATTEMPTS_MAX};
use crate::{
    acquiring::order::{Order, Payment, State, VoidReason},
    bookkeeping::{Direction, Entry, HoldChange, HoldNews},
    service::{
        context::Gateway,
        records::{
            card_advices::{self, AdviceKind, AdviceState},
            card_attempts::{self, Attempt, AttemptOutcome},
            merchants,
            order_holds::{self, HoldState},
        },
    },
    store::{Sql, StoreError},
};

/// So many advices an order may have, also those that were declined.
pub const ADVICES_MAX: usize = 20;

/// The ledger's time may be before this gateway's by so much.
const CLOCKS_MS: u64 = 5_000;

/// News of holds with the ids of their orders, those of opened ones first.
pub(super) fn of_orders<'a>(
    sql: &mut dyn Sql,
    holds: &'a [HoldNews],
) -> Result<Vec<(String, &'a HoldNews)>, StoreError> {
    let mut opened = BTreeMap::new();
    let (mut all, mut ended) = (Vec::new(), Vec::new());
    for news in holds {
        let HoldChange::Opened { memo, .. } = &news.change else {
            ended.push(news);
            continue;
        };
        if let Some(order) = named(memo) {
            opened.insert(news.hold, order.clone());
            all.push((order, news));
        }
    }
    for news in ended {
        let order = match opened.get(&news.hold) {
            Some(order) => Some(order.clone()),
            None => order_holds::find(sql, news.hold)?.map(|(order, _)| order),
        };
        all.extend(order.map(|order| (order, news)));
    }
    Ok(all)
}

/// What a block says of a hold of the order, which is locked. `entries`: all of the block's.
pub(super) fn book(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    order: &mut Order,
    news: &HoldNews,
    entries: &[Entry],
) -> Result<(), StoreError> {
    if order.capture.is_automatic() {
        return Ok(());
    }
    match &news.change {
        HoldChange::Opened { leg, .. } => opened(gateway, sql, order, news, leg),
        HoldChange::Posted { amount, keep_rest } => posted(gateway, sql, order, news, (*amount, *keep_rest), entries),
        HoldChange::Voided => ended(gateway, sql, order, news, HoldState::Voided),
        HoldChange::Expired => ended(gateway, sql, order, news, HoldState::Expired),
    }
}

fn opened(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    order: &mut Order,
    news: &HoldNews,
    leg: &Leg,
) -> Result<(), StoreError> {
    let Some(transaction) = news.transaction else {
        return Ok(());
    };
    let held = Payment {
        payer: leg.debtor,
        currency: leg.currency,
        amount: leg.amount,
        transaction,
        height: news.height,
        index: news.index,
        part: 0,
        time_ms: news.time_ms.0,
    };
    if leg.creditor != order.pay_to || !order.fits(&held) {
        tracing::info!(order = order.id, hold = %news.hold, "a hold names an order and is not what it asks for");
        return Ok(());
    }
    order_holds::add(sql, news.hold, &order.id, &held)?;
    authorize(gateway, sql, order)
}

/// If an issuer has approved a card for it, and the ledger holds the money.
fn authorize(gateway: &Gateway, sql: &mut dyn Sql, order: &mut Order) -> Result<(), StoreError> {
    if order.state != State::Created {
        return Ok(());
    }
    let Some(approved) = approved(sql, &order.id)? else {
        return Ok(());
    };
    let Some(held) = order_holds::live(sql, &order.id, approved.since_ms)? else {
        return Ok(());
    };
    let merchant = merchants::any(sql, &order.merchant)?.ok_or(StoreError::Changed)?;
    if merchant.suspended {
        return undo(gateway, sql, &approved.attempt);
    }
    let authorized = order.authorize(held, gateway.now_ms());
    authorized.expect("it was created and nothing else");
    Ok(())
}

/// A card whose issuer holds an order's money.
pub(in crate::service) struct Approved {
    pub attempt: Attempt,
    /// Its hold is none that was opened before.
    since_ms: u64,
}

pub(in crate::service) fn approved(sql: &mut dyn Sql, order: &str) -> Result<Option<Approved>, StoreError> {
    let tried = card_attempts::of_order(sql, order, ATTEMPTS_MAX)?;
    let is_approved = |attempt: &&Attempt| attempt.outcome == Some(AttemptOutcome::Approved);
    let Some(attempt) = tried.iter().find(is_approved).cloned() else {
        return Ok(None);
    };
    let may_hold = |outcome| !matches!(outcome, Some(AttemptOutcome::Approved | AttemptOutcome::Declined));
    // The hold of one that nobody has answered may be booked yet, and then be voided.
    let since_ms = match tried.iter().any(|attempt| may_hold(attempt.outcome)) {
        true => attempt.created_ms.saturating_sub(CLOCKS_MS),
        false => 0,
    };
    Ok(Some(Approved { attempt, since_ms }))
}

fn posted(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    order: &mut Order,
    news: &HoldNews,
    (amount, keep_rest): (Option<Amount>, bool),
    entries: &[Entry],
) -> Result<(), StoreError> {
    let (Some((_, held)), Some(transaction)) = (order_holds::find(sql, news.hold)?, news.transaction) else {
        return Ok(());
    };
    if !keep_rest {
        order_holds::end(sql, news.hold, HoldState::Posted)?;
    }
    let amount = amount.unwrap_or(held.amount);
    if order.state != State::Authorized || !is_asked(sql, &order.id, AdviceKind::Capture, Some(amount))? {
        tracing::warn!(order = order.id, hold = %news.hold, "a hold was posted that nobody has asked for");
        return Ok(());
    }
    let captured = Payment {
        amount,
        transaction,
        height: news.height,
        index: news.index,
        part: part(order, news.hold, entries),
        time_ms: news.time_ms.0,
        ..held
    };
    let paid = order.capture(captured, gateway.now_ms());
    paid.expect("it was authorized and nothing else");
    Ok(())
}

/// Which of the account's entries by the receipt it is.
fn part(order: &Order, hold: ContractId, entries: &[Entry]) -> u16 {
    let paid = entries.iter().find(|entry| {
        (entry.contract, entry.account, entry.direction) == (Some(hold), order.pay_to, Direction::Credit)
    });
    paid.map_or(0, |entry| entry.part)
}

fn ended(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    order: &mut Order,
    news: &HoldNews,
    how: HoldState,
) -> Result<(), StoreError> {
    order_holds::end(sql, news.hold, how)?;
    if order.state != State::Authorized {
        return Ok(());
    }
    let reason = match how {
        HoldState::Expired => VoidReason::Expired,
        _ if is_asked(sql, &order.id, AdviceKind::Void, None)? => VoidReason::Requested,
        _ => VoidReason::ByIssuer,
    };
    let since_ms = approved(sql, &order.id)?.map_or(0, |approved| approved.since_ms);
    if reason != VoidReason::Requested && order_holds::live(sql, &order.id, since_ms)?.is_some() {
        return Ok(());
    }
    let voided = order.void(reason, news.height, gateway.now_ms());
    voided.expect("it was authorized and nothing else");
    Ok(())
}

/// Whether the merchant has asked for it, of this amount if there is one, and the issuer has not declined.
fn is_asked(sql: &mut dyn Sql, order: &str, kind: AdviceKind, amount: Option<Amount>) -> Result<bool, StoreError> {
    let told = card_advices::of_order(sql, order, ADVICES_MAX)?;
    Ok(told.iter().any(|advice| {
        let body = &advice.body;
        let is_it = body.is_asked && body.kind == kind && amount.is_none_or(|amount| amount == body.amount);
        is_it && advice.state != AdviceState::Declined
    }))
}
