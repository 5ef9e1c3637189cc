//! What validators ask each other for, and the answers. Canonical bytes, as everything on the wire.

use bincode::{Decode, Encode};
use causeway_contracts::{
    block::{BATCHES_MAX, BatchDigest, Block, CommitCertificate, Height, SignedBatch},
    codec::{self, Bounded, DecodeError},
};

use super::message::{FETCH_REQUEST_BYTES_MAX, FETCH_RESPONSE_BYTES_MAX};

/// An answer holds at most this many blocks.
pub const BLOCKS_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum FetchRequest {
    /// Final blocks from a height on.
    Blocks { from: Height },
    /// Batches by their digests.
    Batches { digests: Bounded<BatchDigest, BATCHES_MAX> },
}

impl FetchRequest {
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, FETCH_REQUEST_BYTES_MAX)
    }
}

/// Holds as much of what was asked for as there is and as fits, in the order in which it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum FetchResponse {
    /// Of consecutive heights.
    Blocks(Bounded<CertifiedBlock, BLOCKS_MAX>),
    Batches(Bounded<SignedBatch, BATCHES_MAX>),
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CertifiedBlock {
    pub block: Block,
    pub certificate: CommitCertificate,
}

impl FetchResponse {
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, FETCH_RESPONSE_BYTES_MAX)
    }
}

// A block and its certificate take fewer bytes than this, so that an answer full of them fits.
const _: () = assert!(BLOCKS_MAX * 64 * 1024 <= FETCH_RESPONSE_BYTES_MAX);
