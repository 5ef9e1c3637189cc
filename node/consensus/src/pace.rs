//! When to start the next height. Pure.

use std::time::Duration;

use crate::moment::Moment;

/// Heights start at least this far apart.
pub const BLOCK_INTERVAL_MIN: Duration = Duration::from_millis(25);

/// An idle network makes a block this often.
pub const BLOCK_INTERVAL_IDLE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub struct Pace {
    started: Option<Moment>,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    since: Moment,
    wanted: bool,
}

impl Pace {
    /// A height has started.
    pub fn started(&mut self, now: Moment) {
        self.started = Some(now);
        self.waiting = None;
    }

    /// The next height may start.
    pub fn wait(&mut self, now: Moment) {
        self.waiting = Some(Waiting {
            since: now,
            wanted: false,
        });
    }

    /// The next height may not start: blocks are being fetched.
    pub fn hold(&mut self) {
        self.waiting = None;
    }

    /// There is something to order, or others have begun.
    pub fn want(&mut self) {
        if let Some(waiting) = &mut self.waiting {
            waiting.wanted = true;
        }
    }

    /// The next height may start, but there is nothing to order.
    pub fn is_idle(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| !waiting.wanted)
    }

    /// When the next height is to start, if it may.
    pub fn due(&self) -> Option<Moment> {
        let waiting = self.waiting.as_ref()?;
        let patience = if waiting.wanted {
            Duration::ZERO
        } else {
            BLOCK_INTERVAL_IDLE
        };
        let wished = waiting.since + patience;
        let earliest = self.started.map(|started| started + BLOCK_INTERVAL_MIN);
        Some(earliest.map_or(wished, |earliest| earliest.max(wished)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_when_wanted_but_not_too_soon_and_in_any_case_in_the_end() {
        let at = |start: Moment, ms: u64| Some(start + Duration::from_millis(ms));
        let start = Moment(Duration::from_secs(9));
        let mut pace = Pace::default();
        assert_eq!(pace.due(), None);
        pace.want();
        assert_eq!(pace.due(), None, "there is nothing to start yet");
        pace.wait(start);
        assert_eq!(pace.due(), at(start, 5_000));
        assert!(pace.is_idle());
        pace.want();
        assert_eq!(pace.due(), at(start, 0));
        assert!(!pace.is_idle());
        pace.started(start);
        assert_eq!(pace.due(), None);
        assert!(!pace.is_idle());
        pace.wait(start + Duration::from_millis(10));
        assert_eq!(pace.due(), at(start, 5_010));
        pace.want();
        assert_eq!(pace.due(), at(start, 25));
        pace.hold();
        assert_eq!(pace.due(), None);
    }
}
