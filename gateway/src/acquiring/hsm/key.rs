//! What a key is called, what it is for, and how a key block says so.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::HsmError;

const NAME_BYTES_MAX: usize = 32;

/// A key's label: 1 to 32 lower-case letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyName(String);

impl KeyName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = HsmError;

    fn from_str(text: &str) -> Result<Self, HsmError> {
        let may = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        let right = (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(may);
        right.then(|| Self(text.to_owned())).ok_or(HsmError::Name)
    }
}

impl TryFrom<String> for KeyName {
    type Error = HsmError;

    fn try_from(text: String) -> Result<Self, HsmError> {
        text.parse()
    }
}

impl From<KeyName> for String {
    fn from(name: KeyName) -> Self {
        name.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The one thing that a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The issuer's master key of application cryptograms (IMK-AC).
    CryptogramMaster,
    /// Enciphers PIN blocks on a link.
    Pin,
    /// Message authentication codes of a link.
    Mac,
    /// Card verification values.
    Cvv,
    /// Protects other keys in key blocks (KBPK).
    Wrapping,
    /// References of PINs (PVK).
    PinVerification,
}

/// A key's row of the table: its name, the byte in a sealed file, usage and mode of use in a key block.
struct Row(Purpose, &'static str, u8, &'static str, &'static str);

const ROWS: [Row; 6] = [
    Row(Purpose::CryptogramMaster, "cryptogram master", 1, "E0", "X"),
    Row(Purpose::Pin, "PIN", 2, "P0", "B"),
    Row(Purpose::Mac, "MAC", 3, "M3", "C"),
    Row(Purpose::Cvv, "CVV", 4, "C0", "C"),
    Row(Purpose::Wrapping, "wrapping", 5, "K1", "B"),
    Row(Purpose::PinVerification, "PIN verification", 6, "V2", "C"),
];

impl Purpose {
    fn row(self) -> &'static Row {
        let row = ROWS.iter().find(|row| row.0 == self);
        row.expect("every purpose has a row")
    }

    pub const fn algorithms(self) -> &'static [Algorithm] {
        match self {
            Self::Wrapping => &[Algorithm::Aes128, Algorithm::Aes256],
            Self::Pin => &[Algorithm::Tdes, Algorithm::Aes128, Algorithm::Aes256],
            _ => &[Algorithm::Tdes],
        }
    }

    /// Whether DES under the left half is needed too.
    pub(super) const fn has_left_half(self) -> bool {
        matches!(self, Self::Mac | Self::Cvv)
    }

    pub(super) fn byte(self) -> u8 {
        self.row().2
    }

    pub(super) fn of_byte(byte: u8) -> Option<Self> {
        ROWS.iter().find(|row| row.2 == byte).map(|row| row.0)
    }

    /// TR-31, table 6.
    pub(super) fn usage(self) -> &'static str {
        self.row().3
    }

    /// TR-31, table 8.
    pub(super) fn mode_of_use(self) -> &'static str {
        self.row().4
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().1)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Of double length.
    Tdes,
    Aes128,
    Aes256,
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::Tdes, Self::Aes128, Self::Aes256];

    pub const fn key_bytes(self) -> usize {
        match self {
            Self::Tdes | Self::Aes128 => 16,
            Self::Aes256 => 32,
        }
    }

    pub(super) const fn byte(self) -> u8 {
        self as u8 + 1
    }

    pub(super) fn of_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.byte() == byte)
    }

    /// TR-31, table 7.
    pub(super) const fn letter(self) -> &'static str {
        match self {
            Self::Tdes => "T",
            Self::Aes128 | Self::Aes256 => "A",
        }
    }

    pub(super) fn of_block(letter: &str, key_bytes: usize) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|algorithm| algorithm.letter() == letter && algorithm.key_bytes() == key_bytes)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tdes => "double-length TDES",
            Self::Aes128 => "AES-128",
            Self::Aes256 => "AES-256",
        })
    }
}

/// What a key is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySpec {
    pub purpose: Purpose,
    pub algorithm: Algorithm,
    /// Whether it may leave, under a wrapping key. A token keeps every key for itself.
    pub exportable: bool,
}

impl KeySpec {
    pub(super) fn check(self) -> Result<Self, HsmError> {
        let Self { purpose, algorithm, .. } = self;
        let right = purpose.algorithms().contains(&algorithm);
        right.then_some(self).ok_or(HsmError::Algorithm { purpose, algorithm })
    }
}

/// What may be known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyInfo {
    pub spec: KeySpec,
    pub check_value: [u8; 3],
}
