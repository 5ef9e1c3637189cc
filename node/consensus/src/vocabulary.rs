//! What goes into a replica and what comes out of it.

use std::{sync::Arc, time::Duration};

use causeway_contracts::{
    block::{Block, BlockId, CommitCertificate, Height, TimeMs},
    committee::{ValidatorId, ValidatorSet, rotation::Rotation},
    evidence::Evidence,
};

use crate::{
    log::{LogEntry, Timer},
    message::Message,
    record::Signed,
};

/// A height, who decides it, and in what order they propose. Given once the height before is durable:
/// block, certificate and state.
#[derive(Debug, Clone)]
pub struct Setup {
    pub height: Height,
    pub validators: ValidatorSet,
    pub rotation: Rotation,
}

#[derive(Debug, Clone)]
pub enum Input {
    /// The height is next but not begun: what peers say of it is verified and kept.
    Await(Setup),
    /// Begins a height.
    Start(Setup),
    /// Begins the first height of this process, which may have been begun before: replays its log.
    Recover(Setup, Vec<LogEntry>),
    /// A peer said something. `arrived` is by this node's clock.
    Message {
        from: ValidatorId,
        message: Message,
        arrived: TimeMs,
    },
    Timer(Timer),
    /// Answers [`Effect::Execute`].
    Executed {
        height: Height,
        block: BlockId,
        verdict: Verdict,
    },
    /// Answers [`Effect::NeedValue`] with a block that this node has executed.
    ValueReady {
        height: Height,
        round: u32,
        block: Arc<Block>,
    },
    /// This node, which has only observed, signs from this height on.
    SignFrom(Height),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Valid,
    /// Every honest validator refuses it.
    Invalid,
    /// It could not be executed: a batch could not be had. To be tried again.
    Unknown,
}

/// To be performed in order. Every [`Effect::Persist`] and [`Effect::Record`] is synced to disk before
/// any [`Effect::Send`] or [`Effect::Committed`] after it, in this list or a later one.
#[derive(Debug)]
pub enum Effect {
    /// Append to the consensus log.
    Persist(LogEntry),
    /// Append to the sign record.
    Record(Signed),
    /// To every other validator.
    Send(Message),
    SetTimer(Timer, Duration),
    CancelTimer(Timer),
    CancelTimers,
    /// This node proposes: draft a block and answer at once with [`Input::ValueReady`].
    NeedValue {
        height: Height,
        round: u32,
    },
    /// Get the block's batches, from `proposer` first, execute it, and answer with [`Input::Executed`].
    Execute {
        height: Height,
        id: BlockId,
        block: Arc<Block>,
        proposer: ValidatorId,
    },
    /// Others have begun the height that this node awaits.
    Begun(Height),
    /// Final. After it is durable, go on with [`Input::Await`] or [`Input::Start`] of the next height.
    Committed {
        block: Arc<Block>,
        certificate: CommitCertificate,
    },
    /// A validator has signed twice.
    Evidence(Box<Evidence>),
    PeerFault {
        peer: ValidatorId,
        fault: Fault,
    },
    /// This node must stop. Always the only effect.
    Halt(Halt),
}

/// What no honest validator sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    NotAMember,
    BadVoteSignature,
    BadProposalSignature,
    BadPolkaCertificate,
    BadRoundCertificate,
    NotTheProposer,
    /// A fresh block under another's name, or a repeated one whose author is no validator.
    WrongAuthor,
}

impl Fault {
    /// For logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAMember => "not_a_member",
            Self::BadVoteSignature => "bad_vote_signature",
            Self::BadProposalSignature => "bad_proposal_signature",
            Self::BadPolkaCertificate => "bad_polka_certificate",
            Self::BadRoundCertificate => "bad_round_certificate",
            Self::NotTheProposer => "not_the_proposer",
            Self::WrongAuthor => "wrong_author",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Halt {
    #[error("replaying the consensus log gave another {kind} at height {height}, round {round}, than was logged")]
    ReplayDivergence {
        kind: malachite_core::RecordKind,
        height: Height,
        round: u32,
    },
    #[error("the consensus core failed: {0}")]
    Core(CoreFault),
}

/// An error of the consensus core. There is no input that may cause one.
#[derive(Debug)]
pub struct CoreFault(pub(crate) Box<malachite_core::Error<crate::context::Context>>);

impl std::fmt::Display for CoreFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
