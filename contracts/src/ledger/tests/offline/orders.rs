//! All orders of a few messages.

use super::*;
use crate::{
    ledger::{StateKey, StateValue},
    transaction::SignedTransaction,
};

/// Every order of so many.
pub(super) fn permutations(count: usize) -> Vec<Vec<usize>> {
    let Some(last) = count.checked_sub(1) else {
        return vec![Vec::new()];
    };
    let shorter = permutations(last);
    let grown = shorter.iter().flat_map(|order| {
        (0..count).map(move |at| {
            let mut order = order.clone();
            order.insert(at, last);
            order
        })
    });
    grown.collect()
}

/// What a block of these transactions changes about purses, but for what they have room for.
fn changed(net: &mut Network, transactions: Vec<SignedTransaction>) -> Vec<(StateKey, Option<StateValue>)> {
    let count = transactions.len();
    let batch = net.batch("v1", transactions);
    let now = TimeMs(net.time().0 + 1000);
    let (_, execution) = net.ledger.draft(now, net.proposer(), &[batch], None);
    assert_eq!(fates(&execution, count), vec![Ok(Outcome::Applied); count]);
    let of_purses = |(key, _): &&(StateKey, _)| match key {
        StateKey::Offline(key) => !matches!(key, OfflineKey::Room(_)),
        _ => false,
    };
    let entries = execution.changes.iter().filter(of_purses);
    entries.cloned().collect()
}

fn check_all_orders(mut net: Network, messages: Vec<Testimony>, proofs: &[(&str, Proof)]) {
    let transactions: Vec<_> = messages
        .into_iter()
        .map(|message| {
            let action = net.testify(vec![message]);
            net.tx(vec![action], &["fund"])
        })
        .collect();
    let mut expected = None;
    let orders = permutations(transactions.len());
    assert_eq!(orders.len(), (1..=transactions.len()).product::<usize>());
    for order in orders {
        let ordered = order.iter().map(|at| transactions[*at].clone()).collect();
        let changed = changed(&mut net, ordered);
        let expected = expected.get_or_insert_with(|| changed.clone());
        assert_eq!(&changed, expected, "{order:?}");
    }
    let fates = net.run(transactions);
    assert!(fates.iter().all(|fate| *fate == Ok(Outcome::Applied)));
    assert_eq!(net.proofs(), proofs);
    net.check_restores();
}

#[test]
fn six_messages_about_one_request_give_equal_rows_in_all_orders() {
    let mut net = purse_town();
    let lot = net.granted("alice", 1, 150).load;
    let first = transfer_of("alice", 1, ("bob", 1), spend(1, &[(lot, 100)]));
    let other = transfer_of("dave", 1, ("bob", 1), spend(1, &[(Id16([9; 16]), 100)]));
    let again = transfer_of("alice", 2, ("carol", 1), spend(1, &[(lot, 100)]));
    let on = transfer_of("bob", 1, ("carol", 2), spend(2, &[(lot_of(&first), 100)]));
    let of = Proof::Request(first.request);
    let messages = vec![
        said("alice", first),
        said("dave", other.clone()),
        said("alice", again),
        said("bob", on),
        said("bob", request("bob", 1)),
        said("bob", receipt("bob", 1, &other)),
    ];
    check_all_orders(net, messages, &[("bob", of)]);
}

#[test]
fn six_messages_of_liars_give_equal_rows_in_all_orders() {
    let net = purse_town();
    let pays = |seq, payee| transfer_of("alice", seq, (payee, 1), spend(1, &[(Id16([9; 16]), 100)]));
    let twice = Request {
        memo: text("again"),
        ..request("bob", 1)
    };
    let place = 1_u32.to_be_bytes();
    let messages = vec![
        said("alice", pays(1, "bob")),
        said("alice", pays(1, "carol")),
        said("bob", request("bob", 1)),
        said("bob", twice),
        said("carol", receipt("carol", 1, &pays(1, "carol"))),
        said("carol", void("carol", 1)),
    ];
    let proofs = ["alice", "bob", "carol"].map(|name| match name {
        "alice" => (name, Proof::Place(place)),
        _ => (name, Proof::Word(place)),
    });
    check_all_orders(net, messages, &proofs);
}

/// Seven others pay the request already.
#[test]
fn six_messages_about_a_crowded_request_give_equal_rows_in_all_orders() {
    let mut net = purse_town();
    let lot = net.granted("alice", 1, 150).load;
    let crowd = |seq| transfer_of("dave", seq, ("bob", 1), spend(1, &[(Id16([9; 16]), 1)]));
    net.must_testify((1..=7).map(|seq| said("dave", crowd(seq))).collect());
    let honest = transfer_of("alice", 1, ("bob", 1), spend(1, &[(lot, 100)]));
    let on = transfer_of("bob", 1, ("carol", 1), spend(2, &[(lot_of(&honest), 100)]));
    let messages = vec![
        said("alice", honest.clone()),
        said("dave", crowd(8)),
        said("dave", crowd(9)),
        said("bob", on),
        said("bob", request("bob", 1)),
        said("bob", receipt("bob", 1, &honest)),
    ];
    check_all_orders(net, messages, &[]);
}
