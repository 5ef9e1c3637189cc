use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use sha2::{Digest, Sha256};

use crate::keys::{KeyFault, VerifyingKey};

/// Of a JWK set that is read.
pub const SET_BYTES_MAX: usize = 16_384;
/// Of the keys in a set.
pub const KEYS_MAX: usize = 16;

const KEY_ID_BYTES_MAX: usize = 128;

/// A public Ed25519 key as it is published (RFC 7517; RFC 8037, section 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Jwk {
    kty: &'static str,
    crv: &'static str,
    x: String,
    kid: String,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
}

/// What is published at the address of the set (RFC 7517, section 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    pub keys: Vec<Jwk>,
}

impl Jwk {
    /// With its [`thumbprint`] as id.
    pub fn of(key: &VerifyingKey) -> Self {
        Self {
            kty: "OKP",
            crv: "Ed25519",
            x: BASE64_URL_SAFE_NO_PAD.encode(key.as_bytes()),
            kid: thumbprint(key),
            alg: "EdDSA",
            usage: "sig",
        }
    }
}

/// A key's id: SHA-256 of its required members, in base64url (RFC 7638; RFC 8037, appendix A.3).
pub fn thumbprint(key: &VerifyingKey) -> String {
    let x = BASE64_URL_SAFE_NO_PAD.encode(key.as_bytes());
    let members = format!("{{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"{x}\"}}");
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

/// Ed25519 keys by their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet(Vec<(String, VerifyingKey)>);

/// Why a JWK set is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetFault {
    #[error("the JWK set is longer than {SET_BYTES_MAX} bytes")]
    TooLong,
    #[error("this is not a JWK set: a JSON object with a list \"keys\"")]
    Form,
    #[error("the JWK set has more than {KEYS_MAX} keys")]
    TooManyKeys,
    #[error("the JWK set has no Ed25519 key for signatures")]
    NoKey,
    #[error("the JWK set has a private key (d), which nobody else may ever see; it is to be replaced")]
    Private,
    #[error("an Ed25519 key has no x in base64url")]
    X,
    #[error(transparent)]
    Key(#[from] KeyFault),
    #[error("a key's id is longer than {KEY_ID_BYTES_MAX} bytes")]
    KeyIdTooLong,
    #[error("two keys have the same id")]
    KeyIdTwice,
}

impl KeySet {
    /// Reads a JWK set (RFC 7517, section 5). Keys of other kinds and for other uses are passed over; a key without
    /// an id has its thumbprint.
    pub fn read(json: &[u8]) -> Result<Self, KeySetFault> {
        if json.len() > SET_BYTES_MAX {
            return Err(KeySetFault::TooLong);
        }
        let set: ReadSet = serde_json::from_slice(json).map_err(|_| KeySetFault::Form)?;
        if set.keys.len() > KEYS_MAX {
            return Err(KeySetFault::TooManyKeys);
        }
        let mut keys = Self::default();
        for key in set.keys {
            if key.d.is_some() {
                return Err(KeySetFault::Private);
            }
            if key.is_for_signatures() {
                let (id, key) = key.verifying_key()?;
                keys.add(id, key)?;
            }
        }
        if keys.0.is_empty() {
            return Err(KeySetFault::NoKey);
        }
        Ok(keys)
    }

    fn add(&mut self, id: String, key: VerifyingKey) -> Result<(), KeySetFault> {
        if self.get(&id).is_some() {
            return Err(KeySetFault::KeyIdTwice);
        }
        self.0.push((id, key));
        Ok(())
    }

    pub fn get(&self, id: &str) -> Option<&VerifyingKey> {
        self.0.iter().find(|(known, _)| known == id).map(|(_, key)| key)
    }

    /// The key, if it is the only one.
    pub fn only(&self) -> Option<&VerifyingKey> {
        match self.0.as_slice() {
            [(_, key)] => Some(key),
            _ => None,
        }
    }
}

/// With their thumbprints as ids; the same key twice is there once.
impl FromIterator<VerifyingKey> for KeySet {
    fn from_iter<I: IntoIterator<Item = VerifyingKey>>(keys: I) -> Self {
        let mut set = Self::default();
        for key in keys {
            let id = thumbprint(&key);
            if set.get(&id).is_none() {
                set.0.push((id, key));
            }
        }
        set
    }
}

#[derive(Deserialize)]
struct ReadSet {
    keys: Vec<ReadKey>,
}

#[derive(Deserialize)]
struct ReadKey {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    /// Not kept: it is not ours to have.
    d: Option<IgnoredAny>,
}

impl ReadKey {
    fn is_for_signatures(&self) -> bool {
        self.kty == "OKP"
            && self.crv.as_deref() == Some("Ed25519")
            && self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && self.alg.as_deref().is_none_or(|alg| alg == "EdDSA")
    }

    fn verifying_key(self) -> Result<(String, VerifyingKey), KeySetFault> {
        let x = self.x.ok_or(KeySetFault::X)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(x).map_err(|_| KeySetFault::X)?;
        let key = VerifyingKey::from_bytes(&bytes)?;
        match self.kid {
            Some(id) if id.len() > KEY_ID_BYTES_MAX => Err(KeySetFault::KeyIdTooLong),
            Some(id) => Ok((id, key)),
            None => Ok((thumbprint(&key), key)),
        }
    }
}

#[cfg(test)]
mod tests;
