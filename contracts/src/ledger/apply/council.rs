//! What the council does.

use super::{Context, currency, nodes};
use crate::{
    block::Height,
    governance::{CouncilAction, CurrencyRecord},
    identity::{AccountId, AccountStatus, IdentityCommitment, Participant, Tier},
    ledger::{overlay::Overlay, rejection::Rejection, state::Account},
    money::text::EXPONENT_MAX,
    protocol::{SCHEDULE_AHEAD_MIN, Upcoming},
};

/// There are at most this many currencies. Fixed.
pub const CURRENCIES_MAX: usize = 256;

/// There are at most this many participants. Fixed.
pub const PARTICIPANTS_MAX: usize = 4096;

pub(super) fn apply(overlay: &mut Overlay<'_>, context: &Context<'_>, action: &CouncilAction) -> Result<(), Rejection> {
    match action {
        CouncilAction::RegisterCurrency(record) => register_currency(overlay, record),
        CouncilAction::SetIssuanceCap { currency: code, cap } => {
            let record = CurrencyRecord {
                issuance_cap: *cap,
                ..currency(overlay, *code)?.clone()
            };
            overlay.put_currency(record);
            Ok(())
        }
        CouncilAction::SetCurrencyFrozen { currency: code, frozen } => {
            let found = currency(overlay, *code)?;
            if found.frozen == *frozen {
                return Err(Rejection::FreezeUnchanged);
            }
            let record = CurrencyRecord {
                frozen: *frozen,
                ..found.clone()
            };
            overlay.put_currency(record);
            Ok(())
        }
        CouncilAction::RegisterParticipant(participant) => register_participant(overlay, participant),
        CouncilAction::SetOperator { participant, operator } => {
            let found = overlay.participant(*participant).ok_or(Rejection::UnknownParticipant)?;
            let changed = Participant {
                operator: *operator,
                ..found.clone()
            };
            overlay.put_participant(changed);
            Ok(())
        }
        CouncilAction::SetParameters(parameters) => {
            parameters.check().map_err(|_| Rejection::ParameterOutOfRange)?;
            overlay.put_parameters(parameters.clone());
            Ok(())
        }
        &CouncilAction::ScheduleProtocol { version, height } => {
            schedule_protocol(overlay, context.height, Upcoming { version, height })
        }
        CouncilAction::WithdrawProtocol => {
            if overlay.protocol(context.height).upcoming.is_none() {
                return Err(Rejection::ProtocolNotScheduled);
            }
            overlay.put_upcoming(None);
            Ok(())
        }
        CouncilAction::SetCouncil(keys) => {
            overlay.put_council(keys.clone());
            Ok(())
        }
        CouncilAction::ChangeValidators(change) => nodes::change_validators(overlay, change),
        CouncilAction::SetNode(node) => nodes::set(overlay, node),
        CouncilAction::RemoveNode { name } => nodes::remove(overlay, name),
    }
}

fn schedule_protocol(overlay: &mut Overlay<'_>, now: Height, upcoming: Upcoming) -> Result<(), Rejection> {
    if overlay.protocol(now).version.next() != Some(upcoming.version) {
        return Err(Rejection::ProtocolNotNext);
    }
    if upcoming.height.0 < now.0.saturating_add(SCHEDULE_AHEAD_MIN) {
        return Err(Rejection::ProtocolTooSoon);
    }
    overlay.put_upcoming(Some(upcoming));
    Ok(())
}

fn register_currency(overlay: &mut Overlay<'_>, record: &CurrencyRecord) -> Result<(), Rejection> {
    if overlay.currency(record.code).is_some() {
        return Err(Rejection::CurrencyExists);
    }
    if overlay.participant(record.issuer).is_none() {
        return Err(Rejection::UnknownParticipant);
    }
    if record.exponent > EXPONENT_MAX {
        return Err(Rejection::ParameterOutOfRange);
    }
    if overlay.currency_count() >= CURRENCIES_MAX {
        return Err(Rejection::RegistryFull);
    }
    overlay.put_currency(record.clone());
    Ok(())
}

fn register_participant(overlay: &mut Overlay<'_>, participant: &Participant) -> Result<(), Rejection> {
    if overlay.participant(participant.id).is_some() {
        return Err(Rejection::ParticipantExists);
    }
    let id = AccountId::of_participant(&overlay.base().origin, participant.id);
    if overlay.account(&id).is_some() {
        return Err(Rejection::AccountExists);
    }
    if overlay.participant_count() >= PARTICIPANTS_MAX {
        return Err(Rejection::RegistryFull);
    }
    overlay.put_account(id, own_account(participant));
    overlay.put_participant(participant.clone());
    Ok(())
}

/// The account that a participant owns. It is nobody's customer's: no identity is committed to.
pub(crate) fn own_account(participant: &Participant) -> Account {
    Account {
        operator: participant.id,
        keys: participant.keys.clone(),
        tier: Tier(0),
        status: AccountStatus::Active,
        identity: IdentityCommitment([0; 32]),
    }
}
