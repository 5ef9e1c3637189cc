//! How much of what an author has had ordered was skipped. Pure.
//!
//! A skipped transaction costs every validator its signature check and has no effect. Some cannot be
//! helped, such as one that expires in a full network. One that took effect before, out of another
//! author's batch, is not held against an author: clients send the same bytes to two validators, and a
//! validator could copy what others sealed to make them look bad. An author with many of them seals what it did not look at, and gives way to others
//! until it does better.

use std::collections::{BTreeMap, HashMap};

use causeway_contracts::{committee::ValidatorId, ledger::rejection::Skip};

/// What one author's batches of a block came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Yield {
    pub author: ValidatorId,
    /// Transactions, the skipped ones too.
    pub ordered: u64,
    pub skipped: u64,
}

/// An author is poor while more than one in so many of its transactions are skipped: 5 %.
const SKIPPED_ONE_IN: u64 = 20;

/// About as many of an author's last transactions count; older ones count for less and less.
const WINDOW: u64 = 8_192;

/// With fewer than this nothing is said of an author.
const ORDERED_MIN: u64 = 256;

/// Each author's transactions. Only authors of final batches are in it, which are validators.
#[derive(Debug, Default)]
pub struct Yields {
    authors: HashMap<ValidatorId, Recent>,
}

#[derive(Debug, Default)]
struct Recent {
    ordered: u64,
    skipped: u64,
}

impl Yields {
    pub fn add(&mut self, block: &Yield) {
        let recent = self.authors.entry(block.author).or_default();
        recent.ordered += block.ordered;
        recent.skipped += block.skipped;
        while recent.ordered > WINDOW {
            recent.ordered /= 2;
            recent.skipped /= 2;
        }
    }

    pub fn is_poor(&self, author: &ValidatorId) -> bool {
        self.authors
            .get(author)
            .is_some_and(|recent| recent.ordered >= ORDERED_MIN && recent.skipped * SKIPPED_ONE_IN > recent.ordered)
    }
}

/// Of each author whose batches a block orders, once. Transactions that took effect before are not counted
/// as skipped. `batches` gives each batch's author and how many
/// transactions it has.
pub fn yields(batches: impl IntoIterator<Item = (ValidatorId, usize)>, skips: &[(ValidatorId, Skip)]) -> Vec<Yield> {
    let mut counts: BTreeMap<ValidatorId, (u64, u64)> = BTreeMap::new();
    for (author, transactions) in batches {
        counts.entry(author).or_default().0 += transactions as u64;
    }
    for (author, skip) in skips {
        // Another author may have copied the transaction and been first: that must not cost this one.
        counts.entry(*author).or_default().1 += u64::from(*skip != Skip::AlreadyKnown);
    }
    counts
        .into_iter()
        .map(|(author, (ordered, skipped))| Yield {
            author,
            ordered,
            skipped,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use causeway_contracts::keys::SecretKey;

    use super::*;

    fn author(seed: u8) -> ValidatorId {
        ValidatorId::of(&SecretKey::from_seed(&[seed; 32]).public_key())
    }

    fn block(ordered: u64, skipped: u64) -> Yield {
        Yield {
            author: author(1),
            ordered,
            skipped,
        }
    }

    #[test]
    fn more_than_five_of_a_hundred_is_poor() {
        for (skipped, poor) in [(0, false), (50, false), (51, true), (1_000, true)] {
            let mut yields = Yields::default();
            yields.add(&block(1_000, skipped));
            assert_eq!(yields.is_poor(&author(1)), poor, "{skipped} of 1,000");
            assert!(!yields.is_poor(&author(2)));
        }
    }

    #[test]
    fn a_few_transactions_say_nothing() {
        let mut yields = Yields::default();
        yields.add(&block(255, 255));
        assert!(!yields.is_poor(&author(1)));
        yields.add(&block(1, 1));
        assert!(yields.is_poor(&author(1)));
    }

    #[test]
    fn is_restored_by_what_is_good() {
        let mut yields = Yields::default();
        yields.add(&block(16_000, 16_000));
        let blocks = (1..)
            .find(|_| {
                yields.add(&block(1_000, 0));
                !yields.is_poor(&author(1))
            })
            .unwrap();
        assert!((10..40).contains(&blocks), "{blocks}");
    }

    #[test]
    fn an_old_success_does_not_excuse_for_long() {
        let mut yields = Yields::default();
        for _ in 0..10_000 {
            yields.add(&block(1_000, 0));
        }
        yields.add(&block(1_000, 1_000));
        assert!(yields.is_poor(&author(1)));
    }

    #[test]
    fn counts_all_of_an_author_together() {
        let batches = [(author(1), 10), (author(2), 5), (author(1), 7)];
        let skips = [Skip::Expired, Skip::AlreadyKnown, Skip::TooFarAhead].map(|skip| (author(2), skip));
        let mut expected = [
            Yield {
                author: author(1),
                ordered: 17,
                skipped: 0,
            },
            Yield {
                author: author(2),
                ordered: 5,
                skipped: 2,
            },
        ];
        expected.sort_by_key(|of| of.author);
        assert_eq!(yields(batches, &skips), expected);
    }
}
