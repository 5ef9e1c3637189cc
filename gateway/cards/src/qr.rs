//! EMVCo's payment codes: what merchants show ([`mpm`]) and what customers show ([`cpm`]).
//!
//! A decoder says three things apart: whether the code has its structure, whether its check is right, and which rules
//! it breaks. Foreign codes break some, and are read all the same.

pub mod cpm;
pub mod mpm;

use serde::Serialize;

/// A rule that a code breaks, as it is shown to who inspects one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Stable, in snake_case.
    pub code: &'static str,
    /// Ids from the outside in, such as `62.09`; empty for the code as a whole.
    #[serde(rename = "where")]
    pub place: String,
    pub message: String,
}
