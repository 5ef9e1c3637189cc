//! `causeway-gateway crypto`.

use std::io;

use causeway_cards::crypto::command::{CommandError, command};
use serde_json::{Value, json};

use super::{
    inspect::{InspectError, print},
    lines::{self, Line},
};

/// More than any command's parameters take.
const LINE_BYTES_MAX: u64 = 128 * 1024;

/// Whether every line had an answer, and was what it was compared with.
pub fn run(name: &str) -> Result<bool, InspectError> {
    let mut all_right = true;
    let unread = |source| InspectError::Read {
        name: "standard input".to_owned(),
        source,
    };
    lines::for_each(&mut io::stdin().lock(), LINE_BYTES_MAX, unread, |line| {
        // What is no JSON may be a key: nothing of it is printed.
        let parameters = match line {
            Line::Whole(line) => serde_json::from_str(line).unwrap_or(Value::Null),
            Line::TooLong => Value::Null,
        };
        let answer = command(name, &parameters);
        all_right &= answer.as_ref().is_ok_and(|answer| answer["matches"] != false);
        print(&answer.unwrap_or_else(|error| refused(&error)))
    })?;
    Ok(all_right)
}

fn refused(error: &CommandError) -> Value {
    json!({"error": {"code": error.code(), "parameter": error.parameter(), "message": error.to_string()}})
}
