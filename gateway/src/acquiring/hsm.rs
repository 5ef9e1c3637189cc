//! Keys of cards and links, and what is computed with them, behind one trait: no caller sees a key that stays.
//!
//! | implementation | where keys are |
//! | --- | --- |
//! | [`SoftwareHsm`] | in memory, and in a file that is sealed under the operator's key |
//! | [`Pkcs11Hsm`] | on a token: sensitive, not extractable, found by label |
//!
//! Both give the same answers, since they are the same code over block ciphers ([`operations`]). What is derived from a
//! key for a card or a transaction is in memory for one call, and then overwritten. Methods block; callers on an
//! executor use `spawn_blocking`.

mod config;
mod error;
mod file;
mod key;
mod operations;
mod pin;
mod pkcs11;
mod software;

use std::ops::RangeInclusive;

use causeway_cards::crypto::{
    cryptogram::{Transaction, Version},
    cvv::CardData,
    derivation::CardNumber,
    key::TdesKey,
    mac::Padding,
    pin::Pin,
};
use zeroize::Zeroizing;

pub use self::{
    config::{HsmConfig, HsmConfigError},
    error::HsmError,
    key::{Algorithm, KeyInfo, KeyName, KeySpec, Purpose},
    pin::{PinBlock, PinReference, PinScheme},
    pkcs11::{Pkcs11Hsm, TokenError},
    software::SoftwareHsm,
};

/// Most keys of a device that one call makes.
pub const DEVICE_KEYS_MAX: usize = 100;

/// A cryptogram, and what it says it is over.
#[derive(Clone, Copy)]
pub struct Cryptogram<'a> {
    pub version: Version,
    /// A card, or a device by its token.
    pub card: CardNumber<'a>,
    pub transaction: &'a Transaction,
    /// Tag 9F26.
    pub value: &'a [u8; 8],
}

/// What the issuer answers, by the version's [`Version::method`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// Method 1, with the authorisation response code.
    One { code: [u8; 2] },
    /// Method 2, with the card status update, and up to 8 bytes of the issuer's own.
    Two { update: [u8; 4], own: &'a [u8] },
}

/// A limited-use key: the session key of one counter, for the device that it is handed to once.
#[derive(Debug, Clone)]
pub struct DeviceKey {
    pub counter: u16,
    pub key: TdesKey,
}

/// A security module. Every method refuses a key that is not there ([`HsmError::UnknownKey`]) or is for something else
/// ([`HsmError::WrongPurpose`]), and says what its module said if that failed.
pub trait Hsm: Send + Sync {
    fn describe(&self, key: &KeyName) -> Result<KeyInfo, HsmError>;

    /// By [`TdesKey::check_value`] and `AesKey::check_value`.
    fn check_value(&self, key: &KeyName) -> Result<[u8; 3], HsmError> {
        Ok(self.describe(key)?.check_value)
    }

    /// A new random key. Refused if the name is taken.
    fn generate(&self, key: &KeyName, spec: KeySpec) -> Result<KeyInfo, HsmError>;

    /// The key that two or more different components give, xor each other: how the first wrapping key comes in. Refused if
    /// the name is taken.
    fn assemble(&self, key: &KeyName, spec: KeySpec, components: &[&[u8]]) -> Result<KeyInfo, HsmError>;

    /// The key in a TR-31 block of version D. Its usage, algorithm and length must be those of `purpose`; it can be
    /// exported if its block says so. Refused if the name is taken.
    fn import(&self, key: &KeyName, purpose: Purpose, wrapping: &KeyName, block: &str) -> Result<KeyInfo, HsmError>;

    /// A TR-31 block of version D.
    ///
    /// # Errors
    /// [`HsmError::NotExportable`] for a key that was not made so, and for every key of a token.
    fn export(&self, key: &KeyName, wrapping: &KeyName) -> Result<String, HsmError>;

    /// A new random key, and the TR-31 block of version D in which it goes to the other side of a link, who has the same wrapping
    /// key. Neither side's module gives it out again. Refused if the name is taken.
    fn share(&self, key: &KeyName, spec: KeySpec, wrapping: &KeyName) -> Result<(KeyInfo, String), HsmError>;

    fn delete(&self, key: &KeyName) -> Result<(), HsmError>;

    /// All keys, in the order of their names. Of a token those that this program made.
    fn names(&self) -> Result<Vec<KeyName>, HsmError>;

    /// In constant time. Whether the counter is a new one is for the caller to see to.
    fn verify_cryptogram(&self, master: &KeyName, cryptogram: &Cryptogram<'_>) -> Result<bool, HsmError>;

    /// The value of tag 91: ARPC and response code, or ARPC, status update and the issuer's own. The cryptogram must have
    /// been verified.
    fn response_cryptogram(
        &self,
        master: &KeyName,
        cryptogram: &Cryptogram<'_>,
        answer: Answer<'_>,
    ) -> Result<Vec<u8>, HsmError>;

    /// Session keys of the counters, of a version whose session keys depend on nothing else (Visa 18 and 22, Mastercard 20
    /// and 21); at most [`DEVICE_KEYS_MAX`].
    fn device_keys(
        &self,
        master: &KeyName,
        version: Version,
        card: CardNumber<'_>,
        counters: RangeInclusive<u16>,
    ) -> Result<Vec<DeviceKey>, HsmError>;

    /// CVV, iCVV, CVV2 or dCVV, by what `card` says.
    fn cvv(&self, key: &KeyName, card: CardData<'_>) -> Result<Zeroizing<String>, HsmError>;

    /// In constant time.
    fn verify_cvv(&self, key: &KeyName, card: CardData<'_>, value: &str) -> Result<bool, HsmError>;

    /// ISO 9797-1 algorithm 3.
    fn mac(&self, key: &KeyName, data: &[u8], padding: Padding) -> Result<[u8; 8], HsmError>;

    /// In constant time.
    fn verify_mac(&self, key: &KeyName, data: &[u8], padding: Padding, code: &[u8; 8]) -> Result<bool, HsmError>;

    /// What is stored of a new PIN, to verify it by. `key` is of [`Purpose::PinVerification`].
    fn pin_reference(&self, key: &KeyName, scheme: PinScheme, pin: &Pin, pan: &str) -> Result<PinReference, HsmError>;

    /// Whether the PIN in `block`, which is under `pin_key`, is that of `reference`, in constant time.
    ///
    /// # Errors
    /// [`HsmError::Input`] with [`causeway_cards::crypto::CryptoError::PinBlock`] for a block of another key, card or
    /// format: that is no wrong PIN.
    fn verify_pin(
        &self,
        pin_key: &KeyName,
        block: &PinBlock,
        pan: &str,
        key: &KeyName,
        reference: &PinReference,
    ) -> Result<bool, HsmError>;

    /// The same PIN under another key: format 0 under a TDES key, 4 under an AES key.
    fn translate_pin(&self, from: &KeyName, block: &PinBlock, to: &KeyName, pan: &str) -> Result<PinBlock, HsmError>;
}

#[cfg(test)]
mod tests;
