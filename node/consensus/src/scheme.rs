//! How validators sign.

use std::fmt::Debug;

use causeway_contracts::keys::{Domain, SecretKey, Signature, Signed};

/// Makes and checks signatures. The network's is [`Ed25519`]; a simulation of very many heights takes
/// one that costs less.
pub trait Scheme: Debug + Send + Sync {
    fn sign(&self, key: &SecretKey, domain: Domain, message: &[u8]) -> Signature;

    fn is_good(&self, signed: &Signed<'_>) -> bool;
}

/// By the one rule of [`causeway_contracts::keys`].
#[derive(Debug, Clone, Copy)]
pub struct Ed25519;

impl Scheme for Ed25519 {
    fn sign(&self, key: &SecretKey, domain: Domain, message: &[u8]) -> Signature {
        key.sign(domain, message)
    }

    fn is_good(&self, signed: &Signed<'_>) -> bool {
        signed.verify().is_ok()
    }
}
