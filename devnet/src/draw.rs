//! Choices drawn from a seed: the same seed gives the same choices, on every machine.

use std::{ops::RangeInclusive, time::Duration};

use causeway_contracts::codec;

/// Hashes of the seed and a counter.
pub struct Draw {
    seed: u64,
    drawn: u64,
}

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    fn word(&mut self) -> u64 {
        let parts = [self.seed.to_be_bytes(), self.drawn.to_be_bytes()];
        self.drawn += 1;
        let hash = codec::hash("causeway-devnet/chaos/1", &[&parts[0], &parts[1]]);
        u64::from_be_bytes(hash[..8].try_into().expect("a hash has 32 bytes"))
    }

    /// A number in the range; the bias of a remainder does not matter here.
    pub fn number(&mut self, range: RangeInclusive<u64>) -> u64 {
        range.start() + self.word() % (range.end() - range.start() + 1)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.word() % end as u64) as usize
    }

    pub fn milliseconds(&mut self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.number(range))
    }

    pub fn coin(&mut self) -> bool {
        self.below(2) == 1
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_choices_and_others_do_not() {
        let drawn = |seed| {
            let mut draw = Draw::new(seed);
            [(); 8].map(|()| draw.number(0..=999_999))
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
    }

    #[test]
    fn choices_stay_in_their_range_and_reach_its_ends() {
        let mut draw = Draw::new(7);
        let drawn: Vec<_> = (0..200).map(|_| draw.number(3..=5)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&3), Some(&5)));
        let mut cards: Vec<_> = (0..20).collect();
        draw.shuffle(&mut cards);
        assert_ne!(cards, (0..20).collect::<Vec<_>>());
        cards.sort();
        assert_eq!(cards, (0..20).collect::<Vec<_>>());
    }
}
