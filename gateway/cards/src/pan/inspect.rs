//! A card number for people: its brand and every reason why it is none.

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{DIGITS, luhn, mask, possible_brands};

/// Longer lines are not read.
const TEXT_BYTES_MAX: usize = 64;

/// `{"valid", "potentially_valid", "brand", "possible_brands", "masked", "violations": [{"code", "where", "message"}]}`
/// of digits, between which there may be spaces and hyphens. `brand` is null where none or several are possible.
/// `potentially_valid` says whether the number is valid, or could be with digits added. Nothing shows more than 6+4.
pub fn inspect(text: &str) -> Value {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("{} characters, at most {TEXT_BYTES_MAX} are read", text.len());
        let violation = json!({"code": "too_long", "where": "number", "message": message});
        return json!({"valid": false, "potentially_valid": false, "violations": [violation]});
    }
    let is_separator = |byte: &u8| matches!(byte, b' ' | b'-' | b'\r' | b'\n');
    let digits = Zeroizing::new(text.bytes().filter(|byte| !is_separator(byte)).collect::<Vec<_>>());
    let is_number = digits.iter().all(u8::is_ascii_digit);
    let brands = possible_brands(&digits);
    let longest = brands.iter().flat_map(|brand| brand.lengths).max();
    let violations = violations(&digits, is_number);
    let valid = violations.is_empty();
    let ids: Vec<_> = brands.iter().map(|brand| brand.id).collect();
    json!({
        "valid": valid,
        "potentially_valid": valid || longest.is_some_and(|longest| digits.len() < *longest),
        "brand": if ids.len() == 1 { Some(ids[0]) } else { None },
        "possible_brands": ids,
        "masked": is_number.then(|| mask(&digits)),
        "violations": violations,
    })
}

fn violations(digits: &[u8], is_number: bool) -> Vec<Value> {
    let violation = |code: &str, message: String| json!({"code": code, "where": "number", "message": message});
    if !is_number {
        return vec![violation("not_digits", "there are characters other than digits".into())];
    }
    let mut found = Vec::new();
    let count = digits.len();
    if !DIGITS.contains(&count) {
        let code = if count < *DIGITS.start() {
            "too_short"
        } else {
            "too_long"
        };
        found.push(violation(code, format!("{count} digits, a card number has 12 to 19")));
    }
    match possible_brands(digits)[..] {
        [] => found.push(violation("unknown_brand", "no brand's numbers begin so".into())),
        [brand] if !brand.lengths.contains(&count) => {
            let message = format!("{count} digits, numbers of {} have {:?}", brand.name, brand.lengths);
            found.push(violation("wrong_length_for_brand", message));
        }
        _ => {}
    }
    if !luhn(digits) {
        found.push(violation(
            "wrong_check_digit",
            "the last digit does not check the others".into(),
        ));
    }
    found
}
