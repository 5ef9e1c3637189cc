//! What the consensus actor tells others: to peers, its height; to this process, how it goes.
//!
//! It takes [`crate::actors::network::message::Received`] of the lanes consensus and sync, and
//! [`crate::actors::mempool::message::BatchWaiting`].

use bincode::{Decode, Encode};
use causeway_contracts::{
    block::Height,
    codec::{self, DecodeError},
};

const STATUS_BYTES_MAX: usize = 16;

/// Said to every validator again and again, on the sync lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct PeerStatus {
    /// The last block that is durable there.
    pub height: Height,
}

impl PeerStatus {
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, STATUS_BYTES_MAX)
    }
}

/// How it goes, for the API and metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConsensusStatus {
    /// The last block that is durable here.
    pub committed: Height,
    /// The highest that any peer says it has. Not checked.
    pub best: Height,
    /// Of the height that is being decided; none between heights.
    pub round: Option<u32>,
    /// Whether this node signs, or only observes because its sign record is missing or is of a later
    /// height.
    pub signing: bool,
}
