use serde::Deserialize;

use super::{
    claims::{Audience, NumericDate, SKEW_SECONDS},
    client::{ClientId, ClientIdFault, TOKEN_ID_BYTES_MAX},
    jwk::KeySet,
    jws::{Compact, JwsFault},
};

/// The value of `client_assertion_type` (RFC 7523, section 2.2).
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// No assertion may be good for longer, so that ids need not be remembered for longer.
pub const ASSERTION_SECONDS_MAX: u64 = 600;

/// An assertion as it came: who says so is known, and whether it is true is not.
#[derive(Debug, Clone)]
pub struct Presented<'a> {
    token: Compact<'a>,
    claims: Claims,
    client_id: ClientId,
}

/// A client's proof of who it is, if its id was not seen from this client before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAssertion {
    pub client_id: ClientId,
    /// The claim `jti`.
    pub token_id: String,
    /// Seconds since 1970 in UTC; until then the id is to be remembered.
    pub expires_at: u64,
}

/// What an assertion is held against.
#[derive(Debug, Clone, Copy)]
pub struct AssertionTerms<'a> {
    /// By which names this server may be meant: its issuer identifier, the address of its token endpoint.
    pub audiences: &'a [&'a str],
    /// Those that the client has registered.
    pub keys: &'a KeySet,
    /// Seconds since 1970 in UTC.
    pub now: u64,
}

/// Why an assertion is refused; the first of these that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionFault {
    #[error(transparent)]
    Jws(#[from] JwsFault),
    #[error("the assertion's type (typ) is that of another kind of token")]
    Type,
    #[error("the assertion's claims are not those of RFC 7523: iss, sub, aud, exp and jti")]
    Claims,
    #[error(transparent)]
    ClientId(#[from] ClientIdFault),
    #[error("the assertion's issuer and subject (iss, sub) are not one client")]
    Subject,
    #[error("the assertion names no key (kid), and the client has several")]
    KeyIdAbsent,
    #[error("the assertion's key is none of the client's")]
    KeyUnknown,
    #[error("the assertion is for another audience")]
    Audience,
    #[error("the assertion is for other audiences too, which could use it here")]
    AudienceNotAlone,
    #[error("the assertion has expired")]
    Expired,
    #[error("the assertion is not valid yet")]
    NotYetValid,
    #[error("the assertion is good for more than {ASSERTION_SECONDS_MAX} seconds from now")]
    LifetimeTooLong,
    #[error("the assertion's id (jti) is empty or longer than {TOKEN_ID_BYTES_MAX} bytes")]
    TokenId,
}

/// RFC 7523, section 3.
#[derive(Debug, Clone, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: NumericDate,
    jti: String,
    iat: Option<NumericDate>,
    nbf: Option<NumericDate>,
}

impl<'a> Presented<'a> {
    pub fn read(assertion: &'a str) -> Result<Self, AssertionFault> {
        let token = Compact::read(assertion)?;
        if !token.typ.as_deref().is_none_or(is_assertion) {
            return Err(AssertionFault::Type);
        }
        let claims: Claims = token.unverified().ok_or(AssertionFault::Claims)?;
        let client_id = claims.iss.parse()?;
        if claims.sub != claims.iss {
            return Err(AssertionFault::Subject);
        }
        Ok(Self {
            token,
            claims,
            client_id,
        })
    }

    /// Whose keys to look up.
    pub fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    pub fn verify(self, terms: &AssertionTerms<'_>) -> Result<ClientAssertion, AssertionFault> {
        let key = match self.token.key_id.as_deref() {
            Some(id) => terms.keys.get(id).ok_or(AssertionFault::KeyUnknown)?,
            None => terms.keys.only().ok_or(AssertionFault::KeyIdAbsent)?,
        };
        self.token.verify(key)?;
        self.claims.hold(terms)?;
        Ok(ClientAssertion {
            client_id: self.client_id,
            token_id: self.claims.jti,
            expires_at: self.claims.exp.0,
        })
    }
}

/// A type need not be given; an access token must not pass for an assertion.
fn is_assertion(typ: &str) -> bool {
    ["jwt", "client-authentication+jwt"]
        .iter()
        .any(|known| typ.eq_ignore_ascii_case(known))
}

impl Claims {
    fn hold(&self, terms: &AssertionTerms<'_>) -> Result<(), AssertionFault> {
        let ours = |audience: &String| terms.audiences.contains(&audience.as_str());
        match self.aud.as_slice() {
            [audience] if ours(audience) => {}
            audiences if audiences.iter().any(ours) => return Err(AssertionFault::AudienceNotAlone),
            _ => return Err(AssertionFault::Audience),
        }
        if self.exp.0 <= terms.now {
            return Err(AssertionFault::Expired);
        }
        let latest = terms.now.saturating_add(SKEW_SECONDS);
        if [self.iat, self.nbf]
            .into_iter()
            .flatten()
            .any(|NumericDate(from)| from > latest)
        {
            return Err(AssertionFault::NotYetValid);
        }
        if self.exp.0 > terms.now.saturating_add(ASSERTION_SECONDS_MAX) {
            return Err(AssertionFault::LifetimeTooLong);
        }
        if self.jti.is_empty() || self.jti.len() > TOKEN_ID_BYTES_MAX {
            return Err(AssertionFault::TokenId);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
