//! The wallet of Causeway: keys at rest, a client that believes no single node, and batches of
//! payments that are each made exactly once, whatever happens in between.
//!
//! The program `causeway` is in `main.rs`; its exit statuses are in [`exit`].

pub mod batch;
pub mod client;
pub mod clock;
pub mod codes;
pub mod core_dumps;
pub mod device;
pub mod durable;
pub mod exit;
pub mod history;
pub mod home;
pub mod keyfile;
pub mod keystore;
pub mod offline;
pub mod payee;
pub mod payment;
pub mod trust;
