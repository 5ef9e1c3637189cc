//! What every party to a Causeway network must agree on: money, keys, transactions, the ledger's
//! rules, blocks and the proofs that a wallet checks.
//!
//! Pure: nothing in this crate does I/O, reads a clock or draws a random number; what depends on
//! them is passed in. Equal inputs give equal bytes on every machine.

pub mod api;
pub mod block;
pub mod codec;
pub mod committee;
pub mod evidence;
pub mod genesis;
pub mod governance;
pub mod identity;
pub mod keys;
pub mod ledger;
pub mod merkle;
pub mod money;
pub mod offline;
pub mod proof;
pub mod protocol;
pub mod registry;
#[cfg(feature = "openapi")]
mod schema;
pub mod settlement;
pub mod snapshot;
pub mod statement;
pub mod transaction;

#[cfg(test)]
mod example;
