//! Customers' codes: any bytes are read or refused, as text and as they are, and shown with every rule that they break.

#![no_main]

use causeway_cards::qr::cpm::{Code, chip_data, decode, inspect};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let found = inspect(text);
        let is_told = found["violations"].as_array().is_some_and(|all| !all.is_empty());
        assert_eq!(found["valid"] == true, !is_told);
        if let Ok(bytes) = decode(text) {
            read(&bytes);
        }
    }
    read(bytes);
});

fn read(bytes: &[u8]) {
    let Ok(code) = Code::read(bytes) else { return };
    let _violations = code.violations();
    for application in code.applications() {
        let _number = (application.aid(), application.pan());
        for data in application.chip_data().into_iter().flatten() {
            let _nodes = chip_data(data);
        }
    }
}
