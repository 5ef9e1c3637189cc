//! Tags of data objects.

use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A tag of one to four bytes (ISO/IEC 8825-1; EMV uses one to three): bits 8 and 7 of the first byte are the class, bit
/// 6 says constructed, and a first byte that ends in five ones is followed by bytes of which all but the last have
/// bit 8. Never zero: `00` is padding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u32);

/// Why bytes are no tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TagError {
    #[error("a tag ends before its last byte")]
    Truncated,
    #[error("a tag is longer than four bytes")]
    TooLong,
    #[error("00 is padding, no tag")]
    Zero,
    #[error("a tag is two to eight hex digits")]
    NotHex,
    #[error("there are bytes after the tag")]
    Excess,
}

impl Tag {
    /// A tag by its bytes read as one number, `0x9f02` for 9F02. Refused at compile time when used in a constant.
    ///
    /// # Panics
    /// When the number is no tag: for tags in code, not from outside.
    pub const fn of(value: u32) -> Self {
        let bytes = value.to_be_bytes();
        let length = length_of(value);
        let first = bytes[4 - length];
        assert!(value != 0, "00 is padding, no tag");
        assert!(
            (first & 0x1f == 0x1f) == (length > 1),
            "a first byte that ends in 1F goes on, no other does"
        );
        let mut at = 5 - length;
        while at < 4 {
            assert!((bytes[at] & 0x80 != 0) == (at < 3), "all bytes but the last have bit 8");
            at += 1;
        }
        Self(value)
    }

    /// Reads the tag that bytes begin with, and says how many bytes it is.
    pub fn read(bytes: &[u8]) -> Result<(Self, usize), TagError> {
        let first = *bytes.first().ok_or(TagError::Truncated)?;
        if first == 0 {
            return Err(TagError::Zero);
        }
        let mut value = u32::from(first);
        if first & 0x1f != 0x1f {
            return Ok((Self(value), 1));
        }
        for (at, byte) in bytes.iter().enumerate().skip(1) {
            if at == 4 {
                return Err(TagError::TooLong);
            }
            value = value << 8 | u32::from(*byte);
            if byte & 0x80 == 0 {
                return Ok((Self(value), at + 1));
            }
        }
        Err(if bytes.len() > 3 {
            TagError::TooLong
        } else {
            TagError::Truncated
        })
    }

    pub fn is_constructed(self) -> bool {
        let bytes = self.0.to_be_bytes();
        bytes[4 - length_of(self.0)] & 0x20 != 0
    }

    /// The bytes as one number, `0x9f02` for 9F02.
    pub const fn value(self) -> u32 {
        self.0
    }

    pub fn append_to(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.0.to_be_bytes()[4 - length_of(self.0)..]);
    }
}

const fn length_of(value: u32) -> usize {
    match value {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xff_ffff => 3,
        _ => 4,
    }
}

impl FromStr for Tag {
    type Err = TagError;

    /// From hex digits of either case.
    fn from_str(text: &str) -> Result<Self, TagError> {
        let mut bytes = [0; 4];
        let length = text.len() / 2;
        let bytes = bytes.get_mut(..length).ok_or(TagError::TooLong)?;
        hex::decode_to_slice(text, bytes).map_err(|_| TagError::NotHex)?;
        match Self::read(bytes)? {
            (tag, used) if used == length => Ok(tag),
            _ => Err(TagError::Excess),
        }
    }
}

impl fmt::Display for Tag {
    /// In capital hex digits: 9F02.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$X}", self.0, width = 2 * length_of(self.0))
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
