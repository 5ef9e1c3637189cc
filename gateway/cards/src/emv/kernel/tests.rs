mod taps;

use std::collections::HashMap;

use taps::{Phone, phone};

use super::*;
use crate::{
    crypto::{cryptogram, derivation::CardNumber, key::TdesKey},
    emv::{
        applet::{Applet, LimitedUseKey, Token},
        tlv::Reader,
    },
};

const NUMBER: &str = "4761739001010010";

fn terminal() -> Terminal {
    Terminal {
        country: 250,
        kind: 0x22,
        capabilities: [0xe0, 0xb8, 0xc8],
        contactless_max: 100_000,
        verified_from: 5_000,
        has_online_pin: true,
        has_signature: true,
        applications: Terminal::default_applications(),
    }
}

fn transaction(amount: u64, currency: u16) -> Transaction {
    Transaction {
        amount,
        other_amount: 0,
        currency,
        date: [26, 11, 30],
        kind: 0,
        unpredictable: [1, 2, 3, 4],
    }
}

fn card_key() -> TdesKey {
    let issuer = TdesKey::new(&[0x11; 16]).unwrap();
    let card = CardNumber {
        pan: NUMBER,
        sequence: Some("01"),
    };
    cryptogram::Version::Visa18.card_key(&issuer, card).unwrap()
}

fn applet(last: u16) -> Applet {
    let key = |counter: u16| LimitedUseKey {
        counter,
        key: cryptogram::Version::Visa18.session_key(&card_key(), counter.to_be_bytes(), [0; 4]),
    };
    let token = Token::new(NUMBER, "2802", 1).unwrap();
    Applet::new(token, 1, (1..=10).map(key).collect(), last).unwrap()
}

fn values(de55: &[u8]) -> HashMap<u32, Vec<u8>> {
    let objects = Reader::new(de55).map(|object| object.unwrap());
    objects
        .map(|object| (object.tag.value(), object.value.to_vec()))
        .collect()
}

/// As an issuer sees it, from DE55 alone; gives the counter.
fn verify(de55: &[u8]) -> u16 {
    let all = values(de55);
    fn get<const N: usize>(all: &HashMap<u32, Vec<u8>>, tag: u32) -> [u8; N] {
        all[&tag].as_slice().try_into().unwrap()
    }
    let seen = cryptogram::Transaction {
        amount: get(&all, 0x9f02),
        other_amount: get(&all, 0x9f03),
        country: get(&all, 0x9f1a),
        verification_results: get(&all, 0x95),
        currency: get(&all, 0x5f2a),
        date: get(&all, 0x9a),
        kind: get::<1>(&all, 0x9c)[0],
        unpredictable: get(&all, 0x9f37),
        interchange_profile: get(&all, 0x82),
        counter: get(&all, 0x9f36),
        issuer: all[&0x9f10].clone(),
    };
    let version = cryptogram::Version::of_visa(&all[&0x9f10]).unwrap();
    let session = version.session_key(&card_key(), seen.counter, seen.unpredictable);
    assert!(version.verify(&session, &seen, &get(&all, 0x9f26)));
    u16::from_be_bytes(seen.counter)
}

#[test]
fn a_tap_gives_what_the_issuer_verifies() {
    let outcome = phone().tap(transaction(1_250, 978), None).unwrap();
    assert_eq!(verify(&outcome.de55), 1);
    assert_eq!(&*outcome.track_2, "4761739001010010D2802201");
    assert_eq!(outcome.sequence, Some(1));
    assert_eq!(outcome.holder_verification, HolderVerification::None);
    let all = values(&outcome.de55);
    assert_eq!(hex::encode(&all[&0x84]), "f0435750415901");
    assert_eq!(hex::encode(&all[&0x9f34]), "3f0000");
    assert_eq!(all.len(), 19);
    assert!(!format!("{outcome:?}").contains("4761739001010010"));
}

#[test]
fn the_holder_is_verified_from_the_limit_on() {
    let by = |phone: &mut Phone, amount| {
        let outcome = phone.tap(transaction(amount, 978), None)?;
        Ok(outcome.holder_verification)
    };
    let phone = &mut phone();
    assert_eq!(by(phone, 4_999), Ok(HolderVerification::None));
    // Though the terminal has a PIN pad: issuers take no PIN with a phone's number.
    assert_eq!(by(phone, 5_000), Err(Failure::Locked));
    assert_eq!(phone.applet.keys_left(), 9, "that costs no counter");
    phone.applet.unlock();
    assert_eq!(by(phone, 5_000), Ok(HolderVerification::OnDevice));
}

#[test]
fn what_no_card_may_be_told_is_not_begun() {
    let refused = |change: fn(&mut Transaction)| {
        let mut it = transaction(1_250, 978);
        change(&mut it);
        Kernel::start(terminal(), it).err()
    };
    assert_eq!(refused(|it| it.amount = 0), Some(NotBegun::Amount(0)));
    let (amount, max) = (100_001, 100_000);
    assert_eq!(
        refused(|it| it.amount = 100_001),
        Some(NotBegun::AboveLimit { amount, max })
    );
    let (amount, other) = (1_250, 1_251);
    assert_eq!(
        refused(|it| it.other_amount = 1_251),
        Some(NotBegun::OtherAmount { amount, other })
    );
    assert_eq!(refused(|it| it.currency = 1_000), Some(NotBegun::Code));
    assert_eq!(refused(|it| it.date[1] = 13), Some(NotBegun::Date));
}

/// Answers in turn; the commands that were sent, and the end.
fn scripted(answers: &[&str]) -> (Vec<String>, Next) {
    let (mut kernel, first) = Kernel::start(terminal(), transaction(1_250, 978)).unwrap();
    let mut sent = vec![hex::encode(first.to_bytes())];
    for answer in answers {
        match kernel.on_response(&hex::decode(answer).unwrap()) {
            Next::Command(command) => sent.push(hex::encode(command.to_bytes())),
            end => return (sent, end),
        }
    }
    panic!("no end after {sent:?}");
}

#[test]
fn a_card_with_the_cryptogram_last_is_asked_for_it() {
    let directory = "6f21a51fbf0c1c610c4f07a0000000031010870102610c4f07a00000000410108701019000";
    let options = "80061980100101009000";
    let (sent, end) = scripted(&[
        directory,
        "6f098407a00000000410109000",
        options,
        "7025570c5413330089600010d25122018c159f02069f03069f1a0295055f2a029a039c019f37049000",
        "801380000711223344556677880110a000032200009000",
    ]);
    assert_eq!(
        sent[1..],
        [
            "00a4040007a000000004101000",
            "80a8000002830000",
            "00b2011400",
            "80ae80001d000000001250000000000000025080000000000978261130000102030400",
        ]
    );
    let Next::Finished(outcome) = end else {
        panic!("{end:?}");
    };
    let all = values(&outcome.de55);
    assert_eq!(hex::encode(&all[&0x9f26]), "1122334455667788");
    assert_eq!(hex::encode(&all[&0x95]), "8000000000");
    assert_eq!(hex::encode(&all[&0x9f36]), "0007");

    let (sent, end) = scripted(&[directory, "6a82", "6a82"]);
    assert_eq!(sent[2], "00a4040007a000000003101000", "the next best");
    assert!(matches!(
        end,
        Next::Failed(Failure::Refused(Asked::Application, StatusWord::FILE_NOT_FOUND))
    ));
}

#[test]
fn each_fault_of_a_payment_has_its_failure() {
    let directory = "6f13a511bf0c0e610c4f07f04357504159018701019000";
    let application = "6f098407f04357504159019000";
    let fine =
        "773082020000570c4761739001010010d28022019f100706011203a000009f260811223344556677889f2701809f360200019000";
    assert!(matches!(scripted(&[directory, application, fine]).1, Next::Finished(_)));
    let check = |options: &str, expected: Failure| match scripted(&[directory, application, options]).1 {
        Next::Failed(failure) => assert_eq!(failure, expected, "{options}"),
        end => panic!("{end:?} of {options}"),
    };
    check(
        "772a82020000570c4761739001010010d28022019f100706011203a000009f260211229f2701809f360200019000",
        Failure::Length(tags::CRYPTOGRAM),
    );
    check(
        "772582020000570c4761739001010010d28022019f100706011203a000009f2701809f360200019000",
        Failure::Missing(tags::CDOL1),
    );
    check(
        "773082020000570c4761739001010010d28022019f100706011203a000009f260811223344556677889f2701409f360200019000",
        Failure::NotOnline,
    );
    check(
        "773082020000570c4761739001010010d28022019f100706011203a000009f260811223344556677889f2701009f360200019000",
        Failure::NotOnline,
    );
    check(
        "772b82020000570c4761739001010010d28022019f100706011203a000009f260811223344556677889f2701809000",
        Failure::Missing(tags::COUNTER),
    );
    check(
        "7722820200009f100706011203a000009f260811223344556677889f2701809f360200019000",
        Failure::Missing(tags::TRACK_2),
    );
    check(
        "773082020000570c4761739001010010a28022019f100706011203a000009f260811223344556677889f2701809f360200019000",
        Failure::Track2,
    );
    check(
        "773582020000570c4761739001010010d28022019f100706011203a000009f260811223344556677889f2701809f360200019f360200029000",
        Failure::Twice(tags::COUNTER),
    );
    check(
        "773c82020000570c4761739001010010d28022019f100706011203a000009f260811223344556677889f2701809f360200019404080101009404080101009000",
        Failure::Twice(tags::FILE_LOCATOR),
    );
    check(
        "773582020000570c4761739001010010d28022019f100706011203a000009f260811223344556677889f2701809f3602000194030801ff9000",
        Failure::Length(tags::FILE_LOCATOR),
    );
    check(
        "773682020000570c4761739001010010d28022019f100706011203a000009f260811223344556677889f2701809f360200019404080201009000",
        Failure::Locator,
    );
    check(
        "773682020000570c4761739001010010d28022019f100706011203a000009f260811223344556677889f2701809f360200019404000101009000",
        Failure::Locator,
    );
    check(
        "773682020000570c4761739001010010d28022019f100706011203a000009f260811223344556677889f2701809f3602000194040801ff009000",
        Failure::TooManyRecords,
    );
    check(
        "770a9000",
        Failure::Format(TlvError::ValueTruncated {
            tag: tags::ANSWER,
            offset: 2,
            length: 10,
            available: 0,
        }),
    );
    check("9e10", Failure::Refused(Asked::Options, StatusWord(0x9e10)));
    check("6986", Failure::Locked);
    check("90", Failure::Torn);
    check("8000", Failure::Status(0x80));
    check(&"00".repeat(259), Failure::AnswerTooLong(259));
}
