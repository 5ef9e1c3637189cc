//! Legal Entity Identifier, ISO 17442: 18 characters and two check digits by ISO 7064 MOD 97-10.

use std::{fmt, str::FromStr};

use super::mod97;
use crate::reason::Coded;

pub const LEI_CHARACTERS: usize = 20;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lei(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeiFault {
    #[error("has {found} characters; an LEI has {LEI_CHARACTERS}")]
    Length { found: usize },
    #[error("has {found:?} at character {at}; an LEI has only the digits 0 to 9 and the capitals A to Z")]
    Character { found: char, at: usize },
    #[error("ends with {found:?}; an LEI ends with two digits from 02 to 98")]
    CheckDigitsForm { found: String },
    #[error("has wrong check digits, so that some of it is mistyped: for this entity they would be {expected:02}")]
    CheckDigits { expected: u32 },
}

impl Coded for LeiFault {
    fn code(&self) -> &'static str {
        match self {
            Self::Length { .. } => "lei_length",
            Self::Character { .. } => "lei_character",
            Self::CheckDigitsForm { .. } => "lei_check_digits_form",
            Self::CheckDigits { .. } => "lei_check_digits",
        }
    }
}

impl Lei {
    /// Everything that is wrong with a text. Without the right length and characters, nothing can be
    /// said of its check digits.
    pub fn faults(text: &str) -> Vec<LeiFault> {
        let mut faults = Vec::new();
        let found = text.chars().take(100).count();
        if found != LEI_CHARACTERS {
            faults.push(LeiFault::Length { found });
        }
        let characters = text.chars().take(LEI_CHARACTERS).enumerate();
        let mut wrong = characters.filter(|(_, c)| !c.is_ascii_digit() && !c.is_ascii_uppercase());
        if let Some((at, found)) = wrong.next() {
            faults.push(LeiFault::Character { found, at: at + 1 });
        }
        if !faults.is_empty() {
            return faults;
        }
        let (entity, digits) = text.split_at(LEI_CHARACTERS - 2);
        let range = digits.parse::<u32>().ok().filter(|digits| (2..=98).contains(digits));
        match (range, mod97::check_digits(entity.chars())) {
            (None, _) => faults.push(LeiFault::CheckDigitsForm {
                found: digits.to_owned(),
            }),
            (Some(found), Some(expected)) if found != expected => faults.push(LeiFault::CheckDigits { expected }),
            _ => {}
        }
        faults
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Lei {
    type Err = LeiFault;

    /// The error is the first of [`Lei::faults`].
    fn from_str(text: &str) -> Result<Self, LeiFault> {
        match Self::faults(text).into_iter().next() {
            Some(fault) => Err(fault),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for Lei {
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
            let codes: Vec<_> = Lei::faults(text).iter().map(Coded::code).collect();
            assert_eq!(codes, expected, "{text}");
        };
        check("213800KUD8LAJWSQ9D15", &[]);
        check("213800KUD8LXJWSQ9D15", &["lei_check_digits"]);
        check("213800KUD8LAJWSQ9D1A", &["lei_check_digits_form"]);
        check("213800KUD8LAJWSQ9D1", &["lei_length"]);
        check("213800kUD8LAJWSQ9D15", &["lei_character"]);
        check("é13800KUD8LAJWSQ9D1", &["lei_length", "lei_character"]);
        check("", &["lei_length"]);
    }
}
