use super::*;
use proptest::prelude::*;

fn codes(answer: &Value, what: &str) -> Vec<(String, String)> {
    let rows = answer[what].as_array().expect("rows");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    rows.iter()
        .map(|row| (text(&row["code"]), text(&row["where"])))
        .collect()
}

fn check(answer: &Value, violations: &[(&str, &str)], remarks: &[(&str, &str)]) {
    let owned =
        |rows: &[(&str, &str)]| -> Vec<_> { rows.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect() };
    assert_eq!(codes(answer, "violations"), owned(violations), "{answer}");
    assert_eq!(codes(answer, "remarks"), owned(remarks), "{answer}");
    assert_eq!(answer["valid"], violations.is_empty());
}

#[test]
fn objects_are_shown_with_their_meanings() {
    let answer = tlv("70 10 9F36020007 8C039F3704 5004 56495341");
    check(&answer, &[], &[]);
    let record = &answer["objects"][0];
    assert_eq!((&record["tag"], &record["length"]), (&json!("70"), &json!(16)));
    assert_eq!(record["value"], Value::Null);
    assert_eq!(
        record["objects"][1],
        json!({
            "tag": "8C", "name": "card risk management data object list 1", "format": "list", "source": "card",
            "offset": 7, "length": 3, "value": "9F3704",
            "list": [{"tag": "9F37", "name": "unpredictable number", "bytes": 4}],
        })
    );
    assert_eq!(record["objects"][2]["text"], "VISA");
}

#[test]
fn every_reason_is_told() {
    check(
        &tlv("E0 03 9C8201 77 02 9F36 9F0201FF 5A 0A 11"),
        &[
            ("length_truncated", "E0/9C@4"),
            ("length_truncated", "77/9F36@9"),
            ("value_truncated", "5A@15"),
        ],
        &[("wrong_length", "9F02@9"), ("not_digits", "9F02@9")],
    );
    check(
        &tlv("9C019A 9C0100 8C029F37"),
        &[],
        &[
            ("not_digits", "9C@0"),
            ("duplicate", "9C@3"),
            ("list_length_truncated", "8C@6"),
        ],
    );
    check(&tlv("7206 8601AA 8601BB"), &[], &[]);
    check(&tlv("9C80AA0000"), &[("length_indefinite", "9C@1")], &[]);
    check(&tlv(&"E000".repeat(257)), &[("too_many", "E0@512")], &[]);
    check(&tlv(&"00".repeat(4097)), &[("too_large", "@4096")], &[]);
    let bomb = (0..9).fold(String::new(), |inner, _| format!("E0{:02X}{inner}", inner.len() / 2));
    check(&tlv(&bomb), &[("too_deep", "E0/E0/E0/E0/E0/E0/E0/E0@14")], &[]);
    check(&tlv(""), &[("empty", "text")], &[]);
    check(&tlv("9F0"), &[("odd_digits", "text")], &[]);
    check(&tlv("9X00"), &[("not_hex", "text")], &[]);
    check(&tlv(&" ".repeat(TEXT_BYTES_MAX + 1)), &[("too_long", "text")], &[]);
}

#[test]
fn of_card_numbers_and_tracks_only_six_and_four_are_shown() {
    let shown = |text: &str| {
        let answer = tlv(text);
        let object = &answer["objects"][0];
        assert_eq!(object["value"], Value::Null, "{text}");
        object["masked"].as_str().expect("a mask").to_owned()
    };
    assert_eq!(shown("5A08374245001741007F"), "374245*****1007");
    assert_eq!(shown("5A084761739001010010"), "476173******0010");
    assert_eq!(shown("5A0847617390A1010010"), "476173******0010");
    assert_eq!(shown("570C4761739001010010D2802201"), "476173******0010D*******");
    assert_eq!(shown("9F6B034761FF"), "******");
    assert_eq!(shown("5604 42343736"), "****");
    assert_eq!(shown("9F1F0131"), "*");
}

#[test]
fn commands_and_responses_are_told_apart() {
    let answer = apdu("00A404000E 325041592E5359532E4444463031 00");
    check(&answer, &[], &[]);
    assert_eq!(
        (&answer["kind"], &answer["expected_bytes"]),
        (&json!("command"), &json!(256))
    );
    assert_eq!(answer["request"]["text"], "2PAY.SYS.DDF01");
    assert_eq!(
        apdu("00B2020C00")["request"],
        json!({"name": "READ RECORD", "file": 1, "record": 2})
    );
    assert_eq!(
        apdu("80CA9F3600")["request"]["tag_name"],
        "application transaction counter"
    );
    assert_eq!(
        apdu("80AE90000201 0200")["request"],
        json!({"name": "GENERATE AC", "cryptogram": "arqc", "combined": true, "data": "0102"})
    );
    let answer = apdu("9F360200239000");
    check(&answer, &[], &[]);
    assert_eq!(
        (&answer["kind"], &answer["status"]),
        (&json!("response"), &json!("9000"))
    );
    assert_eq!(answer["objects"][0]["value"], "0023");
    let answer = apdu("6A82");
    assert_eq!(
        (&answer["success"], &answer["meaning"]),
        (&json!(false), &json!("the file is not found"))
    );
    check(&apdu("7003 5A08 AA 9000"), &[("value_truncated", "70/5A@4")], &[]);
    check(&apdu("80A8000002840000"), &[("command_refused", "command")], &[]);
    check(
        &apdu("00A404000E3250"),
        &[("command_wrong_length", "command"), ("response_status", "response")],
        &[],
    );
    check(
        &apdu("90"),
        &[("command_truncated", "command"), ("response_truncated", "response")],
        &[],
    );
    check(&apdu("zz"), &[("not_hex", "text")], &[]);
}

#[test]
fn a_pin_is_not_shown() {
    let answer = apdu("0020008008241234FFFFFFFFFF");
    check(&answer, &[], &[]);
    assert_eq!(answer["request"], json!({"name": "VERIFY"}));
    assert!(!answer.to_string().contains("1234"));
}

proptest! {
    #[test]
    fn invariant_what_is_valid_is_what_a_tree_is_read_of(bytes in prop::collection::vec(any::<u8>(), 1..600)) {
        use crate::emv::tlv::{Limits, read_tree};
        let answer = tlv(&hex::encode(&bytes));
        let read = read_tree(&bytes, Limits::STANDARD);
        prop_assert_eq!(answer["valid"].as_bool(), Some(read.is_ok()));
        if let Err(error) = read {
            prop_assert_eq!(answer["violations"][0]["code"].as_str(), Some(error.code()));
        }
    }

    #[test]
    fn invariant_no_card_number_is_shown(number in "[1-9][0-9]{12,18}", track in any::<bool>()) {
        let number = if number.len() % 2 == 1 { number + "0" } else { number };
        let number = &number[..number.len().min(18)];
        let value = if track { format!("{number}D2802201") } else { number.to_owned() };
        let text = format!("{}{:02X}{value}", if track { "57" } else { "5A" }, value.len() / 2);
        prop_assert!(!tlv(&text).to_string().contains(number));
        let answer = format!("70{:02X}{text}9000", text.len() / 2);
        prop_assert!(!apdu(&answer).to_string().contains(number));
    }
}
