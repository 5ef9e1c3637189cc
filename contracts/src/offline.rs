//! Payments between two devices that have no network: what purses say to each other, and how a payee
//! knows without asking anyone that what it is given is money.
//!
//! A *purse* is a balance in a secure element, made of *lots*. A lot is a [`Grant`](messages::Grant),
//! the ledger's money loaded into a purse, or a [`Transfer`](messages::Transfer) that the purse
//! accepted. A transfer names the lots it consumes and travels with all grants, transfers and
//! certificates behind them: its [bundle](bundle::Bundle). So whoever is paid checks everything from
//! the issuer's keys downwards, and every fraud leaves two signed messages that contradict each other.
//!
//! | file | what is in it |
//! | --- | --- |
//! | [`encoding`] | bytes: fields in order, integers as minimal LEB128 |
//! | [`field`], [`ids`] | what messages are made of |
//! | [`messages`] | what is signed, [`signed`] with its signature, [`message`] any of them |
//! | [`issuer`] | the issuer's keys |
//! | [`bundle`] | a transfer with all that is behind it |
//! | [`provenance`], [`refusal`] | what payee and payer check, and why they refuse |
//! | [`revocation`] | who is not believed any more |
//! | [`evidence`] | what signed messages prove against purses |
//! | [`action`] | what the ledger is asked to do about purses, and [`record`] what it knows of them |
//! | [`fraud`] | two messages that no honest purse signs both |
//! | [`registration`] | what an account signs to have a purse |
//! | [`purse`] | what a secure element keeps, and what it does |
//!
//! Nothing here keeps state: purses' secure elements and the ledger do.

pub mod action;
pub mod bundle;
pub mod encoding;
pub mod evidence;
pub mod field;
pub mod fraud;
pub mod ids;
pub mod issuer;
pub mod message;
pub mod messages;
pub mod provenance;
pub mod purse;
pub mod record;
pub mod refusal;
pub mod registration;
pub mod revocation;
pub mod signed;

/// How often money may change hands before it is redeemed.
pub const HOPS_MAX: u8 = 4;

/// How many lots one transfer may consume.
pub const LOTS_MAX: usize = 4;

#[cfg(test)]
mod chain;
#[cfg(test)]
pub(crate) mod example;
#[cfg(test)]
mod tests;
