//! ISO 20022 messages, read within limits.

pub mod message;
pub mod xml;
