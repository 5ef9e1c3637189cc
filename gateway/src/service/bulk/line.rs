//! A line of a bulk: what is asked for, and by which ids, so that no attempt makes a second payment of it.

use causeway_contracts::money::Currency;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Builder;

use crate::{
    money::Money,
    remittance::order::Party,
    service::{
        api::{
            quotes::{QuoteBodyRequest, SideRequest},
            remittances::{AccountName, BeneficiaryRequest, RemittanceRequest},
        },
        id,
    },
};
use causeway_contracts::identity::ParticipantId;

/// What a line asks for, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineOrder {
    /// From which it is paid.
    pub account: String,
    pub source: Currency,
    pub target: Currency,
    /// Of the target, in its own digits.
    pub amount: String,
    pub beneficiary: Party,
    pub beneficiary_account: AccountName,
    pub operator: ParticipantId,
    /// If it is not the account's owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Party>,
    /// If it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uetr: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_to_end_id: Option<String>,
}

impl LineOrder {
    /// What is to arrive.
    pub fn target(&self) -> Money {
        Money {
            value: self.amount.clone(),
            currency: self.target,
        }
    }

    /// By what is to arrive.
    pub fn quote(&self) -> QuoteBodyRequest {
        QuoteBodyRequest {
            account: self.account.clone(),
            source: SideRequest {
                currency: self.source,
                value: None,
            },
            target: SideRequest {
                currency: self.target,
                value: Some(self.amount.clone()),
            },
        }
    }

    pub fn remittance(&self, quote: String, uetr: String) -> RemittanceRequest {
        RemittanceRequest {
            quote,
            beneficiary: BeneficiaryRequest {
                party: self.beneficiary.clone(),
                account: self.beneficiary_account.clone(),
                operator: self.operator,
            },
            sender: self.sender.clone(),
            uetr: Some(self.uetr.clone().unwrap_or(uetr)),
            end_to_end_id: self.end_to_end_id.clone(),
            purpose: self.purpose.clone(),
            reference: self.reference.clone(),
        }
    }
}

/// Of the remittance of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineIds {
    pub remittance: String,
    pub uetr: String,
}

impl LineIds {
    /// The same for the same line, whoever makes it and how often: the digits of both are of a hash.
    pub fn of(bulk: &str, created_ms: u64, number: u64) -> Self {
        let hash: [u8; 32] = Sha256::digest(format!("{bulk}/{number}")).into();
        let (mut first, mut second) = ([0; 10], [0; 16]);
        first.copy_from_slice(&hash[..10]);
        second.copy_from_slice(&hash[16..]);
        let unique = Builder::from_unix_timestamp_millis(created_ms, &first).into_uuid();
        let uetr = Builder::from_random_bytes(second).into_uuid();
        Self {
            remittance: id::named("rem", &unique.simple().to_string()),
            uetr: uetr.hyphenated().to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identifiers::uetr::Uetr;

    #[test]
    fn a_line_has_the_same_ids_always_and_no_other_line_has() {
        let ids = |bulk: &str, number| LineIds::of(bulk, 1_700_000_000_000, number);
        let first = ids("bulk_1", 1);
        assert_eq!(first.remittance, "rem_018bcfe56800719eb70eb54277fa3ee3");
        assert_eq!(
            first.uetr.parse::<Uetr>().map(|uetr| uetr.to_string()),
            Ok(first.uetr.clone())
        );
        assert_eq!(ids("bulk_1", 1), first);
        for other in [ids("bulk_1", 2), ids("bulk_2", 1), ids("bulk_11", 1)] {
            assert!(
                other.remittance != first.remittance && other.uetr != first.uetr,
                "{other:?}"
            );
        }
    }
}
