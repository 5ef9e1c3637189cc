//! Key blocks: a key under another one, bound to what it may be used for (TR-31 of 2018, ANSI X9.143).
//!
//! | version | under | encryption | code |
//! | --- | --- | --- | --- |
//! | A, C | variants of a DES key of 8, 16 or 24 bytes | TDES in CBC mode from the header's first 8 bytes | CBC-MAC of header and ciphertext, 4 bytes |
//! | B | keys derived from a DES key of 16 or 24 bytes | TDES in CBC mode from the code | CMAC of header and key, 8 bytes |
//! | D | keys derived from an AES key | AES in CBC mode from the code | CMAC of header and key, 16 bytes |
//!
//! A block is text: the [`Header`], then ciphertext and code in hexadecimal. What is enciphered is the key's length
//! in bits in two bytes, the key, and random bytes, by which a key can look longer than it is.
//!
//! That the protection key is as strong as the key in it, as the standard asks, is for the caller to see to. Versions A
//! and C are for systems that have nothing better: their code is short, and made with a variant of the same key.

mod header;
mod keys;

use thiserror::Error;
use zeroize::Zeroizing;

pub use self::header::{Attributes, Header, OptionalBlock, Version};
use self::keys::Keys;
use super::{CryptoError, field, key::BlockCipher};

/// Why something is no key block, or not one under this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyBlockError {
    #[error("its header must be 16 ASCII letters and digits at least")]
    Header,
    #[error("its version must be A, B, C or D")]
    Version,
    #[error("its {0} must be letters and digits of its length")]
    Attribute(&'static str),
    #[error("its number of optional blocks must be two digits")]
    BlockCount,
    #[error("the {0} of an optional block is wrong")]
    OptionalBlock(&'static str),
    #[error("its length must be in its header in four digits, a multiple of 8, of 16 in version D")]
    Length,
    #[error("its code must be hexadecimal digits: 8 in versions A and C, 16 in B, 32 in D")]
    MacForm,
    #[error("its ciphertext must be whole blocks in hexadecimal digits")]
    Ciphertext,
    #[error("the protection key must have 8 (A and C), 16 or 24 bytes, in version D 16, 24 or 32")]
    ProtectionKey,
    /// The wrong protection key, or an altered block.
    #[error("its code is not that of what is in it")]
    Mac,
    /// The code is right, and yet the length inside is zero, not in whole bytes, or more than there is.
    #[error("the key in it has a wrong length")]
    Key,
}

/// Longest key that is wrapped, in bytes.
pub const KEY_BYTES_MAX: usize = 512;
/// Longest length that a key is made to look like, in bytes.
pub const MASK_BYTES_MAX: usize = 32;
/// Of which as many are used as padding takes.
pub const RANDOM_BYTES: usize = 48;
const LENGTH_MAX: usize = 9999;
const LENGTH_BYTES: usize = 2;

/// A key out of its block.
pub struct Unwrapped {
    pub header: Header,
    pub key: Zeroizing<Vec<u8>>,
}

/// `key` under `protection`. It looks at least `mask` bytes long, by default as long as the longest key of its
/// algorithm: 24 bytes of DES and TDES (`D`, `T`), 32 of AES (`A`). `random` must be so, and used once.
///
/// # Errors
/// A key that is empty or too long, a mask that is too long, a header that does not fit, or a protection key of a
/// length that the version has not.
pub fn wrap(
    protection: &[u8],
    header: &Header,
    key: &[u8],
    mask: Option<usize>,
    random: &[u8; RANDOM_BYTES],
) -> Result<String, CryptoError> {
    if !(1..=KEY_BYTES_MAX).contains(&key.len()) {
        return Err(field("key", "1 to 512 bytes"));
    }
    let longest = match header.algorithm() {
        "D" | "T" => 24,
        "A" => 32,
        _ => 0,
    };
    let mask = mask.unwrap_or(longest);
    if mask > MASK_BYTES_MAX {
        return Err(field("mask", "32 bytes at most"));
    }
    let keys = Keys::of(header.version(), protection)?;
    sealed(&keys, header, key, mask, random)
}

/// As [`wrap`], of version D, under an AES key of `length` bytes that one may not see.
///
/// # Errors
/// As of [`wrap`], another version, or what the key's holder says.
pub fn wrap_by<K: BlockCipher<16>>(
    protection: &K,
    length: usize,
    header: &Header,
    key: &[u8],
    random: &[u8; RANDOM_BYTES],
) -> Result<String, K::Error> {
    if header.version() != Version::D {
        Err(CryptoError::from(KeyBlockError::Version))?;
    }
    if !(1..=MASK_BYTES_MAX).contains(&key.len()) {
        Err(field("key", "1 to 32 bytes"))?;
    }
    let keys = Keys::by(protection, length)?;
    Ok(sealed(&keys, header, key, MASK_BYTES_MAX, random)?)
}

fn sealed(
    keys: &Keys,
    header: &Header,
    key: &[u8],
    mask: usize,
    random: &[u8; RANDOM_BYTES],
) -> Result<String, CryptoError> {
    let version = header.version();
    let length = (LENGTH_BYTES + key.len().max(mask)).next_multiple_of(version.block());
    let mut clear = Zeroizing::new(Vec::with_capacity(length));
    clear.extend((key.len() as u16 * 8).to_be_bytes());
    clear.extend(key);
    let padding = length - clear.len();
    clear.extend(&random[..padding]);
    let rest = 2 * (length + version.mac_bytes());
    let header = header.to_text(rest).ok_or(KeyBlockError::Length)?;
    let (ciphertext, code) = keys.seal(header.as_bytes(), &clear);
    Ok(header + &hex::encode_upper(ciphertext) + &hex::encode_upper(code))
}

/// The key in `block`. Nothing of what is deciphered is looked at before its code is right.
///
/// # Errors
/// What is no key block, not under this protection key, or altered.
pub fn unwrap(protection: &[u8], block: &str) -> Result<Unwrapped, KeyBlockError> {
    let parts = Parts::of(block)?;
    let keys = Keys::of(parts.header.version(), protection)?;
    parts.open(&keys)
}

/// As [`unwrap`], of version D, under an AES key of `length` bytes that one may not see.
///
/// # Errors
/// As of [`unwrap`], another version, or what the key's holder says.
pub fn unwrap_by<K: BlockCipher<16>>(protection: &K, length: usize, block: &str) -> Result<Unwrapped, K::Error> {
    let parts = Parts::of(block).map_err(CryptoError::from)?;
    if parts.header.version() != Version::D {
        Err(CryptoError::from(KeyBlockError::Version))?;
    }
    let keys = Keys::by(protection, length)?;
    Ok(parts.open(&keys).map_err(CryptoError::from)?)
}

/// A block as it is written.
struct Parts<'a> {
    header: Header,
    head: &'a str,
    ciphertext: Vec<u8>,
    code: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn of(block: &'a str) -> Result<Self, KeyBlockError> {
        let (header, end) = Header::parse(block)?;
        let version = header.version();
        let length = block[1..5].bytes().all(|digit| digit.is_ascii_digit());
        let is_whole = length && block[1..5].parse() == Ok(block.len()) && block.len().is_multiple_of(version.block());
        if !is_whole || !block.is_ascii() {
            return Err(KeyBlockError::Length);
        }
        let (head, rest) = block.split_at(end);
        let at = rest.len().checked_sub(2 * version.mac_bytes());
        let (ciphertext, code) = rest.split_at(at.ok_or(KeyBlockError::MacForm)?);
        let code = hex::decode(code).map_err(|_| KeyBlockError::MacForm)?;
        let ciphertext = hex::decode(ciphertext).map_err(|_| KeyBlockError::Ciphertext)?;
        if ciphertext.is_empty() || !ciphertext.len().is_multiple_of(version.block()) {
            return Err(KeyBlockError::Ciphertext);
        }
        Ok(Self {
            header,
            head,
            ciphertext,
            code,
        })
    }

    fn open(self, keys: &Keys) -> Result<Unwrapped, KeyBlockError> {
        let clear = keys.open(self.head.as_bytes(), &self.ciphertext, &self.code)?;
        let bits = usize::from(u16::from_be_bytes([clear[0], clear[1]]));
        if bits == 0 || !bits.is_multiple_of(8) {
            return Err(KeyBlockError::Key);
        }
        let key = clear[LENGTH_BYTES..].get(..bits / 8).ok_or(KeyBlockError::Key)?;
        Ok(Unwrapped {
            header: self.header,
            key: Zeroizing::new(key.to_vec()),
        })
    }
}

#[cfg(test)]
mod tests;
