//! What arrives on one connection, from bytes to messages that were read, and back.

use causeway_cards::{
    crypto::{
        key::TdesKey,
        mac::{Padding, equal, retail},
    },
    iso8583::{Fault, Message, Place, Refusal, Spec, Violation},
};

use super::Outcome;

/// One frame's content.
#[derive(Debug)]
pub enum Arrival {
    Message(Message),
    /// To be answered so; what of it could be read.
    Refused(Message, Outcome),
    /// No answer can be written to it: the type is not one of the dialect's, or the head cannot be read. The connection
    /// is closed.
    Unanswerable(Box<Refusal>),
}

/// How messages of a link are written and, if it has a key, sealed (field 64 or 128: ISO 9797-1 algorithm 3, padding
/// method 1, over all bytes before it).
pub struct Dialect {
    pub spec: &'static Spec,
    pub mac_key: Option<TdesKey>,
}

impl Dialect {
    pub fn read(&self, wire: &[u8]) -> Arrival {
        let message = match self.spec.parse(wire) {
            Ok(message) => message,
            Err(refusal) => return refused(refusal),
        };
        match &self.mac_key {
            Some(key) if !self.is_sealed(key, &message, wire) => {
                Arrival::Refused(message, Outcome::AuthenticationFailed)
            }
            _ => Arrival::Message(message),
        }
    }

    /// # Errors
    /// A field that the dialect does not list, or longer than it may be.
    pub fn write(&self, message: &mut Message) -> Result<Vec<u8>, Violation> {
        let Some(key) = &self.mac_key else {
            return self.spec.to_bytes(message);
        };
        let mut wire = Vec::new();
        self.spec
            .build_sealed(message, &mut wire, |covered| code(key, covered))?;
        Ok(wire)
    }

    fn is_sealed(&self, key: &TdesKey, message: &Message, wire: &[u8]) -> bool {
        let covered = self.spec.sealed_bytes(message, wire);
        match (covered, message.authentication_code()) {
            (Ok(covered), Some(given)) => equal(&code(key, covered), &given),
            _ => false,
        }
    }
}

fn code(key: &TdesKey, covered: &[u8]) -> [u8; 8] {
    retail(key, covered, Padding::Method1).expect("a key in memory enciphers every block")
}

fn refused(refusal: Box<Refusal>) -> Arrival {
    let hides_type = |violation: &Violation| {
        violation.place == Place::MessageType || matches!(violation.fault, Fault::MessageTooLong { .. })
    };
    if refusal.violations.iter().any(hides_type) || refusal.message.message_type().number() == 0 {
        return Arrival::Unanswerable(refusal);
    }
    Arrival::Refused(refusal.message, Outcome::FormatError)
}

#[cfg(test)]
mod tests {
    use causeway_cards::iso8583::MessageType;

    use super::*;

    fn echo() -> Message {
        let mut message = Message::new(MessageType::NETWORK);
        for (field, value) in [(7, "1130011500"), (11, "000001"), (70, "301")] {
            message.set(field, value.as_bytes()).expect("short");
        }
        message
    }

    #[test]
    fn a_wrong_or_missing_code_is_refused_and_a_right_one_taken_in_both_variants() {
        for spec in [Spec::a(), Spec::b()] {
            let mac_key = Some(TdesKey::new(&[0x13; 16]).expect("16 bytes"));
            let dialect = Dialect { spec, mac_key };
            let mut wire = dialect.write(&mut echo()).expect("listed fields");
            assert!(matches!(dialect.read(&wire), Arrival::Message(message) if message.has(128)));
            let last = wire.len() - 1;
            wire[last] = if wire[last] == b'1' { b'2' } else { b'1' };
            let failed = Outcome::AuthenticationFailed;
            assert!(matches!(dialect.read(&wire), Arrival::Refused(_, outcome) if outcome == failed));
            let bare = spec.to_bytes(&echo()).expect("listed fields");
            assert!(matches!(dialect.read(&bare), Arrival::Refused(_, outcome) if outcome == failed));
        }
    }

    #[test]
    fn what_cannot_be_read_is_a_format_error_if_its_type_can() {
        let dialect = Dialect {
            spec: Spec::a(),
            mac_key: None,
        };
        let wire = dialect.write(&mut echo()).expect("listed fields");
        let cut = dialect.read(&wire[..wire.len() - 1]);
        assert!(matches!(cut, Arrival::Refused(message, Outcome::FormatError) if message.text(11) == Some("000001")));
        let unknown = [b"0900", &wire[4..]].concat();
        assert!(matches!(dialect.read(&unknown), Arrival::Unanswerable(_)));
        assert!(matches!(dialect.read(b"08"), Arrival::Unanswerable(_)));
        assert!(matches!(dialect.read(&[b'0'; 4_097]), Arrival::Unanswerable(_)));
    }
}
