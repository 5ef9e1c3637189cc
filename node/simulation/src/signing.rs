//! How a simulated network signs: as the real one does, or with a keyed hash that costs a hundredth.

use std::{cell::Cell, rc::Rc, sync::Arc};

use causeway_consensus::{Ed25519, Scheme, Signatures};
use causeway_contracts::{
    codec,
    keys::{self, Domain, PublicKey, SecretKey, Signature, Signed},
    ledger::IsGood,
};
use curve25519_dalek::{EdwardsPoint, Scalar, constants::EIGHT_TORSION, edwards::CompressedEdwardsY};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sha2::{Digest, Sha512};

/// Stands for a signature: nobody here makes one with another's key.
#[derive(Debug)]
struct KeyedHash;

impl KeyedHash {
    fn tag(key: &PublicKey, domain: Domain, message: &[u8]) -> Signature {
        let hash = codec::hash(
            "causeway/simulated/1",
            &[domain.tag().as_bytes(), key.as_bytes(), message],
        );
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&hash);
        Signature(signature)
    }
}

fn is_tagged(signed: &Signed<'_>) -> bool {
    signed.signature == KeyedHash::tag(&signed.key, signed.domain, signed.message)
}

impl Scheme for KeyedHash {
    fn sign(&self, key: &SecretKey, domain: Domain, message: &[u8]) -> Signature {
        Self::tag(&key.public_key(), domain, message)
    }

    fn is_good(&self, signed: &Signed<'_>) -> bool {
        is_tagged(signed)
    }
}

/// One of the two, with a count of signatures that are good together and not alone, or the reverse.
#[derive(Debug, Clone)]
pub struct Signing {
    pub scheme: Arc<dyn Scheme>,
    /// By which a ledger judges evidence: the scheme's.
    pub is_good: IsGood,
    rng: Option<ChaCha20Rng>,
    disagreements: Rc<Cell<u64>>,
}

impl Signing {
    pub fn real(seed: u64) -> Self {
        Self {
            scheme: Arc::new(Ed25519),
            is_good: |signed| Ed25519.is_good(signed),
            rng: Some(ChaCha20Rng::seed_from_u64(seed)),
            disagreements: Rc::default(),
        }
    }

    pub fn keyed_hash() -> Self {
        Self {
            scheme: Arc::new(KeyedHash),
            is_good: is_tagged,
            rng: None,
            disagreements: Rc::default(),
        }
    }

    pub fn is_real(&self) -> bool {
        self.rng.is_some()
    }

    pub fn disagreements(&self) -> u64 {
        self.disagreements.get()
    }

    /// A good signature that no honest signer makes: its commitment has a part of small order. Whoever
    /// checks it without the cofactor refuses it (Chalkias, Garillot and Nikolaenko, "Taming the many
    /// EdDSAs", 2020). An ordinary one where signatures are not real.
    pub fn odd(&self, seed: &[u8; 32], domain: Domain, message: &[u8]) -> Signature {
        let key = SecretKey::from_seed(seed);
        if !self.is_real() {
            return self.scheme.sign(&key, domain, message);
        }
        let expanded: [u8; 64] = Sha512::digest(seed).into();
        let mut clamped = [0; 32];
        clamped.copy_from_slice(&expanded[..32]);
        clamped[0] &= 248;
        clamped[31] &= 63;
        clamped[31] |= 64;
        let secret = Scalar::from_bytes_mod_order(clamped);
        let bytes = [domain.tag().as_bytes(), message].concat();
        let nonce = scalar(&[&expanded[32..], &bytes]);
        let commitment = EdwardsPoint::mul_base(&nonce) + EIGHT_TORSION[1];
        let CompressedEdwardsY(r) = commitment.compress();
        let challenge = scalar(&[&r, key.public_key().as_bytes(), &bytes]);
        let s = nonce + challenge * secret;
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r);
        signature[32..].copy_from_slice(s.as_bytes());
        Signature(signature)
    }
}

fn scalar(parts: &[&[u8]]) -> Scalar {
    let mut hash = Sha512::new();
    for part in parts {
        hash.update(part);
    }
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

impl Signatures for Signing {
    fn all_good(&mut self, all: &[Signed<'_>]) -> bool {
        let alone = all.iter().all(|signed| self.scheme.is_good(signed));
        let Some(rng) = &mut self.rng else { return alone };
        let together = keys::all_good(all, rng);
        self.disagreements
            .set(self.disagreements.get() + u64::from(together != alone));
        together
    }

    fn is_good(&mut self, signed: &Signed<'_>) -> bool {
        self.scheme.is_good(signed)
    }
}
