//! Checkpoints: now and then validators sign the root over their whole state, so that a state is believed
//! without the history that made it.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{
    GenesisHash, Height, TimeMs,
    certificate::{CertificateError, CommitSignature, verify_signatures},
};
use crate::{
    codec::Bounded,
    committee::{VALIDATORS_MAX, ValidatorSet},
    keys::{Domain, Signed},
    merkle::Root,
};

/// The bytes that a validator signs for its state after a block, 72 of them: genesis hash, height as a
/// big-endian integer, root. As with votes, the key says who signed.
pub fn checkpoint_message(genesis: &GenesisHash, height: Height, root: &Root) -> [u8; 72] {
    let mut bytes = [0; 72];
    bytes[..32].copy_from_slice(genesis.as_bytes());
    bytes[32..40].copy_from_slice(&height.0.to_be_bytes());
    bytes[40..].copy_from_slice(root.as_bytes());
    bytes
}

/// Signatures for one root of the state after a block by more than two thirds of the power that decides the
/// block which carries it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CheckpointCertificate {
    pub height: Height,
    /// Over all entries of [`crate::snapshot`].
    pub root: Root,
    /// Ascending by signer, each once.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<CommitSignature>, max_items = 256))]
    pub signatures: Bounded<CommitSignature, VALIDATORS_MAX>,
}

impl CheckpointCertificate {
    pub fn verify_with(
        &self,
        genesis: &GenesisHash,
        validators: &ValidatorSet,
        is_good: impl Fn(&Signed<'_>) -> bool,
    ) -> Result<(), CertificateError> {
        let message = checkpoint_message(genesis, self.height, &self.root);
        verify_signatures(&self.signatures, validators, Domain::Checkpoint, &message, is_good)
    }
}

/// Which block's state is to be certified, and which was last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub struct Checkpoints {
    /// The first block of a period of block time, until its state is certified or the next period begins.
    pub due: Option<Height>,
    /// The last block whose state is certified; the one with which the network began, before the first.
    pub certified: Height,
}

/// What a block does to checkpoints.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    pub height: Height,
    pub parent_time: TimeMs,
    pub time: TimeMs,
    pub period_seconds: u32,
    /// Of the certificate that it carries.
    pub certified: Option<Height>,
}

impl Checkpoints {
    pub fn after(self, turn: &Turn) -> Self {
        let period_ms = u64::from(turn.period_seconds) * 1000;
        let begins_period = turn.parent_time.0 / period_ms != turn.time.0 / period_ms;
        let (due, certified) = match turn.certified {
            Some(height) => (None, height),
            None => (self.due, self.certified),
        };
        Self {
            due: if begins_period { Some(turn.height) } else { due },
            certified,
        }
    }
}
