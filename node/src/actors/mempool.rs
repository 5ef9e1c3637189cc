//! The mempool: client transactions on their way into a batch, and batches on their way into a block.
//!
//! A client's transaction passes the ledger's admission, then the signature check, and is sealed with
//! others into a batch, which goes once to every validator. What becomes of batches is decided by the
//! pure [`causeway_consensus::Exchange`].
//!
//! What is full refuses: clients get [`message::Refusal::Busy`].

pub mod actor;
pub mod company;
pub mod intake;
pub mod message;
pub mod metrics;
pub mod verifier;

#[cfg(test)]
mod tests;
