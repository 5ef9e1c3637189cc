//! How the value of a primitive object is shown.

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::{
    emv::{
        dol::Dol,
        tags::{Format, Meaning, compressed_digits, meaning},
        tlv::Tlv,
    },
    pan,
};

/// Puts `value`, or `masked` where the value must not be shown, and what else it says.
pub(super) fn show(shown: &mut Map<String, Value>, object: &Tlv<'_>, row: Option<&Meaning>) {
    if let Some(masked) = masked(object) {
        shown.insert("masked".into(), json!(masked));
        return;
    }
    shown.insert("value".into(), json!(hex::encode_upper(object.value)));
    match row.map(|row| row.format) {
        Some(Format::A | Format::An | Format::Ans) if is_printable(object.value) => {
            shown.insert("text".into(), json!(String::from_utf8_lossy(object.value)));
        }
        Some(Format::List) => {
            if let Ok(list) = Dol::parse(object.value) {
                shown.insert("list".into(), asked(&list));
            }
        }
        _ => {}
    }
}

fn is_printable(value: &[u8]) -> bool {
    value.iter().all(|byte| (0x20..=0x7e).contains(byte))
}

fn asked(list: &Dol) -> Value {
    let entries = list.entries().iter().map(|entry| {
        let name = meaning(entry.tag).map(|row| row.name);
        json!({"tag": entry.tag, "name": name, "bytes": entry.bytes})
    });
    entries.collect()
}

/// What is shown in place of a card number (5A), of tracks (56, 57, 9F6B), of what tracks hold beside the number (9F1F,
/// 9F20) and of a PIN (99). A star is a digit of a number and of the second track, and a byte of all others.
fn masked(object: &Tlv<'_>) -> Option<String> {
    match object.tag.value() {
        0x5a => {
            let count = compressed_digits(object.value).unwrap_or(2 * object.value.len());
            Some(pan::mask(&halves(object.value)[..count]))
        }
        0x57 | 0x9f6b => Some(track_2(&halves(object.value))),
        0x56 | 0x99 | 0x9f1f | 0x9f20 => Some("*".repeat(object.value.len())),
        _ => None,
    }
}

fn track_2(halves: &[u8]) -> String {
    match halves.iter().position(|half| *half == b'D') {
        Some(at) => pan::mask(&halves[..at]) + "D" + &"*".repeat(halves.len() - at - 1),
        None => "*".repeat(halves.len()),
    }
}

fn halves(value: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(hex::encode_upper(value).into_bytes())
}
