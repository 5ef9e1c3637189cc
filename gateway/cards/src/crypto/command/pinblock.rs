//! `pinblock`: with `pin`, its `block`; with `block`, its `pin`. Without `key` the block is in clear.

use serde_json::{Value, json};

use super::{
    Command, CommandError,
    parameters::{Parameters, hexadecimal},
};
use crate::crypto::{
    key::{AesKey, DesKey},
    pin::Pin,
    pin_block::{self, Format},
};

pub(super) const COMMAND: Command = Command {
    name: "pinblock",
    parameters: &[
        ("format", "0, 1, 2, 3 or 4"),
        (
            "key",
            "a DES key of 8, 16 or 24 bytes in hexadecimal, of format 4 an AES key of 16, 24 or 32",
        ),
        ("pan", "13 to 19 digits, of format 4 1 to 19; formats 1 and 2 have none"),
        ("pin", "4 to 12 digits, or block instead"),
        ("block", "8 bytes in hexadecimal, of format 4 16 bytes, or pin instead"),
        (
            "random",
            "16 bytes in hexadecimal, where formats 1, 3 and 4 make a block of a pin",
        ),
    ],
    run,
};

fn run(parameters: &Parameters<'_>) -> Result<Value, CommandError> {
    if parameters.has("pin") && parameters.has("block") {
        return Err(parameters.wrong("pin"));
    }
    let format = match parameters.number("format")? {
        0 => Format::Iso0,
        1 => Format::Iso1,
        2 => Format::Iso2,
        3 => Format::Iso3,
        4 => return format_4(parameters),
        _ => return Err(parameters.wrong("format")),
    };
    let has_card = matches!(format, Format::Iso0 | Format::Iso3);
    let pan = match (has_card, parameters.has("pan")) {
        (true, _) => parameters.text("pan")?,
        (false, true) => return Err(parameters.wrong("pan")),
        (false, false) => "",
    };
    let key = parameters
        .has("key")
        .then(|| parameters.key("key", DesKey::new))
        .transpose()?;
    if parameters.has("block") {
        let block = parameters.array("block")?;
        let pin = match &key {
            Some(key) => pin_block::decipher(key, format, block, pan)?,
            None => pin_block::parse(format, &block, pan)?,
        };
        return Ok(shown(&pin));
    }
    let pin = pin(parameters)?;
    let is_filled = matches!(format, Format::Iso1 | Format::Iso3);
    let random = random(parameters, is_filled)?;
    let clear = pin_block::compose(format, &pin, pan, &random)?;
    let block = match &key {
        Some(key) => pin_block::encipher(key, format, &pin, pan, &random)?,
        None => *clear,
    };
    Ok(json!({"block": hexadecimal(block)}))
}

fn format_4(parameters: &Parameters<'_>) -> Result<Value, CommandError> {
    let key = parameters.key("key", AesKey::new)?;
    let pan = parameters.text("pan")?;
    if parameters.has("block") {
        return Ok(shown(&pin_block::decipher_4(&key, parameters.array("block")?, pan)?));
    }
    let (pin, random) = (pin(parameters)?, random(parameters, true)?);
    let block = pin_block::encipher_4(&key, &pin, pan, &random)?;
    Ok(json!({"block": hexadecimal(block)}))
}

fn pin(parameters: &Parameters<'_>) -> Result<Pin, CommandError> {
    Pin::new(parameters.text("pin")?).map_err(|_| parameters.wrong("pin"))
}

fn random(parameters: &Parameters<'_>, is_needed: bool) -> Result<[u8; 16], CommandError> {
    match (is_needed, parameters.has("random")) {
        (true, _) => parameters.array("random"),
        (false, true) => Err(parameters.wrong("random")),
        (false, false) => Ok([0; 16]),
    }
}

fn shown(pin: &Pin) -> Value {
    json!({"pin": *pin.reveal()})
}
