//! How validators agree on the next block: Tendermint ("The latest gossip on BFT consensus",
//! arXiv:1807.04938) by the Malachite project's core, driven as a pure function.
//!
//! [`Replica::handle`] takes one [`Input`] and gives [`Effect`]s to perform in order. It does no I/O,
//! reads no clock and draws no random number: the node's actor performs effects against a network and
//! disks, a simulator against virtual ones, and equal inputs give equal effects.
//!
//! What holds, whatever comes in:
//! 1. Nothing is sent and nothing decided before what led to it is in the consensus log.
//! 2. The [`SignRecord`], kept apart from the log, lets no second, different signature be made for a
//!    step, whatever the core asks for.
//! 3. The core hears of a message only after its signatures were found good, once.
//! 4. A block is executed at most once, and called invalid only for what every honest node refuses.
//! 5. After a restart the log brings the replica to where it was; what it sends then, it sent before.
//!
//! The replica does not catch up: a certified block is executed and committed without the core, and it
//! is told of the height after it. That is done by the [`Validator`] around it, the same way: one
//! [`Event`] in, [`Action`]s out.

mod candidates;
mod catch_up;
mod chain;
mod checkpoints;
mod context;
mod conversion;
mod engine;
mod exchange;
mod expected;
mod files;
pub mod frame;
mod log;
mod message;
mod moment;
mod pace;
mod record;
mod replica;
mod reports;
mod scheme;
mod snapshot_sync;
mod validator;
mod verification;
mod vocabulary;
pub mod wire;

pub use self::{
    catch_up::BadBlock,
    chain::{Chain, Draft, WrongHeight},
    checkpoints::SignedRoot,
    engine::Signing,
    exchange::{
        Authors, BatchFault, BatchMisconduct, CheckedBatch, Exchange, ExchangeAction, GatherError, Gathered, Question,
        RawBatch, Signatures, Wanted, WhyDropped, Yield, check_batches, yields,
    },
    files::{Absent, Files, FilesError, Folder, JournalError, Recovered},
    log::{JudgedValue, LOG_ENTRY_BYTES_MAX, LogEntry, Timer, TimerKind},
    message::{
        MESSAGE_BYTES_MAX, Message, MessageError, PolkaCertificate, PolkaSignature, Proposal, ROUND_MAX,
        RoundCertificate, RoundCertificateKind, RoundSignature, Vote,
    },
    moment::Moment,
    pace::{BLOCK_INTERVAL_IDLE, BLOCK_INTERVAL_MIN},
    record::{Permission, SIGNED_BYTES_MAX, SignRecord, Signed, Step, StepKind, Subject},
    replica::Replica,
    reports::Reports,
    scheme::{Ed25519, Scheme},
    snapshot_sync::{
        BadHandover, BadOffer, Deciders, GiveUp, SnapshotSync, SyncAction, SyncMisconduct, SyncQuestion, check_offer,
        follow,
    },
    validator::{Action, Alarm, Beginning, Committed, Event, Misconduct, Status, Stop, Validator},
    vocabulary::{CoreFault, Effect, Fault, Halt, Input, Setup, Verdict},
};
