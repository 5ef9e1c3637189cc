//! What became of an ordered transaction, as the receipts root commits to it.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::rejection::Rejection;
use crate::{
    codec::{self, Bounded},
    merkle::{self, Root},
    money::Amount,
    settlement::{ContractId, Ending},
    transaction::{ACTIONS_MAX, TxId},
};

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    pub subject: Subject,
    /// The receipt's place in its block.
    pub index: u32,
    pub outcome: Outcome,
    /// What actions exchanged, in their order. None if the transaction was rejected.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Trade>, max_items = 64))]
    pub trades: Bounded<Trade, ACTIONS_MAX>,
}

/// What an action exchanged, which its text leaves open: an exchange by quote, a payment through books, or an offer
/// as far as it was filled when it was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Trade {
    /// Counted from 0.
    pub action: u8,
    /// What the signer gave, with a quote's fee but without the fees of a held exchange that go to others, in minor units of the first of the action's two currencies
    /// ([`SettlementAction::trades`](crate::settlement::SettlementAction::trades)).
    pub sold: Amount,
    /// What came for it, to whomever the action says, in minor units of the second. Of a held exchange both are only
    /// set aside.
    pub bought: Amount,
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
    /// Of what exchanged nothing.
    pub fn plain(subject: Subject, index: u32, outcome: Outcome) -> Self {
        Self {
            subject,
            index,
            outcome,
            trades: Bounded::default(),
        }
    }

    /// Its leaf in the receipts tree.
    pub fn leaf(&self) -> Root {
        merkle::leaf(&codec::encode(self))
    }
}

/// The root that a header carries.
pub fn receipts_root(receipts: &[Receipt]) -> Root {
    merkle::root(receipts.iter().map(Receipt::leaf).collect())
}
