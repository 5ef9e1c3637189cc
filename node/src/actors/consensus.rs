//! The consensus actor: performs what the pure [`causeway_consensus::Validator`] asks for, on an arbiter
//! of its own, which it may block on a disk.
//!
//! - If a disk refuses what is to be remembered, the process stops.
//! - The validator is handled in one place and never across an await; answers of other actors come back
//!   as events.
//!
//! It blocks on nothing but its two files: executing, storing and checking batches are others' work.

mod actor;
mod metrics;

#[cfg(test)]
mod tests;

pub use self::{
    actor::{ConsensusActor, Ports, Start},
    metrics::ConsensusMetrics,
};
