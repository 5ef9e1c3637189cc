use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::keys::{SigningKey, VerifyingKey};

/// Of a whole token. Looked at before anything is decoded.
pub const TOKEN_BYTES_MAX: usize = 4096;

const ALGORITHM: &str = "EdDSA";

/// Why a text is no token signed by this key (RFC 7515). In this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwsFault {
    #[error("the token is longer than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    #[error("the token is not of three parts with full stops between them")]
    Parts,
    #[error("a part of the token is not in base64url without padding")]
    Base64,
    #[error("the token's header is not a JSON object of the known kind")]
    Header,
    #[error("the token is not signed (alg is none)")]
    AlgorithmNone,
    #[error("the token is signed by a shared secret, where a key pair is asked for")]
    AlgorithmSymmetric,
    #[error("the token is signed by another algorithm than {ALGORITHM}")]
    AlgorithmUnknown,
    #[error("the token's header has extensions that must be understood (crit)")]
    Critical,
    #[error("the token's signature does not fit")]
    BadSignature,
}

/// The protected header (RFC 7515, section 4.1). Keys that are in the token or that it points to (`jwk`, `jku`, `x5c`,
/// `x5u`) are not looked at.
#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    crit: Option<Value>,
}

/// A token in compact form (RFC 7515, section 7.1), not verified yet.
#[derive(Debug, Clone)]
pub(super) struct Compact<'a> {
    pub typ: Option<String>,
    pub key_id: Option<String>,
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Compact<'a> {
    pub fn read(token: &'a str) -> Result<Self, JwsFault> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(JwsFault::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwsFault::Parts)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsFault::Parts)?;
        if payload.contains('.') {
            return Err(JwsFault::Parts);
        }
        let decoded = |part| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsFault::Base64);
        let (header, payload, signature) = (decoded(header)?, decoded(payload)?, decoded(signature)?);
        let header: Header = serde_json::from_slice(&header).map_err(|_| JwsFault::Header)?;
        of_algorithm(&header.alg)?;
        if header.crit.is_some() {
            return Err(JwsFault::Critical);
        }
        Ok(Self {
            typ: header.typ,
            key_id: header.kid,
            signed,
            payload,
            signature,
        })
    }

    /// The payload as it says itself; `None` if it is not of this form.
    pub fn unverified<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.payload).ok()
    }

    pub fn verify(&self, key: &VerifyingKey) -> Result<(), JwsFault> {
        key.verify(self.signed.as_bytes(), &self.signature)
            .map_err(|_| JwsFault::BadSignature)
    }
}

fn of_algorithm(name: &str) -> Result<(), JwsFault> {
    match name {
        ALGORITHM => Ok(()),
        none if none.eq_ignore_ascii_case("none") => Err(JwsFault::AlgorithmNone),
        "HS256" | "HS384" | "HS512" => Err(JwsFault::AlgorithmSymmetric),
        _ => Err(JwsFault::AlgorithmUnknown),
    }
}

/// A token of this type (`typ`), by a key with this id (`kid`).
pub(super) fn sign(typ: &str, key_id: &str, payload: &impl Serialize, key: &SigningKey) -> String {
    #[derive(Serialize)]
    struct Made<'a> {
        alg: &'a str,
        typ: &'a str,
        kid: &'a str,
    }
    let header = Made {
        alg: ALGORITHM,
        typ,
        kid: key_id,
    };
    compact(&json(&header), &json(payload), key)
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("structs of texts and numbers are written as JSON")
}

/// RFC 7515, section 7.1.
pub(super) fn compact(header: &[u8], payload: &[u8], key: &SigningKey) -> String {
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", encode(header), encode(payload));
    let signature = encode(&key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

#[cfg(test)]
mod tests;
