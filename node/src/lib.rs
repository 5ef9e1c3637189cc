//! A Causeway validator: actix actors at the edges of the pure ledger and the pure consensus core.

pub mod actors;
pub mod config;
pub mod engine;
pub mod exit;
pub mod keyfile;
pub mod log;
pub mod store;
