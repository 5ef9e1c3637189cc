//! A command or a response for people.

use serde_json::{Value, json};

use super::{Finding, bytes_of, objects};
use crate::emv::{
    apdu::{Command, CryptogramKind, Request, Response, StatusWord},
    tags::meaning,
    tlv::{Limits, read_tree},
};

/// Instructions that are known by name alone: their data is not shown, since VERIFY and PIN CHANGE carry a PIN.
const NAMES: [(u8, &str); 10] = [
    (0x16, "CARD BLOCK"),
    (0x18, "APPLICATION UNBLOCK"),
    (0x1e, "APPLICATION BLOCK"),
    (0x20, "VERIFY"),
    (0x24, "PIN CHANGE/UNBLOCK"),
    (0x2a, "COMPUTE CRYPTOGRAPHIC CHECKSUM"),
    (0x84, "GET CHALLENGE"),
    (0x88, "INTERNAL AUTHENTICATE"),
    (0xc0, "GET RESPONSE"),
    (0xda, "PUT DATA"),
];

/// Of a command `{"valid", "kind": "command", "class", "instruction", "p1", "p2", "data_bytes", "expected_bytes",
/// "request": {"name", …}, "violations", "remarks"}`, of a response `{"valid", "kind": "response", "status", "meaning",
/// "success", "data_bytes", "objects", "violations", "remarks"}`, in hexadecimal digits between which there may be
/// spaces; `kind` is null of what is neither. Bytes that could be both are a command if an application would take it, or
/// if they are no response whose data is data objects. The data of commands that are known by name alone is not shown.
pub fn apdu(text: &str) -> Value {
    let bytes = match bytes_of(text) {
        Ok(bytes) => bytes,
        Err(finding) => return neither(vec![finding]),
    };
    match (Command::parse(&bytes), Response::parse(&bytes)) {
        (Ok(sent), Ok(got)) if !is_taken(&sent) && is_readable(&got) => response(&got),
        (Ok(sent), _) => command(&sent),
        (Err(_), Ok(got)) => response(&got),
        (Err(no_command), Err(no_response)) => neither(vec![
            Finding::new(no_command.code(), "command", no_command),
            Finding::new(no_response.code(), "response", no_response),
        ]),
    }
}

fn neither(violations: Vec<Finding>) -> Value {
    json!({"valid": false, "kind": null, "violations": violations, "remarks": []})
}

fn is_taken(command: &Command) -> bool {
    Request::of(command).is_ok() || name_of(command).is_some()
}

fn is_readable(response: &Response) -> bool {
    read_tree(response.data(), Limits::STANDARD).is_ok()
}

/// Of a class without secure messaging or with it (ISO/IEC 7816-4, 5.4.1), on the first channel.
fn name_of(command: &Command) -> Option<&'static str> {
    let is_class = matches!(command.class, 0x00 | 0x04 | 0x0c | 0x80 | 0x84 | 0x8c);
    let row = NAMES
        .iter()
        .find(|(instruction, _)| *instruction == command.instruction);
    row.filter(|_| is_class).map(|(_, name)| *name)
}

fn command(command: &Command) -> Value {
    let (request, violations) = match (Request::of(command), name_of(command)) {
        (Ok(request), _) => (described(&request), Vec::new()),
        (Err(_), Some(name)) => (json!({"name": name}), Vec::new()),
        (Err(status), None) => (Value::Null, vec![refused(status)]),
    };
    json!({
        "valid": violations.is_empty(),
        "kind": "command",
        "class": format!("{:02X}", command.class),
        "instruction": format!("{:02X}", command.instruction),
        "p1": format!("{:02X}", command.p1),
        "p2": format!("{:02X}", command.p2),
        "data_bytes": command.data().len(),
        "expected_bytes": command.expected(),
        "request": request,
        "violations": violations,
        "remarks": [],
    })
}

fn refused(status: StatusWord) -> Finding {
    let message = format!("an application answers {status}: {}", status.meaning());
    Finding::new("command_refused", "command", message)
}

fn described(request: &Request<'_>) -> Value {
    let mut shown = match *request {
        Request::Select { name, next } => json!({"aid": hex::encode_upper(name), "next": next}),
        Request::ReadRecord { file, record } => json!({"file": file, "record": record}),
        Request::GetData { tag } => json!({"tag": tag, "tag_name": meaning(tag).map(|row| row.name)}),
        Request::GenerateCryptogram { kind, combined, data } => json!({
            "cryptogram": match kind {
                CryptogramKind::Decline => "aac",
                CryptogramKind::Approve => "tc",
                CryptogramKind::Online => "arqc",
            },
            "combined": combined,
            "data": hex::encode_upper(data),
        }),
        Request::ProcessingOptions { data } | Request::ExternalAuthenticate { data } => {
            json!({"data": hex::encode_upper(data)})
        }
    };
    if let Request::Select { name, .. } = request
        && name.iter().all(u8::is_ascii_graphic)
    {
        shown["text"] = json!(String::from_utf8_lossy(name));
    }
    shown["name"] = json!(request.name());
    shown
}

fn response(response: &Response) -> Value {
    let status = response.status;
    let mut shown = objects(response.data());
    shown["kind"] = json!("response");
    shown["status"] = json!(status.to_string());
    shown["meaning"] = json!(status.meaning());
    shown["success"] = json!(status.is_success());
    shown["data_bytes"] = json!(response.data().len());
    shown
}
