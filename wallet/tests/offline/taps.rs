//! The two sides of a tap, torn at each of its APDUs, and what they tell each other besides the payment.

use std::{
    cell::RefCell,
    sync::atomic::{AtomicBool, Ordering},
};

use causeway_contracts::{
    codec::Text,
    money::Amount,
    offline::{
        ids::{Epoch, ListVersion, Nonce16},
        message::Message,
        messages::{PaymentStatus, Request},
        purse::{request::Ask, status::Standing},
        signed::Signed,
    },
};
use causeway_wallet::offline::{
    card::{AID, Applet, Card, StatusWord, Terminal, terminal::Channel},
    element::{Element, new_memory},
    holder::{Agreed, Event, Holder},
    memory::ram::Ram,
    purses::news::News,
    till::{Tap, TapError, Till},
};

use crate::issuer;

/// A purse with its host, whose news is in a folder of its own.
struct Side {
    element: Element<Ram>,
    news: News,
    _folder: tempfile::TempDir,
}

impl Side {
    fn new(number: u8, amount: u64) -> Self {
        let state = issuer::purse(number, issuer::now());
        let memory = new_memory(&state).expect("it fits");
        let mut element = Element::open(Ram::new(memory)).expect("it is new");
        if amount > 0 {
            let grant = issuer::grant(&state, 1, amount);
            element.run(|it| it.accept_grant(&grant)).expect("its first");
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let news = News::load(folder.path().join("news")).expect("nothing");
        Self {
            element,
            news,
            _folder: folder,
        }
    }

    fn balance(&self) -> u64 {
        self.element.state().balance().0
    }

    fn ask(&mut self, amount: u64) -> Signed<Request> {
        let ask = Ask {
            amount: Amount(amount),
            memo: Text::new("tea").expect("short"),
            nonce: Nonce16([self.element.state().counters().request_seq.0 as u8; 16]),
        };
        self.element.run(|it| it.open_request(ask)).expect("it may ask").request
    }

    /// An hour later, the issuer's list has one more version.
    fn hear(&mut self, hours: u32) {
        let hour = Epoch(issuer::now().0 + hours);
        let version = self.element.state().revoked().version().0 + 1;
        let delta = issuer::delta(version, hour, 200 + hours as u8);
        let mut list = self.element.state().revoked().clone();
        list.apply(&delta.body).expect("the next");
        let messages = vec![delta.into(), issuer::beacon(hour, &list).into()];
        self.news.hear(&mut self.element, messages).expect("news");
    }

    fn known(&self) -> (Epoch, ListVersion) {
        let state = self.element.state();
        (state.counters().epoch, state.revoked().version())
    }
}

/// Where a tap is torn.
#[derive(Debug, Clone, Copy)]
struct Cut {
    /// After so many APDUs.
    after: usize,
    /// The next one reaches the card, and its answer does not come back.
    is_answer_lost: bool,
}

const NO_CUT: Cut = Cut {
    after: usize::MAX,
    is_answer_lost: false,
};

#[derive(Debug, thiserror::Error)]
#[error("taken away")]
struct Away;

struct InField<A> {
    card: Card<A>,
    cut: Cut,
}

impl<A: Applet> Channel for &mut InField<A> {
    type Error = Away;

    fn exchange(&mut self, command: &[u8]) -> Result<Vec<u8>, Away> {
        if self.cut.after > 0 {
            self.cut.after -= 1;
            return Ok(self.card.answer(command));
        }
        if std::mem::take(&mut self.cut.is_answer_lost) {
            self.card.answer(command);
        }
        Err(Away)
    }
}

struct Tapped {
    tap: Result<Tap, TapError<Away>>,
    events: Vec<Event>,
    /// The device was told that it may be taken away.
    leaves: bool,
    may_be_paid: bool,
}

fn tap(payer: &mut Side, payee: &mut Side, request: &Signed<Request>, agreed: Agreed, cut: Cut) -> Tapped {
    let (leave, events) = (AtomicBool::new(false), RefCell::new(Vec::new()));
    let tell = |event| events.borrow_mut().push(event);
    let holder = Holder::new(&mut payer.element, &mut payer.news, agreed, &leave, tell);
    let mut field = InField {
        card: Card::new(holder),
        cut,
    };
    let mut till = Till::new(&mut payee.element, &mut payee.news, request.clone());
    let tap = Terminal::select(&mut field, &AID)
        .map_err(TapError::from)
        .and_then(|mut terminal| till.tap(&mut terminal));
    let may_be_paid = till.may_be_paid;
    field.card.reset();
    drop(field);
    Tapped {
        tap,
        events: events.into_inner(),
        leaves: leave.load(Ordering::Acquire),
        may_be_paid,
    }
}

const UP_TO_A_LOT: Agreed = Agreed {
    up_to: Amount(50_000),
    request: None,
};

fn is_paid(tapped: &Tapped) -> bool {
    matches!(tapped.tap, Ok(Tap::Paid))
}

/// At every APDU, lost on its way there or back: the next tap ends it, once.
#[test]
fn invariant_a_torn_tap_is_resumed_and_pays_once() {
    let mut torn = 0;
    for is_answer_lost in [false, true] {
        for after in 0.. {
            let (mut payer, mut payee) = (Side::new(1, 10_000), Side::new(2, 0));
            payee.hear(1);
            let request = payee.ask(1_250);
            let cut = Cut { after, is_answer_lost };
            let first = tap(&mut payer, &mut payee, &request, UP_TO_A_LOT, cut);
            if is_paid(&first) {
                break;
            }
            torn += 1;
            assert!(
                matches!(first.tap, Err(TapError::Terminal(_))),
                "{cut:?}: {:?}",
                first.tap
            );
            // Who may have paid is known to who has asked.
            let has_paid = payer.balance() == 8_750;
            let is_open = payee.element.state().standing(request.id()) == Standing::Open;
            assert!(first.may_be_paid || !has_paid || !is_open, "{cut:?}");
            let second = tap(&mut payer, &mut payee, &request, UP_TO_A_LOT, NO_CUT);
            assert!(is_paid(&second), "{cut:?}: {:?}", second.tap);
            assert!(second.leaves);
            assert_eq!((payer.balance(), payee.balance()), (8_750, 1_250), "{cut:?}");
            let log = payer.element.state().log();
            assert_eq!((log.len(), log[0].status()), (1, PaymentStatus::Paid), "{cut:?}");
            assert_eq!(payee.element.state().lots().len(), 1, "{cut:?}");
        }
    }
    assert!(torn > 10, "{torn}");
}

#[test]
fn above_what_was_agreed_the_person_is_asked_between_two_taps() {
    let (mut payer, mut payee) = (Side::new(1, 10_000), Side::new(2, 0));
    let request = payee.ask(1_250);
    let mut agreed = Agreed {
        up_to: Amount(1_249),
        request: None,
    };
    let first = tap(&mut payer, &mut payee, &request, agreed, NO_CUT);
    assert!(matches!(first.tap, Ok(Tap::Confirm)) && first.leaves, "{:?}", first.tap);
    assert!(!first.may_be_paid);
    assert!(matches!(&*first.events, [Event::Asked(asked, _)] if *asked == request));
    assert_eq!(payer.balance(), 10_000);
    agreed.request = Some(request.id());
    let second = tap(&mut payer, &mut payee, &request, agreed, NO_CUT);
    assert!(is_paid(&second));
    assert!(matches!(
        &*second.events,
        [Event::Signed(_), Event::Ended(PaymentStatus::Paid)]
    ));
    // What was agreed to was that request alone.
    let other = payee.ask(1_250);
    let third = tap(&mut payer, &mut payee, &other, agreed, NO_CUT);
    assert!(matches!(third.tap, Ok(Tap::Confirm)));
}

#[test]
fn above_the_cap_agreement_is_not_enough_without_the_pin() {
    let (mut payer, mut payee) = (Side::new(1, 10_000), Side::new(2, 0));
    let request = payee.ask(6_000);
    let first = tap(&mut payer, &mut payee, &request, UP_TO_A_LOT, NO_CUT);
    assert!(matches!(first.tap, Ok(Tap::Confirm)) && first.leaves);
    payer.element.consent(issuer::PIN, request.id()).expect("the right one");
    assert!(is_paid(&tap(&mut payer, &mut payee, &request, UP_TO_A_LOT, NO_CUT)));
    assert_eq!((payer.balance(), payee.balance()), (4_000, 6_000));
}

#[test]
fn a_request_that_was_paid_asks_no_other_purse() {
    let (mut payer, mut other, mut payee) = (Side::new(1, 10_000), Side::new(3, 10_000), Side::new(2, 0));
    let request = payee.ask(1_250);
    // SELECT, news, STATUS, PAY; the receipt is lost.
    let cut = Cut {
        after: 4,
        is_answer_lost: false,
    };
    assert!(tap(&mut payer, &mut payee, &request, UP_TO_A_LOT, cut).tap.is_err());
    assert_eq!(payee.balance(), 1_250);
    let tapped = tap(&mut other, &mut payee, &request, UP_TO_A_LOT, NO_CUT);
    assert!(matches!(tapped.tap, Ok(Tap::PaidByAnother)), "{:?}", tapped.tap);
    assert_eq!(other.balance(), 10_000);
    assert!(is_paid(&tap(&mut payer, &mut payee, &request, UP_TO_A_LOT, NO_CUT)));
}

/// Two purses sign one request, since the first one's answer is lost: one is paid for, the other has its money.
#[test]
fn attack_48_the_second_purse_at_a_reader_is_told_that_its_payment_is_void() {
    let (mut payer, mut other, mut payee) = (Side::new(1, 10_000), Side::new(3, 10_000), Side::new(2, 0));
    let request = payee.ask(1_250);
    let cut = Cut {
        after: 3,
        is_answer_lost: true,
    };
    let first = tap(&mut payer, &mut payee, &request, UP_TO_A_LOT, cut);
    assert!(first.may_be_paid && payer.balance() == 8_750);
    assert!(is_paid(&tap(&mut other, &mut payee, &request, UP_TO_A_LOT, NO_CUT)));
    let again = tap(&mut payer, &mut payee, &request, UP_TO_A_LOT, NO_CUT);
    assert!(matches!(again.tap, Ok(Tap::Voided)), "{:?}", again.tap);
    let balances = [&payer, &other, &payee].map(Side::balance);
    assert_eq!(balances, [10_000, 8_750, 1_250]);
}

#[test]
fn what_the_payee_may_not_take_is_the_payers_again() {
    let (mut payer, mut payee) = (Side::new(1, 100_000), Side::new(2, 0));
    for (amount, expected) in [(30_000, true), (20_001, false)] {
        let request = payee.ask(amount);
        payer.element.consent(issuer::PIN, request.id()).expect("the right one");
        let tapped = tap(&mut payer, &mut payee, &request, UP_TO_A_LOT, NO_CUT);
        assert_eq!(is_paid(&tapped), expected, "{:?}", tapped.tap);
        if !expected {
            assert!(matches!(tapped.tap, Ok(Tap::NotTaken(_))), "{:?}", tapped.tap);
        }
    }
    assert_eq!((payer.balance(), payee.balance()), (70_000, 30_000));
    assert!(payer.element.state().log().iter().all(|entry| !entry.is_pending()));
}

#[test]
fn a_payer_that_may_not_pay_says_so_by_its_word() {
    let (mut payer, mut payee) = (Side::new(1, 1_000), Side::new(2, 0));
    let request = payee.ask(1_250);
    let tapped = tap(&mut payer, &mut payee, &request, UP_TO_A_LOT, NO_CUT);
    assert!(
        matches!(tapped.tap, Ok(Tap::Refused(StatusWord::LIMIT))),
        "{:?}",
        tapped.tap
    );
    assert!(!tapped.may_be_paid);
}

#[test]
fn both_have_the_newest_news_after_a_tap() {
    let check = |payer_hears: &[u32], payee_hears: &[u32]| {
        let (mut payer, mut payee) = (Side::new(1, 10_000), Side::new(2, 0));
        payer_hears.iter().for_each(|hours| payer.hear(*hours));
        payee_hears.iter().for_each(|hours| payee.hear(*hours));
        let newest = payer.known().max(payee.known());
        let request = payee.ask(100);
        assert!(is_paid(&tap(&mut payer, &mut payee, &request, UP_TO_A_LOT, NO_CUT)));
        assert_eq!((payer.known(), payee.known()), (newest, newest));
        // Whoever has heard it can pass it on.
        let mut third = Side::new(3, 10_000);
        let request = payee.ask(100);
        assert!(is_paid(&tap(&mut third, &mut payee, &request, UP_TO_A_LOT, NO_CUT)));
        assert_eq!(third.known(), newest);
    };
    check(&[], &[1]);
    check(&[1], &[]);
    check(&[1, 2, 3], &[1]);
    check(&[1], &[1, 2, 3]);
}

#[test]
fn news_fits_a_tap_and_outlives_its_process() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("news");
    let mut side = Side::new(1, 0);
    side.news = News::load(path.clone()).expect("nothing");
    for hours in 1..=70 {
        let hour = Epoch(issuer::now().0 + hours);
        let delta = issuer::delta(hours, hour, hours as u8);
        let mut list = side.element.state().revoked().clone();
        list.apply(&delta.body).expect("the next");
        let messages = vec![delta.into(), issuer::beacon(hour, &list).into()];
        side.news.hear(&mut side.element, messages).expect("news");
    }
    let news = News::load(path).expect("it is whole");
    let deltas = |after: u32| {
        let messages = news.after(ListVersion(after));
        assert!(matches!(messages[0], Message::Beacon(_)));
        assert!(Message::concatenate(&messages[1..]).len() <= 512);
        messages.len() - 1
    };
    // 64 are kept, and each has 85 bytes.
    assert_eq!([0, 5, 6, 68, 69, 70].map(deltas), [0, 0, 6, 2, 1, 0]);
    assert_eq!(news.beacon().expect("the newest").body.epoch, side.known().0);
}
