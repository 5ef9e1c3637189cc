//! What validators say to each other about the next block, in canonical bytes.
//!
//! Every signature covers the network and the height; who signed is told beside it, since the key says
//! it. Rounds are `u32` and bounded: there is no round before the first.

use bincode::{Decode, Encode};
use causeway_contracts::{
    block::{Block, BlockId, GenesisHash, Height, VoteKind, proposal_message, vote_message},
    codec::{self, Bounded, DecodeError},
    committee::{VALIDATORS_MAX, ValidatorId},
    keys::Signature,
};

/// Wire length of a [`Message`]. A proposal carries a block of at most 16 KiB; the longest is a round
/// certificate with all 256 signatures, about 31 KiB.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// No honest validator comes to a higher round: at 300 ms each, that is 58 days without a decision.
pub const ROUND_MAX: u32 = 1 << 24;

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Message {
    Vote(Vote),
    Proposal(Box<Proposal>),
    Polka(PolkaCertificate),
    Round(RoundCertificate),
}

/// A prevote or precommit for a block, or for none.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Vote {
    pub kind: VoteKind,
    pub height: Height,
    pub round: u32,
    pub block: Option<BlockId>,
    pub validator: ValidatorId,
    pub signature: Signature,
}

/// The proposer's block for a round. With a proof-of-lock round, a block that more than two thirds have
/// prevoted in that round; without, a fresh one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Proposal {
    pub height: Height,
    pub round: u32,
    pub lock_round: Option<u32>,
    pub block: Block,
    pub validator: ValidatorId,
    pub signature: Signature,
}

/// Prevotes for one block by more than two thirds of the power.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PolkaCertificate {
    pub height: Height,
    pub round: u32,
    pub block: BlockId,
    /// Ascending by validator, each once.
    pub signatures: Bounded<PolkaSignature, VALIDATORS_MAX>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PolkaSignature {
    pub validator: ValidatorId,
    pub signature: Signature,
}

/// Why it is right to be in a later round.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RoundCertificate {
    pub height: Height,
    pub round: u32,
    pub kind: RoundCertificateKind,
    /// Ascending by validator, each once.
    pub signatures: Bounded<RoundSignature, VALIDATORS_MAX>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum RoundCertificateKind {
    /// More than a third of the power has voted in `round`: come to it.
    Skip,
    /// More than two thirds have precommitted in `round`: go past it.
    Precommit,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RoundSignature {
    pub validator: ValidatorId,
    pub kind: VoteKind,
    pub block: Option<BlockId>,
    pub signature: Signature,
}

impl Vote {
    pub fn signed_bytes(&self, genesis: &GenesisHash) -> [u8; 78] {
        vote_message(genesis, self.kind, self.height, self.round, self.block.as_ref())
    }
}

impl Proposal {
    pub fn signed_bytes(&self, genesis: &GenesisHash) -> [u8; 81] {
        proposal_message(genesis, self.height, self.round, self.lock_round, &self.block.id())
    }
}

/// Why bytes are not a message that an honest validator sends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error("round {0} is above {ROUND_MAX}")]
    Round(u32),
    #[error("a proposal's proof-of-lock round must be below its round")]
    LockRound,
    #[error("signatures are not in ascending order of validators, each once")]
    SignersNotAscending,
    #[error("the block in the proposal is of another height")]
    BlockHeight,
    #[error("the block in the proposal does not name the batches that its header commits to")]
    Batches,
}

impl Message {
    pub fn height(&self) -> Height {
        match self {
            Self::Vote(vote) => vote.height,
            Self::Proposal(proposal) => proposal.height,
            Self::Polka(certificate) => certificate.height,
            Self::Round(certificate) => certificate.height,
        }
    }

    pub fn round(&self) -> u32 {
        match self {
            Self::Vote(vote) => vote.round,
            Self::Proposal(proposal) => proposal.round,
            Self::Polka(certificate) => certificate.round,
            Self::Round(certificate) => certificate.round,
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads a message and checks all that needs no validator set.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let message: Self = codec::decode(bytes, MESSAGE_BYTES_MAX)?;
        message.check()?;
        Ok(message)
    }

    fn check(&self) -> Result<(), MessageError> {
        if self.round() > ROUND_MAX {
            return Err(MessageError::Round(self.round()));
        }
        match self {
            Self::Vote(_) => Ok(()),
            Self::Proposal(proposal) => {
                if proposal.lock_round.is_some_and(|lock| lock >= proposal.round) {
                    return Err(MessageError::LockRound);
                }
                if proposal.block.header.height != proposal.height {
                    return Err(MessageError::BlockHeight);
                }
                // Else two proposals with the same block id could be judged differently.
                if proposal.block.batches_root() != proposal.block.header.batches_root {
                    return Err(MessageError::Batches);
                }
                Ok(())
            }
            Self::Polka(certificate) => ascending(certificate.signatures.iter().map(|s| &s.validator)),
            Self::Round(certificate) => ascending(certificate.signatures.iter().map(|s| &s.validator)),
        }
    }
}

fn ascending<'a>(signers: impl Iterator<Item = &'a ValidatorId>) -> Result<(), MessageError> {
    if signers.is_sorted_by(|a, b| a < b) {
        Ok(())
    } else {
        Err(MessageError::SignersNotAscending)
    }
}

#[cfg(test)]
mod tests;
