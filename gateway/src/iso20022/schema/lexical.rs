//! How dates, times and binary values are written: XML Schema part 2, 3.2.

/// Takes a value apart from the left. Each part is `None` where it is not there.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn digits(&mut self, count: usize) -> Option<u32> {
        let digits = self.0.get(..count)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        self.0 = &self.0[count..];
        digits.parse().ok()
    }

    fn mark(&mut self, mark: char) -> Option<()> {
        self.0 = self.0.strip_prefix(mark)?;
        Some(())
    }

    /// Four digits or more; more only without leading zeros, and never 0000.
    fn year(&mut self) -> Option<u64> {
        self.0 = self.0.strip_prefix('-').unwrap_or(self.0);
        let end = self
            .0
            .bytes()
            .position(|byte| !byte.is_ascii_digit())
            .unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at(end);
        if digits.len() < 4 || (digits.len() > 4 && digits.starts_with('0')) || digits.len() > 18 {
            return None;
        }
        self.0 = rest;
        digits.parse().ok().filter(|year| *year != 0)
    }

    fn month(&mut self) -> Option<u32> {
        self.digits(2).filter(|month| (1..=12).contains(month))
    }

    fn date(&mut self) -> Option<()> {
        let year = self.year()?;
        self.mark('-')?;
        let month = self.month()?;
        self.mark('-')?;
        let day = self.digits(2)?;
        (1..=days_of(year, month)).contains(&day).then_some(())
    }

    fn time(&mut self) -> Option<()> {
        let hour = self.digits(2)?;
        self.mark(':')?;
        let minute = self.digits(2)?;
        self.mark(':')?;
        let second = self.digits(2)?;
        let mut fraction_is_zero = true;
        if self.mark('.').is_some() {
            let end = self
                .0
                .bytes()
                .position(|byte| !byte.is_ascii_digit())
                .unwrap_or(self.0.len());
            let (fraction, rest) = self.0.split_at(end);
            if fraction.is_empty() {
                return None;
            }
            fraction_is_zero = fraction.bytes().all(|byte| byte == b'0');
            self.0 = rest;
        }
        let midnight = hour == 24 && minute == 0 && second == 0 && fraction_is_zero;
        ((hour < 24 && minute < 60 && second < 60) || midnight).then_some(())
    }

    /// Ends a value: nothing, `Z`, or an offset of at most 14 hours.
    fn zone(&mut self) -> Option<()> {
        if self.0.is_empty() || self.0 == "Z" {
            return Some(());
        }
        self.0 = self.0.strip_prefix(['+', '-'])?;
        let hours = self.digits(2)?;
        self.mark(':')?;
        let minutes = self.digits(2)?;
        let within = (hours < 14 && minutes < 60) || (hours == 14 && minutes == 0);
        (within && self.0.is_empty()).then_some(())
    }
}

fn days_of(year: u64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

fn fits(text: &str, parts: impl FnOnce(&mut Rest<'_>) -> Option<()>) -> bool {
    let mut rest = Rest(text);
    parts(&mut rest).and_then(|()| rest.zone()).is_some()
}

pub fn is_date(text: &str) -> bool {
    fits(text, |rest| rest.date())
}

pub fn is_time(text: &str) -> bool {
    fits(text, |rest| rest.time())
}

pub fn is_date_time(text: &str) -> bool {
    fits(text, |rest| {
        rest.date()?;
        rest.mark('T')?;
        rest.time()
    })
}

pub fn is_year(text: &str) -> bool {
    fits(text, |rest| rest.year().map(|_| ()))
}

pub fn is_year_month(text: &str) -> bool {
    fits(text, |rest| {
        rest.year()?;
        rest.mark('-')?;
        rest.month().map(|_| ())
    })
}

/// The count of bytes that a text in base 64 stands for, spaces between them left out. `None` where
/// it is none.
pub fn base64_bytes(text: &str) -> Option<usize> {
    let symbols: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let padding = symbols.iter().rev().take_while(|byte| **byte == b'=').count();
    let (digits, _) = symbols.split_at(symbols.len() - padding);
    let value = |byte: &u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let values: Vec<u8> = digits.iter().map(value).collect::<Option<_>>()?;
    // The last digit before padding has bits that belong to no byte, and they are zero.
    let unused = match padding {
        0 => 0,
        1 => 0b11,
        2 => 0b1111,
        _ => return None,
    };
    let whole = symbols.len().is_multiple_of(4) && values.last().is_none_or(|last| last & unused == 0);
    (whole && (padding == 0 || !values.is_empty())).then(|| symbols.len() / 4 * 3 - padding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_of_the_calendar() {
        for (text, expected) in [
            ("2024-02-29", true),
            ("2023-02-29", false),
            ("1900-02-29", false),
            ("2000-02-29Z", true),
            ("2024-04-31", false),
            ("2024-13-01", false),
            ("2024-1-01", false),
            ("0000-01-01", false),
            ("-0044-03-15", true),
            ("12024-01-01", true),
            ("02024-01-01", false),
            ("2024-01-01+14:00", true),
            ("2024-01-01+14:01", false),
            ("2024-01-01 ", false),
            ("", false),
        ] {
            assert_eq!(is_date(text), expected, "{text:?}");
        }
    }

    #[test]
    fn times_are_of_a_day() {
        for (text, expected) in [
            ("2022-10-20T09:05:00+01:00", true),
            ("2022-10-20T09:05:00.123456789", true),
            ("2022-10-20T24:00:00", true),
            ("2022-10-20T24:00:01", false),
            ("2022-10-20T23:60:00", false),
            ("2022-10-20T09:05:60", false),
            ("2022-10-20T09:05:00.", false),
            ("2022-10-20", false),
            ("CURRENT_TIME", false),
            ("2022-10-20T09:05:00Z2", false),
        ] {
            assert_eq!(is_date_time(text), expected, "{text:?}");
        }
        assert!(is_time("09:05:00Z"));
        assert!(is_year("2024") && !is_year("24"));
        assert!(is_year_month("2024-12") && !is_year_month("2024-00"));
    }

    #[test]
    fn base_64_is_whole() {
        for (text, expected) in [
            ("", Some(0)),
            ("YQ==", Some(1)),
            ("YWI=", Some(2)),
            ("YWJj", Some(3)),
            ("YW Jj\nYQ==", Some(4)),
            ("YQ=", None),
            ("YR==", None),
            ("Y===", None),
            ("====", None),
            ("YWJ!", None),
            ("YQ==YQ==", None),
        ] {
            assert_eq!(base64_bytes(text), expected, "{text:?}");
        }
    }
}
