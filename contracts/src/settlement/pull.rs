//! Money that others may draw or ask for: allowances, mandates, requests; and payments to several at once.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{ContractId, Leg, TermsError};
use crate::{
    codec::{Bounded, Text},
    identity::{AccountId, ParticipantId},
    money::{Amount, Currency},
    transaction::UnixSeconds,
};

/// What kind of business an account's owner has: a merchant category code of ISO 18245, by its operator's
/// word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct MerchantCategory(pub u16);

/// To whom money for a purpose may be paid.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Payees {
    /// To these accounts.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<AccountId>))]
    Accounts(Bounded<AccountId, 16>),
    /// To accounts that their operator says are in one of these categories.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<MerchantCategory>))]
    Categories(Bounded<MerchantCategory, 16>),
    /// To all accounts of these operators.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<ParticipantId>))]
    Operators(Bounded<ParticipantId, 16>),
}

/// Money that stays the grantor's, and that the holder may spend for a purpose until `expires_at`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    pub grantor: AccountId,
    pub holder: AccountId,
    pub currency: Currency,
    /// What is left of it, once some is spent.
    pub budget: Amount,
    pub payees: Payees,
    /// The most that one payment may be.
    #[serde(default)]
    pub max_payment: Option<Amount>,
    pub expires_at: UnixSeconds,
}

impl Allowance {
    pub fn leg(&self) -> Leg {
        Leg {
            debtor: self.grantor,
            creditor: self.holder,
            currency: self.currency,
            amount: self.budget,
        }
    }

    pub(super) fn check(&self) -> Result<(), TermsError> {
        let is_empty = match &self.payees {
            Payees::Accounts(list) => list.is_empty(),
            Payees::Categories(list) => list.is_empty(),
            Payees::Operators(list) => list.is_empty(),
        };
        if is_empty { Err(TermsError::NoPayees) } else { Ok(()) }
    }
}

/// A payer's consent that a payee draws money, until `ends_at` or until either revokes it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Mandate {
    pub payer: AccountId,
    pub payee: AccountId,
    pub currency: Currency,
    pub max_payment: Amount,
    pub max_per_period: Amount,
    /// Not zero. Periods follow each other from `starts_at` on.
    pub period_seconds: u64,
    pub starts_at: UnixSeconds,
    pub ends_at: UnixSeconds,
}

/// A mandate with what was drawn in the last period in which something was.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MandateState {
    pub mandate: Mandate,
    /// Counted from 0.
    pub period: u64,
    pub collected: Amount,
}

impl Mandate {
    pub(super) fn check(&self) -> Result<(), TermsError> {
        if self.period_seconds == 0 || self.ends_at <= self.starts_at {
            return Err(TermsError::Period);
        }
        Ok(())
    }

    /// Which period this is; `None` before the first.
    pub fn period_at(&self, seconds: u64) -> Option<u64> {
        let since = seconds.checked_sub(self.starts_at.0)?;
        Some(since / self.period_seconds)
    }
}

/// Asks for a payment: it is answered by one that names it, of exactly this amount.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub payee: AccountId,
    /// Who alone may pay it; anyone, if there is none.
    #[serde(default)]
    pub payer: Option<AccountId>,
    pub currency: Currency,
    pub amount: Amount,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub reference: Text<140>,
    pub expires_at: UnixSeconds,
}

/// Pays several at once, all or none.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Split {
    pub from: AccountId,
    pub currency: Currency,
    pub shares: Shares,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Shares {
    /// To each so much.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Share>))]
    Amounts(Bounded<Share, 16>),
    /// To each so many ten-thousandths of the whole, of which there are 10,000. Shares are rounded down, and
    /// what is left goes, a minor unit each, to those who lost most by it, of equal ones to the first named.
    BasisPoints {
        amount: Amount,
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<Part>, min_items = 1, max_items = 16))]
        parts: Bounded<Part, 16>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Share {
    pub to: AccountId,
    pub amount: Amount,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Part {
    pub to: AccountId,
    pub basis_points: u16,
}

impl Split {
    /// What each payee gets, in the order in which they are named.
    pub fn shares(&self) -> Vec<Share> {
        match &self.shares {
            Shares::Amounts(shares) => shares.to_vec(),
            Shares::BasisPoints { amount, parts } => by_basis_points(*amount, parts),
        }
    }

    /// The payments that it makes.
    pub fn legs(&self) -> Vec<Leg> {
        let legs = self.shares().into_iter().map(|share| Leg {
            debtor: self.from,
            creditor: share.to,
            currency: self.currency,
            amount: share.amount,
        });
        legs.collect()
    }

    /// How many get a share; for terms that were not checked, too.
    pub fn payees(&self) -> usize {
        match &self.shares {
            Shares::Amounts(shares) => shares.len(),
            Shares::BasisPoints { parts, .. } => parts.len(),
        }
    }

    pub(super) fn check(&self) -> Result<(), TermsError> {
        let is_well_made = match &self.shares {
            Shares::Amounts(shares) => !shares.is_empty(),
            Shares::BasisPoints { parts, .. } => {
                let sum: u32 = parts.iter().map(|part| u32::from(part.basis_points)).sum();
                sum == 10_000 && parts.iter().all(|part| part.basis_points > 0)
            }
        };
        if is_well_made { Ok(()) } else { Err(TermsError::Shares) }
    }
}

fn by_basis_points(amount: Amount, parts: &[Part]) -> Vec<Share> {
    let whole = |part: &Part| u128::from(amount.0) * u128::from(part.basis_points);
    let mut shares: Vec<_> = parts
        .iter()
        .map(|part| Share {
            to: part.to,
            amount: Amount(u64::try_from(whole(part) / 10_000).unwrap_or(u64::MAX)),
        })
        .collect();
    let given: u128 = shares.iter().map(|share| u128::from(share.amount.0)).sum();
    let mut by_loss: Vec<_> = (0..parts.len()).collect();
    by_loss.sort_by_key(|&at| std::cmp::Reverse(whole(&parts[at]) % 10_000));
    let left = u128::from(amount.0).saturating_sub(given);
    for at in by_loss.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
        shares[at].amount.0 = shares[at].amount.0.saturating_add(1);
    }
    shares
}

/// Spends of an allowance. Signed by its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Spend {
    pub allowance: ContractId,
    pub holder: AccountId,
    pub to: AccountId,
    pub amount: Amount,
}

/// Draws money by a mandate. Signed by its payee.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Collect {
    pub mandate: ContractId,
    pub payee: AccountId,
    pub amount: Amount,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub reference: Text<35>,
}

/// Pays a request. Signed by `from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PayRequest {
    pub request: ContractId,
    pub from: AccountId,
    /// What the request asks for: named again, since it is what is signed for.
    pub amount: Amount,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn invariant_shares_sum_to_the_whole_and_are_less_than_a_unit_off(
            amount in prop_oneof![0..100u64, any::<u64>()],
            cuts in prop::collection::btree_set(1..10_000u16, 0..15),
        ) {
            let cuts: Vec<_> = [0].into_iter().chain(cuts).chain([10_000]).collect();
            let parts: Vec<_> = cuts
                .windows(2)
                .map(|pair| Part { to: AccountId([0; 20]), basis_points: pair[1] - pair[0] })
                .collect();
            let shares = by_basis_points(Amount(amount), &parts);
            let sum: u128 = shares.iter().map(|share| u128::from(share.amount.0)).sum();
            prop_assert_eq!(sum, u128::from(amount));
            for (share, part) in shares.iter().zip(&parts) {
                let exact = u128::from(amount) * u128::from(part.basis_points);
                let off = (u128::from(share.amount.0) * 10_000).abs_diff(exact);
                prop_assert!(off < 10_000, "{} of {}", share.amount.0, exact);
            }
        }
    }

    /// A block's cost is worked out before what is in it is checked.
    #[test]
    fn parts_that_make_no_sense_stop_nothing() {
        let part = |basis_points| Part {
            to: AccountId([1; 20]),
            basis_points,
        };
        for parts in [vec![], vec![part(10_000); 2], vec![part(u16::MAX); 16], vec![part(1)]] {
            for amount in [0, 1, u64::MAX] {
                let shares = Shares::BasisPoints {
                    amount: Amount(amount),
                    parts: Bounded::new(parts.clone()).unwrap(),
                };
                let split = Split {
                    from: AccountId([1; 20]),
                    currency: Currency::new("EUR").unwrap(),
                    shares,
                };
                assert_eq!(split.check(), Err(TermsError::Shares));
                assert_eq!(split.payees(), parts.len());
                let _ = split.shares();
            }
        }
    }

    #[test]
    fn what_is_left_goes_to_those_who_lost_most_then_to_the_first() {
        let part = |to: u8, basis_points| Part {
            to: AccountId([to; 20]),
            basis_points,
        };
        let given = |amount, parts: &[Part]| -> Vec<u64> {
            let shares = by_basis_points(Amount(amount), parts);
            shares.iter().map(|share| share.amount.0).collect()
        };
        assert_eq!(
            given(100, &[part(1, 3_333), part(2, 3_333), part(3, 3_334)]),
            [33, 33, 34]
        );
        assert_eq!(given(101, &[part(1, 5_000), part(2, 5_000)]), [51, 50]);
        assert_eq!(given(1, &[part(1, 1), part(2, 9_999)]), [0, 1]);
    }
}
