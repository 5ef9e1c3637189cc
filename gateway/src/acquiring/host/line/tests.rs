use causeway_cards::iso8583::MessageType;

use super::*;
use crate::acquiring::{
    host::request::skeleton,
    hsm::Hsm,
    link_key::{
        REPLACED_MS,
        tests::{link_key, module, name},
    },
};

const LINE: LineId = LineId(1);

fn echo() -> Message {
    let mut message = Message::new(MessageType::NETWORK);
    for (field, value) in [(7, "1130011500"), (11, "000001"), (70, "301")] {
        message.set(field, value.as_bytes()).expect("short");
    }
    message
}

fn plain(spec: &'static Spec) -> LinkDialect {
    let mac_keys = Vec::new();
    LinkDialect::new(Dialect { spec, mac_keys })
}

/// Keys of one repeated byte each, and where they are. DES takes no account of a byte's lowest bit.
struct Keys {
    hsm: std::sync::Arc<dyn Hsm>,
    _folder: tempfile::TempDir,
}

impl Keys {
    fn new(bytes: &[u8]) -> Self {
        let (hsm, _folder) = module();
        for byte in bytes {
            link_key(&hsm, &format!("k{byte}"), [*byte; 16]);
        }
        Self { hsm, _folder }
    }

    fn key(&self, byte: u8) -> ModuleKey {
        ModuleKey::new(self.hsm.clone(), name(&format!("k{byte}")))
    }

    fn link(&self, spec: &'static Spec, bytes: &[u8]) -> LinkDialect {
        let mac_keys = bytes.iter().map(|byte| self.key(*byte)).collect();
        LinkDialect::new(Dialect { spec, mac_keys })
    }

    async fn sealed(&self, byte: u8) -> Vec<u8> {
        written(&self.link(Spec::b(), &[byte]), None).await
    }

    async fn is_good(&self, link: &mut LinkDialect, byte: u8, now_ms: u64) -> bool {
        let wire = self.sealed(byte).await;
        matches!(link.read(LINE, &wire, now_ms).await, Arrival::Message(_))
    }

    /// Keys that were retired are deleted soon.
    async fn are_left(&self, expected: &[&str]) {
        loop {
            let names = self.hsm.names().expect("names");
            let left: Vec<_> = names
                .iter()
                .map(|name| name.as_str())
                .filter(|name| *name != "kbpk")
                .collect();
            if left == expected {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

async fn written(link: &LinkDialect, line: Option<LineId>) -> Vec<u8> {
    link.write(line, echo()).await.expect("listed fields")
}

fn is_refused(arrival: &Arrival, with: Outcome) -> bool {
    matches!(arrival, Arrival::Refused(_, outcome) if *outcome == with)
}

#[tokio::test]
async fn a_wrong_or_missing_code_is_refused_and_a_right_one_taken_in_both_variants() {
    for spec in [Spec::a(), Spec::b()] {
        let keys = Keys::new(&[0x13]);
        let mut link = keys.link(spec, &[0x13]);
        let mut wire = written(&link, Some(LINE)).await;
        let read = link.read(LINE, &wire, 0).await;
        assert!(matches!(read, Arrival::Message(message) if message.has(128)));
        let last = wire.len() - 1;
        wire[last] = if wire[last] == b'1' { b'2' } else { b'1' };
        let failed = Outcome::AuthenticationFailed;
        assert!(is_refused(&link.read(LINE, &wire, 0).await, failed));
        let bare = spec.to_bytes(&echo()).expect("listed fields");
        assert!(is_refused(&link.read(LINE, &bare, 0).await, failed));
    }
}

#[tokio::test]
async fn a_module_that_has_lost_the_key_is_a_malfunction() {
    let keys = Keys::new(&[1]);
    let mut link = keys.link(Spec::a(), &[1]);
    let wire = written(&link, None).await;
    keys.hsm.delete(&name("k1")).expect("a key");
    assert!(is_refused(&link.read(LINE, &wire, 0).await, Outcome::SystemMalfunction));
    assert!(matches!(
        link.write(None, echo()).await,
        Err(SealError::Key(HsmError::UnknownKey(_)))
    ));
}

#[tokio::test]
async fn both_keys_are_good_during_a_change_whether_or_not_its_answer_arrives() {
    let keys = Keys::new(&[1, 2, 9]);
    let mut link = keys.link(Spec::b(), &[1]);
    assert!(!keys.is_good(&mut link, 2, 0).await);
    let other = LineId(2);
    link.keys().offer(keys.key(9));
    link.keys().offer(keys.key(2));
    keys.are_left(&["k1", "k2"]).await;
    assert!(keys.is_good(&mut link, 1, 1).await);
    let (old, new) = (keys.sealed(1).await, keys.sealed(2).await);
    assert_eq!(written(&link, Some(LINE)).await, old);
    assert!(matches!(link.read(other, &old, 2).await, Arrival::Message(_)));
    assert!(keys.is_good(&mut link, 2, 10).await);
    assert_eq!(
        written(&link, Some(other)).await,
        old,
        "that connection has not heard of it"
    );
    assert_eq!(written(&link, Some(LINE)).await, new);
    assert!(keys.is_good(&mut link, 1, 9 + REPLACED_MS).await);
    assert!(matches!(
        link.read(LINE, &old, 10 + REPLACED_MS).await,
        Arrival::Refused(..)
    ));
    assert!(keys.is_good(&mut link, 2, 10 + REPLACED_MS).await);
    keys.are_left(&["k2"]).await;
    assert_eq!(written(&link, Some(other)).await, new);
}

#[tokio::test]
async fn a_host_that_starts_with_several_keys_takes_each_until_it_hears_which() {
    let keys = Keys::new(&[1, 2, 4]);
    let mut link = keys.link(Spec::b(), &[1, 2, 4]);
    assert!(keys.is_good(&mut link, 1, 0).await);
    assert_eq!(written(&link, Some(LINE)).await, keys.sealed(1).await);
    let (second, third) = (keys.sealed(2).await, keys.sealed(4).await);
    assert!(matches!(link.read(LINE, &third, 0).await, Arrival::Message(_)));
    keys.are_left(&["k1", "k4"]).await;
    assert!(
        matches!(link.read(LINE, &second, 0).await, Arrival::Refused(..)),
        "was never used"
    );
    assert_eq!(written(&link, Some(LINE)).await, third);
}

#[tokio::test]
async fn a_client_that_starts_with_several_keys_finds_the_hosts() {
    let keys = Keys::new(&[1, 2, 4]);
    let (first, second, third) = (keys.sealed(1).await, keys.sealed(2).await, keys.sealed(4).await);
    let mut link = keys.link(Spec::b(), &[1, 2, 4]);
    link.keys().try_newest();
    for expected in [&third, &second, &first, &third, &second] {
        assert_eq!(&written(&link, None).await, expected);
        link.keys().try_next();
    }
    link.keys().try_next();
    link.keys().try_next();
    assert_eq!(written(&link, None).await, second);
    link.keys().settle(5);
    link.keys().forget_refused();
    keys.are_left(&["k1", "k2", "k4"]).await;
    link.keys().try_next();
    assert_eq!(
        written(&link, None).await,
        third,
        "the one that was replaced is only read"
    );
    assert!(matches!(
        link.read(LINE, &first, 4 + REPLACED_MS).await,
        Arrival::Message(_)
    ));
    assert!(matches!(
        link.read(LINE, &first, 5 + REPLACED_MS).await,
        Arrival::Refused(..)
    ));
}

#[tokio::test]
async fn a_wrong_field_does_not_keep_the_answer_from_being_written() {
    let mut link = plain(Spec::a());
    let wire = written(&link, None).await;
    // Fields 11 and 70 are the last.
    let at = wire.len() - "000001301".len();
    let wrong = [&wire[..at], b"00000x", &wire[at + 6..]].concat();
    let Arrival::Refused(message, Outcome::FormatError) = link.read(LINE, &wrong, 0).await else {
        panic!("field 11 has a letter")
    };
    let answer = skeleton(&message);
    assert!(answer.has(7) && !answer.has(11) && answer.has(70));
    link.write(None, answer).await.expect("fields that were read");
}

#[tokio::test]
async fn what_cannot_be_read_is_a_format_error_if_its_type_can() {
    let mut link = plain(Spec::a());
    let wire = written(&link, None).await;
    let cut = link.read(LINE, &wire[..wire.len() - 1], 0).await;
    assert!(matches!(cut, Arrival::Refused(message, Outcome::FormatError) if message.text(11) == Some("000001")));
    let unknown = [b"0900", &wire[4..]].concat();
    for wire in [unknown.as_slice(), b"08", &[b'0'; 4_097]] {
        assert!(matches!(link.read(LINE, wire, 0).await, Arrival::Unanswerable(_)));
    }
}

#[tokio::test]
async fn a_key_that_was_replaced_brings_no_other_but_is_good_for_all_else() {
    let keys = Keys::new(&[1, 2]);
    let mut link = keys.link(Spec::b(), &[1, 2]);
    for code in ["101", "160"] {
        let mut offer = echo();
        offer.set(48, b"a block").expect("short");
        offer.set(70, code.as_bytes()).expect("short");
        for (byte, is_taken) in [(1, code == "101"), (2, true), (1, false)] {
            let wire = keys.link(Spec::b(), &[byte]).write(None, offer.clone()).await;
            let read = link.read(LINE, &wire.expect("listed fields"), 0).await;
            match read {
                Arrival::Message(_) => assert!(is_taken, "{code} by {byte}"),
                refused => assert!(!is_taken && is_refused(&refused, Outcome::AuthenticationFailed)),
            }
        }
    }
    assert!(keys.is_good(&mut link, 1, 0).await);
}
