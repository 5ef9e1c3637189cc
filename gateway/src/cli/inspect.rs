//! `causeway-gateway inspect`.

use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use causeway_cards::{
    emv,
    iso8583::{self, Shown, Spec},
    pan,
    qr::{cpm, mpm},
};
use causeway_gateway::{
    identifiers::{bic::Bic, iban::Iban, lei::Lei},
    iso20022::{
        inspection::{Inspection, inspect},
        schema::folder::{SchemaFileError, Schemas},
        xml::limits::DOCUMENT_BYTES_MAX,
    },
    reason::Coded,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    args::{Inspect, Values, Variant},
    lines::{self, Line},
};

/// Longer lines hold no identifier.
const LINE_BYTES_MAX: u64 = 1024;

/// Longer ones hold no message of a card or code: each of its bytes takes two digits.
const MESSAGE_LINE_BYTES_MAX: u64 = 4 * iso8583::FRAME_BYTES_MAX as u64;

const OBJECTS_LINE_BYTES_MAX: u64 = emv::inspect::TEXT_BYTES_MAX as u64;

#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    #[error("cannot read {name}")]
    Read {
        name: String,
        #[source]
        source: io::Error,
    },
    #[error("cannot print the result")]
    Print(#[source] io::Error),
    #[error("cannot use the schemas")]
    Schemas(#[from] SchemaFileError),
}

/// Whether all was valid.
pub fn run(what: Inspect) -> Result<bool, InspectError> {
    match what {
        Inspect::Iso20022 { rules, schemas, files } => {
            let mut schemas = schemas.as_deref().map(Schemas::open).transpose()?;
            let mut sources: Vec<Option<PathBuf>> = files.into_iter().map(Some).collect();
            if sources.is_empty() {
                sources.push(None);
            }
            let mut all_valid = true;
            for file in sources {
                let bytes = document(file.as_deref())?;
                let inspection = inspect(&bytes, rules.into(), schemas.as_mut())?;
                all_valid &= inspection.valid;
                print(&OfFile {
                    file: file.as_deref().map(|file| file.display().to_string()),
                    inspection,
                })?;
            }
            Ok(all_valid)
        }
        Inspect::Iban(values) => each(values, "IBAN", |text| coded(Iban::faults(text))),
        Inspect::Bic(values) => each(values, "BIC", |text| coded(Bic::faults(text))),
        Inspect::Lei(values) => each(values, "LEI", |text| coded(Lei::faults(text))),
        Inspect::Qr(values) => each_line(values, MESSAGE_LINE_BYTES_MAX, |line| answered(&mpm::inspect(line))),
        Inspect::Cpm(values) => each_line(values, MESSAGE_LINE_BYTES_MAX, |line| answered(&cpm::inspect(line))),
        Inspect::Tlv(values) => each_line(values, OBJECTS_LINE_BYTES_MAX, |line| {
            answered(&emv::inspect::tlv(line))
        }),
        Inspect::Apdu(values) => each_line(values, OBJECTS_LINE_BYTES_MAX, |line| {
            answered(&emv::inspect::apdu(line))
        }),
        Inspect::Pan(values) => each_line(values, LINE_BYTES_MAX, |line| answered(&pan::inspect(line))),
        Inspect::Iso8583 { variant, values } => {
            let spec = match variant {
                Variant::A => Spec::a(),
                Variant::B => Spec::b(),
            };
            each_line(values, MESSAGE_LINE_BYTES_MAX, |line| card_message(spec, line))
        }
    }
}

#[derive(Serialize)]
struct OfFile {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(flatten)]
    inspection: Inspection,
}

#[derive(Serialize)]
struct OfValue<'a> {
    value: &'a str,
    valid: bool,
    reasons: Vec<ValueReason>,
}

#[derive(Serialize)]
struct ValueReason {
    code: &'static str,
    text: String,
}

fn open(file: Option<&Path>) -> Result<(String, Box<dyn Read>), InspectError> {
    let Some(path) = file else {
        return Ok(("standard input".to_owned(), Box::new(io::stdin())));
    };
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => Ok((name, Box::new(file))),
        Err(source) => Err(InspectError::Read { name, source }),
    }
}

/// One byte more than a document may have, if there are so many, so that it is refused as too large.
fn document(file: Option<&Path>) -> Result<Vec<u8>, InspectError> {
    let (name, source) = open(file)?;
    let mut bytes = Vec::new();
    match source.take(DOCUMENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(source) => Err(InspectError::Read { name, source }),
    }
}

/// Inspects every line that is not blank.
fn each(values: Values, kind: &str, faults: fn(&str) -> Vec<ValueReason>) -> Result<bool, InspectError> {
    each_line(values, LINE_BYTES_MAX, |value| {
        let mut reasons = faults(value);
        for reason in &mut reasons {
            reason.text = format!("the {kind} {}", reason.text);
        }
        let valid = reasons.is_empty();
        print(&OfValue { value, valid, reasons })?;
        Ok(valid)
    })
}

/// Whether `inspect` finds every line valid.
fn each_line(
    values: Values,
    bytes_max: u64,
    inspect: impl Fn(&str) -> Result<bool, InspectError>,
) -> Result<bool, InspectError> {
    let (name, source) = open(values.file.as_deref())?;
    let unread = |source| InspectError::Read {
        name: name.clone(),
        source,
    };
    let mut all_valid = true;
    lines::for_each(&mut BufReader::new(source), bytes_max, unread, |line| {
        all_valid &= match line {
            Line::Whole(line) => inspect(line)?,
            Line::TooLong => answered(&too_long(bytes_max))?,
        };
        Ok(())
    })?;
    Ok(all_valid)
}

fn too_long(bytes_max: u64) -> Value {
    let text = format!("the line has more than {bytes_max} bytes");
    json!({
        "valid": false,
        "reasons": [{"code": "too_long", "text": text}],
        "violations": [{"code": "too_long", "where": "line", "message": text}],
    })
}

fn answered(found: &Value) -> Result<bool, InspectError> {
    print(found)?;
    Ok(found["valid"] == true)
}

fn card_message(spec: &Spec, line: &str) -> Result<bool, InspectError> {
    match iso8583::inspect(spec, line, Shown::Masked) {
        Ok(found) => {
            print(&found)?;
            Ok(found.valid)
        }
        Err(error) => {
            let violation = json!({"code": "line", "where": "line", "message": error.to_string()});
            print(&json!({"valid": false, "variant": spec.name(), "fields": [], "violations": [violation]}))?;
            Ok(false)
        }
    }
}

fn coded(faults: Vec<impl Coded>) -> Vec<ValueReason> {
    let reason = |fault: &dyn Coded| ValueReason {
        code: fault.code(),
        text: fault.to_string(),
    };
    faults.iter().map(|fault| reason(fault)).collect()
}

pub(super) fn print(result: &impl Serialize) -> Result<(), InspectError> {
    let mut line = serde_json::to_vec(result).map_err(|error| InspectError::Print(error.into()))?;
    line.push(b'\n');
    io::stdout().write_all(&line).map_err(InspectError::Print)
}
