//! ISO 8583 against messages that other implementations wrote and read: every verdict as recorded, and how many.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use causeway_cards::iso8583::{
    Class, Data, Fault, FieldSource, Message, MessageType, Notation, Pad, Place, Shown, Spec, SpecSource, describe,
};
use serde_json::Value;

/// A file of published vectors, which are not part of this repository; says so where it is absent.
fn path(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CAUSEWAY_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
        PathBuf::from,
    );
    let path = folder.join("iso8583").join(name);
    if !path.exists() {
        say(&format!("SKIPPED: no test vectors at {}", path.display()));
        return None;
    }
    Some(path)
}

/// Past the test harness, which hides what a passing test prints.
fn say(text: &str) {
    writeln!(std::io::stderr(), "{text}").expect("stderr is open");
}

fn read(name: &str) -> Option<Vec<u8>> {
    Some(fs::read(path(name)?).expect("the vectors are readable"))
}

fn notation(encoding: &str, binary: Notation) -> Option<Notation> {
    match encoding {
        "ascii" => Some(Notation::Ascii),
        "cp500" => Some(Notation::Cp500),
        "bcd" => Some(Notation::Packed),
        "b" => Some(binary),
        _ => None,
    }
}

/// A field of pyiso8583's as ours, unless it is of a kind that ours has not.
fn field(entry: &Value) -> Option<FieldSource> {
    let text = |key: &str| entry[key].as_str();
    let nibbles = text("len_count") == Some("nibbles");
    let (class, data) = match (text("data_enc")?, nibbles) {
        ("ascii", false) => (Class::Any, Data::Ascii),
        ("cp500", false) => (Class::Any, Data::Cp500),
        ("b", false) => (Class::B, Data::Raw),
        ("b", true) => (Class::Hex, Data::Packed),
        _ => return None,
    };
    let pad = |key| u8::from_str_radix(text(key)?.get(..1)?, 16).ok();
    let lengths = notation(text("len_enc")?, Notation::Binary)?;
    let length = u8::try_from(entry["len_type"].as_u64()?).ok()?;
    Some(FieldSource {
        name: String::new(),
        class,
        max: u16::try_from(entry["max_len"].as_u64()?).ok()?,
        length_digits: match lengths {
            Notation::Packed => length * 2,
            Notation::Binary if length > 0 => length + 1,
            _ => length,
        },
        data: Some(data),
        lengths: Some(lengths),
        pad: Some(
            pad("left_pad")
                .map(Pad::Left)
                .or(pad("right_pad").map(Pad::Right))
                .unwrap_or(Pad::Never),
        ),
    })
}

/// A spec of pyiso8583's as ours: with the fields that ours can have.
fn spec(peer: &Value) -> Option<Spec> {
    let head = |key: &str, binary| notation(peer[key]["data_enc"].as_str()?, binary);
    if peer["h"]["max_len"].as_u64()? > 0 {
        return None;
    }
    let source = SpecSource {
        name: "peer".to_owned(),
        mti: head("t", Notation::Packed)?,
        bitmap: head("p", Notation::Binary)?,
        secondary_bitmap: Some(head("1", Notation::Binary)?),
        lengths: Notation::Ascii,
        numbers: Data::Ascii,
        text: Data::Ascii,
        bytes: Data::Raw,
        message_types: None,
        fields: BTreeMap::new(),
    };
    let all = peer.as_object()?.iter();
    let fields = all.filter_map(|(key, entry)| Some((key.parse::<u8>().ok()?, field(entry)?)));
    let alone = |number, field: &FieldSource| SpecSource {
        fields: BTreeMap::from([(number, field.clone())]),
        ..source.clone()
    };
    let fields = fields.filter(|(number, field)| Spec::new(alone(*number, field)).is_ok());
    let fields = fields.collect();
    Some(Spec::new(SpecSource { fields, ..source }).expect("each field is one"))
}

fn bytes(text: &Value) -> Option<Vec<u8>> {
    hex::decode(text.as_str()?.strip_prefix("hex:")?).ok()
}

/// A value of ours as pyiso8583 has it.
fn peer_text(spec: &Spec, number: u8, value: &[u8]) -> String {
    match spec.field_class(number) {
        Some(Class::B) => hex::encode_upper(value),
        _ => String::from_utf8(value.to_vec()).expect("ASCII"),
    }
}

/// The place that pyiso8583 names last: "…: field 4 pos 32".
fn place(error: &str) -> Option<Place> {
    let name = error.rsplit_once(": field ")?.1.split(' ').next()?;
    match name {
        "t" => Some(Place::MessageType),
        "p" => Some(Place::PrimaryBitmap),
        "1" => Some(Place::SecondaryBitmap),
        number => number.parse().ok().map(Place::Field),
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    decoded: usize,
    built: usize,
    refused: usize,
    out_of_scope: BTreeMap<&'static str, usize>,
}

/// Whether the spec has all fields of a recorded message; which kind of message it is otherwise.
fn scope(spec: Option<&Spec>, document: &Value) -> Result<(), &'static str> {
    let spec = spec.ok_or("a header or an unknown encoding")?;
    for key in document.as_object().into_iter().flat_map(|fields| fields.keys()) {
        match key.parse::<u16>() {
            Err(_) if ["t", "p", "1", "h"].contains(&key.as_str()) => {}
            Ok(1) => {}
            Ok(number) if number <= 128 && number != 65 => {
                spec.field_class(number as u8).ok_or("a field that is no field here")?;
            }
            _ => return Err("a third bitmap, or keys that are no fields"),
        }
    }
    Ok(())
}

fn decode(case: &Value, spec: Option<&Spec>, counts: &mut Counts) -> Result<(), &'static str> {
    let wire = bytes(&case["args"]["s"]).ok_or("input that is not bytes")?;
    scope(spec, &case["result"][0])?;
    let spec = spec.expect("in scope");
    let test = case["test"].as_str().expect("a name");
    let parsed = spec.parse(&wire);
    let Some(error) = case["error"].as_str() else {
        let message = parsed.unwrap_or_else(|refusal| panic!("{test}: {refusal}"));
        let expected = case["result"][0].as_object().expect("fields");
        assert_eq!(
            message.message_type().to_string(),
            expected["t"].as_str().expect("text"),
            "{test}"
        );
        let numbers: Vec<u8> = expected
            .keys()
            .filter_map(|key| key.parse().ok())
            .filter(|number| *number > 1)
            .collect();
        assert_eq!(message.fields().count(), numbers.len(), "{test}");
        for number in numbers {
            let value = peer_text(spec, number, message.get(number).expect("present"));
            assert_eq!(value, expected[&number.to_string()], "{test}");
        }
        assert_eq!(
            spec.to_bytes(&message).expect("what was read can be written"),
            canonical(&wire, spec),
            "{test}"
        );
        counts.decoded += 1;
        return Ok(());
    };
    let expected = place(error).ok_or("an error of no field")?;
    if let Place::Field(number) = expected
        && error.contains("unknown encoding")
    {
        assert_eq!(spec.field_class(number), None);
        return Err("a header or an unknown encoding");
    }
    let refusal = parsed.expect_err(test);
    if refusal
        .violations
        .iter()
        .any(|violation| violation.place == Place::Field(65))
    {
        return Err("a third bitmap, or keys that are no fields");
    }
    let found = refusal.violations.iter().any(|violation| match violation.fault {
        Fault::Trailing(_) => error.contains("Extra data"),
        _ => violation.place == expected,
    });
    assert!(found, "{test}: {refusal} instead of {error}");
    counts.refused += 1;
    Ok(())
}

/// Hexadecimal bitmaps may be lower case where they are read; all else is as written.
fn canonical(wire: &[u8], spec: &Spec) -> Vec<u8> {
    let message = spec.parse(wire).expect("read before");
    let again = spec.to_bytes(&message).expect("written before");
    assert!(again.eq_ignore_ascii_case(wire));
    again
}

fn encode(case: &Value, spec: Option<&Spec>, counts: &mut Counts) -> Result<(), &'static str> {
    let document = &case["args"]["doc_dec"];
    scope(spec, document)?;
    let spec = spec.expect("in scope");
    let test = case["test"].as_str().expect("a name");
    let error = case["error"].as_str();
    if error.is_some_and(|error| error.contains("unknown encoding")) {
        return Err("a header or an unknown encoding");
    }
    if error.is_some_and(|error| error.contains("invalid fields")) {
        return Err("keys that are not text in Python");
    }
    let built =
        message(document, spec).and_then(|message| spec.to_bytes(&message).map_err(|violation| violation.place));
    match error {
        None => {
            assert_eq!(built.ok(), bytes(&case["result"][0]), "{test}");
            counts.built += 1;
        }
        Some(error) => {
            let expected = place(error).ok_or("an error of no field")?;
            assert_eq!(built, Err(expected), "{test}: {error}");
            counts.refused += 1;
        }
    }
    Ok(())
}

/// A message from a document of pyiso8583's, whose bytes are hexadecimal text.
fn message(document: &Value, spec: &Spec) -> Result<Message, Place> {
    let text = document["t"].as_str().unwrap_or_default();
    let mut message = Message::new(text.parse::<MessageType>().map_err(|_| Place::MessageType)?);
    for (key, value) in document.as_object().expect("fields") {
        let Some(number) = key.parse::<u8>().ok().filter(|number| *number > 1) else {
            continue;
        };
        let text = value.as_str().expect("text");
        let value = match spec.field_class(number) {
            Some(Class::B) => hex::decode(text).map_err(|_| Place::Field(number))?,
            _ => text.as_bytes().to_vec(),
        };
        message.set(number, &value).map_err(|violation| violation.place)?;
    }
    Ok(message)
}

#[test]
fn pyiso8583_calls_have_the_recorded_verdicts() {
    let Some(text) = read("pyiso8583_encode_decode.json") else {
        return;
    };
    let vectors: Value = serde_json::from_slice(&text).expect("JSON");
    let specs: BTreeMap<&str, Option<Spec>> = vectors["specs"]
        .as_object()
        .expect("specs")
        .iter()
        .map(|(name, peer)| (name.as_str(), spec(peer)))
        .collect();
    let mut counts = Counts::default();
    for case in vectors["cases"].as_array().expect("cases") {
        let spec = case["args"]["spec"].as_str().and_then(|name| specs.get(name)?.as_ref());
        let verdict = match case["fn"].as_str() {
            Some("iso8583.decode") => decode(case, spec, &mut counts),
            _ => encode(case, spec, &mut counts),
        };
        if let Err(why) = verdict {
            *counts.out_of_scope.entry(why).or_default() += 1;
        }
    }
    say(&format!("pyiso8583: {counts:?}"));
    let all = counts.decoded + counts.built + counts.refused + counts.out_of_scope.values().sum::<usize>();
    assert_eq!(all, 180);
    let out_of_scope = [
        // Maxima of 0, unknown encodings, text counted in half bytes.
        ("a field that is no field here", 25),
        ("a header or an unknown encoding", 14),
        ("a third bitmap, or keys that are no fields", 9),
        ("input that is not bytes", 1),
        ("keys that are not text in Python", 1),
    ];
    let expected = Counts {
        decoded: 32,
        built: 55,
        refused: 43,
        out_of_scope: BTreeMap::from(out_of_scope),
    };
    assert_eq!(counts, expected);
}

/// moov's spec87ascii, as far as variant A has the same fields: its messages under A.
#[test]
fn moov_messages_under_variant_a() {
    let verdicts: [(&str, &[&str]); 8] = [
        (
            "error_message.dat",
            &[
                "field 63: the variant does not list the field, so its length is unknown",
                "field 55: 21 bytes are left where 30 are needed",
            ],
        ),
        (
            "financial_transaction_message.dat",
            &["field 60: the variant does not list the field, so its length is unknown"],
        ),
        ("iso_reversal_message_advice.dat", &[]),
        (
            "iso_reversal_message_response.dat",
            &[
                "field 63: the variant does not list the field, so its length is unknown",
                "field 55: the character at 29 is not allowed: hexadecimal digits are",
            ],
        ),
        (
            "message_with_error_indicate_numeric.dat",
            &["field 28: 8 bytes are left where 9 are needed"],
        ),
        ("network_management_message.dat", &[]),
        (
            "network_management_message_response.dat",
            &["field 73: the variant does not list the field, so its length is unknown"],
        ),
        (
            "network_management_message_with_error_track.dat",
            &["field 35: the character at 0 is not allowed: digits with = or D between them are"],
        ),
    ];
    let mut decoded = 0;
    for (file, expected) in verdicts {
        let Some(mut wire) = read(&format!("moov/{file}")) else {
            return;
        };
        while wire.last() == Some(&b'\n') {
            wire.pop();
        }
        let inspection = describe(Spec::a(), &wire, Shown::Clear);
        let found: Vec<String> = inspection.violations.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{file}");
        decoded += usize::from(inspection.valid);
    }
    say(&format!(
        "moov: {decoded} of {} messages are of variant A",
        verdicts.len()
    ));
}
