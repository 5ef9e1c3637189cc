//! Purses: who may sign for them, whose they are, and the money that is set aside for them.
//!
//! The signature of a message comes last of all that is checked: what is known costs no check of it. After it comes only
//! whether there is room on the revocation list for what a delta adds, since all the list is read for that.

mod draws;
pub(in crate::ledger) mod facts;
pub(in crate::ledger) mod guarantees;
mod loads;
pub(in crate::ledger) mod payouts;
pub(in crate::ledger) mod provenance;
mod purses;
pub(in crate::ledger) mod service;
mod standing;

use super::{Context, account, currency};
use crate::{
    keys::{Domain, PublicKey, Signed as SignedBytes},
    ledger::{overlay::Overlay, rejection::Rejection},
    offline::{
        action::OfflineAction,
        ids::Epoch,
        signed::{Body, Signed},
    },
};

pub(super) fn apply(overlay: &mut Overlay<'_>, context: &Context<'_>, action: &OfflineAction) -> Result<(), Rejection> {
    match action {
        OfflineAction::OpenCurrency { currency, fund } => service::open_currency(overlay, *currency, *fund),
        OfflineAction::SetServiceKey { currency, key, role } => service::set_key(overlay, *currency, *key, *role),
        OfflineAction::WithdrawServiceKey { currency, key } => service::withdraw_key(overlay, *currency, *key),
        OfflineAction::RegisterPurse {
            operator,
            owner,
            certificate,
        } => purses::register(overlay, context, *operator, *owner, certificate),
        OfflineAction::RevokePurse { by, purse } => purses::revoke(overlay, *by, *purse),
        OfflineAction::Load { account, request } => loads::load(overlay, context, *account, request),
        OfflineAction::Grant { grant, .. } => loads::grant(overlay, context, grant),
        OfflineAction::Beacon { beacon, .. } => service::beacon(overlay, context, beacon),
        OfflineAction::AddRevocations { delta, .. } => service::add_revocations(overlay, context, delta),
        OfflineAction::Redeem { account, redeem } => payouts::redeem(overlay, context, *account, redeem),
        OfflineAction::FundGuarantee { fund, currency, amount } => {
            guarantees::fund(overlay, context, *fund, *currency, *amount)
        }
        OfflineAction::WithdrawGuarantee { currency, amount } => guarantees::withdraw(overlay, *currency, *amount),
        OfflineAction::ReleaseClaim { currency, number } => guarantees::release(overlay, *currency, *number),
        OfflineAction::Testify { messages, .. } => facts::testify(overlay, context, messages),
    }
}

fn check_signature<M: Body>(context: &Context<'_>, signed: &Signed<M>, key: PublicKey) -> Result<(), Rejection> {
    let checked = SignedBytes {
        key,
        domain: Domain::Offline,
        message: &signed.body.to_bytes(),
        signature: signed.signature,
    };
    if (context.is_good)(&checked) {
        Ok(())
    } else {
        Err(Rejection::MessageInvalid)
    }
}

/// The hour of the block.
fn hour(context: &Context<'_>) -> Epoch {
    Epoch::at(context.time)
}
