//! Money set aside under conditions that the ledger itself can judge.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{
    ContractId, Leg, TermsError,
    condition::{CONDITIONS_BYTES_MAX, Condition, ConditionError, Preimage},
};
use crate::{
    codec::{self, Bounded},
    identity::AccountId,
    money::{Amount, Currency},
    transaction::UnixSeconds,
};

/// Where the money of an escrow goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Back to the payer.
    #[default]
    Refund,
    /// To the payee.
    Release,
}

/// Set aside until one of the two conditions is met and claimed, or until `expires_at`. Where both are
/// met, the first claim wins.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Escrow {
    pub payer: AccountId,
    pub payee: AccountId,
    pub currency: Currency,
    pub amount: Amount,
    pub release_when: Condition,
    pub refund_when: Condition,
    /// From this time on it can be claimed no more.
    pub expires_at: UnixSeconds,
    /// Where the money goes at `expires_at`. To the payee only if it may leave the payer's account then.
    #[serde(default)]
    pub on_expiry: Side,
}

/// Asks for the money of an escrow.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Claim {
    pub escrow: ContractId,
    /// Signs, and needs no right to do so: the money goes where the terms say.
    pub by: AccountId,
    pub side: Side,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Preimage>, max_items = 16))]
    pub preimages: Bounded<Preimage, 16>,
}

impl Escrow {
    pub fn leg(&self) -> Leg {
        Leg {
            debtor: self.payer,
            creditor: self.payee,
            currency: self.currency,
            amount: self.amount,
        }
    }

    /// What must be met for the money to go there.
    pub fn condition(&self, side: Side) -> &Condition {
        match side {
            Side::Release => &self.release_when,
            Side::Refund => &self.refund_when,
        }
    }

    pub(super) fn check(&self) -> Result<(), TermsError> {
        self.release_when.check()?;
        self.refund_when.check()?;
        let actual = codec::encoded_len(&self.release_when) + codec::encoded_len(&self.refund_when);
        if actual > CONDITIONS_BYTES_MAX {
            return Err(ConditionError::TooLong { actual }.into());
        }
        Ok(())
    }
}
