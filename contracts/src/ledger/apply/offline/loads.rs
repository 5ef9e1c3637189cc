//! Money that is set aside for a purse, and the grant by which the purse has it.

use super::{
    Context, check_signature, draws::put_load, facts, hour, payouts::GRACE_HOURS, service, standing::judge_lot,
};
use crate::{
    identity::AccountId,
    ledger::{apply::settlement::reserve, overlay::Overlay, rejection::Rejection},
    offline::{
        action::OfflineAction,
        ids::{Epoch, Id16},
        issuer::KeyRole,
        messages::{Grant, LoadRequest},
        record::{Load, OfflineKey, OfflineRow, Origin, Purse, ServiceKey, Unbacked},
        signed::Signed,
    },
    settlement::ContractId,
    transaction::Action,
};

/// A grant expires at most this many hours after the block that records it: a year.
pub(super) const GRANT_HOURS_MAX: u32 = 366 * 24;

/// A load for which no grant is recorded goes back after so many hours: three days.
pub(super) const UNGRANTED_HOURS: u32 = 3 * 24;

pub(super) fn load(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    owner: AccountId,
    request: &Signed<LoadRequest>,
) -> Result<(), Rejection> {
    let body = &request.body;
    let purse = overlay.purse(body.purse).ok_or(Rejection::UnknownPurse)?.clone();
    let certificate = &purse.certificate.body;
    if purse.owner != owner || certificate.currency != body.currency {
        return Err(Rejection::NotPermitted);
    }
    if purse.is_revoked {
        return Err(Rejection::PurseRevoked);
    }
    if overlay.is_convicted(body.purse) {
        return Err(Rejection::PurseConvicted);
    }
    if !certificate.covers(hour(context)) {
        return Err(Rejection::CertificateNotInForce);
    }
    if purse.loads.next() != Some(body.load_counter) {
        return Err(Rejection::LoadOutOfTurn);
    }
    if body.amount > certificate.balance_max {
        return Err(Rejection::OverPurseLimit);
    }
    let lot = lot_of(context);
    if overlay.lot(lot, body.purse).is_some() || loads_already(context) {
        return Err(Rejection::MessageConflict);
    }
    let room = facts::room_for_one(overlay, body.purse, false)?;
    let code = purse.currency;
    reserve(overlay, context, owner, None, code, body.amount)?;
    check_signature(context, request, certificate.key)?;
    let load = Load {
        lot,
        account: owner,
        currency: code,
        amount: body.amount,
        left: body.amount,
        asked: 0,
        contract: ContractId::derive(&context.id, context.actions.len() - 1),
        grant: None,
        due: Epoch(hour(context).0.saturating_add(UNGRANTED_HOURS)),
        is_ended: false,
    };
    put_load(overlay, body.purse, body.load_counter, load);
    let origin = OfflineRow::Lot(Origin::Load(body.load_counter));
    overlay.put_offline(OfflineKey::Lot(lot, body.purse), origin);
    let purse = Purse {
        loads: body.load_counter,
        ..purse
    };
    overlay.put_offline(OfflineKey::Purse(body.purse), OfflineRow::Purse(purse));
    facts::put_room(overlay, body.purse, room);
    // What the purse spent of it may have been known before.
    judge_lot(overlay, lot, body.purse);
    Ok(())
}

/// Whether an action before this one loads: a transaction names one lot.
fn loads_already(context: &Context<'_>) -> bool {
    let before = context.actions.split_last().map_or(&[][..], |(_, before)| before);
    before
        .iter()
        .any(|action| matches!(action, Action::Offline(it) if matches!(**it, OfflineAction::Load { .. })))
}

/// What a load in this transaction is called.
fn lot_of(context: &Context<'_>) -> Id16 {
    Id16(*context.id.0.first_chunk().expect("16 of 32 bytes"))
}

pub(super) fn grant(overlay: &mut Overlay<'_>, context: &Context<'_>, grant: &Signed<Grant>) -> Result<(), Rejection> {
    let load = load_of(overlay, &grant.body).ok_or(Rejection::UnknownLoad)?;
    if let Some(known) = &load.grant {
        return same(known, grant);
    }
    if load.is_ended {
        return Err(Rejection::ContractEnded);
    }
    let now = hour(context);
    check_times(&grant.body, now, 0)?;
    let key = service::key_of(overlay, &grant.body)?;
    if key.currency != load.currency {
        return Err(Rejection::UnknownServiceKey);
    }
    check_signature(context, grant, key.key)?;
    put_granted(overlay, grant, load);
    Ok(())
}

/// The load that a grant is for.
fn load_of(overlay: &Overlay<'_>, grant: &Grant) -> Option<Load> {
    let load = overlay.load(grant.purse, grant.load_counter)?;
    let index = overlay.purse_currency(load.currency).map(|record| record.index);
    let is_it = (load.lot, load.amount, index) == (grant.load, grant.amount, Some(grant.currency));
    is_it.then(|| load.clone())
}

/// A lot has one grant: whether this is it.
fn same(known: &Signed<Grant>, grant: &Signed<Grant>) -> Result<(), Rejection> {
    if known.id() == grant.id() {
        Ok(())
    } else {
        Err(Rejection::MessageConflict)
    }
}

/// Whether it was signed before now, and is not over for so many hours, nor will be for too many.
fn check_times(grant: &Grant, now: Epoch, over_for: u32) -> Result<(), Rejection> {
    if grant.epoch > now {
        return Err(Rejection::EpochOutOfTime);
    }
    let end = Epoch(grant.expiry.0.saturating_add(over_for));
    let latest = Epoch(now.0.saturating_add(GRANT_HOURS_MAX));
    if now.has_reached(end) || grant.expiry > latest {
        return Err(Rejection::ExpiryOutOfRange);
    }
    Ok(())
}

fn put_granted(overlay: &mut Overlay<'_>, grant: &Signed<Grant>, load: Load) {
    let body = &grant.body;
    let load = Load {
        grant: Some(grant.clone()),
        due: Epoch(body.expiry.0.saturating_add(GRACE_HOURS)),
        ..load
    };
    put_load(overlay, body.purse, body.load_counter, load);
}

/// A grant that somebody holds money of. It counts also where its load is not known, or went back before a grant was
/// recorded: what was accepted is paid by who guarantees. It is confirmed by what its purse spent of it.
pub(super) fn testified(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    grant: &Signed<Grant>,
) -> Result<(), Rejection> {
    let body = &grant.body;
    let load = load_of(overlay, body);
    let unbacked = overlay.unbacked(body.purse, body.load);
    let known = load.as_ref().and_then(|load| load.grant.as_ref());
    if let Some(known) = known.or(unbacked.map(|row| &row.grant)) {
        return same(known, grant);
    }
    if load.is_none() && overlay.lot(body.load, body.purse).is_some() {
        return Err(Rejection::MessageConflict);
    }
    let purse = overlay.purse(body.purse).ok_or(Rejection::UnknownPurse)?;
    if purse.certificate.body.currency != body.currency {
        return Err(Rejection::UnknownCurrency);
    }
    check_times(body, hour(context), GRACE_HOURS)?;
    let is_confirmed = load.is_some() || facts::is_claimed(overlay, body.load, body.purse, 0);
    let room = facts::room_for_one(overlay, body.purse, is_confirmed)?;
    let key = overlay.service_key(body.issuer);
    let key = key.filter(|key| key.role == KeyRole::Grant && key.currency == purse.currency);
    let ServiceKey { key, is_withdrawn, .. } = *key.ok_or(Rejection::UnknownServiceKey)?;
    check_signature(context, grant, key)?;
    match load.filter(|load| !load.is_ended) {
        Some(_) if is_withdrawn => return Err(Rejection::UnknownServiceKey),
        Some(load) => put_granted(overlay, grant, load),
        None => put_unbacked(overlay, grant, is_withdrawn),
    }
    facts::put_room(overlay, body.purse, room);
    Ok(())
}

fn put_unbacked(overlay: &mut Overlay<'_>, grant: &Signed<Grant>, is_doubtful: bool) {
    let (lot, purse) = (grant.body.load, grant.body.purse);
    let row = Unbacked {
        grant: grant.clone(),
        asked: 0,
        is_doubtful,
    };
    overlay.put_offline(OfflineKey::Unbacked(purse, lot), OfflineRow::Unbacked(row));
    overlay.put_offline(OfflineKey::Lot(lot, purse), OfflineRow::Lot(Origin::Unbacked));
    judge_lot(overlay, lot, purse);
}
