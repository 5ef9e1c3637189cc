//! Messages for people: every field with its name, every violation.

use serde::Serialize;

use super::{Class, Message, Spec, Violation, violation::Refusal};
use crate::pan;

/// Whether card numbers, tracks and PIN blocks are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// As they are: test data only.
    Clear,
    /// Card numbers as 6+4, other secrets not at all.
    Masked,
}

/// What [`inspect`] finds.
#[derive(Debug, Serialize)]
pub struct Inspection {
    pub valid: bool,
    pub variant: String,
    /// Absent if it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_type: Option<String>,
    pub fields: Vec<InspectedField>,
    pub violations: Vec<Violation>,
}

/// One field, its bytes as hexadecimal text where its class is `b`.
#[derive(Debug, Serialize)]
pub struct InspectedField {
    pub field: u8,
    pub name: String,
    pub value: String,
}

/// Why a line holds no message.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    #[error("the line must be the message in hexadecimal digits, or as text where the variant is all text")]
    Neither,
}

/// Inspects a line: a message in hexadecimal digits, or as it is where that is text (variant A). No message type starts
/// with 3, so that `30…` is the hexadecimal form of a text's first digit.
///
/// # Errors
/// The line is neither.
pub fn inspect(spec: &Spec, line: &str, shown: Shown) -> Result<Inspection, LineError> {
    let line = line.trim_end_matches(['\r', '\n']);
    let decoded = hex::decode(line.trim());
    let is_text = spec.reads_text() && line.is_ascii() && !line.starts_with('3');
    match decoded {
        _ if is_text => Ok(describe(spec, line.as_bytes(), shown)),
        Ok(wire) => Ok(describe(spec, &wire, shown)),
        Err(_) => Err(LineError::Neither),
    }
}

/// Inspects a message on the wire.
pub fn describe(spec: &Spec, wire: &[u8], shown: Shown) -> Inspection {
    let (message, mut violations) = match spec.parse(wire) {
        Ok(message) => (message, Vec::new()),
        Err(refusal) => {
            let Refusal { violations, message } = *refusal;
            (message, violations)
        }
    };
    violations.extend(meanings(&message));
    let message_type = (message.message_type().number() > 0).then(|| message.message_type().to_string());
    let fields = message.fields().map(|number| field(spec, &message, number, shown));
    Inspection {
        valid: violations.is_empty(),
        variant: spec.name().to_owned(),
        message_type,
        fields: fields.collect(),
        violations,
    }
}

/// What the fields' formats leave open: times that are none, amounts that are none.
fn meanings(message: &Message) -> Vec<Violation> {
    let checks = [
        message.transmission_time().err(),
        message.local_time().err(),
        message.additional_amounts().err(),
        message.original_elements().err(),
    ];
    checks.into_iter().flatten().collect()
}

fn field(spec: &Spec, message: &Message, number: u8, shown: Shown) -> InspectedField {
    let value = message.get(number).unwrap_or_default();
    let is_bytes = spec.field_class(number) == Some(Class::B);
    InspectedField {
        field: number,
        name: spec.field_name(number).unwrap_or_default().to_owned(),
        value: match (shown, number) {
            (Shown::Masked, 2) => pan::mask(value),
            (Shown::Masked, 35 | 36 | 45 | 48 | 52 | 55) => format!("[{} bytes]", value.len()),
            _ if is_bytes => hex::encode_upper(value),
            _ => String::from_utf8_lossy(value).into_owned(),
        },
    }
}
