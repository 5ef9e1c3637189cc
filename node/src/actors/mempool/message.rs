//! What the mempool takes and gives.

use std::net::IpAddr;

use actix::Message;
pub use causeway_consensus::GatherError;
use causeway_consensus::Yield;
use causeway_contracts::{
    block::{BatchDigest, HashedBatch, Height, TimeMs},
    committee::ValidatorId,
    ledger::rejection::Skip,
    protocol::ProtocolVersion,
    transaction::{SignedTransaction, TransactionError, TxId},
};

use crate::actors::budget::OverBudget;

/// Transactions from a client, decoded and checked but for their signatures and the ledger's state.
/// One answer for each, in order.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Result<TxId, Refusal>>")]
pub struct Submit {
    pub transactions: Vec<SignedTransaction>,
    pub client: IpAddr,
}

/// Why the mempool did not take a transaction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Invalid(#[from] TransactionError),
    #[error(transparent)]
    Skip(#[from] Skip),
    #[error("this validator has as many transactions waiting as it can hold; send it again later")]
    Busy,
    #[error(transparent)]
    OverBudget(#[from] OverBudget),
    #[error("{0} invalid signatures came from this address; it must wait")]
    Penalized(u32),
    #[error("this validator has too little disk space left to take transactions")]
    DiskLow,
    #[error(
        "this node is not a validator now, and takes no transactions; send it to a node that is, as its status says"
    )]
    NotAValidator,
}

/// Whether a transaction is taken and not yet in a final block, for `GET /v1/transactions/{id}`.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub struct IsPending(pub TxId);

/// Whether a transaction would be taken now, for the status and `GET /health`.
#[derive(Debug, Message)]
#[rtype(result = "Capacity")]
pub struct GetCapacity;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capacity {
    /// Transactions taken and not yet in a final block.
    pub pending: u64,
    /// What every transaction is refused with, such as [`Refusal::Busy`] or [`Refusal::DiskLow`].
    pub refusing: Option<Refusal>,
}

/// Batches to order next: the oldest first, but for an author of whose transactions many are skipped.
/// Each is verified and on disk.
#[derive(Debug, Message)]
#[rtype(result = "Vec<HashedBatch>")]
pub struct Ready {
    pub batches_max: usize,
    pub transactions_max: usize,
}

/// The batches of a block, verified and on disk. Waits, asking `proposer` and `author` at once, and then
/// the others in turns, for those
/// that are missing.
#[derive(Debug, Message)]
#[rtype(result = "Result<Vec<HashedBatch>, GatherError>")]
pub struct Gather {
    pub digests: Vec<BatchDigest>,
    /// Who proposed the block, or sent it.
    pub proposer: ValidatorId,
    /// Who made it; another may have proposed it again.
    pub author: ValidatorId,
    /// The version in force for its height, by the state before it.
    pub in_force: ProtocolVersion,
}

/// A block is final: its batches need not be ordered again, and those whose transactions have all
/// expired are dropped.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Ordered {
    pub height: Height,
    pub time_ms: TimeMs,
    pub digests: Vec<BatchDigest>,
    /// What became of them, author by author.
    pub yields: Vec<Yield>,
    /// The version in force for the next block.
    pub in_force: ProtocolVersion,
}

/// Told to the consensus actor when a batch waits to be ordered.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct BatchWaiting;
