//! The wallet's clock: it dates transactions and signed requests, and decides nothing about money.

use std::time::{SystemTime, UNIX_EPOCH};

use causeway_contracts::{block::TimeMs, transaction::UnixSeconds};

pub fn now_ms() -> TimeMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 is as wrong as any; nodes will refuse what it dates.
    TimeMs(since.map_or(0, |elapsed| elapsed.as_millis() as u64))
}

pub fn seconds_from_now(seconds: u64) -> UnixSeconds {
    UnixSeconds(now_ms().0 / 1000 + seconds)
}
