//! The ledger: state, the rules by which blocks change it, and receipts.

pub mod receipt;
pub mod rejection;
