//! What goes into a validator and what comes out of it.

use std::{sync::Arc, time::Duration};

use causeway_contracts::{
    block::{Block, BlockId, CheckpointCertificate, Checkpoints, CommitCertificate, Height, StateHash, TimeMs},
    codec::DecodeError,
    committee::{ValidatorId, ValidatorSet, rotation::Rotation},
    evidence::Evidence,
    merkle::Root,
    protocol::{Protocol, ProtocolVersion},
};

use crate::{
    catch_up::BadBlock,
    log::{LogEntry, Timer},
    message::MessageError,
    record::Signed,
    vocabulary::{Fault, Halt, Verdict},
};

/// The state after a committed block, and who decides the next.
#[derive(Debug, Clone)]
pub struct Committed {
    pub height: Height,
    pub time_ms: TimeMs,
    pub block: BlockId,
    pub state_hash: StateHash,
    /// Over the state after the block that was last certified so.
    pub checkpoint_root: Root,
    pub checkpoints: Checkpoints,
    pub validators: ValidatorSet,
    /// Who decides the block after the next.
    pub next_validators: ValidatorSet,
    pub rotation: Rotation,
    pub protocol: Protocol,
}

impl Committed {
    /// The version in force for the next block.
    pub fn next_version(&self) -> ProtocolVersion {
        self.protocol.at(self.height.next())
    }
}

#[derive(Debug, Clone)]
pub enum Event {
    /// The first event, and only that.
    Begin,
    /// A consensus message from a validator, not yet decoded. `arrived` is by this node's clock on the
    /// wall.
    Message {
        from: ValidatorId,
        payload: Vec<u8>,
        arrived: TimeMs,
    },
    /// How high a validator says it is, not yet decoded.
    Status {
        from: ValidatorId,
        payload: Vec<u8>,
    },
    Alarm(Alarm),
    /// There is something to order.
    BatchWaiting,
    /// Answers [`Action::TakeRoot`].
    Root {
        height: Height,
        root: Root,
    },
    /// Answers [`Action::Draft`] with a block that the ledger has executed.
    Drafted {
        height: Height,
        round: u32,
        block: Arc<Block>,
    },
    /// Answers [`Action::Execute`].
    Executed {
        height: Height,
        block: BlockId,
        verdict: Verdict,
    },
    /// Answers [`Action::Commit`]: the block is durable.
    Committed(Box<Committed>),
    /// Answers [`Action::Fetch`]; none if the peer gave no answer.
    Fetched {
        from: ValidatorId,
        answer: Option<Vec<u8>>,
    },
}

/// What a validator wants to be woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alarm {
    Consensus(Timer),
    /// To start the next height.
    Start,
    /// To say how high this node is.
    Status,
}

/// To be performed in order.
#[derive(Debug)]
pub enum Action {
    /// Append to the consensus log.
    Persist(LogEntry),
    /// Append to the sign record.
    Record(Signed),
    /// All that was appended is on disk before what follows; if that cannot be, the process stops.
    Sync,
    /// The log needs nothing from below this height any more.
    BeginHeight(Height),
    /// Sync, and take the record for whole from now on: this node signs from `first` on.
    ConfirmRecord {
        first: Height,
    },
    /// To every other validator. May be lost: all is said again or can be fetched.
    SendMessage(Vec<u8>),
    /// The same, of the lowest urgency.
    SendStatus(Vec<u8>),
    /// In place of an alarm of the same name.
    SetTimer(Alarm, Duration),
    CancelTimer(Alarm),
    /// All of [`Alarm::Consensus`].
    CancelConsensusTimers,
    /// Draft a block and answer at once. A node that is short of disk space does not answer.
    Draft {
        height: Height,
        round: u32,
        checkpoint: Option<CheckpointCertificate>,
    },
    /// Work out the root over the state as it is now, after the block of this height, beside all else, and
    /// answer with it if it can be had.
    TakeRoot {
        height: Height,
    },
    /// Get the block's batches, from `proposer` first, execute it, and answer. All batches that this
    /// node holds are on disk before the answer: a vote vouches for them.
    Execute {
        height: Height,
        id: BlockId,
        block: Arc<Block>,
        proposer: ValidatorId,
    },
    /// Get the block's batches, from `source` first, for as long as it takes, make the block durable
    /// together with what it does, and answer.
    Commit {
        block: Arc<Block>,
        certificate: CommitCertificate,
        source: ValidatorId,
    },
    /// Put a question to a validator and answer.
    Fetch {
        from: ValidatorId,
        request: Vec<u8>,
    },
    /// A validator has signed two things of which an honest one signs at most one.
    Report(Box<Evidence>),
    Blame(ValidatorId, Misconduct),
    /// This node must stop.
    Stop(Stop),
}

/// What no honest validator sends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misconduct {
    #[error("a consensus message that is not good: {}", .0.name())]
    Consensus(Fault),
    #[error("a consensus message that cannot be read: {0}")]
    Message(#[source] MessageError),
    #[error("a status that cannot be read: {0}")]
    Status(#[source] DecodeError),
    #[error("a root of its state under a signature that is not good")]
    Checkpoint,
    #[error("an answer that cannot be read, or to another question")]
    FetchResponse,
    #[error("a block as final that is not: {0}")]
    NotFinal(#[source] BadBlock),
}

impl Misconduct {
    /// For logs and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Consensus(fault) => fault.name(),
            Self::Message(_) => "bad_consensus_message",
            Self::Status(_) => "bad_status",
            Self::Checkpoint => "bad_checkpoint",
            Self::FetchResponse => "bad_fetch_response",
            Self::NotFinal(_) => "bad_certified_block",
        }
    }
}

/// Why a node must stop.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    #[error(transparent)]
    Halt(#[from] Halt),
    #[error("blocks {one} and {other} are both certified at height {height}")]
    TwoBlocks {
        height: Height,
        one: BlockId,
        other: BlockId,
    },
    #[error(
        "the state after block {height} is certified with root {certified}, and this node's has root {own}: its memory, \
         disk or program is wrong"
    )]
    OtherState { height: Height, certified: Root, own: Root },
    #[error(
        "this program implements protocol versions up to {known}, and the council has set version {needed} from height \
         {from} on: install a newer program and start it again"
    )]
    NeedsVersion {
        needed: ProtocolVersion,
        known: ProtocolVersion,
        from: Height,
    },
}

/// How it goes, for the API and metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Status {
    /// The last block that is durable here.
    pub committed: Height,
    /// The highest that peers with more than f of the power say they have.
    pub best: Height,
    /// Of the height that is being decided; none between heights.
    pub round: Option<u32>,
    /// Whether this node signs, or only observes because its sign record is missing or is of a later
    /// height.
    pub signing: bool,
}
