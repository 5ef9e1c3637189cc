//! The host that acquirers reach by ISO 8583.

pub mod outcome;

pub use outcome::Outcome;
