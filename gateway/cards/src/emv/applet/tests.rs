use super::*;
use crate::crypto::{cryptogram::Version, derivation::CardNumber, key::TdesKey};

const NUMBER: &str = "4761739001010010";
/// Of a terminal with a PIN pad, for an amount that needs no verification of the holder.
const OPTIONS: &str = "80a80000238321360040000000000012500000000000000250000000000009782611300001020304";

fn keys(counters: impl IntoIterator<Item = u16>) -> Vec<LimitedUseKey> {
    let issuer = TdesKey::new(&[0x11; 16]).unwrap();
    let card = CardNumber {
        pan: NUMBER,
        sequence: Some("01"),
    };
    let card = Version::Visa18.card_key(&issuer, card).unwrap();
    let key = |counter: u16| LimitedUseKey {
        counter,
        key: Version::Visa18.session_key(&card, counter.to_be_bytes(), [0; 4]),
    };
    counters.into_iter().map(key).collect()
}

fn applet(keys: Vec<LimitedUseKey>, last: u16) -> Applet {
    Applet::new(Token::new(NUMBER, "2802", 1).unwrap(), 1, keys, last).unwrap()
}

/// Every counter that is to be saved is, and told.
fn answer_of(applet: &mut Applet, command: &str) -> (String, Option<u16>) {
    match applet.command(&hex::decode(command).unwrap()) {
        Step::Answer(response) => (hex::encode(response.to_bytes()), None),
        Step::Save(unsaved) => {
            let counter = unsaved.counter();
            (hex::encode(unsaved.saved().to_bytes()), Some(counter))
        }
    }
}

#[test]
fn a_tap_is_answered_in_known_bytes() {
    let applet = &mut applet(keys(1..=2), 0);
    let check = |applet: &mut Applet, command: &str, expected: &str| {
        assert_eq!(answer_of(applet, command).0, expected, "{command}");
    };
    check(
        applet,
        "00a404000e325041592e5359532e444446303100",
        "6f2d840e325041592e5359532e4444463031a51bbf0c1861164f07f0435750415901500843415553455741598701019000",
    );
    check(
        applet,
        "00a4040007f043575041590100",
        "6f308407f0435750415901a525500843415553455741599f38189f66049f02069f03069f1a0295055f2a029a039c019f37049000",
    );
    let (paid, counter) = answer_of(applet, OPTIONS);
    assert_eq!(counter, Some(1));
    assert!(paid.starts_with("77"), "{paid}");
    assert!(paid.contains("570c4761739001010010d2802201"), "{paid}");
    check(applet, "00b2010c00", "70065f24032802299000");
    check(applet, "00b2020c00", "6a83");
}

#[test]
fn a_second_payment_in_a_tap_has_another_counter_and_then_the_keys_are_out() {
    let applet = &mut applet(keys([3, 4, 7]), 3);
    assert_eq!(answer_of(applet, OPTIONS).0, "6985", "not selected");
    answer_of(applet, "00a4040007f043575041590100");
    assert_eq!(answer_of(applet, "00b2010c00").0, "6985", "not paid");
    assert_eq!(answer_of(applet, OPTIONS).1, Some(4), "3 is spent");
    assert_eq!(answer_of(applet, OPTIONS).1, Some(7));
    assert_eq!(answer_of(applet, OPTIONS), ("9e10".to_owned(), None));
}

#[test]
fn a_terminal_of_no_country_gets_no_cryptogram_since_it_would_be_a_codes() {
    let applet = &mut applet(keys(1..=2), 0);
    answer_of(applet, "00a4040007f043575041590100");
    let nowhere = OPTIONS.replace("02500000000000", "00000000000000");
    assert_ne!(nowhere, OPTIONS);
    assert_eq!(answer_of(applet, &nowhere), ("6985".to_owned(), None));
    assert_eq!(answer_of(applet, OPTIONS).1, Some(1));
}

#[test]
fn what_could_not_be_saved_costs_its_counter_and_gives_no_cryptogram() {
    let applet = &mut applet(keys([1, 2]), 0);
    answer_of(applet, "00a4040007f043575041590100");
    let Step::Save(unsaved) = applet.command(&hex::decode(OPTIONS).unwrap()) else {
        panic!("a payment is to be saved");
    };
    assert_eq!(unsaved.failed(), Response::of(MEMORY_FAILURE));
    assert_eq!(answer_of(applet, "00b2010c00").0, "6985");
    assert_eq!(answer_of(applet, OPTIONS).1, Some(2));
}

#[test]
fn a_locked_phone_asks_to_be_unlocked_whatever_the_terminal_has() {
    let [pin_pad, no_pin_pad] = ["36404000", "32404000"].map(|it| OPTIONS.replacen("36004000", it, 1));
    let applet = &mut applet(keys([1, 2]), 0);
    answer_of(applet, "00a4040007f043575041590100");
    assert_eq!(answer_of(applet, &pin_pad), ("6986".to_owned(), None));
    assert_eq!(answer_of(applet, &no_pin_pad), ("6986".to_owned(), None));
    applet.unlock();
    let unlocked = answer_of(applet, &pin_pad).0;
    assert!(unlocked.contains("9f6c020080"), "{unlocked}");
    assert!(unlocked.contains("9f100706011203a40000"), "{unlocked}");
    assert_eq!(answer_of(applet, &pin_pad).0, "6986", "unlocked for one payment");
    assert!(
        answer_of(applet, OPTIONS).0.contains("9f6c020000"),
        "nobody wants to know"
    );
}

#[test]
fn nothing_is_paid_that_the_holder_has_not_agreed_to() {
    let applet = &mut applet(keys([1, 2]), 0);
    let agree = |applet: &mut Applet, amount_max, currency| applet.agree(Consent { amount_max, currency });
    answer_of(applet, "00a4040007f043575041590100");
    agree(applet, 1_249, 978);
    assert_eq!(answer_of(applet, OPTIONS), ("9e11".to_owned(), None));
    agree(applet, 1_250, 840);
    assert_eq!(answer_of(applet, OPTIONS), ("9e11".to_owned(), None));
    agree(applet, 1_250, 978);
    let no_number = OPTIONS.replacen("000000001250", "0000000012a0", 1);
    assert_eq!(answer_of(applet, &no_number), ("9e11".to_owned(), None));
    let Step::Save(unsaved) = applet.command(&hex::decode(OPTIONS).unwrap()) else {
        panic!("it is agreed to");
    };
    assert_eq!(
        (unsaved.counter(), unsaved.amount(), unsaved.currency()),
        (1, Some(1_250), Some(978))
    );
}

#[test]
fn what_is_no_command_of_this_application_has_its_status() {
    let applet = &mut applet(keys([1]), 0);
    for (command, status) in [
        ("", "6700"),
        ("00a404", "6700"),
        ("00a4040009f0", "6700"),
        ("00a4000007f043575041590100", "6a86"),
        ("00a4040007a000000004101000", "6a82"),
        ("00a4040007f043575041590100", "9000"),
        ("80a8000002830000", "6700"),
        ("80a8010002830000", "6a86"),
        ("80a80000028400", "6a80"),
        ("80a8000000", "6a80"),
        ("80ae800000", "6d00"),
        ("00b2000c00", "6a86"),
        ("00a4040207f043575041590100", "6a82"),
        ("90a4040000", "6e00"),
        ("00a4040007f043575041590100", "9000"),
        ("00b2010c00", "6985"),
    ] {
        let answered = answer_of(applet, command).0;
        assert!(answered.ends_with(status), "{command}: {answered}");
    }
    assert_eq!(applet.keys_left(), 1);
}

#[test]
fn tokens_and_keys_that_are_none_are_refused() {
    let refused = |number, expiry, sequence| Token::new(number, expiry, sequence).err();
    assert_eq!(refused("476173900101", "2802", 1), Some(DeviceError::Number));
    assert_eq!(refused("476173900101001x", "2802", 1), Some(DeviceError::Number));
    assert_eq!(refused(NUMBER, "2813", 1), Some(DeviceError::Expiry));
    assert_eq!(refused(NUMBER, "+102", 1), Some(DeviceError::Expiry));
    assert_eq!(refused(NUMBER, "2802", 100), Some(DeviceError::Sequence));
    let token = Token::new(NUMBER, "2802", 1).unwrap();
    let repeated = Applet::new(token.clone(), 1, keys([2, 1, 2]), 0).err();
    assert_eq!(repeated, Some(DeviceError::RepeatedKey(2)));
    let many = Applet::new(token, 1, keys(0..=KEYS_MAX as u16), 0).err();
    assert_eq!(many, Some(DeviceError::TooManyKeys(KEYS_MAX + 1)));
}
