use std::time::Duration;

use super::response::Outcome;

const MINUTES: u64 = 60;
const HOURS: u64 = 60 * MINUTES;

/// Seconds from the end of one attempt to the next.
const DELAYS: [u64; ATTEMPTS_MAX as usize] = [
    0,
    5,
    5 * MINUTES,
    30 * MINUTES,
    2 * HOURS,
    5 * HOURS,
    10 * HOURS,
    14 * HOURS,
    20 * HOURS,
    24 * HOURS,
];

/// The first included, over a little more than three days.
pub const ATTEMPTS_MAX: u32 = 10;

/// By at most so much, in hundredths, a delay is prolonged.
const JITTER_PERCENT_MAX: u32 = 10;

/// How much of the longest prolongation is taken: none at 0, all at `u16::MAX`. Random, so that endpoints that
/// failed together are not tried again together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jitter(pub u16);

/// How long to wait before an attempt, the first being 0. `None` after the last one.
pub fn delay_before(attempt: u32, Jitter(jitter): Jitter) -> Option<Duration> {
    let delay = Duration::from_secs(*DELAYS.get(usize::try_from(attempt).ok()?)?);
    Some(delay + delay * JITTER_PERCENT_MAX * u32::from(jitter) / (100 * u32::from(u16::MAX)))
}

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    Done,
    DisableEndpoint,
    TryAgainAfter(Duration),
    /// It stays in the list of events, to be read or sent by hand.
    GiveUp,
}

/// `attempt`: the one that ended so, the first being 0.
pub fn next_step(attempt: u32, outcome: Outcome, jitter: Jitter) -> NextStep {
    match outcome {
        Outcome::Delivered => NextStep::Done,
        Outcome::Gone => NextStep::DisableEndpoint,
        Outcome::Failed(_) => {
            let delay = attempt.checked_add(1).and_then(|next| delay_before(next, jitter));
            delay.map_or(NextStep::GiveUp, NextStep::TryAgainAfter)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::webhooks::{FailureKind, outcome};

    /// The times since the first attempt, in seconds, as Standard Webhooks' table has them.
    #[test]
    fn attempts_are_where_the_standard_has_them() {
        let mut since_start = Duration::ZERO;
        let mut found = Vec::new();
        for attempt in 0..ATTEMPTS_MAX {
            since_start += delay_before(attempt, Jitter(0)).expect("an attempt");
            found.push(since_start.as_secs());
        }
        let expected = [0, 5, 305, 2105, 9305, 27305, 63305, 113705, 185705, 272105];
        assert_eq!(found, expected);
        assert_eq!(delay_before(ATTEMPTS_MAX, Jitter(0)), None);
        assert_eq!(delay_before(u32::MAX, Jitter(0)), None);
    }

    #[test]
    fn each_step() {
        let check = |attempt, status, expected| {
            assert_eq!(
                next_step(attempt, outcome(status), Jitter(0)),
                expected,
                "{attempt} {status:?}"
            );
        };
        check(0, Some(204), NextStep::Done);
        check(9, Some(200), NextStep::Done);
        check(3, Some(410), NextStep::DisableEndpoint);
        check(0, Some(500), NextStep::TryAgainAfter(Duration::from_secs(5)));
        check(1, Some(302), NextStep::TryAgainAfter(Duration::from_secs(300)));
        check(8, None, NextStep::TryAgainAfter(Duration::from_secs(86_400)));
        check(9, Some(500), NextStep::GiveUp);
        check(u32::MAX, Some(500), NextStep::GiveUp);
    }

    proptest! {
        #[test]
        fn invariant_jitter_only_prolongs_and_by_a_tenth_at_most(attempt in 0..ATTEMPTS_MAX, jitter in any::<u16>()) {
            let least = delay_before(attempt, Jitter(0)).expect("an attempt");
            let most = delay_before(attempt, Jitter(u16::MAX)).expect("an attempt");
            let delay = delay_before(attempt, Jitter(jitter)).expect("an attempt");
            prop_assert!(least <= delay && delay <= most);
            prop_assert_eq!(most, least * 11 / 10);
            let failed = Outcome::Failed(FailureKind::NoAnswer);
            if attempt > 0 {
                prop_assert_eq!(next_step(attempt - 1, failed, Jitter(jitter)), NextStep::TryAgainAfter(delay));
            }
        }
    }
}
