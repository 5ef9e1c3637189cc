//! Whether those who must agree to a transaction have signed it.

use super::{overlay::Overlay, rejection::Skip};
use crate::{
    identity::KeyPolicy,
    keys::PublicKey,
    settlement::{Contract, Terms},
    transaction::{Action, Authority, SignedTransaction},
};

/// Who may sign.
enum Policy<'a> {
    Keys(&'a KeyPolicy),
    /// This key, alone.
    Key(&'a PublicKey),
    /// Any key that this contract's conditions name, and none of them too.
    Witnesses(Option<&'a Contract>),
}

impl Policy<'_> {
    fn weight(&self, key: &PublicKey) -> Option<u32> {
        match self {
            Self::Keys(policy) => {
                let found = policy.keys.iter().find(|weighted| weighted.key == *key)?;
                Some(u32::from(found.weight))
            }
            Self::Key(only) => (*only == key).then_some(1),
            Self::Witnesses(contract) => match &contract.as_ref()?.terms {
                Terms::Escrow(escrow) => {
                    let named = escrow.release_when.names(key) || escrow.refund_when.names(key);
                    named.then_some(1)
                }
                _ => None,
            },
        }
    }

    fn threshold(&self) -> u32 {
        match self {
            Self::Keys(policy) => policy.threshold,
            Self::Key(_) => 1,
            Self::Witnesses(_) => 0,
        }
    }
}

/// The policy of an authority, in the state before the transaction.
fn policy<'a>(overlay: &'a Overlay<'_>, authority: &Authority) -> Option<Policy<'a>> {
    match authority {
        Authority::Validator(id) => {
            let validator = overlay.base().validators.by_id(id)?;
            Some(Policy::Key(&validator.key))
        }
        Authority::Witnesses(id) => Some(Policy::Witnesses(overlay.contract(id))),
        _ => keys(overlay, authority).map(Policy::Keys),
    }
}

fn keys<'a>(overlay: &'a Overlay<'_>, authority: &Authority) -> Option<&'a KeyPolicy> {
    match authority {
        Authority::Account(id) => overlay.account(id).map(|account| &account.keys),
        Authority::Participant(id) => overlay.participant(*id).map(|participant| &participant.keys),
        Authority::Issuer(code) => {
            let issuer = overlay.currency(*code)?.issuer;
            overlay.participant(issuer).map(|participant| &participant.keys)
        }
        Authority::Council => Some(overlay.council()),
        Authority::Validator(_) | Authority::Witnesses(_) => None,
    }
}

/// Every action's policy must be met by the signatures together, and every signature must count
/// towards some policy: one that does not would let others add signatures at will.
pub(super) fn check(overlay: &Overlay<'_>, signed: &SignedTransaction) -> Result<(), Skip> {
    // One bit for each of at most 16 signatures.
    let mut counted = 0u32;
    let mut met = true;
    let mut previous = None;
    for authority in signed.transaction.actions.iter().flat_map(Action::authorities) {
        if previous == Some(authority) {
            continue;
        }
        let policy = policy(overlay, &authority).ok_or(Skip::UnknownSigner)?;
        let mut weight = 0;
        for (at, entry) in signed.signatures.iter().enumerate() {
            if let Some(counts) = policy.weight(&entry.key) {
                counted |= 1 << at;
                weight += counts;
            }
        }
        met &= weight >= policy.threshold();
        previous = Some(authority);
    }
    if counted.count_ones() as usize != signed.signatures.len() {
        return Err(Skip::UnknownSigner);
    }
    if met { Ok(()) } else { Err(Skip::ThresholdNotMet) }
}
