//! Money that is none, or is not the spender's.

use super::*;
use crate::offline::{
    bundle::{BUNDLE_BYTES_MAX, Bundle},
    chain::{bundle_lot, chain, grant_lot, pay_by},
    ids::CurrencyIndex,
    message::Message,
    messages::Spend,
    purse::load::Loaded,
    signed::Body as _,
};

/// A payee with the request that a bundle of the examples pays.
fn payee_of(number: u8) -> Purse {
    let mut payee = Purse::new(number);
    payee
        .state
        .requests
        .push(signed(request(number), &purse_secret(number)));
    payee
}

fn without(bundle: &Bundle, is_out: impl Fn(&Message) -> bool) -> Vec<u8> {
    let left: Vec<_> = bundle.messages().filter(|message| !is_out(message)).collect();
    Message::concatenate(&left)
}

fn changed(change: impl FnOnce(&mut Spend)) -> Vec<u8> {
    let (load, grant) = grant_lot(1);
    let mut spend = spend(1, &[(load, AMOUNT.0)]);
    change(&mut spend);
    pay_by(1, 2, spend, &[(load, grant)]).to_bytes()
}

#[test]
fn attack_20_a_grant_is_taken_from_the_issuer_for_this_purse_and_once() {
    let mut one = Purse::new(1);
    let grant = one.grant(500);
    let forged = signed(grant.body.clone(), &purse_secret(1));
    one.refuses(StatusWord::SIGNATURE, |it| it.accept_grant(&forged));
    Purse::new(2).refuses(StatusWord::REPLAY, |it| it.accept_grant(&grant));
    assert_eq!(one.run(|it| it.accept_grant(&grant)), Ok(Loaded::Lot));
    one.refuses(StatusWord::REPLAY, |it| it.accept_grant(&grant));
    let mut early = one.grant(500).body;
    early.load_counter = LoadCounter(3);
    let early = signed(early, &issuer_secret(KeyRole::Grant));
    one.refuses(StatusWord::REPLAY, |it| it.accept_grant(&early));
    let mut same_load = one.grant(500).body;
    same_load.load = grant.body.load;
    let same_load = signed(same_load, &issuer_secret(KeyRole::Grant));
    one.refuses(StatusWord::REPLAY, |it| it.accept_grant(&same_load));
    assert_eq!(one.balance(), 500);
}

#[test]
fn attack_22_a_missing_parent_or_another_certificate_is_no_provenance() {
    let bundle = chain(2);
    let payee = payee_of(3);
    let parent = bundle.transfers()[0].transfer.id();
    let orphan = without(&bundle, |message| message.id() == parent);
    payee.refuses(StatusWord::PROVENANCE, |it| it.accept(&orphan));
    let uncertified = without(&bundle, |message| message.id() == certified(1).id());
    payee.refuses(StatusWord::PROVENANCE, |it| it.accept(&uncertified));
    let swapped: Vec<_> = bundle
        .messages()
        .map(|message| {
            if message.id() == certified(1).id() {
                certified(7).into()
            } else {
                message
            }
        })
        .collect();
    payee.refuses(StatusWord::PROVENANCE, |it| it.accept(&Message::concatenate(&swapped)));
}

#[test]
fn attack_23_more_than_a_parent_has_is_no_provenance() {
    let (lot, behind) = bundle_lot(chain(1));
    let more = AMOUNT.0 + 1;
    let mut asked = request(3);
    asked.amount = Amount(more);
    let mut body = transfer(2, 3, spend(2, &[(lot, more)]));
    body.request = asked.id();
    let transfer = signed(body, &purse_secret(2));
    let bundle = Bundle::for_transfer(transfer, certified(2), [&behind]).expect("sums are the payee's to check");
    let mut payee = Purse::new(3);
    payee.state.requests.push(signed(asked, &purse_secret(3)));
    payee.refuses(StatusWord::PROVENANCE, |it| it.accept(&bundle.to_bytes()));
}

#[test]
fn attack_24_an_understated_hop_is_refused() {
    let (lot, behind) = bundle_lot(chain(1));
    let understated = pay_by(2, 3, spend(1, &[(lot, AMOUNT.0)]), &[(lot, behind)]);
    payee_of(3).refuses(StatusWord::HOP, |it| it.accept(&understated.to_bytes()));
}

#[test]
fn attack_25_going_back_and_forth_does_not_begin_hops_anew() {
    let (mut one, mut two) = (Purse::loaded(1, 1_000), Purse::new(2));
    for hop in 1..=4 {
        pay_whole(&mut one, &mut two, 1_000).unwrap();
        assert_eq!(two.state.lots()[0].hop, hop);
        std::mem::swap(&mut one, &mut two);
    }
    let request = two.ask(1_000);
    let refused = one.pay(&request, &two).expect_err("a fifth hop");
    assert_eq!(refused, PurseRefusal::NoLots(Amount(1_000)));
}

#[test]
fn attack_26_a_bundle_that_is_too_long_is_not_read_and_five_lots_are_none() {
    let tap = Tap::of(1_250);
    let long = vec![0xff; BUNDLE_BYTES_MAX + 1];
    let refusal = tap.payee.refuses(StatusWord::MALFORMED, |it| it.accept(&long));
    assert!(refusal.to_string().contains("2049 bytes"), "{refusal}");
    // The count of lots, of a transfer that has one.
    let transfer = tap.payer.last_payment().transfer.to_bytes();
    let lot = tap.payer.last_payment().transfer.body.spend.lots[0].lot;
    let count = transfer
        .windows(16)
        .position(|part| part == lot.0)
        .expect("it is there")
        - 1;
    let mut bundle = tap.bundle.clone();
    let at = bundle.len() - transfer.len() + count;
    assert_eq!(bundle[at], 1);
    bundle[at] = 5;
    tap.payee.refuses(StatusWord::MALFORMED, |it| it.accept(&bundle));
}

#[test]
fn attack_27_what_has_expired_by_a_newer_hour_is_refused() {
    let mut tap = Tap::of(1_250);
    tap.payee.hear_beacon(after(14 * 24));
    let mut expired = tap.payee.clone();
    assert!(tap.payee.accept(&tap.bundle).is_ok());
    // The certificate's last hour is the 14th day's first, the lot's the 30th day's.
    expired.hear_beacon(after(14 * 24 + 1));
    expired.refuses(StatusWord::EXPIRED, |it| it.accept(&tap.bundle));
    let mut payer = Purse::with(1, |it| it.not_after = after(60 * 24));
    payer.load(1_000);
    let mut payee = Purse::with(2, |it| it.not_after = after(60 * 24));
    let request = payee.ask(100);
    let bundle = payer.pay(&request, &payee).unwrap();
    payee.hear_beacon(after(30 * 24));
    payee.refuses(StatusWord::EXPIRED, |it| it.accept(&bundle));
    payer.hear_beacon(after(30 * 24));
    let request = payee.ask(200);
    let refused = payer.pay(&request, &payee).expect_err("the lot is over");
    assert_eq!(refused, PurseRefusal::NoLots(Amount(200)));
}

#[test]
fn attack_28_a_beacon_that_is_forged_or_older_moves_no_hour() {
    let mut purse = Purse::new(1);
    purse.hear_beacon(after(5));
    let before = purse.state.clone();
    let older = beacon_of(after(4));
    assert_eq!(purse.run(|it| it.beacon(&older)), Ok(false));
    let forged = signed(beacon_of(after(9)).body, &purse_secret(1));
    purse.refuses(StatusWord::SIGNATURE, |it| it.beacon(&forged));
    let by_another_role = signed(beacon_of(after(9)).body, &issuer_secret(KeyRole::Grant));
    purse.refuses(StatusWord::SIGNATURE, |it| it.beacon(&by_another_role));
    let mut of_another_list = beacon_of(after(9)).body;
    of_another_list.list_version = ListVersion(199);
    let of_another_list = signed(of_another_list, &issuer_secret(KeyRole::Beacon));
    purse.refuses(StatusWord::PROVENANCE, |it| it.beacon(&of_another_list));
    assert_eq!(purse.state, before);
}

#[test]
fn attack_29_an_hour_that_others_claim_moves_no_hour() {
    let ten_years = after(10 * 365 * 24);
    let late = |message| match message {
        Message::Transfer(mut transfer) => {
            transfer.body.spend.epoch = ten_years;
            signed(transfer.body, &purse_secret(1)).into()
        }
        other => other,
    };
    let bundle = Message::concatenate(&chain(1).messages().map(late).collect::<Vec<_>>());
    payee_of(2).refuses(StatusWord::EXPIRED, |it| it.accept(&bundle));
    let payer = Purse::loaded(1, 1_000);
    let mut asked = request(2);
    asked.epoch = ten_years;
    let asked = signed(asked, &purse_secret(2));
    payer.refuses(StatusWord::EXPIRED, |it| it.pay(&asked, &certified(2), Consent::Pin));
    assert_eq!(payer.state.counters().epoch, HOUR);
    // A clock that is behind: what others believe to be earlier is good, and the purse's hour stays.
    let mut payee = payee_of(2);
    payee.hear_beacon(after(2));
    assert!(payee.accept(&changed(|_| {})).is_ok());
    assert_eq!(payee.state.counters().epoch, after(2));
}

#[test]
fn attack_30_money_that_passed_a_revoked_purse_is_refused_and_what_is_held_redeems() {
    let revoked = RevocationEntry::purse(purse(1));
    let mut by_one_hop = payee_of(2);
    by_one_hop.revoke(revoked);
    by_one_hop.refuses(StatusWord::REVOKED, |it| it.accept(&chain(1).to_bytes()));
    let mut by_two_hops = payee_of(3);
    by_two_hops.revoke(revoked);
    by_two_hops.refuses(StatusWord::REVOKED, |it| it.accept(&chain(2).to_bytes()));
    let mut holder = payee_of(2);
    holder.accept(&chain(1).to_bytes()).unwrap();
    holder.revoke(revoked);
    let account = redeem().account;
    let redemption = holder.run(|it| it.redeem(account, &[])).unwrap();
    assert_eq!(redemption.redeem.body.spend.amount, AMOUNT);
    let mut payer = Purse::loaded(4, 1_000);
    payer.revoke(RevocationEntry::purse(purse(2)));
    let asked = signed(request(2), &purse_secret(2));
    payer.refuses(StatusWord::REVOKED, |it| it.pay(&asked, &certified(2), Consent::Pin));
    let mut of_key = Purse::new(5);
    of_key.revoke(RevocationEntry::key(issuer_id(KeyRole::Grant)));
    let grant = of_key.grant(5);
    of_key.refuses(StatusWord::REVOKED, |it| it.accept_grant(&grant));
}

#[test]
fn attack_31_above_the_floor_a_stale_list_refuses() {
    let mut tap = Tap::of(10_001);
    tap.payee.hear_beacon(after(7 * 24));
    assert!(tap.payee.clone().accept(&tap.bundle).is_ok());
    tap.payee.hear_beacon(after(7 * 24 + 1));
    tap.payee.refuses(StatusWord::STALE_LIST, |it| it.accept(&tap.bundle));
    let mut small = Tap::of(10_000);
    small.payee.hear_beacon(after(7 * 24 + 1));
    small.finish();
}

#[test]
fn attack_32_amounts_of_zero_too_much_or_in_another_currency_are_refused() {
    let payee = Purse::new(2);
    let ask = |amount| Ask {
        amount: Amount(amount),
        memo: text(""),
        nonce: Nonce16([7; 16]),
    };
    payee.refuses(StatusWord::MALFORMED, |it| it.open_request(ask(0)));
    for amount in [50_001, u64::MAX] {
        payee.refuses(StatusWord::LIMIT, |it| it.open_request(ask(amount)));
    }
    let payer = Purse::loaded(1, 200_000);
    payer.refuses(StatusWord::MALFORMED, |it| it.load_request(Amount(0), Nonce16([1; 16])));
    payer.refuses(StatusWord::LIMIT, |it| {
        it.load_request(Amount(u64::MAX), Nonce16([1; 16]))
    });
    let mut asked = request(2);
    asked.amount = Amount(u64::MAX);
    let asked = signed(asked, &purse_secret(2));
    payer.refuses(StatusWord::LIMIT, |it| it.pay(&asked, &certified(2), Consent::Pin));
    let foreign = changed(|spend| spend.currency = CurrencyIndex(CURRENCY.0 + 1));
    payee_of(2).refuses(StatusWord::MALFORMED, |it| it.accept(&foreign));
    let mut most = payer.grant(1).body;
    most.amount = Amount(u64::MAX);
    let most = signed(most, &issuer_secret(KeyRole::Grant));
    payer.refuses(StatusWord::LIMIT, |it| it.accept_grant(&most));
}

#[test]
fn attack_34_a_request_in_the_name_of_another_needs_that_purses_key() {
    let payer = Purse::loaded(1, 200_000);
    // Swapped for the attacker's own, it shows him.
    let swapped = signed(request(6), &purse_secret(6));
    let shown = payer.state.check_request(&swapped, &certified(6)).unwrap();
    assert_eq!(
        (shown.payee, shown.amount, shown.request),
        (purse(6), AMOUNT, swapped.id())
    );
    let bundle = payer
        .clone()
        .run(|it| it.pay(&swapped, &certified(6), Consent::Pin))
        .unwrap();
    let paid = Bundle::from_bytes(&bundle).unwrap().transfer().body.payee;
    assert_eq!(paid, purse(6));
    let in_anothers_name = signed(request(2), &purse_secret(6));
    payer.refuses(StatusWord::SIGNATURE, |it| {
        it.pay(&in_anothers_name, &certified(2), Consent::Pin)
    });
    payer.refuses(StatusWord::PROVENANCE, |it| {
        it.pay(&in_anothers_name, &certified(6), Consent::Pin)
    });
}
