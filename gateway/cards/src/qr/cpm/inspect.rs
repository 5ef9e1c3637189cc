//! What a code says, for who wants to see all of it.

use serde_json::{Value, json};

use super::{
    APPLICATION_CHIP_DATA, COMMON_CHIP_DATA, Code, NUMBER, Object, StructureError, TRACK_2, Violation, chip_data,
    decode, number_of_track_2,
    rules::{place, places},
};
use crate::{
    emv::{
        tags::meaning,
        tlv::{Node, Tag, Tlv},
    },
    pan::Pan,
};

/// Objects of which only the length is shown: what tracks hold beside a number, PIN data.
const HIDDEN: [Tag; 5] = [
    Tag::of(0x56),
    Tag::of(0x99),
    Tag::of(0x9f1f),
    Tag::of(0x9f20),
    Tag::of(0x9f6b),
];

/// `{"valid", "structure", "objects": [{"tag", "name", "length", "value", "objects"}], "violations": [{"code", "where",
/// "message"}]}`. `structure` is null or why there is none, and then there are no objects. `value` is in hexadecimal
/// digits; of 57 and 5A the card number's first six and last four digits. 63 and 64 are opened.
pub fn inspect(text: &str) -> Value {
    let text = text.trim_end_matches(['\r', '\n']);
    let bytes = match decode(text) {
        Ok(bytes) => bytes,
        Err(error) => return without_structure(&error),
    };
    let code = match Code::read(&bytes) {
        Ok(code) => code,
        Err(error) => return without_structure(&error),
    };
    let mut violations = code.violations();
    let objects = code.objects.iter().zip(places(&code));
    let objects: Vec<_> = objects
        .map(|(object, place)| outermost(object, &place, &mut violations))
        .collect();
    json!({"valid": violations.is_empty(), "structure": null, "objects": objects, "violations": violations})
}

fn without_structure(error: &StructureError) -> Value {
    let violation = json!({"code": error.code(), "where": "", "message": error.to_string()});
    json!({"valid": false, "structure": error.to_string(), "objects": [], "violations": [violation]})
}

fn outermost(object: &Object<'_>, above: &str, violations: &mut Vec<Violation>) -> Value {
    let mut shown = of_template(&object.tlv, above, violations);
    if !object.inside.is_empty() {
        let mut inner = |tlv| of_template(tlv, &place(above, tlv.tag), violations);
        shown["objects"] = object.inside.iter().map(&mut inner).collect();
    }
    shown
}

/// An object that readers see; chip data is opened.
fn of_template(tlv: &Tlv<'_>, place: &str, violations: &mut Vec<Violation>) -> Value {
    let mut shown = object(tlv);
    if [APPLICATION_CHIP_DATA, COMMON_CHIP_DATA].contains(&tlv.tag) {
        match chip_data(tlv.value) {
            Ok(nodes) => shown["objects"] = nodes.iter().map(node).collect(),
            Err(error) => violations.push(Violation {
                code: "wrong_chip_data",
                place: place.to_owned(),
                message: format!("of its value: {error}"),
            }),
        }
    }
    shown
}

fn node(node: &Node<'_>) -> Value {
    let mut shown = object(&node.object);
    if node.object.tag.is_constructed() {
        shown["objects"] = node.children.iter().map(self::node).collect();
    }
    shown
}

fn object(tlv: &Tlv<'_>) -> Value {
    let mut shown = json!({"tag": tlv.tag, "length": tlv.value.len()});
    if let Some(row) = meaning(tlv.tag) {
        shown["name"] = json!(row.name);
    }
    let value = match tlv.tag {
        TRACK_2 => number_of_track_2(tlv.value).ok().map(|pan| pan.masked()),
        NUMBER => Pan::from_compressed(tlv.value).ok().map(|pan| pan.masked()),
        // What templates hold is shown object by object.
        tag if tag.is_constructed() || HIDDEN.contains(&tag) => None,
        _ => Some(hex::encode_upper(tlv.value)),
    };
    if let Some(value) = value {
        shown["value"] = json!(value);
    }
    shown
}
