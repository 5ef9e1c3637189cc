//! Looks for the highest rate that is borne: doubles until one is not, then halves the gap. Pure.

/// Rates are multiples of this, in payments a second.
const GRAIN: u64 = 50;

/// The search ends when the gap is at most so small a part of the best rate.
const GAP_PARTS: u64 = 12;

/// More is not offered.
const RATE_MAX: u64 = 1_000_000;

#[derive(Debug, Clone, Default)]
pub struct Search {
    good: Option<u64>,
    bad: Option<u64>,
}

impl Search {
    /// The highest rate that was borne.
    pub fn best(&self) -> Option<u64> {
        self.good
    }

    pub fn learn(&mut self, rate: u64, is_borne: bool) {
        if is_borne {
            self.good = self.good.max(Some(rate));
        } else {
            self.bad = Some(self.bad.map_or(rate, |bad| bad.min(rate)));
        }
    }

    /// What to try next, after `first`; `None` when it is known well enough.
    pub fn next(&self, first: u64) -> Option<u64> {
        let rate = match (self.good, self.bad) {
            (None, None) => first,
            (Some(good), None) => good * 2,
            (None, Some(bad)) => bad / 2,
            (Some(good), Some(bad)) if bad.saturating_sub(good) <= good / GAP_PARTS => return None,
            (Some(good), Some(bad)) => good.midpoint(bad),
        };
        let rate = rate / GRAIN * GRAIN;
        let is_new = Some(rate) != self.good && Some(rate) != self.bad;
        (is_new && (GRAIN..=RATE_MAX).contains(&rate)).then_some(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the search ends for a network that bears so much, and in how many steps.
    fn check(bears: u64, first: u64) -> (Option<u64>, usize) {
        let mut search = Search::default();
        let mut steps = 0;
        while let Some(rate) = search.next(first) {
            search.learn(rate, rate <= bears);
            steps += 1;
        }
        (search.best(), steps)
    }

    #[test]
    fn it_ends_close_below_what_is_borne() {
        for bears in [50, 100, 333, 1000, 4_321, 9_999, 123_456] {
            let (best, steps) = check(bears, 1000);
            let best = best.unwrap();
            assert!(
                best <= bears && bears - best <= (best / GAP_PARTS).max(GRAIN),
                "{best} of {bears}"
            );
            assert!(steps <= 12, "{steps} steps for {bears}");
        }
    }

    #[test]
    fn what_bears_nothing_has_no_best_rate() {
        assert_eq!(check(49, 1000).0, None);
    }
}
