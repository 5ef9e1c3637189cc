//! Commands, responses and what is in them: anything is read or refused, and what is read is written as it was.

#![no_main]

use causeway_cards::emv::{
    apdu::{Command, Request, Response, answer},
    dol::Dol,
    inspect,
    tlv::{Limits, read_tree},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(command) = Command::parse(bytes) {
        assert_eq!(command.to_bytes()[..], *bytes);
        let _ = Request::of(&command);
    }
    if let Ok(response) = Response::parse(bytes) {
        assert_eq!(response.to_bytes()[..], *bytes);
    }
    if let Ok(dol) = Dol::parse(bytes) {
        let data = dol.fill(|_| Some(bytes));
        assert_eq!(dol.split(&data).map(|values| values.len()), Ok(dol.entries().len()));
    }
    if !bytes.is_empty() && bytes.len() <= Limits::STANDARD.bytes_max {
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let is_read = read_tree(bytes, Limits::STANDARD).is_ok();
        assert_eq!(inspect::tlv(&text)["valid"], is_read);
        assert!(inspect::apdu(&text)["valid"].is_boolean());
    }
    let _ = answer::file_information(bytes);
    let _ = answer::record(bytes);
    let _ = answer::processing_options(bytes);
    let _ = answer::cryptogram(bytes);
});
