//! Keys from passphrases, for every file of the wallet that only a passphrase opens.
//!
//! Argon2id makes 64 bytes of the passphrase. The first half is the key of XChaCha20-Poly1305; of the
//! second half, a file keeps a hash, so that a wrong passphrase and a damaged file are told apart.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// RFC 9106's second recommendation but for one lane, since the implementation has one thread: 64 MiB
/// and 3 passes, above the 19 MiB and 2 passes that OWASP asks for at least.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;

/// A file may ask for at most this much work, so that a forged one cannot exhaust the machine.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 16;

/// How a file's key is made of its passphrase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kdf {
    algorithm: KdfAlgorithm,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: Hex,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KdfAlgorithm {
    Argon2id,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Cipher {
    XChaCha20Poly1305,
}

/// Bytes that JSON has as hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hex(pub(crate) Vec<u8>);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::decode(text).map(Self).map_err(de::Error::custom)
    }
}

/// Why a file's parameters give no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KdfError {
    #[error("it asks for more memory or passes than any file of this program")]
    TooMuchWork,
    #[error("its parameters of Argon2id are none that this program writes")]
    Parameters,
}

/// What a passphrase gives. Has no `Debug`; its memory is wiped when it is dropped.
pub(crate) struct Derived(Zeroizing<[u8; 64]>);

impl Kdf {
    /// With a salt of its own and the work that this program asks for.
    pub(crate) fn fresh() -> Result<Self, getrandom::Error> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt)?;
        Ok(Self {
            algorithm: KdfAlgorithm::Argon2id,
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            lanes: LANES,
            salt: Hex(salt.to_vec()),
        })
    }

    pub(crate) fn derive(&self, passphrase: &str) -> Result<Derived, KdfError> {
        if self.memory_kib > MEMORY_KIB_MAX || self.passes > PASSES_MAX || self.lanes > LANES_MAX {
            return Err(KdfError::TooMuchWork);
        }
        let mut derived = Zeroizing::new([0; 64]);
        // Whatever else the parameters can be wrong by, no seal of ours has.
        let params =
            Params::new(self.memory_kib, self.passes, self.lanes, Some(64)).map_err(|_| KdfError::Parameters)?;
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &self.salt.0, derived.as_mut())
            .map_err(|_| KdfError::Parameters)?;
        Ok(Derived(derived))
    }
}

impl Derived {
    pub(crate) fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new_from_slice(&self.0[..32]).expect("a key has 32 bytes")
    }

    /// What a file keeps, to know its passphrase by.
    pub(crate) fn check(&self) -> Hex {
        let check = Sha256::new_with_prefix("causeway/keystore-check/1").chain_update(&self.0[32..]);
        Hex(check.finalize().to_vec())
    }
}
