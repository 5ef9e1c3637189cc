use std::fmt;

use ed25519_dalek::Signer;
use zeroize::Zeroizing;

use super::BadSignature;

/// Has no `Debug`, `Display` or serialization; its memory is wiped when it is dropped.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// From the 32-byte seed of RFC 8032, section 5.1.5.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// For where it is shown to whom it belongs.
    pub(crate) fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    /// 64 bytes: R, then s (RFC 8032, section 5.1.6).
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

/// A point of the curve, not of small order.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

/// Why a public key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    #[error("an Ed25519 public key has 32 bytes")]
    Length,
    #[error("the bytes are not a point of the curve")]
    NotAPoint,
    #[error("a key of small order fits signatures to any message and is refused")]
    SmallOrder,
}

impl VerifyingKey {
    /// From the 32 bytes of RFC 8032, section 5.1.2.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyFault> {
        let bytes = bytes.try_into().map_err(|_| KeyFault::Length)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| KeyFault::NotAPoint)?;
        if key.is_weak() {
            return Err(KeyFault::SmallOrder);
        }
        Ok(Self(key))
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| BadSignature)?;
        self.0.verify_strict(message, &signature).map_err(|_| BadSignature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyingKey(")?;
        for byte in self.as_bytes() {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_none_are_refused() {
        let check = |bytes: &[u8], expected| assert_eq!(VerifyingKey::from_bytes(bytes).err(), expected, "{bytes:?}");
        let key = SigningKey::from_seed(&[7; 32]).verifying_key();
        check(key.as_bytes(), None);
        check(&key.as_bytes()[1..], Some(KeyFault::Length));
        check(&[2; 32], Some(KeyFault::NotAPoint));
        let mut identity = [0; 32];
        identity[0] = 1;
        check(&identity, Some(KeyFault::SmallOrder));
    }
}
