use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_STANDARD,
};
use zeroize::Zeroizing;

use crate::keys::{KeyFault, SecretFault, SharedSecret, SigningKey, VerifyingKey};

const SYMMETRIC: &str = "whsec_";
const SIGNING: &str = "whsk_";
const VERIFYING: &str = "whpk_";

/// 128 bytes in base64, and a prefix.
const TEXT_BYTES_MAX: usize = 200;

/// Secrets are in circulation without padding and with loose last bits.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What an endpoint's webhooks are signed with. Has no `Debug`.
#[derive(Clone)]
pub enum SigningSecret {
    /// Signature `v1`: HMAC-SHA256.
    Symmetric(SharedSecret),
    /// Signature `v1a`: ed25519.
    Asymmetric(SigningKey),
}

/// What a receiver verifies webhooks with. Has no `Debug`: it may be a secret.
#[derive(Clone)]
pub enum VerifyingSecret {
    /// Signature `v1`: HMAC-SHA256.
    Symmetric(SharedSecret),
    /// Signature `v1a`: ed25519.
    Asymmetric(VerifyingKey),
}

/// Why a text is no secret of webhooks. Says nothing of the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretTextFault {
    #[error("the secret is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    #[error("the secret begins neither with whsec_ nor with what is a key here ({expected})")]
    Prefix { expected: &'static str },
    #[error("the secret is not in base64")]
    Base64,
    #[error(transparent)]
    Shared(#[from] SecretFault),
    #[error("after whsk_ come a seed of 32 bytes and the public key, or the seed alone")]
    KeyPairLength,
    #[error("after whsk_ comes a public key that is not that of the seed")]
    KeyPairMismatch,
    #[error(transparent)]
    Key(#[from] KeyFault),
}

impl SigningSecret {
    /// The standard asks for 24 to 64 bytes in new secrets; these have 32, which must be random.
    pub fn symmetric(bytes: Zeroizing<[u8; 32]>) -> Self {
        let bytes = Zeroizing::new(bytes.to_vec());
        Self::Symmetric(SharedSecret::new(bytes).expect("32 bytes are a secret"))
    }

    /// `whsec_` or nothing and a shared secret in base64, padded or not; or `whsk_` and 64 bytes in base64: the
    /// ed25519 seed, then the public key, which may be left out.
    pub fn parse(text: &str) -> Result<Self, SecretTextFault> {
        if let Some(pair) = bounded(text)?.strip_prefix(SIGNING) {
            return key_pair(&decoded(pair)?).map(Self::Asymmetric);
        }
        shared(text, SIGNING).map(Self::Symmetric)
    }

    /// As it is shown to whom it belongs, once.
    pub fn to_text(&self) -> Zeroizing<String> {
        let text = |prefix: &str, bytes: &[u8]| {
            let encoded = Zeroizing::new(BASE64_STANDARD.encode(bytes));
            Zeroizing::new([prefix, &encoded].concat())
        };
        match self {
            Self::Symmetric(secret) => text(SYMMETRIC, secret.as_bytes()),
            Self::Asymmetric(key) => {
                let mut pair = Zeroizing::new(key.seed().to_vec());
                pair.extend_from_slice(key.verifying_key().as_bytes());
                text(SIGNING, &pair)
            }
        }
    }

    /// What verifies the signatures of this one.
    pub fn verifying(&self) -> VerifyingSecret {
        match self {
            Self::Symmetric(secret) => VerifyingSecret::Symmetric(secret.clone()),
            Self::Asymmetric(key) => VerifyingSecret::Asymmetric(key.verifying_key()),
        }
    }
}

impl VerifyingSecret {
    /// As [`SigningSecret::parse`], but for `whpk_` and the 32 bytes of a public key.
    pub fn parse(text: &str) -> Result<Self, SecretTextFault> {
        if let Some(key) = bounded(text)?.strip_prefix(VERIFYING) {
            return Ok(Self::Asymmetric(VerifyingKey::from_bytes(&decoded(key)?)?));
        }
        shared(text, VERIFYING).map(Self::Symmetric)
    }

    /// As it is shown to receivers.
    pub fn to_text(&self) -> Zeroizing<String> {
        match self {
            Self::Symmetric(secret) => SigningSecret::Symmetric(secret.clone()).to_text(),
            Self::Asymmetric(key) => {
                let encoded = BASE64_STANDARD.encode(key.as_bytes());
                Zeroizing::new([VERIFYING, &encoded].concat())
            }
        }
    }
}

fn bounded(text: &str) -> Result<&str, SecretTextFault> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(SecretTextFault::TooLong);
    }
    Ok(text)
}

/// Its capacity is taken at once, so that no part of a secret is left where a growing buffer was.
fn decoded(text: &str) -> Result<Zeroizing<Vec<u8>>, SecretTextFault> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(TEXT_BYTES_MAX));
    LENIENT
        .decode_vec(text, &mut bytes)
        .map_err(|_| SecretTextFault::Base64)?;
    Ok(bytes)
}

fn shared(text: &str, expected: &'static str) -> Result<SharedSecret, SecretTextFault> {
    let encoded = text.strip_prefix(SYMMETRIC).unwrap_or(text);
    if encoded.contains('_') {
        return Err(SecretTextFault::Prefix { expected });
    }
    Ok(SharedSecret::new(decoded(encoded)?)?)
}

fn key_pair(bytes: &[u8]) -> Result<SigningKey, SecretTextFault> {
    let (seed, public) = bytes.split_first_chunk().ok_or(SecretTextFault::KeyPairLength)?;
    let key = SigningKey::from_seed(seed);
    match public.len() {
        0 => Ok(key),
        32 if public == key.verifying_key().as_bytes() => Ok(key),
        32 => Err(SecretTextFault::KeyPairMismatch),
        _ => Err(SecretTextFault::KeyPairLength),
    }
}

#[cfg(test)]
mod tests;
