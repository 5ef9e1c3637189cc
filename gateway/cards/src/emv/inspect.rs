//! Data objects, commands and responses for people: every reason together, and nothing of a card number but 6+4.
//!
//! A *violation* makes it invalid: bytes that are not BER-TLV, no command, no response, or a command that an application
//! refuses. A *remark* does not: a value that is not as [the table](super::tags) says its tag's are, or a primitive tag
//! twice in one template. Tags mean different things to different schemes, so that a remark may be one of a dialect.
//!
//! `where` is the path of tags down to what is meant, then the byte it begins at: `6F/A5/9F38@22`.
//!
//! Card numbers are shown as 6+4, of second tracks only the number so, and of first tracks and PINs nothing.

mod apdu;
mod value;
mod walk;

#[cfg(test)]
mod tests;

pub use apdu::apdu;

use serde::Serialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use walk::walk;

/// Longer lines are not read: what they say is more than a message holds.
pub const TEXT_BYTES_MAX: usize = 16_384;

/// One thing that is wrong, or worth a remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// A stable name for programs.
    code: &'static str,
    #[serde(rename = "where")]
    place: String,
    message: String,
}

impl Finding {
    fn new(code: &'static str, place: impl Into<String>, message: impl ToString) -> Self {
        Self {
            code,
            place: place.into(),
            message: message.to_string(),
        }
    }
}

/// `{"valid", "objects": [{"tag", "name", "format", "source", "offset", "length", "value" | "masked" | "objects", "text",
/// "list"}], "violations": [{"code", "where", "message"}], "remarks"}` of data objects in hexadecimal digits, between
/// which there may be spaces. `name`, `format` and `source` are there where the table has the tag; `text` where the
/// format is one of characters; `list` where the value is a data object list.
pub fn tlv(text: &str) -> Value {
    match bytes_of(text) {
        Ok(bytes) => objects(&bytes),
        Err(finding) => json!({"valid": false, "objects": [], "violations": [finding], "remarks": []}),
    }
}

fn objects(bytes: &[u8]) -> Value {
    let found = walk(bytes);
    json!({
        "valid": found.violations.is_empty(),
        "objects": found.objects,
        "violations": found.violations,
        "remarks": found.remarks,
    })
}

fn bytes_of(text: &str) -> Result<Zeroizing<Vec<u8>>, Finding> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("{} characters, at most {TEXT_BYTES_MAX} are read", text.len());
        return Err(Finding::new("too_long", "text", message));
    }
    let is_digit = |byte: &u8| !byte.is_ascii_whitespace();
    let digits = Zeroizing::new(text.bytes().filter(is_digit).collect::<Vec<_>>());
    if digits.is_empty() {
        return Err(Finding::new(
            "empty",
            "text",
            "there are no bytes, where hexadecimal digits are right",
        ));
    }
    if let Some(at) = digits.iter().position(|byte| !byte.is_ascii_hexdigit()) {
        let message = format!("character {at}, spaces not counted, is no hexadecimal digit");
        return Err(Finding::new("not_hex", "text", message));
    }
    let bytes = hex::decode(&digits).map(Zeroizing::new);
    bytes.map_err(|_| {
        Finding::new(
            "odd_digits",
            "text",
            format!("{} digits, where two make a byte", digits.len()),
        )
    })
}
