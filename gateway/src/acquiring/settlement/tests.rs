use causeway_contracts::{
    identity::{AccountId, AddressPrefix},
    money::text::parse_amount,
};
use proptest::prelude::*;

use super::{file::Subject, *};
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
    let settlement = settle(&terms, eur(), 50, &day).expect("it is not too large");
    // Fees: 10 + 150, and 10 + 4.995 rounded down.
    assert_eq!((settlement.captured, settlement.fees), (10_333, 174));
    assert_eq!((settlement.refunded, settlement.charged_back), (2_000, 100));
    assert_eq!(settlement.carried_forward, 0);
    // 8,009 in all: 7,208.1 and 800.9.
    assert_eq!(amounts(&settlement), [7_208, 801]);
}

#[test]
fn a_day_of_less_than_nothing_is_carried_forward() {
    let terms = terms(0, 0, &[10_000]);
    let first = settle(&terms, eur(), 0, &[movement(Kind::Refund, 700)]).expect("it is not too large");
    assert_eq!((amounts(&first), first.carried_forward), (vec![], 700));
    let second = [movement(Kind::Capture, 1_000)];
    let second = settle(&terms, eur(), first.carried_forward, &second).expect("it is not too large");
    assert_eq!((amounts(&second), second.carried_forward), (vec![300], 0));
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
    let settled = settle(&terms(0, 0, &[10_000]), eur(), 0, &day);
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
    let settlement = settle(&terms, eur(), 50, &day).expect("it is not too large");
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
    let kind = prop_oneof![3 => Just(Kind::Capture), 1 => Just(Kind::Refund), 1 => Just(Kind::Chargeback)];
    let one = (kind, 1..1_000_000u64).prop_map(|(kind, amount)| movement(kind, amount));
    prop::collection::vec(one, 0..20)
}

proptest! {
    #[test]
    fn invariant_what_came_in_is_what_goes_out(
        day in movements(),
        brought in 0..100_000u128,
        fixed in 0..100u64,
        share in 0..10_000u16,
        first in 1..10_000u16,
    ) {
        let terms = terms(fixed, share, &[first, 10_000 - first]);
        let settlement = settle(&terms, eur(), brought, &day).expect("it is not too large");
        let paid: u128 = settlement.payouts.iter().map(|share| u128::from(share.amount.0)).sum();
        let out = settlement.fees + settlement.refunded + settlement.charged_back + brought + paid;
        prop_assert_eq!(settlement.captured + settlement.carried_forward, out);
        prop_assert!(paid == 0 || settlement.carried_forward == 0);
        prop_assert_eq!(net_sum(&file(&terms, &settlement, &day)), 0);
    }
}
