use super::*;
use crate::offline::{
    bundle::Bundle,
    messages::{Class, PaymentStatus},
    purse::{
        LOG_MAX,
        contents::Answer,
        load::Loaded,
        refusal::{PurseLimit, Table},
        status::Standing,
    },
};

#[test]
fn a_purse_has_the_key_of_its_certificate() {
    let new = NewPurse {
        certificate: certified(1),
        keys: issuer_keys(),
        rules: Rules::DEVNET,
        revoked: RevocationList::default(),
        epoch: HOUR,
    };
    let other = PurseState::new([102; 32], PIN, new.clone()).expect_err("another's key");
    assert_eq!(other.status_word(), StatusWord::SIGNATURE);
    for pin in ["123", "1234567890123", "12a4", ""] {
        let refused = PurseState::new([101; 32], pin, new.clone());
        assert_eq!(refused.err(), Some(PurseRefusal::NotAPin), "{pin}");
    }
}

#[test]
fn a_load_is_asked_for_by_the_next_counter_and_taken_once() {
    let mut purse = Purse::new(1);
    let request = purse.run(|it| it.load_request(Amount(500), Nonce16([1; 16]))).unwrap();
    assert_eq!(
        (request.body.load_counter, request.body.amount),
        (LoadCounter(1), Amount(500))
    );
    assert_eq!(request.verify(&purse_secret(1).public_key()), Ok(()));
    let grant = purse.grant(500);
    assert_eq!(purse.run(|it| it.accept_grant(&grant)), Ok(Loaded::Lot));
    assert_eq!(
        (purse.balance(), purse.state.counters().load_counter),
        (500, LoadCounter(2))
    );
    let over = purse.refuses(StatusWord::LIMIT, |it| {
        it.load_request(Amount(199_501), Nonce16([1; 16]))
    });
    let expected = PurseRefusal::OverLimit {
        limit: PurseLimit::Balance,
        max: Amount(200_000),
        given: Amount(200_001),
    };
    assert_eq!(over, expected);
}

#[test]
fn an_expired_grant_gives_no_lot_and_makes_way_for_the_next() {
    let mut purse = Purse::new(1);
    let grant = purse.grant(500);
    purse.hear_beacon(after(30 * 24));
    assert_eq!(purse.run(|it| it.accept_grant(&grant)), Ok(Loaded::Expired));
    assert_eq!(
        (purse.balance(), purse.state.counters().load_counter),
        (0, LoadCounter(2))
    );
    purse.load(700);
    assert_eq!(purse.balance(), 700);
}

#[test]
fn a_payment_is_debited_credited_and_closed() {
    let mut tap = Tap::of(1_250);
    assert_eq!((tap.payer.balance(), tap.payee.balance()), (198_750, 0));
    let (request, transfer) = (tap.request.id(), tap.transfer());
    let standing = |status| Standing::Paid { transfer, status };
    assert_eq!(tap.payer.state.standing(request), standing(PaymentStatus::Pending));
    assert_eq!(tap.payee.state.standing(request), Standing::Open);
    tap.finish();
    assert_eq!(tap.payer.state.standing(request), standing(PaymentStatus::Paid));
    let received = Standing::Answered(Answer::Received(transfer));
    assert_eq!(tap.payee.state.standing(request), received);
    assert_eq!((tap.payer.balance(), tap.payee.balance()), (198_750, 1_250));
    assert_eq!(tap.payer.state.standing(MessageId::NONE), Standing::Unknown);
}

#[test]
fn lots_with_the_fewest_hops_are_paid_first() {
    let mut tap = Tap::of(1_250);
    tap.finish();
    let mut second = tap.payee;
    second.load(1_000);
    let mut third = Purse::new(3);
    let request = third.ask(1_500);
    let bundle = Bundle::from_bytes(&second.pay(&request, &third).unwrap()).unwrap();
    let spend = &bundle.transfer().body.spend;
    assert_eq!((spend.hop, spend.lots.len()), (2, 2));
    let left: Vec<_> = second.state.lots().iter().map(|lot| (lot.hop, lot.left.0)).collect();
    assert!(left.contains(&(0, 0)) && left.contains(&(1, 750)), "{left:?}");
}

#[test]
fn many_small_lots_give_way_to_few_large_ones() {
    let mut purse = Purse::new(1);
    for amount in [10, 20, 30, 40, 50, 1_000] {
        purse.load(amount);
    }
    assert_eq!(purse.state.status().largest_payment, Amount(1_120));
    let mut payee = Purse::new(2);
    let most = payee.ask(1_120);
    assert!(purse.clone().pay(&most, &payee).is_ok());
    let more = payee.ask(1_121);
    let refused = purse.pay(&more, &payee).expect_err("five lots would do");
    assert_eq!(refused, PurseRefusal::NoLots(Amount(1_121)));
}

#[test]
fn a_void_gives_the_lots_back_until_they_expire() {
    let mut tap = Tap::of(1_250);
    let void = tap.payee.void_of(&tap.request);
    let mut late = tap.payer.clone();
    assert_eq!(tap.payer.run(|it| it.void(&void)), Ok(PaymentStatus::Voided));
    assert_eq!(tap.payer.balance(), 200_000);
    assert_eq!(tap.payer.run(|it| it.void(&void)), Ok(PaymentStatus::Voided));
    assert_eq!(tap.payer.balance(), 200_000);
    late.hear_beacon(after(30 * 24));
    assert_eq!(late.run(|it| it.void(&void)), Ok(PaymentStatus::Voided));
    assert_eq!(late.balance(), 198_750);
}

#[test]
fn a_whole_lot_that_was_paid_comes_back_with_a_void() {
    let mut payer = Purse::loaded(1, 1_250);
    let mut payee = Purse::new(2);
    let request = payee.ask(1_250);
    payer.pay(&request, &payee).unwrap();
    assert_eq!((payer.balance(), payer.state.lots().len()), (0, 1));
    let void = payee.void_of(&request);
    payer.run(|it| it.void(&void)).unwrap();
    assert_eq!(payer.balance(), 1_250);
    pay_whole(&mut payer, &mut payee, 1_250).expect("it is money as before");
    assert_eq!(payer.state.lots(), []);
}

#[test]
fn redeeming_takes_the_lots_with_the_most_hops_and_what_proves_them() {
    let mut tap = Tap::of(1_250);
    tap.finish();
    let mut purse = tap.payee;
    let account = redeem().account;
    let redemption = purse.run(|it| it.redeem(account, &[])).unwrap();
    assert_eq!(redemption.redeem.body.spend.amount, Amount(1_250));
    assert_eq!(redemption.redeem.verify(&purse_secret(2).public_key()), Ok(()));
    // The payer's certificate, its grant, the transfer, the request, and the own certificate.
    assert_eq!(redemption.evidence.len(), 5);
    assert_eq!(purse.balance(), 0);
    assert_eq!(purse.run(PurseState::last_redemption), Ok(redemption));
    purse.sync(|_| Some(SettledStatus::Paid)).unwrap();
    assert_eq!((purse.state.lots(), purse.state.log()), (&[][..], &[][..]));
}

#[test]
fn a_sync_ends_what_is_pending_and_counts_limits_anew() {
    let mut payer = Purse::loaded(1, 200_000);
    let mut payee = Purse::new(2);
    for amount in [100, 200, 300] {
        let request = payee.ask(amount);
        payer.pay(&request, &payee).unwrap();
    }
    let settle = |entry: &Entry| match entry.spend().amount.0 {
        100 => Some(SettledStatus::Paid),
        200 => Some(SettledStatus::Voided),
        _ => None,
    };
    payer.sync(settle).unwrap();
    assert_eq!(payer.balance(), 200_000 - 100 - 300);
    assert_eq!(payer.state.log().len(), 1);
    let own = &payer.cert().body;
    assert_eq!(
        (own.serial.0, own.paid_max, own.payments_max),
        (201, Amount(200_600), 53)
    );
    payer.sync(|_| Some(SettledStatus::Refunded)).unwrap();
    assert_eq!((payer.balance(), payer.state.log().len()), (199_600, 0));
}

#[test]
fn an_answer_to_another_upload_is_refused() {
    let mut tap = Tap::of(1_250);
    let upload = tap.payer.run(|it| it.sync_upload()).unwrap().upload;
    let answer = signed(
        SyncAnswer {
            upload: upload.id(),
            settled: list(vec![]),
            ..sync_answer()
        },
        &issuer_secret(KeyRole::Grant),
    );
    let next = tap.payer.next_certificate();
    let request = tap.payee.ask(10);
    let mut later = tap.payer.clone();
    later.pay(&request, &tap.payee).unwrap();
    later.refuses(StatusWord::REPLAY, |it| it.sync_answer(&answer, &next));
    let old = tap.payer.cert();
    tap.payer
        .refuses(StatusWord::REPLAY, |it| it.sync_answer(&answer, &old));
    assert_eq!(tap.payer.run(|it| it.sync_answer(&answer, &next)), Ok(()));
    tap.payer
        .refuses(StatusWord::REPLAY, |it| it.sync_answer(&answer, &next));
}

#[test]
fn a_full_log_pays_no_more_until_it_syncs() {
    let mut payer = Purse::with(1, |it| it.payments_max = 100);
    payer.load(200_000);
    let mut payee = Purse::new(2);
    for _ in 0..LOG_MAX {
        pay_whole(&mut payer, &mut payee, 1).unwrap();
    }
    let request = payee.ask(1);
    let refused = payer.pay(&request, &payee).expect_err("no room");
    assert_eq!(refused, PurseRefusal::Full(Table::Log));
    payer.sync(|_| None).unwrap();
    assert!(payer.pay(&request, &payee).is_ok());
}

#[test]
fn the_right_pin_gives_three_tries_back_and_three_wrong_ones_block_it() {
    let mut purse = Purse::new(1);
    let mut give = |digits: &str| {
        purse.run(|it| it.try_pin())?;
        purse.run(|it| it.verify_pin(digits))
    };
    assert_eq!(give("0000"), Err(PurseRefusal::WrongPin(2)));
    assert_eq!(give("0000"), Err(PurseRefusal::WrongPin(1)));
    assert_eq!(give(PIN), Ok(()));
    assert_eq!(give("0000"), Err(PurseRefusal::WrongPin(2)));
    assert_eq!(give("0000"), Err(PurseRefusal::WrongPin(1)));
    assert_eq!(give("0000"), Err(PurseRefusal::PinBlocked));
    assert_eq!(give(PIN), Err(PurseRefusal::PinBlocked));
}

#[test]
fn who_knows_the_pin_changes_it_and_a_wrong_one_costs_a_try() {
    let mut purse = Purse::new(1);
    let change = |purse: &mut Purse, old: &str, new: &str| {
        purse.run(|it| it.try_pin())?;
        purse.run(|it| it.change_pin(old, new))
    };
    assert_eq!(change(&mut purse, "0000", "1234"), Err(PurseRefusal::WrongPin(2)));
    assert_eq!(purse.state.change_pin(PIN, "12a4").err(), Some(PurseRefusal::NotAPin));
    assert_eq!(change(&mut purse, PIN, "123456"), Ok(()));
    purse.run(|it| it.try_pin()).unwrap();
    assert_eq!(purse.run(|it| it.verify_pin(PIN)), Err(PurseRefusal::WrongPin(2)));
    purse.run(|it| it.try_pin()).unwrap();
    assert_eq!(purse.run(|it| it.verify_pin("123456")), Ok(()));
    for _ in 0..3 {
        assert!(change(&mut purse, PIN, "1234").is_err());
    }
    assert_eq!(change(&mut purse, "123456", "1234"), Err(PurseRefusal::PinBlocked));
}

#[test]
fn a_payer_takes_no_lots_that_its_payee_must_refuse() {
    let (mut purse, mut payee) = (Purse::new(2), Purse::new(3));
    pay_whole(&mut Purse::loaded(1, 10_000), &mut purse, 5_000).unwrap();
    purse.load(1_000);
    purse.revoke(RevocationEntry::purse(super::purse(1)));
    assert_eq!(purse.state.status().largest_payment, Amount(1_000));
    let request = payee.ask(1_001);
    let refused = purse
        .pay(&request, &payee)
        .expect_err("the rest came from a revoked purse");
    assert_eq!(refused, PurseRefusal::NoLots(Amount(1_001)));
    pay_whole(&mut purse, &mut payee, 1_000).unwrap();
    // The payee tells a later hour, at which the lot is over.
    let mut payer = Purse::with(4, |it| it.not_after = after(60 * 24));
    payer.load(1_000);
    let mut payee = Purse::with(5, |it| it.not_after = after(60 * 24));
    payee.hear_beacon(after(30 * 24));
    let request = payee.ask(10);
    assert_eq!(payer.pay(&request, &payee), Err(PurseRefusal::NoLots(Amount(10))));
    // Who is revoked pays no more; who has an old list does not know better than the payee.
    let mut stale = Purse::loaded(6, 50_000);
    stale.hear_beacon(after(8 * 24));
    let mut informed = Purse::new(7);
    informed.hear_beacon(after(8 * 24));
    let request = informed.ask(20_000);
    assert!(stale.pay(&request, &informed).is_ok());
    stale.revoke(RevocationEntry::purse(super::purse(6)));
    let request = informed.ask(10);
    let refused = stale.pay(&request, &informed).expect_err("revoked");
    assert_eq!(refused.status_word(), StatusWord::REVOKED);
}

#[test]
fn a_merchant_spends_nothing_that_it_was_paid() {
    let mut merchant = Purse::with(2, |it| it.class = Class::MERCHANT);
    pay_whole(&mut Purse::loaded(1, 1_000), &mut merchant, 1_000).unwrap();
    let mut other = Purse::new(3);
    let request = other.ask(100);
    let refused = merchant.pay(&request, &other).expect_err("it redeems that");
    assert_eq!(refused, PurseRefusal::NoLots(Amount(100)));
    let account = redeem().account;
    assert!(merchant.run(|it| it.redeem(account, &[])).is_ok());
}

#[test]
fn a_counter_at_its_end_locks_what_it_counts() {
    let mut tap = Tap::of(10);
    tap.payer.state.counters.seq.0 = u32::MAX;
    let request = tap.payee.ask(20);
    let refused = tap.payer.pay(&request, &tap.payee).expect_err("no number is left");
    assert_eq!(
        (refused.clone(), refused.status_word()),
        (PurseRefusal::CounterEnd, StatusWord::EXHAUSTED)
    );
    let account = redeem().account;
    tap.payer.refuses(StatusWord::EXHAUSTED, |it| it.redeem(account, &[]));
    tap.payee.state.counters.request_seq = RequestSeq(u32::MAX);
    assert_eq!(tap.payee.open(5), Err(PurseRefusal::CounterEnd));
    tap.payer.state.counters.load_counter = LoadCounter(u32::MAX);
    let grant = tap.payer.grant(5);
    tap.payer.refuses(StatusWord::EXHAUSTED, |it| it.accept_grant(&grant));
}
