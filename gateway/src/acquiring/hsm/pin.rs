//! PIN blocks, and what is stored of a PIN.

use std::{fmt, str::FromStr};

use causeway_cards::crypto::{
    key::BlockCipher,
    mac,
    pin::{self, Pin, Validation},
};
use zeroize::Zeroizing;

use super::HsmError;

/// An enciphered PIN.
#[derive(Clone, PartialEq, Eq)]
pub enum PinBlock {
    /// Under TDES.
    Format0([u8; 8]),
    /// Under AES.
    Format4([u8; 16]),
}

impl fmt::Debug for PinBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Format0(_) => "Format0(..)",
            Self::Format4(_) => "Format4(..)",
        })
    }
}

/// How a reference is made of a PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinScheme {
    /// Visa's PIN verification value, of PINs of four digits, with the index of the key, 0 to 9.
    Pvv { index: u8 },
    /// The offset of IBM 3624, of PINs of 4 to 12 digits: of the card number's first 16 digits, filled up with F.
    Ibm3624,
}

/// What an issuer stores of a PIN: nothing without the key. As text `pvv:1:1234` or `ibm3624:123456`.
#[derive(Clone, PartialEq, Eq)]
pub struct PinReference {
    scheme: PinScheme,
    digits: String,
}

const DECIMALISATION: &str = "0123456789012345";

impl PinReference {
    pub(super) fn new<K: BlockCipher<8, Error = HsmError>>(
        key: &K,
        scheme: PinScheme,
        pin: &Pin,
        pan: &str,
    ) -> Result<Self, HsmError> {
        let digits = match scheme {
            PinScheme::Pvv { index } => pin::pvv(key, index, pin, pan)?,
            PinScheme::Ibm3624 => pin::ibm3624_offset(key, validation(pan), pin)?,
        };
        Ok(Self { scheme, digits })
    }

    pub(super) fn is_of<K: BlockCipher<8, Error = HsmError>>(
        &self,
        key: &K,
        pin: &Pin,
        pan: &str,
    ) -> Result<bool, HsmError> {
        if matches!(self.scheme, PinScheme::Pvv { .. }) && pin.digits().len() != 4 {
            return Ok(false);
        }
        let other = Zeroizing::new(Self::new(key, self.scheme, pin, pan)?.digits);
        Ok(other.len() == self.digits.len() && mac::equal(self.digits.as_bytes(), other.as_bytes()))
    }
}

fn validation(pan: &str) -> Validation<'_> {
    Validation {
        pan,
        start: 0,
        length: pan.len().min(16),
        pad: "F",
        table: DECIMALISATION,
    }
}

impl fmt::Display for PinReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scheme {
            PinScheme::Pvv { index } => write!(f, "pvv:{index}:{}", self.digits),
            PinScheme::Ibm3624 => write!(f, "ibm3624:{}", self.digits),
        }
    }
}

impl fmt::Debug for PinReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinReference(..)")
    }
}

impl FromStr for PinReference {
    type Err = HsmError;

    fn from_str(text: &str) -> Result<Self, HsmError> {
        let parts: Vec<_> = text.splitn(3, ':').collect();
        let (scheme, digits, lengths) = match parts[..] {
            ["pvv", index, value] => {
                let index = index.parse().ok().filter(|digit| *digit < 10 && index.len() == 1);
                let index = index.ok_or(HsmError::PinReference)?;
                (PinScheme::Pvv { index }, value, 4..=4)
            }
            ["ibm3624", offset] => (PinScheme::Ibm3624, offset, 4..=12),
            _ => return Err(HsmError::PinReference),
        };
        if !lengths.contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(HsmError::PinReference);
        }
        let digits = digits.to_owned();
        Ok(Self { scheme, digits })
    }
}
