use super::*;
use crate::{
    crypto::{derivation::CardNumber, key::TdesKey},
    emv::{applet::Token, tlv::Reader},
    qr::cpm::{Code, decode},
};

const NUMBER: &str = "9900010000000018";

fn card_key() -> TdesKey {
    let issuer = TdesKey::new(&[0x11; 16]).unwrap();
    let card = CardNumber {
        pan: NUMBER,
        sequence: Some("00"),
    };
    Version::Visa18.card_key(&issuer, card).unwrap()
}

fn applet(last: u16) -> Applet {
    let key = |counter: u16| LimitedUseKey {
        counter,
        key: Version::Visa18.session_key(&card_key(), counter.to_be_bytes(), [0; 4]),
    };
    let token = Token::new(NUMBER, "2812", 0).unwrap();
    Applet::new(token, 1, (1..=2).map(key).collect(), last).unwrap()
}

const OFFER: Offer = Offer {
    amount_max: Some(5_000),
    currency: 978,
    date: [26, 11, 30],
    until: 1_796_020_860,
};

/// As an issuer has it of a code: 63, by tag.
fn chip(text: &str) -> Vec<(u32, Vec<u8>)> {
    let bytes = decode(text).unwrap();
    let code = Code::read(&bytes).unwrap();
    assert!(code.violations().is_empty());
    let application = code.applications().next().unwrap();
    assert_eq!(application.pan().unwrap().unwrap().digits(), NUMBER.as_bytes());
    let objects = Reader::new(application.chip_data()[0].unwrap());
    let owned = objects.map(|object| object.unwrap());
    owned
        .map(|object| (object.tag.value(), object.value.to_vec()))
        .collect()
}

#[test]
fn a_code_is_what_the_issuer_verifies() {
    let mut applet = applet(0);
    let unsaved = applet.offer(&OFFER).unwrap();
    assert_eq!(unsaved.counter(), 1);
    let chip = chip(&unsaved.saved().unwrap());
    let get = |wanted: u32| &chip.iter().find(|(tag, _)| *tag == wanted).unwrap().1[..];
    let seen = Transaction {
        amount: get(0x9f02).try_into().unwrap(),
        other_amount: get(0x9f03).try_into().unwrap(),
        country: get(0x9f1a).try_into().unwrap(),
        verification_results: get(0x95).try_into().unwrap(),
        currency: get(0x5f2a).try_into().unwrap(),
        date: get(0x9a).try_into().unwrap(),
        kind: get(0x9c)[0],
        unpredictable: get(0x9f37).try_into().unwrap(),
        interchange_profile: get(0x82).try_into().unwrap(),
        counter: get(0x9f36).try_into().unwrap(),
        issuer: get(0x9f10).to_vec(),
    };
    assert_eq!(
        (
            hex::encode(seen.amount),
            hex::encode(seen.currency),
            hex::encode(seen.date)
        ),
        ("000000005000".into(), "0978".into(), "261130".into())
    );
    assert_eq!(u32::from_be_bytes(seen.unpredictable), OFFER.until);
    assert_eq!(seen.country, [0; 2]);
    let session = Version::Visa18.session_key(&card_key(), seen.counter, seen.unpredictable);
    let cryptogram = get(0x9f26).try_into().unwrap();
    assert!(Version::Visa18.verify(&session, &seen, &cryptogram));
    for change in [
        |it: &mut Transaction| it.amount[5] = 1,
        |it: &mut Transaction| it.currency = [8, 0x40],
        |it: &mut Transaction| it.unpredictable[3] ^= 1,
        |it: &mut Transaction| it.country = [2, 0x50],
    ] {
        let mut other = seen.clone();
        change(&mut other);
        assert!(!Version::Visa18.verify(&session, &other, &cryptogram), "{other:?}");
    }
}

#[test]
fn codes_and_taps_use_up_the_same_keys() {
    let mut applet = applet(1);
    let without = Offer {
        amount_max: None,
        ..OFFER
    };
    let unsaved = applet.offer(&without).unwrap();
    assert_eq!(unsaved.counter(), 2, "1 is spent");
    let chip = chip(&unsaved.saved().unwrap());
    assert!(chip.contains(&(0x9f02, vec![0; 6])));
    assert!(matches!(applet.offer(&without), Err(OutOfKeys)));
    assert_eq!(applet.keys_left(), 0);
}
