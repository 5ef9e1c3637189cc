//! ISO 20022 messages: read within limits, held against their schema, and against the usage rules of
//! CBPR+, SWIFT's guideline for payments across borders.

pub mod inspection;
pub mod message;
pub mod payments;
pub mod rules;
pub mod schema;
pub mod xml;
