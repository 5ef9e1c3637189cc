//! `arqc`: the cryptogram of a transaction, from the issuer's key or the card's. Gives `cryptogram`, and the keys that it
//! was made by; with `cryptogram` given, whether it is that.

use serde_json::{Value, json};

use super::{
    Command, CommandError,
    parameters::{Parameters, compared, hexadecimal},
};
use crate::crypto::{
    cryptogram::{Transaction, Version},
    derivation::CardNumber,
    key::TdesKey,
};

pub(super) const VERSION: (&str, &str) = (
    "version",
    "visa-10, visa-18, visa-22, mastercard-16, mastercard-17, mastercard-20 or mastercard-21",
);
pub(super) const ISSUER_KEY: (&str, &str) = ("issuer_key", "16 bytes in hexadecimal, or card_key instead");
pub(super) const CARD_KEY: (&str, &str) = ("card_key", "16 bytes in hexadecimal, without issuer_key, pan and psn");
pub(super) const PAN: (&str, &str) = ("pan", "1 to 19 digits");
pub(super) const PSN: (&str, &str) = ("psn", "two digits (5F34); 00 if absent");
pub(super) const COUNTER: (&str, &str) = ("9F36", "2 bytes in hexadecimal, the transaction counter");

pub(super) const COMMAND: Command = Command {
    name: "arqc",
    parameters: &[
        VERSION,
        ISSUER_KEY,
        CARD_KEY,
        PAN,
        PSN,
        ("9F02", "6 bytes in hexadecimal, the amount"),
        ("9F03", "6 bytes in hexadecimal, the other amount"),
        ("9F1A", "2 bytes in hexadecimal, the terminal's country"),
        ("95", "5 bytes in hexadecimal, the terminal's verification results"),
        ("5F2A", "2 bytes in hexadecimal, the currency"),
        ("9A", "3 bytes in hexadecimal, the date, YYMMDD"),
        ("9C", "1 byte in hexadecimal, the transaction's type"),
        ("9F37", "4 bytes in hexadecimal, the unpredictable number"),
        ("82", "2 bytes in hexadecimal, the application interchange profile"),
        COUNTER,
        (
            "9F10",
            "in hexadecimal, the issuer application data, as long as the version needs",
        ),
        ("cryptogram", "8 bytes in hexadecimal to compare with"),
    ],
    run,
};

fn run(parameters: &Parameters<'_>) -> Result<Value, CommandError> {
    let version = version(parameters)?;
    let card = card_key(parameters, version)?;
    let transaction = transaction(parameters, version)?;
    let given: Option<[u8; 8]> = parameters.array_if_any("cryptogram")?;
    let session = version.session_key(&card, transaction.counter, transaction.unpredictable);
    let cryptogram = version.generate(&session, &transaction);
    let answer = json!({
        "cryptogram": hexadecimal(cryptogram),
        "card_key": hexadecimal(card.bytes()),
        "session_key": hexadecimal(session.bytes()),
    });
    let matches = given.map(|given| version.verify(&session, &transaction, &given));
    Ok(compared(answer, matches))
}

pub(super) fn version(parameters: &Parameters<'_>) -> Result<Version, CommandError> {
    let name = parameters.text("version")?;
    let version = Version::ALL.into_iter().find(|version| version.name() == name);
    version.ok_or_else(|| parameters.wrong("version"))
}

pub(super) fn card_key(parameters: &Parameters<'_>, version: Version) -> Result<TdesKey, CommandError> {
    if parameters.has("card_key") {
        if ["issuer_key", "pan", "psn"].iter().any(|name| parameters.has(name)) {
            return Err(parameters.wrong("card_key"));
        }
        return parameters.tdes("card_key");
    }
    let issuer = parameters.tdes("issuer_key")?;
    let card = CardNumber {
        pan: parameters.text("pan")?,
        sequence: parameters.text_if_any("psn")?,
    };
    Ok(version.card_key(&issuer, card)?)
}

fn transaction(parameters: &Parameters<'_>, version: Version) -> Result<Transaction, CommandError> {
    Ok(Transaction {
        amount: parameters.array("9F02")?,
        other_amount: parameters.array("9F03")?,
        country: parameters.array("9F1A")?,
        verification_results: parameters.array("95")?,
        currency: parameters.array("5F2A")?,
        date: parameters.array("9A")?,
        kind: parameters.array::<1>("9C")?[0],
        unpredictable: parameters.array("9F37")?,
        interchange_profile: parameters.array("82")?,
        counter: parameters.array("9F36")?,
        issuer: version.issuer_data(&parameters.bytes("9F10")?)?,
    })
}
