//! The keys that a gateway signs with: its operator's, and those of its customers' accounts, which all come from one
//! secret of its wallet, so that a copy of the wallet is a copy of all of them.

use causeway_contracts::{
    identity::Salt,
    keys::{PublicKey, SecretKey},
};
use causeway_wallet::keystore::Secret;
use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, Payload},
};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::keys::SigningKey;

/// Has no `Debug`.
pub struct Keys {
    operator: SecretKey,
    operator_http: SigningKey,
    custody: Zeroizing<[u8; 32]>,
    sealing: ChaCha20Poly1305,
}

/// What was stored was not sealed by this gateway for this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored secret was sealed with another custody key, or has been changed")]
pub struct NotSealedHere;

const NONCE_BYTES: usize = 12;

impl Keys {
    pub fn new(operator: &Secret, custody: &Secret) -> Self {
        let custody = custody.seed();
        let sealing = derived(&custody, "causeway-gateway/sealing/1", &[]);
        Self {
            operator: operator.signing_key(),
            operator_http: SigningKey::from_seed(&operator.seed()),
            sealing: ChaCha20Poly1305::new((&*sealing).into()),
            custody,
        }
    }

    pub fn operator(&self) -> &SecretKey {
        &self.operator
    }

    /// The same key, for requests to other operators.
    pub fn operator_http(&self) -> &SigningKey {
        &self.operator_http
    }

    pub fn operator_id(&self) -> PublicKey {
        self.operator.public_key()
    }

    /// Of the customer's account that was opened with this salt.
    pub fn account(&self, salt: &Salt) -> SecretKey {
        SecretKey::from_seed(&derived(&self.custody, "causeway-gateway/account/1", salt.as_bytes()))
    }

    /// Signs access tokens.
    pub fn tokens(&self) -> SigningKey {
        SigningKey::from_seed(&derived(&self.custody, "causeway-gateway/tokens/1", &[]))
    }

    /// 128 bits by which whoever has them may follow a remittance.
    pub fn tracker(&self, remittance: &str) -> [u8; 16] {
        let token = derived(&self.custody, "causeway-gateway/tracker/1", remittance.as_bytes());
        *token.first_chunk().expect("32 bytes")
    }

    /// 128 bits by which whoever has them sees an order's checkout page.
    pub fn checkout(&self, order: &str) -> [u8; 16] {
        let token = derived(&self.custody, "causeway-gateway/checkout/1", order.as_bytes());
        *token.first_chunk().expect("32 bytes")
    }

    /// Of a request's body, by which the same request is known: whoever reads it cannot try which card was in it.
    pub fn fingerprint(&self, body: &[u8]) -> [u8; 32] {
        *derived(&self.custody, "causeway-gateway/fingerprint/1", body)
    }

    /// By which a card's or device's number is found again without being stored.
    pub fn number_hash(&self, digits: &[u8]) -> [u8; 32] {
        *derived(&self.custody, "causeway-gateway/card-number/1", digits)
    }

    /// Encrypts what is stored; `place` says where, so that it is of no use elsewhere.
    pub fn seal(&self, place: &str, secret: &[u8]) -> Result<Vec<u8>, getrandom::Error> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        let payload = Payload {
            msg: secret,
            aad: place.as_bytes(),
        };
        let sealed = self.sealing.encrypt((&nonce).into(), payload);
        let mut bytes = nonce.to_vec();
        bytes.extend(sealed.expect("far shorter than the cipher's longest message"));
        Ok(bytes)
    }

    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotSealedHere> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(NotSealedHere)?;
        let payload = Payload {
            msg: sealed,
            aad: place.as_bytes(),
        };
        let opened = self.sealing.decrypt(nonce.into(), payload);
        opened.map(Zeroizing::new).map_err(|_| NotSealedHere)
    }
}

fn derived(secret: &[u8; 32], purpose: &str, of: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(purpose.as_bytes());
    mac.update(&[0]);
    mac.update(of);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(seed: u8) -> Keys {
        let secret = |byte: u8| Secret::Seed(Zeroizing::new([byte; 32]));
        Keys::new(&secret(1), &secret(seed))
    }

    #[test]
    fn what_is_sealed_opens_here_at_its_place_only() {
        let sealed = keys(2).seal("webhooks/a", b"secret").expect("random bytes");
        assert_eq!(&**keys(2).open("webhooks/a", &sealed).expect("sealed so"), b"secret");
        assert_eq!(keys(2).open("webhooks/b", &sealed).err(), Some(NotSealedHere));
        assert_eq!(keys(3).open("webhooks/a", &sealed).err(), Some(NotSealedHere));
        assert_eq!(keys(2).open("webhooks/a", &sealed[..11]).err(), Some(NotSealedHere));
        let mut changed = sealed.clone();
        changed[15] ^= 1;
        assert_eq!(keys(2).open("webhooks/a", &changed).err(), Some(NotSealedHere));
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
    }

    /// Stored: a card whose number hashed otherwise would not be found.
    #[test]
    fn hashes_of_numbers_stay_what_they_are() {
        let hash = keys(2).number_hash(b"9900000000000009");
        assert_ne!(hash, keys(3).number_hash(b"9900000000000009"));
        assert_ne!(hash, keys(2).number_hash(b"9900000000000017"));
        assert_eq!(
            hex::encode(hash),
            "b3f03fc9000b2c094b0a49632c7ef7f3fef411436d39456c7b858327c679cad5"
        );
    }

    /// Stored: an account whose key came out otherwise would be lost.
    #[test]
    fn keys_of_accounts_stay_what_they_are() {
        let key = keys(2).account(&Salt([5; 16])).public_key();
        assert_eq!(key, keys(2).account(&Salt([5; 16])).public_key());
        assert_ne!(key, keys(2).account(&Salt([6; 16])).public_key());
        assert_ne!(key, keys(3).account(&Salt([5; 16])).public_key());
        assert_eq!(
            key.to_string(),
            "ed25519:1883972fd4cb64727e1714d98f91c19d39ab4d4044211befda9ddff2f4af0e8a"
        );
    }
}
