//! Many payments in one request. Each line becomes a quote and a remittance by the same code as the API's own requests,
//! and goes its own way.

pub mod line;
pub mod table;

/// Of one bulk.
pub const LINES_MAX: usize = 10_000;

/// Of a bulk's text: 400 bytes for each line, and some.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
