use causeway_contracts::{
    identity::{AccountId, AddressPrefix},
    money::text::parse_amount,
};
use proptest::prelude::*;

use super::*;
use crate::maker::pricing::BasisPoints;

fn eur() -> Currency {
    Currency::new("EUR").expect("a code")
}

fn account(byte: u8) -> AccountId {
    AccountId([byte; 20])
}

fn terms(fixed: u64, share: u16, parts: &[u16]) -> Terms {
    let fee = Fee {
        fixed: Amount(fixed),
        share: BasisPoints::new(share).expect("less than all"),
    };
    let part = |(at, &basis_points): (usize, &u16)| Part {
        to: account(at as u8 + 1),
        basis_points,
    };
    Terms::new(fee, parts.iter().enumerate().map(part).collect()).expect("parts that sum to the whole")
}

fn movement(kind: Kind, amount: u64) -> Movement {
    Movement {
        kind,
        order: "ord_1".to_owned(),
        reference: "table 7, \"terrace\"".to_owned(),
        at_ms: 1_700_000_000_007,
        amount: Amount(amount),
        transaction: "ab".repeat(32),
    }
}

fn amounts(settlement: &Settlement) -> Vec<u64> {
    settlement.payouts.iter().map(|share| share.amount.0).collect()
}

#[test]
fn a_day_is_netted_and_shared() {
    let terms = terms(10, 150, &[9_000, 1_000]);
    let day = [
        movement(Kind::Capture, 10_000),
        movement(Kind::Capture, 333),
        movement(Kind::Refund, 2_000),
        movement(Kind::Chargeback, 100),
    ];
    let settlement = settle(&terms, eur(), Amount(50), &day).expect("it is not too large");
    // Fees: 10 + 150, and 10 + 4.995 rounded down.
    assert_eq!((settlement.captured.0, settlement.fees.0), (10_333, 174));
    assert_eq!((settlement.refunded.0, settlement.charged_back.0), (2_000, 100));
    assert_eq!(settlement.carried_forward, Amount(0));
    // 8,009 in all: 7,208.1 and 800.9.
    assert_eq!(amounts(&settlement), [7_208, 801]);
}

#[test]
fn a_day_of_less_than_nothing_is_carried_forward() {
    let terms = terms(0, 0, &[10_000]);
    let first = settle(&terms, eur(), Amount(0), &[movement(Kind::Refund, 700)]).expect("it is not too large");
    assert_eq!((amounts(&first), first.carried_forward.0), (vec![], 700));
    let second = [movement(Kind::Capture, 1_000)];
    let second = settle(&terms, eur(), first.carried_forward, &second).expect("it is not too large");
    assert_eq!((amounts(&second), second.carried_forward.0), (vec![300], 0));
}

#[test]
fn a_fee_is_never_more_than_what_was_captured() {
    assert_eq!(terms(30, 0, &[10_000]).fee_of(Amount(20)), Amount(20));
    assert_eq!(terms(u64::MAX, 9_999, &[10_000]).fee_of(Amount(20)), Amount(20));
    assert_eq!(terms(30, 100, &[10_000]).fee_of(Amount(1_999)), Amount(49));
}

#[test]
fn a_day_beyond_what_a_payment_can_be_is_said_to_be() {
    let day = [movement(Kind::Capture, u64::MAX), movement(Kind::Capture, 1)];
    let settled = settle(&terms(0, 0, &[10_000]), eur(), Amount(0), &day);
    assert_eq!(settled, Err(TooLarge(1 << 64)));
}

#[test]
fn terms_are_shares_of_the_whole_among_different_payees() {
    let fee = Fee {
        fixed: Amount::ZERO,
        share: BasisPoints::NONE,
    };
    let part = |byte, basis_points| Part {
        to: account(byte),
        basis_points,
    };
    let fault = |parts| Terms::new(fee, parts).expect_err("no terms");
    assert_eq!(fault(vec![]), TermsFault::Payees(0));
    assert_eq!(fault(vec![part(1, 9_999)]), TermsFault::Sum(9_999));
    assert_eq!(fault(vec![part(1, 10_000), part(2, 0)]), TermsFault::Sum(10_000));
    assert_eq!(fault(vec![part(1, 5_000), part(1, 5_000)]), TermsFault::Twice);
    let many = (0..17)
        .map(|byte| part(byte, if byte == 0 { 8_400 } else { 100 }))
        .collect();
    assert_eq!(fault(many), TermsFault::Payees(17));
}

fn file(terms: &Terms, settlement: &Settlement, movements: &[Movement]) -> String {
    let subject = Subject {
        settlement,
        terms,
        movements,
        exponent: 2,
        prefix: AddressPrefix::Devnet,
        transaction: Some("cd"),
    };
    let mut bytes = Vec::new();
    write(&subject, &mut bytes).expect("it is written to memory");
    String::from_utf8(bytes).expect("text")
}

#[test]
fn the_file_has_every_movement_and_payout() {
    let terms = terms(10, 150, &[10_000]);
    let day = [movement(Kind::Capture, 10_000), movement(Kind::Refund, 2_000)];
    let settlement = settle(&terms, eur(), Amount(50), &day).expect("it is not too large");
    let address = account(1).address(AddressPrefix::Devnet);
    let hash = "ab".repeat(32);
    let expected = format!(
        "type,order,reference,time,currency,amount,fee,net,transaction\n\
         capture,ord_1,\"table 7, \"\"terrace\"\"\",2023-11-14T22:13:20.007Z,EUR,100.00,1.60,98.40,{hash}\n\
         refund,ord_1,\"table 7, \"\"terrace\"\"\",2023-11-14T22:13:20.007Z,EUR,-20.00,0.00,-20.00,{hash}\n\
         brought_forward,,,,EUR,,,-0.50,\n\
         payout,,{address},,EUR,,,-77.90,cd\n"
    );
    assert_eq!(file(&terms, &settlement, &day), expected);
}

fn net_sum(file: &str) -> i128 {
    let mut rows = csv::Reader::from_reader(file.as_bytes());
    let nets = rows.records().map(|row| {
        let row = row.expect("a row");
        let (sign, digits) = match row[7].strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, &row[7]),
        };
        sign * i128::from(parse_amount(digits, 2).expect("an amount").0)
    });
    nets.sum()
}

fn movements() -> impl Strategy<Value = Vec<Movement>> {
    let kind = prop_oneof![3 => Just(Kind::Capture), 1 => Just(Kind::Refund), 1 => Just(Kind::Chargeback), 1 => Just(Kind::Reversal)];
    let one = (kind, 1..1_000_000u64).prop_map(|(kind, amount)| movement(kind, amount));
    prop::collection::vec(one, 0..20)
}

#[test]
fn no_cell_is_taken_for_a_formula() {
    let terms = terms(0, 0, &[10_000]);
    let cells = [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@A1", "'@A1"),
        ("\tx", "'\tx"),
        ("\rx", "\"'\rx\""),
        ("a=1", "a=1"),
        ("", ""),
    ];
    for (reference, expected) in cells {
        let named = Movement {
            reference: reference.to_owned(),
            ..movement(Kind::Refund, 100)
        };
        let day = [named];
        let settlement = settle(&terms, eur(), Amount(0), &day).expect("it is not too large");
        let file = file(&terms, &settlement, &day);
        // Amounts below zero are numbers.
        let begin = format!("refund,ord_1,{expected},2023-11-14T22:13:20.007Z,EUR,-1.00,0.00,-1.00,");
        assert!(file.lines().count() > 1 && file.contains(&begin), "{file}");
    }
}

#[test]
fn days_are_settled_when_they_are_over_and_captures_at_once() {
    let at = |kind, day: u64, ms| Movement {
        at_ms: day * DAY_MS + ms,
        ..movement(kind, 100)
    };
    let open = [
        at(Kind::Refund, 7, 0),
        at(Kind::Capture, 7, 5),
        at(Kind::Capture, 7, DAY_MS - 1),
        at(Kind::Chargeback, 8, 0),
        at(Kind::Capture, 9, 0),
    ];
    let check = |schedule, over_ms, expected: &[(u64, &[usize])]| {
        let found = periods(schedule, &open, over_ms);
        let found: Vec<_> = found.iter().map(|period| (period.day, &*period.taken)).collect();
        assert_eq!(found, expected, "{schedule:?} {over_ms:?}");
    };
    check(Schedule::T1, Some(8 * DAY_MS - 1), &[]);
    check(Schedule::T1, Some(8 * DAY_MS), &[(7, &[0, 1, 2])]);
    check(Schedule::T1, Some(9 * DAY_MS), &[(7, &[0, 1, 2]), (8, &[3])]);
    check(Schedule::T1, None, &[(7, &[0, 1, 2]), (8, &[3]), (9, &[4])]);
    check(Schedule::T0, Some(0), &[(7, &[0, 1, 3]), (7, &[2]), (9, &[4])]);
    assert_eq!(
        periods(Schedule::T0, &open[3..4], None),
        [],
        "what went back waits for a capture"
    );
    let large = [movement(Kind::Capture, u64::MAX), movement(Kind::Capture, 1)];
    assert_eq!(periods(Schedule::T1, &large, None).len(), 2);
}

proptest! {
    #[test]
    fn invariant_what_came_in_is_what_goes_out(
        day in movements(),
        brought in 0..100_000u64,
        fixed in 0..100u64,
        share in 0..10_000u16,
        first in 1..10_000u16,
    ) {
        let terms = terms(fixed, share, &[first, 10_000 - first]);
        let settlement = settle(&terms, eur(), Amount(brought), &day).expect("it is not too large");
        let paid = settlement.paid().0;
        let out = settlement.fees.0 + settlement.refunded.0 + settlement.charged_back.0 + brought + paid;
        prop_assert_eq!(settlement.captured.0 + settlement.carried_forward.0, out);
        prop_assert!(paid == 0 || settlement.carried_forward == Amount(0));
        prop_assert_eq!(net_sum(&file(&terms, &settlement, &day)), 0);
    }

    /// However often it is looked, and whenever, each movement is settled once, and in the end all that is left is paid.
    #[test]
    fn invariant_each_movement_is_settled_once(
        all in movements(),
        ticks in prop::collection::vec((0..4u64, any::<bool>(), any::<bool>()), 1..12),
    ) {
        let terms = terms(1, 150, &[9_000, 1_000]);
        let mut open: Vec<Movement> = Vec::new();
        let (mut coming, mut now_ms, mut owed, mut paid) = (all.clone().into_iter(), 0, Amount(0), 0);
        let (mut settled, mut fees) = (0, 0);
        let ends = [(9, false, true), (9, false, true)];
        let last = ticks.len();
        for (tick, (days, is_t0, is_now)) in ticks.into_iter().chain(ends).enumerate() {
            now_ms += days * DAY_MS / 3;
            let come = if tick >= last { usize::MAX } else { 3 };
            let news = coming.by_ref().take(come);
            open.extend(news.map(|movement| Movement { at_ms: now_ms, ..movement }));
            let schedule = if is_t0 { Schedule::T0 } else { Schedule::T1 };
            let due = periods(schedule, &open, (!is_now).then_some(now_ms));
            let mut gone = std::collections::BTreeSet::new();
            for period in &due {
                let taken: Vec<_> = period.taken.iter().map(|at| open[*at].clone()).collect();
                prop_assert!(period.taken.iter().all(|at| gone.insert(*at)), "none is taken twice");
                let settlement = settle(&terms, eur(), owed, &taken).expect("it is not too large");
                owed = settlement.carried_forward;
                paid += settlement.paid().0;
                fees += settlement.fees.0;
            }
            settled += gone.len();
            let mut at = 0;
            open.retain(|_| { at += 1; !gone.contains(&(at - 1)) });
        }
        prop_assert_eq!((settled, open.len()), (all.len(), 0));
        let sum = |is_capture| -> u64 {
            let those = all.iter().filter(|movement| (movement.kind == Kind::Capture) == is_capture);
            those.map(|movement| movement.amount.0).sum()
        };
        prop_assert_eq!(sum(true) + owed.0, sum(false) + fees + paid);
    }
}
