//! Payment codes that merchants show: EMVCo's text, signed by the operator who collects for the merchant.
//!
//! | object | is |
//! | --- | --- |
//! | 01 | `12` for one payment of one order, `11` for any number |
//! | 26 | 00 `cw.pay`; 01 the address that is paid; and of an order 02 its id, 03 the second from which it is not to be paid any more, in ten digits, or else 04 the merchant's id |
//! | 53, 54 | the currency by its number (ISO 4217), and of an order the amount; else the payer enters one |
//! | 80 | 00 `cw.sg`; 01 the signature, over the text before this object, with [`Domain::PaymentCode`] |
//! | 63 | the check |
//!
//! 80 and 63 are the last two, so that nothing that is not signed can be put in. Ids are UUIDs, they and the signature
//! in base64url without padding. Everything else is as [`mpm`] says. A code that was made up, or copied from another
//! merchant's and altered, is refused; one that was copied as it is pays whom it names.
//!
//! Whoever pays puts [`Purpose::memo`] into the transfer, by which the operator knows what it is for.

pub mod picture;
mod read;

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use causeway_cards::{
    currency,
    qr::mpm::{self, build::BuildError},
};
use causeway_contracts::{
    identity::Address,
    keys::{Domain, SecretKey},
    transaction::UnixSeconds,
};

pub use self::read::{Refusal, Verified, parse, read, verify};
pub use causeway_cards::qr::mpm::build::Merchant;

/// Of a whole code.
pub const CHARACTERS_MAX: usize = 512;

/// The template for who is paid, and what for.
const ACCOUNT: u8 = 26;
const ACCOUNT_GUID: &str = "cw.pay";
const ADDRESS: u8 = 1;
const ORDER: u8 = 2;
const EXPIRY: u8 = 3;
const MERCHANT: u8 = 4;

/// The template for the signature.
const SEAL: u8 = 80;
const SEAL_GUID: &str = "cw.sg";
const SIGNATURE: u8 = 1;

/// Times of ten digits, from 2001 to 2286.
const SECONDS: std::ops::RangeInclusive<u64> = 1_000_000_000..=9_999_999_999;

/// The id of an order or a merchant: a UUID, as text in 22 characters of base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CodeId(pub [u8; 16]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is a UUID in 22 characters of base64url")]
pub struct NotAnId;

impl fmt::Display for CodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for CodeId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| NotAnId)?;
        bytes.try_into().map(Self).map_err(|_| NotAnId)
    }
}

/// What is paid by a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Static: any payment to the merchant, of an amount that the payer enters.
    Merchant(CodeId),
    /// Dynamic: one order.
    Order {
        id: CodeId,
        /// From this second on it is not to be paid any more.
        expires_at: UnixSeconds,
        /// In major units, such as `12.50`, not zero.
        amount: String,
    },
}

impl Purpose {
    /// What says in a transfer what it is for.
    pub fn memo(&self) -> String {
        match self {
            Self::Merchant(id) => format!("merchant {id}"),
            Self::Order { id, .. } => format!("order {id}"),
        }
    }
}

/// A merchant's name in another language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalName {
    /// ISO 639-1, two letters.
    pub language: String,
    /// Up to 25 characters of any script.
    pub name: String,
    /// Up to 15 characters of any script.
    pub city: Option<String>,
}

/// What a code of ours says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerchantCode {
    pub merchant: Merchant,
    /// Who is paid on the ledger: the operator who collects, or the merchant.
    pub address: Address,
    pub purpose: Purpose,
    /// Of the merchant's, up to 25 characters each.
    pub store: Option<String>,
    pub terminal: Option<String>,
    pub local: Option<LocalName>,
}

/// Why a code is not made.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("{0} is no number of a currency of ISO 4217, such as 978 for the euro")]
    Currency(String),
    #[error("a code expires at a time of ten digits, in seconds since 1970, and not at {0}")]
    Expiry(u64),
    #[error("the code would have {0} characters; at most {CHARACTERS_MAX} are read")]
    TooLong(usize),
}

impl MerchantCode {
    /// The currency's letters, such as `EUR`; `None` if its number is none of ISO 4217, as in no code that is read.
    pub fn currency(&self) -> Option<&'static str> {
        currency::alphabetic(&self.merchant.currency)
    }

    /// The text of the code, signed by the key of an operator.
    pub fn sign(&self, key: &SecretKey) -> Result<String, SignError> {
        if self.currency().is_none() {
            return Err(SignError::Currency(self.merchant.currency.clone()));
        }
        let unsigned = self.builder()?;
        let signed = unsigned.unsealed()?;
        let signature = key.sign(Domain::PaymentCode, signed.as_bytes());
        let signature = BASE64_URL_SAFE_NO_PAD.encode(signature.0);
        let text = unsigned
            .template(SEAL, SEAL_GUID, &[(SIGNATURE, &signature)])?
            .build()?;
        match text.chars().count() {
            length if length > CHARACTERS_MAX => Err(SignError::TooLong(length)),
            _ => Ok(text),
        }
    }

    /// All of it but the signature.
    fn builder(&self) -> Result<mpm::Builder, SignError> {
        let address = self.address.to_string();
        let mut builder = match &self.purpose {
            Purpose::Merchant(id) => {
                let id = id.to_string();
                let account = [(ADDRESS, address.as_str()), (MERCHANT, &id)];
                mpm::Builder::fixed(&self.merchant).template(ACCOUNT, ACCOUNT_GUID, &account)?
            }
            Purpose::Order { id, expires_at, amount } => {
                if !SECONDS.contains(&expires_at.0) {
                    return Err(SignError::Expiry(expires_at.0));
                }
                let (id, expiry) = (id.to_string(), expires_at.0.to_string());
                let account = [(ADDRESS, address.as_str()), (ORDER, &id), (EXPIRY, &expiry)];
                mpm::Builder::dynamic(&self.merchant, amount).template(ACCOUNT, ACCOUNT_GUID, &account)?
            }
        };
        for (id, value) in [(STORE, &self.store), (TERMINAL, &self.terminal)] {
            if let Some(value) = value {
                builder = builder.additional(id, value);
            }
        }
        Ok(match &self.local {
            Some(local) => builder.language(&local.language, &local.name, local.city.as_deref())?,
            None => builder,
        })
    }
}

/// Of the additional data.
const STORE: u8 = 3;
const TERMINAL: u8 = 7;

#[cfg(test)]
mod tests;
