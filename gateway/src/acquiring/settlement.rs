//! What a merchant gets for a day: what was captured, less fees, refunds and chargebacks, and less what it owed before;
//! shared among those whom it named. Purely: equal movements give equal settlements.
//!
//! A fee is taken of each capture, rounded down, and is never more than the capture. It is not given back with a refund.
//! What is left for a day is shared as a whole, by largest remainders, so that the shares sum to it. A day that leaves
//! less than nothing pays nobody, and is carried forward to the next.

mod agreement;
mod file;
mod period;
#[cfg(test)]
mod tests;

use causeway_contracts::{
    codec::Bounded,
    money::{Amount, Currency},
    settlement::{Part, Share, Shares, Split},
};
use serde::{Deserialize, Serialize};

pub use self::{
    agreement::Agreement,
    file::{FileError, Subject, write},
    period::{DAY_MS, Period, Schedule, periods},
};
use crate::fee::Fee;

/// Payees of one settlement, at most: as many as a split of the ledger has.
pub const PAYEES_MAX: usize = 16;

/// What a merchant has agreed to with its acquirer, in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    pub fee: Fee,
    parts: Bounded<Part, PAYEES_MAX>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TermsFault {
    #[error("a settlement is shared by 1 to {PAYEES_MAX} payees, and there are {0}")]
    Payees(usize),
    #[error("shares are above zero and sum to 10,000 ten-thousandths, and these sum to {0}")]
    Sum(u32),
    #[error("a payee is there twice")]
    Twice,
}

impl Terms {
    /// `parts`: to whom, and how many ten-thousandths of what is paid out.
    pub fn new(fee: Fee, parts: Vec<Part>) -> Result<Self, TermsFault> {
        let count = parts.len();
        let sum = parts.iter().map(|part| u32::from(part.basis_points)).sum();
        if sum != 10_000 || parts.iter().any(|part| part.basis_points == 0) {
            return Err(if count == 0 {
                TermsFault::Payees(0)
            } else {
                TermsFault::Sum(sum)
            });
        }
        let mut payees: Vec<_> = parts.iter().map(|part| part.to).collect();
        payees.sort();
        payees.dedup();
        if payees.len() != count {
            return Err(TermsFault::Twice);
        }
        let parts = Bounded::new(parts).map_err(|_| TermsFault::Payees(count))?;
        Ok(Self { fee, parts })
    }

    /// Who is paid, and how many ten-thousandths.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Shares an amount out by the ledger's own rule. Those who get nothing are not there.
    pub fn share(&self, currency: Currency, amount: Amount) -> Vec<Share> {
        let from = self.parts[0].to;
        let shares = Shares::BasisPoints {
            amount,
            parts: self.parts.clone(),
        };
        let mut payouts = Split { from, currency, shares }.shares();
        payouts.retain(|share| !share.amount.is_zero());
        payouts
    }

    /// Of one capture.
    pub fn fee_of(&self, captured: Amount) -> Amount {
        self.fee.of(captured).map_or(captured, |fee| fee.min(captured))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The order was paid.
    Capture,
    /// Some of it went back at the merchant's wish.
    Refund,
    /// Some of it went back since the payer's bank has disputed it.
    Chargeback,
    /// It went back since its card's issuer took it back.
    Reversal,
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Refund => "refund",
            Self::Chargeback => "chargeback",
            Self::Reversal => "reversal",
        }
    }
}

/// Something that changed what the merchant is to get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Movement {
    pub kind: Kind,
    pub order: String,
    /// The merchant's own.
    pub reference: String,
    /// The block's, in milliseconds since 1970.
    pub at_ms: u64,
    pub amount: Amount,
    /// The ledger's, in hexadecimal.
    pub transaction: String,
}

/// A period of one merchant in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    pub currency: Currency,
    pub captured: Amount,
    pub fees: Amount,
    pub refunded: Amount,
    pub charged_back: Amount,
    /// What was owed before this period.
    pub brought_forward: Amount,
    /// What is owed after it; then nothing is paid out.
    pub carried_forward: Amount,
    /// Those who get nothing are not there.
    pub payouts: Vec<Share>,
}

impl Settlement {
    /// What is paid out in all.
    pub fn paid(&self) -> Amount {
        let sum = self.payouts.iter().map(|share| share.amount.0).sum();
        Amount(sum)
    }
}

/// A sum is more than an amount of the ledger can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the settlement's sum of {0} minor units is more than an amount can be; settle a part of it")]
pub struct TooLarge(pub u128);

/// Settles movements of one currency, of which each is settled once.
pub fn settle(
    terms: &Terms,
    currency: Currency,
    brought_forward: Amount,
    movements: &[Movement],
) -> Result<Settlement, TooLarge> {
    let amount = |sum: u128| u64::try_from(sum).map(Amount).map_err(|_| TooLarge(sum));
    let sum = |kind| -> u128 {
        let of_kind = movements.iter().filter(|movement| movement.kind == kind);
        of_kind.map(|movement| u128::from(movement.amount.0)).sum()
    };
    let captures = movements.iter().filter(|movement| movement.kind == Kind::Capture);
    let fees: u128 = captures.map(|capture| u128::from(terms.fee_of(capture.amount).0)).sum();
    let (captured, charged_back) = (sum(Kind::Capture), sum(Kind::Chargeback));
    let refunded = sum(Kind::Refund) + sum(Kind::Reversal);
    let taken = fees + refunded + charged_back + u128::from(brought_forward.0);
    Ok(Settlement {
        currency,
        captured: amount(captured)?,
        fees: amount(fees)?,
        refunded: amount(refunded)?,
        charged_back: amount(charged_back)?,
        brought_forward,
        carried_forward: amount(taken.saturating_sub(captured))?,
        payouts: terms.share(currency, amount(captured.saturating_sub(taken))?),
    })
}
