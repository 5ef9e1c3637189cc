//! The mempool: client transactions on their way into a batch, and batches on their way into a block.
//!
//! A client's transaction passes the ledger's admission, then the signature check, and is sealed with
//! others into a batch, which goes once to every validator. A batch from a peer is checked in full:
//! one that holds anything no honest validator seals is dropped, and its author blamed. Checked
//! batches are written to the store and kept here until a block orders them or they expire.
//!
//! What is full refuses: clients get [`message::Refusal::Busy`], a peer's batch is dropped and can be
//! fetched later.

pub mod actor;
pub mod gather;
pub mod intake;
pub mod message;
pub mod metrics;
pub mod pool;
pub mod turned_away;
pub mod verifier;
pub mod yields;

#[cfg(test)]
mod tests;
