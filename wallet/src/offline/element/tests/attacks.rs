//! Attacks by their numbers in the threat model that need more than one purse's state: hosts, screens and interfaces.

use std::{
    sync::{Barrier, Mutex},
    thread,
};

use causeway_contracts::offline::{bundle::Bundle, messages::Beacon, purse::pay::Asked};

use super::{applet::read_request, *};
use crate::offline::card::IsoStatus;

const TEN_YEARS: u32 = 10 * 365 * 24;

/// All that leaves two purses during a payment, whose hosts take their own clock for the hour.
fn payment_by_the_clock(clock: Option<Epoch>) -> (Vec<Answered>, [PurseState; 2]) {
    let [mut a, mut b] = [1, 2].map(new_ram);
    let [mut a, mut b] = [open(&mut a), open(&mut b)];
    load(&mut a, 10_000);
    if let Some(epoch) = clock {
        for element in [&mut a, &mut b] {
            // There is no other way in for an hour, and a host has no issuer's key.
            let beacon = Beacon {
                issuer: issuer_id(KeyRole::Beacon),
                epoch,
                list_version: ListVersion(0),
                list_root: RevocationList::default().root(),
            };
            let made_up = Signed::sign(beacon, &SecretKey::from_seed(&[1; 32])).unwrap();
            assert_eq!(own(element, INS_NEWS, &made_up.to_bytes()), Err(StatusWord::SIGNATURE));
        }
    }
    let request = own(&mut b, INS_REQUEST, &asked(1, 1_250));
    let bundle = tap(&mut a, INS_PAY, request.as_ref().unwrap());
    let receipt = own(&mut b, INS_ACCEPT, bundle.as_ref().unwrap());
    let ended = tap(&mut a, INS_ACKNOWLEDGE, receipt.as_ref().unwrap());
    let states = [&a, &b].map(|element| element.state().clone());
    (vec![request, bundle, receipt, ended], states)
}

#[test]
fn attack_29_a_hosts_clock_that_is_ten_years_off_changes_nothing() {
    let right = payment_by_the_clock(None);
    assert_eq!(right.0[3], Ok(vec![1]));
    for clock in [HOUR.0 + TEN_YEARS, HOUR.0 - TEN_YEARS] {
        assert_eq!(payment_by_the_clock(Some(Epoch(clock))), right);
    }
}

#[test]
fn attack_34_who_swaps_the_request_is_on_the_screen() {
    let [mut a, mut b, mut thief] = [1, 2, 6].map(new_ram);
    let [mut a, mut b, mut thief] = [open(&mut a), open(&mut b), open(&mut thief)];
    load(&mut a, 100_000);
    let [meant, swapped] = [&mut b, &mut thief].map(|payee| own(payee, INS_REQUEST, &asked(1, 6_000)).unwrap());
    let shown = |a: &Element<_>, request: &[u8]| -> Asked {
        let (request, payee) = read_request(request).unwrap();
        a.state().check_request(&request, &payee).unwrap()
    };
    let on_screen = shown(&a, &swapped);
    assert_eq!((on_screen.payee, on_screen.amount), (purse(6), Amount(6_000)));
    assert_eq!(shown(&a, &meant).payee, purse(2));
    // What the person has agreed to is the request that was shown, and no other.
    a.consent(PIN, shown(&a, &meant).request).unwrap();
    assert_eq!(
        tap(&mut a, INS_PAY, &swapped),
        Err(StatusWord::CONDITIONS_NOT_SATISFIED)
    );
    // His request in the other's name is none.
    let length = |request: &[u8], payee: &Element<_>| request.len() - payee.state().certificate().to_bytes().len();
    let mixed = [
        &swapped[..length(&swapped, &thief)],
        &b.state().certificate().to_bytes(),
    ]
    .concat();
    assert_eq!(tap(&mut a, INS_PAY, &mixed), Err(StatusWord::PROVENANCE));
    let bundle = tap(&mut a, INS_PAY, &meant).unwrap();
    assert_eq!(Bundle::from_bytes(&bundle).unwrap().transfer().body.payee, purse(2));
}

/// What the purse says to readers on two interfaces, which send these requests at the same time.
fn pay_at_once(element: &Mutex<Element<&mut Ram>>, requests: [&[u8]; 2]) -> [Answered; 2] {
    let together = Barrier::new(2);
    let pay = |request: &[u8]| {
        let card = Card::new(PurseApplet::new(element, Interface::Reader));
        let mut terminal = Terminal::select(InProcess(card), &AID).expect("it is there");
        together.wait();
        let (data, status) = terminal.call(INS_PAY, 0, 0, request).expect("an answer");
        (status == StatusWord::OK).then_some(data).ok_or(status)
    };
    thread::scope(|scope| {
        requests
            .map(|request| scope.spawn(move || pay(request)))
            .map(|paying| paying.join().expect("no panic"))
    })
}

#[test]
fn attack_37_of_two_payments_at_once_on_two_interfaces_one_succeeds() {
    let mut firsts = [0, 0];
    for _ in 0..20 {
        let [mut a, mut b, mut c] = [1, 2, 3].map(new_ram);
        let [mut a, mut b, mut c] = [open(&mut a), open(&mut b), open(&mut c)];
        load(&mut a, 5_000);
        let [to_b, to_c] = [&mut b, &mut c].map(|payee| own(payee, INS_REQUEST, &asked(1, 5_000)).unwrap());
        let shared = Mutex::new(a);
        let answers = pay_at_once(&shared, [&to_b, &to_c]);
        let paid = answers.iter().position(Result::is_ok).expect("one is paid");
        assert_eq!(answers[1 - paid], Err(StatusWord::LIMIT));
        firsts[paid] += 1;
        // The same request on both is one payment.
        let again = pay_at_once(&shared, [[&to_b, &to_c][paid]; 2]);
        assert_eq!([&again[0], &again[1]], [&answers[paid]; 2]);
        let a = shared.into_inner().expect("no panic");
        assert_eq!((a.state().balance(), a.state().log().len()), (Amount(0), 1));
        let payee = [&mut b, &mut c].into_iter().nth(paid).expect("two");
        assert!(own(payee, INS_ACCEPT, answers[paid].as_ref().unwrap()).is_ok());
    }
    assert_eq!(firsts[0] + firsts[1], 20);
}
