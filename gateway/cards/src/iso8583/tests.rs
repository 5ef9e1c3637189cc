use proptest::prelude::*;

use super::{
    Class, Fault, Frame, FrameTooLong, Frames, Message, MessageType, OriginalElements, Place, Spec, Violation, frame,
};

const NUMBER: &[u8] = b"4123709999000029";

fn purchase() -> Message {
    let mut message = Message::new(MessageType::FINANCIAL);
    let fields: [(u8, &[u8]); 14] = [
        (2, NUMBER),
        (3, b"000000"),
        (4, b"000000012345"),
        (7, b"1130011500"),
        (11, b"000042"),
        (12, b"011500"),
        (13, b"1130"),
        (22, b"071"),
        (32, b"12345"),
        (35, b"4123709999000029=2512201"),
        (41, b"TERM0001"),
        (42, b"MERCHANT0000001"),
        (49, b"978"),
        (52, &[1, 2, 3, 4, 5, 6, 7, 8]),
    ];
    for (field, value) in fields {
        message.set(field, value).expect("short values");
    }
    message
}

fn places(spec: &Spec, wire: &[u8]) -> Vec<(Place, &'static str)> {
    let refusal = spec.parse(wire).expect_err("a violation");
    let violations = refusal.violations.iter();
    violations
        .map(|violation| (violation.place, violation.fault.code()))
        .collect()
}

#[test]
fn variants_write_as_the_design_says() {
    let mut message = Message::new(MessageType::NETWORK);
    message.set(7, b"1130011500").expect("short");
    message.set(22, b"071").expect("short");
    message.set(35, b"12=34").expect("short");
    message.set(52, &[0xAB; 8]).expect("short");
    message.set(70, b"301").expect("short");
    let a = Spec::a().to_bytes(&message).expect("listed fields");
    let text = "0800820004002000100004000000000000001130011500071".to_owned() + "0512=34ABABABABABABABAB301";
    assert_eq!(String::from_utf8(a).expect("text"), text);
    let b = Spec::b().to_bytes(&message).expect("listed fields");
    assert_eq!(
        hex::encode_upper(b),
        "0800820004002000100004000000000000001130011500007105".to_owned() + "12D34FABABABABABABABAB0301"
    );
}

#[test]
fn every_violation_is_named() {
    let a = Spec::a().to_bytes(&purchase()).expect("a purchase");
    let with = |from: usize, text: &[u8]| {
        let mut wire = a.clone();
        wire[from..from + text.len()].copy_from_slice(text);
        places(Spec::a(), &wire)
    };
    assert_eq!(with(0, b"0900"), [(Place::MessageType, "unknown_message_type")]);
    assert_eq!(with(0, b"02X0"), [(Place::MessageType, "message_type_not_digits")]);
    assert_eq!(with(4, b"G"), [(Place::PrimaryBitmap, "bitmap_not_hex")]);
    assert_eq!(with(20, b"20"), [(Place::Field(2), "too_long")]);
    assert_eq!(with(20, b"1X"), [(Place::Field(2), "length_not_digits")]);
    let two = [
        (Place::Field(2), "character_not_allowed"),
        (Place::Field(3), "character_not_allowed"),
    ];
    assert_eq!(with(37, b"XX"), two);
    let truncated = places(Spec::a(), &a[..a.len() - 1]);
    assert_eq!(truncated, [(Place::Field(52), "truncated")]);
    assert_eq!(
        places(Spec::a(), &[&a[..], b"0"].concat()),
        [(Place::End, "trailing_bytes")]
    );
    assert_eq!(places(Spec::a(), &[b'0'; 4097]), [(Place::End, "message_too_long")]);
    // Field 63, which neither variant lists.
    let mut b = Spec::b().to_bytes(&purchase()).expect("a purchase");
    b[9] |= 2;
    assert_eq!(places(Spec::b(), &b), [(Place::Field(63), "unlisted_field"),]);
}

#[test]
fn logs_have_no_number_track_or_pin_block() {
    let shown = format!("{:?}", purchase());
    assert!(shown.contains("2=412370******0029"), "{shown}");
    assert!(
        shown.contains("35=[24 bytes]") && shown.contains("52=[8 bytes]"),
        "{shown}"
    );
    assert!(!shown.contains("4123709999"), "{shown}");
}

#[test]
fn codes_cover_all_before_them() {
    for (extra, code) in [(None, 64), (Some((70, b"301")), 128)] {
        for spec in [Spec::a(), Spec::b()] {
            let mut message = purchase();
            if let Some((field, value)) = extra {
                message.set(field, value).expect("short");
            }
            let mut covered = Vec::new();
            let mut wire = Vec::new();
            let sealed = spec.build_sealed(&mut message, &mut wire, |bytes| {
                covered = bytes.to_vec();
                [7; 8]
            });
            sealed.expect("a purchase");
            let read = spec.parse(&wire).expect("what was written");
            assert_eq!(
                read,
                spec.parse(&spec.to_bytes(&message).expect("sealed")).expect("sealed")
            );
            assert_eq!(read.get(code), Some(&[7; 8][..]));
            assert_eq!(spec.sealed_bytes(&read, &wire), Ok(&covered[..]));
        }
    }
    let wire = Spec::a().to_bytes(&purchase()).expect("a purchase");
    let missing = Spec::a().sealed_bytes(&purchase(), &wire).expect_err("no code");
    assert_eq!(missing.fault, Fault::Missing);
}

#[test]
fn repeats_have_the_key_of_the_first() {
    let (first, mut again) = (purchase(), purchase());
    again.set_message_type(MessageType::FINANCIAL.repeat());
    again.set(7, b"1130011600").expect("short");
    assert_eq!(first.duplicate_key(), again.duplicate_key());
    assert_ne!(first.matching_key(), again.matching_key());
    again.set(41, b"TERM0002").expect("short");
    assert_ne!(first.duplicate_key(), again.duplicate_key());
}

#[test]
fn views_have_meanings() {
    let mut message = purchase();
    assert_eq!(message.amount(), Ok(Some(12_345)));
    assert_eq!(
        message.entry_mode().expect("three digits").expect("present").meaning(),
        Some("contactless chip")
    );
    let original = OriginalElements {
        message_type: MessageType::FINANCIAL,
        trace_number: "000042".to_owned(),
        transmission_time: "1130011500".to_owned(),
        acquirer: "12345".to_owned(),
        forwarder: String::new(),
    };
    message.set(90, original.to_field().as_bytes()).expect("42 digits");
    assert_eq!(message.original_elements(), Ok(Some(original)));
    message.set(54, b"0040978C000000000100").expect("20 characters");
    assert_eq!(
        message.additional_amounts().expect("an amount").expect("present")[0].minor_units,
        100
    );
    message.set(7, b"1330011500").expect("short");
    let wrong = message.transmission_time().expect_err("there is no month 13");
    assert_eq!(wrong.place, Place::Field(7));
}

fn value(spec: &Spec, field: u8) -> impl Strategy<Value = Vec<u8>> + use<> {
    let source: serde_json::Value = serde_json::from_str(include_str!("b.json")).expect("JSON");
    let entry = &source["fields"][field.to_string()];
    let max = usize::try_from(entry["max"].as_u64().expect("a number")).expect("small");
    let max = if field == 55 { 499 } else { max };
    let length = if entry["length_digits"].is_u64() {
        0..=max
    } else {
        max..=max
    };
    let class = spec.field_class(field).expect("listed");
    proptest::collection::vec(any::<u8>(), length).prop_map(move |mut value| {
        let pick = |characters: &[u8], byte: u8| characters[usize::from(byte) % characters.len()];
        for (at, byte) in value.iter_mut().enumerate() {
            *byte = match class {
                Class::N => pick(b"0123456789", *byte),
                Class::Z => pick(b"0123456789=", *byte),
                Class::Xn if at == 0 => pick(b"CD", *byte),
                Class::Xn => pick(b"0123456789", *byte),
                Class::An => pick(b"AZaz09 ", *byte),
                Class::B => *byte,
                _ => b' ' + *byte % 95,
            };
        }
        value
    })
}

fn messages() -> impl Strategy<Value = Message> {
    let spec = Spec::b();
    let listed: Vec<u8> = (2..=128).filter(|field| spec.field_class(*field).is_some()).collect();
    let fields = proptest::sample::subsequence(listed, 0..14);
    let fields = fields.prop_flat_map(move |fields| {
        let values: Vec<_> = fields.iter().map(|field| (Just(*field), value(spec, *field))).collect();
        values
    });
    fields.prop_map(|fields| {
        let mut message = Message::new(MessageType::AUTHORIZATION);
        for (field, value) in fields {
            message.set(field, &value).expect("within bounds");
        }
        message
    })
}

proptest! {
    #[test]
    fn invariant_what_is_built_is_read_in_both_variants(message in messages()) {
        for spec in [Spec::a(), Spec::b()] {
            let Ok(wire) = spec.to_bytes(&message) else {
                continue;
            };
            let read = spec.parse(&wire).expect("what was built");
            prop_assert!(read.fields().eq(message.fields()));
            for field in message.fields() {
                prop_assert_eq!(read.get(field), message.get(field));
            }
            for length in 0..wire.len() {
                prop_assert!(spec.parse(&wire[..length]).is_err());
            }
        }
    }

    #[test]
    fn invariant_frames_do_not_depend_on_the_pieces(
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..8),
        piece in 1_usize..50,
    ) {
        let mut stream = Vec::new();
        for message in &messages {
            let written = frame::<FrameTooLong>(&mut stream, |out| { out.extend_from_slice(message); Ok(()) });
            prop_assert!(written.is_ok());
        }
        let (mut frames, mut taken) = (Frames::default(), Vec::new());
        for bytes in stream.chunks(piece) {
            frames.push(bytes);
            while let Some(frame) = frames.take().expect("short frames") {
                taken.push(if let Frame::Message(message) = frame { message } else { Vec::new() });
            }
        }
        prop_assert_eq!(taken, messages);
        prop_assert!(!frames.is_within());
    }
}

#[test]
fn long_frames_are_refused_by_their_length() {
    let mut frames = Frames::default();
    frames.push(&[0x10, 0x01]);
    assert_eq!(frames.take(), Err(FrameTooLong(4_097)));
}

#[test]
fn messages_are_bounded() {
    let mut message = Message::new(MessageType::FINANCIAL);
    let refused = message.set(55, &[0; 8_193]).expect_err("too long");
    assert_eq!(refused.fault, Fault::MessageTooLong { max: 8_192 });
    let first = message.set(1, b"").expect_err("the second bitmap is no value");
    assert!(matches!(
        first,
        Violation {
            place: Place::Field(1),
            ..
        }
    ));
}
