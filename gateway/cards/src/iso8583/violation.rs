//! What is wrong with a message, and where.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Message, class::Class};

/// The part of a message that a violation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    MessageType,
    PrimaryBitmap,
    SecondaryBitmap,
    Field(u8),
    /// Behind the last field.
    End,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MessageType => f.write_str("message type"),
            Self::PrimaryBitmap => f.write_str("primary bitmap"),
            Self::SecondaryBitmap => f.write_str("secondary bitmap"),
            Self::Field(number) => write!(f, "field {number}"),
            Self::End => f.write_str("end"),
        }
    }
}

/// A reason why a message is refused. None of them contains what a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("{present} bytes are left where {needed} are needed")]
    Truncated { needed: usize, present: usize },
    #[error("four digits are expected")]
    MessageTypeNotDigits,
    #[error("message type {0:04} is not one of the variant's")]
    UnknownMessageType(u16),
    #[error("hexadecimal digits are expected")]
    BitmapNotHex,
    #[error("the variant does not list the field, so its length is unknown")]
    Unlisted,
    #[error("the length is not made of digits")]
    LengthNotDigits,
    #[error("a length of {length} is above the field's {max}")]
    TooLong { length: usize, max: usize },
    #[error("a length of {length} is not the field's {expected}")]
    WrongLength { length: usize, expected: usize },
    #[error("the character at {at} is not allowed: {allowed} are")]
    Character { at: usize, allowed: &'static str },
    #[error("hexadecimal text needs an even number of digits, not {0}")]
    OddHex(usize),
    #[error("the digit that fills the last half byte is not the variant's")]
    Padding,
    #[error("{0} bytes follow the last field")]
    Trailing(usize),
    #[error("the message is longer than {max} bytes")]
    MessageTooLong { max: usize },
    #[error("the field is missing")]
    Missing,
    #[error("the value is not {0}")]
    Value(&'static str),
    #[error("an authentication code must be the last field")]
    CodeNotLast,
}

impl Fault {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Truncated { .. } => "truncated",
            Self::MessageTypeNotDigits => "message_type_not_digits",
            Self::UnknownMessageType(_) => "unknown_message_type",
            Self::BitmapNotHex => "bitmap_not_hex",
            Self::Unlisted => "unlisted_field",
            Self::LengthNotDigits => "length_not_digits",
            Self::TooLong { .. } => "too_long",
            Self::WrongLength { .. } => "wrong_length",
            Self::Character { .. } => "character_not_allowed",
            Self::OddHex(_) => "odd_hex",
            Self::Padding => "wrong_padding",
            Self::Trailing(_) => "trailing_bytes",
            Self::MessageTooLong { .. } => "message_too_long",
            Self::Missing => "missing",
            Self::Value(_) => "wrong_value",
            Self::CodeNotLast => "code_not_last",
        }
    }

    pub(super) fn character(at: usize, class: Class) -> Self {
        Self::Character {
            at,
            allowed: class.allowed(),
        }
    }
}

/// A [`Fault`] and its place. `offset` is in bytes of the wire, where the place begins; 0 for messages that are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct Violation {
    pub place: Place,
    pub offset: usize,
    pub fault: Fault,
}

impl Violation {
    pub(super) fn of_field(number: u8, fault: Fault) -> Self {
        Self {
            place: Place::Field(number),
            offset: 0,
            fault,
        }
    }
}

impl Serialize for Violation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::json!({
            "code": self.fault.code(),
            "where": self.place.to_string(),
            "offset": self.offset,
            "message": self.to_string(),
        })
        .serialize(serializer)
    }
}

/// A message that violates its spec: every violation that could be found, and the fields before the first one that
/// hides where the next begins. An answer to the sender is made of those.
#[derive(Debug, thiserror::Error)]
#[error("{}", list(.violations))]
pub struct Refusal {
    /// At least one, in the order of the wire, fields that are not listed first.
    pub violations: Vec<Violation>,
    pub message: Message,
}

fn list(violations: &[Violation]) -> String {
    let texts: Vec<String> = violations.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
