//! Whether a text is a value of a simple type.

use super::{
    decimal::Decimal,
    lexical,
    model::{Facets, Primitive, SimpleType},
};

/// What a value must do, and does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueFault {
    #[error("be {expected}")]
    Form { expected: &'static str },
    #[error("have the form {}", pattern.join(" or "))]
    Pattern { pattern: Vec<String> },
    #[error("be {}", listed(allowed))]
    Enumeration { allowed: Vec<String> },
    #[error("have at least {min} characters, not {found}")]
    TooShort { min: usize, found: usize },
    #[error("have at most {max} characters, not {found}")]
    TooLong { max: usize, found: usize },
    #[error("have {expected} characters, not {found}")]
    Length { expected: usize, found: usize },
    #[error("have at most {max} digits, not {found}")]
    TotalDigits { max: usize, found: usize },
    #[error("have at most {max} digits after the point, not {found}")]
    FractionDigits { max: usize, found: usize },
    #[error("be in the range that the schema sets")]
    Range,
}

/// Past so many, a list is no help.
const LISTED_MAX: usize = 12;

pub(super) fn listed(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        _ if names.len() > LISTED_MAX => format!(
            "one of {} and {} others",
            names[..LISTED_MAX].join(", "),
            names.len() - LISTED_MAX
        ),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

impl SimpleType {
    /// Everything that is wrong with a value. Where it is not of the primitive type, nothing more
    /// can be said.
    pub(super) fn faults(&self, text: &str) -> Vec<ValueFault> {
        // XML Schema part 2, 4.3.6: in strings, spaces count; in others, they may stand around.
        let value = match self.primitive {
            Primitive::String => text,
            _ => text.trim_matches([' ', '\t', '\n', '\r']),
        };
        let Some(length) = self.primitive.length(value) else {
            return vec![ValueFault::Form {
                expected: self.primitive.form(),
            }];
        };
        let mut faults = self.facets.faults_of_length(length);
        let patterns = &self.facets.patterns;
        if !patterns.is_empty() && !patterns.iter().any(|pattern| pattern.matches(value)) {
            faults.push(ValueFault::Pattern {
                pattern: patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect(),
            });
        }
        let enumeration = &self.facets.enumeration;
        if !enumeration.is_empty() && !enumeration.iter().any(|allowed| allowed == value) {
            faults.push(ValueFault::Enumeration {
                allowed: enumeration.clone(),
            });
        }
        if self.primitive == Primitive::Decimal
            && let Some(decimal) = Decimal::parse(value)
        {
            faults.extend(self.facets.faults_of_decimal(&decimal));
        }
        faults
    }
}

impl Primitive {
    /// In the unit of the length facets; `None` where the text is not of this type.
    fn length(self, value: &str) -> Option<usize> {
        let fits = match self {
            Self::String => true,
            Self::Decimal => Decimal::parse(value).is_some(),
            Self::Boolean => matches!(value, "true" | "false" | "1" | "0"),
            Self::Date => lexical::is_date(value),
            Self::DateTime => lexical::is_date_time(value),
            Self::Time => lexical::is_time(value),
            Self::Year => lexical::is_year(value),
            Self::YearMonth => lexical::is_year_month(value),
            Self::Base64Binary => return lexical::base64_bytes(value),
        };
        fits.then(|| value.chars().count())
    }

    fn form(self) -> &'static str {
        match self {
            Self::String => "a text",
            Self::Decimal => "a decimal number such as 1000.00",
            Self::Boolean => "true or false",
            Self::Date => "a date such as 2026-06-01",
            Self::DateTime => "a date and time such as 2026-06-01T10:00:00Z",
            Self::Time => "a time such as 10:00:00",
            Self::Year => "a year such as 2026",
            Self::YearMonth => "a year and month such as 2026-06",
            Self::Base64Binary => "in base 64",
        }
    }
}

impl Facets {
    fn faults_of_length(&self, found: usize) -> Vec<ValueFault> {
        let mut faults = Vec::new();
        if let Some(expected) = self.length.filter(|expected| *expected != found) {
            faults.push(ValueFault::Length { expected, found });
        }
        if let Some(min) = self.min_length.filter(|min| found < *min) {
            faults.push(ValueFault::TooShort { min, found });
        }
        if let Some(max) = self.max_length.filter(|max| found > *max) {
            faults.push(ValueFault::TooLong { max, found });
        }
        faults
    }

    fn faults_of_decimal(&self, value: &Decimal) -> Vec<ValueFault> {
        let mut faults = Vec::new();
        let found = value.total_digits();
        if let Some(max) = self.total_digits.filter(|max| found > *max) {
            faults.push(ValueFault::TotalDigits { max, found });
        }
        let found = value.fraction_digits();
        if let Some(max) = self.fraction_digits.filter(|max| found > *max) {
            faults.push(ValueFault::FractionDigits { max, found });
        }
        let below = self.min_inclusive.as_ref().is_some_and(|min| value < min);
        let above = self.max_inclusive.as_ref().is_some_and(|max| value > max);
        if below || above {
            faults.push(ValueFault::Range);
        }
        faults
    }
}
