//! Lives an hour ahead: its blocks come from the future.

use super::Byzantine;

pub struct TimeTraveller;

impl Byzantine for TimeTraveller {
    fn clock_ahead_ms(&self) -> u64 {
        3_600_000
    }
}
