//! Proof that a validator has signed two different things for one step, of which an honest one signs
//! one: two prevotes, two precommits or two proposals of a height and round.
//!
//! Only what is signed is in it, never a block, so it has at most 240 bytes. That both are of one
//! validator, height, round and kind is in its shape. The two stand in ascending order of what they say,
//! so that a pair of signatures is written in one way only; a pair that says the same is no evidence.
//! A block that is proposed again in a later round is another step; with the same proof-of-lock round it
//! is the same proposal.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    block::{BlockId, GenesisHash, Height, TimeMs, VoteKind, proposal_message, vote_message},
    committee::{ValidatorId, ValidatorSet},
    keys::{Domain, PublicKey, Signature, Signed},
    transaction::TxId,
};

/// The only version there is.
pub const EVIDENCE_VERSION: u16 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    pub version: u16,
    /// Who signed both.
    pub validator: ValidatorId,
    pub height: Height,
    pub round: u32,
    pub conflict: Conflict,
}

/// What was signed twice: `first` says less than `second`, as [`SignedVote`] and [`SignedProposal`] are
/// ordered without their signatures.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Conflict {
    Prevotes {
        first: SignedVote,
        second: SignedVote,
    },
    Precommits {
        first: SignedVote,
        second: SignedVote,
    },
    Proposals {
        first: SignedProposal,
        second: SignedProposal,
    },
}

/// A vote for a block, or for none.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignedVote {
    /// None comes before any.
    pub block: Option<BlockId>,
    pub signature: Signature,
}

/// A proposal of a block, new or of a proof-of-lock round.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignedProposal {
    /// Compared before the block; none comes before any.
    pub lock_round: Option<u32>,
    pub block: BlockId,
    pub signature: Signature,
}

/// Evidence that the ledger holds.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EvidenceRecord {
    pub evidence: Evidence,
    /// The validator that reported it.
    pub reporter: ValidatorId,
    /// The transaction in which it did, whose receipt says that it was recorded.
    pub transaction: TxId,
    /// The block that recorded it, and that block's time.
    pub height: Height,
    pub time_ms: TimeMs,
}

/// Why two signatures do not convict a validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    #[error("version {0} of evidence is not known; this network knows version {EVIDENCE_VERSION}")]
    Version(u16),
    #[error("{0} is not a validator")]
    NotAValidator(ValidatorId),
    #[error("both signatures are for the same")]
    Same,
    #[error("the two are not in ascending order of what they say")]
    Order,
    #[error("the first signature is not good")]
    FirstSignature,
    #[error("the second signature is not good")]
    SecondSignature,
}

/// What one validator signs at most once, but for the kind of signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    pub validator: ValidatorId,
    pub height: Height,
    pub round: u32,
}

impl SignedVote {
    fn says(&self) -> Option<BlockId> {
        self.block
    }
}

impl SignedProposal {
    fn says(&self) -> (Option<u32>, BlockId) {
        (self.lock_round, self.block)
    }
}

/// The two, the lesser first.
fn ascending<T, S: Ord>(pair: [T; 2], says: impl Fn(&T) -> S) -> [T; 2] {
    let [one, other] = pair;
    if says(&one) <= says(&other) {
        [one, other]
    } else {
        [other, one]
    }
}

fn check_order<S: Ord>(first: S, second: S) -> Result<(), EvidenceError> {
    match first.cmp(&second) {
        std::cmp::Ordering::Less => Ok(()),
        std::cmp::Ordering::Equal => Err(EvidenceError::Same),
        std::cmp::Ordering::Greater => Err(EvidenceError::Order),
    }
}

impl Conflict {
    fn check(&self) -> Result<(), EvidenceError> {
        match self {
            Self::Prevotes { first, second } | Self::Precommits { first, second } => {
                check_order(first.says(), second.says())
            }
            Self::Proposals { first, second } => check_order(first.says(), second.says()),
        }
    }
}

impl Evidence {
    /// Of two votes of one kind, in either order. Their signatures are not checked.
    pub fn of_votes(turn: Turn, kind: VoteKind, votes: [SignedVote; 2]) -> Result<Self, EvidenceError> {
        let [first, second] = ascending(votes, SignedVote::says);
        let conflict = match kind {
            VoteKind::Prevote => Conflict::Prevotes { first, second },
            VoteKind::Precommit => Conflict::Precommits { first, second },
        };
        Self::of(turn, conflict)
    }

    /// Of two proposals, in either order. Their signatures are not checked.
    pub fn of_proposals(turn: Turn, proposals: [SignedProposal; 2]) -> Result<Self, EvidenceError> {
        let [first, second] = ascending(proposals, SignedProposal::says);
        Self::of(turn, Conflict::Proposals { first, second })
    }

    fn of(turn: Turn, conflict: Conflict) -> Result<Self, EvidenceError> {
        conflict.check()?;
        Ok(Self {
            version: EVIDENCE_VERSION,
            validator: turn.validator,
            height: turn.height,
            round: turn.round,
            conflict,
        })
    }

    /// A word for people and metrics: what was signed twice.
    pub const fn kind(&self) -> &'static str {
        match self.conflict {
            Conflict::Prevotes { .. } => "prevotes",
            Conflict::Precommits { .. } => "precommits",
            Conflict::Proposals { .. } => "proposals",
        }
    }

    /// Checks it against a set that the validator is in.
    pub fn verify(&self, genesis: &GenesisHash, validators: &ValidatorSet) -> Result<(), EvidenceError> {
        let accused = validators.by_id(&self.validator);
        let key = accused
            .map(|validator| &validator.key)
            .ok_or(EvidenceError::NotAValidator(self.validator))?;
        self.verify_with(genesis, key, |signed| signed.verify().is_ok())
    }

    /// Checks it against the validator's key, by any way to check a signature.
    pub fn verify_with(
        &self,
        genesis: &GenesisHash,
        key: &PublicKey,
        is_good: impl Fn(&Signed<'_>) -> bool,
    ) -> Result<(), EvidenceError> {
        if self.version != EVIDENCE_VERSION {
            return Err(EvidenceError::Version(self.version));
        }
        if ValidatorId::of(key) != self.validator {
            return Err(EvidenceError::NotAValidator(self.validator));
        }
        self.conflict.check()?;
        let [first, second] = self.are_signed(genesis, *key, is_good);
        if !first {
            return Err(EvidenceError::FirstSignature);
        }
        if !second {
            return Err(EvidenceError::SecondSignature);
        }
        Ok(())
    }

    fn are_signed(&self, genesis: &GenesisHash, key: PublicKey, is_good: impl Fn(&Signed<'_>) -> bool) -> [bool; 2] {
        let (height, round) = (self.height, self.round);
        let check = |domain, message: &[u8], signature| {
            is_good(&Signed {
                key,
                domain,
                message,
                signature,
            })
        };
        let vote = |kind, vote: &SignedVote| {
            let message = vote_message(genesis, kind, height, round, vote.block.as_ref());
            check(Domain::Vote, &message, vote.signature)
        };
        let proposal = |proposal: &SignedProposal| {
            let message = proposal_message(genesis, height, round, proposal.lock_round, &proposal.block);
            check(Domain::Proposal, &message, proposal.signature)
        };
        match &self.conflict {
            Conflict::Prevotes { first, second } => [first, second].map(|it| vote(VoteKind::Prevote, it)),
            Conflict::Precommits { first, second } => [first, second].map(|it| vote(VoteKind::Precommit, it)),
            Conflict::Proposals { first, second } => [first, second].map(proposal),
        }
    }
}

#[cfg(test)]
mod tests;
