//! Track 2 (ISO/IEC 7813), as a stripe has it and chips repeat it: number, expiry, service code, and of our cards five
//! digits that say nothing and the card value of three.

use std::fmt;

use causeway_cards::pan::Pan;
use zeroize::Zeroizing;

use super::Expiry;

/// Field 35.
#[derive(Debug, PartialEq, Eq)]
pub struct Track2 {
    pub pan: Pan,
    pub expiry: Expiry,
    pub value: Option<StripeValue>,
}

/// What says that a track was made by its issuer.
#[derive(PartialEq, Eq)]
pub struct StripeValue {
    /// Three digits.
    pub service: String,
    /// CVV or iCVV.
    pub value: Zeroizing<String>,
}

impl fmt::Debug for StripeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StripeValue(..)")
    }
}

impl Track2 {
    /// With `=` or `D` between number and expiry.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, rest) = text.split_once(['=', 'D'])?;
        if !rest.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let value = match (rest.get(4..7)?, rest.get(12..15)) {
            (service, Some(value)) => Some(StripeValue {
                service: service.to_owned(),
                value: Zeroizing::new(value.to_owned()),
            }),
            _ => None,
        };
        Some(Self {
            pan: number.parse().ok()?,
            expiry: Expiry::parse(&rest[..4])?,
            value,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_is_read_or_refused() {
        let track = Track2::parse("9900000000000012D30122010000012300000").expect("a track");
        assert_eq!(track.pan, "9900000000000012".parse().expect("a number"));
        assert_eq!(Some(track.expiry), Expiry::parse("3012"));
        let value = track.value.expect("a value");
        assert_eq!((value.service.as_str(), value.value.as_str()), ("201", "123"));
        assert_eq!(Track2::parse("9900010000000000=3012201").expect("a track").value, None);
        for wrong in [
            "",
            "9900000000000012",
            "9900000000000012=3013201",
            "9900000000000012=30122",
            "99=3012201",
        ] {
            assert_eq!(Track2::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Track2::parse("9900000000000012=3012201é"), None);
    }
}
