//! A purse that is held to a payee's reader, and pays.

use std::{
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use causeway_contracts::{
    codec::Text,
    keys::SecretKey,
    money::Amount,
    offline::{
        ids::{CurrencyIndex, Epoch, Id16, KeyId, ListVersion, LoadCounter, Nonce16, PurseId, Serial},
        issuer::{IssuerKey, IssuerKeys, KeyRole},
        messages::{Certificate, Class, Grant, Receipt},
        purse::{NewPurse, PurseState, Rules, request::Ask},
        revocation::RevocationList,
        signed::{Body, Signed},
    },
};
use causeway_wallet::offline::{
    card::{Card, StatusWord, Terminal, reader::CardInReader, vpcd::VirtualReader},
    element::{
        Element,
        applet::{INS_ACKNOWLEDGE, INS_PAY, INS_STATUS, Interface, PurseApplet},
        new_memory,
    },
    memory::ram::Ram,
};

use crate::{terminal, with_this};

const HOUR: Epoch = Epoch(490_000);
const CURRENCY: CurrencyIndex = CurrencyIndex(1);
const PAYMENTS: u8 = 40;
const PURSES: usize = 8;
const PAID: u64 = 25;
const LOADED: u64 = 10_000;
const PIN: &str = "4711";

fn issuer_secret(role: KeyRole) -> SecretKey {
    SecretKey::from_seed(&[60 + role as u8; 32])
}

fn by_issuer<M: Body>(body: M, role: KeyRole) -> Signed<M> {
    Signed::sign(body, &issuer_secret(role)).expect("a sound message")
}

fn issuer_id(role: KeyRole) -> KeyId {
    KeyId::of(&issuer_secret(role).public_key())
}

fn element(number: u8) -> Element<Ram> {
    let seed = [number; 32];
    let certificate = Certificate {
        issuer: issuer_id(KeyRole::Certificate),
        purse: PurseId([number; 8]),
        key: SecretKey::from_seed(&seed).public_key(),
        currency: CURRENCY,
        class: Class::PERSON,
        not_before: HOUR,
        not_after: Epoch(HOUR.0 + 14 * 24),
        payment_max: Amount(50_000),
        balance_max: Amount(200_000),
        paid_max: Amount(200_000),
        payments_max: 50,
        hops_max: 4,
        serial: Serial(1),
    };
    let keys = [KeyRole::Certificate, KeyRole::Grant].map(|role| IssuerKey {
        key: issuer_secret(role).public_key(),
        role,
        currency: CURRENCY,
    });
    let new = NewPurse {
        certificate: by_issuer(certificate, KeyRole::Certificate),
        keys: IssuerKeys::new(keys.to_vec()).expect("two keys"),
        rules: Rules::DEVNET,
        revoked: RevocationList::new(ListVersion(0), HOUR, vec![]).expect("nothing is in order"),
        epoch: HOUR,
    };
    let state = PurseState::new(seed, PIN, new).expect("a purse");
    let memory = new_memory(&state).expect("it fits");
    Element::open(Ram::new(memory)).expect("it is new")
}

fn load(element: &mut Element<Ram>) {
    let grant = Grant {
        issuer: issuer_id(KeyRole::Grant),
        load: Id16([9; 16]),
        purse: element.state().id(),
        load_counter: LoadCounter(1),
        amount: Amount(LOADED),
        currency: CURRENCY,
        epoch: HOUR,
        expiry: Epoch(HOUR.0 + 30 * 24),
    };
    let grant = by_issuer(grant, KeyRole::Grant);
    element.run(|it| it.accept_grant(&grant)).expect("its first");
}

/// REQ and CERT.
fn asked(payee: &mut Element<Ram>, nonce: u8) -> Vec<u8> {
    let ask = Ask {
        amount: Amount(PAID),
        memo: Text::new("tea").expect("short"),
        nonce: Nonce16([nonce; 16]),
    };
    let opened = payee.run(|it| it.open_request(ask)).expect("it may ask");
    [opened.request.to_bytes(), payee.state().certificate().to_bytes()].concat()
}

fn call(terminal: &mut Terminal<CardInReader>, ins: u8, data: &[u8]) -> Vec<u8> {
    let (answer, status) = terminal.call(ins, 0, 0, data).expect("it answers");
    assert_eq!(status, StatusWord::OK, "{ins:02x}");
    answer
}

/// A payment by SELECT, PAY and ACK; how long that took, without the payee's own work.
fn pay(payee: &mut Element<Ram>, nonce: u8) -> Duration {
    let request = asked(payee, nonce);
    let begun = Instant::now();
    let mut terminal = terminal();
    let bundle = call(&mut terminal, INS_PAY, &request);
    let paid = begun.elapsed();
    let receipt: Signed<Receipt> = payee.run(|it| it.accept(&bundle)).expect("it is money");
    let begun = Instant::now();
    assert_eq!(call(&mut terminal, INS_ACKNOWLEDGE, &receipt.to_bytes()), [1]);
    let took = paid + begun.elapsed();
    // A reader learns what became of a request, and not what the purse has.
    let refused = terminal.call(INS_STATUS, 0, 0, &[]).expect("it answers");
    assert_eq!(refused.1, StatusWord::CONFIRM);
    took
}

/// How long the taps took is told, not judged.
pub fn pays_in_a_real_reader(reader: &mut VirtualReader) {
    let mut taps = Vec::new();
    // A purse's log has room for 50.
    for _ in 0..PURSES {
        taps.extend(pays(reader));
    }
    taps.sort();
    let count = taps.len();
    let part = |percent| taps[count * percent / 100];
    println!(
        "SELECT, PAY and ACK of {count} payments: p50 {:?}, p99 {:?}, longest {:?}",
        part(50),
        part(99),
        taps[count - 1]
    );
}

fn pays(reader: &mut VirtualReader) -> Vec<Duration> {
    let (mut payer, mut payee) = (element(1), element(2));
    load(&mut payer);
    let stop = AtomicBool::new(false);
    let mut taps = Vec::new();
    // Five payments go without a PIN.
    for begin in (1..=PAYMENTS).step_by(5) {
        payer.verify(PIN).expect("the right one");
        stop.store(false, std::sync::atomic::Ordering::Release);
        let mut card = Card::new(PurseApplet::new(&mut payer, Interface::Reader));
        with_this(reader, &mut card, &stop, || {
            // From here on it is in the reader, and has power: how long that takes is the reader's.
            drop(terminal());
            for nonce in begin..begin + 5 {
                taps.push(pay(&mut payee, nonce));
            }
        });
    }
    let paid = u64::from(PAYMENTS) * PAID;
    let balances = (payer.state().balance(), payee.state().balance());
    assert_eq!(balances, (Amount(LOADED - paid), Amount(paid)));
    assert!(payer.state().log().iter().all(|entry| !entry.is_pending()));
    taps
}
