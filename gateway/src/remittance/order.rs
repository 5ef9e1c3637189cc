//! What the sender's operator tells the beneficiary's before anything is set aside. The memo of the hold carries its
//! hash, so that both know that they speak of the same.

use causeway_contracts::{
    codec::Text,
    identity::{Address, ParticipantId},
    transaction::UnixSeconds,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::money::Money;

/// No hold for a remittance is longer, and no quote: a day.
pub const HOLD_SECONDS_MAX: u32 = 86_400;

/// Of an order's JSON text.
pub const ORDER_BYTES_MAX: usize = 16 * 1024;

/// Begins the memo of the hold; the order's hash follows, in hexadecimal.
const MEMO: &str = "remittance ";

/// A person or an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// 1 to 140 characters, as ISO 20022 has them.
    #[schema(min_length = 1, max_length = 140)]
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<PostalAddress>,
    /// ISO 17442, of an organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lei: Option<String>,
}

/// Structured, or hybrid with at most two lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostalAddress {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 70)]
    pub street: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 16)]
    pub building: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 16)]
    pub post_code: Option<String>,
    #[schema(min_length = 1, max_length = 35)]
    pub town: String,
    /// ISO 3166-1, two letters.
    #[schema(pattern = "^[A-Z]{2}$")]
    pub country: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 2)]
    pub lines: Vec<String>,
}

/// One remittance, as both operators agree on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub uetr: String,
    pub sender_operator: ParticipantId,
    pub beneficiary_operator: ParticipantId,
    pub sender: Party,
    pub sender_account: Address,
    pub beneficiary: Party,
    /// As the sender named it: an address, an IBAN or an alias.
    pub beneficiary_account: String,
    /// Where the money goes on the ledger, by the beneficiary's operator's word.
    pub deliver_to: Address,
    /// What is exchanged, without fees.
    pub source: Money,
    /// What arrives.
    pub target: Money,
    /// From then on it is not reserved any more.
    pub reserve_until: UnixSeconds,
    /// The hold ends no later than so long after it was made.
    pub hold_seconds: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_to_end_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// The memo that ties a hold to the text of an order.
pub fn memo(order_text: &str) -> Text<140> {
    let hash = hex::encode(Sha256::digest(order_text.as_bytes()));
    Text::new(format!("{MEMO}{hash}")).expect("75 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Public: another operator's gateway computes the same.
    #[test]
    fn a_memo_has_the_hash_of_the_text() {
        assert_eq!(
            &*memo(""),
            "remittance e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
