//! What payers and payees who work together cannot have of the network.

use super::*;
use crate::ledger::{rejection::Rejection::*, tests::offline::payouts::with_dave_in_dollars};

/// Bob spends three transfers of one request and voids it; the two least are taken back at once, and the third in the
/// same draw in which alice's load is asked for more than it has.
#[test]
fn what_is_taken_back_while_a_load_is_drawn_on_is_owed_by_who_voided_it() {
    let mut net = purse_town();
    net.must(vec![net.guarantee(10_000)], &["fund"]);
    let lot = net.granted("alice", 1, 100).load;
    let pays = |seq, amount| transfer_of("alice", seq, ("bob", 1), spend(1, &[(lot, amount)]));
    let small = [pays(1, 1), pays(2, 1)];
    let mut large = (3..).map(|seq| pays(seq, 90));
    let large = large.find(|body| small.iter().all(|least| least.id() < body.id()));
    let large = large.expect("some has the greatest id");
    let of_small = small.each_ref().map(|body| (lot_of(body), 1));
    let parts = [&of_small[..], &[(lot_of(&large), 50)]].concat();
    let first = transfer_of("bob", 1, ("carol", 1), spend(2, &parts));
    let alices = [small.to_vec(), vec![large.clone()]].concat();
    net.must_testify(alices.into_iter().map(|body| said("alice", body)).collect());
    net.must_testify(vec![said("bob", first.clone())]);
    net.must_redeem("carol", 1, 3, (lot_of(&first), 52));
    net.must_testify(vec![said("bob", void("bob", 1))]);

    let again = transfer_of("alice", 1_000, ("carol", 2), spend(1, &[(lot, 100)]));
    let mut second = (2..).map(|seq| transfer_of("bob", seq, ("carol", 3), spend(2, &[(lot_of(&large), 40)])));
    let second = second.find(|body| lot_of(&again) < lot_of(body));
    let second = second.expect("some is drawn on last");
    net.must_testify(vec![said("alice", again.clone()), said("bob", second.clone())]);
    let both = spend(3, &[(lot_of(&again), 100), (lot_of(&second), 40)]);
    net.must(vec![net.redeem_action("carol", 2, both)], &["carol"]);
    assert_eq!(net.has("carol"), MINTED + 192);
    assert_eq!((net.owed_by("alice"), net.owed_by("bob")), (0, 92));
    assert_eq!(net.set_aside("alice"), 0);
    net.check_restores();
}

/// Alice pays bob all of her load, he passes it on and voids it, and so on. The one who owes has nothing to do with what
/// the load lacks the next time.
#[test]
fn what_goes_through_a_purse_that_owes_too_much_waits_for_the_issuer() {
    let mut net = open_town();
    net.must(vec![net.guarantee(10_000)], &["fund"]);
    let small = Certificate {
        balance_max: Amount(100),
        ..certificate("bob")
    };
    let register = vec![
        net.register("alice"),
        net.registration("bob", certified(small)),
        net.register("carol"),
    ];
    net.must(register, &["BANK"]);
    let lot = net.granted("alice", 1, 600).load;
    let mut gained = Vec::new();
    for round in 1..=3 {
        let paid = transfer_of("alice", round, ("bob", round), spend(1, &[(lot, 600)]));
        let on = transfer_of("bob", round, ("carol", round), spend(2, &[(lot_of(&paid), 600)]));
        net.must_testify(vec![said("alice", paid), said("bob", on.clone())]);
        net.must_redeem("carol", round, 3, (lot_of(&on), 600));
        net.must_testify(vec![said("bob", void("bob", round))]);
        gained.push(net.has("carol") - MINTED);
    }
    // Of the third bob owed 1,200 before, which is more than ten times 100.
    assert_eq!(gained, [600, 1_200, 1_200]);
    assert_eq!((net.owed_by("alice"), net.owed_by("bob")), (0, 1_800));
    net.check_restores();
}

#[test]
fn who_holds_another_currency_brings_none_of_its_limits_along() {
    let (mut net, lot) = with_dave_in_dollars();
    let paid = transfer_of("alice", 1, ("dave", 1), spend(1, &[(lot, 600)]));
    let on = transfer_of("dave", 1, ("bob", 1), spend(2, &[(lot_of(&paid), 600)]));
    net.must(vec![net.register("bob")], &["BANK"]);
    net.must_testify(vec![said("alice", paid), said("dave", on.clone())]);
    let redeem = net.redeem_action("bob", 1, spend(3, &[(lot_of(&on), 600)]));
    net.refuse(redeem, &["bob"], LotUnknown);
    net.check_restores();
}
