//! Standing offers to exchange, in a book for each pair of currencies, and payments through books.

use std::collections::BTreeSet;

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{ContractId, Leg, Rate, TermsError, rate::RATE_SCALE_MAX};
use crate::{
    block::TimeMs,
    codec::Bounded,
    identity::AccountId,
    money::{Amount, Currency},
    transaction::UnixSeconds,
};

/// An offer stands at most this long: 90 days.
pub const OFFER_SECONDS_MAX: u64 = 90 * 86_400;

/// Currencies on a path: four hops.
pub const PATH_CURRENCIES_MAX: usize = 5;

/// Offers that one action fills at most, over all hops of a path.
pub const FILLS_MAX: usize = 32;

/// Offers of one book that one action looks at, those included that it passes over or that are gone.
pub const LOOKS_MAX: usize = 256;

/// Sells one currency for another to whoever takes it, at its rate or a better one, until it is filled, revoked
/// or expired. What is left to sell is held.
///
/// It takes first what crosses it in the opposite book, at the rates of those that were there before.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Offer {
    pub maker: AccountId,
    pub sell: Currency,
    pub buy: Currency,
    /// The least of `buy` for one of `sell`.
    pub rate: Rate,
    /// Of `sell`; what is left of it, once some is sold.
    pub amount: Amount,
    /// Less than this is sold only if it is all that is left.
    #[serde(default)]
    pub min_fill: Amount,
    pub expires_at: UnixSeconds,
}

impl Offer {
    pub(super) fn check(&self) -> Result<(), TermsError> {
        self.rate.check().map_err(|_| TermsError::Rate)?;
        if self.sell == self.buy {
            return Err(TermsError::SameCurrency);
        }
        Ok(())
    }
}

/// An offer with its place among those of equal rates.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OfferState {
    pub offer: Offer,
    /// The receipt of its transaction in its block.
    pub receipt: u32,
    /// The action of its transaction.
    pub action: u8,
}

impl OfferState {
    /// What is left is held for nobody in particular.
    pub fn leg(&self) -> Leg {
        Leg {
            debtor: self.offer.maker,
            creditor: self.offer.maker,
            currency: self.offer.sell,
            amount: self.offer.amount,
        }
    }

    /// Where it stands in its book, having been opened at this time.
    pub fn place(&self, opened: TimeMs) -> BookKey {
        let scale = u32::from(RATE_SCALE_MAX - self.offer.rate.scale);
        let price = u128::from(self.offer.rate.mantissa) * 10u128.pow(scale);
        let mut place = [0; 29];
        place[..16].copy_from_slice(&price.to_be_bytes());
        place[16..24].copy_from_slice(&opened.0.to_be_bytes());
        place[24..28].copy_from_slice(&self.receipt.to_be_bytes());
        place[28] = self.action;
        BookKey {
            sell: self.offer.sell,
            buy: self.offer.buy,
            place,
        }
    }
}

/// The place of an offer: of those that sell one currency for another the one with the lowest rate is first,
/// which is best for who takes it; of equal rates, the one that was there first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct BookKey {
    pub sell: Currency,
    pub buy: Currency,
    /// Sorts as it is: the rate times 10^12 in 16 bytes, the block's time in milliseconds in 8, the receipt in
    /// 4 and the action in one, all big-endian.
    pub place: [u8; 29],
}

impl BookKey {
    /// Before all offers that sell one currency for another.
    pub fn first(sell: Currency, buy: Currency) -> Self {
        Self {
            sell,
            buy,
            place: [0; 29],
        }
    }
}

/// Pays in one currency what another account gets in another, through the books of the pairs in between.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PathPayment {
    pub from: AccountId,
    pub to: AccountId,
    /// From what is sent to what is delivered: 2 to 5, each once. [`super::path::find`] finds it.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Currency>, min_items = 2, max_items = 5))]
    pub path: Bounded<Currency, PATH_CURRENCIES_MAX>,
    pub amount: PathAmount,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PathAmount {
    /// All of `send` is paid; at least `deliver_min` must arrive.
    SendExact { send: Amount, deliver_min: Amount },
    /// Exactly `deliver` arrives; at most `send_max` may be paid.
    DeliverExact { deliver: Amount, send_max: Amount },
}

impl PathPayment {
    pub(super) fn check(&self) -> Result<(), TermsError> {
        let distinct: BTreeSet<_> = self.path.iter().collect();
        if self.path.len() < 2 || distinct.len() != self.path.len() {
            return Err(TermsError::Path);
        }
        Ok(())
    }
}

/// An offer as one who takes it sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BookOffer {
    pub id: ContractId,
    pub maker: AccountId,
    pub rate: Rate,
    /// What is left to be sold.
    pub amount: Amount,
    pub min_fill: Amount,
}

impl BookOffer {
    pub fn new(id: ContractId, offer: &Offer) -> Self {
        Self {
            id,
            maker: offer.maker,
            rate: offer.rate,
            amount: offer.amount,
            min_fill: offer.min_fill,
        }
    }

    /// Whether so much of it may be taken.
    pub(super) fn allows(&self, taken: Amount) -> bool {
        taken == self.amount || taken >= self.min_fill
    }
}
