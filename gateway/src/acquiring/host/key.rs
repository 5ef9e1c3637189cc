//! New keys of a link: network management with 70 = 160 (authentication code) or 101 (PIN block), and in field 48 the new key as a key block
//! (TR-31, ANSI X9.143) of version B or D under a key that both sides have. ISO 8583:1987 leaves to the parties how keys come; field 53, which
//! has room for no key, is not used.

use causeway_cards::{
    crypto::{
        key::TdesKey,
        tr31::{Header, KeyBlockError, Version, unwrap},
    },
    iso8583::{Message, MessageType},
};

use super::Outcome;

/// What a key in a block is for, as its header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// `M3`: ISO 9797-1 algorithm 3.
    AuthenticationCode,
    /// `P0`.
    PinBlock,
}

impl Usage {
    const fn text(self) -> &'static str {
        match self {
            Self::AuthenticationCode => "M3",
            Self::PinBlock => "P0",
        }
    }

    const fn management(self) -> &'static str {
        match self {
            Self::AuthenticationCode => "160",
            Self::PinBlock => "101",
        }
    }
}

/// The message that offers a key, but for its fields 7 and 11.
///
/// # Errors
/// The block is longer than a message may be.
pub fn offer(usage: Usage, block: &str) -> Result<Message, causeway_cards::iso8583::Violation> {
    let mut message = Message::new(MessageType::NETWORK);
    message.set(48, block.as_bytes())?;
    message.set(70, usage.management().as_bytes())?;
    Ok(message)
}

/// The key that a message offers.
///
/// # Errors
/// [`Outcome::FormatError`] if field 48 is no key block, or not one of a TDES key of double length for this usage;
/// [`Outcome::AuthenticationFailed`] if it is not under this protection key, or was altered.
pub fn offered(message: &Message, usage: Usage, protection: &[u8]) -> Result<TdesKey, Outcome> {
    let block = message.text(48).ok_or(Outcome::FormatError)?;
    let (header, _) = Header::parse(block).map_err(|_| Outcome::FormatError)?;
    let attributes = header.attributes();
    let is_strong = matches!(header.version(), Version::B | Version::D);
    if !is_strong || attributes.usage != usage.text() || attributes.algorithm != "T" {
        return Err(Outcome::FormatError);
    }
    let unwrapped = unwrap(protection, block).map_err(|failed| match failed {
        KeyBlockError::Mac => Outcome::AuthenticationFailed,
        KeyBlockError::ProtectionKey => Outcome::SystemMalfunction,
        _ => Outcome::FormatError,
    })?;
    TdesKey::new(&unwrapped.key).map_err(|_| Outcome::FormatError)
}

#[cfg(test)]
mod tests {
    use causeway_cards::crypto::tr31::{Attributes, RANDOM_BYTES, wrap};

    use super::*;

    fn block(version: &str, usage: &str, key: &[u8]) -> String {
        let attributes = Attributes {
            version,
            usage,
            algorithm: "T",
            mode_of_use: "C",
            key_version: "00",
            exportability: "N",
        };
        let header = Header::new(attributes).expect("a header");
        wrap(&[7; 16], &header, key, None, &[1; RANDOM_BYTES]).expect("a block")
    }

    fn check(block: &str, protection: &[u8], expected: Result<[u8; 16], Outcome>) {
        let message = offer(Usage::AuthenticationCode, block).expect("short");
        let found = offered(&message, Usage::AuthenticationCode, protection);
        assert_eq!(found.map(|key| *key.bytes()), expected);
    }

    #[test]
    fn a_key_is_taken_from_its_block_and_from_nothing_else() {
        for version in ["B", "D"] {
            check(&block(version, "M3", &[5; 16]), &[7; 16], Ok([5; 16]));
            check(
                &block(version, "M3", &[5; 16]),
                &[8; 16],
                Err(Outcome::AuthenticationFailed),
            );
            check(&block(version, "M3", &[5; 24]), &[7; 16], Err(Outcome::FormatError));
            check(&block(version, "P0", &[5; 16]), &[7; 16], Err(Outcome::FormatError));
        }
        check(&block("A", "M3", &[5; 16]), &[7; 16], Err(Outcome::FormatError));
        check("no block", &[7; 16], Err(Outcome::FormatError));
        check(&block("D", "M3", &[5; 16]), &[7; 8], Err(Outcome::SystemMalfunction));
    }
}
