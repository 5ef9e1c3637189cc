use crate::keys::{BadSignature, SharedSecret, SigningKey, VerifyingKey};

/// The key of a record, by which signatures are verified. It fixes the algorithm. Has no `Debug`: it may be a
/// secret.
#[derive(Clone)]
pub enum Key {
    /// RFC 9421, section 3.3.6.
    Ed25519(VerifyingKey),
    /// RFC 9421, section 3.3.3.
    HmacSha256(SharedSecret),
}

impl Key {
    /// As in the registry of HTTP signature algorithms (RFC 9421, section 6.2).
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "ed25519",
            Self::HmacSha256(_) => "hmac-sha256",
        }
    }

    pub(super) fn verify(&self, base: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        match self {
            Self::Ed25519(key) => key.verify(base, signature),
            Self::HmacSha256(secret) => secret.verify(base, signature),
        }
    }
}

/// What signatures are made with. Has no `Debug`.
#[derive(Clone)]
pub enum SecretKey {
    Ed25519(SigningKey),
    HmacSha256(SharedSecret),
}

impl SecretKey {
    /// What verifies the signatures made with this one.
    pub fn key(&self) -> Key {
        match self {
            Self::Ed25519(key) => Key::Ed25519(key.verifying_key()),
            Self::HmacSha256(secret) => Key::HmacSha256(secret.clone()),
        }
    }

    pub(super) fn sign(&self, base: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.sign(base).to_vec(),
            Self::HmacSha256(secret) => secret.sign(base).to_vec(),
        }
    }
}
