//! Reference rates, from a file in the form in which the European Central Bank publishes its own.

use std::collections::BTreeMap;

use causeway_contracts::money::Currency;
use rust_decimal::Decimal;

/// No such file is longer; the bank's has some 500 bytes.
pub const RATES_BYTES_MAX: usize = 64 * 1024;

/// No rate moves so far from one reading to the next, but for what is wrong.
const MOVE_PERCENT_MAX: i64 = 20;

/// Units of each currency for one euro, of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceRates {
    pub as_of: Day,
    per_euro: BTreeMap<Currency, Decimal>,
}

/// A day of the common calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// That one currency's rate is bound to another's: so many units for one of `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peg {
    pub currency: Currency,
    pub to: Currency,
    pub rate: Decimal,
}

/// Why a text has no reference rates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RatesError {
    #[error("{0} bytes, and at most {RATES_BYTES_MAX} are read")]
    TooLong(usize),
    #[error("expected a line of currency codes that begins with Date, and a line of rates, both ended")]
    Lines,
    #[error("'{0}' is no date; expected one such as 13 April 2026")]
    Date(String),
    #[error("'{0}' is no currency code of three letters")]
    Currency(String),
    #[error("'{text}' for {currency} is no rate above zero")]
    Rate { currency: Currency, text: String },
    #[error("{currency} is there twice")]
    Twice { currency: Currency },
    #[error(
        "{currency} has moved by more than {}%: if that is right, start the maker again",
        MOVE_PERCENT_MAX
    )]
    Moved { currency: Currency },
    #[error("{currency} is bound to {to}, which has no rate")]
    Peg { currency: Currency, to: Currency },
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl ReferenceRates {
    /// Reads the bank's daily file: a line `Date, USD, JPY, ..`, and a line of the date and of units for one euro.
    pub fn parse(text: &str) -> Result<Self, RatesError> {
        if text.len() > RATES_BYTES_MAX {
            return Err(RatesError::TooLong(text.len()));
        }
        // Of a file that is still being written, the last number may be a part of one.
        if !text.ends_with('\n') {
            return Err(RatesError::Lines);
        }
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let (Some(codes), Some(values), None) = (lines.next(), lines.next(), lines.next()) else {
            return Err(RatesError::Lines);
        };
        let (mut codes, mut values) = (fields(codes), fields(values));
        if codes.next() != Some("Date") {
            return Err(RatesError::Lines);
        }
        let as_of = values.next().ok_or(RatesError::Lines)?.parse()?;
        let mut rates = Self {
            as_of,
            per_euro: BTreeMap::from([(euro(), Decimal::ONE)]),
        };
        loop {
            match (codes.next(), values.next()) {
                (None, None) => return Ok(rates),
                (Some(code), Some(value)) => {
                    let currency = code.parse().map_err(|_| RatesError::Currency(code.to_owned()))?;
                    rates.add(currency, value)?;
                }
                _ => return Err(RatesError::Lines),
            }
        }
    }

    fn add(&mut self, currency: Currency, text: &str) -> Result<(), RatesError> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let rate = text.parse().ok().filter(|rate| is_plain && *rate > Decimal::ZERO);
        let rate = rate.ok_or_else(|| RatesError::Rate {
            currency,
            text: text.to_owned(),
        })?;
        match self.per_euro.insert(currency, rate) {
            None => Ok(()),
            Some(_) => Err(RatesError::Twice { currency }),
        }
    }

    /// Adds a currency whose rate is bound to another's.
    pub fn bind(&mut self, peg: Peg) -> Result<(), RatesError> {
        let Peg { currency, to, rate } = peg;
        let wrong = RatesError::Peg { currency, to };
        let per_euro = self.per_euro.get(&to).and_then(|per_euro| per_euro.checked_mul(rate));
        let per_euro = per_euro.filter(|rate| *rate > Decimal::ZERO).ok_or(wrong)?;
        match self.per_euro.insert(currency, per_euro) {
            None => Ok(()),
            Some(_) => Err(RatesError::Twice { currency }),
        }
    }

    /// Adds another file's, of which none is here; the euro's is in each. All are then as old as the older.
    pub fn add_all(&mut self, other: Self) -> Result<(), RatesError> {
        self.as_of = self.as_of.min(other.as_of);
        for (currency, rate) in other.per_euro {
            let is_twice = currency != euro() && self.per_euro.insert(currency, rate).is_some();
            if is_twice {
                return Err(RatesError::Twice { currency });
            }
        }
        Ok(())
    }

    /// Whether these can be what became of those of before.
    pub fn check_moves(&self, before: &Self) -> Result<(), RatesError> {
        for (&currency, rate) in &self.per_euro {
            let Some(old) = before.per_euro.get(&currency) else {
                continue;
            };
            let moved = (*rate - *old).abs().checked_mul(Decimal::ONE_HUNDRED);
            let most = old.checked_mul(Decimal::from(MOVE_PERCENT_MAX));
            if moved.zip(most).is_none_or(|(moved, most)| moved > most) {
                return Err(RatesError::Moved { currency });
            }
        }
        Ok(())
    }

    /// All that have a rate, ascending.
    pub fn currencies(&self) -> impl Iterator<Item = Currency> {
        self.per_euro.keys().copied()
    }

    /// The mid rate: how much of `buy` one unit of `sell` is worth. `None` if either has no rate, or the quotient
    /// cannot be represented.
    pub fn mid(&self, sell: Currency, buy: Currency) -> Option<Decimal> {
        let (sold, bought) = (self.per_euro.get(&sell)?, self.per_euro.get(&buy)?);
        bought.checked_div(*sold)
    }
}

/// The bank ends its lines with a comma.
fn fields(line: &str) -> impl Iterator<Item = &str> {
    let line = line.trim().trim_end_matches(',');
    line.split(',').map(str::trim)
}

fn euro() -> Currency {
    Currency::new("EUR").expect("three letters")
}

impl Day {
    /// Whole days since 1970-01-01, by the civil calendar (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    pub fn since_1970(&self) -> i64 {
        let (year, month) = (i64::from(self.year), i64::from(self.month));
        // Years that begin in March: the day that is sometimes there is their last.
        let year = if month <= 2 { year - 1 } else { year };
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(self.day) - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }
}

impl std::str::FromStr for Day {
    type Err = RatesError;

    fn from_str(text: &str) -> Result<Self, RatesError> {
        let wrong = || RatesError::Date(text.to_owned());
        let words: Vec<_> = text.split(' ').collect();
        let [day, month, year] = words[..] else {
            return Err(wrong());
        };
        let month = MONTHS.iter().position(|name| *name == month).ok_or_else(wrong)?;
        let month = u8::try_from(month).map_err(|_| wrong())? + 1;
        let year: u16 = year.parse().map_err(|_| wrong())?;
        let day: u8 = day.parse().map_err(|_| wrong())?;
        let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        if !(1970..=9999).contains(&year) || !(1..=days).contains(&day) {
            return Err(wrong());
        }
        Ok(Self { year, month, day })
    }
}

impl std::fmt::Display for Day {
    /// As ISO 8601 writes it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Currency {
        Currency::new(text).unwrap()
    }

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    /// Some of the bank's rates of 13 April 2026.
    const FILE: &str = "Date, USD, JPY, THB, \n13 April 2026, 1.1684, 186.75, 37.728, \n";

    #[test]
    fn the_banks_file_is_read() {
        let rates = ReferenceRates::parse(FILE).unwrap();
        assert_eq!(rates.as_of.to_string(), "2026-04-13");
        assert_eq!(rates.mid(code("EUR"), code("THB")), Some(decimal("37.728")));
        assert_eq!(rates.mid(code("EUR"), code("EUR")), Some(Decimal::ONE));
        let cross = rates.mid(code("USD"), code("THB")).unwrap();
        assert_eq!(cross.round_dp(6), decimal("32.290312"));
        assert_eq!(rates.mid(code("EUR"), code("KWD")), None);
    }

    #[test]
    fn a_bound_currency_follows_the_other() {
        let mut rates = ReferenceRates::parse(FILE).unwrap();
        let peg = |currency, to| Peg {
            currency: code(currency),
            to: code(to),
            rate: decimal("3.6725"),
        };
        rates.bind(peg("AED", "USD")).unwrap();
        assert_eq!(rates.mid(code("USD"), code("AED")), Some(decimal("3.6725")));
        assert_eq!(rates.mid(code("EUR"), code("AED")), Some(decimal("4.29094900")));
        let (currency, to) = (code("KWD"), code("XAF"));
        assert_eq!(rates.bind(peg("KWD", "XAF")), Err(RatesError::Peg { currency, to }));
        let currency = code("AED");
        assert_eq!(rates.bind(peg("AED", "USD")), Err(RatesError::Twice { currency }));
    }

    #[test]
    fn other_texts_are_refused() {
        let check = |text: &str, expected| assert_eq!(ReferenceRates::parse(text), Err(expected), "{text}");
        check("", RatesError::Lines);
        check("Date, USD\n", RatesError::Lines);
        check("USD\n1.1\n", RatesError::Lines);
        check("Date, USD, THB\n13 April 2026, 1.1684, 3", RatesError::Lines);
        check("Date, USD\n13 April 2026\n", RatesError::Lines);
        check("Date, USD\n13 April 2026, 1, 2\n", RatesError::Lines);
        check("Date, USD\n13 April 2026, 1\nmore\n", RatesError::Lines);
        for date in [
            "2026-04-13",
            "31 April 2026",
            "0 May 2026",
            "29 February 2027",
            "1 May 2026 ",
        ] {
            let text = format!("Date, USD\n{date}, 1\n");
            let wrong = RatesError::Date(date.trim().to_owned());
            if date.ends_with(' ') {
                assert!(ReferenceRates::parse(&text).is_ok());
            } else {
                check(&text, wrong);
            }
        }
        check("Date, us\n1 May 2026, 1\n", RatesError::Currency("us".to_owned()));
        for text in ["0", "-1", "N/A", "", "1_0", "1e3"] {
            let wrong = RatesError::Rate {
                currency: code("USD"),
                text: text.to_owned(),
            };
            check(&format!("Date, USD, JPY\n1 May 2026, {text}, 1\n"), wrong);
        }
        let currency = code("USD");
        check("Date, USD, USD\n1 May 2026, 1, 1\n", RatesError::Twice { currency });
        let long = " ".repeat(RATES_BYTES_MAX + 1);
        check(&long, RatesError::TooLong(RATES_BYTES_MAX + 1));
    }

    #[test]
    fn rates_that_jump_are_not_believed() {
        let rates = |rate: &str| ReferenceRates::parse(&format!("Date, USD, THB\n13 April 2026, 1, {rate}\n")).unwrap();
        let before = rates("37.728");
        let moved = Err(RatesError::Moved { currency: code("THB") });
        for (rate, expected) in [
            ("45.2736", Ok(())),
            ("30.1824", Ok(())),
            ("45.2737", moved.clone()),
            ("3", moved),
        ] {
            assert_eq!(rates(rate).check_moves(&before), expected, "{rate}");
        }
        let other = ReferenceRates::parse("Date, KWD\n13 April 2026, 0.36\n").unwrap();
        assert_eq!(other.check_moves(&before), Ok(()));
    }

    #[test]
    fn days_are_counted_from_1970() {
        let check = |text: &str, expected| assert_eq!(text.parse::<Day>().unwrap().since_1970(), expected, "{text}");
        check("1 January 1970", 0);
        check("31 December 1970", 364);
        check("29 February 2000", 11_016);
        check("1 March 2000", 11_017);
        check("13 April 2026", 20_556);
    }
}
