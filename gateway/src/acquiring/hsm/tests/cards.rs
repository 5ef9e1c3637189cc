//! Cryptograms and devices' keys.

use causeway_cards::crypto::{
    cryptogram::{Transaction, Version},
    derivation::CardNumber,
};

use super::{MASTER, array, bytes, load, name, spec};
use crate::acquiring::hsm::{Algorithm, Answer, Cryptogram, Hsm, HsmError, Purpose};

const PAN: &str = "1234567890123456";

fn transaction(version: Version) -> Transaction {
    let mastercard = version.name().starts_with("mastercard");
    let text = |visa: &'static str, other: &'static str| if mastercard { other } else { visa };
    Transaction {
        amount: array(text("000000004000", "000000009999")),
        other_amount: [0; 6],
        country: array("0124"),
        verification_results: array(text("8000048000", "8000000000")),
        currency: array("0124"),
        date: array(text("191105", "209906")),
        kind: u8::from(!mastercard),
        unpredictable: array(text("52BF4585", "ABCDEF12")),
        interchange_profile: array("1800"),
        counter: array("001C"),
        issuer: bytes(match version {
            Version::Visa10 => "03A06010",
            Version::Visa18 => "06011203A0B800",
            Version::Mastercard17 => "A0000322000000000000000322FF",
            _ => "A00003220000",
        }),
    }
}

fn card() -> CardNumber<'static> {
    CardNumber {
        pan: PAN,
        sequence: Some("00"),
    }
}

pub(super) fn cryptograms_are_verified_and_answered(hsm: &dyn Hsm) {
    let master = load(hsm, "imk", spec(Purpose::CryptogramMaster, Algorithm::Tdes), MASTER);
    let one = |code| Answer::One { code };
    let two = Answer::Two {
        update: [0; 4],
        own: &[],
    };
    for (version, value, answer, sent) in [
        (Version::Visa10, "29CCA15AE665FA2E", one(*b"00"), "28993816AFAE4AEB3030"),
        (Version::Visa18, "7A788EA6B8A3E733", two, "9AF514C100000000"),
        (
            Version::Mastercard16,
            "24CCF3DEE3158C70",
            one([0, 0x10]),
            "73F6BBF389A6586C0010",
        ),
        (
            Version::Mastercard17,
            "EAE8A620A75648D8",
            one([0, 0x10]),
            "29CF11FBDB9CA6500010",
        ),
    ] {
        let transaction = transaction(version);
        let value = array(value);
        let cryptogram = Cryptogram {
            version,
            card: card(),
            transaction: &transaction,
            value: &value,
        };
        assert!(
            hsm.verify_cryptogram(&master, &cryptogram).expect("an answer"),
            "{version:?}"
        );
        let made = hsm
            .response_cryptogram(&master, &cryptogram, answer)
            .expect("an answer");
        assert_eq!(hex::encode_upper(made), sent, "{version:?}");
        let altered = value.map(|byte| byte ^ 1);
        let altered = Cryptogram {
            value: &altered,
            ..cryptogram
        };
        assert!(!hsm.verify_cryptogram(&master, &altered).expect("an answer"));
        let other = if answer == two { one(*b"00") } else { two };
        let refused = hsm.response_cryptogram(&master, &cryptogram, other);
        assert!(matches!(refused, Err(HsmError::AnswerMethod(which)) if which == version.name()));
    }
}

pub(super) fn devices_get_session_keys(hsm: &dyn Hsm) {
    let master = name("imk");
    let keys = hsm
        .device_keys(&master, Version::Visa18, card(), 0x1B..=0x1D)
        .expect("keys");
    assert_eq!(
        keys.iter().map(|key| key.counter).collect::<Vec<_>>(),
        [0x1B, 0x1C, 0x1D]
    );
    let made = Version::Visa18.generate(&keys[1].key, &transaction(Version::Visa18));
    assert_eq!(
        made,
        array("7A788EA6B8A3E733"),
        "the device makes what the issuer verifies"
    );
    for version in [Version::Visa10, Version::Mastercard16, Version::Mastercard17] {
        let refused = hsm.device_keys(&master, version, card(), 1..=1);
        assert!(matches!(refused, Err(HsmError::DeviceVersion(_))), "{version:?}");
    }
    for counters in [0..=100, 1..=u16::MAX] {
        let refused = hsm.device_keys(&master, Version::Visa18, card(), counters);
        assert!(matches!(refused, Err(HsmError::Counters)));
    }
}
