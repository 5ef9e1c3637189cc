//! What became of an ordered transaction, as the receipts root commits to it.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::rejection::Rejection;
use crate::{
    codec,
    merkle::{self, Root},
    settlement::{ContractId, Ending},
    transaction::TxId,
};

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    pub subject: Subject,
    /// The receipt's place in its block.
    pub index: u32,
    pub outcome: Outcome,
}

/// What a receipt is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    Transaction(TxId),
    /// A contract that the ledger ended by itself, at the beginning of the block.
    System {
        contract: ContractId,
        how: Ending,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Applied,
    Rejected {
        /// The first action that could not be applied, counted from 0.
        action: u8,
        reason: Rejection,
    },
}

impl Receipt {
    /// Its leaf in the receipts tree.
    pub fn leaf(&self) -> Root {
        merkle::leaf(&codec::encode(self))
    }
}

/// The root that a header carries.
pub fn receipts_root(receipts: &[Receipt]) -> Root {
    merkle::root(receipts.iter().map(Receipt::leaf).collect())
}
