//! Access tokens whose signatures were found good, so that a client's requests do not each need that anew. Whether the
//! client is still enabled is not among it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use sha2::{Digest, Sha256};

use crate::oauth::{AccessToken, Terms, TokenFault};

/// So many are remembered; a token lasts ten minutes at most.
const REMEMBERED_MAX: usize = 4096;

/// By their hashes: what is remembered is of no use to who reads the memory.
#[derive(Default)]
pub struct Tokens(Mutex<HashMap<[u8; 32], AccessToken>>);

impl Tokens {
    /// As [`AccessToken::verify`], always with the same issuer, audience and keys.
    pub fn verify(&self, token: &str, terms: &Terms<'_>) -> Result<AccessToken, TokenFault> {
        let hash: [u8; 32] = Sha256::digest(token).into();
        let known = self.known().get(&hash).cloned();
        if let Some(known) = known.filter(|known| known.expires_at > terms.now) {
            return Ok(known);
        }
        let verified = AccessToken::verify(token, terms)?;
        let mut known = self.known();
        if known.len() >= REMEMBERED_MAX {
            known.retain(|_, token| token.expires_at > terms.now);
        }
        if known.len() < REMEMBERED_MAX {
            known.insert(hash, verified.clone());
        }
        Ok(verified)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], AccessToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        keys::SigningKey,
        oauth::{Grant, Issuer, Jwk, JwkSet, KeySet, Lifetime},
    };

    #[test]
    fn a_token_that_is_known_expires_all_the_same() {
        let key = SigningKey::from_seed(&[7; 32]);
        let set = JwkSet {
            keys: vec![Jwk::of(&key.verifying_key())],
        };
        let keys = KeySet::read(&serde_json::to_vec(&set).unwrap()).unwrap();
        let issuer = Issuer {
            issuer: "https://bank.example".to_owned(),
            audience: "https://bank.example".to_owned(),
            key,
        };
        let token = issuer.issue(&Grant {
            client_id: "client".parse().unwrap(),
            scopes: "quotes:write".parse().unwrap(),
            issued_at: 1_000,
            lifetime: Lifetime::seconds(60).unwrap(),
            token_id: "1".to_owned(),
        });
        let terms = |now| Terms {
            issuer: &issuer.issuer,
            audience: &issuer.audience,
            keys: &keys,
            now,
        };
        let tokens = Tokens::default();
        let first = tokens.verify(&token, &terms(1_000)).unwrap();
        assert_eq!(tokens.known().len(), 1);
        assert_eq!(tokens.verify(&token, &terms(1_059)), Ok(first));
        assert_eq!(tokens.verify(&token, &terms(1_060)), Err(TokenFault::Expired));
        // Another text, another token.
        let forged = format!("{}x", &token[..token.len() - 1]);
        assert!(tokens.verify(&forged, &terms(1_000)).is_err());
        assert_eq!(tokens.known().len(), 1);
    }
}
