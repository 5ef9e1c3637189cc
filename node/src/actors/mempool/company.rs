//! When signatures that wait are worth a call, and when they wait for company. Pure.
//!
//! A call with a few signatures takes half as long again for each as one with hundreds. Where few come, that is
//! nobody's loss; where many come, a short wait makes calls large, and the processor's time is what all wait for.

use std::time::{Duration, Instant};

/// So many wait for no more.
const FULL: usize = 768;

/// How long the first that waits is kept, where many come.
pub const WAIT: Duration = Duration::from_millis(20);

/// Arrivals are counted over so long.
const SPAN: Duration = Duration::from_millis(50);

/// As many in a span say that many come: a call after [`WAIT`] has some fifty at least.
const MANY: usize = 128;

#[derive(Debug, Default)]
pub struct Company {
    /// When the first of those that wait was seen.
    since: Option<Instant>,
    span: Option<Instant>,
    in_span: usize,
    /// In the span before.
    before: usize,
}

impl Company {
    /// Until when `waiting` signatures are kept; `None` if their call is due.
    pub fn due(&mut self, waiting: usize, now: Instant) -> Option<Instant> {
        let since = *self.since.get_or_insert(now);
        self.turn(now);
        let at = since + WAIT;
        let many_come = self.before.max(self.in_span) >= MANY;
        (many_come && waiting < FULL && now < at).then_some(at)
    }

    /// A call begins with so many.
    pub fn begins(&mut self, signatures: usize, now: Instant) {
        self.turn(now);
        self.in_span += signatures;
        self.since = None;
    }

    pub fn nothing_waits(&mut self) {
        self.since = None;
    }

    fn turn(&mut self, now: Instant) {
        let began = *self.span.get_or_insert(now);
        let elapsed = now.saturating_duration_since(began);
        if elapsed < SPAN {
            return;
        }
        // Of spans without a call nothing is known but that there was none.
        self.before = if elapsed < 2 * SPAN { self.in_span } else { 0 };
        self.in_span = 0;
        self.span = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Calls of so many signatures, one every so often.
    fn after_calls(of: usize, every: Duration, start: Instant) -> (Company, Instant) {
        let mut company = Company::default();
        let mut now = start;
        for _ in 0..20 {
            company.due(of, now);
            company.begins(of, now);
            now += every;
        }
        (company, now)
    }

    #[test]
    fn where_few_come_none_waits() {
        let (mut company, now) = after_calls(10, 10 * MS, Instant::now());
        assert_eq!(company.due(10, now), None);
        assert_eq!(Company::default().due(1, now), None);
    }

    #[test]
    fn where_many_come_the_first_waits_a_little_or_until_a_call_is_full() {
        let (mut company, now) = after_calls(100, 10 * MS, Instant::now());
        assert_eq!(company.due(1, now), Some(now + WAIT));
        assert_eq!(
            company.due(200, now + WAIT / 2),
            Some(now + WAIT),
            "as long as the first has waited"
        );
        assert_eq!(company.due(200, now + WAIT), None);
        assert_eq!(company.due(FULL, now), None);
        company.begins(200, now + WAIT);
        let next = now + WAIT + MS;
        assert_eq!(company.due(1, next), Some(next + WAIT), "the next begins anew");
        company.nothing_waits();
        assert_eq!(company.due(1, next + MS), Some(next + MS + WAIT));
    }

    #[test]
    fn when_many_no_longer_come_none_waits() {
        let (mut company, now) = after_calls(100, 10 * MS, Instant::now());
        assert_eq!(company.due(1, now + 2 * SPAN), None);
    }
}
