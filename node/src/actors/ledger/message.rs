//! What the ledger actor takes and gives.

use std::sync::Arc;

use actix::Message;
use causeway_consensus::Yield;
pub use causeway_consensus::{Committed, WrongHeight};
use causeway_contracts::{
    block::{Block, CommitCertificate, HashedBatch, Height},
    identity::{AccountId, ParticipantId},
    ledger::{InvalidBlock, receipt::Receipt, rejection::Skip},
    merkle::Root,
    settlement::ContractId,
    statement::ContractPage,
    transaction::{SignedTransaction, TxId},
};

/// Whether transactions could be ordered now, by committed state and this node's clock, or the last
/// block's time if that is later, and who would pay. One answer for each, in order.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Result<Spenders, Skip>>")]
pub struct Admit(pub Vec<Candidate>);

/// Whose budgets a transaction uses, by committed state: each account that pays, once, and each
/// participant that is its operator or acts itself, once. An act of the council is nobody's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spenders {
    pub accounts: Vec<AccountId>,
    pub operators: Vec<ParticipantId>,
}

#[derive(Debug, Clone)]
pub struct Candidate {
    pub id: TxId,
    pub transaction: Arc<SignedTransaction>,
}

/// Builds and executes the block after the committed one.
#[derive(Debug, Message)]
#[rtype(result = "Result<Block, WrongHeight>")]
pub struct Draft(pub causeway_consensus::Draft);

/// Executes a proposed block and compares its results with its header; says why every honest validator
/// refuses it, if they do. Answers are kept by id until a block of that height is committed.
#[derive(Debug, Message)]
#[rtype(result = "Result<Result<(), InvalidBlock>, WrongHeight>")]
pub struct Execute {
    pub block: Block,
    pub batches: Vec<HashedBatch>,
}

/// Makes a certified block durable: block, certificate, receipts and state in one write, synced
/// before the answer. The certificate has been verified. A result that differs from the header's
/// stops the process.
#[derive(Debug, Message)]
#[rtype(result = "Result<CommitDone, WrongHeight>")]
pub struct Commit {
    pub block: Block,
    pub certificate: CommitCertificate,
    pub batches: Vec<HashedBatch>,
}

#[derive(Debug, Clone)]
pub struct CommitDone {
    pub committed: Committed,
    pub yields: Vec<Yield>,
}

/// The root over the state after the last committed block, worked out beside all else; none if that is of
/// another height, or cannot be read.
#[derive(Debug, Message)]
#[rtype(result = "Option<Root>")]
pub struct TakeRoot {
    pub height: Height,
}

/// The last committed block.
#[derive(Debug, Message)]
#[rtype(result = "Committed")]
pub struct Tip;

/// The contracts that concern an account, after this one, with the block that they are of.
#[derive(Debug, Message)]
#[rtype(result = "(causeway_contracts::ledger::Tip, ContractPage)")]
pub struct ContractsOf {
    pub account: AccountId,
    pub after: Option<ContractId>,
}

/// Published to subscribers after each commit.
#[derive(Debug, Clone)]
pub struct Finalized {
    pub block: Arc<Block>,
    pub certificate: Arc<CommitCertificate>,
    pub receipts: Arc<[Receipt]>,
}
