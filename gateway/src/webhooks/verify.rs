use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    message::{IdFault, MessageId, signed_content},
    secret::VerifyingSecret,
};

/// How far from now the timestamp may be, on either side.
pub const TOLERANCE_SECONDS: u64 = 300;

const SIGNATURE_BYTES_MAX: usize = 4096;
const SIGNATURES_MAX: usize = 16;

/// A webhook as it came: the headers, where they are there, and the body before any decoding.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// `webhook-id`
    pub id: Option<&'a str>,
    /// `webhook-timestamp`
    pub timestamp: Option<&'a str>,
    /// `webhook-signature`
    pub signature: Option<&'a str>,
    pub body: &'a [u8],
}

/// Why a webhook is refused; the first of these that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no webhook-id")]
    IdAbsent,
    #[error("there is no webhook-timestamp")]
    TimestampAbsent,
    #[error("there is no webhook-signature")]
    SignatureAbsent,
    #[error(transparent)]
    Id(#[from] IdFault),
    #[error("the webhook-timestamp is not a number of seconds, in digits alone and without a leading zero")]
    TimestampForm,
    #[error("the webhook was sent more than {TOLERANCE_SECONDS} seconds ago")]
    TooOld,
    #[error("the webhook is dated more than {TOLERANCE_SECONDS} seconds ahead")]
    TooNew,
    #[error("the webhook-signature is longer than {SIGNATURE_BYTES_MAX} bytes")]
    SignatureTooLong,
    #[error("the webhook has more than {SIGNATURES_MAX} signatures")]
    TooManySignatures,
    #[error("no signature fits the webhook and a secret")]
    NoneFits,
}

/// Verifies that one signature is by one of the secrets. What else is in the list does not matter: versions to
/// come, secrets of before. Whether the id, which is returned, was received before is the caller's to know.
///
/// `now`: seconds since 1970 in UTC.
pub fn verify(received: &Received<'_>, secrets: &[VerifyingSecret], now: u64) -> Result<MessageId, Refusal> {
    let id = received.id.ok_or(Refusal::IdAbsent)?;
    let timestamp = received.timestamp.ok_or(Refusal::TimestampAbsent)?;
    let signatures = received.signature.ok_or(Refusal::SignatureAbsent)?;
    let id: MessageId = id.parse()?;
    let timestamp = seconds(timestamp)?;
    if timestamp < now.saturating_sub(TOLERANCE_SECONDS) {
        return Err(Refusal::TooOld);
    }
    if timestamp > now.saturating_add(TOLERANCE_SECONDS) {
        return Err(Refusal::TooNew);
    }
    if signatures.len() > SIGNATURE_BYTES_MAX {
        return Err(Refusal::SignatureTooLong);
    }
    if signatures.split(' ').count() > SIGNATURES_MAX {
        return Err(Refusal::TooManySignatures);
    }
    let content = signed_content(&id, timestamp, received.body);
    let mut signatures = signatures.split(' ');
    if signatures.any(|signature| secrets.iter().any(|secret| fits(signature, secret, &content))) {
        return Ok(id);
    }
    Err(Refusal::NoneFits)
}

/// Only the one form that [`sign`](super::sign) writes, so that what is signed is what came.
fn seconds(text: &str) -> Result<u64, Refusal> {
    let seconds = text.parse::<u64>().map_err(|_| Refusal::TimestampForm)?;
    if seconds.to_string() != text {
        return Err(Refusal::TimestampForm);
    }
    Ok(seconds)
}

fn fits(signature: &str, secret: &VerifyingSecret, content: &[u8]) -> bool {
    let Some((version, encoded)) = signature.split_once(',') else {
        return false;
    };
    let Ok(bytes) = BASE64_STANDARD.decode(encoded) else {
        return false;
    };
    match (version, secret) {
        ("v1", VerifyingSecret::Symmetric(secret)) => secret.verify(content, &bytes).is_ok(),
        ("v1a", VerifyingSecret::Asymmetric(key)) => key.verify(content, &bytes).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
