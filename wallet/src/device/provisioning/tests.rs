use serde_json::{Value, json};

use super::*;

const NOW: u64 = 1_796_000_000;

pub fn given(keys: impl IntoIterator<Item = u16>) -> Value {
    let key = |atc: u16| json!({"atc": atc, "key": hex::encode([atc as u8; 16])});
    json!({
        "version": 1, "device": "dev_1", "token": "9900010000000019", "expiry": "2812", "psn": "00", "currency": "EUR",
        "keys": keys.into_iter().map(key).collect::<Vec<_>>(), "good_until": NOW + 100,
    })
}

fn content(given: &Value) -> Result<Content, String> {
    Content::new(given.to_string().as_bytes(), NOW).map_err(|error| error.to_string())
}

fn counters(content: &Content) -> Vec<u16> {
    content.keys.iter().map(|key| key.atc).collect()
}

#[test]
fn what_an_issuer_gives_wrongly_is_refused_with_the_reason() {
    assert_eq!(counters(&content(&given([2, 1])).unwrap()), [1, 2]);
    let check = |field: &str, value: Value, expected: &str| {
        let mut it = given([1, 2]);
        it[field] = value;
        let error = content(&it).err().unwrap_or_else(|| panic!("{field}"));
        assert!(error.contains(expected), "{field}: {error}");
    };
    check("version", json!(2), "version 2");
    check("token", json!("990001000000001x"), "not digits");
    check("token", json!("9900010000000018"), "check digit");
    check("token", json!("99000100"), "13 to 19 digits");
    check("expiry", json!("2813"), "YYMM");
    check("psn", json!("+1"), "0 to 99");
    check("currency", json!("DEMO"), "DEMO is no currency of cards");
    check("keys", json!([]), "no key that is not used yet");
    check("keys", json!([{"atc": 1, "key": "00"}]), "32 hexadecimal digits");
    check("keys", json!([{"atc": 65_536, "key": "00"}]), "expected u16");
    check("keys", given([3, 4, 3])["keys"].clone(), "two keys of counter 3");
    check("keys", given(1..=65)["keys"].clone(), "at most 64 keys, here are 65");
    check("good_until", json!(NOW), "were good until 2026-11-30");
    check("pin", json!("1234"), "unknown field");
}

#[test]
fn more_keys_are_taken_and_nothing_else_is_changed() {
    let mut content = content(&given(1..=4)).unwrap();
    content.counter = 3;
    let add = |content: &mut Content, given: &Value, now| {
        let added = content.add(given.to_string().as_bytes(), now);
        added.map_err(|error| error.to_string())
    };
    for (field, value) in [
        ("token", "9900010000000027"),
        ("expiry", "2901"),
        ("psn", "01"),
        ("currency", "USD"),
    ] {
        let mut other = given([9]);
        other[field] = value.into();
        let error = add(&mut content, &other, NOW).unwrap_err();
        assert!(error.contains("another"), "{error}");
    }
    let mut other = given([9]);
    other["device"] = "dev_2".into();
    let error = add(&mut content, &other, NOW).unwrap_err();
    assert!(error.contains("of device dev_2, and this wallet's is dev_1"), "{error}");
    assert_eq!(
        add(&mut content, &given([2, 3]), NOW).unwrap_err(),
        DeviceError::NothingNew.to_string()
    );

    let keys = json!({"version": 1, "device": "dev_1", "keys": given(3..=6)["keys"], "good_until": NOW + 200});
    assert_eq!(add(&mut content, &keys, NOW), Ok(3));
    assert_eq!(counters(&content)[..], [1, 2, 3, 4, 5, 6]);
    let until: Vec<_> = content.keys.iter().map(|key| key.good_until - NOW).collect();
    assert_eq!(until, [100, 100, 100, 200, 200, 200], "4 is renewed");
    // What is good no more makes place.
    let keys = json!({"version": 1, "device": "dev_1", "keys": given([8])["keys"], "good_until": NOW + 300});
    assert_eq!(add(&mut content, &keys, NOW + 100), Ok(1));
    assert_eq!(counters(&content), [4, 5, 6, 8]);
}

#[test]
fn no_error_tells_a_secret() {
    let mut it = given([1]);
    it["keys"][0]["key"] = "deadbeef".into();
    assert!(!content(&it).err().unwrap().contains("deadbeef"));
    let mut it = given([1]);
    it["token"] = "4111111111111112".into();
    assert!(!content(&it).err().unwrap().contains("4111111111111112"));
}
