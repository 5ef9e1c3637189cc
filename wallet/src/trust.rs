//! The validators that a wallet trusts, pinned in `trust.json`.
//!
//! Trust begins with a genesis file that its owner vouches for on the day it is put in (`causeway
//! init`), lasts 30 days, and begins anew with each proof that verifies.

use std::path::Path;

use causeway_contracts::{
    block::{GenesisHash, Height, TimeMs},
    codec::Bounded,
    committee::{ValidatorList, ValidatorSet, ValidatorSetError},
    genesis::Genesis,
    proof::{
        CertifiedHeader, EARLIER_MAX, EarlierSet, PaymentProof, ProofError, TRUST_MS, TrustedSet, VerifiedPayment,
    },
};
use serde::{Deserialize, Serialize};

use crate::durable::{self, FileError};

const TRUST_BYTES_MAX: u64 = 4 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pinned {
    genesis: GenesisHash,
    as_of: TimeMs,
    #[serde(default)]
    since: Height,
    validators: ValidatorList,
    /// Those that decided before.
    #[serde(default)]
    earlier: Bounded<PinnedBefore, EARLIER_MAX>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PinnedBefore {
    until: TimeMs,
    validators: ValidatorList,
}

#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("trust.json: {0}; run `causeway init` again with a genesis file that you trust")]
    Format(#[from] serde_json::Error),
    #[error("trust.json: {0}; run `causeway init` again with a genesis file that you trust")]
    Validators(#[from] ValidatorSetError),
    #[error("trust.json is for the network {pinned}, and the wallet's genesis file for {genesis}")]
    OtherNetwork { pinned: GenesisHash, genesis: GenesisHash },
}

/// The genesis validators, vouched for by the wallet's owner now.
pub fn vouched(genesis: &Genesis, now: TimeMs) -> Result<TrustedSet, ValidatorSetError> {
    let mut trusted = TrustedSet::of_genesis(genesis)?;
    trusted.seen(now);
    Ok(trusted)
}

/// Whether the trust has lapsed by the wallet's own clock: validators that have left may by then sign
/// another history, dated back, without a loss.
pub fn has_lapsed(trusted: &TrustedSet, now: TimeMs) -> bool {
    now.0.saturating_sub(trusted.as_of.0) > TRUST_MS
}

/// Checks a proof and, if it is good, renews the trust by it.
pub fn verify_and_renew(trusted: &mut TrustedSet, proof: &PaymentProof) -> Result<VerifiedPayment, ProofError> {
    verify_and_renew_once(trusted, proof, |_| false)
}

/// The same, without the signatures of a certificate that has verified before ([`TrustedSet::check_once`]).
pub fn verify_and_renew_once(
    trusted: &mut TrustedSet,
    proof: &PaymentProof,
    has_verified: impl FnOnce(&CertifiedHeader) -> bool,
) -> Result<VerifiedPayment, ProofError> {
    let verified = proof.verify_once(trusted, has_verified)?;
    *trusted = trusted.follow(&proof.handovers)?;
    trusted.seen(verified.time_ms);
    Ok(verified)
}

fn before(set: &EarlierSet) -> PinnedBefore {
    PinnedBefore {
        until: set.until,
        validators: set.validators.to_list(),
    }
}

pub fn save(path: &Path, trusted: &TrustedSet) -> Result<(), FileError> {
    let pinned = Pinned {
        genesis: trusted.genesis,
        as_of: trusted.as_of,
        since: trusted.since,
        validators: trusted.validators.to_list(),
        earlier: Bounded::new(trusted.earlier.iter().map(before).collect()).expect("as many as may be"),
    };
    let json = serde_json::to_vec_pretty(&pinned).expect("trust has a JSON form");
    durable::replace(path, &json)
}

pub fn load(path: &Path, genesis: GenesisHash) -> Result<TrustedSet, TrustError> {
    let pinned: Pinned = serde_json::from_slice(&durable::read(path, TRUST_BYTES_MAX)?)?;
    if pinned.genesis != genesis {
        return Err(TrustError::OtherNetwork {
            pinned: pinned.genesis,
            genesis,
        });
    }
    let earlier = pinned.earlier.into_vec().into_iter().map(|before| {
        Ok(EarlierSet {
            validators: before.validators.try_into()?,
            until: before.until,
        })
    });
    Ok(TrustedSet {
        genesis,
        validators: ValidatorSet::try_from(pinned.validators)?,
        as_of: pinned.as_of,
        since: pinned.since,
        earlier: earlier.collect::<Result<_, ValidatorSetError>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one that proofs for other programs are frozen under.
    const GENESIS: &str = include_str!("../../peers/python/tests/vectors/genesis.toml");

    #[test]
    fn how_far_changes_were_followed_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("trust.json");
        let genesis = Genesis::parse(GENESIS).expect("a genesis file");
        let mut trusted = vouched(&genesis, TimeMs(7)).expect("a good set");
        trusted.since = Height(12);
        save(&path, &trusted).expect("saved");
        assert_eq!(load(&path, genesis.hash()).expect("loaded"), trusted);
        // One of before says nothing of it.
        let json = std::fs::read_to_string(&path).expect("there");
        std::fs::write(&path, json.replace("\"since\": 12,", "")).expect("written");
        trusted.since = Height::GENESIS;
        assert_eq!(load(&path, genesis.hash()).expect("loaded"), trusted);
    }
}
