//! Decimal numbers of any length, to be compared and counted, not calculated with.

use std::cmp::Ordering;

/// Without sign, leading and trailing zeros, which do not change a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    integer: String,
    fraction: String,
}

impl Decimal {
    /// XML Schema part 2, 3.2.3.1: a sign, digits, and perhaps a point among them.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let made_of_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if (integer.is_empty() && fraction.is_empty()) || !made_of_digits(integer) || !made_of_digits(fraction) {
            return None;
        }
        let integer = integer.trim_start_matches('0').to_owned();
        let fraction = fraction.trim_end_matches('0').to_owned();
        let zero = integer.is_empty() && fraction.is_empty();
        Some(Self {
            negative: negative && !zero,
            integer,
            fraction,
        })
    }

    pub fn total_digits(&self) -> usize {
        self.integer.len() + self.fraction.len()
    }

    pub fn fraction_digits(&self) -> usize {
        self.fraction.len()
    }

    fn compare_size(&self, other: &Self) -> Ordering {
        let size = |decimal: &Self| (decimal.integer.len(), decimal.integer.clone(), decimal.fraction.clone());
        size(self).cmp(&size(other))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.compare_size(other),
            (true, true) => other.compare_size(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_ordered() {
        let ascending = [
            "-10",
            "-9.5",
            "-0.05",
            "0",
            ".05",
            "0.5",
            "000.50001",
            "9",
            "10",
            "10.0001",
        ];
        let values: Vec<_> = ascending.iter().map(|text| Decimal::parse(text).expect(text)).collect();
        assert!(values.is_sorted_by(|a, b| a < b));
        assert_eq!(Decimal::parse("-0.0"), Decimal::parse("+00"));
    }

    #[test]
    fn digits_that_matter_are_counted() {
        let check = |text: &str, total: usize, fraction: usize| {
            let decimal = Decimal::parse(text).expect(text);
            assert_eq!(
                (decimal.total_digits(), decimal.fraction_digits()),
                (total, fraction),
                "{text}"
            );
        };
        check("0012.3400", 4, 2);
        check("100", 3, 0);
        check("5.", 1, 0);
    }

    #[test]
    fn others_are_no_decimals() {
        for text in ["", ".", "-", "1e5", "1,5", "1.2.3", " 1", "INF", "--1", "٣"] {
            assert_eq!(Decimal::parse(text), None, "{text:?}");
        }
    }
}
