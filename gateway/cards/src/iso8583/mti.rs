//! Message types: four digits for version, class, function and origin.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::violation::Fault;

/// A message type, such as 0200.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageType(u16);

impl MessageType {
    pub const AUTHORIZATION: Self = Self(100);
    pub const FINANCIAL: Self = Self(200);
    pub const FINANCIAL_ADVICE: Self = Self(220);
    pub const REVERSAL: Self = Self(400);
    pub const REVERSAL_ADVICE: Self = Self(420);
    pub const NETWORK: Self = Self(800);

    /// Of four decimal digits.
    pub fn from_digits(digits: [u8; 4]) -> Result<Self, Fault> {
        let mut number = 0;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return Err(Fault::MessageTypeNotDigits);
            }
            number = number * 10 + u16::from(digit - b'0');
        }
        Ok(Self(number))
    }

    /// The four digits as a number: 200 for 0200.
    pub const fn number(self) -> u16 {
        self.0
    }

    pub fn digits(self) -> [u8; 4] {
        let digit = |divisor| b'0' + (self.0 / divisor % 10) as u8;
        [digit(1000), digit(100), digit(10), digit(1)]
    }

    /// A message that is sent again because no answer came: 0201, 0421.
    pub const fn is_repeat(self) -> bool {
        self.0 % 10 == 1
    }

    /// The message type without its mark of being a repeat.
    pub const fn original(self) -> Self {
        Self(self.0 - self.0 % 10)
    }

    /// The same, marked as a repeat.
    pub const fn repeat(self) -> Self {
        Self(self.original().0 + 1)
    }

    /// An answer: the function digit is odd.
    pub const fn is_response(self) -> bool {
        self.0 / 10 % 2 == 1
    }

    /// The type of the answer to this request: 0210 for 0200 and 0201.
    pub const fn response(self) -> Self {
        let original = self.original();
        if original.is_response() {
            original
        } else {
            Self(original.0 + 10)
        }
    }

    /// Sign-on, sign-off, echo and keys.
    pub const fn is_network(self) -> bool {
        self.0 / 100 % 10 == 8
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

impl fmt::Debug for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MessageType {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let digits = text.as_bytes().try_into().map_err(|_| Fault::MessageTypeNotDigits)?;
        Self::from_digits(digits)
    }
}

impl Serialize for MessageType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
