//! The gateway of an operator: what stands between its customers' messages and the ledger.
//!
//! So far it inspects: identifiers of accounts and institutions, and ISO 20022 messages. All of this
//! is pure, but for [`iso20022::schema::folder`], which reads schemas.

pub mod identifiers;
pub mod iso20022;
pub mod reason;
