//! Unique End-to-end Transaction Reference: a UUID of version 4 (RFC 9562) in small letters, which
//! stays with a payment from its first message to its last.

use std::{fmt, str::FromStr};

use crate::reason::Coded;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Uetr(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no UETR: that is a UUID of version 4 in small letters, 8-4-4-4-12 of 0 to 9 and a to f, such as \
     174c245f-2682-4291-ad67-2a41e530cd27"
)]
pub struct UetrFault;

impl Coded for UetrFault {
    fn code(&self) -> &'static str {
        "uetr"
    }
}

impl FromStr for Uetr {
    type Err = UetrFault;

    fn from_str(text: &str) -> Result<Self, UetrFault> {
        let bytes = text.as_bytes();
        let fits = bytes.len() == 36
            && bytes.iter().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => *byte == b'-',
                14 => *byte == b'4',
                19 => matches!(byte, b'8' | b'9' | b'a' | b'b'),
                _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            });
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(UetrFault)
        }
    }
}

impl fmt::Display for Uetr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_version_4_in_small_letters() {
        let check = |text: &str, expected: bool| assert_eq!(text.parse::<Uetr>().is_ok(), expected, "{text}");
        check("174c245f-2682-4291-ad67-2a41e530cd27", true);
        check("174C245F-2682-4291-AD67-2A41E530CD27", false);
        check("174c245f-2682-1291-ad67-2a41e530cd27", false);
        check("174c245f-2682-4291-cd67-2a41e530cd27", false);
        check("174c245f26824291ad672a41e530cd27", false);
        check("174c245f-2682-4291-ad67-2a41e530cd2é", false);
        check("", false);
    }
}
