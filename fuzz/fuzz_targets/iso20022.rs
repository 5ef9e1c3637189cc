//! A document of ISO 20022 by the rules of both years, and against a schema, if one stands before it with
//! a zero byte between them; payments in it; and identifiers.

#![no_main]

use causeway_gateway::{
    identifiers::{bic::Bic, iban::Iban, lei::Lei},
    iso20022::{
        inspection::inspect,
        message::Message,
        payments::{CancellationRequest, CreditTransfer, Initiation, PaymentReturn, Refusal, Statement, write},
        rules::RuleYear,
        schema::{load, validate},
        xml,
    },
    reason::{Check, Reasons},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (schema, document) = match bytes.iter().position(|byte| *byte == 0) {
        Some(zero) => (&bytes[..zero], &bytes[zero + 1..]),
        None => (&[][..], bytes),
    };
    for year in [RuleYear::Y2025, RuleYear::Y2026] {
        let inspection = inspect(document, year, None).expect("no schemas are read");
        assert_eq!(
            inspection.valid,
            inspection.well_formed && inspection.reasons.is_empty()
        );
    }
    if let (Ok(schema), Ok(document)) = (xml::read(schema), xml::read(document))
        && let Ok(schema) = load(&schema)
        && let (Some(message), _) = Message::find(&document)
    {
        validate(&schema, message.document.node, &mut Reasons::new(Check::Schema));
    }
    if let Ok(document) = xml::read(document)
        && let (Some(message), _) = Message::find(&document)
    {
        read_and_write(&message, CreditTransfer::read, |transfer| Some(write(transfer)));
        read_and_write(&message, PaymentReturn::read, |returned| Some(write(returned)));
        read_and_write(&message, Statement::read, |statement| statement.write().ok());
        read_and_write(&message, CancellationRequest::read, |_| None);
        read_and_write(&message, Initiation::read, |_| None);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert_eq!(text.parse::<Iban>().is_ok(), Iban::faults(text).is_empty());
        assert_eq!(text.parse::<Bic>().is_ok(), Bic::faults(text).is_empty());
        assert_eq!(text.parse::<Lei>().is_ok(), Lei::faults(text).is_empty());
    }
});

/// What was written is read as such: it is written the same again.
fn read_and_write<T>(
    message: &Message<'_>,
    read: fn(&Message<'_>) -> Result<T, Refusal>,
    write: fn(&T) -> Option<Vec<u8>>,
) {
    if let Ok(value) = read(message)
        && let Some(written) = write(&value)
    {
        let document = xml::read(&written).expect("our own is well-formed");
        let (message, _) = Message::find(&document);
        let again = read(&message.expect("our own has a Document")).expect("our own");
        assert_eq!(write(&again), Some(written));
    }
}
