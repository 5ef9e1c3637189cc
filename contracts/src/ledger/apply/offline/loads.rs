//! Money that is set aside for a purse, and the grant by which the purse has it.

use super::{Context, check_signature, hour, payouts::GRACE_HOURS, service};
use crate::{
    identity::AccountId,
    ledger::{apply::settlement::reserve, overlay::Overlay, rejection::Rejection},
    offline::{
        ids::{Epoch, Id16},
        messages::{Grant, LoadRequest},
        record::{Load, OfflineKey, OfflineRow, Origin, Purse},
        signed::Signed,
    },
    settlement::ContractId,
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
    if overlay.lot(lot).is_some() {
        return Err(Rejection::MessageConflict);
    }
    let code = purse.currency;
    reserve(overlay, context, owner, None, code, body.amount)?;
    check_signature(context, request, certificate.key)?;
    let load = Load {
        lot,
        account: owner,
        currency: code,
        amount: body.amount,
        left: body.amount,
        contract: ContractId::derive(&context.id, context.actions.len() - 1),
        grant: None,
        due: Epoch(hour(context).0.saturating_add(UNGRANTED_HOURS)),
        is_ended: false,
    };
    let place = OfflineKey::Load(body.purse, body.load_counter.0.to_be_bytes());
    overlay.put_offline(place, OfflineRow::Load(load));
    let origin = Origin::Load(body.purse, body.load_counter);
    overlay.put_offline(OfflineKey::Lot(lot), OfflineRow::Lot(origin));
    let purse = Purse {
        loads: body.load_counter,
        ..purse
    };
    overlay.put_offline(OfflineKey::Purse(body.purse), OfflineRow::Purse(purse));
    Ok(())
}

/// What a load in this transaction is called.
fn lot_of(context: &Context<'_>) -> Id16 {
    Id16(*context.id.0.first_chunk().expect("16 of 32 bytes"))
}

pub(super) fn grant(overlay: &mut Overlay<'_>, context: &Context<'_>, grant: &Signed<Grant>) -> Result<(), Rejection> {
    let body = &grant.body;
    let load = overlay
        .load(body.purse, body.load_counter)
        .ok_or(Rejection::UnknownLoad)?;
    let index = overlay.purse_currency(load.currency).map(|record| record.index);
    if (load.lot, load.amount, index) != (body.load, body.amount, Some(body.currency)) {
        return Err(Rejection::UnknownLoad);
    }
    if let Some(known) = &load.grant {
        return if known.id() == grant.id() {
            Ok(())
        } else {
            Err(Rejection::MessageConflict)
        };
    }
    if load.is_ended {
        return Err(Rejection::ContractEnded);
    }
    let now = hour(context);
    if body.epoch > now {
        return Err(Rejection::EpochOutOfTime);
    }
    let latest = Epoch(now.0.saturating_add(GRANT_HOURS_MAX));
    if now.has_reached(body.expiry) || body.expiry > latest {
        return Err(Rejection::ExpiryOutOfRange);
    }
    let key = service::key_of(overlay, body)?;
    if key.currency != load.currency {
        return Err(Rejection::UnknownServiceKey);
    }
    check_signature(context, grant, key.key)?;
    let load = Load {
        grant: Some(grant.clone()),
        due: Epoch(body.expiry.0.saturating_add(GRACE_HOURS)),
        ..load.clone()
    };
    let place = OfflineKey::Load(body.purse, body.load_counter.0.to_be_bytes());
    overlay.put_offline(place, OfflineRow::Load(load));
    Ok(())
}
