//! The messages of ISO 20022 by which a client has ordered a remittance or called it back: as much of them as the
//! messages about it name again.

use serde::{Deserialize, Serialize};

/// The pacs.008 by which it was ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instruction {
    /// BIC of who has sent it, and is answered.
    pub sender: String,
    /// MsgId.
    pub message: String,
    /// CreDtTm, in milliseconds since 1970.
    pub created_ms: u64,
    /// InstrId.
    pub instruction: String,
    /// TxId.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
}

/// The camt.056 that calls it back, where nobody had decided yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecallRequest {
    /// BIC of who has sent it, and is answered.
    pub sender: String,
    /// CxlId.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancellation: Option<String>,
    /// Of the case: its id, and the BIC of the bank that has made it. None where a customer has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<(String, String)>,
}
