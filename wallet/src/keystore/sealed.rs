//! The format of a key file: a header in the open, and a secret that only the passphrase opens.
//!
//! What the passphrase gives ([`super::passphrase`]) seals the secret and authenticates every field of the header.

use causeway_contracts::keys::PublicKey;
use chacha20poly1305::aead::{Aead, Payload};
use serde::{Deserialize, Serialize};

use super::{
    passphrase::{Cipher, Hex, Kdf, KdfError},
    secret::{self, Secret},
};

/// The only version there is.
const VERSION: u16 = 1;

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

impl From<KdfError> for SealError {
    fn from(error: KdfError) -> Self {
        match error {
            KdfError::TooMuchWork => Self::TooMuchWork,
            KdfError::Parameters => Self::Tampered,
        }
    }
}

impl KeyFile {
    pub fn seal(secret: &Secret, passphrase: &str) -> Result<Self, SealError> {
        let mut nonce = [0; 24];
        getrandom::fill(&mut nonce)?;
        let kdf = Kdf::fresh()?;
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
            passphrase_check: derived.check(),
        };
        let aad = header.authenticated();
        let payload = Payload {
            msg: secret.bytes(),
            aad: &aad,
        };
        let sealed = derived
            .cipher()
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
        if derived.check() != *passphrase_check {
            return Err(SealError::WrongPassphrase);
        }
        let nonce: [u8; 24] = nonce.0.as_slice().try_into().map_err(|_| SealError::Tampered)?;
        let aad = self.header.authenticated();
        let payload = Payload {
            msg: &self.sealed.0,
            aad: &aad,
        };
        let bytes = derived
            .cipher()
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
