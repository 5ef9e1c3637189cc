//! What one operator tells the other of a remittance. What concerns the ledger is only a pointer to a transaction: its
//! receipt is what counts, and each side fetches that itself.

use std::collections::BTreeMap;

use causeway_contracts::transaction::TxId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why something was refused, recalled or returned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Of ISO 20022's external code sets, such as AC04, or one of the gateway's words.
    #[schema(min_length = 1, max_length = 35)]
    pub code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 140)]
    pub text: Option<String>,
}

impl Reason {
    pub fn of(code: &str, text: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            text: Some(text.into()),
        }
    }
}

/// What the beneficiary's operator asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    #[schema(min_length = 1, max_length = 500)]
    pub text: String,
    /// Names of what is missing, such as `beneficiary.address`.
    #[serde(default)]
    #[schema(max_items = 16)]
    pub fields: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fact {
    // From the sender's side.
    /// The transaction that holds all money.
    Reserved {
        transaction: TxId,
    },
    /// It will not be reserved.
    Withdrawn,
    Answered {
        answers: BTreeMap<String, String>,
    },
    // From the beneficiary's side.
    /// The transaction that posts the hold. `paid_out`: with it the beneficiary has the money.
    Posted {
        transaction: TxId,
        paid_out: bool,
    },
    Asked {
        question: Question,
    },
    Held,
    Released,
    PaidOut,
    /// The payment that sends it back.
    Returned {
        transaction: TxId,
        reason: Reason,
    },
    // From either.
    /// The transaction that voids the hold, and why.
    Voided {
        transaction: TxId,
        reason: Reason,
    },
}

/// A fact as it is sent: repeated, it has the same number, so that one that comes late is not taken for a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telling {
    /// Of this remittance and this side, from 0. One that was refused keeps its number.
    pub number: u32,
    pub fact: Fact,
}
