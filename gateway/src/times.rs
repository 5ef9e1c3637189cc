//! Times as the API writes them.

use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

/// RFC 3339 in UTC, with milliseconds.
const RFC_3339: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// From milliseconds since 1970.
pub fn rfc3339(ms: u64) -> String {
    moment(ms).format(RFC_3339).expect("all parts are known")
}

/// Beyond the year 9999, the last moment before.
pub fn moment(ms: u64) -> OffsetDateTime {
    const LAST_MS: u64 = 253_402_300_799_999;
    let nanoseconds = i128::from(ms.min(LAST_MS)) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).expect("within the years 1970 to 9999")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_are_in_utc() {
        assert_eq!(rfc3339(1_700_000_000_007), "2023-11-14T22:13:20.007Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(u64::MAX), "9999-12-31T23:59:59.999Z");
    }
}
