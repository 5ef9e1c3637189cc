//! Whether those who must agree to a transaction have signed it.

use super::{overlay::Overlay, rejection::Skip};
use crate::{
    identity::KeyPolicy,
    transaction::{Action, Authority, SignedTransaction},
};

/// The key policy of an authority, in the state before the transaction.
fn policy<'a>(overlay: &'a Overlay<'_>, authority: &Authority) -> Option<&'a KeyPolicy> {
    match authority {
        Authority::Account(id) => overlay.account(id).map(|account| &account.keys),
        Authority::Participant(id) => overlay.participant(*id).map(|participant| &participant.keys),
        Authority::Issuer(code) => {
            let issuer = overlay.currency(*code)?.issuer;
            overlay.participant(issuer).map(|participant| &participant.keys)
        }
        Authority::Council => Some(&overlay.base().council),
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
            if let Some(found) = policy.keys.iter().find(|weighted| weighted.key == entry.key) {
                counted |= 1 << at;
                weight += u32::from(found.weight);
            }
        }
        met &= weight >= policy.threshold;
        previous = Some(authority);
    }
    if counted.count_ones() as usize != signed.signatures.len() {
        return Err(Skip::UnknownSigner);
    }
    if met { Ok(()) } else { Err(Skip::ThresholdNotMet) }
}
