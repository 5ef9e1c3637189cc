//! The consensus actor: performs what the pure replica asks for, on an arbiter of its own, which it may
//! block on a disk.
//!
//! - What is to be remembered is on disk before anything is sent or committed. If a disk refuses, the
//!   process stops.
//! - The replica is handled in one place and never across an await; answers of other actors come back
//!   as inputs.
//! - After a block is durable the next height starts when a batch waits, when others have begun it, or
//!   after five seconds; at most every 25 milliseconds.
//! - Every 300 ms each validator says how high it is. One that is behind fetches certified blocks, checks
//!   the certificates and commits them without voting.
//!
//! It blocks on nothing but its two files: executing, storing and checking batches are others' work.

mod actor;
mod catch_up;
pub mod message;
mod pace;

#[cfg(test)]
mod tests;

pub use self::actor::{ConsensusActor, Ports, Start};
