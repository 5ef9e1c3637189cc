//! Keys with which the gateway and those it talks to sign: requests, webhooks and access tokens.
//!
//! Signatures are checked by the strict rule (RFC 8032, section 5.1.7, without the cofactor, and no point of
//! small order). The ledger's rule is another (`causeway_contracts::keys`): there, all must agree on every
//! signature; here, each verifier decides alone.
//!
//! What is signed here begins with a quotation mark (HTTP signatures), `ey` (tokens) or a message id (webhooks),
//! what is signed for the ledger with `causeway/`: a signature for one is none for the other.

mod ed25519;
mod shared_secret;

pub use ed25519::{KeyFault, SigningKey, VerifyingKey};
pub use shared_secret::{SECRET_BYTES_MAX, SECRET_BYTES_MIN, SecretFault, SharedSecret};

/// The signature is not good for this key and message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not fit the key and the message")]
pub struct BadSignature;
