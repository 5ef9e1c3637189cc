//! Keys, and what can be done with one that one may not see.

use std::fmt;

use aes::{Aes128, Aes192, Aes256};
use cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use des::{Des, TdesEde2, TdesEde3};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{CryptoError, field};
use crate::crypto::mac;

/// Enciphers and deciphers single blocks of `N` bytes: a key in memory, or one inside a security module.
pub trait BlockCipher<const N: usize> {
    type Error: From<CryptoError>;

    fn encrypt(&self, block: [u8; N]) -> Result<[u8; N], Self::Error>;
    fn decrypt(&self, block: [u8; N]) -> Result<[u8; N], Self::Error>;
}

/// A TDES key of double length, `K1 K2`, of which the left half is used alone too (retail MAC, CVV).
pub trait Tdes: BlockCipher<8> {
    /// DES under `K1`.
    fn encrypt_left(&self, block: [u8; 8]) -> Result<[u8; 8], Self::Error>;
}

/// 16 bytes: what EMV, CVV and DUKPT use.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct TdesKey([u8; 16]);

/// 8, 16 or 24 bytes: what key blocks and PINs may be verified under.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DesKey {
    /// Repeated to 24, so that a short key enciphers as itself.
    whole: [u8; 24],
    length: usize,
}

/// 16, 24 or 32 bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct AesKey {
    bytes: [u8; 32],
    length: usize,
}

impl TdesKey {
    /// # Errors
    /// Another length than 16 bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, CryptoError> {
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| field("key", "a double-length DES key, 16 bytes"))
    }

    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Every byte with an odd number of ones.
    pub(super) fn with_odd_parity(mut bytes: [u8; 16]) -> Self {
        bytes.iter_mut().for_each(|byte| *byte = odd(*byte));
        let key = Self(bytes);
        bytes.zeroize();
        key
    }

    /// Check value: the first three bytes of eight zero bytes enciphered.
    pub fn check_value(&self) -> [u8; 3] {
        first_three(infallible(self.encrypt([0; 8])))
    }
}

fn odd(byte: u8) -> u8 {
    if byte.count_ones().is_multiple_of(2) {
        byte ^ 1
    } else {
        byte
    }
}

fn first_three<const N: usize>(block: [u8; N]) -> [u8; 3] {
    [block[0], block[1], block[2]]
}

/// Of ciphers in memory, which have no error of their own.
pub(crate) fn infallible<T>(result: Result<T, CryptoError>) -> T {
    result.expect("a key in memory enciphers every block")
}

impl DesKey {
    /// # Errors
    /// Another length than 8, 16 or 24 bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, CryptoError> {
        let mut whole = [0; 24];
        match bytes.len() {
            8 => whole.chunks_mut(8).for_each(|third| third.copy_from_slice(bytes)),
            16 => {
                whole[..16].copy_from_slice(bytes);
                whole[16..].copy_from_slice(&bytes[..8]);
            }
            24 => whole.copy_from_slice(bytes),
            _ => return Err(field("key", "a DES key of 8, 16 or 24 bytes")),
        }
        let key = Self {
            whole,
            length: bytes.len(),
        };
        whole.zeroize();
        Ok(key)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.whole[..self.length]
    }

    /// Check value: the first three bytes of eight zero bytes enciphered.
    pub fn check_value(&self) -> [u8; 3] {
        first_three(infallible(self.encrypt([0; 8])))
    }
}

impl AesKey {
    /// # Errors
    /// Another length than 16, 24 or 32 bytes.
    pub fn new(key: &[u8]) -> Result<Self, CryptoError> {
        if ![16, 24, 32].contains(&key.len()) {
            return Err(field("key", "an AES key of 16, 24 or 32 bytes"));
        }
        let mut bytes = [0; 32];
        bytes[..key.len()].copy_from_slice(key);
        let made = Self {
            bytes,
            length: key.len(),
        };
        bytes.zeroize();
        Ok(made)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Check value: the first three bytes of the CMAC of sixteen zero bytes (ANSI X9.24-1, 2017).
    pub fn check_value(&self) -> [u8; 3] {
        first_three(infallible(mac::cmac(self, &[0; 16])))
    }
}

fn one_block<C: BlockCipherEncrypt + BlockCipherDecrypt + KeyInit, const N: usize>(
    key: &[u8],
    mut block: [u8; N],
    encrypt: bool,
) -> [u8; N] {
    let cipher = C::new_from_slice(key).expect("the key has its cipher's length");
    let array: &mut Array<u8, C::BlockSize> = block
        .as_mut_slice()
        .try_into()
        .expect("the block has its cipher's length");
    if encrypt {
        cipher.encrypt_block(array);
    } else {
        cipher.decrypt_block(array);
    }
    block
}

impl BlockCipher<8> for TdesKey {
    type Error = CryptoError;

    fn encrypt(&self, block: [u8; 8]) -> Result<[u8; 8], CryptoError> {
        Ok(one_block::<TdesEde2, 8>(&self.0, block, true))
    }

    fn decrypt(&self, block: [u8; 8]) -> Result<[u8; 8], CryptoError> {
        Ok(one_block::<TdesEde2, 8>(&self.0, block, false))
    }
}

impl Tdes for TdesKey {
    fn encrypt_left(&self, block: [u8; 8]) -> Result<[u8; 8], CryptoError> {
        Ok(one_block::<Des, 8>(&self.0[..8], block, true))
    }
}

impl BlockCipher<8> for DesKey {
    type Error = CryptoError;

    fn encrypt(&self, block: [u8; 8]) -> Result<[u8; 8], CryptoError> {
        Ok(one_block::<TdesEde3, 8>(&self.whole, block, true))
    }

    fn decrypt(&self, block: [u8; 8]) -> Result<[u8; 8], CryptoError> {
        Ok(one_block::<TdesEde3, 8>(&self.whole, block, false))
    }
}

impl AesKey {
    fn block(&self, block: [u8; 16], encrypt: bool) -> [u8; 16] {
        match self.length {
            16 => one_block::<Aes128, 16>(self.bytes(), block, encrypt),
            24 => one_block::<Aes192, 16>(self.bytes(), block, encrypt),
            _ => one_block::<Aes256, 16>(self.bytes(), block, encrypt),
        }
    }
}

impl BlockCipher<16> for AesKey {
    type Error = CryptoError;

    fn encrypt(&self, block: [u8; 16]) -> Result<[u8; 16], CryptoError> {
        Ok(self.block(block, true))
    }

    fn decrypt(&self, block: [u8; 16]) -> Result<[u8; 16], CryptoError> {
        Ok(self.block(block, false))
    }
}

macro_rules! shown_by_name {
    ($($key:ident),*) => {$(
        impl fmt::Debug for $key {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($key), "(..)"))
            }
        }
    )*};
}
shown_by_name!(TdesKey, DesKey, AesKey);
