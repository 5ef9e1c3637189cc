use base64::{Engine, prelude::BASE64_STANDARD};
use sfv::{BareItem, Dictionary, ListEntry, Parser, Version};
use sha2::{Digest, Sha256};

use super::{component::Component, limits::CONTENT_DIGEST_BYTES_MAX, request::Request};

/// Why a body is not what its `Content-Digest` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DigestFault {
    #[error("there is no Content-Digest")]
    Absent,
    #[error("the Content-Digest is longer than {CONTENT_DIGEST_BYTES_MAX} bytes")]
    TooLong,
    #[error("the Content-Digest is no dictionary of byte sequences (RFC 9530, section 2)")]
    Syntax,
    #[error("the Content-Digest has no sha-256")]
    NoSha256,
    #[error("the body is not the one whose sha-256 the Content-Digest gives")]
    OtherBody,
}

/// The value of `Content-Digest` with the SHA-256 of the body's raw bytes (RFC 9530, section 2).
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", BASE64_STANDARD.encode(Sha256::digest(body)))
}

/// Other algorithms may be there too and are not looked at.
pub fn verify_content_digest(request: &Request<'_>, body: &[u8]) -> Result<(), DigestFault> {
    let value = request
        .field(Component::CONTENT_DIGEST, CONTENT_DIGEST_BYTES_MAX)
        .map_err(|_| DigestFault::TooLong)?
        .ok_or(DigestFault::Absent)?;
    let parser = Parser::new(&value).with_version(Version::Rfc8941);
    let digests = parser.parse::<Dictionary>().map_err(|_| DigestFault::Syntax)?;
    let Some(digest) = digests.get("sha-256") else {
        return Err(DigestFault::NoSha256);
    };
    let ListEntry::Item(item) = digest else {
        return Err(DigestFault::Syntax);
    };
    let BareItem::ByteSequence(digest) = &item.bare_item else {
        return Err(DigestFault::Syntax);
    };
    if digest.as_slice() != Sha256::digest(body).as_slice() {
        return Err(DigestFault::OtherBody);
    }
    Ok(())
}
