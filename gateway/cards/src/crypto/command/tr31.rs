//! `tr31`: with `block`, the key in it; with `key`, a block of it.

use serde_json::{Value, json};

use super::{
    Command, CommandError,
    parameters::{Parameters, hexadecimal},
};
use crate::crypto::{
    CryptoError,
    tr31::{self, Header, KeyBlockError, OptionalBlock},
};

pub(super) const COMMAND: Command = Command {
    name: "tr31",
    parameters: &[
        (
            "protection_key",
            "in hexadecimal, of version A and C 8, 16 or 24 bytes, of B 16 or 24, of D 16, 24 or 32",
        ),
        ("block", "a key block as it is, or key instead"),
        ("key", "1 to 512 bytes in hexadecimal"),
        (
            "header",
            "with key: 16 letters and digits and optional blocks; length and padding of it are made",
        ),
        (
            "mask",
            "with key: the length that it looks like, 32 at most; by default that of its algorithm's longest",
        ),
        ("random", "with key: 48 bytes in hexadecimal"),
    ],
    run,
};

fn run(parameters: &Parameters<'_>) -> Result<Value, CommandError> {
    let protection = parameters.bytes("protection_key")?;
    if !parameters.has("block") {
        return wrap(parameters, &protection);
    }
    for name in ["key", "header", "mask", "random"] {
        if parameters.has(name) {
            return Err(parameters.wrong(name));
        }
    }
    let unwrapped = tr31::unwrap(&protection, parameters.text("block")?);
    let unwrapped = unwrapped.map_err(|error| refused(parameters, error.into()))?;
    Ok(json!({"header": shown(&unwrapped.header), "key": hexadecimal(&unwrapped.key)}))
}

fn wrap(parameters: &Parameters<'_>, protection: &[u8]) -> Result<Value, CommandError> {
    let key = parameters.bytes("key")?;
    let text = parameters.text("header")?;
    let (header, end) = Header::parse(text).map_err(|_| parameters.wrong("header"))?;
    if end != text.len() {
        return Err(parameters.wrong("header"));
    }
    let has_mask = parameters.has("mask");
    let mask = has_mask.then(|| parameters.number("mask")).transpose()?;
    // What does not fit is too long as well.
    let mask = mask.map(|mask| usize::try_from(mask).unwrap_or(usize::MAX));
    let block = tr31::wrap(protection, &header, &key, mask, &parameters.array("random")?);
    let block = block.map_err(|error| refused(parameters, error))?;
    Ok(json!({"block": block}))
}

/// A protection key of a wrong length is a wrong parameter.
fn refused(parameters: &Parameters<'_>, error: CryptoError) -> CommandError {
    if error == KeyBlockError::ProtectionKey.into() {
        return parameters.wrong("protection_key");
    }
    error.into()
}

fn shown(header: &Header) -> Value {
    let attributes = header.attributes();
    let block = |OptionalBlock { id, data }: &OptionalBlock| json!({"id": id, "data": data});
    let blocks: Vec<_> = header.blocks().iter().map(block).collect();
    json!({
        "version": attributes.version, "usage": attributes.usage, "algorithm": attributes.algorithm,
        "mode_of_use": attributes.mode_of_use, "key_version": attributes.key_version,
        "exportability": attributes.exportability, "optional_blocks": blocks,
    })
}
