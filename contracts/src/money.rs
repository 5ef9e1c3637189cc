//! Money: integer minor units with their currency. Decimals exist only in [`text`], at the edges.

pub mod text;

use std::{fmt, str::FromStr};

use bincode::{
    Decode, Encode,
    de::{BorrowDecoder, Decoder},
    error::DecodeError,
};

use crate::codec::json_as_text;

/// An amount in minor units of a currency that is named beside it; never negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Amount(pub u64);

impl Amount {
    pub const ZERO: Self = Self(0);

    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// `None` on overflow; sums of money never wrap and never clamp.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

/// Minor units as an integer without sign or separators. JSON carries amounts as this text.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an amount in minor units: digits only, at most {}", u64::MAX)]
pub struct NotMinorUnits;

impl FromStr for Amount {
    type Err = NotMinorUnits;
    fn from_str(text: &str) -> Result<Self, NotMinorUnits> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NotMinorUnits);
        }
        text.parse().map(Self).map_err(|_| NotMinorUnits)
    }
}

/// What an account has, in minor units. Only an issuer's account goes below zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Balance(pub i128);

impl Balance {
    pub const ZERO: Self = Self(0);

    pub fn checked_credit(self, amount: Amount) -> Option<Self> {
        self.0.checked_add(i128::from(amount.0)).map(Self)
    }

    pub fn checked_debit(self, amount: Amount) -> Option<Self> {
        self.0.checked_sub(i128::from(amount.0)).map(Self)
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a balance in minor units: digits only, after a '-' if it is below zero")]
pub struct NotABalance;

impl FromStr for Balance {
    type Err = NotABalance;
    fn from_str(text: &str) -> Result<Self, NotABalance> {
        if text.starts_with('+') {
            return Err(NotABalance);
        }
        text.parse().map(Self).map_err(|_| NotABalance)
    }
}

/// A currency code: 3 to 8 characters of A-Z and 0-9. Stored left-aligned, padded with zero bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
pub struct Currency([u8; 8]);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a currency code has 3 to 8 characters of A-Z and 0-9")]
pub struct NotACurrency;

impl Currency {
    /// Sorts before every code: for the beginnings of ranges.
    pub const LOWEST: Self = Self([0; 8]);

    pub fn new(code: &str) -> Result<Self, NotACurrency> {
        let code = code.as_bytes();
        if !(3..=8).contains(&code.len()) || !code.iter().all(|&b| is_code_character(b)) {
            return Err(NotACurrency);
        }
        let mut bytes = [0; 8];
        bytes[..code.len()].copy_from_slice(code);
        Ok(Self(bytes))
    }

    pub fn as_str(&self) -> &str {
        padded_str(&self.0)
    }

    pub fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

pub(crate) fn is_code_character(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

pub(crate) fn padded_str(bytes: &[u8]) -> &str {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    std::str::from_utf8(&bytes[..end]).expect("checked to be ASCII when it was made")
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Currency {
    type Err = NotACurrency;
    fn from_str(text: &str) -> Result<Self, NotACurrency> {
        Self::new(text)
    }
}

impl<C> Decode<C> for Currency {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let bytes = <[u8; 8]>::decode(decoder)?;
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(8);
        let code = std::str::from_utf8(&bytes[..end]).map_err(|_| DecodeError::Other(CURRENCY_FORM))?;
        match Self::new(code) {
            Ok(currency) if currency.0 == bytes => Ok(currency),
            _ => Err(DecodeError::Other(CURRENCY_FORM)),
        }
    }
}

const CURRENCY_FORM: &str = "a currency code has 3 to 8 characters of A-Z and 0-9";

impl<'de, C> bincode::BorrowDecode<'de, C> for Currency {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Self::decode(decoder)
    }
}

json_as_text!(Amount, Balance, Currency);

#[cfg(test)]
mod tests;
