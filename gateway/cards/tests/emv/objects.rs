//! Calls of pyemv that read and write data objects, and what it answered.

use causeway_cards::emv::tlv::{Limits, Node, Tag, TagError, TlvError, Writer, read_tree};
use serde_json::{Map, Value, json};

use crate::vectors;

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    read: usize,
    refused: usize,
    written: usize,
    refused_tags: usize,
    /// The peer reads the length 80 as none; here it is the indefinite length, and refused.
    indefinite: usize,
    /// With `simple`, the peer writes lengths from 80 on in one byte, which is no BER.
    no_ber: usize,
    /// The peer is given what a caller in Rust cannot give.
    other_types: usize,
}

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("a text");
    hex::decode(text.strip_prefix("hex:").unwrap_or(text)).expect("hex")
}

/// As the peer answers: values by tag, those of templates within them.
fn nested(nodes: &[Node<'_>], prefix: &str) -> Value {
    let one = |node: &Node<'_>| {
        let value = if node.object.tag.is_constructed() {
            nested(&node.children, prefix)
        } else {
            json!(format!("{prefix}{}", hex::encode_upper(node.object.value)))
        };
        (node.object.tag.to_string(), value)
    };
    Value::Object(nodes.iter().map(one).collect())
}

/// All values in one level, the last of a tag.
fn flat(nodes: &[Node<'_>], prefix: &str) -> Map<String, Value> {
    let mut all = Map::new();
    for node in nodes {
        if node.object.tag.is_constructed() {
            all.extend(flat(&node.children, prefix));
        } else {
            let value = format!("{prefix}{}", hex::encode_upper(node.object.value));
            all.insert(node.object.tag.to_string(), json!(value));
        }
    }
    all
}

fn write(writer: &mut Writer, nodes: &[Node<'_>]) {
    for node in nodes {
        if node.object.tag.is_constructed() {
            writer.constructed(node.object.tag, |writer| write(writer, &node.children));
        } else {
            writer.primitive(node.object.tag, node.object.value);
        }
    }
}

fn decode(call: &Value, counts: &mut Counts) {
    let data = bytes(&call["args"]["data"]);
    let read = read_tree(&data, Limits::STANDARD);
    if data == [0x9c, 0x80] {
        assert_eq!(
            read,
            Err(TlvError::LengthIndefinite {
                tag: Tag::of(0x9c),
                offset: 1
            })
        );
        counts.indefinite += 1;
    } else if call.get("error").is_some() {
        let error = read.expect_err("the peer refuses it");
        let said = call["error"].as_str().expect("a text");
        let code = match said {
            _ if said.contains("Tag malformed") => "tag_truncated",
            _ if said.contains("Tag length malformed") => "length_truncated",
            _ => "value_truncated",
        };
        assert_eq!(error.code(), code, "{said}");
        assert!(said.contains(&format!("offset {}.", error.offset())), "{said}: {error}");
        counts.refused += 1;
    } else {
        let nodes = read.expect("the peer reads it");
        let prefix = if call["args"]["convert"].is_null() { "hex:" } else { "" };
        let answer = if call["args"]["flatten"] == true {
            Value::Object(flat(&nodes, prefix))
        } else {
            nested(&nodes, prefix)
        };
        assert_eq!(answer, call["result"], "{call}");
        counts.read += 1;
    }
}

/// Objects of JSON have no order, so that what is written is what was read of the peer's bytes, whose objects are those
/// it was asked to write.
fn encode(call: &Value, counts: &mut Counts) {
    let asked = &call["args"]["tlv"];
    if call.get("error").is_some() {
        let (tag, value) = asked.as_object().and_then(|all| all.iter().next()).expect("one object");
        match tag.parse::<Tag>() {
            Err(error) => {
                assert!(matches!(
                    (tag.as_str(), error),
                    ("00X", TagError::NotHex) | ("9F", TagError::Truncated)
                ));
                counts.refused_tags += 1;
            }
            Ok(_) if value.is_array() => counts.other_types += 1,
            Ok(_) => {
                assert_eq!(call["args"]["simple"], true);
                counts.no_ber += 1;
            }
        }
        return;
    }
    let expected = bytes(&call["result"]);
    let nodes = match read_tree(&expected, Limits::STANDARD) {
        Err(error) => {
            assert_eq!(call["args"]["simple"], true, "{error}");
            assert!(
                matches!(error.code(), "length_indefinite" | "length_too_long"),
                "{error}"
            );
            counts.no_ber += 1;
            return;
        }
        Ok(nodes) => nodes,
    };
    let with_prefix = asked.to_string().contains("hex:");
    let read = nested(&nodes, if with_prefix { "hex:" } else { "" });
    assert_eq!(&read, asked, "{call}");
    let mut writer = Writer::new();
    write(&mut writer, &nodes);
    assert_eq!(writer.into_bytes(), expected, "{call}");
    counts.written += 1;
}

#[test]
fn objects_are_read_and_written_as_recorded() {
    let Some(calls) = vectors("pyemv_tlv.json") else {
        return;
    };
    let calls: Vec<Value> = serde_json::from_str(&calls).expect("JSON");
    let mut counts = Counts::default();
    for call in &calls {
        match call["fn"].as_str() {
            Some("pyemv.tlv.decode") => decode(call, &mut counts),
            Some("pyemv.tlv.encode") => encode(call, &mut counts),
            other => panic!("{other:?} is no call that is known"),
        }
    }
    println!("{} calls: {counts:?}", calls.len());
    let expected = Counts {
        read: 18,
        refused: 10,
        written: 21,
        refused_tags: 2,
        indefinite: 1,
        no_ber: 3,
        other_types: 4,
    };
    assert_eq!(counts, expected);
}
