//! `arpc`: the issuer's answer to a cryptogram, by the method of its version. Gives `arpc`, and tag `91` as it is sent.

use serde_json::{Value, json};

use super::{
    Command, CommandError, arqc,
    parameters::{Parameters, compared, hexadecimal},
};
use crate::crypto::cryptogram::{Method, answer_1, answer_2};

pub(super) const COMMAND: Command = Command {
    name: "arpc",
    parameters: &[
        arqc::VERSION,
        arqc::ISSUER_KEY,
        arqc::CARD_KEY,
        arqc::PAN,
        arqc::PSN,
        arqc::COUNTER,
        ("cryptogram", "8 bytes in hexadecimal, the cryptogram that is answered"),
        (
            "arc",
            "2 bytes in hexadecimal, the response code (3030 is 00), of visa-10 and mastercard only",
        ),
        (
            "csu",
            "4 bytes in hexadecimal, the card status update, of visa-18 and visa-22 only",
        ),
        (
            "proprietary_auth_data",
            "up to 8 bytes in hexadecimal, of visa-18 and visa-22 only",
        ),
        ("arpc", "the answer in hexadecimal to compare with"),
    ],
    run,
};

fn run(parameters: &Parameters<'_>) -> Result<Value, CommandError> {
    let version = arqc::version(parameters)?;
    let card = arqc::card_key(parameters, version)?;
    let key = version.answer_key(&card, parameters.array("9F36")?);
    let cryptogram = parameters.array("cryptogram")?;
    let (answer, sent) = match version.method() {
        Method::One => {
            absent(parameters, &["csu", "proprietary_auth_data"])?;
            let code = parameters.array("arc")?;
            let answer = answer_1(&key, &cryptogram, code).to_vec();
            let sent = [answer.as_slice(), &code].concat();
            (answer, sent)
        }
        Method::Two => {
            absent(parameters, &["arc"])?;
            let update = parameters.array("csu")?;
            let own = parameters.bytes_if_any("proprietary_auth_data")?.unwrap_or_default();
            let answer = answer_2(&key, &cryptogram, update, &own)?.to_vec();
            let sent = [answer.as_slice(), &update, &own].concat();
            (answer, sent)
        }
    };
    let given = parameters.bytes_if_any("arpc")?;
    if given.as_ref().is_some_and(|given| given.len() != answer.len()) {
        return Err(parameters.wrong("arpc"));
    }
    let matches = parameters.matches("arpc", &answer)?;
    let answer = json!({"arpc": hexadecimal(answer), "91": hexadecimal(sent)});
    Ok(compared(answer, matches))
}

fn absent(parameters: &Parameters<'_>, names: &[&str]) -> Result<(), CommandError> {
    let other = names.iter().find(|name| parameters.has(name));
    other.map_or(Ok(()), |name| Err(parameters.wrong(name)))
}
