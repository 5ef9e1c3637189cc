//! A purse that is held to a payee's reader, and pays.

use std::{
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use causeway_contracts::{
    codec::Text,
    money::Amount,
    offline::{
        ids::{Epoch, Nonce16},
        messages::Receipt,
        purse::request::Ask,
        signed::Signed,
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

use crate::{issuer, terminal, with_this};

const HOUR: Epoch = Epoch(490_000);
const PAYMENTS: u8 = 40;
const PURSES: usize = 8;
const PAID: u64 = 25;
const LOADED: u64 = 10_000;

fn element(number: u8) -> Element<Ram> {
    let memory = new_memory(&issuer::purse(number, HOUR)).expect("it fits");
    Element::open(Ram::new(memory)).expect("it is new")
}

fn load(element: &mut Element<Ram>) {
    let grant = issuer::grant(element.state(), 1, LOADED);
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
        payer.verify(issuer::PIN).expect("the right one");
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
