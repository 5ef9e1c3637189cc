//! Grants that the issuer's service signed and the ledger knows no load for.

use super::*;
use crate::ledger::rejection::Rejection::*;

/// What the service granted alice by mistake, and what she paid bob of it.
pub(super) fn unbacked() -> (Network, Grant, Transfer) {
    let mut net = purse_town();
    net.must(vec![net.guarantee(10_000)], &["fund"]);
    let grant = Grant {
        issuer: kid(KeyRole::Grant),
        load: Id16([5; 16]),
        purse: purse("alice"),
        load_counter: LoadCounter(1),
        amount: Amount(1_000),
        currency: INDEX,
        epoch: HOUR,
        expiry: after(30 * 24),
    };
    let paid = transfer_of("alice", 1, ("bob", 1), spend(1, &[(grant.load, 600)]));
    net.must_testify(vec![said("alice", paid.clone())]);
    (net, grant, paid)
}

#[test]
fn who_was_granted_without_a_load_redeems_none_of_it_himself() {
    let (mut net, grant, _) = unbacked();
    net.must_testify(vec![said_granted(grant.clone())]);
    net.must_testify(vec![said_granted(grant.clone())]);
    let redeem = net.redeem_action("alice", 2, spend(1, &[(grant.load, 100)]));
    net.refuse(redeem, &["alice"], LotUnknown);
    let more = transfer_of("alice", 3, ("carol", 1), spend(1, &[(grant.load, 401)]));
    net.must_testify(vec![said("alice", more)]);
    assert_eq!(net.proofs(), [("alice", Proof::Lot(grant.load))]);
    net.check_restores();
}

#[test]
fn a_grant_that_was_not_recorded_in_time_is_paid_by_who_guarantees() {
    let mut net = purse_town();
    net.must(vec![net.guarantee(10_000)], &["fund"]);
    let grant = net.loaded("alice", 1, 1_000);
    let paid = transfer_of("alice", 1, ("bob", 1), spend(1, &[(grant.load, 600)]));
    net.run_at(TimeMs(START_MS + 72 * Epoch::HOUR_MS), vec![]);
    assert_eq!(net.set_aside("alice"), 0);
    net.must_testify(vec![said_granted(grant.clone()), said("alice", paid.clone())]);
    net.must_redeem("bob", 1, 2, (lot_of(&paid), 600));
    assert_eq!((net.has("bob"), net.has("fund")), (MINTED + 600, MINTED - 600));
    assert_eq!((net.owed_by("alice"), net.has("alice")), (600, MINTED));
    // Whose load went back has nothing by it.
    let rest = net.redeem_action("alice", 2, spend(1, &[(grant.load, 400)]));
    net.refuse(rest, &["alice"], LotUnknown);
    net.check_restores();
}

#[test]
fn as_a_testimony_a_grant_for_a_load_is_its_grant() {
    let mut net = purse_town();
    let grant = net.loaded("alice", 1, 1_000);
    net.must_testify(vec![said_granted(grant.clone())]);
    net.must(vec![net.grant_action(grant.clone())], &["fund"]);
    let other = Grant {
        expiry: after(24),
        ..grant.clone()
    };
    net.refuse(net.testify(vec![said_granted(other)]), &["fund"], MessageConflict);
    net.must_redeem("alice", 1, 1, (grant.load, 1_000));
    assert_eq!(net.has("alice"), MINTED);
    net.check_restores();
}

#[test]
fn a_grant_is_no_testimony_if_it_is_not_the_issuers_or_out_of_time() {
    let (mut net, grant, _) = unbacked();
    let with = |change: fn(&mut Grant)| {
        let mut body = grant.clone();
        change(&mut body);
        said_granted(body)
    };
    let forged = Testimony::Grant(signed(grant.clone(), &service(KeyRole::Beacon)));
    let rows = [
        (with(|body| body.purse = purse("nobody")), UnknownPurse),
        (with(|body| body.currency = CurrencyIndex(2)), UnknownCurrency),
        (with(|body| body.issuer = kid(KeyRole::Beacon)), UnknownServiceKey),
        (with(|body| body.epoch = after(1)), EpochOutOfTime),
        (with(|body| body.expiry = after(366 * 24 + 1)), ExpiryOutOfRange),
        (
            with(|body| (body.epoch, body.expiry) = (Epoch(HOUR.0 - 721), Epoch(HOUR.0 - 720))),
            ExpiryOutOfRange,
        ),
        (forged, MessageInvalid),
    ];
    for (message, reason) in rows {
        net.refuse(net.testify(vec![message]), &["fund"], reason);
    }
    net.must_testify(vec![said_granted(grant.clone())]);
    let other = with(|body| body.amount = Amount(2_000));
    net.refuse(net.testify(vec![other]), &["fund"], MessageConflict);
}

/// Whoever has the key when it is withdrawn may have signed anything.
#[test]
fn by_a_key_that_was_withdrawn_it_waits_for_the_issuer() {
    let (mut net, grant, paid) = unbacked();
    let withdraw = OfflineAction::WithdrawServiceKey {
        currency: code("EUR"),
        key: kid(KeyRole::Grant),
    };
    net.must(vec![act(withdraw)], &["ECB"]);
    net.must_testify(vec![said_granted(grant)]);
    net.must_redeem("bob", 1, 2, (lot_of(&paid), 600));
    assert_eq!(net.has("bob"), MINTED);
    let release = OfflineAction::ReleaseClaim {
        currency: code("EUR"),
        number: 0,
    };
    net.must(vec![act(release)], &["ECB"]);
    assert_eq!((net.has("bob"), net.owed_by("alice")), (MINTED + 600, 600));
    net.check_restores();
}

/// Another purse's grant may have the name of a load: each is its own purse's lot.
#[test]
fn lots_of_different_purses_may_have_one_name() {
    let (mut net, grant, paid) = unbacked();
    let lot = net.granted("carol", 1, 500).load;
    let same = Grant { load: lot, ..grant };
    let by_alice = transfer_of("alice", 2, ("dave", 1), spend(1, &[(lot, 1_000)]));
    net.must_testify(vec![said_granted(same), said("alice", by_alice.clone())]);
    net.must_redeem("carol", 1, 1, (lot, 500));
    net.must_redeem("dave", 1, 2, (lot_of(&by_alice), 1_000));
    assert_eq!((net.has("carol"), net.has("dave")), (MINTED, MINTED + 1_000));
    assert_eq!((net.owed_by("carol"), net.owed_by("alice")), (0, 1_000));
    assert_eq!(net.proofs(), []);
    net.refuse(
        net.redeem_action("bob", 1, spend(2, &[(lot_of(&paid), 600)])),
        &["bob"],
        LotUnknown,
    );
}

/// The transaction that loads a lot is made before it is sent, and so is what the purse spends of it.
#[test]
fn a_load_convicts_who_overspent_it_before() {
    let mut net = purse_town();
    let action = net.load_action("alice", load_request("alice", 1, 100));
    let tx = net.tx(vec![action], &["alice"]);
    let lot = Id16(*tx.id().0.first_chunk().unwrap());
    let pays = |seq, payee| said("alice", transfer_of("alice", seq, (payee, 1), spend(1, &[(lot, 60)])));
    net.must_testify(vec![pays(1, "bob"), pays(2, "carol")]);
    assert_eq!(net.proofs(), []);
    assert_eq!(net.run(vec![tx]), [Ok(Outcome::Applied)]);
    assert_eq!(net.proofs(), [("alice", Proof::Lot(lot))]);
    net.check_restores();
}
