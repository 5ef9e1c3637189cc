//! Whose a purse is.

use super::{Context, account, check_signature, facts, service};
use crate::{
    identity::{AccountId, ParticipantId},
    ledger::{apply::accounts::serves, overlay::Overlay, rejection::Rejection},
    offline::{
        action::Revoker,
        ids::{LoadCounter, PurseId},
        messages::Certificate,
        record::{OfflineKey, OfflineRow, Purse},
        signed::Signed,
    },
};

pub(super) fn register(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    operator: ParticipantId,
    owner: AccountId,
    certificate: &Signed<Certificate>,
) -> Result<(), Rejection> {
    let found = account(overlay, &owner)?;
    found.is_open()?;
    if !serves(overlay, operator, found) {
        return Err(Rejection::NotPermitted);
    }
    let body = &certificate.body;
    let code = *overlay.currency_at(body.currency).ok_or(Rejection::UnknownCurrency)?;
    let key = service::key_of(overlay, body)?;
    if key.currency != code {
        return Err(Rejection::UnknownServiceKey);
    }
    let key = key.key;
    let before = overlay.purse(body.purse);
    if let Some(before) = before {
        if before.is_revoked {
            return Err(Rejection::PurseRevoked);
        }
        if before.owner != owner || !follows(body, &before.certificate.body) {
            return Err(Rejection::CertificateNotNewer);
        }
    }
    let loads = before.map_or(LoadCounter::default(), |purse| purse.loads);
    let owed = before.map_or(0, |purse| purse.owed);
    body.key.check().map_err(|_| Rejection::KeyUnusable)?;
    check_signature(context, certificate, key)?;
    let purse = Purse {
        owner,
        operator,
        currency: code,
        certificate: certificate.clone(),
        loads,
        owed,
        is_revoked: false,
    };
    overlay.put_offline(OfflineKey::Purse(body.purse), OfflineRow::Purse(purse));
    let room = overlay.room(body.purse).copied().unwrap_or(0);
    let room = room.saturating_add(facts::ROOM_PER_CERTIFICATE);
    facts::put_room(overlay, body.purse, room);
    Ok(())
}

/// A purse keeps its key, its currency and the first hour of its certificates.
fn follows(next: &Certificate, before: &Certificate) -> bool {
    let keeps = (next.key, next.currency, next.not_before) == (before.key, before.currency, before.not_before);
    keeps && next.serial > before.serial
}

pub(super) fn revoke(overlay: &mut Overlay<'_>, by: Revoker, id: PurseId) -> Result<(), Rejection> {
    let purse = overlay.purse(id).ok_or(Rejection::UnknownPurse)?;
    let may = match by {
        Revoker::Owner(account) => purse.owner == account,
        Revoker::Operator(operator) => purse.operator == operator,
        Revoker::Issuer(currency) => purse.currency == currency,
    };
    if !may {
        return Err(Rejection::NotPermitted);
    }
    if purse.is_revoked {
        return Err(Rejection::PurseRevoked);
    }
    let purse = Purse {
        is_revoked: true,
        ..purse.clone()
    };
    overlay.put_offline(OfflineKey::Purse(id), OfflineRow::Purse(purse));
    Ok(())
}
