//! Whether those who must agree to a transaction have signed it.

use super::{overlay::Overlay, rejection::Skip};
use crate::{
    identity::KeyPolicy,
    keys::PublicKey,
    transaction::{Action, Authority, SignedTransaction},
};

/// Who may sign.
enum Policy<'a> {
    Keys(&'a KeyPolicy),
    /// This key, alone.
    Key(&'a PublicKey),
}

impl Policy<'_> {
    fn weight(&self, key: &PublicKey) -> Option<u32> {
        match self {
            Self::Keys(policy) => {
                let found = policy.keys.iter().find(|weighted| weighted.key == *key)?;
                Some(u32::from(found.weight))
            }
            Self::Key(only) => (*only == key).then_some(1),
        }
    }

    fn threshold(&self) -> u32 {
        match self {
            Self::Keys(policy) => policy.threshold,
            Self::Key(_) => 1,
        }
    }
}

/// The policy of an authority, in the state before the transaction.
fn policy<'a>(overlay: &'a Overlay<'_>, authority: &Authority) -> Option<Policy<'a>> {
    if let Authority::Validator(id) = authority {
        let validator = overlay.base().validators.by_id(id)?;
        return Some(Policy::Key(&validator.key));
    }
    keys(overlay, authority).map(Policy::Keys)
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
        Authority::Validator(_) => None,
    }
}

/// Every action's policy must be met by the signatures together, and every signature must count
/// towards some policy: one that does not would let others add signatures at will.
pub(super) fn check(overlay: &Overlay<'_>, signed: &SignedTransaction) -> Result<(), Skip> {
    // One bit for each of at most 16 signatures.
    let mut counted = 0u32;
    let mut met = true;
    let mut previous = None;
    for authority in signed.transaction.actions.iter().map(Action::authority) {
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
