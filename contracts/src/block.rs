//! Blocks, batches and commit certificates: what validators agree on and what anyone can check.

pub mod batch;
pub mod certificate;
pub mod checkpoint;

use std::fmt;

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

pub use self::{
    batch::{Batch, BatchBytes, BatchDigest, HashedBatch, SignedBatch},
    certificate::{CertificateError, CommitCertificate, CommitSignature, VoteKind, proposal_message, vote_message},
    checkpoint::{CheckpointCertificate, Checkpoints, checkpoint_message},
};
use crate::{
    codec::{self, Bounded, hex_newtype},
    committee::ValidatorId,
    merkle::{self, Root},
    protocol::ProtocolVersion,
};

/// A block names at most this many batches. Fixed.
pub const BATCHES_MAX: usize = 256;

/// Wire length of a [`Block`]. Fixed; its batches travel apart.
pub const BLOCK_BYTES_MAX: usize = 32 * 1024;

/// A block's place in the chain; the genesis state is height 0, the first block height 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Height(pub u64);

impl Height {
    pub const GENESIS: Self = Self(0);

    /// # Panics
    /// After 2^64 heights.
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("heights do not run out"))
    }
}

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct TimeMs(pub u64);

hex_newtype!(
    /// The hash of a network's genesis; it names the network.
    GenesisHash,
    32
);

hex_newtype!(
    /// The first 8 bytes of a [`GenesisHash`], as transactions carry it.
    GenesisPrefix,
    8
);

impl GenesisHash {
    pub fn prefix(&self) -> GenesisPrefix {
        GenesisPrefix(self.0[..8].try_into().expect("a hash has 32 bytes"))
    }
}

hex_newtype!(
    /// SHA-256 over `causeway/block/1` and the canonical bytes of a [`Header`].
    BlockId,
    32
);

hex_newtype!(
    /// Commits to the state after a block by its history:
    /// SHA-256 over `causeway/state/1`, the parent's state hash and the block's changes root.
    StateHash,
    32
);

impl StateHash {
    pub fn after(self, changes: &Root) -> Self {
        Self(codec::hash("causeway/state/1", &[&self.0, changes.as_bytes()]))
    }
}

/// What a block says about itself and about the state after it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The version of the protocol that is in force for this height.
    pub version: ProtocolVersion,
    pub genesis: GenesisHash,
    pub height: Height,
    /// Above the parent's; by the proposer's clock otherwise.
    pub time_ms: TimeMs,
    pub parent: BlockId,
    /// The author, also where another validator proposed the block again.
    pub proposer: ValidatorId,
    /// Merkle root over the batches' digests, in order, and after them the encoded checkpoint certificate, if
    /// the block carries one.
    pub batches_root: Root,
    pub transaction_count: u32,
    /// Merkle root over the canonical bytes of the receipts, in order.
    pub receipts_root: Root,
    /// Merkle root over every state entry that the block changed, sorted by key.
    pub changes_root: Root,
    pub state_hash: StateHash,
    /// Merkle root over the whole state after the block that was last certified so, as the certificate that
    /// this block carries says, or its parent's; at first the genesis state's.
    pub checkpoint_root: Root,
    /// The hash of the validators that decide this block.
    pub validators_hash: Root,
    /// The hash of the validators that decide the next one.
    pub next_validators_hash: Root,
}

impl Header {
    pub fn id(&self) -> BlockId {
        BlockId(codec::hash("causeway/block/1", &[&codec::encode(self)]))
    }
}

/// A header with the digests of its batches, which it commits to.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    pub header: Header,
    pub batches: Bounded<BatchDigest, BATCHES_MAX>,
    /// For the state after the block that was due. The header commits to it too: else a block could be valid
    /// with one certificate and not with another, under the same id.
    #[serde(default)]
    pub checkpoint: Option<CheckpointCertificate>,
}

impl Block {
    pub fn id(&self) -> BlockId {
        self.header.id()
    }

    /// The root that the header of a block with this content carries.
    pub fn batches_root(&self) -> Root {
        batches_root(&self.batches, self.checkpoint.as_ref())
    }
}

/// The Merkle root over batch digests, and the certificate after them, that a header carries.
pub fn batches_root(digests: &[BatchDigest], checkpoint: Option<&CheckpointCertificate>) -> Root {
    let digests = digests.iter().map(|digest| merkle::leaf(digest.as_bytes()));
    let checkpoint = checkpoint.map(|certificate| merkle::leaf(&codec::encode(certificate)));
    merkle::root(digests.chain(checkpoint).collect())
}

/// The id that stands as the parent of the first block.
pub fn genesis_block_id(genesis: &GenesisHash) -> BlockId {
    BlockId(codec::hash("causeway/block/1", &[genesis.as_bytes()]))
}
