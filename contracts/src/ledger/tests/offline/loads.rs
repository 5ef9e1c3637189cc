use proptest::prelude::*;

use super::*;
use crate::{ledger::rejection::Rejection::*, transaction::FreezeScope};

#[test]
fn a_load_sets_money_aside_and_counts_as_paid() {
    let mut net = purse_town();
    net.loaded("alice", 1, 30_000);
    net.loaded("alice", 2, 500);
    let record = net.ledger.balance(&net.of("alice"), code("EUR")).unwrap();
    assert_eq!((record.available.0, record.held.0), (69_500, 30_500));
    assert_eq!(record.spent.0, 30_500);
    net.refuse(close("BANK", net.of("alice")), &["BANK"], AccountNotEmpty);
    net.check_restores();
}

#[test]
fn a_load_is_refused_in_the_documented_order() {
    let mut net = purse_town();
    let mut poor = certificate("poor");
    poor.not_after = after(1);
    net.must(vec![net.registration("poor", certified(poor))], &["BANK"]);
    let with = |change: fn(&mut LoadRequest)| {
        let mut body = load_request("poor", 1, 100);
        change(&mut body);
        body
    };
    let rows = [
        (with(|body| body.purse = purse("nobody")), UnknownPurse),
        (with(|body| body.purse = purse("alice")), NotPermitted),
        (with(|body| body.currency = CurrencyIndex(2)), NotPermitted),
        (with(|body| body.load_counter = LoadCounter(2)), LoadOutOfTurn),
        (with(|body| body.load_counter = LoadCounter(0)), LoadOutOfTurn),
        (with(|body| body.amount = Amount(50_001)), OverPurseLimit),
        // The tier's cap of a day.
        (with(|body| body.amount = Amount(201)), OverDailyLimit),
    ];
    for (body, reason) in rows {
        net.refuse(net.load_action("poor", body), &["poor"], reason);
    }
    let forged = OfflineAction::Load {
        account: net.of("poor"),
        request: signed(with(|_| ()), &purse_secret("alice")),
    };
    net.refuse(act(forged), &["poor"], MessageInvalid);
    assert_eq!(net.set_aside("poor"), 0);
    net.loaded("poor", 1, 200);
    net.refuse(
        net.load_action("poor", load_request("poor", 1, 1)),
        &["poor"],
        LoadOutOfTurn,
    );
    net.must(vec![freeze("BANK", net.of("poor"), FreezeScope::Account)], &["BANK"]);
    let next = net.load_action("poor", load_request("poor", 2, 1));
    net.refuse(next.clone(), &["poor"], AccountNotActive);
    net.refuse(
        net.load_action("alice", load_request("alice", 1, 50_001)),
        &["alice"],
        OverPurseLimit,
    );
    let late = net.at_hour(2, next, "poor");
    let reason = CertificateNotInForce;
    assert_eq!(late, Ok(Outcome::Rejected { action: 0, reason }));
}

#[test]
fn a_transaction_loads_one_lot() {
    let mut net = purse_town();
    let loads = [1, 2].map(|counter| net.load_action("alice", load_request("alice", counter, 100)));
    let fate = net.act(loads.to_vec(), &["alice"]);
    let reason = MessageConflict;
    assert_eq!(fate, Ok(Outcome::Rejected { action: 1, reason }));
    assert_eq!(net.set_aside("alice"), 0);
}

#[test]
fn a_load_has_one_grant() {
    let mut net = purse_town();
    let grant = net.loaded("alice", 1, 1_000);
    let with = |change: fn(&mut Grant)| {
        let mut body = grant.clone();
        change(&mut body);
        body
    };
    let rows = [
        (with(|body| body.load_counter = LoadCounter(2)), UnknownLoad),
        (with(|body| body.purse = purse("bob")), UnknownLoad),
        (with(|body| body.load = Id16([1; 16])), UnknownLoad),
        (with(|body| body.amount = Amount(1_001)), UnknownLoad),
        (with(|body| body.currency = CurrencyIndex(2)), UnknownLoad),
        (with(|body| body.epoch = after(1)), EpochOutOfTime),
        (with(|body| body.expiry = after(366 * 24 + 1)), ExpiryOutOfRange),
        (with(|body| body.issuer = kid(KeyRole::Beacon)), UnknownServiceKey),
    ];
    for (body, reason) in rows {
        net.refuse(net.grant_action(body), &["fund"], reason);
    }
    let forged = OfflineAction::Grant {
        by: net.of("fund"),
        grant: signed(grant.clone(), &service(KeyRole::Beacon)),
    };
    net.refuse(act(forged), &["fund"], MessageInvalid);
    net.must(vec![net.grant_action(grant.clone())], &["fund"]);
    // The same again, and what else could be said in its place.
    net.must(vec![net.grant_action(grant.clone())], &["fund"]);
    let other = with(|body| body.expiry = after(24));
    net.refuse(net.grant_action(other), &["fund"], MessageConflict);
    net.check_restores();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever is loaded, all of it is held, and nothing else.
    #[test]
    fn invariant_what_is_held_is_what_was_loaded(loads in prop::collection::vec((0..4usize, 1..40_000u64), 1..12)) {
        let mut net = purse_town();
        let mut counters = [0; 4];
        let mut held = [0; 4];
        for (at, amount) in loads {
            let name = OWNERS[at];
            let action = net.load_action(name, load_request(name, counters[at] + 1, amount));
            let fits = held[at] + amount <= MINTED;
            let fate = net.act(vec![action], &[name]);
            let reason = InsufficientFunds;
            let expected = if fits { Outcome::Applied } else { Outcome::Rejected { action: 0, reason } };
            prop_assert_eq!(fate, Ok(expected));
            if fits {
                counters[at] += 1;
                held[at] += amount;
            }
            prop_assert_eq!(net.set_aside(name), held[at]);
            prop_assert_eq!(net.available(net.of(name), "EUR"), i128::from(MINTED - held[at]));
        }
        net.check_restores();
    }
}
