//! `cvv`: CVV, CVC, iCVV, CVV2, CVC2 or dCVV, by what `date` and `service_code` are (see [`crate::crypto::cvv::CardData`]).

use serde_json::{Value, json};

use super::{
    Command, CommandError,
    parameters::{Parameters, compared},
};
use crate::crypto::cvv::{self, CardData};

pub(super) const COMMAND: Command = Command {
    name: "cvv",
    parameters: &[
        ("key", "16 bytes in hexadecimal"),
        ("pan", "12 to 19 digits"),
        (
            "date",
            "four digits: YYMM, MMYY for CVV2 and CVC2, the transaction counter for dCVV",
        ),
        ("service_code", "three digits: 999 for iCVV, 000 for CVV2 and CVC2"),
        ("cvv", "three digits to compare with"),
    ],
    run,
};

fn run(parameters: &Parameters<'_>) -> Result<Value, CommandError> {
    let key = parameters.tdes("key")?;
    let card = CardData {
        pan: parameters.text("pan")?,
        date: parameters.text("date")?,
        service: parameters.text("service_code")?,
    };
    let given = parameters.text_if_any("cvv")?;
    if given.is_some_and(|given| given.len() != 3 || !given.bytes().all(|digit| digit.is_ascii_digit())) {
        return Err(parameters.wrong("cvv"));
    }
    let matches = given.map(|given| cvv::verify(&key, card, given)).transpose()?;
    Ok(compared(json!({"cvv": cvv::generate(&key, card)?}), matches))
}
