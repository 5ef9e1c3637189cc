//! Many payments in one request. Each line becomes a quote and a remittance by the same code as the API's own requests,
//! and goes its own way; or all lines are paid by one transaction of the ledger, or none.

pub mod line;
pub mod table;

/// Of one bulk.
pub const LINES_MAX: usize = 10_000;

/// Of one that is paid by one transaction: as many actions as that may have.
pub const ATOMIC_LINES_MAX: usize = causeway_contracts::transaction::ACTIONS_MAX;

/// Of a bulk's text: 400 bytes for each line, and some.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
