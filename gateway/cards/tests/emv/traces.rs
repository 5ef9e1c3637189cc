//! Recorded conversations with cards, and what their peer asserts of them.

use causeway_cards::emv::{
    apdu::{Command, Response, StatusWord, answer},
    tlv::{Limits, Node, Tag, find, read_tree},
};
use causeway_cards::pan::Pan;
use serde_json::Value;

use crate::vectors;

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    traces: usize,
    commands: usize,
    /// Exchanges whose `send` is empty: the command depends on the terminal.
    unrecorded: usize,
    read: usize,
    /// Records of the transaction log, which are no BER-TLV.
    log_records: usize,
    without_data: usize,
}

/// What a trace says of the card.
#[derive(Debug, Default)]
struct Card {
    numbers: Vec<String>,
    applications: Vec<String>,
    counters: Vec<u16>,
}

fn bytes(line: &str) -> Vec<u8> {
    let line = line.split('#').next().unwrap_or_default();
    let digits: String = line.chars().filter(|character| !character.is_whitespace()).collect();
    hex::decode(digits).expect("hex")
}

fn note(card: &mut Card, nodes: &[Node<'_>]) {
    let value = |tag| find(nodes, Tag::of(tag)).map(|node| node.object.value);
    // The second is that of contactless stripe.
    for track in [value(0x57), value(0x9f6b)].into_iter().flatten() {
        let digits = hex::encode_upper(track);
        card.numbers
            .push(digits.split('D').next().expect("a first part").to_owned());
    }
    if let Some(Ok(pan)) = value(0x5a).map(Pan::from_compressed) {
        card.numbers.push(String::from_utf8_lossy(pan.digits()).into_owned());
    }
    card.applications.extend(value(0x84).map(hex::encode_upper));
    card.applications.extend(value(0x4f).map(hex::encode_upper));
    card.counters
        .extend(value(0x9f36).map(|value| u16::from_be_bytes(value.try_into().expect("two bytes"))));
}

fn exchange(sent: &str, answer: &[u8], card: &mut Card, counts: &mut Counts) {
    if sent.is_empty() {
        counts.unrecorded += 1;
    } else {
        Command::parse(&bytes(sent)).expect("a command");
        counts.commands += 1;
    }
    let response = Response::parse(answer).expect("a response");
    if response.status != StatusWord::OK || response.data().is_empty() {
        counts.without_data += 1;
    } else if sent.replace(' ', "").starts_with("00B2") && sent.replace(' ', "").get(6..8) == Some("5C") {
        counts.log_records += 1;
    } else {
        let nodes = read_tree(response.data(), Limits::STANDARD).expect("data objects");
        if matches!(response.data()[0], 0x77 | 0x80) {
            answer::processing_options(response.data()).expect("processing options");
        }
        note(card, &nodes);
        counts.read += 1;
    }
}

fn trace(name: &str, counts: &mut Counts) -> Option<Card> {
    let text = vectors(&format!("devnied-traces/{name}.txt"))?;
    let mut card = Card::default();
    let mut sent = "";
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("send:") {
            sent = command.trim();
        } else if let Some(response) = line.strip_prefix("resp:") {
            exchange(sent, &bytes(response), &mut card, counts);
        }
    }
    counts.traces += 1;
    Some(card)
}

/// The texts between quotes, or the numbers, that a peer asserts of something.
fn asserted(tests: &Value, what: &str) -> Vec<String> {
    let tests = tests.as_array().into_iter().flatten();
    let texts = tests.flat_map(|test| test["assertions"].as_array().into_iter().flatten());
    let texts = texts.filter_map(Value::as_str).filter(|text| text.contains(what));
    texts
        .filter_map(|text| Some(text.split_once("isEqualTo(")?.1.trim_matches('"').to_owned()))
        .collect()
}

#[test]
fn conversations_are_read_and_say_what_is_recorded_of_them() {
    let Some(expected) = vectors("devnied-traces/EXPECTED.json") else {
        return;
    };
    let expected: Value = serde_json::from_str(&expected).expect("JSON");
    let mut counts = Counts::default();
    let mut checked = (0, 0, 0);
    for (name, tests) in expected.as_object().expect("traces") {
        let Some(card) = trace(name, &mut counts) else { return };
        for number in asserted(tests, "getCardNumber()") {
            assert!(card.numbers.contains(&number), "{name}: {number}");
            checked.0 += 1;
        }
        for aid in asserted(tests, "getAid()") {
            assert!(card.applications.contains(&aid), "{name}: {aid}");
            checked.1 += 1;
        }
        for counter in asserted(tests, "getTransactionCounter()") {
            let counter: u16 = counter.parse().expect("a number");
            assert!(card.counters.contains(&counter), "{name}: {counter}");
            checked.2 += 1;
        }
    }
    println!("{counts:?}, {checked:?} numbers, applications and counters");
    let expected = Counts {
        traces: 11,
        commands: 181,
        unrecorded: 135,
        read: 84,
        log_records: 92,
        without_data: 140,
    };
    assert_eq!(counts, expected);
    assert_eq!(checked, (9, 10, 7));
}
