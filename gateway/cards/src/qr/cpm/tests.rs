use proptest::prelude::*;

use super::*;
use crate::emv::{applet, tlv::Writer};

const PAN: &str = "5413330089020011";

fn pan() -> Pan {
    PAN.parse().expect("a number")
}

fn chip() -> Vec<(Tag, &'static [u8])> {
    vec![
        (Tag::of(0x9f26), &[1, 2, 3, 4, 5, 6, 7, 8]),
        (Tag::of(0x9f36), &[0, 1]),
        (Tag::of(0x9f37), &[9, 9, 9, 9]),
    ]
}

fn read(hex: &str) -> Vec<String> {
    let bytes = hex::decode(hex.replace(' ', "")).expect("hex");
    let violations = Code::read(&bytes).expect("structure").violations();
    let told = violations
        .into_iter()
        .map(|found| format!("{} {}", found.code, found.place));
    told.collect()
}

fn check(hex: &str, expected: &[&str]) {
    assert_eq!(read(hex), expected, "{hex}");
}

const HEAD: &str = "8505 4350563031";

#[test]
fn ours_is_built_and_read() {
    let text = build(&Number::Pan(&pan()), &chip()).expect("a code");
    assert_eq!(
        text.as_str(),
        "hQVDUFYwMWEsTwfwQ1dQQVkBWghUEzMAiQIAEWMXnyYIAQIDBAUGBwifNgIAAZ83BAkJCQk="
    );
    let bytes = decode(&text).expect("base64");
    let code = Code::read(&bytes).expect("structure");
    assert!(code.violations().is_empty());
    let application = code.applications().next().expect("an application");
    assert_eq!(application.aid(), Some(&applet::AID[..]));
    assert_eq!(application.pan(), Some(Ok(pan())));
    let [Some(data), None] = application.chip_data() else {
        panic!("63 alone");
    };
    assert_eq!(chip_data(data).expect("objects").len(), 3);
    let track = hex::decode("5413330089020011D2912201123400001F").expect("hex");
    let text = build(&Number::Track2(&track), &chip()).expect("a code");
    let bytes = decode(&text).expect("base64");
    let code = Code::read(&bytes).expect("structure");
    assert_eq!(code.applications().next().and_then(|one| one.pan()), Some(Ok(pan())));
}

#[test]
fn what_would_break_rules_is_not_built() {
    let track = Number::Track2(&[0x12, 0x3d]);
    assert!(matches!(build(&track, &chip()), Err(BuildError::Violations(found)) if found[0].code == "wrong_number"));
    let twice = [chip(), chip()].concat();
    let built = build(&Number::Pan(&pan()), &twice);
    assert!(matches!(built, Err(BuildError::ChipData(TlvError::Duplicate { .. }))));
    let long: &[u8] = &[0; 500];
    let built = build(&Number::Pan(&pan()), &[(Tag::of(0x9f10), long)]);
    assert!(matches!(built, Err(BuildError::TooLong(539))), "{built:?}");
}

#[test]
fn text_that_has_no_objects_is_refused() {
    let refused = |text: &str| match decode(text) {
        Ok(bytes) => Code::read(&bytes).expect_err("no structure"),
        Err(error) => error,
    };
    assert_eq!(refused(""), StructureError::Empty);
    assert_eq!(refused("AAAA"), StructureError::Empty);
    assert_eq!(refused("hQVDUFYwMW$="), StructureError::Base64 { at: 10 });
    assert_eq!(refused("hQVDUFYwMQ"), StructureError::Base64 { at: 10 });
    assert_eq!(refused("hQVDUFYwMR=="), StructureError::Base64 { at: 9 });
    assert_eq!(refused(&"A".repeat(685)), StructureError::TooLong(685));
    let large = TlvError::TooLarge { length: 513, max: 512 };
    assert_eq!(refused(&"A".repeat(684)), StructureError::Tlv(large));
    assert_eq!(refused("hQVDUFYw").code(), "value_truncated");
    // 61 that says more than it has inside.
    assert_eq!(refused("YQRPB6AA").code(), "value_truncated");
}

#[test]
fn each_rule_is_told() {
    let good = "4F07F0435750415901 5A085413330089020011";
    check(&format!("{HEAD} 6113{good}"), &[]);
    check(&format!("6113{good} {HEAD}"), &["format_not_first 85"]);
    check(&format!("6113{good}"), &["format_not_first 85", "missing 85"]);
    check(&format!("8505 4350563032 6113{good}"), &["wrong_form 85"]);
    check(HEAD, &["no_application 61"]);
    check(&format!("{HEAD} {HEAD} 6113{good}"), &["duplicate 85"]);
    let two = format!("{HEAD} 6113{good} 6113{good}");
    check(&two, &[]);
    check(&format!("{two} 6113{good}"), &["too_many_applications 61"]);
    check(&format!("{two} 6300 6400"), &["misplaced 63", "misplaced 64"]);
    check(&format!("{two} 6200 6200"), &["duplicate 62"]);
    check(&format!("{two} 62026300"), &["misplaced 62.63"]);
    check(
        &format!("{HEAD} 6113{good} 6117{good} 5000 5000"),
        &["duplicate 61#2.50", "wrong_length 61#2.50", "wrong_length 61#2.50"],
    );
    check(&format!("{HEAD} 6100"), &["missing 61.4F", "missing 61"]);
    // The number may be what applications have in common.
    check(
        &format!("{HEAD} 6109 4F07F0435750415901 620A 5A085413330089020011"),
        &[],
    );
    check(
        &format!("{HEAD} 611F{good} 570A5413330089020029D291"),
        &["numbers_differ 61"],
    );
    check(&format!("{HEAD} 6116{good} 9F0800"), &["wrong_length 61.9F08"]);
    check(&format!("{HEAD} 6117{good} 5F2D0165"), &["wrong_length 61.5F2D"]);
    check(
        &format!("{HEAD} 610E 4F07F0435750415901 5A03541333"),
        &["wrong_number 61.5A"],
    );
    // Objects that no rule is about are kept, and chip data is not read.
    check(&format!("{HEAD} 611A{good} DF010155 6301FF"), &[]);
}

#[test]
fn numbers_are_those_before_the_separator() {
    let number = |text: &str| number_of_track_2(&hex::decode(text).expect("hex"));
    assert_eq!(number("5413330089020011D29F"), Ok(pan()));
    assert_eq!(number("5413330089020011"), Ok(pan()));
    assert_eq!(number("54133300890200F1D2"), Err(PanError::NotDigit { at: 14 }));
    assert_eq!(number("D254"), Err(PanError::TooShort(0)));
    assert_eq!(number(&"11".repeat(300)), Err(PanError::TooLong(20)));
}

#[test]
fn inspecting_opens_chip_data_and_shows_no_number() {
    let text = build(&Number::Pan(&pan()), &chip()).expect("a code");
    let found = inspect(&format!("{}\r\n", text.as_str()));
    assert_eq!(found["valid"], true, "{found}");
    let application = &found["objects"][1];
    assert_eq!(application["objects"][1]["value"], "541333******0011");
    let cryptogram = &application["objects"][2]["objects"][0];
    assert_eq!(
        (&cryptogram["tag"], &cryptogram["value"]),
        (&"9F26".into(), &"0102030405060708".into())
    );
    assert!(!found.to_string().contains(PAN));

    let track = hex::decode("5413330089020011D2912201123400001F").expect("hex");
    let inside: Vec<(Tag, &[u8])> = vec![(Tag::of(0x57), &track), (Tag::of(0x9f20), &track)];
    let text = build(&Number::Track2(&track), &inside).expect("a code");
    let found = inspect(&text);
    assert_eq!(
        found["objects"][1]["objects"][2]["objects"][0]["value"],
        "541333******0011"
    );
    assert!(
        !found.to_string().contains(PAN) && !found.to_string().contains("29122"),
        "{found}"
    );
}

#[test]
fn inspecting_tells_of_chip_data_that_is_none() {
    let mut writer = Writer::new();
    writer.primitive(FORMAT, VERSION).constructed(APPLICATION, |one| {
        one.primitive(AID, &applet::AID)
            .primitive(APPLICATION_CHIP_DATA, &[0x9f]);
    });
    let found = inspect(&BASE64_STANDARD.encode(writer.into_bytes()));
    let codes: Vec<_> = (0..2)
        .map(|at| (&found["violations"][at]["code"], &found["violations"][at]["where"]))
        .collect();
    assert_eq!(
        codes,
        [
            (&"missing".into(), &"61".into()),
            (&"wrong_chip_data".into(), &"61.63".into())
        ]
    );
    let found = inspect("hQ==");
    assert_eq!(found["violations"][0]["code"], "length_truncated");
    assert_eq!(found["valid"], false);
}

proptest! {
    #[test]
    fn invariant_what_is_built_is_read(
        digits in "[0-9]{12,19}",
        values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..6),
    ) {
        let pan: Pan = digits.parse().expect("a number");
        let chip: Vec<_> = values.iter().enumerate().map(|(at, value)| (Tag::of(0x9f10 + at as u32), &value[..])).collect();
        let text = build(&Number::Pan(&pan), &chip).expect("a code");
        let bytes = decode(&text).expect("base64");
        let code = Code::read(&bytes).expect("structure");
        let application = code.applications().next().expect("an application");
        prop_assert_eq!(application.pan(), Some(Ok(pan)));
        let nodes = chip_data(application.chip_data()[0].expect("63")).expect("objects");
        let read: Vec<_> = nodes.iter().map(|node| (node.object.tag, node.object.value)).collect();
        prop_assert_eq!(read, chip);
        let found = inspect(&text);
        prop_assert_eq!(&found["valid"], true);
    }

    #[test]
    fn invariant_anything_is_read_or_refused_alike_by_inspecting(bytes in prop::collection::vec(any::<u8>(), 0..520)) {
        let found = inspect(&BASE64_STANDARD.encode(&bytes));
        match Code::read(&bytes) {
            Ok(code) => {
                prop_assert_eq!(found["objects"].as_array().map(Vec::len), Some(code.objects.len()));
                prop_assert!(found["violations"].as_array().map(Vec::len) >= Some(code.violations().len()));
            }
            Err(_) => prop_assert!(!found["structure"].is_null()),
        }
    }
}
