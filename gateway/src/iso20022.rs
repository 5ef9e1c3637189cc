//! ISO 20022 messages: read within limits, and held against their schema.

pub mod message;
pub mod schema;
pub mod xml;
