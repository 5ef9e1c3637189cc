//! When the network finalized nothing although it was offered something.

use std::time::{Duration, Instant};

/// Shorter times without a payment are how a network works.
const WINDOW_MIN: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from: Instant,
    pub to: Instant,
}

impl Window {
    pub fn length(&self) -> Duration {
        self.to - self.from
    }
}

/// Follows offers and endings in the order of their times.
#[derive(Debug, Default)]
pub struct Availability {
    open: u64,
    /// Since when something is open and nothing was finalized; absent while nothing is open.
    waiting_since: Option<Instant>,
    windows: Vec<Window>,
}

impl Availability {
    pub fn offered(&mut self, now: Instant) {
        self.open += 1;
        self.waiting_since.get_or_insert(now);
    }

    /// A payment was finalized.
    pub fn finalized(&mut self, now: Instant) {
        self.open -= 1;
        self.close(now);
        self.waiting_since = (self.open > 0).then_some(now);
    }

    /// Its end is not known, or it had none.
    pub fn given_up(&mut self, now: Instant) {
        self.open -= 1;
        if self.open == 0 {
            self.close(now);
        }
    }

    fn close(&mut self, now: Instant) {
        if let Some(from) = self.waiting_since.take()
            && now - from >= WINDOW_MIN
        {
            self.windows.push(Window { from, to: now });
        }
    }

    /// For how long nothing was finalized up to now.
    pub fn waiting(&self, now: Instant) -> Duration {
        self.waiting_since.map_or(Duration::ZERO, |since| now - since)
    }

    pub fn windows(&self) -> &[Window] {
        &self.windows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_open_while_something_is_offered_and_nothing_finalized() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut seen = Availability::default();
        // Nothing is offered for long: no window.
        seen.offered(at(5000));
        seen.finalized(at(5100));
        seen.offered(at(9000));
        seen.offered(at(9500));
        seen.finalized(at(9900));
        assert_eq!(seen.windows(), []);
        // The second is open since 9500, but the network finalized something at 9900.
        seen.finalized(at(12_000));
        let first = Window {
            from: at(9900),
            to: at(12_000),
        };
        assert_eq!(seen.windows(), [first]);
        assert_eq!(seen.waiting(at(20_000)), Duration::ZERO);
        // What is given up finalizes nothing.
        seen.offered(at(20_000));
        seen.offered(at(20_500));
        seen.given_up(at(21_500));
        assert_eq!(seen.waiting(at(22_000)), Duration::from_secs(2));
        seen.given_up(at(23_000));
        let second = Window {
            from: at(20_000),
            to: at(23_000),
        };
        assert_eq!(seen.windows(), [first, second]);
        assert_eq!(first.length(), Duration::from_millis(2100));
    }
}
