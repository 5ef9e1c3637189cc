//! The HTTP API of a validator, and its metrics.
//!
//! It takes transactions for the mempool and answers from what is final on disk; it never waits for
//! the ledger. A client that finds this node lying must be able to show it: what no block commits to
//! is answered with a signed statement.
//!
//! Who may read what: headers with their certificates, currencies and validators are open to all, and
//! so are a transaction's receipt and proof to whoever has its id. Nothing that is open lists ids. An
//! account and the stream of all payments are read by requests that are signed, see [`access`].
//!
//! Everything is bounded: connections, headers, bodies, bytes of bodies held at once, waiting
//! requests, streams, and what an address may send that is not a transaction. What is full answers
//! 429 or 503 with `Retry-After`.

mod access;
mod account;
mod body;
mod book;
mod context;
mod contract;
mod error;
mod hub;
mod metrics;
mod openapi;
mod public;
mod purse;
mod receipt;
mod routes;
mod server;
mod shares;
mod stream;
mod submission;
mod submit;
mod underway;

pub use self::{
    context::{ApiContext, ApiLimits, Clock, Progress},
    openapi::document,
    server::{ApiServer, Listen, ServeError, serve},
};

#[cfg(test)]
mod tests;
