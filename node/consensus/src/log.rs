//! What a replica writes down before it acts, so that after a crash it says nothing else.

use bincode::{Decode, Encode};
use causeway_contracts::{
    block::{Block, Height},
    codec::{self, DecodeError},
    committee::ValidatorId,
};

use crate::message::{MESSAGE_BYTES_MAX, PolkaCertificate, Proposal, Vote};

/// Encoded length of a [`LogEntry`]: a message, or a block with few bytes around it.
pub const LOG_ENTRY_BYTES_MAX: usize = MESSAGE_BYTES_MAX + 64;

/// An input that changed what this replica may sign; replayed in order after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum LogEntry {
    Vote(Vote),
    Proposal(Box<Proposal>),
    Timeout(Timer),
    Value(Box<JudgedValue>),
    Polka(PolkaCertificate),
}

/// A timer of one round of one height: a late one of an earlier height must not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Timer {
    pub height: Height,
    pub round: u32,
    pub kind: TimerKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum TimerKind {
    Propose,
    Prevote,
    Precommit,
    /// Not for the protocol's steps: says again what was said last. Never logged.
    Rebroadcast,
}

/// A block that was executed, and whether its header told the truth.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct JudgedValue {
    pub height: Height,
    pub round: u32,
    pub lock_round: Option<u32>,
    /// Who proposed it in that round.
    pub proposer: ValidatorId,
    pub block: Block,
    pub valid: bool,
}

impl LogEntry {
    pub fn height(&self) -> Height {
        match self {
            Self::Vote(vote) => vote.height,
            Self::Proposal(proposal) => proposal.height,
            Self::Timeout(timer) => timer.height,
            Self::Value(value) => value.height,
            Self::Polka(certificate) => certificate.height,
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, LOG_ENTRY_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests;
