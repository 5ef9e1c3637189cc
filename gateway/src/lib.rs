//! The gateway of an operator: what stands between its customers' messages and the ledger.

pub mod identifiers;
pub mod iso20022;
pub mod reason;
