//! The ledger actor: the one owner of committed state in memory, and the one that asks the store to
//! write blocks.

pub mod actor;
mod listing;
pub mod membership;
pub mod message;
pub mod metrics;
mod spenders;
#[cfg(test)]
mod tests;
mod upgrade;

pub use self::{
    actor::{LedgerActor, Start},
    listing::page,
    membership::Membership,
    metrics::LedgerMetrics,
};
