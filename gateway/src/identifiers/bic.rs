//! Business Identifier Code, ISO 9362: four characters of a party, a country, two of a place, and
//! perhaps three of a branch.

use std::{fmt, str::FromStr};

use super::country::Country;
use crate::reason::Coded;

/// A BIC of 8 or 11 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Bic(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BicFault {
    #[error("has {found} characters; a BIC has 8, or 11 with a branch")]
    Length { found: usize },
    #[error("has {found:?} at character {at}; a BIC has only the digits 0 to 9 and the capitals A to Z")]
    Character { found: char, at: usize },
    #[error("has {found:?} as its characters 5 and 6, which is no country of ISO 3166")]
    Country { found: String },
}

impl Coded for BicFault {
    fn code(&self) -> &'static str {
        match self {
            Self::Length { .. } => "bic_length",
            Self::Character { .. } => "bic_character",
            Self::Country { .. } => "bic_country",
        }
    }
}

impl Bic {
    /// Everything that is wrong with a text.
    pub fn faults(text: &str) -> Vec<BicFault> {
        let mut faults = Vec::new();
        let found = text.chars().take(100).count();
        if found != 8 && found != 11 {
            faults.push(BicFault::Length { found });
        }
        let characters = text.chars().take(11).enumerate();
        let mut wrong = characters.filter(|(_, c)| !c.is_ascii_digit() && !c.is_ascii_uppercase());
        if let Some((at, found)) = wrong.next() {
            faults.push(BicFault::Character { found, at: at + 1 });
        }
        let country: String = text.chars().skip(4).take(2).collect();
        if country.len() == 2 && country.parse::<Country>().is_err() {
            faults.push(BicFault::Country { found: country });
        }
        faults
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn country(&self) -> Country {
        self.0[4..6].parse().expect("checked when it was read")
    }
}

impl FromStr for Bic {
    type Err = BicFault;

    /// The error is the first of [`Bic::faults`].
    fn from_str(text: &str) -> Result<Self, BicFault> {
        match Self::faults(text).into_iter().next() {
            Some(fault) => Err(fault),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for Bic {
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
            let codes: Vec<_> = Bic::faults(text).iter().map(Coded::code).collect();
            assert_eq!(codes, expected, "{text}");
        };
        check("DEUTDEFF", &[]);
        check("DEUTDEFF500", &[]);
        check("", &["bic_length"]);
        check("DEUTDEFFXX", &["bic_length"]);
        check("DEUTdeFF", &["bic_character", "bic_country"]);
        check("GENODXM1GLS", &["bic_country"]);
        check("DEUTÄEFF", &["bic_character"]);
    }

    #[test]
    fn the_country_is_known() {
        let bic: Bic = "GENODEM1GLS".parse().expect("valid");
        assert_eq!(bic.country().as_str(), "DE");
    }
}
