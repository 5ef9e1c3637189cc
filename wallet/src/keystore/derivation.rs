//! SLIP-0010 key derivation for ed25519, which knows hardened children only.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A private key with its chain code. Has no `Debug`; its memory is wiped when it is dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct ExtendedKey {
    key: [u8; 32],
    chain_code: [u8; 32],
}

/// Added to the index of a hardened child.
const HARDENED: u32 = 1 << 31;

/// SLIP-0044 registers no coin type for Causeway; this one spells "CW" and is not registered either.
pub const COIN_TYPE: u32 = 0x4357;

/// The largest index of a key of one set of words.
pub const INDEX_MAX: u32 = HARDENED - 1;

/// The path of a wallet's `index`th key, BIP-44's shape with every step hardened.
pub fn path(index: u32) -> [u32; 5] {
    [44, COIN_TYPE, 0, 0, index]
}

/// A path as people write it: `m/44'/17239'/0'/0'/0'`.
pub fn path_text(path: &[u32]) -> String {
    path.iter()
        .fold("m".to_owned(), |text, index| format!("{text}/{index}'"))
}

impl ExtendedKey {
    /// The master key of a seed (SLIP-0010, "Master key generation").
    pub fn master(seed: &[u8]) -> Self {
        Self::from_halves(b"ed25519 seed", &[seed])
    }

    /// The hardened child (SLIP-0010, "Private parent key to private child key").
    ///
    /// # Panics
    /// If `index` is above [`INDEX_MAX`].
    pub fn child(&self, index: u32) -> Self {
        assert!(index <= INDEX_MAX, "an index is below 2^31");
        Self::from_halves(&self.chain_code, &[&[0], &self.key, &(index + HARDENED).to_be_bytes()])
    }

    pub fn descendant(&self, path: &[u32]) -> Self {
        let start = Self {
            key: self.key,
            chain_code: self.chain_code,
        };
        path.iter().fold(start, |parent, index| parent.child(*index))
    }

    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }

    fn from_halves(mac_key: &[u8], parts: &[&[u8]]) -> Self {
        let mut mac = Hmac::<Sha512>::new_from_slice(mac_key).expect("HMAC takes keys of any length");
        for part in parts {
            mac.update(part);
        }
        let bytes: Zeroizing<[u8; 64]> = Zeroizing::new(mac.finalize().into_bytes().into());
        let (key, chain_code) = bytes.split_at(32);
        Self {
            key: key.try_into().expect("half of 64"),
            chain_code: chain_code.try_into().expect("half of 64"),
        }
    }
}

#[cfg(test)]
impl ExtendedKey {
    pub fn chain_code(&self) -> &[u8; 32] {
        &self.chain_code
    }
}
