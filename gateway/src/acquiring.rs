//! Acquiring: merchants are paid by codes, taps and cards, and get one order, one settlement and one file for all.
//!
//! What is here decides, purely, or speaks a protocol of its own; the service's tables, paths and jobs are in
//! [`crate::service`].

pub mod authorization;
pub mod client;
mod clock;
pub mod dispute;
pub mod host;
pub mod hsm;
pub mod issuer;
pub mod link_key;
pub mod order;
pub mod pin_keys;
pub mod preauthorization;
pub mod purchase;
pub mod settlement;
pub mod tap;
