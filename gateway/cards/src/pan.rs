//! Card numbers: check digit, brand, and how one is shown.
//!
//! A number is 12 to 19 digits (ISO/IEC 7812-1; Maestro's shortest are 12), the last of which checks the others. A
//! number may be shown only by its first six and last four digits (PCI DSS 3.4.1).

mod brands;
mod inspect;

pub use brands::BRANDS;
pub use inspect::inspect;

use std::{cmp::Reverse, fmt, str::FromStr};

use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroize;

/// The least and the most digits.
pub const DIGITS: std::ops::RangeInclusive<usize> = 12..=19;

/// A card number: wiped on drop, compared in constant time, and printed by its first six and last four digits only. Its
/// check digit may be wrong: ask.
#[derive(Clone)]
pub struct Pan {
    /// ASCII digits, then zero bytes.
    digits: [u8; 19],
    length: usize,
}

/// Why a text or bytes are no card number. It never contains a digit of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PanError {
    #[error("character {at} is no digit")]
    NotDigit { at: usize },
    #[error("{0} digits, a card number has 12 at least")]
    TooShort(usize),
    #[error("{0} digits, a card number has 19 at most")]
    TooLong(usize),
}

impl PanError {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotDigit { .. } => "not_digits",
            Self::TooShort(_) => "too_short",
            Self::TooLong(_) => "too_long",
        }
    }
}

impl Pan {
    /// From ASCII digits without separators.
    pub fn from_digits(text: &[u8]) -> Result<Self, PanError> {
        if let Some(at) = text.iter().position(|byte| !byte.is_ascii_digit()) {
            return Err(PanError::NotDigit { at });
        }
        match text.len() {
            length if length < *DIGITS.start() => Err(PanError::TooShort(length)),
            length if length > *DIGITS.end() => Err(PanError::TooLong(length)),
            length => {
                let mut digits = [0; 19];
                digits[..length].copy_from_slice(text);
                Ok(Self { digits, length })
            }
        }
    }

    /// From format cn, as in object 5A: two digits a byte, filled with F.
    pub fn from_compressed(bytes: &[u8]) -> Result<Self, PanError> {
        if bytes.len() > 10 {
            return Err(PanError::TooLong(2 * bytes.len()));
        }
        let count = crate::emv::tags::compressed_digits(bytes).map_err(|at| PanError::NotDigit { at: 2 * at })?;
        let mut text = [0; 20];
        for (at, digit) in text.iter_mut().enumerate().take(count) {
            *digit = b'0' + (bytes[at / 2] >> (4 * (1 - at % 2)) & 15);
        }
        let pan = Self::from_digits(&text[..count]);
        text.zeroize();
        pan
    }

    /// All digits, in ASCII: not for logs.
    pub fn digits(&self) -> &[u8] {
        &self.digits[..self.length]
    }

    /// Whether the last digit checks the others (ISO/IEC 7812-1, annex B).
    pub fn has_right_check_digit(&self) -> bool {
        luhn(self.digits())
    }

    /// The brand whose numbers begin so.
    pub fn brand(&self) -> Option<&'static Brand> {
        match possible_brands(self.digits())[..] {
            [brand] => Some(brand),
            _ => None,
        }
    }

    /// The first six and last four digits, and stars between them.
    pub fn masked(&self) -> String {
        mask(self.digits())
    }
}

/// Whether the last of ASCII digits checks the others: from the right, every second digit doubled, the digits of all
/// sum to a multiple of ten. False of no digits, and where a byte is none.
pub fn luhn(digits: &[u8]) -> bool {
    let sum = digits.iter().rev().enumerate().try_fold(0, |sum, (at, digit)| {
        let digit = char::from(*digit).to_digit(10)?;
        let value = if at % 2 == 0 { digit } else { 2 * digit };
        Some((sum + value / 10 + value % 10) % 10)
    });
    !digits.is_empty() && sum == Some(0)
}

/// The first six and last four of at least 13 digits, and stars between them; of fewer, stars only. What is no digit is
/// a star.
pub fn mask(digits: &[u8]) -> String {
    let shown = |at| digits.len() > *DIGITS.start() && (at < 6 || at + 4 >= digits.len());
    let one = |(at, digit): (usize, &u8)| {
        let is_shown = shown(at) && digit.is_ascii_digit();
        if is_shown { char::from(*digit) } else { '*' }
    };
    digits.iter().enumerate().map(one).collect()
}

impl FromStr for Pan {
    type Err = PanError;

    fn from_str(text: &str) -> Result<Self, PanError> {
        Self::from_digits(text.as_bytes())
    }
}

impl PartialEq for Pan {
    fn eq(&self, other: &Self) -> bool {
        self.digits.ct_eq(&other.digits).into()
    }
}

impl Eq for Pan {}

impl Drop for Pan {
    fn drop(&mut self) {
        self.digits.zeroize();
    }
}

impl fmt::Debug for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// A row of the table of brands.
#[derive(Debug, PartialEq, Eq)]
pub struct Brand {
    /// A stable name for programs.
    pub id: &'static str,
    pub name: &'static str,
    /// From and to, of the same number of digits, both included.
    pub beginnings: &'static [(u32, u32)],
    /// How many digits numbers have.
    pub lengths: &'static [usize],
}

impl Brand {
    /// How well a number or the beginning of one fits: 0 where what is there agrees with a longer beginning, else the
    /// digits of the longest that is there in whole. Of equal ones a narrow range fits better than a wide one.
    fn fit(&self, digits: &[u8]) -> Option<(usize, Reverse<u32>)> {
        let fits = self.beginnings.iter().filter_map(|(from, to)| {
            let length = from.ilog10() as usize + 1;
            let given = digits.len().min(length);
            let cut = 10u32.pow((length - given) as u32);
            let number = digits[..given]
                .iter()
                .fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
            let is_inside = (from / cut..=to / cut).contains(&number);
            let whole = if given == length { length } else { 0 };
            is_inside.then_some((whole, Reverse(to - from)))
        });
        fits.max()
    }
}

/// The brands that a number may be of, or the beginning of a number: all that are still possible, or, where each of
/// them is certain, the one with the longest and then the narrowest beginning. None of what has other characters than digits.
pub fn possible_brands(digits: &[u8]) -> Vec<&'static Brand> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return Vec::new();
    }
    let fits: Vec<_> = BRANDS
        .iter()
        .filter_map(|brand| Some((brand.fit(digits)?, brand)))
        .collect();
    if fits.iter().all(|((whole, _), _)| *whole > 0) {
        let best = fits.iter().max_by_key(|(fit, _)| *fit);
        return best.map(|(_, brand)| *brand).into_iter().collect();
    }
    fits.into_iter().map(|(_, brand)| brand).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_or_refused() {
        let pan: Pan = "4111111111111111".parse().expect("a number");
        assert!(pan.has_right_check_digit());
        assert_eq!(
            (pan.masked().as_str(), format!("{pan:?}").as_str()),
            ("411111******1111", "411111******1111")
        );
        assert_eq!(pan.brand().map(|brand| brand.id), Some("visa"));
        assert_eq!("41111111111".parse::<Pan>(), Err(PanError::TooShort(11)));
        assert_eq!("41111111111111111111".parse::<Pan>(), Err(PanError::TooLong(20)));
        assert_eq!("4111-1111".parse::<Pan>(), Err(PanError::NotDigit { at: 4 }));
        assert!(
            !"4111111111111112"
                .parse::<Pan>()
                .expect("a number")
                .has_right_check_digit()
        );
        assert_eq!(mask(b"500000000006"), "*".repeat(12));
        assert_eq!(mask(b"4111\n11111111111\xe9"), "4111*1*******111*");
    }

    #[test]
    fn numbers_of_records_are_read() {
        let read = |text: &str| Pan::from_compressed(&hex::decode(text).expect("hex"));
        assert_eq!(read("374245001741007F").expect("a number").digits(), b"374245001741007");
        assert_eq!(
            read("4761340000000050FFFF"),
            Ok("4761340000000050".parse().expect("a number"))
        );
        assert_eq!(read("37F2450017410070"), Err(PanError::NotDigit { at: 2 }));
        assert_eq!(read("FF"), Err(PanError::TooShort(0)));
        assert_eq!(read(&"11".repeat(10)), Err(PanError::TooLong(20)));
        assert_eq!(read(&"11".repeat(11)), Err(PanError::TooLong(22)));
    }

    #[test]
    fn beginnings_have_as_many_digits_at_both_ends() {
        for (from, to) in BRANDS.iter().flat_map(|brand| brand.beginnings) {
            assert!(from <= to && from.ilog10() == to.ilog10(), "{from} {to}");
        }
    }

    proptest! {
        #[test]
        fn invariant_one_wrong_digit_is_found(text in "[0-9]{12,19}", at in 0usize..12, other in 1u8..10) {
            let mut digits = text.into_bytes();
            if luhn(&digits) {
                digits[at] = b'0' + (digits[at] - b'0' + other) % 10;
                prop_assert!(!luhn(&digits));
            }
        }

        #[test]
        fn invariant_one_last_digit_is_right(text in "[0-9]{11,18}") {
            let right = (b'0'..=b'9').filter(|last| luhn(&[text.as_bytes(), &[*last]].concat()));
            prop_assert_eq!(right.count(), 1);
        }
    }
}
