//! New keys of a link: network management with 70 = 160 (authentication code) or 101 (PIN block), and in field 48 the new key as a key block
//! (TR-31, ANSI X9.143) of version D under a wrapping key that both sides have. ISO 8583:1987 leaves to the parties how keys come;
//! field 53, which has room for no key, is not used.

use causeway_cards::{
    crypto::{CryptoError, tr31::KeyBlockError},
    iso8583::{Message, MessageType, Violation},
};

use super::{Operation, Outcome};
use crate::acquiring::{
    hsm::HsmError,
    link_key::{LinkKey, ModuleKey},
};

/// The message that offers a key for authentication codes, but for its fields 7 and 11.
///
/// # Errors
/// The block is longer than a message may be.
pub fn offer(block: &str) -> Result<Message, Violation> {
    let mut message = Message::new(MessageType::NETWORK);
    message.set(48, block.as_bytes())?;
    message.set(70, b"160")?;
    Ok(message)
}

/// What for a message offers a key, if it does.
pub fn offered(message: &Message) -> Option<Operation> {
    if !message.message_type().is_network() || message.message_type().is_response() {
        return None;
    }
    match message.network_management() {
        Ok(Some(101)) => Some(Operation::PinKey),
        Ok(Some(160)) => Some(Operation::MacKey),
        _ => None,
    }
}

/// Takes the key that a message offers as the next generation, unless it is one of `known`: the current one and those that it has replaced. One
/// that was offered before may come again. When this is done, the module has it.
///
/// # Errors
/// [`Outcome::DuplicateTransmission`] if it is one of `known`;
/// [`Outcome::FormatError`] if field 48 is no key block, or not one of a TDES key of double length for this purpose;
/// [`Outcome::AuthenticationFailed`] if it is not under this wrapping key, or was altered; [`Outcome::SystemMalfunction`] if the module fails.
pub async fn take(message: &Message, key: &LinkKey, known: Vec<ModuleKey>) -> Result<ModuleKey, Outcome> {
    let block = message.text(48).ok_or(Outcome::FormatError)?.to_owned();
    let (key, name) = (key.clone(), key.name.clone());
    let imported = tokio::task::spawn_blocking(move || key.import(&block, &known)).await;
    let imported = imported.map_err(|_| Outcome::SystemMalfunction)?;
    imported.map_err(|error| {
        tracing::warn!(key = %name, error = error.to_string(), "a key of a link is not changed");
        outcome(&error)
    })
}

fn outcome(error: &HsmError) -> Outcome {
    match error {
        HsmError::NoWrapping(_) => Outcome::InvalidTransaction,
        HsmError::Repeated(_) => Outcome::DuplicateTransmission,
        HsmError::Input(CryptoError::KeyBlock(KeyBlockError::Mac)) => Outcome::AuthenticationFailed,
        HsmError::Input(_) | HsmError::KeyBlock(..) | HsmError::Algorithm { .. } | HsmError::LinkAlgorithm { .. } => {
            Outcome::FormatError
        }
        _ => Outcome::SystemMalfunction,
    }
}

#[cfg(test)]
mod tests {
    use causeway_cards::crypto::tr31::{Attributes, Header, RANDOM_BYTES, wrap};

    use super::*;
    use crate::acquiring::link_key::tests::{PROTECTION, link_key, module};

    fn block(version: &str, usage: &str, protection: &[u8], key: &[u8]) -> String {
        let attributes = Attributes {
            version,
            usage,
            algorithm: "T",
            mode_of_use: "C",
            key_version: "00",
            exportability: "N",
        };
        let header = Header::new(attributes).expect("a header");
        wrap(protection, &header, key, None, &[1; RANDOM_BYTES]).expect("a block")
    }

    async fn check(block: &str, expected: Result<&str, Outcome>) {
        let (hsm, _folder) = module();
        let key = link_key(&hsm, "mac", [1; 16]);
        let message = offer(block).expect("short");
        let found = take(&message, &key, key.generations().expect("a key")).await;
        let found = found
            .as_ref()
            .map(|key| key.name().as_str())
            .map_err(|outcome| *outcome);
        assert_eq!(found, expected, "{block}");
    }

    #[tokio::test]
    async fn a_key_is_taken_from_its_block_and_from_nothing_else() {
        check(&block("D", "M3", &PROTECTION, &[5; 16]), Ok("mac.1")).await;
        check(
            &block("D", "M3", &PROTECTION, &[1; 16]),
            Err(Outcome::DuplicateTransmission),
        )
        .await;
        check(
            &block("D", "M3", &[8; 16], &[5; 16]),
            Err(Outcome::AuthenticationFailed),
        )
        .await;
        check(&block("D", "M3", &PROTECTION, &[5; 24]), Err(Outcome::FormatError)).await;
        check(&block("D", "P0", &PROTECTION, &[5; 16]), Err(Outcome::FormatError)).await;
        check(&block("B", "M3", &PROTECTION, &[5; 16]), Err(Outcome::FormatError)).await;
        check("no block", Err(Outcome::FormatError)).await;
    }

    #[tokio::test]
    async fn a_link_without_a_wrapping_key_takes_none() {
        let (hsm, _folder) = module();
        let mut key = link_key(&hsm, "mac", [1; 16]);
        key.wrapping = None;
        let message = offer(&block("D", "M3", &PROTECTION, &[5; 16])).expect("short");
        let taken = take(&message, &key, Vec::new()).await;
        assert_eq!(taken.err(), Some(Outcome::InvalidTransaction));
    }
}
