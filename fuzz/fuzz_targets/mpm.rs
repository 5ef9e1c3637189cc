//! Merchants' codes: any text is read or refused, its objects are the whole of it, and one that is sealed has a right
//! check.

#![no_main]

use causeway_cards::qr::mpm::{Check, Code, inspect, seal};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let found = inspect(text);
    let Ok(code) = Code::read(text) else {
        // Ends of lines are cut before text is inspected.
        assert!(found["valid"] == false || text.ends_with(['\r', '\n']));
        return;
    };
    let again: String = code
        .objects
        .iter()
        .map(|object| format!("{:02}{:02}{}", object.id, object.value.chars().count(), object.value))
        .collect();
    assert_eq!(again, text);
    let _violations = code.violations();
    assert_eq!(Check::of(&seal(again)), Check::Right);
});
