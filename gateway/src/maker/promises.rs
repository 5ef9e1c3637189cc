//! What a maker has promised in quotes that may still be used.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use causeway_contracts::{
    identity::AccountId,
    money::{Amount, Currency},
    settlement::QuoteId,
    transaction::UnixSeconds,
};

/// Quotes that are open at a time, at most: each is remembered until it ends.
pub const OPEN_MAX: usize = 10_000;

/// Of those, for one taker. Who asks is not known, so this keeps a taker's own mistake small, and no enemy out.
pub const OPEN_OF_TAKER_MAX: usize = 100;

/// A quote, as far as it binds its maker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    pub id: QuoteId,
    pub taker: AccountId,
    /// What the maker would pay.
    pub currency: Currency,
    pub amount: Amount,
    pub expires_at: UnixSeconds,
}

/// Why a maker promises no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Declined {
    #[error(
        "this maker has not so much {0} that is not promised to others; ask for less, or again when quotes have ended"
    )]
    Inventory(Currency),
    #[error("{OPEN_OF_TAKER_MAX} quotes for this taker are open; use them, or ask again when they have expired")]
    TooManyOfTaker,
    #[error("{OPEN_MAX} quotes of this maker are open; ask again when some have ended")]
    TooMany,
}

/// The promises that hold. Whether a quote was used is not looked at: it counts until the account has been looked at
/// after its end, though what was paid has left the account before. So too little is promised for a moment, and never
/// too much.
#[derive(Debug, Default)]
pub struct Promises {
    open: HashMap<QuoteId, Promise>,
    by_end: BTreeSet<(UnixSeconds, QuoteId)>,
    sums: BTreeMap<Currency, u128>,
    of_taker: HashMap<AccountId, usize>,
}

impl Promises {
    /// Promises, if what was available at the time `seen` is enough for this and all that is promised.
    pub fn add(&mut self, seen: UnixSeconds, available: Amount, promise: Promise) -> Result<(), Declined> {
        self.expire(seen);
        let Promise {
            id,
            taker,
            currency,
            amount,
            expires_at,
        } = promise;
        if self.open.len() >= OPEN_MAX {
            return Err(Declined::TooMany);
        }
        if self.of_taker.get(&taker).copied().unwrap_or(0) >= OPEN_OF_TAKER_MAX {
            return Err(Declined::TooManyOfTaker);
        }
        let sum = self.promised(currency) + u128::from(amount.0);
        if sum > u128::from(available.0) {
            return Err(Declined::Inventory(currency));
        }
        let known = self.open.insert(id, promise);
        assert!(known.is_none(), "quotes have ids drawn at random");
        self.by_end.insert((expires_at, id));
        self.sums.insert(currency, sum);
        *self.of_taker.entry(taker).or_default() += 1;
        Ok(())
    }

    /// How much of a currency is promised.
    pub fn promised(&self, currency: Currency) -> u128 {
        self.sums.get(&currency).copied().unwrap_or(0)
    }

    fn expire(&mut self, now: UnixSeconds) {
        while let Some(&(end, id)) = self.by_end.first()
            && end <= now
        {
            self.by_end.remove(&(end, id));
            let promise = self.open.remove(&id).expect("each is in both");
            *self.sums.get_mut(&promise.currency).expect("it was added") -= u128::from(promise.amount.0);
            let count = self.of_taker.get_mut(&promise.taker).expect("it was counted");
            *count -= 1;
            if *count == 0 {
                self.of_taker.remove(&promise.taker);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(at: usize) -> Currency {
        Currency::new(["EUR", "THB"][at]).unwrap()
    }

    fn promise(number: u64, taker: u8, currency: usize, amount: u64, ends: u64) -> Promise {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        Promise {
            id: QuoteId(id),
            taker: AccountId([taker; 20]),
            currency: code(currency),
            amount: Amount(amount),
            expires_at: UnixSeconds(ends),
        }
    }

    const ALL: Amount = Amount(u64::MAX);

    #[test]
    fn what_is_promised_is_not_promised_again_until_it_ends() {
        let mut promises = Promises::default();
        let has = Amount(100);
        let at = UnixSeconds;
        assert_eq!(promises.add(at(0), has, promise(1, 1, 0, 60, 10)), Ok(()));
        let lacks = Err(Declined::Inventory(code(0)));
        assert_eq!(promises.add(at(9), has, promise(2, 2, 0, 41, 20)), lacks);
        assert_eq!(promises.add(at(9), has, promise(2, 2, 0, 40, 20)), Ok(()));
        assert_eq!(promises.add(at(9), has, promise(3, 2, 1, 100, 20)), Ok(()));
        assert_eq!(promises.add(at(10), has, promise(4, 2, 0, 60, 20)), Ok(()));
        assert_eq!((promises.promised(code(0)), promises.promised(code(1))), (100, 100));
    }

    #[test]
    fn neither_a_taker_nor_all_together_have_more_than_their_part() {
        let mut promises = Promises::default();
        let mut number = 0;
        let mut add = |promises: &mut Promises, taker: u8| {
            number += 1;
            promises.add(UnixSeconds(0), ALL, promise(number, taker, 0, 1, 10))
        };
        for taker in 0..100 {
            for _ in 0..OPEN_OF_TAKER_MAX {
                assert_eq!(add(&mut promises, taker), Ok(()));
            }
        }
        assert_eq!(add(&mut promises, 101), Err(Declined::TooMany));
        assert_eq!(promises.add(UnixSeconds(10), ALL, promise(0, 1, 0, 1, 20)), Ok(()));
        assert_eq!(promises.of_taker.len(), 1);
        for more in 1..OPEN_OF_TAKER_MAX as u64 {
            assert_eq!(promises.add(UnixSeconds(10), ALL, promise(more, 1, 0, 1, 20)), Ok(()));
        }
        let last = promise(1_000, 1, 0, 1, 20);
        assert_eq!(promises.add(UnixSeconds(10), ALL, last), Err(Declined::TooManyOfTaker));
    }

    proptest! {
        /// Against a list of all that was promised.
        #[test]
        fn invariant_no_more_is_promised_than_there_is(
            asked in prop::collection::vec((0..3u64, 0..3u8, 0..2usize, 0..60u64, 1..12u64, 0..150u64), 1..60),
        ) {
            let mut promises = Promises::default();
            let mut all: Vec<Promise> = Vec::new();
            let mut now = 0;
            for (number, (step, taker, currency, amount, lasts, available)) in (0..).zip(asked) {
                now += step;
                let next = promise(number, taker, currency, amount, now + lasts);
                let open = all.iter().filter(|it| it.expires_at.0 > now && it.currency == code(currency));
                let sum: u64 = open.map(|it| it.amount.0).sum();
                let expected = match sum + amount <= available {
                    true => Ok(()),
                    false => Err(Declined::Inventory(code(currency))),
                };
                prop_assert_eq!(promises.add(UnixSeconds(now), Amount(available), next), expected);
                if expected.is_ok() {
                    all.push(next);
                }
            }
        }
    }
}
