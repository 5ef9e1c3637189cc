//! What issuers answer about orders whose money they hold, and what they are told.

use super::{ADVICES_MAX, authorize};
use crate::{
    acquiring::{order::Order, preauthorization::Stored},
    service::{
        change::ChangeError,
        context::Gateway,
        id,
        orders::{change, views::ATTEMPTS_MAX},
        records::{
            card_advices::{self, Advice, AdviceBody, AdviceKind, AdviceState},
            card_attempts::{self, Attempt, AttemptOutcome},
            jobs::{self, Kind},
        },
    },
    store::{Sql, StoreError},
};

/// The code of an approval in part.
const IN_PART: &str = "10";

/// Writes down what became of a try. One that only asks for a hold may authorize its order then; if that needs it no more, the hold is
/// undone. Gives the try as it is stored.
pub(in crate::service) fn answered(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    attempt: Attempt,
) -> Result<Attempt, ChangeError> {
    if attempt.body.undo.is_none() {
        card_attempts::save(sql, &attempt)?;
        return Ok(attempt);
    }
    let order = attempt.order.clone();
    let mut stored = attempt;
    change::<ChangeError>(gateway, sql, &order, |order, sql| {
        let known = card_attempts::any(sql, &stored.id)?.ok_or(StoreError::Changed)?;
        // Given up already: it is being undone.
        if known.outcome.is_some() {
            stored = known;
            return Ok(());
        }
        card_attempts::save(sql, &stored)?;
        if stored.body.code.as_deref() == Some(IN_PART) {
            undo(gateway, sql, &stored)?;
        }
        authorize(gateway, sql, order)?;
        Ok(release(gateway, sql, order)?)
    })?;
    Ok(stored)
}

/// The process that asked is gone, or it would have an answer: whatever the issuer holds is undone.
pub(in crate::service) fn give_up(gateway: &Gateway, sql: &mut dyn Sql, attempt: &str) -> Result<(), ChangeError> {
    let Some(found) = card_attempts::any(sql, attempt)? else {
        return Ok(());
    };
    change::<ChangeError>(gateway, sql, &found.order, |order, sql| {
        let known = card_attempts::any(sql, attempt)?;
        if let Some(mut known) = known.filter(|known| known.outcome.is_none()) {
            known.outcome = Some(AttemptOutcome::Unknown);
            card_attempts::save(sql, &known)?;
            undo(gateway, sql, &known)?;
            order.touched();
        }
        Ok(())
    })?;
    Ok(())
}

/// Gives back what issuers hold for an order that needs it no more: it has ended, or was paid otherwise.
pub(in crate::service::orders) fn release(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    order: &Order,
) -> Result<(), StoreError> {
    if order.capture.is_automatic() || !order.needs_no_hold() {
        return Ok(());
    }
    for attempt in card_attempts::of_order(sql, &order.id, ATTEMPTS_MAX)? {
        if attempt.outcome == Some(AttemptOutcome::Approved) {
            undo(gateway, sql, &attempt)?;
        }
    }
    Ok(())
}

/// Has the issuer give back what it holds by this attempt, once.
pub(super) fn undo(gateway: &Gateway, sql: &mut dyn Sql, attempt: &Attempt) -> Result<(), StoreError> {
    let told = card_advices::of_order(sql, &attempt.order, ADVICES_MAX + 1)?;
    let is_void = |advice: &Advice| advice.attempt == attempt.id && advice.body.kind == AdviceKind::Void;
    if told.iter().any(is_void) {
        return Ok(());
    }
    let unique = attempt.id.rsplit('_').next().unwrap_or_default();
    let advice = Advice {
        id: id::named("adv", unique),
        order: attempt.order.clone(),
        attempt: attempt.id.clone(),
        state: AdviceState::Pending,
        created_ms: gateway.now_ms(),
        message: stored(attempt)?.to_bytes(),
        body: AdviceBody {
            kind: AdviceKind::Void,
            route: attempt.route.clone(),
            amount: attempt.body.amount,
            is_asked: false,
            code: None,
        },
    };
    tell_issuer(sql, &advice)
}

/// Stores it with the job that sends it until it is answered.
pub(in crate::service) fn tell_issuer(sql: &mut dyn Sql, advice: &Advice) -> Result<(), StoreError> {
    card_advices::add(sql, advice)?;
    jobs::kick(sql, Kind::CardAdvice, &advice.id, advice.created_ms)
}

/// What is kept of an authorisation.
pub(in crate::service) fn stored(attempt: &Attempt) -> Result<Stored, StoreError> {
    let bytes = attempt.body.undo.as_ref().and_then(|undo| hex::decode(undo).ok());
    let stored = bytes.and_then(|bytes| Stored::from_bytes(&bytes).ok());
    stored.ok_or(StoreError::Column { column: 6 })
}
