//! International Bank Account Number, ISO 13616: country, two check digits, and a basic number
//! whose length and make-up each country sets.

mod structure;

use std::{fmt, str::FromStr};

use self::structure::Structure;
use super::{country::Country, mod97};
use crate::reason::Coded;

/// ISO 13616-1: at most 34 characters.
pub const IBAN_CHARACTERS_MAX: usize = 34;

/// Far above any IBAN in groups of four; a longer text is not looked into.
const TEXT_BYTES_MAX: usize = 128;

/// An IBAN in electronic form: no spaces, capitals.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Iban(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IbanFault {
    #[error("is {bytes} bytes long, and an IBAN has at most {IBAN_CHARACTERS_MAX} characters")]
    TooLong { bytes: usize },
    #[error("is too short: an IBAN is a country, two check digits and an account number")]
    TooShort,
    #[error("has {found:?} at character {at}; an IBAN has only the digits 0 to 9 and the capitals A to Z")]
    Character { found: char, at: usize },
    #[error("begins with {found:?}, which is no country with IBANs; it begins with two capitals, such as DE")]
    Country { found: String },
    #[error("has {found:?} for check digits; they are two digits from 02 to 98")]
    CheckDigitsForm { found: String },
    #[error("has {found} characters, and an IBAN of {country} has {expected}")]
    Length {
        country: Country,
        found: usize,
        expected: usize,
    },
    #[error("has {found:?} at character {at}, where an IBAN of {country} has {expected}")]
    Structure {
        country: Country,
        at: usize,
        found: char,
        expected: &'static str,
    },
    #[error("has wrong check digits, so that some of it is mistyped: for this account they would be {expected:02}")]
    CheckDigits { expected: u32 },
}

impl Coded for IbanFault {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "iban_too_long",
            Self::TooShort => "iban_too_short",
            Self::Character { .. } => "iban_character",
            Self::Country { .. } => "iban_country",
            Self::CheckDigitsForm { .. } => "iban_check_digits_form",
            Self::Length { .. } => "iban_length",
            Self::Structure { .. } => "iban_structure",
            Self::CheckDigits { .. } => "iban_check_digits",
        }
    }
}

impl Iban {
    /// Everything that is wrong with a text, read with or without the spaces of the printed form.
    /// Where its characters or its country are wrong, nothing can be said of the rest.
    pub fn faults(text: &str) -> Vec<IbanFault> {
        Self::read(text).err().unwrap_or_default()
    }

    fn read(text: &str) -> Result<Self, Vec<IbanFault>> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(vec![IbanFault::TooLong { bytes: text.len() }]);
        }
        let compact: String = text.chars().filter(|character| *character != ' ').collect();
        if let Some((at, found)) = compact
            .chars()
            .enumerate()
            .find(|(_, character)| !character.is_ascii_digit() && !character.is_ascii_uppercase())
        {
            return Err(vec![IbanFault::Character { found, at: at + 1 }]);
        }
        // From here on every character is one byte.
        if compact.len() < 5 {
            return Err(vec![IbanFault::TooShort]);
        }
        let (country, rest) = compact.split_at(2);
        let (digits, account) = rest.split_at(2);
        let Some((country, structure)) = Country::from_str(country)
            .ok()
            .and_then(|country| Some((country, Structure::of(country)?)))
        else {
            return Err(vec![IbanFault::Country {
                found: country.to_owned(),
            }]);
        };
        let faults = faults_of_parts(country, &structure, digits, account);
        if faults.is_empty() {
            Ok(Self(compact))
        } else {
            Err(faults)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn country(&self) -> Country {
        Country::from_str(&self.0[..2]).expect("checked when it was read")
    }
}

fn faults_of_parts(country: Country, structure: &Structure, digits: &str, account: &str) -> Vec<IbanFault> {
    let mut faults = Vec::new();
    let expected = structure.length();
    if account.len() != expected {
        faults.push(IbanFault::Length {
            country,
            found: account.len() + 4,
            expected: expected + 4,
        });
    } else if let Some((at, found, class)) = structure.mismatch(account) {
        faults.push(IbanFault::Structure {
            country,
            at: at + 5,
            found,
            expected: class.describe(),
        });
    }
    // ISO 7064 makes 02 to 98; 00, 01 and 99 leave the same remainders as 97, 98 and 02.
    let range = digits.parse::<u32>().ok().filter(|digits| (2..=98).contains(digits));
    let right = mod97::check_digits(account.chars().chain(country.as_str().chars()));
    match (range, right) {
        (None, _) => faults.push(IbanFault::CheckDigitsForm {
            found: digits.to_owned(),
        }),
        // With characters too many or too few, those of what is there would mislead.
        (Some(found), Some(right)) if found != right && account.len() == expected => {
            faults.push(IbanFault::CheckDigits { expected: right });
        }
        _ => {}
    }
    faults
}

impl FromStr for Iban {
    type Err = IbanFault;

    /// Reads the electronic and the printed form. The error is the first of [`Iban::faults`].
    fn from_str(text: &str) -> Result<Self, IbanFault> {
        Self::read(text).map_err(|faults| faults.into_iter().next().expect("a refusal has a fault"))
    }
}

impl fmt::Display for Iban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_told() {
        let check = |text: &str, expected: &[&str]| {
            let codes: Vec<_> = Iban::faults(text).iter().map(Coded::code).collect();
            assert_eq!(codes, expected, "{text}");
        };
        check("DE89 3704 0044 0532 0130 00", &[]);
        check("DE89370400440532013000", &[]);
        check("", &["iban_too_short"]);
        check("DE8", &["iban_too_short"]);
        check(&"1".repeat(200), &["iban_too_long"]);
        check("de89370400440532013000", &["iban_character"]);
        check("DE89\u{a0}3704", &["iban_character"]);
        check("US89370400440532013000", &["iban_country"]);
        check("XX89370400440532013000", &["iban_country"]);
        check("DE88370400440532013000", &["iban_check_digits"]);
        check("DE00370400440532013000", &["iban_check_digits_form"]);
        check("DE8937040044053201300", &["iban_length"]);
        check("DE893704004405320130A0", &["iban_structure", "iban_check_digits"]);
    }

    #[test]
    fn the_right_check_digits_are_told() {
        let fault = "DE88 3704 0044 0532 0130 00".parse::<Iban>();
        assert_eq!(fault, Err(IbanFault::CheckDigits { expected: 89 }));
    }

    #[test]
    fn the_country_is_known() {
        let iban: Iban = "GB29 NWBK 6016 1331 9268 19".parse().expect("valid");
        assert_eq!(iban.country().as_str(), "GB");
        assert_eq!(iban.as_str(), "GB29NWBK60161331926819");
    }
}
