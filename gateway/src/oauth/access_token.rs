use serde::{Deserialize, Serialize};

use super::{
    claims::{Audience, NumericDate, SKEW_SECONDS},
    client::{ClientId, ClientIdFault, TOKEN_ID_BYTES_MAX},
    jwk::{KeySet, thumbprint},
    jws::{self, Compact, JwsFault},
    scope::{ScopeFault, Scopes},
};
use crate::keys::SigningKey;

/// RFC 9068, section 2.1.
const TYPE: &str = "at+jwt";

/// How long a token is good for, in seconds: from 1 to [`Lifetime::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime(u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an access token is good for 1 to {} seconds", Lifetime::MAX.0)]
pub struct LifetimeFault;

impl Lifetime {
    pub const MAX: Self = Self(600);

    pub fn seconds(seconds: u64) -> Result<Self, LifetimeFault> {
        match seconds {
            1..=600 => Ok(Self(seconds)),
            _ => Err(LifetimeFault),
        }
    }

    pub fn as_seconds(self) -> u64 {
        self.0
    }
}

/// Who makes access tokens, and for whom. Has no `Debug`: it has the key.
#[derive(Clone)]
pub struct Issuer {
    /// The claim `iss`: an https URI.
    pub issuer: String,
    /// The claim `aud`: whose API the tokens are for.
    pub audience: String,
    pub key: SigningKey,
}

/// What a client is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub client_id: ClientId,
    pub scopes: Scopes,
    /// Seconds since 1970 in UTC.
    pub issued_at: u64,
    pub lifetime: Lifetime,
    /// The claim `jti`, never given before.
    pub token_id: String,
}

/// RFC 9068, section 2.2. `sub` is the client, as there is no other party to a client's own grant.
#[derive(Serialize)]
struct MadeClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    client_id: &'a str,
    scope: String,
    iat: u64,
    exp: u64,
    jti: &'a str,
}

impl Issuer {
    pub fn issue(&self, grant: &Grant) -> String {
        let client_id = grant.client_id.as_str();
        let claims = MadeClaims {
            iss: &self.issuer,
            sub: client_id,
            aud: &self.audience,
            client_id,
            scope: grant.scopes.to_string(),
            iat: grant.issued_at,
            exp: grant.issued_at.saturating_add(grant.lifetime.0),
            jti: &grant.token_id,
        };
        jws::sign(TYPE, &thumbprint(&self.key.verifying_key()), &claims, &self.key)
    }
}

/// What a token is held against.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    pub issuer: &'a str,
    pub audience: &'a str,
    /// Those of the issuer, by their thumbprints.
    pub keys: &'a KeySet,
    /// Seconds since 1970 in UTC.
    pub now: u64,
}

/// A token of the issuer, for this audience, that is good now. Whether the client is still enabled is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    pub client_id: ClientId,
    pub scopes: Scopes,
    pub token_id: String,
    /// Seconds since 1970 in UTC.
    pub expires_at: u64,
}

/// Why an access token is refused; the first of these that applies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    #[error(transparent)]
    Jws(#[from] JwsFault),
    #[error("the token's type (typ) is not {TYPE}")]
    Type,
    #[error("the token names no key (kid)")]
    KeyIdAbsent,
    #[error("the token's key is none of the issuer's")]
    KeyUnknown,
    #[error("the token's claims are not those of an access token (RFC 9068)")]
    Claims,
    #[error("the token is of another issuer")]
    Issuer,
    #[error("the token is for another audience, or for others too")]
    Audience,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("the token is good for more than {} seconds", Lifetime::MAX.0)]
    LifetimeTooLong,
    #[error(transparent)]
    ClientId(#[from] ClientIdFault),
    #[error("the token's subject (sub) is not its client")]
    Subject,
    #[error("the token's id (jti) is empty or longer than {TOKEN_ID_BYTES_MAX} bytes")]
    TokenId,
    #[error(transparent)]
    Scope(#[from] ScopeFault),
}

#[derive(Deserialize)]
struct ReadClaims {
    iss: String,
    sub: String,
    aud: Audience,
    client_id: String,
    scope: String,
    iat: NumericDate,
    exp: NumericDate,
    jti: String,
}

impl AccessToken {
    /// RFC 9068, section 4. Nothing in the claims is looked at before the signature is known to be good.
    pub fn verify(token: &str, terms: &Terms<'_>) -> Result<Self, TokenFault> {
        let token = Compact::read(token)?;
        if !token.typ.as_deref().is_some_and(is_access_token) {
            return Err(TokenFault::Type);
        }
        let key_id = token.key_id.as_deref().ok_or(TokenFault::KeyIdAbsent)?;
        let key = terms.keys.get(key_id).ok_or(TokenFault::KeyUnknown)?;
        token.verify(key)?;
        let claims: ReadClaims = token.unverified().ok_or(TokenFault::Claims)?;
        claims.hold(terms)?;
        let client_id: ClientId = claims.client_id.parse()?;
        if claims.sub != client_id.as_str() {
            return Err(TokenFault::Subject);
        }
        if claims.jti.is_empty() || claims.jti.len() > TOKEN_ID_BYTES_MAX {
            return Err(TokenFault::TokenId);
        }
        Ok(Self {
            client_id,
            scopes: claims.scope.parse()?,
            token_id: claims.jti,
            expires_at: claims.exp.0,
        })
    }
}

/// Media types are compared without case, and with or without `application/` (RFC 7515, section 4.1.9).
fn is_access_token(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ) == TYPE
}

impl ReadClaims {
    fn hold(&self, terms: &Terms<'_>) -> Result<(), TokenFault> {
        if self.iss != terms.issuer {
            return Err(TokenFault::Issuer);
        }
        if self.aud.as_slice() != [terms.audience] {
            return Err(TokenFault::Audience);
        }
        if self.exp.0 <= terms.now {
            return Err(TokenFault::Expired);
        }
        if self.iat.0 > terms.now.saturating_add(SKEW_SECONDS) {
            return Err(TokenFault::NotYetValid);
        }
        if self.exp.0 > self.iat.0.saturating_add(Lifetime::MAX.0) {
            return Err(TokenFault::LifetimeTooLong);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
