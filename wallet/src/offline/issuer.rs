//! The service of a currency's issuer, which signs for purses what the ledger knows, and how it is asked.
//!
//! It follows final blocks and says what follows from them: a grant for each load, a beacon each hour, and deltas of
//! the revocation list. It answers purses that register or sync. Nothing that it signs depends on its own clock, and
//! nothing counts before the ledger has it.
//!
//! | file | what is in it |
//! | --- | --- |
//! | [`client`] | how it is asked |
//! | [`rules`], [`config`] | what it is run with |
//! | [`events`], [`plan`] | from blocks to what is signed: pure |
//! | [`upload`], [`settle`], [`pseudonym`] | from a sync or a registration to what is signed: pure |
//! | [`journal`] | what survives a crash |
//! | [`desk`] | what it asks of the ledger, and brings to it |
//! | [`follow`], [`purses`] | the two things that it does: for all purses, and for the one that asks |
//! | [`serve`], [`problem`], [`run`] | HTTP around that |

pub mod client;
pub mod config;
pub mod desk;
pub mod events;
pub mod follow;
pub mod journal;
pub mod plan;
pub mod problem;
pub mod pseudonym;
pub mod purses;
pub mod rules;
pub mod run;
pub mod serve;
pub mod settle;
pub mod upload;

#[cfg(test)]
mod example;
