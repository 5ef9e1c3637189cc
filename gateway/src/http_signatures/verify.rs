use super::{
    base::{BaseFault, signature_base},
    component::{Component, required},
    content_digest::{DigestFault, verify_content_digest},
    input::Offered,
    key::Key,
    request::Request,
};

/// How far from now `created` may be, on either side. A nonce that is remembered for twice as long is never
/// accepted twice.
pub const WINDOW_SECONDS: u64 = 300;

/// What a signature is held against.
#[derive(Clone, Copy)]
pub struct Acceptance<'a> {
    /// Of the record with the signature's [`Offered::key_id`].
    pub key: &'a Key,
    /// Seconds since 1970 in UTC.
    pub now: u64,
    /// As it came, before any decoding.
    pub body: &'a [u8],
    /// Whether the endpoint asks for an `Idempotency-Key`.
    pub idempotent: bool,
}

/// A request that is what its signer sent, if the nonce was not used with this key before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    pub key_id: String,
    pub nonce: String,
    /// Seconds since 1970 in UTC.
    pub created: u64,
}

/// Why a signature is refused; the first of these that applies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the signature names no key (keyid)")]
    KeyIdAbsent,
    #[error("the signature has no nonce, or an empty one")]
    NonceAbsent,
    #[error("the signature does not say when it was made (created)")]
    CreatedAbsent,
    #[error("the signature was made more than {WINDOW_SECONDS} seconds ago")]
    TooOld,
    #[error("the signature is dated more than {WINDOW_SECONDS} seconds ahead")]
    TooNew,
    #[error("the signature has expired")]
    Expired,
    #[error("the signature says that its algorithm is {said:?}; that of the key is {algorithm}")]
    Algorithm { said: String, algorithm: &'static str },
    #[error("the signature does not cover {component}")]
    NotCovered { component: Component },
    #[error(transparent)]
    Base(#[from] BaseFault),
    #[error("the signature does not fit the request and the key")]
    BadSignature,
    #[error(transparent)]
    Digest(#[from] DigestFault),
}

impl Offered {
    /// RFC 9421, section 3.2, and what this project asks beyond it. The body is hashed last, when its sender is
    /// known.
    pub fn verify(&self, request: &Request<'_>, acceptance: &Acceptance<'_>) -> Result<Authenticated, Refusal> {
        let key_id = self.key_id().ok_or(Refusal::KeyIdAbsent)?;
        let nonce = self.parameters.nonce.as_deref().filter(|nonce| !nonce.is_empty());
        let nonce = nonce.ok_or(Refusal::NonceAbsent)?;
        let created = self.fresh(acceptance.now)?;
        self.of_algorithm(acceptance.key)?;
        for component in required(request, acceptance.body, acceptance.idempotent) {
            if !self.components.contains(&component) {
                return Err(Refusal::NotCovered { component });
            }
        }
        self.fits(request, acceptance.key)?;
        if !acceptance.body.is_empty() || request.has_field(Component::CONTENT_DIGEST) {
            verify_content_digest(request, acceptance.body)?;
        }
        Ok(Authenticated {
            key_id: key_id.to_owned(),
            nonce: nonce.to_owned(),
            created,
        })
    }

    /// Only that the signature is of this request and key: neither its age nor what it covers.
    pub fn fits(&self, request: &Request<'_>, key: &Key) -> Result<(), Refusal> {
        let base = signature_base(request, &self.components, &self.signature_params)?;
        key.verify(base.as_bytes(), &self.signature)
            .map_err(|_| Refusal::BadSignature)
    }

    fn fresh(&self, now: u64) -> Result<u64, Refusal> {
        let created = self.parameters.created.ok_or(Refusal::CreatedAbsent)?;
        // Before 1970 is long ago.
        let created = u64::try_from(created).map_err(|_| Refusal::TooOld)?;
        if created < now.saturating_sub(WINDOW_SECONDS) {
            return Err(Refusal::TooOld);
        }
        if created > now.saturating_add(WINDOW_SECONDS) {
            return Err(Refusal::TooNew);
        }
        let ahead = |expires: i64| u64::try_from(expires).is_ok_and(|expires| now < expires);
        match self.parameters.expires {
            Some(expires) if !ahead(expires) => Err(Refusal::Expired),
            _ => Ok(created),
        }
    }

    fn of_algorithm(&self, key: &Key) -> Result<(), Refusal> {
        match &self.parameters.algorithm {
            Some(said) if said != key.algorithm() => Err(Refusal::Algorithm {
                said: said.clone(),
                algorithm: key.algorithm(),
            }),
            _ => Ok(()),
        }
    }
}
