use serde::{Deserialize, Deserializer};

/// By so much the clock of whoever made a token may be ahead. Nothing is added to when a token expires.
pub const SKEW_SECONDS: u64 = 30;

/// Seconds since 1970 in UTC (RFC 7519, section 2). A fraction, which the RFC allows, is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NumericDate(pub u64);

/// Far above any date, and exact as a floating-point number.
const SECONDS_MAX: f64 = 9_007_199_254_740_991.0;

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        if let Some(seconds) = number.as_u64() {
            return Ok(Self(seconds));
        }
        match number.as_f64() {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "within these bounds"
            )]
            Some(seconds) if (0.0..=SECONDS_MAX).contains(&seconds) => Ok(Self(seconds as u64)),
            _ => Err(serde::de::Error::custom("not a date from 1970 on")),
        }
    }
}

/// The claim `aud` (RFC 7519, section 4.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(audience) => std::slice::from_ref(audience),
            Self::Several(audiences) => audiences,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seconds_from_1970_on() {
        let check = |text, expected| {
            let found = serde_json::from_str(text).ok().map(|NumericDate(seconds)| seconds);
            assert_eq!(found, expected, "{text}");
        };
        check("0", Some(0));
        check("1618884473", Some(1_618_884_473));
        check("1618884473.9", Some(1_618_884_473));
        check("1.618884473e9", Some(1_618_884_473));
        check("18446744073709551615", Some(u64::MAX));
        check("-1", None);
        check("-0.5", None);
        check("1e300", None);
        check("\"1618884473\"", None);
        check("null", None);
    }
}
