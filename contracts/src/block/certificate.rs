//! Votes' and proposals' signed bytes, and the commit certificate that makes a block final.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{BlockId, GenesisHash, Height};
use crate::{
    codec::Bounded,
    committee::{VALIDATORS_MAX, ValidatorSet},
    keys::{Domain, Signature, Signed},
};

/// The two votes of Tendermint ("The latest gossip on BFT consensus", arXiv:1807.04938).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum VoteKind {
    Prevote,
    Precommit,
}

/// The bytes that a vote signs after its domain tag, 78 of them: genesis hash, kind (1 prevote,
/// 2 precommit), height and round as big-endian integers, then 1 and the block id, or 33 zeros for
/// nil. Who signed is not among them: the key says it, and so all validators sign the same bytes.
pub fn vote_message(
    genesis: &GenesisHash,
    kind: VoteKind,
    height: Height,
    round: u32,
    block: Option<&BlockId>,
) -> [u8; 78] {
    let mut bytes = [0; 78];
    bytes[..32].copy_from_slice(genesis.as_bytes());
    bytes[32] = match kind {
        VoteKind::Prevote => 1,
        VoteKind::Precommit => 2,
    };
    bytes[33..41].copy_from_slice(&height.0.to_be_bytes());
    bytes[41..45].copy_from_slice(&round.to_be_bytes());
    if let Some(id) = block {
        bytes[45] = 1;
        bytes[46..].copy_from_slice(id.as_bytes());
    }
    bytes
}

/// The bytes that a proposal signs after its domain tag, 81 of them: genesis hash, height and round as
/// big-endian integers, 1 and the proof-of-lock round or five zeros, block id.
pub fn proposal_message(
    genesis: &GenesisHash,
    height: Height,
    round: u32,
    lock_round: Option<u32>,
    block: &BlockId,
) -> [u8; 81] {
    let mut bytes = [0; 81];
    bytes[..32].copy_from_slice(genesis.as_bytes());
    bytes[32..40].copy_from_slice(&height.0.to_be_bytes());
    bytes[40..44].copy_from_slice(&round.to_be_bytes());
    if let Some(lock_round) = lock_round {
        bytes[44] = 1;
        bytes[45..49].copy_from_slice(&lock_round.to_be_bytes());
    }
    bytes[49..].copy_from_slice(block.as_bytes());
    bytes
}

/// A validator's precommit in a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CommitSignature {
    /// The signer's place in the [`ValidatorSet`].
    pub signer: u16,
    pub signature: Signature,
}

/// Precommits for one block by more than two thirds of the validators' power: the block is final.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CommitCertificate {
    pub height: Height,
    pub round: u32,
    pub block: BlockId,
    /// Ascending by signer, each once.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<CommitSignature>, max_items = 256))]
    pub signatures: Bounded<CommitSignature, VALIDATORS_MAX>,
}

/// Why a certificate does not make a block final.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    #[error("signers are not in ascending order, each once")]
    SignersNotAscending,
    #[error("signer {0} is not in the validator set")]
    UnknownSigner(u16),
    #[error("the signature of signer {0} is not good")]
    BadSignature(u16),
    #[error("signed by power {signed} of {total}; more than two thirds are needed")]
    NotEnoughPower { signed: u64, total: u64 },
}

impl CommitCertificate {
    /// Checks it against the set that decides blocks of its height.
    pub fn verify(&self, genesis: &GenesisHash, validators: &ValidatorSet) -> Result<(), CertificateError> {
        self.verify_with(genesis, validators, |signed| signed.verify().is_ok())
    }

    /// The same, with another way to check a signature.
    pub fn verify_with(
        &self,
        genesis: &GenesisHash,
        validators: &ValidatorSet,
        is_good: impl Fn(&Signed<'_>) -> bool,
    ) -> Result<(), CertificateError> {
        let message = vote_message(genesis, VoteKind::Precommit, self.height, self.round, Some(&self.block));
        verify_signatures(&self.signatures, validators, Domain::Vote, &message, is_good)
    }
}

/// Checks that validators with more than two thirds of the power have signed a message.
pub(super) fn verify_signatures(
    signatures: &[CommitSignature],
    validators: &ValidatorSet,
    domain: Domain,
    message: &[u8],
    is_good: impl Fn(&Signed<'_>) -> bool,
) -> Result<(), CertificateError> {
    if !signatures.is_sorted_by(|a, b| a.signer < b.signer) {
        return Err(CertificateError::SignersNotAscending);
    }
    // Power first: it costs nothing, and spares the signatures of a certificate that cannot be good.
    let mut signed = 0;
    for entry in signatures {
        let validator = validators
            .get(entry.signer)
            .ok_or(CertificateError::UnknownSigner(entry.signer))?;
        signed += validator.power;
    }
    if !validators.is_quorum(signed) {
        return Err(CertificateError::NotEnoughPower {
            signed,
            total: validators.total_power(),
        });
    }
    for entry in signatures {
        let validator = validators.get(entry.signer).expect("looked up above");
        let signed = Signed {
            key: validator.key,
            domain,
            message,
            signature: entry.signature,
        };
        if !is_good(&signed) {
            return Err(CertificateError::BadSignature(entry.signer));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
