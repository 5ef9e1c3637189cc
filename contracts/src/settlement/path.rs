//! How payments go through books of offers: which offers are taken, and which way is best. Pure: the ledger,
//! nodes and wallets all decide by this.

use std::collections::BTreeMap;

use super::offer::{BookOffer, FILLS_MAX, LOOKS_MAX, PATH_CURRENCIES_MAX, PathAmount};
use crate::money::{Amount, Currency};

/// A part of an offer that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Take {
    pub offer: BookOffer,
    /// Of what the offer sells.
    pub taken: Amount,
    /// Of what the offer buys, rounded up.
    pub paid: Amount,
}

/// The two currencies of a hop: digits after the point of what is paid and of what is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exponents {
    pub paid: u8,
    pub taken: u8,
}

/// Why a hop cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HopError {
    #[error("the offers do not suffice")]
    TooThin,
    #[error("what is paid gives less than one minor unit")]
    Nothing,
}

impl BookOffer {
    /// What taking so much of it costs: rounded up, against the taker.
    pub fn price(&self, taken: Amount, exponents: Exponents) -> Option<Amount> {
        self.rate.bought_up(taken, exponents.taken, exponents.paid)
    }

    /// The most of it that so much pays for; `None` if that is nothing, or less than it allows.
    pub fn take(&self, paid: Amount, exponents: Exponents) -> Option<Take> {
        let taken = self.affordable(paid, exponents);
        let price = self.price(taken, exponents)?;
        (!taken.is_zero() && self.allows(taken)).then_some(Take {
            offer: *self,
            taken,
            paid: price,
        })
    }

    fn affordable(&self, paid: Amount, exponents: Exponents) -> Amount {
        let whole = self.price(self.amount, exponents);
        if whole.is_some_and(|whole| whole <= paid) {
            return self.amount;
        }
        // Less than all of it, so it can be represented.
        let taken = self.rate.sold_down(paid, exponents.taken, exponents.paid);
        taken.map_or(self.amount, |taken| taken.min(self.amount))
    }
}

/// Takes offers, best first, for exactly `paid`. What is too little for one more minor unit goes to the maker of
/// the last that was taken.
pub fn spend(
    offers: impl Iterator<Item = BookOffer>,
    paid: Amount,
    exponents: Exponents,
) -> Result<Vec<Take>, HopError> {
    let mut takes: Vec<Take> = Vec::new();
    let mut left = paid;
    let mut is_too_little = false;
    for offer in offers.take(LOOKS_MAX) {
        if left.is_zero() || takes.len() == FILLS_MAX {
            break;
        }
        let taken = offer.affordable(left, exponents);
        if taken.is_zero() {
            // Offers come by their rates: no later one is cheaper.
            is_too_little = true;
            break;
        }
        let Some(price) = offer.price(taken, exponents).filter(|_| offer.allows(taken)) else {
            continue;
        };
        left = Amount(left.0 - price.0);
        takes.push(Take {
            offer,
            taken,
            paid: price,
        });
        if taken < offer.amount {
            // What is left does not pay for one more of this, and so of none after it.
            break;
        }
    }
    match takes.last_mut() {
        // Less than one more of the last would cost.
        Some(last) if left.is_zero() || last.offer.price(Amount(1), exponents).is_none_or(|one| left < one) => {
            last.paid = Amount(last.paid.0 + left.0);
            Ok(takes)
        }
        None if is_too_little => Err(HopError::Nothing),
        _ => Err(HopError::TooThin),
    }
}

/// Takes offers, best first, for exactly `wanted`.
pub fn acquire(
    offers: impl Iterator<Item = BookOffer>,
    wanted: Amount,
    exponents: Exponents,
) -> Result<Vec<Take>, HopError> {
    let mut takes = Vec::new();
    let mut left = wanted;
    for offer in offers.take(LOOKS_MAX) {
        if left.is_zero() || takes.len() == FILLS_MAX {
            break;
        }
        let taken = offer.amount.min(left);
        let Some(paid) = offer.price(taken, exponents).filter(|_| offer.allows(taken)) else {
            continue;
        };
        left = Amount(left.0 - taken.0);
        takes.push(Take { offer, taken, paid });
    }
    if left.is_zero() {
        Ok(takes)
    } else {
        Err(HopError::TooThin)
    }
}

pub fn taken(takes: &[Take]) -> Option<Amount> {
    takes
        .iter()
        .try_fold(Amount::ZERO, |sum, take| sum.checked_add(take.taken))
}

pub fn paid(takes: &[Take]) -> Option<Amount> {
    takes
        .iter()
        .try_fold(Amount::ZERO, |sum, take| sum.checked_add(take.paid))
}

/// Books of offers.
pub trait Books {
    /// Best first.
    fn offers(&self, sell: Currency, buy: Currency) -> impl Iterator<Item = BookOffer>;

    /// Digits after the point; `None` of a currency that is not there.
    fn exponent(&self, currency: Currency) -> Option<u8>;

    fn exponents(&self, paid: Currency, taken: Currency) -> Option<Exponents> {
        Some(Exponents {
            paid: self.exponent(paid)?,
            taken: self.exponent(taken)?,
        })
    }
}

/// What a payment along a path takes, hop by hop, and what it comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub hops: Vec<Vec<Take>>,
    pub sent: Amount,
    pub delivered: Amount,
}

/// Works out a payment along this path, whatever its bounds. More offers than may be filled in one action are too
/// thin a book.
pub fn plan(books: &impl Books, path: &[Currency], amount: PathAmount) -> Result<Plan, HopError> {
    let pairs: Vec<_> = path.windows(2).map(|pair| (pair[0], pair[1])).collect();
    let mut hops = Vec::with_capacity(pairs.len());
    let (sent, delivered) = match amount {
        PathAmount::SendExact { send, .. } => {
            let mut left = send;
            for &(paid, sold) in &pairs {
                let exponents = books.exponents(paid, sold).ok_or(HopError::TooThin)?;
                let takes = spend(books.offers(sold, paid), left, exponents)?;
                left = taken(&takes).ok_or(HopError::TooThin)?;
                hops.push(takes);
            }
            (send, left)
        }
        PathAmount::DeliverExact { deliver, .. } => {
            let mut wanted = deliver;
            for &(spent, sold) in pairs.iter().rev() {
                let exponents = books.exponents(spent, sold).ok_or(HopError::TooThin)?;
                let takes = acquire(books.offers(sold, spent), wanted, exponents)?;
                wanted = paid(&takes).ok_or(HopError::TooThin)?;
                hops.push(takes);
            }
            hops.reverse();
            (wanted, deliver)
        }
    };
    if hops.iter().map(Vec::len).sum::<usize>() > FILLS_MAX {
        return Err(HopError::TooThin);
    }
    Ok(Plan { hops, sent, delivered })
}

/// Ways that are kept to each currency for each number of hops.
const WAYS_MAX: usize = 32;

/// So far along a path: how much, by how many fills, and by which currencies.
struct Way {
    amount: Amount,
    fills: usize,
    path: Vec<Currency>,
}

/// Hops that are tried at most, whatever books there are.
const HOPS_MAX: usize = 20_000;

/// The path by which most is delivered, or least sent, with at most four hops; `None` if there is none. Of equal
/// ones the one with the fewest hops, and of these the one whose currencies come first by their codes.
///
/// Works from currency to currency, keeping for each number of hops the 32 best ways to each: among eight
/// currencies these are all there are. More is not always better, since the next book may be too thin for it.
pub fn find(
    books: &impl Books,
    currencies: &[Currency],
    (from, to): (Currency, Currency),
    amount: PathAmount,
) -> Option<Vec<Currency>> {
    let (start, end, begin) = match amount {
        PathAmount::SendExact { send, .. } => (from, to, send),
        // From the end, against the payment's direction.
        PathAmount::DeliverExact { deliver, .. } => (to, from, deliver),
    };
    let is_forward = matches!(amount, PathAmount::SendExact { .. });
    let mut sorted: Vec<_> = currencies.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let begin = Way {
        amount: begin,
        fills: 0,
        path: vec![start],
    };
    let mut ways: BTreeMap<Currency, Vec<Way>> = BTreeMap::from([(start, vec![begin])]);
    let mut best: Option<Way> = None;
    let mut hops = HOPS_MAX;
    // Ascending: the best first.
    let rank = |way: &Way| {
        if is_forward {
            u64::MAX - way.amount.0
        } else {
            way.amount.0
        }
    };
    for _ in 1..PATH_CURRENCIES_MAX {
        let mut next: BTreeMap<Currency, Vec<Way>> = BTreeMap::new();
        for (here, way) in ways
            .iter()
            .flat_map(|(here, ways)| ways.iter().map(move |way| (here, way)))
        {
            for there in sorted.iter().filter(|there| !way.path.contains(there)) {
                if hops == 0 {
                    break;
                }
                let Some((amount, fills)) = hop(books, (*here, *there), way.amount, is_forward) else {
                    continue;
                };
                hops -= 1;
                let fills = way.fills + fills;
                if fills <= FILLS_MAX {
                    let path = way.path.iter().chain([there]).copied().collect();
                    next.entry(*there).or_default().push(Way { amount, fills, path });
                }
            }
        }
        for ways in next.values_mut() {
            ways.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.path.cmp(&b.path)));
            ways.truncate(WAYS_MAX);
        }
        if let Some(way) = next.remove(&end).and_then(|ways| ways.into_iter().next())
            && best.as_ref().is_none_or(|known| rank(&way) < rank(known))
        {
            best = Some(way);
        }
        ways = next;
    }
    best.map(|Way { mut path, .. }| {
        if !is_forward {
            path.reverse();
        }
        path
    })
}

fn hop(
    books: &impl Books,
    (here, there): (Currency, Currency),
    amount: Amount,
    is_forward: bool,
) -> Option<(Amount, usize)> {
    let (takes, reached) = if is_forward {
        let takes = spend(books.offers(there, here), amount, books.exponents(here, there)?).ok()?;
        let reached = taken(&takes)?;
        (takes, reached)
    } else {
        let takes = acquire(books.offers(here, there), amount, books.exponents(there, here)?).ok()?;
        let reached = paid(&takes)?;
        (takes, reached)
    };
    Some((reached, takes.len()))
}

#[cfg(test)]
mod tests;
