//! `mac`: the code of a message. With `mac` given, whether it is that, or its beginning of 4 bytes or more.

use serde_json::{Value, json};

use super::{
    Command, CommandError,
    parameters::{Parameters, compared, hexadecimal},
};
use crate::crypto::{
    key::{AesKey, DesKey},
    mac::{self, Padding},
};

pub(super) const COMMAND: Command = Command {
    name: "mac",
    parameters: &[
        (
            "algorithm",
            "retail (ISO 9797-1 algorithm 3), cbc (algorithm 1, TDES), cmac-tdes or cmac-aes",
        ),
        (
            "key",
            "in hexadecimal: 16 bytes for retail, 8, 16 or 24 for cbc and cmac-tdes, 16, 24 or 32 for cmac-aes",
        ),
        ("padding", "1, 2 or 3, a method of ISO 9797-1, of retail and cbc only"),
        ("data", "the message in hexadecimal"),
        ("mac", "a code of 4 bytes or more in hexadecimal to compare with"),
    ],
    run,
};

/// ISO 9797-1 leaves the length open; less than this is too easily guessed.
const BYTES_MIN: usize = 4;

fn run(parameters: &Parameters<'_>) -> Result<Value, CommandError> {
    let algorithm = parameters.text("algorithm")?;
    let data = parameters.bytes("data")?;
    let code = match algorithm {
        "retail" => mac::retail(&parameters.tdes("key")?, &data, padding(parameters)?)?.to_vec(),
        "cbc" => mac::cbc(&parameters.key("key", DesKey::new)?, &data, padding(parameters)?)?.to_vec(),
        "cmac-tdes" | "cmac-aes" if parameters.has("padding") => return Err(parameters.wrong("padding")),
        "cmac-tdes" => mac::cmac(&parameters.key("key", DesKey::new)?, &data)?.to_vec(),
        "cmac-aes" => mac::cmac(&parameters.key("key", AesKey::new)?, &data)?.to_vec(),
        _ => return Err(parameters.wrong("algorithm")),
    };
    let given = parameters.bytes_if_any("mac")?;
    if given.is_some_and(|given| !(BYTES_MIN..=code.len()).contains(&given.len())) {
        return Err(parameters.wrong("mac"));
    }
    let matches = parameters.matches("mac", &code)?;
    Ok(compared(json!({"mac": hexadecimal(code)}), matches))
}

fn padding(parameters: &Parameters<'_>) -> Result<Padding, CommandError> {
    match parameters.number("padding")? {
        1 => Ok(Padding::Method1),
        2 => Ok(Padding::Method2),
        3 => Ok(Padding::Method3),
        _ => Err(parameters.wrong("padding")),
    }
}
