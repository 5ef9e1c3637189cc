//! The format of a key file: a header in the open, and a secret that only the passphrase opens.
//!
//! Argon2id makes 64 bytes of the passphrase. The first half is the key of XChaCha20-Poly1305, which
//! seals the secret and authenticates every field of the header; of the second half, the header
//! keeps a hash, so that a wrong passphrase and a damaged file are told apart.

use argon2::{Algorithm, Argon2, Params, Version};
use causeway_contracts::keys::PublicKey;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305,
    aead::{Aead, Payload},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::secret::{self, Secret};

/// The only version there is.
const VERSION: u16 = 1;

/// RFC 9106's second recommendation but for one lane, since the implementation has one thread: 64 MiB
/// and 3 passes, above the 19 MiB and 2 passes that OWASP asks for at least.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;

/// A file may ask for at most this much work, so that a forged one cannot exhaust the machine.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 16;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    pub header: Header,
    /// The secret and its 16-byte tag.
    sealed: Hex,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    version: u16,
    pub public_key: PublicKey,
    pub origin: Origin,
    kdf: Kdf,
    cipher: Cipher,
    nonce: Hex,
    /// SHA-256 over the second half of what the passphrase gives.
    passphrase_check: Hex,
}

/// What the sealed bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Origin {
    Words { index: u32 },
    Seed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kdf {
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
enum Cipher {
    XChaCha20Poly1305,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Hex(Vec<u8>);

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

/// Why a key file does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("wrong passphrase")]
    WrongPassphrase,
    #[error("the file has been changed or damaged since it was written; restore it from a backup or from its words")]
    Tampered,
    #[error("version {0} is not known; this program knows version {VERSION}")]
    Version(u16),
    #[error("it asks for more memory or passes than any key file of this program")]
    TooMuchWork,
    #[error("no random bytes from the system: {0}")]
    Random(#[from] getrandom::Error),
}

impl KeyFile {
    pub fn seal(secret: &Secret, passphrase: &str) -> Result<Self, SealError> {
        let (mut salt, mut nonce) = ([0; 16], [0; 24]);
        getrandom::fill(&mut salt)?;
        getrandom::fill(&mut nonce)?;
        let kdf = Kdf {
            algorithm: KdfAlgorithm::Argon2id,
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            lanes: LANES,
            salt: Hex(salt.to_vec()),
        };
        let derived = kdf.derive(passphrase)?;
        let header = Header {
            version: VERSION,
            public_key: secret.signing_key().public_key(),
            origin: match secret {
                Secret::Words { index, .. } => Origin::Words { index: *index },
                Secret::Seed(_) => Origin::Seed,
            },
            kdf,
            cipher: Cipher::XChaCha20Poly1305,
            nonce: Hex(nonce.to_vec()),
            passphrase_check: Hex(check_of(&derived)),
        };
        let aad = header.authenticated();
        let payload = Payload {
            msg: secret.bytes(),
            aad: &aad,
        };
        let sealed = cipher(&derived)
            .encrypt((&nonce).into(), payload)
            .expect("the message is far below the cipher's limit");
        Ok(Self {
            header,
            sealed: Hex(sealed),
        })
    }

    pub fn open(&self, passphrase: &str) -> Result<Secret, SealError> {
        let Header {
            version,
            kdf,
            nonce,
            passphrase_check,
            ..
        } = &self.header;
        if *version != VERSION {
            return Err(SealError::Version(*version));
        }
        let derived = kdf.derive(passphrase)?;
        if check_of(&derived) != passphrase_check.0 {
            return Err(SealError::WrongPassphrase);
        }
        let nonce: [u8; 24] = nonce.0.as_slice().try_into().map_err(|_| SealError::Tampered)?;
        let aad = self.header.authenticated();
        let payload = Payload {
            msg: &self.sealed.0,
            aad: &aad,
        };
        let bytes = cipher(&derived)
            .decrypt((&nonce).into(), payload)
            .map_err(|_| SealError::Tampered)?;
        let secret = secret::from_bytes(self.header.origin, bytes).ok_or(SealError::Tampered)?;
        if secret.signing_key().public_key() != self.header.public_key {
            return Err(SealError::Tampered);
        }
        Ok(secret)
    }
}

impl Header {
    /// Its own JSON, whose fields are in a fixed order.
    fn authenticated(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a header has a JSON form")
    }
}

impl Kdf {
    fn derive(&self, passphrase: &str) -> Result<Zeroizing<[u8; 64]>, SealError> {
        if self.memory_kib > MEMORY_KIB_MAX || self.passes > PASSES_MAX || self.lanes > LANES_MAX {
            return Err(SealError::TooMuchWork);
        }
        let mut derived = Zeroizing::new([0; 64]);
        // Whatever else the parameters can be wrong by, no seal of ours has.
        let params =
            Params::new(self.memory_kib, self.passes, self.lanes, Some(64)).map_err(|_| SealError::Tampered)?;
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &self.salt.0, derived.as_mut())
            .map_err(|_| SealError::Tampered)?;
        Ok(derived)
    }
}

fn cipher(derived: &[u8; 64]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new_from_slice(&derived[..32]).expect("a key has 32 bytes")
}

fn check_of(derived: &[u8; 64]) -> Vec<u8> {
    Sha256::new_with_prefix("causeway/keystore-check/1")
        .chain_update(&derived[32..])
        .finalize()
        .to_vec()
}
