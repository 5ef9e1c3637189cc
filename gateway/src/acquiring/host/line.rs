//! What arrives on one connection, from bytes to messages that were read, and back.

use std::collections::HashMap;

use causeway_cards::{
    crypto::{
        key::TdesKey,
        mac::{Padding, equal, retail},
    },
    iso8583::{Fault, Message, Place, Refusal, Spec, Violation},
};

use super::{LineId, Outcome};

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

/// A link's dialect while its key may change.
///
/// A key that was offered (0800/160) is good beside the one before it: messages are written with the old one until the first arrives
/// that is sealed with the new one, so that it does not matter whether the answer to the offer arrives. The old one is then
/// good for a while longer, on the connections where what was heard last is sealed with it.
pub struct LinkDialect {
    dialect: Dialect,
    offered: Option<TdesKey>,
    replaced: Option<(TdesKey, u64)>,
    switches: u64,
    /// By which key each connection's last message was sealed: how many switches were before it.
    heard: HashMap<LineId, u64>,
}

/// How long a key that was replaced is still good.
pub const REPLACED_MS: u64 = 60_000;

impl LinkDialect {
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            offered: None,
            replaced: None,
            switches: 0,
            heard: HashMap::new(),
        }
    }

    pub fn closed(&mut self, line: LineId) {
        self.heard.remove(&line);
    }

    pub fn spec(&self) -> &'static Spec {
        self.dialect.spec
    }

    pub fn is_keyed(&self) -> bool {
        self.dialect.mac_key.is_some()
    }

    /// Takes a key on, in place of one that was offered before and not used.
    pub fn offer(&mut self, key: TdesKey) {
        self.offered = Some(key);
    }

    /// Writes with the offered key from now on: whoever gave it knows that the other side has it.
    pub fn switch(&mut self, now_ms: u64) {
        if let Some(key) = self.offered.take() {
            let replaced = self.dialect.mac_key.replace(key);
            self.replaced = replaced.map(|key| (key, now_ms + REPLACED_MS));
            self.switches += 1;
        }
    }

    pub fn read(&mut self, line: LineId, wire: &[u8], now_ms: u64) -> Arrival {
        self.replaced.take_if(|(_, until_ms)| *until_ms <= now_ms);
        let arrival = self.dialect.read(wire);
        if !self.is_keyed() {
            return arrival;
        }
        let (message, switches) = match arrival {
            Arrival::Message(message) => (message, self.switches),
            Arrival::Refused(message, Outcome::AuthenticationFailed) => match self.other_key(&message, wire, now_ms) {
                Some(switches) => (message, switches),
                None => return Arrival::Refused(message, Outcome::AuthenticationFailed),
            },
            refused => return refused,
        };
        self.heard.insert(line, switches);
        Arrival::Message(message)
    }

    /// By how many switches the key was made current with which this is sealed, if it is the offered or the replaced one.
    fn other_key(&mut self, message: &Message, wire: &[u8], now_ms: u64) -> Option<u64> {
        let is_sealed = |key: &TdesKey| self.dialect.is_sealed(key, message, wire);
        if self.offered.as_ref().is_some_and(is_sealed) {
            self.switch(now_ms);
            return Some(self.switches);
        }
        let is_old = self.replaced.as_ref().is_some_and(|(key, _)| is_sealed(key));
        is_old.then(|| self.switches - 1)
    }

    /// # Errors
    /// As [`Dialect::write`].
    pub fn write(&self, line: LineId, message: &mut Message) -> Result<Vec<u8>, Violation> {
        let is_behind = self.heard.get(&line).is_some_and(|switches| *switches < self.switches);
        match &self.replaced {
            Some((key, _)) if is_behind => self.dialect.seal(key, message),
            _ => self.dialect.write(message),
        }
    }
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
        match &self.mac_key {
            Some(key) => self.seal(key, message),
            None => self.spec.to_bytes(message),
        }
    }

    fn seal(&self, key: &TdesKey, message: &mut Message) -> Result<Vec<u8>, Violation> {
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

/// Without the fields that are not what they should be: an answer that repeats those could not be written.
fn refused(mut refusal: Box<Refusal>) -> Arrival {
    let hides_type = |violation: &Violation| {
        violation.place == Place::MessageType || matches!(violation.fault, Fault::MessageTooLong { .. })
    };
    if refusal.violations.iter().any(hides_type) || refusal.message.message_type().number() == 0 {
        return Arrival::Unanswerable(refusal);
    }
    for violation in &refusal.violations {
        if let Place::Field(number) = violation.place {
            refusal.message.remove(number);
        }
    }
    Arrival::Refused(refusal.message, Outcome::FormatError)
}

#[cfg(test)]
mod tests {
    use causeway_cards::iso8583::MessageType;

    use super::*;
    use crate::acquiring::host::request::skeleton;

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
    fn both_keys_are_good_during_a_change_whether_or_not_its_answer_arrives() {
        let key = |byte| TdesKey::new(&[byte; 16]).expect("16 bytes");
        let dialect = |byte| Dialect {
            spec: Spec::b(),
            mac_key: Some(key(byte)),
        };
        let sealed = |byte| dialect(byte).write(&mut echo()).expect("listed fields");
        let is_good = |line: &mut LinkDialect, byte, now_ms| {
            matches!(line.read(LineId(1), &sealed(byte), now_ms), Arrival::Message(_))
        };
        let written = |line: &LinkDialect, id| line.write(LineId(id), &mut echo()).expect("listed fields");
        let mut line = LinkDialect::new(dialect(1));
        assert!(!is_good(&mut line, 2, 0));
        line.offer(key(9));
        line.offer(key(2));
        assert!(!is_good(&mut line, 9, 1), "another was offered since");
        assert!(is_good(&mut line, 1, 1));
        assert_eq!(written(&line, 1), sealed(1));
        assert!(matches!(line.read(LineId(2), &sealed(1), 2), Arrival::Message(_)));
        assert!(is_good(&mut line, 2, 10));
        assert_eq!(written(&line, 2), sealed(1), "that connection has not heard of it");
        assert_eq!(written(&line, 1), sealed(2));
        assert!(is_good(&mut line, 1, 9 + REPLACED_MS));
        assert!(!is_good(&mut line, 1, 10 + REPLACED_MS));
        assert!(is_good(&mut line, 2, 10 + REPLACED_MS));
    }

    #[test]
    fn a_wrong_field_does_not_keep_the_answer_from_being_written() {
        let dialect = Dialect {
            spec: Spec::a(),
            mac_key: None,
        };
        let wire = dialect.write(&mut echo()).expect("listed fields");
        // Fields 11 and 70 are the last.
        let at = wire.len() - "000001301".len();
        let wrong = [&wire[..at], b"00000x", &wire[at + 6..]].concat();
        let Arrival::Refused(message, Outcome::FormatError) = dialect.read(&wrong) else {
            panic!("field 11 has a letter")
        };
        let mut answer = skeleton(&message);
        assert!(answer.has(7) && !answer.has(11) && answer.has(70));
        dialect.write(&mut answer).expect("fields that were read");
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
