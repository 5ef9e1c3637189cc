//! What passes from one purse to another on a picture or as sound, told apart by its first message.

use causeway_contracts::offline::{
    encoding::{Malformed, Reader},
    message::{Message, MessageType},
    messages::{Certificate, Request},
    signed::Signed,
};

/// The longest is a bundle of 2,048 bytes.
pub const PAYLOAD_BYTES_MAX: usize = causeway_contracts::offline::bundle::BUNDLE_BYTES_MAX;

/// What a payload is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// REQ and CERT, from the payee.
    Request,
    /// A bundle, from the payer.
    Payment,
    /// RCPT or VOID, from the payee.
    Answer,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Request => "a request for payment, which `causeway offline pay` takes",
            Self::Payment => "a payment, which `causeway offline receive` takes",
            Self::Answer => "a receipt or a void, which `causeway offline settle` takes",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    #[error("{0} bytes, and no message of a purse has more than {PAYLOAD_BYTES_MAX}")]
    TooLong(usize),
    #[error("it is no message of a purse; what is wanted is {}: {source}", wanted.words())]
    NoMessage {
        wanted: Kind,
        #[source]
        source: Malformed,
    },
    #[error("this is {}; what is wanted here is {}", found.words(), wanted.words())]
    Another { found: Kind, wanted: Kind },
    #[error("this is a message between a purse and its issuer ({found:?}); what is wanted is {}", wanted.words())]
    NotBetweenPurses { found: MessageType, wanted: Kind },
    #[error("it is damaged: {0}")]
    Malformed(#[from] Malformed),
}

/// Refuses what is not for this, by its first byte.
pub fn check(payload: &[u8], wanted: Kind) -> Result<(), PayloadError> {
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(PayloadError::TooLong(payload.len()));
    }
    let none = |source| PayloadError::NoMessage { wanted, source };
    let mut reader = Reader::new(payload, PAYLOAD_BYTES_MAX).map_err(none)?;
    let found = match MessageType::read(&mut reader).map_err(none)? {
        MessageType::Request => Kind::Request,
        MessageType::Certificate | MessageType::Grant | MessageType::Transfer => Kind::Payment,
        MessageType::Receipt | MessageType::Void => Kind::Answer,
        other => return Err(PayloadError::NotBetweenPurses { found: other, wanted }),
    };
    if found == wanted {
        Ok(())
    } else {
        Err(PayloadError::Another { found, wanted })
    }
}

/// REQ and CERT; their signatures are for the purse to check.
pub fn request(payload: &[u8]) -> Result<(Signed<Request>, Signed<Certificate>), PayloadError> {
    check(payload, Kind::Request)?;
    Ok(super::element::applet::read_request(payload)?)
}

/// RCPT or VOID.
pub fn answer(payload: &[u8]) -> Result<Message, PayloadError> {
    check(payload, Kind::Answer)?;
    let mut reader = Reader::new(payload, PAYLOAD_BYTES_MAX)?;
    let message = Message::read(&mut reader)?;
    reader.end()?;
    Ok(message)
}

#[cfg(test)]
mod tests;
