use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_STANDARD};

use super::secret::SigningSecret;

pub(super) const ID_BYTES_MAX: usize = 128;

/// The value of `webhook-id`, the same for all attempts: visible ASCII without the full stop, which ends it in
/// what is signed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdFault {
    #[error("the webhook's id is empty")]
    Empty,
    #[error("the webhook's id is longer than {ID_BYTES_MAX} bytes")]
    TooLong,
    #[error("the webhook's id has other characters than ASCII's visible ones, or a full stop")]
    Character,
}

impl FromStr for MessageId {
    type Err = IdFault;

    fn from_str(text: &str) -> Result<Self, IdFault> {
        if text.is_empty() {
            return Err(IdFault::Empty);
        }
        if text.len() > ID_BYTES_MAX {
            return Err(IdFault::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.') {
            return Err(IdFault::Character);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Values of the three headers of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    /// `webhook-id`
    pub id: String,
    /// `webhook-timestamp`
    pub timestamp: String,
    /// `webhook-signature`: one for each secret, in order, separated by spaces.
    pub signature: String,
}

/// Signs an attempt to send `body`, with the current secret and, while it is being replaced, the one before.
///
/// `timestamp`: of the attempt, in seconds since 1970 in UTC.
pub fn sign(id: &MessageId, timestamp: u64, body: &[u8], secrets: &[SigningSecret]) -> Headers {
    let content = signed_content(id, timestamp, body);
    let signatures: Vec<_> = secrets.iter().map(|secret| signature(secret, &content)).collect();
    Headers {
        id: id.to_string(),
        timestamp: timestamp.to_string(),
        signature: signatures.join(" "),
    }
}

/// Id, timestamp and body with full stops between them.
pub(super) fn signed_content(id: &MessageId, timestamp: u64, body: &[u8]) -> Vec<u8> {
    let mut content = format!("{id}.{timestamp}.").into_bytes();
    content.extend_from_slice(body);
    content
}

fn signature(secret: &SigningSecret, content: &[u8]) -> String {
    match secret {
        SigningSecret::Symmetric(secret) => format!("v1,{}", BASE64_STANDARD.encode(secret.sign(content))),
        SigningSecret::Asymmetric(key) => format!("v1a,{}", BASE64_STANDARD.encode(key.sign(content))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_end_where_the_first_full_stop_is() {
        let check = |text: &str, expected| assert_eq!(text.parse::<MessageId>().err(), expected, "{text}");
        check("msg_p5jXN8AQM9LWM0D4loKWxJek", None);
        check(&"a".repeat(ID_BYTES_MAX), None);
        check("", Some(IdFault::Empty));
        check(&"a".repeat(ID_BYTES_MAX + 1), Some(IdFault::TooLong));
        for text in ["a.b", "a b", "a\n", "é"] {
            check(text, Some(IdFault::Character));
        }
    }
}
