//! The gateway as it runs: an HTTP API for its operator's clients and for other operators, and an engine that brings
//! remittances on.
//!
//! A request is read, authenticated and answered in [`serve`], by the table in [`routes`]. What clients can do is in
//! [`api`], what is remembered in [`records`], what is done without being asked in [`engine`]. The rules of a remittance
//! are [`crate::remittance`]'s.

pub mod api;
mod authenticate;
pub mod authorize;
pub mod bulk;
pub mod call;
pub mod card_keys;
pub mod card_routes;
mod change;
mod checkout;
pub mod clients;
pub mod config;
pub mod context;
mod currencies;
mod engine;
mod follow;
mod id;
pub mod issuing;
mod keys;
mod lease;
mod limits;
mod magic;
pub mod messages;
pub mod network;
pub mod openapi;
pub mod orders;
pub mod problem;
pub mod reconcile;
pub mod records;
pub mod routes;
pub mod run;
mod serve;
mod settlements;
mod statement;
mod tokens;
mod track;
pub mod views;

pub(crate) use crate::times as time;

#[cfg(test)]
mod tests;
