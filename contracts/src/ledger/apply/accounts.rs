//! Opening, re-tiering, freezing and closing accounts.

use super::{account, currency};
use crate::{
    identity::{AccountId, AccountStatus, Freeze, ParticipantId, Tier},
    ledger::{overlay::Overlay, rejection::Rejection, state::Account},
    transaction::FreezeScope,
};

/// Only an operator opens accounts.
pub(super) fn open(overlay: &mut Overlay<'_>, id: AccountId, new: Account) -> Result<(), Rejection> {
    if !is_operator(overlay, new.operator) {
        return Err(Rejection::NotPermitted);
    }
    if overlay.account(&id).is_some() {
        return Err(Rejection::AccountExists);
    }
    overlay.put_account(id, new);
    Ok(())
}

/// The account's operator may, also while it is frozen; not for a participant's own account, which
/// stays in tier 0.
pub(super) fn set_tier(
    overlay: &mut Overlay<'_>,
    operator: ParticipantId,
    id: AccountId,
    tier: Tier,
) -> Result<(), Rejection> {
    let found = account(overlay, &id)?;
    found.is_open()?;
    if !serves(overlay, operator, found) || is_own(overlay, operator, &id) {
        return Err(Rejection::NotPermitted);
    }
    let account = Account { tier, ..found.clone() };
    overlay.put_account(id, account);
    Ok(())
}

/// Freezes, or with `None` unfreezes. Whoever may freeze may unfreeze, and the two scopes are
/// independent of each other.
pub(super) fn set_freeze(
    overlay: &mut Overlay<'_>,
    by: ParticipantId,
    id: AccountId,
    scope: FreezeScope,
    freeze: Option<Freeze>,
) -> Result<(), Rejection> {
    let found = account(overlay, &id)?;
    found.is_open()?;
    match scope {
        FreezeScope::Account => {
            if !serves(overlay, by, found) {
                return Err(Rejection::NotPermitted);
            }
            let frozen = matches!(found.status, AccountStatus::Frozen(_));
            if frozen == freeze.is_some() {
                return Err(Rejection::FreezeUnchanged);
            }
            let status = freeze.map_or(AccountStatus::Active, AccountStatus::Frozen);
            let account = Account {
                status,
                ..found.clone()
            };
            overlay.put_account(id, account);
        }
        FreezeScope::Currency(code) => {
            if currency(overlay, code)?.issuer != by {
                return Err(Rejection::NotPermitted);
            }
            if overlay.balance(id, code).frozen.is_some() == freeze.is_some() {
                return Err(Rejection::FreezeUnchanged);
            }
            let place = overlay.balance_place(id, code);
            overlay.update_balance(place, |record| record.frozen = freeze);
        }
    }
    Ok(())
}

/// For good, and only with nothing left in it. A frozen account is unfrozen first, so that the
/// ledger does not lose sight of who froze it; a participant's own account stays as long as it does.
pub(super) fn close(overlay: &mut Overlay<'_>, operator: ParticipantId, id: AccountId) -> Result<(), Rejection> {
    let found = account(overlay, &id)?;
    found.pays()?;
    if !serves(overlay, operator, found) || is_own(overlay, operator, &id) {
        return Err(Rejection::NotPermitted);
    }
    if !overlay.is_empty(id) {
        return Err(Rejection::AccountNotEmpty);
    }
    let account = Account {
        status: AccountStatus::Closed,
        ..found.clone()
    };
    overlay.put_account(id, account);
    if overlay.category(&id).is_some() {
        overlay.put_category(id, None);
    }
    Ok(())
}

fn is_operator(overlay: &Overlay<'_>, id: ParticipantId) -> bool {
    overlay.participant(id).is_some_and(|participant| participant.operator)
}

pub(super) fn serves(overlay: &Overlay<'_>, operator: ParticipantId, account: &Account) -> bool {
    account.operator == operator && is_operator(overlay, operator)
}

fn is_own(overlay: &Overlay<'_>, participant: ParticipantId, id: &AccountId) -> bool {
    AccountId::of_participant(&overlay.base().origin, participant) == *id
}
