//! Access tokens and the clients that ask for them.
//!
//! A client proves who it is by a signed [assertion](ClientAssertion) (RFC 7523) and gets an
//! [access token](AccessToken) (RFC 9068): a JWT (RFC 7519) signed by EdDSA (RFC 8037), whose keys are published as a
//! JWK set (RFC 7517). No other algorithm is known, whatever a token says of itself.
//!
//! Not here: encrypted tokens, other keys than Ed25519, the JSON serialization of JWS.

mod access_token;
mod claims;
mod client;
mod client_assertion;
mod jwk;
mod jws;
mod scope;

pub use access_token::{AccessToken, Grant, Issuer, Lifetime, LifetimeFault, Terms, TokenFault};
pub use claims::SKEW_SECONDS;
pub use client::{ClientId, ClientIdFault, TOKEN_ID_BYTES_MAX};
pub use client_assertion::{
    ASSERTION_SECONDS_MAX, ASSERTION_TYPE, AssertionFault, AssertionTerms, ClientAssertion, Presented,
};
pub use jwk::{Jwk, JwkSet, KEYS_MAX, KeySet, KeySetFault, SET_BYTES_MAX, thumbprint};
pub use jws::{JwsFault, TOKEN_BYTES_MAX};
pub use scope::{Scope, ScopeFault, Scopes};
