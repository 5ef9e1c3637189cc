//! Merchants' codes against published payloads. They are not part of this repository.

use std::{fs, io::Write, path::Path};

use causeway_cards::qr::mpm::{Check, Code, crc16};
use serde_json::Value;

/// The text of a file of vectors; where it is absent, says so and gives `None`.
fn vectors(name: &str) -> Option<String> {
    let folder = std::env::var_os("CAUSEWAY_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
        Into::into,
    );
    let path = folder.join("emvco-qr-mpm").join(name);
    if !path.exists() {
        writeln!(std::io::stderr(), "SKIPPED: no test vectors at {}", path.display()).expect("stderr is open");
        return None;
    }
    Some(fs::read_to_string(path).expect("the vectors are readable"))
}

fn rows(name: &str) -> Option<Vec<Value>> {
    Some(serde_json::from_str(&vectors(name)?).expect("the vectors have their form"))
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().expect("a text")
}

#[test]
fn payloads_have_the_structure_and_the_check_that_are_recorded() {
    let Some(rows) = rows("payloads.json") else { return };
    let (mut structured, mut right, mut sound, mut both) = (0, 0, 0, 0);
    for row in &rows {
        let (id, payload) = (text(row, "id"), text(row, "payload"));
        let is_right = Check::of(payload) == Check::Right;
        assert_eq!(is_right, row["crc_valid"] == true, "{id}");
        right += usize::from(is_right);
        let code = Code::read(payload);
        assert_eq!(code.is_ok(), row["well_formed_char_lengths"] == true, "{id}");
        let Ok(code) = code else { continue };
        structured += 1;
        let read: Vec<_> = code.objects.iter().map(|o| (format!("{:02}", o.id), o.value)).collect();
        assert_eq!(serde_json::json!(read), row["root_objects"], "{id}");
        let is_sound = code.violations().is_empty();
        sound += usize::from(is_sound);
        both += usize::from(is_sound && is_right);
    }
    println!("{structured} structured, {right} right, {sound} sound, {both} both");
    assert_eq!((rows.len(), structured, right, sound, both), (80, 77, 71, 38, 34));
}

#[test]
fn checks_are_those_of_the_pairs() {
    let Some(rows) = rows("crc16_ccitt_false.json") else {
        return;
    };
    for row in &rows {
        let computed = format!("{:04X}", crc16(text(row, "in").as_bytes()));
        assert_eq!(computed, text(row, "crc16_ccitt_false"));
    }
    println!("{} pairs", rows.len());
}

#[test]
fn codes_of_qris_are_read_and_those_that_are_broken_are_not() {
    for name in ["dynamic_with_amount", "static_psp_only"] {
        let (Some(code), Some(golden)) = (
            vectors(&format!("qris-go/valid/{name}.txt")),
            vectors(&format!("qris-go/golden/{name}.json")),
        ) else {
            return;
        };
        let golden: Value = serde_json::from_str(&golden).expect("JSON");
        let code = Code::read(code.trim()).expect("structure");
        assert_eq!((code.check, code.violations()), (Check::Right, vec![]), "{name}");
        for (id, field) in [
            (0, "PayloadFormatIndicator"),
            (1, "PointOfInitiationMethod"),
            (52, "MerchantCategoryCode"),
            (53, "TransactionCurrency"),
            (54, "TransactionAmount"),
            (58, "CountryCode"),
            (59, "MerchantName"),
            (60, "MerchantCity"),
            (61, "PostalCode"),
            (63, "CRC"),
        ] {
            assert_eq!(code.get(id).unwrap_or_default(), text(&golden, field), "{name} {id}");
        }
    }
    for name in [
        "corrupted_crc",
        "empty",
        "invalid_length",
        "missing_crc_tag",
        "too_short",
        "truncated_tlv",
    ] {
        let Some(code) = vectors(&format!("qris-go/invalid/{name}.txt")) else {
            return;
        };
        let code = code.trim();
        assert!(Code::read(code).is_err() || Check::of(code) != Check::Right, "{name}");
    }
}
