//! What each action does: checks in the order of [`Rejection`], then postings and records.
//!
//! What an action that is rejected, and those before it in its transaction, wrote is taken back by the caller.
//!
//! Who must sign was checked before ([`super::authority`]). What is not checked here, because no
//! transaction that fails it gets into a batch: the shape of key policies.

mod accounts;
mod council;
mod evidence;
mod money;
mod nodes;
pub(super) mod offline;
pub(super) mod settlement;

pub(super) use self::council::own_account;
pub use self::{
    council::{CURRENCIES_MAX, PARTICIPANTS_MAX},
    evidence::{EVIDENCE_HEIGHTS_MAX, EVIDENCE_MAX},
};

use super::{
    IsGood,
    overlay::Overlay,
    receipt::Trade,
    rejection::Rejection,
    state::{Account, BalanceRecord},
};
use crate::{
    block::{Height, TimeMs},
    governance::CurrencyRecord,
    identity::{AccountId, AccountStatus},
    money::{Amount, Currency},
    transaction::{Action, TransactionSignature, TxId},
};

/// An action with what it may depend on but the state.
pub(super) struct Context<'a> {
    /// The block's.
    pub(super) height: Height,
    pub(super) time: TimeMs,
    /// The transaction's.
    pub(super) id: TxId,
    /// The place of its receipt in its block.
    pub(super) receipt: u32,
    /// The transaction's, which have been checked.
    pub(super) signatures: &'a [TransactionSignature],
    /// The one rule by which a signature is good, or a simulation's.
    pub(super) is_good: IsGood,
    /// The transaction's actions up to and with the one that is applied.
    pub(super) actions: &'a [Action],
}

impl Context<'_> {
    /// That the action which is applied exchanged this.
    fn trade(&self, sold: Amount, bought: Amount) -> Trade {
        let action = u8::try_from(self.actions.len() - 1).expect("at most 64 actions");
        Trade { action, sold, bought }
    }
}

/// Applies the last of the context's actions. Gives what it exchanged, if that is not in its text.
pub(super) fn apply(overlay: &mut Overlay<'_>, context: &Context<'_>) -> Result<Option<Trade>, Rejection> {
    let action = context.actions.last().expect("there is an action to apply");
    let done = match action {
        Action::Transfer {
            from,
            to,
            currency,
            amount,
        } => money::transfer(overlay, context, *from, *to, *currency, *amount),
        Action::Issue { currency, to, amount } => money::issue(overlay, *currency, *to, *amount),
        Action::Redeem { currency, from, amount } => money::redeem(overlay, context, *currency, *from, *amount),
        Action::OpenAccount {
            operator,
            keys,
            salt,
            tier,
            identity,
        } => {
            let id = AccountId::derive(&overlay.base().origin, *operator, keys, salt);
            let account = Account {
                operator: *operator,
                keys: keys.clone(),
                tier: *tier,
                status: AccountStatus::Active,
                identity: *identity,
            };
            accounts::open(overlay, id, account)
        }
        Action::SetTier {
            operator,
            account,
            tier,
        } => accounts::set_tier(overlay, *operator, *account, *tier),
        Action::Freeze {
            by,
            account,
            scope,
            reason,
        } => {
            let freeze = crate::identity::Freeze {
                by: *by,
                at: context.time,
                reason: *reason,
            };
            accounts::set_freeze(overlay, *by, *account, *scope, Some(freeze))
        }
        Action::Unfreeze { by, account, scope, .. } => accounts::set_freeze(overlay, *by, *account, *scope, None),
        Action::CloseAccount { operator, account } => accounts::close(overlay, *operator, *account),
        Action::Council(action) => council::apply(overlay, context, action),
        Action::ReportEvidence { reporter, evidence } => evidence::report(overlay, context, *reporter, evidence),
        Action::Settle(action) => return settlement::apply(overlay, context, action),
        Action::Offline(action) => offline::apply(overlay, context, action),
    };
    done.map(|()| None)
}

fn account<'a>(overlay: &'a Overlay<'_>, id: &AccountId) -> Result<&'a Account, Rejection> {
    overlay.account(id).ok_or(Rejection::UnknownAccount)
}

impl Account {
    /// Whether money may leave it.
    fn pays(&self) -> Result<(), Rejection> {
        match self.status {
            AccountStatus::Active => Ok(()),
            AccountStatus::Frozen(_) | AccountStatus::Closed => Err(Rejection::AccountNotActive),
        }
    }

    /// Whether it has not been closed: money may come in, and its operator may act on it.
    fn is_open(&self) -> Result<(), Rejection> {
        match self.status {
            AccountStatus::Active | AccountStatus::Frozen(_) => Ok(()),
            AccountStatus::Closed => Err(Rejection::AccountNotActive),
        }
    }
}

fn currency<'a>(overlay: &'a Overlay<'_>, code: Currency) -> Result<&'a CurrencyRecord, Rejection> {
    overlay.currency(code).ok_or(Rejection::UnknownCurrency)
}

/// Whether money of this currency may leave the account whose record this is.
fn moves(currency: &CurrencyRecord, payer: &BalanceRecord) -> Result<(), Rejection> {
    if currency.frozen || payer.frozen.is_some() {
        return Err(Rejection::CurrencyFrozen);
    }
    Ok(())
}
