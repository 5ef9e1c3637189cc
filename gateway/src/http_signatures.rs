//! HTTP Message Signatures (RFC 9421) of requests, by ed25519 and hmac-sha256.
//!
//! A verifier [reads](read) what a request offers, looks up the key by its id, and [verifies](Offered::verify).
//! The algorithm is that of the key's record, whatever the message says. Refusals come in a fixed order, and the
//! signature base is made only of what is within the [`limits`].
//!
//! Beyond the RFC, a request must be signed over what [`required`] lists, within [`WINDOW_SECONDS`], and with a
//! nonce. That the nonce is new is for the caller to check, per key, over twice that time.
//!
//! Not here: responses, component parameters (`sf`, `key`, `bs`, `req`, `tr`, `name`), `@status`,
//! `@request-target`, `@scheme`, `@query-param`; a request that needs them is refused. `Accept-Signature`.

mod base;
mod component;
mod content_digest;
mod input;
mod key;
mod request;
mod sign;
mod target;
mod verify;

pub use base::BaseFault;
pub use component::{Component, required};
pub use content_digest::{DigestFault, content_digest, verify_content_digest};
pub use input::{InputFault, Offered, read};
pub use key::{Key, SecretKey};
pub use request::Request;
pub use sign::{Draft, DraftFault, SignatureFields, Terms};
pub use target::{TargetFault, TargetUri};
pub use verify::{Acceptance, Authenticated, Refusal, WINDOW_SECONDS};

pub mod limits {
    //! What is longer or more is refused before it is parsed, and what is parsed before it is used.

    /// Of each of `Signature-Input` and `Signature`, all lines of it together.
    pub const SIGNATURE_FIELD_BYTES_MAX: usize = 4096;
    pub const CONTENT_DIGEST_BYTES_MAX: usize = 512;
    /// Of one request.
    pub const SIGNATURES_MAX: usize = 4;
    /// Of one signature.
    pub const COMPONENTS_MAX: usize = 32;
    /// Of one signature.
    pub const PARAMETERS_MAX: usize = 16;
    /// Of a key id, a nonce, a tag.
    pub const PARAMETER_BYTES_MAX: usize = 256;
    pub const TARGET_URI_BYTES_MAX: usize = 8192;
    pub const SIGNATURE_BASE_BYTES_MAX: usize = 65_536;
}

#[cfg(test)]
mod tests;
