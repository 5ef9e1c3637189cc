use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::{
    crypto::{cryptogram, derivation::CardNumber, key::TdesKey},
    emv::{
        applet::{Applet, LimitedUseKey, Step as CardStep, Token},
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

/// Where a tap is torn: at which command, and how.
#[derive(Debug, Clone, Copy)]
enum Tear {
    /// The card has not heard the command.
    Before,
    /// The card has answered, and the terminal has not heard it.
    After,
    /// The phone's power fails before the counter is saved, or after it.
    PowerUnsaved,
    PowerSaved,
}

/// A phone's application and what is saved of it.
struct Phone {
    applet: Applet,
    saved: u16,
    /// Of every answer with a cryptogram that left the phone.
    released: Vec<(u16, Vec<u8>)>,
}

impl Phone {
    fn answer(&mut self, command: &[u8], tear: Option<Tear>) -> Option<Vec<u8>> {
        match self.applet.command(command) {
            CardStep::Answer(bytes) => Some(bytes),
            CardStep::Save(unsaved) => {
                let counter = unsaved.counter();
                if matches!(tear, Some(Tear::PowerUnsaved)) {
                    self.applet = applet(self.saved);
                    return None;
                }
                self.saved = counter;
                if matches!(tear, Some(Tear::PowerSaved)) {
                    self.applet = applet(self.saved);
                    return None;
                }
                let bytes = unsaved.saved();
                self.released.push((counter, bytes.clone()));
                Some(bytes)
            }
        }
    }

    fn tap(&mut self, transaction: Transaction, tear: Option<(usize, Tear)>) -> Result<Outcome, Failure> {
        self.applet.reset();
        let (mut kernel, mut command) = Kernel::start(terminal(), transaction).unwrap();
        for at in 0.. {
            let tear = tear.filter(|(torn, _)| *torn == at).map(|(_, tear)| tear);
            if matches!(tear, Some(Tear::Before)) {
                return Err(Failure::Torn);
            }
            let Some(answer) = self.answer(&command.to_bytes(), tear) else {
                return Err(Failure::Torn);
            };
            let heard = if tear.is_some() { &[][..] } else { &answer };
            match kernel.on_response(heard) {
                Next::Command(next) => command = next,
                Next::Finished(outcome) => return Ok(outcome),
                Next::Failed(failure) => return Err(failure),
            }
        }
        unreachable!("a tap ends")
    }
}

fn phone() -> Phone {
    Phone {
        applet: applet(0),
        saved: 0,
        released: Vec::new(),
    }
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
    let by = |phone: &mut Phone, amount| phone.tap(transaction(amount, 978), None).unwrap().holder_verification;
    let phone = &mut phone();
    assert_eq!(by(phone, 4_999), HolderVerification::None);
    assert_eq!(by(phone, 5_000), HolderVerification::OnlinePin);
    phone.applet.unlock();
    assert_eq!(by(phone, 5_000), HolderVerification::OnDevice);
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
        Next::Failed(Failure::Refused(Asked::Application, 0x6a82))
    ));
}

fn tears() -> impl Strategy<Value = Option<(usize, Tear)>> {
    let tear = prop_oneof![
        Just(Tear::Before),
        Just(Tear::After),
        Just(Tear::PowerUnsaved),
        Just(Tear::PowerSaved)
    ];
    prop_oneof![1 => Just(None), 4 => (0..4_usize, tear).prop_map(Some)]
}

proptest! {
    #[test]
    fn invariant_a_counter_gives_one_cryptogram(
        taps in prop::collection::vec((1..=100_000_u64, 1..=999_u16, tears()), 1..24)
    ) {
        let phone = &mut phone();
        for (amount, currency, tear) in taps {
            match phone.tap(transaction(amount, currency), tear) {
                Ok(outcome) => {
                    prop_assert_eq!(verify(&outcome.de55), phone.saved);
                    let all = values(&outcome.de55);
                    prop_assert_eq!(hex::encode(&all[&0x9f02]), format!("{amount:012}"));
                    prop_assert_eq!(hex::encode(&all[&0x5f2a]), format!("{currency:04}"));
                }
                Err(Failure::Torn) => prop_assert!(tear.is_some()),
                Err(Failure::Refused(Asked::Options, 0x9e10)) => prop_assert_eq!(phone.applet.keys_left(), 0),
                Err(other) => prop_assert!(false, "{}", other),
            }
        }
        let counters: HashSet<_> = phone.released.iter().map(|(counter, _)| *counter).collect();
        prop_assert_eq!(counters.len(), phone.released.len());
        prop_assert!(counters.iter().all(|counter| *counter <= phone.saved));
    }

    #[test]
    fn invariant_a_hostile_card_ends_within_bounds(
        answers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..8),
        changes in prop::collection::vec((0..4_usize, any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let (mut kernel, _) = Kernel::start(terminal(), transaction(1_250, 978)).unwrap();
        let mut ended = false;
        for answer in &answers {
            let whole = [answer.as_slice(), &[0x90, 0]].concat();
            ended |= !matches!(kernel.on_response(&whole), Next::Command(_));
        }
        prop_assert!(ended, "noise is no card");

        let applet = &mut applet(0);
        let (mut kernel, mut command) = Kernel::start(terminal(), transaction(1_250, 978)).unwrap();
        for at in 0..=COMMANDS_MAX {
            prop_assert!(at < COMMANDS_MAX, "more commands than a tap has");
            let mut answer = match applet.command(&command.to_bytes()) {
                CardStep::Answer(bytes) => bytes,
                CardStep::Save(unsaved) => unsaved.saved(),
            };
            for (_, index, byte) in changes.iter().filter(|(torn, ..)| *torn == at) {
                let place = index.index(answer.len());
                answer[place] = *byte;
            }
            match kernel.on_response(&answer) {
                Next::Command(next) => command = next,
                Next::Finished(_) | Next::Failed(_) => break,
            }
        }
        prop_assert!(matches!(kernel.on_response(&[0x90, 0]), Next::Failed(Failure::Over)));
    }
}
