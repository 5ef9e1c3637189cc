//! The sign record: a memory of what this validator's key has signed, apart from the consensus log,
//! that refuses a second, different signature for the same step whatever the rest of the program thinks.

use std::{cmp::Ordering, collections::BTreeMap};

use bincode::{Decode, Encode};
use causeway_contracts::{
    block::{BlockId, Height, VoteKind},
    codec::{self, DecodeError},
};

use crate::log::LogEntry;

/// Encoded length of a [`Signed`].
pub const SIGNED_BYTES_MAX: usize = 64;

/// Steps of a height remembered at most. Older ones are refused without being remembered.
const STEPS_MAX: usize = 1024;

/// Where in the protocol a signature belongs. Within a height, signatures are made in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Step {
    pub round: u32,
    pub kind: StepKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum StepKind {
    Proposal,
    Prevote,
    Precommit,
}

impl From<VoteKind> for StepKind {
    fn from(kind: VoteKind) -> Self {
        match kind {
            VoteKind::Prevote => Self::Prevote,
            VoteKind::Precommit => Self::Precommit,
        }
    }
}

/// What was signed in a step. All that the signature covers beyond height and step is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Subject {
    pub block: Option<BlockId>,
    /// Of a proposal; none in a vote.
    pub lock_round: Option<u32>,
}

/// A signature that was made, as it is written to disk before the signature leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Signed {
    pub height: Height,
    pub step: Step,
    pub subject: Subject,
}

impl Signed {
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, SIGNED_BYTES_MAX)
    }

    /// As if all that there is to sign at a height had been signed: refuses it and all below.
    pub fn closing(height: Height) -> Self {
        Self {
            height,
            step: Step {
                round: u32::MAX,
                kind: StepKind::Precommit,
            },
            subject: Subject {
                block: None,
                lock_round: None,
            },
        }
    }

    /// What of this validator's own the entry shows to be signed.
    pub fn of(entry: &LogEntry) -> Option<Self> {
        match entry {
            LogEntry::Vote(vote) => Some(Self {
                height: vote.height,
                step: Step {
                    round: vote.round,
                    kind: vote.kind.into(),
                },
                subject: Subject {
                    block: vote.block,
                    lock_round: None,
                },
            }),
            LogEntry::Proposal(proposal) => Some(Self {
                height: proposal.height,
                step: Step {
                    round: proposal.round,
                    kind: StepKind::Proposal,
                },
                subject: Subject {
                    block: Some(proposal.block.id()),
                    lock_round: proposal.lock_round,
                },
            }),
            LogEntry::Timeout(_) | LogEntry::Value(_) | LogEntry::Polka(_) => None,
        }
    }
}

/// The answer to a wish to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Write this down, and sync it before the signature leaves.
    New(Signed),
    /// The very same was signed before; signing it again adds nothing.
    Again,
    /// Another thing was, or may have been, signed there.
    Refused,
}

/// The highest height in which something was signed, and all that was signed in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignRecord {
    height: Height,
    steps: BTreeMap<Step, Subject>,
}

impl SignRecord {
    pub fn height(&self) -> Height {
        self.height
    }

    /// All that is needed to make this record again.
    pub fn entries(&self) -> impl Iterator<Item = Signed> {
        self.steps.iter().map(|(&step, &subject)| Signed {
            height: self.height,
            step,
            subject,
        })
    }

    /// Asks to sign, and remembers it if it is granted.
    pub fn sign(&mut self, signed: Signed) -> Permission {
        let Signed { height, step, subject } = signed;
        if height < self.height {
            return Permission::Refused;
        }
        if height == self.height {
            match self.steps.get(&step) {
                Some(before) if *before == subject => return Permission::Again,
                Some(_) => return Permission::Refused,
                // Below the highest and not remembered: it may have been forgotten.
                None if self.steps.keys().next_back().is_some_and(|&highest| step < highest) => {
                    return Permission::Refused;
                }
                None => {}
            }
        }
        self.insert(signed);
        Permission::New(signed)
    }

    /// Takes up what was read back from disk, in any order; says whether it was news. Keeps what it has
    /// where the two differ.
    pub fn absorb(&mut self, signed: Signed) -> bool {
        let news = match signed.height.cmp(&self.height) {
            Ordering::Less => false,
            Ordering::Equal => !self.steps.contains_key(&signed.step),
            Ordering::Greater => true,
        };
        if news {
            self.insert(signed);
        }
        news
    }

    fn insert(&mut self, Signed { height, step, subject }: Signed) {
        if height > self.height {
            self.steps.clear();
            self.height = height;
        }
        self.steps.insert(step, subject);
        if self.steps.len() > STEPS_MAX {
            self.steps.pop_first();
        }
    }
}

#[cfg(test)]
mod tests;
