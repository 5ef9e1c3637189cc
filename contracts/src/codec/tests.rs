use super::*;
use crate::{
    example::{genesis, list, transfer},
    genesis::{GENESIS_BYTES_MAX, Genesis},
    transaction::Transaction,
};

mod golden;
mod offline;
mod purses;
mod roundtrip;
mod settlement;
mod values;

/// The varint of 2^60: a marker for eight bytes, and those.
const CLAIM: [u8; 9] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0x10];

fn malformed<T>(text: &str) -> Result<T, DecodeError> {
    Err(DecodeError::Malformed(BinDecodeText(text.into())))
}

fn check<T: Encode + Decode<()> + PartialEq + fmt::Debug>(bytes: &[u8], expected: Result<T, DecodeError>) {
    assert_eq!(decode(bytes, 1024), expected, "{}", hex::encode(bytes));
}

#[test]
fn a_claim_beyond_the_bound_is_refused() {
    let claim = [&CLAIM[..], &[1]].concat();
    assert_eq!(claim.len(), 10);
    let expected = "a list of 1152921504606846976 items, and at most 4 are allowed";
    check::<Bounded<u8, 4>>(&claim, malformed(expected));
    check::<Bounded<[u8; 32], 4>>(&claim, malformed(expected));
    check::<Bounded<Bounded<u8, 9>, 4>>(&claim, malformed(expected));
    check::<Bounded<Bounded<u8, 4>, 9>>(&[&[1], &claim[..]].concat(), malformed(expected));
    check::<Text<4>>(&claim, malformed(expected));
    check::<Bounded<Text<4>, 9>>(&[&[2, 0], &claim[..]].concat(), malformed(expected));
    check::<Bounded<u8, 4>>(
        &[5, 1, 2, 3, 4, 5],
        malformed("a list of 5 items, and at most 4 are allowed"),
    );
    check::<Text<4>>(b"\x05abcde", malformed("a list of 5 items, and at most 4 are allowed"));
    check(&[4, 1, 2, 3, 4], Ok(list::<u8, 4>(vec![1, 2, 3, 4])));
    check(b"\x04abcd", Ok(Text::<4>("abcd".into())));
}

/// Memory for 2^60 items does not exist: were it asked for, this test would die.
#[test]
fn a_claim_within_the_bound_costs_no_memory_before_the_items_come() {
    const END: &str = "the bytes end before the value does";
    check::<Bounded<u8, { usize::MAX }>>(&CLAIM, malformed(END));
    check::<Bounded<[u8; 1024], { usize::MAX }>>(&CLAIM, malformed(END));
    check::<Bounded<Bounded<u8, { usize::MAX }>, { usize::MAX }>>(&[CLAIM, CLAIM].concat(), malformed(END));

    // A genesis file of no accounts, made to claim a million.
    let mut bytes = encode(&Genesis {
        accounts: list(vec![]),
        ..genesis()
    });
    // Nor does it continue a network.
    assert_eq!([bytes.pop(), bytes.pop()], [Some(0); 2]);
    bytes.extend_from_slice(&[0xfc, 0x40, 0x42, 0x0f, 0]);
    assert_eq!(decode::<Genesis>(&bytes, GENESIS_BYTES_MAX), malformed(END));
    bytes.truncate(bytes.len() - 4);
    bytes.extend_from_slice(&[0x41, 0x42, 0x0f, 0]);
    let expected = "a list of 1000001 items, and at most 1000000 are allowed";
    assert_eq!(decode::<Genesis>(&bytes, GENESIS_BYTES_MAX), malformed(expected));
}

#[test]
fn an_integer_has_one_form() {
    check::<u64>(&[250], Ok(250));
    check::<u64>(&[0xfb, 251, 0], Ok(251));
    check::<u64>(&[0xfb, 0xff, 0xff], Ok(65_535));
    check::<u64>(&[0xfc, 0, 0, 1, 0], Ok(65_536));
    check::<u64>(&CLAIM, Ok(1 << 60));
    for wide in [
        &[0xfb, 250, 0][..],
        &[0xfc, 250, 0, 0, 0],
        &[0xfc, 0xff, 0xff, 0, 0],
        &[0xfd, 250, 0, 0, 0, 0, 0, 0, 0],
        &[0xfd, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0],
    ] {
        check::<u64>(wide, Err(DecodeError::NotCanonical));
    }
    check::<u16>(&[0xfb, 5, 0], Err(DecodeError::NotCanonical));
    check::<u32>(&[0xfb, 5, 0], Err(DecodeError::NotCanonical));
    check::<i128>(&[0xfb, 5, 0], Err(DecodeError::NotCanonical));
    check::<i128>(&[9], Ok(-5));
    check::<i128>(&[10], Ok(5));
    // A marker of a wider type than the value's, and the one that is not in use.
    for marker in [0xfd, 0xfe, 0xff] {
        let error = decode::<u32>(&[&[marker][..], &[0; 16]].concat(), 64).expect_err("too wide");
        assert!(matches!(error, DecodeError::Malformed(_)), "{error:?}");
    }
}

#[test]
fn counts_and_variants_have_one_form() {
    check::<Bounded<u8, 9>>(&[2, 7, 8], Ok(list(vec![7, 8])));
    check::<Bounded<u8, 9>>(&[0xfb, 2, 0, 7, 8], Err(DecodeError::NotCanonical));
    check::<Text<9>>(&[0xfc, 1, 0, 0, 0, b'a'], Err(DecodeError::NotCanonical));
    check::<Option<u8>>(&[0], Ok(None));
    check::<Option<u8>>(&[1, 7], Ok(Some(7)));
    assert!(matches!(
        decode::<Option<u8>>(&[2, 7], 9),
        Err(DecodeError::Malformed(_))
    ));
    assert!(matches!(decode::<bool>(&[2], 9), Err(DecodeError::Malformed(_))));
    use crate::ledger::rejection::Skip;
    check::<Skip>(&[1], Ok(Skip::TooFarAhead));
    check::<Skip>(&[0xfb, 1, 0], Err(DecodeError::NotCanonical));
    assert!(matches!(decode::<Skip>(&[200], 9), Err(DecodeError::Malformed(_))));
}

#[test]
fn a_value_fills_its_bytes() {
    check::<u8>(&[], malformed("the bytes end before the value does"));
    check::<u8>(&[1, 2], Err(DecodeError::Trailing(1)));
    check::<Bounded<u8, 9>>(&[1, 7, 0, 0, 0], Err(DecodeError::Trailing(3)));
    let bytes = encode(&transfer());
    for end in 0..bytes.len() {
        check::<Transaction>(&bytes[..end], malformed("the bytes end before the value does"));
    }
}

#[test]
fn the_length_is_checked_before_anything_else() {
    let long = DecodeError::TooLong { actual: 3, max: 2 };
    assert_eq!(decode::<u8>(&[0xff; 3], 2), Err(long));
    assert_eq!(decode::<Bounded<u8, 9>>(&[1, 7], 2), Ok(list(vec![7])));
    assert_eq!(encoded_len(&transfer()), encode(&transfer()).len());
}

#[test]
fn text_is_utf_8() {
    check::<Text<9>>(b"\x02\xc3\xa9", Ok(Text("é".into())));
    check::<Text<9>>(b"\x01\xc3", malformed("text that is not UTF-8"));
    check::<Text<9>>(b"\x03\xed\xa0\x80", malformed("text that is not UTF-8"));
}

#[test]
fn bounds_hold_where_values_are_made() {
    let long = |actual, max| TooMany { actual, max };
    assert_eq!(Bounded::<u8, 2>::new(vec![1, 2, 3]), Err(long(3, 2)));
    assert_eq!(Bounded::<u8, 2>::try_from(vec![1, 2, 3]), Err(long(3, 2)));
    assert_eq!(Bounded::<u8, 2>::new(vec![1, 2]).map(Bounded::into_vec), Ok(vec![1, 2]));
    assert_eq!(Text::<2>::new("abc"), Err(long(3, 2)));
    assert_eq!(Text::<3>::new("éé"), Err(long(4, 3)), "bytes, not characters");
    assert_eq!(long(3, 2).to_string(), "3 items, and at most 2 are allowed");
}

#[test]
fn bounds_hold_in_json() {
    let refused = |json: &str, expected: &str| {
        let error = serde_json::from_str::<Bounded<Bounded<u8, 2>, 3>>(json)
            .expect_err(json)
            .to_string();
        assert!(error.starts_with(expected), "{error}");
    };
    refused("[[],[],[],[]]", "invalid length 4, expected a list of at most 3 items");
    refused("[[1,2,3]]", "invalid length 3, expected a list of at most 2 items");
    refused("{}", "invalid type: map, expected a list of at most 3 items");
    refused("[[256]]", "invalid value: integer `256`, expected u8");
    let value: Bounded<Bounded<u8, 2>, 3> = serde_json::from_str("[[1,2],[],[3]]").expect("within bounds");
    assert_eq!(serde_json::to_string(&value).expect("json"), "[[1,2],[],[3]]");

    let error = serde_json::from_str::<Text<3>>(r#""éé""#)
        .expect_err("four bytes")
        .to_string();
    assert!(error.starts_with("4 items, and at most 3 are allowed"), "{error}");
    assert_eq!(
        serde_json::from_str::<Text<4>>(r#""éé""#).expect("four bytes"),
        Text("éé".into())
    );
}

hex_newtype!(
    /// Three bytes.
    Three,
    3
);

#[test]
fn fixed_bytes_as_hexadecimal() {
    let value = Three([0x0a, 0xff, 0]);
    assert_eq!(value.to_string(), "0aff00");
    assert_eq!(format!("{value:?}"), "Three(0aff00)");
    assert_eq!("0aff00".parse(), Ok(value));
    assert_eq!("0AfF00".parse(), Ok(value));
    for text in [
        "",
        "0aff0",
        "0aff000",
        "0aff0000",
        "0x0aff",
        "0aff0g",
        " 0aff00",
        "0aff0\u{660}",
    ] {
        assert_eq!(text.parse::<Three>(), Err(NotHex { digits: 6 }), "{text}");
    }
    assert_eq!(serde_json::to_string(&value).expect("json"), "\"0aff00\"");
    assert_eq!(serde_json::from_str::<Three>("\"0aff00\"").expect("json"), value);
    let error = serde_json::from_str::<Three>("\"0aff\"")
        .expect_err("short")
        .to_string();
    assert!(error.starts_with("expected 6 hexadecimal digits"), "{error}");
    assert_eq!(encode(&value), value.as_bytes());
}

/// FIPS 180-2, appendix B.1, in pieces.
#[test]
fn hashes_are_over_tag_and_parts() {
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(hex::encode(hash("a", &[b"b", b"c"])), expected);
    assert_eq!(hex::encode(hash("abc", &[])), expected);
}
