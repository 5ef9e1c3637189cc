//! Attacks that the design lists, by their numbers there, with the outcome that it states.

use super::{orders::permutations, payouts::chain, *};
use crate::ledger::rejection::Rejection::*;

/// Who convicts itself loads nothing and is paid nothing, and who holds money from it is paid.
fn check_frozen(net: &mut Network, name: &str, load: u32, unpaid: Action) {
    let before = net.has(name);
    net.refuse(
        net.load_action(name, load_request(name, load, 1)),
        &[name],
        PurseConvicted,
    );
    net.must(vec![unpaid], &[name]);
    assert_eq!(net.has(name), before);
}

#[test]
fn attack_14_a_receipt_and_a_void_of_one_request_freeze_the_payee() {
    let (mut net, lot, [first, second]) = chain();
    let words = vec![
        said("bob", request("bob", 1)),
        said("bob", receipt("bob", 1, &first)),
        said("bob", void("bob", 1)),
    ];
    net.must(vec![net.guarantee(1_000)], &["fund"]);
    net.must_testify(words);
    let word = Proof::Word(1_u32.to_be_bytes());
    let claim = Proof::Request(first.request);
    assert_eq!(net.proofs(), [("bob", word), ("bob", claim)]);
    let unpaid = net.redeem_action("bob", 2, spend(2, &[(lot_of(&first), 200)]));
    check_frozen(&mut net, "bob", 1, unpaid);
    // The payer has it back, and carol what bob paid her.
    net.must_redeem("alice", 2, 1, (lot, 1_000));
    net.must_redeem("carol", 1, 3, (lot_of(&second), 400));
    let all = ["alice", "bob", "carol", "fund"].map(|name| net.has(name));
    assert_eq!(all, [MINTED, MINTED, MINTED + 400, MINTED - 400]);
    assert_eq!((net.owed_by("alice"), net.owed_by("bob")), (0, 400));
    net.check_restores();
}

#[test]
fn attack_18_both_payees_of_a_clone_are_paid_and_it_is_proved_and_revoked() {
    let mut net = purse_town();
    net.must(vec![net.guarantee(10_000)], &["fund"]);
    let lot = net.granted("alice", 1, 1_000).load;
    let pays = |payee| transfer_of("alice", 1, (payee, 1), spend(1, &[(lot, 800)]));
    for payee in ["bob", "carol"] {
        let body = pays(payee);
        net.must_testify(vec![
            said("alice", body.clone()),
            said(payee, request(payee, 1)),
            said(payee, receipt(payee, 1, &body)),
        ]);
        net.must_redeem(payee, 1, 2, (lot_of(&body), 800));
        assert_eq!(net.has(payee), MINTED + 800);
    }
    let place = Proof::Place(1_u32.to_be_bytes());
    assert_eq!(net.proofs(), [("alice", place), ("alice", Proof::Lot(lot))]);
    assert_eq!((net.owed_by("alice"), net.has("fund")), (600, MINTED - 600));
    let unpaid = net.redeem_action("alice", 2, spend(1, &[(lot, 200)]));
    check_frozen(&mut net, "alice", 2, unpaid);
    // The issuer's service reads the proofs and says it to all purses; the ledger takes it as said.
    let delta = net.delta_action((0, 1), HOUR, vec![RevocationEntry::purse(purse("alice"))]);
    net.must(vec![delta], &["fund"]);
    net.refuse(
        net.load_action("alice", load_request("alice", 2, 1)),
        &["alice"],
        PurseRevoked,
    );
    net.check_restores();
}

#[test]
fn attack_19_spending_more_than_a_lot_has_under_distinct_seqs_is_overspending() {
    let (mut net, lot, [first, _]) = chain();
    let more = |amount| transfer_of("alice", 2, ("dave", 1), spend(1, &[(lot, amount)]));
    let within = more(400);
    net.must_testify(vec![said("alice", within)]);
    assert_eq!(net.proofs(), []);
    let third = transfer_of("alice", 3, ("carol", 7), spend(1, &[(lot, 1)]));
    net.must_testify(vec![said("alice", third)]);
    assert_eq!(net.proofs(), [("alice", Proof::Lot(lot))]);
    // Of a transfer that was received as of a load; what is redeemed counts.
    let by_bob = net.redeem_action("bob", 2, spend(2, &[(lot_of(&first), 201)]));
    net.must(vec![by_bob], &["bob"]);
    assert_eq!(
        net.proofs(),
        [("alice", Proof::Lot(lot)), ("bob", Proof::Lot(lot_of(&first)))]
    );
    assert_eq!(net.has("bob"), MINTED);
    let unpaid = net.redeem_action("alice", 4, spend(1, &[(lot, 1)]));
    check_frozen(&mut net, "alice", 2, unpaid);
}

#[test]
fn attack_21_a_grant_that_is_not_on_the_ledger_is_flagged_and_the_issuer_pays() {
    let (mut net, grant, paid) = super::grants::unbacked();
    let redeem = net.redeem_action("bob", 1, spend(2, &[(lot_of(&paid), 600)]));
    net.refuse(redeem.clone(), &["bob"], LotUnknown);
    let forged = Testimony::Grant(signed(grant.clone(), &service(KeyRole::Beacon)));
    net.refuse(net.testify(vec![forged]), &["fund"], MessageInvalid);
    net.must(
        vec![net.testify(vec![said_granted(grant.clone())]), redeem],
        &["fund", "bob"],
    );
    assert_eq!((net.has("bob"), net.has("fund")), (MINTED + 600, MINTED - 600));
    assert_eq!((net.has("alice"), net.owed_by("alice")), (MINTED, 600));
    let Some(OfflineRow::Unbacked(row)) = net.row(OfflineKey::Unbacked(purse("alice"), grant.load)) else {
        panic!("it is flagged")
    };
    assert_eq!(
        (row.grant.body.clone(), row.asked, row.is_doubtful),
        (grant, 600, false)
    );
    assert_eq!(net.proofs(), []);
    net.check_restores();
}

/// Two validators take the transactions from their clients in different orders: whichever proposes.
#[test]
fn attack_43_what_is_redeemed_at_two_validators_is_paid_once() {
    for is_reversed in [false, true] {
        let (mut net, _, [_, second]) = chain();
        let redeem = net.redeem_action("carol", 1, spend(3, &[(lot_of(&second), 400)]));
        let mut both = [(); 2].map(|()| net.tx(vec![redeem.clone()], &["carol"]));
        if is_reversed {
            both.reverse();
        }
        assert_ne!(both[0].id(), both[1].id());
        let batches: Vec<_> = ["v1", "v2"]
            .into_iter()
            .zip(both)
            .map(|(author, tx)| net.batch(author, vec![tx]))
            .collect();
        let now = TimeMs(net.time().0 + 1000);
        let (_, execution) = net.block_at(now, &batches);
        let outcomes: Vec<_> = execution.receipts.iter().map(|receipt| receipt.outcome).collect();
        assert_eq!(outcomes, [Outcome::Applied; 2]);
        assert_eq!((net.has("carol"), net.set_aside("alice")), (MINTED + 400, 600));
        // And again later.
        net.must(vec![redeem], &["carol"]);
        assert_eq!((net.has("carol"), net.set_aside("alice")), (MINTED + 400, 600));
        net.check_restores();
    }
}

/// What the ledger holds against purses and what they owe, whoever brings what first; and where no culprit redeems, what
/// everybody has. A culprit that redeems before it is known as one owes as much more as it was paid.
#[test]
fn attack_44_evidence_in_every_order_and_in_parts_gives_the_same_state() {
    for with_culprit in [false, true] {
        let mut expected = None;
        for order in permutations(5) {
            let mut state = told_in(&order, with_culprit);
            if with_culprit {
                state.owed[0] -= u128::from(state.has[0] - (MINTED - 1_000));
                state.has.clear();
            }
            let expected = expected.get_or_insert_with(|| state.clone());
            assert_eq!(&state, expected, "{order:?}");
        }
        let owed = expected.expect("there are orders").owed;
        let expected = if with_culprit { [401, 0, 0, 0] } else { [1, 400, 0, 0] };
        assert_eq!(owed, expected);
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    proofs: Vec<(&'static str, Proof)>,
    owed: Vec<u128>,
    has: Vec<u64>,
}

/// Alice pays bob and, of the same lot, carol; bob pays dave on. Then bob voids what alice paid him, or alice redeems. What
/// cannot be applied yet is brought again until it is.
fn told_in(order: &[usize], with_culprit: bool) -> State {
    let mut net = purse_town();
    net.must(vec![net.guarantee(10_000)], &["fund"]);
    let lot = net.granted("alice", 1, 1_000).load;
    let first = transfer_of("alice", 1, ("bob", 1), spend(1, &[(lot, 600)]));
    let again = transfer_of("alice", 2, ("carol", 1), spend(1, &[(lot, 1_001)]));
    let on = transfer_of("bob", 1, ("dave", 1), spend(2, &[(lot_of(&first), 400)]));
    let redeem = |name, hop, part| net.redeem_action(name, 5, spend(hop, &[part]));
    let last = if with_culprit {
        (redeem("alice", 1, (lot, 10)), "alice")
    } else {
        (net.testify(vec![said("bob", void("bob", 1))]), "fund")
    };
    let bobs = vec![said("alice", first), said("bob", on.clone())];
    let steps = [
        (net.testify(bobs), "fund"),
        (net.testify(vec![said("alice", again.clone())]), "fund"),
        (redeem("carol", 2, (lot_of(&again), 1_001)), "carol"),
        (redeem("dave", 3, (lot_of(&on), 400)), "dave"),
        last,
    ];
    let mut waiting: Vec<_> = order.iter().map(|at| &steps[*at]).collect();
    while !waiting.is_empty() {
        let count = waiting.len();
        waiting.retain(|(action, signer)| net.act(vec![action.clone()], &[signer]) != Ok(Outcome::Applied));
        assert!(waiting.len() < count, "{order:?}");
    }
    State {
        proofs: net.proofs(),
        owed: OWNERS.iter().map(|name| net.owed_by(name)).collect(),
        has: OWNERS.iter().chain(&["fund"]).map(|name| net.has(name)).collect(),
    }
}

#[test]
fn attack_45_a_claim_is_in_time_in_the_last_hour_and_in_no_later_one() {
    let deadline = 60 * 24;
    for (hours, in_time) in [(deadline - 1, true), (deadline, false), (deadline + 1, false)] {
        let (mut net, _, [_, second]) = chain();
        let redeem = net.redeem_action("carol", 1, spend(3, &[(lot_of(&second), 400)]));
        let expected = if in_time {
            Outcome::Applied
        } else {
            let reason = LotExpired;
            Outcome::Rejected { action: 0, reason }
        };
        assert_eq!(net.at_hour(hours, redeem, "carol"), Ok(expected));
        let gained = if in_time { 400 } else { 0 };
        assert_eq!(net.has("carol"), MINTED + gained);
        assert_eq!(net.set_aside("alice"), if in_time { 600 } else { 0 });
        net.check_restores();
    }
}

#[test]
fn attack_46_payees_of_a_thief_are_paid_before_the_owner_of_a_lost_purse_is_refunded() {
    let mut net = purse_town();
    let lot = net.granted("alice", 1, 1_000).load;
    let lost = OfflineAction::RevokePurse {
        by: Revoker::Owner(net.of("alice")),
        purse: purse("alice"),
    };
    net.must(vec![act(lost)], &["alice"]);
    net.must(
        vec![net.delta_action((0, 1), HOUR, vec![RevocationEntry::purse(purse("alice"))])],
        &["fund"],
    );
    // Nothing goes back at once.
    assert_eq!((net.has("alice"), net.set_aside("alice")), (MINTED, 1_000));
    let stolen: Vec<_> = [("bob", 300), ("carol", 200)]
        .into_iter()
        .zip(1..)
        .map(|((payee, amount), seq)| transfer_of("alice", seq, (payee, 1), spend(1, &[(lot, amount)])))
        .collect();
    net.must_testify(stolen.iter().map(|body| said("alice", body.clone())).collect());
    net.must_redeem("bob", 1, 2, (lot_of(&stolen[0]), 300));
    // Carol in the last hour.
    let redeem = net.redeem_action("carol", 1, spend(2, &[(lot_of(&stolen[1]), 200)]));
    assert_eq!(net.at_hour(60 * 24 - 1, redeem, "carol"), Ok(Outcome::Applied));
    assert_eq!((net.has("bob"), net.has("carol")), (MINTED + 300, MINTED + 200));
    net.run_at(TimeMs(START_MS + 60 * 24 * Epoch::HOUR_MS), vec![]);
    assert_eq!((net.has("alice"), net.set_aside("alice")), (MINTED - 500, 0));
    assert_eq!(net.has("fund"), MINTED);
    net.check_restores();
}
