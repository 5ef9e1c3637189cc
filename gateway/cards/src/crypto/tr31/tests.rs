use proptest::{collection::vec, prelude::*};

use super::*;

/// Published (psec): under KBPK, the key.
const KNOWN: (&str, &str, &str) = (
    "88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6",
    "3F419E1CB7079442AA37474C2EFBF8B8",
    "D0112P0AE00E0000B82679114F470F540165EDFBF7E250FCEA43F810D215F8D207E2E417C07156A27E8E31DA05F7425509593D03A457DC34",
);

#[test]
fn a_published_key_is_unwrapped_and_wrapped_as_it_was() {
    let (protection, key, block) = KNOWN;
    let protection = hex::decode(protection).expect("hexadecimal");
    let unwrapped = unwrap(&protection, block).expect("a key block");
    assert_eq!(hex::encode_upper(&unwrapped.key), key);
    let attributes = unwrapped.header.attributes();
    assert_eq!((attributes.usage, attributes.algorithm), ("P0", "A"));
    let random = [0; RANDOM_BYTES];
    let wrapped = wrap(&protection, &unwrapped.header, &unwrapped.key, Some(0), &random).expect("a key block");
    assert_eq!(wrapped.len(), block.len());
    assert!(unwrap(&protection, &wrapped).is_ok_and(|again| again.key == unwrapped.key));
}

#[test]
fn keys_under_aes_of_128_and_192_bits_are_unwrapped() {
    // Made with psec 1.3.0, of which no such vectors are published.
    for (protection, key, block) in [
        (
            "D10123F179AB5BD993C8F0E392C25DA1",
            "3BA936A4B4396FA6E6ECFDE7156FE3F5",
            "D0112PBDE5WA00001185A38439B35AE45797B3140B4EAE377ADE8242DEEE9918818B49D809D1212440AE73FBE66564B99C35E31E4CC33D5D",
        ),
        (
            "BE4898E84C52CE0D5E20C2D4BBE4BF44F82A6E3EFDA3A918",
            "79370D40E9B0ADE8",
            "D0112PUT6Yx50000A9103445C644AFE20FEB40F82C20091A369CC40FAE76BFB18C8B306677EC602F5AB920414AD2C162F1C3A8A86DF55B9F",
        ),
    ] {
        let unwrapped = unwrap(&hex::decode(protection).expect("hexadecimal"), block).expect("a key block");
        assert_eq!(hex::encode_upper(&unwrapped.key), key);
    }
}

#[test]
fn a_code_is_checked_before_anything_that_is_deciphered() {
    let (_, _, block) = KNOWN;
    assert_eq!(unwrap(&[7; 32], block).err(), Some(KeyBlockError::Mac));
    assert_eq!(unwrap(&[7; 7], block).err(), Some(KeyBlockError::ProtectionKey));
}

#[test]
fn headers_are_filled_up_and_long_blocks_have_long_lengths() {
    let data = "P".repeat(256);
    let text = format!("B0000P0TE00N0200KS0002010A{data}PB0600");
    let (header, end) = Header::parse(&text).expect("a header");
    assert_eq!((end, header.blocks().len()), (text.len(), 1));
    let written = header.to_text(0).expect("it fits");
    assert_eq!(written, text.replacen("0000", "0288", 1));
    let twice = "B0000P0TE00N0200KS0600KS0600";
    assert_eq!(Header::parse(twice).err(), Some(KeyBlockError::OptionalBlock("ID")));
}

#[test]
fn what_does_not_fit_is_not_wrapped() {
    let (header, _) = Header::parse("B0000P0TE00N0000").expect("a header");
    let random = [1; RANDOM_BYTES];
    let refused = |key: &[u8], mask| wrap(&[7; 16], &header, key, mask, &random).is_err();
    assert!(refused(&[], None) && refused(&[1; KEY_BYTES_MAX + 1], None) && refused(&[1; 16], Some(33)));
    assert!(!refused(&[1; KEY_BYTES_MAX], None) && !refused(&[1], Some(32)));
    let long = format!("B0000P0TE00N0100KS000226AC{}", "P".repeat(0x26AC - 10));
    let (header, _) = Header::parse(&long).expect("a header");
    let error = wrap(&[7; 16], &header, &[1; 16], None, &random).expect_err("too long");
    assert_eq!(error, KeyBlockError::Length.into());
}

proptest! {
    #[test]
    fn invariant_what_is_wrapped_is_unwrapped(
        protection in any::<[u8; 32]>(),
        key in vec(any::<u8>(), 1..80),
        random in vec(any::<u8>(), RANDOM_BYTES),
        mask in proptest::option::of(0..=MASK_BYTES_MAX),
        data in "[ -~]{0,300}",
        version in 0..4usize,
    ) {
        let (version, lengths) = [("A", [8, 16, 24]), ("B", [16, 24, 24]), ("C", [8, 16, 24]), ("D", [16, 24, 32])][version];
        let length = if data.len() + 4 > 0xFF { format!("0002{:04X}", data.len() + 10) } else { format!("{:02X}", data.len() + 4) };
        let (header, _) = Header::parse(&format!("{version}0000K0TN00E0100KS{length}{data}")).expect("a header");
        let random = random.try_into().expect("as many as it takes");
        for length in lengths {
            let block = wrap(&protection[..length], &header, &key, mask, &random).expect("a key block");
            let again = unwrap(&protection[..length], &block).expect("the same key");
            prop_assert_eq!(again.key.as_slice(), key.as_slice());
            prop_assert_eq!(again.header.blocks(), header.blocks());
        }
    }

    #[test]
    fn invariant_any_text_is_refused_or_a_header(text in "[A-D][0-9]{4}P0TE00N0[0-9]00([ -~]|é){0,60}") {
        let _ = unwrap(&[1; 16], &text);
        if let Ok((header, end)) = Header::parse(&text) {
            prop_assert!(end <= text.len() && header.blocks().len() < 10);
        }
    }
}
