//! The two-phase transfer: money is set aside first, and paid or returned later.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{LEGS_MAX, TermsError};
use crate::{
    codec::Bounded,
    identity::AccountId,
    money::{Amount, Currency},
    transaction::UnixSeconds,
};

/// Up to four accounts, any of which may act.
pub type Parties = Bounded<AccountId, 4>;

/// Money that one account owes another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Leg {
    pub debtor: AccountId,
    pub creditor: AccountId,
    pub currency: Currency,
    pub amount: Amount,
}

/// Money set aside until it is posted (paid), voided (returned), or returned at `expires_at`.
///
/// Several legs are a group: they post together, whole, or go back together. With legs in two
/// currencies that is payment-versus-payment.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// 1 to 16.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Leg>, min_items = 1, max_items = 16))]
    pub legs: Bounded<Leg, LEGS_MAX>,
    /// From this time on it can be posted no more.
    pub expires_at: UnixSeconds,
    /// 1 to 4 accounts, ascending.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<AccountId>, min_items = 1, max_items = 4))]
    pub post_by: Parties,
    /// 1 to 4 accounts, ascending.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<AccountId>, min_items = 1, max_items = 4))]
    pub void_by: Parties,
}

impl Hold {
    pub(super) fn check(&self) -> Result<(), TermsError> {
        if self.legs.is_empty() {
            return Err(TermsError::Legs);
        }
        check_parties(&self.post_by, &self.void_by)
    }
}

pub(super) fn check_parties(post_by: &Parties, void_by: &Parties) -> Result<(), TermsError> {
    let well_made = |parties: &Parties| !parties.is_empty() && parties.is_sorted_by(|a, b| a < b);
    match (well_made(post_by), well_made(void_by)) {
        (false, _) => Err(TermsError::Parties("post_by")),
        (_, false) => Err(TermsError::Parties("void_by")),
        _ => Ok(()),
    }
}
