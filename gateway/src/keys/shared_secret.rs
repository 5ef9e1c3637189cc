use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::BadSignature;

/// A shorter one could be guessed.
pub const SECRET_BYTES_MIN: usize = 16;

/// HMAC-SHA256 hashes what is longer than its 64-byte block (RFC 2104, section 2): nothing is gained by more.
pub const SECRET_BYTES_MAX: usize = 128;

/// A secret of two parties, for HMAC-SHA256. Has no `Debug`, `Display` or serialization; its memory is wiped
/// when it is dropped.
#[derive(Clone)]
pub struct SharedSecret(Zeroizing<Vec<u8>>);

/// Why a secret is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretFault {
    #[error("a secret of less than {SECRET_BYTES_MIN} bytes could be guessed")]
    TooShort,
    #[error("a secret has at most {SECRET_BYTES_MAX} bytes")]
    TooLong,
}

impl SharedSecret {
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Result<Self, SecretFault> {
        match bytes.len() {
            ..SECRET_BYTES_MIN => Err(SecretFault::TooShort),
            SECRET_BYTES_MIN..=SECRET_BYTES_MAX => Ok(Self(bytes)),
            _ => Err(SecretFault::TooLong),
        }
    }

    /// For where it is shown to whom it belongs.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn mac(&self, message: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(message);
        mac
    }

    /// HMAC-SHA256 (RFC 2104), 32 bytes.
    pub fn sign(&self, message: &[u8]) -> [u8; 32] {
        self.mac(message).finalize().into_bytes().into()
    }

    /// In constant time. A shortened signature is refused.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        self.mac(message).verify_slice(signature).map_err(|_| BadSignature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_secret_is_bounded() {
        let check = |bytes: usize, expected| {
            assert_eq!(SharedSecret::new(vec![1; bytes].into()).err(), expected, "{bytes}");
        };
        check(0, Some(SecretFault::TooShort));
        check(SECRET_BYTES_MIN - 1, Some(SecretFault::TooShort));
        check(SECRET_BYTES_MIN, None);
        check(SECRET_BYTES_MAX, None);
        check(SECRET_BYTES_MAX + 1, Some(SecretFault::TooLong));
    }

    #[test]
    fn a_shortened_signature_is_refused() {
        let secret = SharedSecret::new(vec![1; 32].into()).expect("a secret");
        let signature = secret.sign(b"message");
        assert_eq!(secret.verify(b"message", &signature), Ok(()));
        assert_eq!(secret.verify(b"message", &signature[..16]), Err(BadSignature));
        assert_eq!(secret.verify(b"massage", &signature), Err(BadSignature));
    }
}
