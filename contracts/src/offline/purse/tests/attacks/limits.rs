//! What limits stop.

use super::*;
use crate::offline::{
    messages::Class,
    purse::{
        PAYERS_MAX,
        refusal::{PurseLimit, Table},
    },
};

/// Pays without a PIN.
fn tap_only(payer: &mut Purse, payee: &mut Purse, amount: u64) -> Result<(), PurseRefusal> {
    let request = payee.ask(amount);
    let certificate = payee.cert();
    payer
        .run(|it| it.pay(&request, &certificate, Consent::None))
        .map(|_| ())
}

#[test]
fn attack_33_splitting_one_payer_into_many_payments_ends_at_the_cap_per_payer() {
    let (mut payer, mut payee) = (Purse::loaded(1, 200_000), Purse::new(2));
    for _ in 0..5 {
        pay_whole(&mut payer, &mut payee, 10_000).unwrap();
    }
    let over = pay_whole(&mut payer, &mut payee, 1).expect_err("500.00 from one payer");
    let expected = PurseRefusal::OverLimit {
        limit: PurseLimit::Payer,
        max: Amount(50_000),
        given: Amount(50_001),
    };
    assert_eq!((over.status_word(), over), (StatusWord::LIMIT, expected));
    // Another certificate is another count.
    payer.sync(|_| Some(SettledStatus::Refunded)).unwrap();
    pay_whole(&mut payer, &mut payee, 1).unwrap();
}

#[test]
fn attack_33_splitting_among_payees_ends_at_what_a_purse_may_pay_before_it_syncs() {
    let mut payer = Purse::with(1, |it| it.paid_max = Amount(100_000));
    payer.load(200_000);
    for number in [2, 3] {
        pay_whole(&mut payer, &mut Purse::new(number), 50_000).unwrap();
    }
    let over = pay_whole(&mut payer, &mut Purse::new(4), 1).expect_err("paid_max");
    let expected = PurseRefusal::OverLimit {
        limit: PurseLimit::Paid,
        max: Amount(100_000),
        given: Amount(100_001),
    };
    assert_eq!((over.status_word(), over), (StatusWord::LIMIT, expected));
    let mut often = Purse::with(5, |it| it.payments_max = 2);
    often.load(100);
    for number in [2, 3] {
        pay_whole(&mut often, &mut Purse::new(number), 1).unwrap();
    }
    let over = pay_whole(&mut often, &mut Purse::new(4), 1).expect_err("payments_max");
    assert_eq!(
        (over.status_word(), over),
        (StatusWord::LIMIT, PurseRefusal::TooManyPayments(2))
    );
}

#[test]
fn attack_33_a_void_gives_no_right_to_pay_more() {
    let mut payer = Purse::with(1, |it| it.paid_max = Amount(1_000));
    payer.load(200_000);
    let mut payee = Purse::new(2);
    let request = payee.ask(1_000);
    payer.pay(&request, &payee).unwrap();
    let void = payee.void_of(&request);
    payer.run(|it| it.void(&void)).unwrap();
    let over = pay_whole(&mut payer, &mut payee, 1).expect_err("it only grows");
    assert_eq!(over.status_word(), StatusWord::LIMIT);
}

#[test]
fn attack_33_a_purse_takes_from_64_payers_until_their_certificates_end() {
    let mut payee = Purse::new(2);
    let pay_by = |number: usize, payee: &mut Purse| {
        // One purse with many certificates counts as often.
        let mut payer = Purse::with(1, |it| it.serial.0 = u32::try_from(number).expect("few"));
        let mut grant = payer.grant(100).body;
        grant.load.0[15] = u8::try_from(number).expect("few");
        let grant = signed(grant, &issuer_secret(KeyRole::Grant));
        payer.run(|it| it.accept_grant(&grant)).unwrap();
        let paid = pay_whole(&mut payer, payee, 100);
        // Room in the purse is another limit.
        payee.state.lots.clear();
        paid
    };
    for number in 0..PAYERS_MAX {
        pay_by(number, &mut payee).unwrap();
    }
    assert_eq!(pay_by(PAYERS_MAX, &mut payee), Err(PurseRefusal::Full(Table::Payers)));
    assert_eq!(pay_by(3, &mut payee), Ok(()));
    let mut merchant = Purse::with(3, |it| it.class = Class::MERCHANT);
    merchant.state.payers = payee.state.payers.clone();
    pay_by(PAYERS_MAX, &mut merchant).unwrap();
    payee.hear_beacon(after(14 * 24 + 1));
    assert_eq!(payee.state.payers, []);
}

#[test]
fn attack_33_a_purse_holds_no_more_than_its_certificate_says() {
    let mut payee = Purse::with(2, |it| it.balance_max = Amount(1_000));
    let request = payee.ask(600);
    payee.load(500);
    let bundle = Purse::loaded(1, 1_000).pay(&request, &payee).unwrap();
    let over = payee.refuses(StatusWord::LIMIT, |it| it.accept(&bundle));
    let expected = PurseRefusal::OverLimit {
        limit: PurseLimit::Balance,
        max: Amount(1_000),
        given: Amount(1_100),
    };
    assert_eq!(over, expected);
}

#[test]
fn attack_35_a_relayed_tap_pays_at_most_what_needs_no_pin() {
    let (mut payer, mut payee) = (Purse::loaded(1, 200_000), Purse::new(2));
    assert_eq!(tap_only(&mut payer, &mut payee, 5_001), Err(PurseRefusal::Confirm));
    assert_eq!(PurseRefusal::Confirm.status_word(), StatusWord::CONFIRM);
    assert_eq!(tap_only(&mut payer, &mut payee, 5_000), Ok(()));
    let request = payee.ask(5_001);
    assert!(payer.pay(&request, &payee).is_ok());
}

#[test]
fn attack_36_skimming_ends_after_five_payments_or_150_00_until_the_pin_is_given() {
    let (mut payer, mut payee) = (Purse::loaded(1, 200_000), Purse::new(2));
    for _ in 0..5 {
        tap_only(&mut payer, &mut payee, 100).unwrap();
    }
    assert_eq!(tap_only(&mut payer, &mut payee, 1), Err(PurseRefusal::Confirm));
    payer.run(|it| it.try_pin()).unwrap();
    payer.run(|it| it.verify_pin(PIN)).unwrap();
    for _ in 0..3 {
        tap_only(&mut payer, &mut payee, 5_000).unwrap();
    }
    assert_eq!(tap_only(&mut payer, &mut payee, 1), Err(PurseRefusal::Confirm));
    // A wrong PIN opens nothing.
    payer.run(|it| it.try_pin()).unwrap();
    assert!(payer.run(|it| it.verify_pin("0000")).is_err());
    assert_eq!(tap_only(&mut payer, &mut payee, 1), Err(PurseRefusal::Confirm));
}
