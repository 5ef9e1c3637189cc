//! Card values, codes of messages, and PINs.

use causeway_cards::crypto::{CryptoError, cvv::CardData, mac::Padding, pin::Pin};

use super::{MASTER, array, load, spec};
use crate::acquiring::hsm::{Algorithm, Hsm, HsmError, PinBlock, PinReference, PinScheme, Purpose};

pub(super) fn codes_are_made_and_verified(hsm: &dyn Hsm) {
    let cvk = load(
        hsm,
        "cvk",
        spec(Purpose::Cvv, Algorithm::Tdes),
        "99999999999999998888888888888888",
    );
    let card = CardData {
        pan: "2222222222222222",
        date: "3333",
        service: "111",
    };
    assert_eq!(*hsm.cvv(&cvk, card).expect("a value"), "361");
    for (value, right) in [("361", true), ("362", false), ("36", false), ("", false)] {
        assert_eq!(hsm.verify_cvv(&cvk, card, value).expect("an answer"), right, "{value}");
    }
    let mac = load(
        hsm,
        "mac",
        spec(Purpose::Mac, Algorithm::Tdes),
        "41414141414141414242424242424242",
    );
    for (padding, code) in [
        (Padding::Method1, "3DDE5C5511661CBF"),
        (Padding::Method2, "E16941032C3BC7D4"),
    ] {
        let code = array(code);
        assert_eq!(hsm.mac(&mac, b"hello world", padding).expect("a code"), code);
        assert!(hsm.verify_mac(&mac, b"hello world", padding, &code).expect("an answer"));
        assert!(!hsm.verify_mac(&mac, b"hello World", padding, &code).expect("an answer"));
    }
}

pub(super) fn pins_are_verified_and_translated(hsm: &dyn Hsm) {
    let aes = load(
        hsm,
        "pin-aes",
        spec(Purpose::Pin, Algorithm::Aes128),
        "00112233445566778899AABBCCDDEEFF",
    );
    let tdes = load(
        hsm,
        "pin-tdes",
        spec(Purpose::Pin, Algorithm::Tdes),
        "FEDCBA98765432100123456789ABCDEF",
    );
    let pvk = load(hsm, "pvk", spec(Purpose::PinVerification, Algorithm::Tdes), MASTER);

    let pan = "1122334455667788";
    let pin = |text| Pin::new(text).expect("a PIN");
    for (index, text, value) in [(1, "4524", "pvv:1:8523"), (2, "1912", "pvv:2:3244")] {
        let made = hsm.pin_reference(&pvk, PinScheme::Pvv { index }, &pin(text), pan);
        assert_eq!(made.expect("a reference").to_string(), value);
    }

    let pan = "1234567890123456789";
    let block = PinBlock::Format4(array("28B41FDDD29B743E93124BD8E32D921E"));
    for scheme in [PinScheme::Pvv { index: 1 }, PinScheme::Ibm3624] {
        let right = hsm.pin_reference(&pvk, scheme, &pin("1234"), pan).expect("a reference");
        let stored: PinReference = right.to_string().parse().expect("as it was written");
        let wrong = hsm.pin_reference(&pvk, scheme, &pin("1235"), pan).expect("a reference");
        let verified = |block: &PinBlock, key, reference| hsm.verify_pin(key, block, pan, &pvk, reference);
        assert!(verified(&block, &aes, &stored).expect("an answer"));
        assert!(!verified(&block, &aes, &wrong).expect("an answer"));
        let translated = hsm.translate_pin(&aes, &block, &tdes, pan).expect("a block");
        assert!(matches!(translated, PinBlock::Format0(_)));
        assert!(verified(&translated, &tdes, &stored).expect("an answer"));
        let back = hsm.translate_pin(&tdes, &translated, &aes, pan).expect("a block");
        assert!(back != block && verified(&back, &aes, &stored).expect("an answer"));
    }

    let wrong_card = hsm.translate_pin(&aes, &block, &tdes, "1234567890123456780");
    assert!(matches!(wrong_card, Err(HsmError::Input(CryptoError::PinBlock(_)))));
    let other_format = hsm.translate_pin(&tdes, &block, &aes, pan);
    assert!(matches!(
        other_format,
        Err(HsmError::PinFormat {
            is: Algorithm::Tdes,
            ..
        })
    ));
}
