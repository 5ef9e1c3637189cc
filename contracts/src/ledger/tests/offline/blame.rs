//! Who owes what loads do not cover.

use super::*;

/// Alice's 1,000 pay bob 600, who pays carol 400 of it and voids what alice paid; alice spends all again, to dave.
struct Fraud {
    net: Network,
    lot: Id16,
    first: Transfer,
    second: Transfer,
    again: Transfer,
}

fn fraud() -> Fraud {
    let mut fraud = payer_of_a_liar();
    fraud.net.must_testify(vec![said("alice", fraud.again.clone())]);
    fraud
}

/// The same, and alice has not spent it again.
fn payer_of_a_liar() -> Fraud {
    let mut net = purse_town();
    net.must(vec![net.guarantee(10_000)], &["fund"]);
    let lot = net.granted("alice", 1, 1_000).load;
    let first = transfer_of("alice", 1, ("bob", 1), spend(1, &[(lot, 600)]));
    let second = transfer_of("bob", 1, ("carol", 1), spend(2, &[(lot_of(&first), 400)]));
    let again = transfer_of("alice", 2, ("dave", 1), spend(1, &[(lot, 1_000)]));
    net.must_testify(vec![said("alice", first.clone()), said("bob", second.clone())]);
    Fraud {
        net,
        lot,
        first,
        second,
        again,
    }
}

impl Fraud {
    fn void(&mut self) {
        self.net.must_testify(vec![said("bob", void("bob", 1))]);
    }

    fn redeem_carols(&mut self) {
        self.net.must_redeem("carol", 1, 3, (lot_of(&self.second), 400));
    }

    fn redeem_daves(&mut self) {
        self.net.must_redeem("dave", 1, 2, (lot_of(&self.again), 1_000));
    }
}

#[test]
fn what_is_lost_by_voiding_what_was_passed_on_the_payee_owes() {
    type Step = fn(&mut Fraud);
    let steps: [Step; 3] = [Fraud::void, Fraud::redeem_carols, Fraud::redeem_daves];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]];
    for order in orders {
        let mut fraud = fraud();
        for at in order {
            steps[at](&mut fraud);
        }
        let net = &fraud.net;
        assert_eq!(
            net.proofs(),
            [("bob", Proof::Request(fraud.first.request))],
            "{order:?}"
        );
        let owed = ["alice", "bob", "carol", "dave"].map(|name| net.owed_by(name));
        assert_eq!(owed, [0, 400, 0, 0], "{order:?}");
        let gained = ["carol", "dave", "alice"].map(|name| i128::from(net.has(name)) - i128::from(MINTED));
        assert_eq!(gained, [400, 1_000, -1_000], "{order:?}");
        // The fund pays what bob owes, whoever came first.
        assert_eq!(net.has("fund"), MINTED - 400, "{order:?}");
        net.check_restores();
    }
}

/// Bob's void gives alice back what she paid him, and whoever redeemed it first is paid from her load all the same.
#[test]
fn who_was_voided_has_the_whole_load_back_at_its_end_in_whatever_order() {
    type Step = fn(&mut Fraud);
    for steps in [
        [Fraud::void as Step, Fraud::redeem_carols],
        [Fraud::redeem_carols, Fraud::void],
    ] {
        let mut fraud = payer_of_a_liar();
        steps.iter().for_each(|step| step(&mut fraud));
        let net = &mut fraud.net;
        assert_eq!(net.proofs(), [("bob", Proof::Request(fraud.first.request))]);
        net.run_at(TimeMs(START_MS + 60 * 24 * Epoch::HOUR_MS), vec![]);
        let all = ["alice", "bob", "carol", "fund"].map(|name| i128::from(net.has(name)) - i128::from(MINTED));
        assert_eq!(all, [0, 0, 400, -400]);
        assert_eq!((net.owed_by("alice"), net.owed_by("bob")), (0, 400));
        net.check_restores();
    }
}

/// What a convicted purse lacks at its load's end waits for the issuer.
#[test]
fn who_is_convicted_has_back_what_is_left_of_a_load_and_the_rest_if_the_issuer_says_so() {
    let mut fraud = fraud();
    fraud.redeem_carols();
    fraud.void();
    let more = transfer_of("alice", 3, ("dave", 2), spend(1, &[(fraud.lot, 1)]));
    let net = &mut fraud.net;
    net.must_testify(vec![said("alice", more)]);
    assert!(net.proofs().contains(&("alice", Proof::Lot(fraud.lot))));
    net.run_at(TimeMs(START_MS + 60 * 24 * Epoch::HOUR_MS), vec![]);
    assert_eq!((net.has("alice"), net.has("fund")), (MINTED - 400, MINTED));
    let release = OfflineAction::ReleaseClaim {
        currency: code("EUR"),
        number: 0,
    };
    net.must(vec![act(release)], &["ECB"]);
    assert_eq!((net.has("alice"), net.has("fund")), (MINTED, MINTED - 400));
    net.check_restores();
}

/// The same, with carol's overspending of what bob paid her.
#[test]
fn each_owes_what_its_own_lots_do_not_cover() {
    for is_void_first in [true, false] {
        let mut fraud = fraud();
        let on = |seq, amount| {
            transfer_of(
                "carol",
                seq,
                ("dave", seq + 1),
                spend(3, &[(lot_of(&fraud.second), amount)]),
            )
        };
        let both = [on(1, 300), on(2, 300)];
        fraud
            .net
            .must_testify(both.iter().map(|body| said("carol", body.clone())).collect());
        if is_void_first {
            fraud.void();
        }
        for (seq, body) in (1..).zip(&both) {
            fraud.net.must_redeem("dave", seq, 4, (lot_of(body), 300));
        }
        if !is_void_first {
            fraud.void();
        }
        let owed = ["alice", "bob", "carol", "dave"].map(|name| fraud.net.owed_by(name));
        assert_eq!(owed, [0, 400, 200, 0]);
        fraud.net.must_redeem("dave", 3, 2, (lot_of(&fraud.again), 1_000));
        assert_eq!(fraud.net.owed_by("alice"), 0);
        assert_eq!(fraud.net.has("dave"), MINTED + 1_600);
        fraud.net.check_restores();
    }
}

/// A receipt for another transfer is a void.
#[test]
fn who_passes_on_two_payments_for_one_request_owes_the_one_that_he_did_not_receive() {
    let mut fraud = fraud();
    fraud.redeem_carols();
    let theirs = transfer_of("dave", 7, ("bob", 1), spend(1, &[(Id16([9; 16]), 100)]));
    let words = vec![said("bob", request("bob", 1)), said("bob", receipt("bob", 1, &theirs))];
    fraud.net.must_testify(words);
    assert_eq!((fraud.net.owed_by("alice"), fraud.net.owed_by("bob")), (0, 400));
    fraud.redeem_daves();
    assert_eq!((fraud.net.owed_by("alice"), fraud.net.owed_by("bob")), (0, 400));
    assert_eq!(fraud.net.set_aside("alice"), 0);
    assert_eq!(fraud.net.has("dave"), MINTED + 1_000);
    let lot = fraud.lot;
    assert!(!fraud.net.proofs().contains(&("alice", Proof::Lot(lot))));
}
