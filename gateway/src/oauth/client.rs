use std::{fmt, str::FromStr};

const CLIENT_ID_BYTES_MAX: usize = 128;

/// Of the claim `jti`.
pub const TOKEN_ID_BYTES_MAX: usize = 128;

/// Who asks: printable ASCII (RFC 6749, appendix A.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientIdFault {
    #[error("the client's id is empty")]
    Empty,
    #[error("the client's id is longer than {CLIENT_ID_BYTES_MAX} bytes")]
    TooLong,
    #[error("the client's id has other characters than ASCII's printable ones")]
    Character,
}

impl ClientId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = ClientIdFault;

    fn from_str(text: &str) -> Result<Self, ClientIdFault> {
        if text.is_empty() {
            return Err(ClientIdFault::Empty);
        }
        if text.len() > CLIENT_ID_BYTES_MAX {
            return Err(ClientIdFault::TooLong);
        }
        if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(ClientIdFault::Character);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_ids_are_printable_and_short() {
        let check = |text: &str, expected| assert_eq!(text.parse::<ClientId>().err(), expected, "{text}");
        check("client_019", None);
        check(&"a".repeat(CLIENT_ID_BYTES_MAX), None);
        check("", Some(ClientIdFault::Empty));
        check(&"a".repeat(CLIENT_ID_BYTES_MAX + 1), Some(ClientIdFault::TooLong));
        check("a\nb", Some(ClientIdFault::Character));
        check("é", Some(ClientIdFault::Character));
    }
}
