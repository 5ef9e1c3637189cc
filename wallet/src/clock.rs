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

/// Year, month and day of a day counted from 1970-01-01. Years begin in March here, so that a leap
/// day is a year's last.
pub fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}
