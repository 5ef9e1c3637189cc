//! Accomplices that would keep an honest purse's messages from being recorded.

use proptest::prelude::*;

use super::*;
use crate::ledger::{StateKey, apply::offline::facts::ROOM_PER_CERTIFICATE, rejection::Rejection::*};

/// Of a lot that there is not.
fn made_up(payer: &str, seq: u32, to: (&str, u32)) -> Transfer {
    transfer_of(payer, seq, to, spend(1, &[(Id16([9; 16]), 1)]))
}

/// Leaves no room for messages of this purse that nobody else's confirm.
fn fill(net: &mut Network, name: &str) {
    let room = |net: &Network| match net.row(OfflineKey::Room(purse(name))) {
        Some(OfflineRow::Room(room)) => *room,
        other => panic!("no room: {other:?}"),
    };
    let payee = if name == "dave" { "alice" } else { "dave" };
    let mut seq = 10_000;
    while room(net) > 0 {
        let count = room(net).min(64);
        let told = (seq..seq + count).map(|seq| said(name, made_up(name, seq, (payee, seq))));
        net.must_testify(told.collect());
        seq += count;
    }
}

#[test]
fn a_crowded_request_keeps_no_transfer_from_being_recorded() {
    for is_asked in [false, true] {
        let mut net = purse_town();
        let lot = net.granted("alice", 1, 1_000).load;
        let crowd = (1..=20).map(|seq| said("dave", made_up("dave", seq, ("bob", 1))));
        net.must_testify(crowd.collect());
        let honest = transfer_of("alice", 1, ("bob", 1), spend(1, &[(lot, 600)]));
        net.must_testify(vec![said("alice", honest.clone())]);
        if is_asked {
            let words = vec![said("bob", request("bob", 1)), said("bob", receipt("bob", 1, &honest))];
            net.must_testify(words);
        }
        net.must_redeem("bob", 1, 2, (lot_of(&honest), 600));
        assert_eq!((net.has("bob"), net.set_aside("alice")), (MINTED + 600, 400));
        // It counts against its payer all the same, and no other does.
        let more = transfer_of("alice", 2, ("carol", 1), spend(1, &[(lot, 401)]));
        net.must_testify(vec![said("alice", more)]);
        assert_eq!(net.proofs(), [("alice", Proof::Lot(lot))]);
        net.check_restores();
    }
}

/// Of the transfers that pay one request, eight count where its payee says nothing: the least.
#[test]
fn a_void_of_a_crowded_request_gives_all_payers_their_lots_back() {
    let mut net = purse_town();
    let lot = net.granted("alice", 1, 4).load;
    let all: Vec<_> = (1..=12)
        .map(|seq| transfer_of("alice", seq, ("bob", 1), spend(1, &[(lot, 1)])))
        .collect();
    net.must_testify(all.iter().map(|body| said("alice", body.clone())).collect());
    assert_eq!(net.proofs(), [("alice", Proof::Lot(lot))]);
    let Some(OfflineRow::Consumed(consumed)) = net.row(OfflineKey::Consumed(lot, purse("alice"))) else {
        panic!("it was spent")
    };
    assert_eq!(consumed.sum, 8);
    net.must_testify(vec![said("bob", void("bob", 1))]);
    assert_eq!(net.proofs(), []);
    net.check_restores();
}

#[test]
fn a_purses_own_word_is_taken_only_so_often_for_each_certificate() {
    let mut net = purse_town();
    fill(&mut net, "dave");
    let one_more = net.testify(vec![said("dave", made_up("dave", 1, ("bob", 1)))]);
    net.refuse(one_more.clone(), &["fund"], PurseCrowded);
    let own_words = [said("dave", request("dave", 1)), said("dave", void("dave", 1))];
    for word in own_words {
        net.refuse(net.testify(vec![word]), &["fund"], PurseCrowded);
    }
    net.refuse(
        net.load_action("dave", load_request("dave", 1, 1)),
        &["dave"],
        PurseCrowded,
    );
    let next = Certificate {
        serial: Serial(2),
        ..certificate("dave")
    };
    net.must(vec![net.registration("dave", certified(next))], &["BANK"]);
    net.must(vec![one_more], &["fund"]);
    let room = net.row(OfflineKey::Room(purse("dave")));
    assert_eq!(room, Some(&OfflineRow::Room(ROOM_PER_CERTIFICATE - 1)));
    net.check_restores();
}

/// Bob holds money that came from dave by alice, whose purses have no room.
#[test]
fn a_crowded_payer_keeps_no_payee_from_claiming() {
    let mut net = purse_town();
    let lot = net.granted("dave", 1, 1_000).load;
    let first = transfer_of("dave", 1, ("alice", 1), spend(1, &[(lot, 600)]));
    let second = transfer_of("alice", 1, ("bob", 1), spend(2, &[(lot_of(&first), 500)]));
    for name in ["dave", "alice"] {
        fill(&mut net, name);
    }
    let bundle = vec![said("dave", first.clone()), said("alice", second.clone())];
    net.refuse(net.testify(bundle.clone()), &["fund"], PurseCrowded);
    let words = vec![said("bob", request("bob", 1)), said("bob", receipt("bob", 1, &second))];
    // In any order: within a transaction it does not matter.
    net.must_testify([bundle, words].concat());
    net.must_redeem("bob", 1, 3, (lot_of(&second), 500));
    assert_eq!(net.has("bob"), MINTED + 500);
    net.check_restores();
}

/// Who spends on confirms what has fewer hops, so that a chain of made-up transfers ends.
#[test]
fn what_is_spent_on_confirms_no_longer_chain_than_there_may_be() {
    let mut net = purse_town();
    fill(&mut net, "dave");
    let flat = |payer: &str, payee: &str, lot| transfer_of(payer, 1, (payee, 1), spend(1, &[(lot, 1)]));
    let parent = flat("dave", "alice", Id16([9; 16]));
    let child = flat("alice", "bob", lot_of(&parent));
    let both = vec![said("alice", child), said("dave", parent)];
    net.refuse(net.testify(both), &["fund"], PurseCrowded);
    let deep = transfer_of("alice", 1, ("bob", 1), spend(5, &[(Id16([9; 16]), 1)]));
    net.refuse(net.testify(vec![said("alice", deep)]), &["fund"], LotUnknown);
}

/// Alice paid bob, who voided it and leaves no room for his void.
#[test]
fn a_crowded_payee_keeps_no_payer_from_being_cleared() {
    let mut net = purse_town();
    let lot = net.granted("alice", 1, 100).load;
    fill(&mut net, "bob");
    let pays = |seq, payee| transfer_of("alice", seq, (payee, 1), spend(1, &[(lot, 100)]));
    let paid = [pays(1, "bob"), pays(2, "carol")].map(|body| said("alice", body));
    net.refuse(net.testify(vec![said("bob", void("bob", 1))]), &["fund"], PurseCrowded);
    net.must_testify(paid.to_vec());
    assert_eq!(net.proofs(), [("alice", Proof::Lot(lot))]);
    net.must_testify(vec![said("bob", void("bob", 1))]);
    assert_eq!(net.proofs(), []);
    net.check_restores();
}

/// The first of a request clears its payer; others of it tell nothing, whatever number they name.
#[test]
fn a_request_is_voided_for_nothing_once() {
    let mut net = purse_town();
    let paid = made_up("alice", 1, ("bob", 1));
    net.must_testify(vec![said("alice", paid)]);
    fill(&mut net, "bob");
    net.must_testify(vec![said("bob", void("bob", 1))]);
    let again = Void {
        seq: RequestSeq(2),
        ..void("bob", 1)
    };
    net.refuse(net.testify(vec![said("bob", again)]), &["fund"], PurseCrowded);
    net.check_restores();
}

/// Of redemptions of a convicted purse, which are recorded and not paid, there are no more than it has room for.
#[test]
fn who_is_convicted_redeems_without_being_paid_only_so_often() {
    let mut net = purse_town();
    let lot = net.granted("dave", 1, 100).load;
    fill(&mut net, "dave");
    // The first is paid, and needs no room.
    net.must_redeem("dave", 1, 1, (lot, 100));
    let second = net.redeem_action("dave", 2, spend(1, &[(lot, 1)]));
    net.refuse(second, &["dave"], PurseCrowded);
    assert_eq!(net.has("dave"), MINTED);
}

/// How an accomplice of dave's would have a transfer kept.
#[derive(Debug, Clone, Copy)]
enum Way {
    Plain,
    ReceivedAfter,
    ReceivedBefore,
    /// With three more, which are brought after carol, who is convicted, has redeemed them.
    RedeemedBefore,
}

fn any_way() -> impl Strategy<Value = Way> {
    use Way::*;
    prop::sample::select(vec![Plain, ReceivedAfter, ReceivedBefore, RedeemedBefore])
}

/// From dave to carol, of a lot that there is not.
fn alike(seq: u32) -> Transfer {
    made_up("dave", seq, ("carol", 1))
}

impl Network {
    /// What accomplices bring, in transactions of its own each, whether it is taken or not.
    fn try_one(&mut self, way: Way, body: &Transfer) {
        let transfer = self.testify(vec![said("dave", body.clone())]);
        let word = self.testify(vec![said("carol", receipt("carol", 1, body))]);
        let mut actions = match way {
            Way::Plain => vec![transfer],
            Way::ReceivedAfter => vec![transfer, word],
            Way::ReceivedBefore => vec![word, transfer],
            Way::RedeemedBefore => {
                let more = [1_000, 2_000, 3_000].map(|further| alike(body.seq.0 + further));
                let mut lots: Vec<_> = more.iter().chain([body]).map(|body| (lot_of(body), 1)).collect();
                lots.sort();
                let redeem = self.redeem_action("carol", body.seq.0, spend(2, &lots));
                let more = more.map(|body| self.testify(vec![said("dave", body)]));
                [&[redeem, transfer][..], &more].concat()
            }
        };
        for action in actions.drain(..) {
            let signer = match &action {
                Action::Offline(it) if matches!(**it, OfflineAction::Redeem { .. }) => "carol",
                _ => "fund",
            };
            self.act(vec![action], &[signer]).expect("it has a receipt");
        }
    }

    fn room_used(&self) -> u32 {
        let left = |name| match self.row(OfflineKey::Room(purse(name))) {
            Some(OfflineRow::Room(room)) => *room,
            other => panic!("no room: {other:?}"),
        };
        OWNERS.map(|name| ROOM_PER_CERTIFICATE - left(name)).iter().sum()
    }

    fn count_rows(&self, is_counted: fn(&OfflineKey) -> bool) -> u32 {
        let keys = self.ledger.entries().filter_map(|(key, _)| match key {
            StateKey::Offline(key) => Some(key),
            _ => None,
        });
        keys.filter(is_counted).count().try_into().expect("a few")
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// For each message that took room there is at most one that took none, where nothing is behind them. A message is at
    /// most five rows, and as many proofs.
    #[test]
    fn invariant_what_is_kept_took_room(
        ways in prop::collection::vec(any_way(), 1..16),
        is_descending in any::<bool>(),
    ) {
        let mut net = purse_town();
        let before = net.count_rows(|_| true);
        let forked = [2, 3].map(|seq| said("carol", made_up("carol", 1, ("alice", seq))));
        net.must_testify([&forked[..], &[said("carol", request("carol", 1))]].concat());
        let mut bodies: Vec<_> = (1..).map(alike).take(ways.len()).collect();
        if is_descending {
            // Each word pushes out the one before.
            bodies.sort_by_key(|body| std::cmp::Reverse(body.id()));
        }
        for (way, body) in ways.into_iter().zip(&bodies) {
            net.try_one(way, body);
        }
        let kept = net.count_rows(|key| matches!(key, OfflineKey::Spending(_)));
        let used = net.room_used();
        prop_assert!(kept <= 2 * used, "{kept} for {used}");
        prop_assert!(net.count_rows(|_| true) - before <= 20 * used);
        net.check_restores();
    }
}
