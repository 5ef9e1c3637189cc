use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::{
    ledger::{StateKey, rejection::Rejection::*},
    offline::{
        evidence::{Fact, Facts, Offence, Verdict},
        record::{OfflineKey, REQUEST_TRANSFERS_MAX},
    },
};

/// After so many testimonies in one transaction, this is proved.
fn check(messages: Vec<Testimony>, expected: &[(&'static str, Proof)]) -> Network {
    let mut net = purse_town();
    net.must(vec![net.testify(messages)], &["fund"]);
    assert_eq!(net.proofs(), expected);
    net.check_restores();
    net
}

/// One that needs no load, since nobody redeems it.
fn paid(payer: &str, seq: u32, to: (&str, u32)) -> Transfer {
    transfer_of(payer, seq, to, spend(1, &[(Id16([9; 16]), 100)]))
}

fn place(seq: u32) -> [u8; 4] {
    seq.to_be_bytes()
}

#[test]
fn two_bodies_at_one_place_are_equivocation_and_two_signatures_are_not() {
    let (one, other) = (paid("alice", 7, ("bob", 1)), paid("alice", 7, ("carol", 1)));
    let said_by_alice = |body: &Transfer| said("alice", body.clone());
    check(vec![said_by_alice(&one), said_by_alice(&one)], &[]);
    let proof = ("alice", Proof::Place(place(7)));
    let mut net = check(vec![said_by_alice(&one), said_by_alice(&other)], &[proof]);
    let load = net.load_action("alice", load_request("alice", 1, 1));
    net.refuse(load, &["alice"], PurseConvicted);
    net.must(vec![net.register_again("alice")], &["BANK"]);
}

impl Network {
    fn register_again(&self, name: &str) -> Action {
        let body = Certificate {
            serial: Serial(2),
            ..certificate(name)
        };
        self.registration(name, certified(body))
    }
}

#[test]
fn overspending_is_lifted_by_a_void() {
    let mut net = purse_town();
    let lot = net.granted("alice", 1, 150).load;
    let pays = |seq, payee| transfer_of("alice", seq, (payee, 1), spend(1, &[(lot, 100)]));
    let both = [pays(1, "bob"), pays(2, "carol")].map(|body| said("alice", body));
    net.must(vec![net.testify(both.to_vec())], &["fund"]);
    assert_eq!(net.proofs(), [("alice", Proof::Lot(lot))]);
    net.must(vec![net.testify(vec![said("carol", void("carol", 1))])], &["fund"]);
    assert_eq!(net.proofs(), []);
}

/// One request shown to two payers: one is received, and the other has its money back.
#[test]
fn a_receipt_is_a_void_to_every_other_payer_of_the_request() {
    let mut net = purse_town();
    let lot = net.granted("alice", 1, 150).load;
    let pays = |seq, payee| transfer_of("alice", seq, (payee, 1), spend(1, &[(lot, 100)]));
    let theirs = paid("dave", 1, ("bob", 1));
    let said_so_far = vec![
        said("alice", pays(1, "bob")),
        said("alice", pays(2, "carol")),
        said("dave", theirs.clone()),
        said("bob", receipt("bob", 1, &theirs)),
    ];
    net.must(vec![net.testify(said_so_far)], &["fund"]);
    assert_eq!(net.proofs(), [("alice", Proof::Lot(lot))]);
    net.must(vec![net.testify(vec![said("bob", request("bob", 1))])], &["fund"]);
    assert_eq!(net.proofs(), []);
}

#[test]
fn a_payees_contradictions_are_proofs() {
    let (one, other) = (paid("alice", 1, ("bob", 1)), paid("carol", 1, ("bob", 1)));
    let word = ("bob", Proof::Word(place(1)));
    let received = |body: &Transfer| said("bob", receipt("bob", 1, body));
    check(vec![received(&one), received(&other)], &[word]);
    check(vec![received(&one), said("bob", void("bob", 1))], &[word]);
    let spent = |seq, parent: &Transfer| {
        let parts = [(parent.id().short(), 10)];
        said("bob", transfer_of("bob", seq, ("dave", seq), spend(2, &parts)))
    };
    let of = ("bob", Proof::Request(one.request));
    let both = [said("alice", one.clone()), said("carol", other.clone())];
    check([&both[..], &[spent(1, &one), spent(2, &one)]].concat(), &[]);
    check([&both[..], &[spent(1, &one), spent(2, &other)]].concat(), &[of]);
    check([&[spent(1, &one), spent(2, &other)], &both[..]].concat(), &[of]);
    check(
        [&both[..], &[spent(1, &one), said("bob", void("bob", 1))]].concat(),
        &[of],
    );
}

#[test]
fn messages_that_the_purse_did_not_sign_are_refused() {
    let mut net = purse_town();
    let body = paid("alice", 1, ("bob", 1));
    let forged = Testimony::Transfer(signed(body.clone(), &purse_secret("bob")));
    net.refuse(net.testify(vec![forged]), &["fund"], MessageInvalid);
    let mut foreign = body;
    foreign.payer = purse("nobody");
    let foreign = Testimony::Transfer(signed(foreign, &purse_secret("alice")));
    net.refuse(net.testify(vec![foreign]), &["fund"], UnknownPurse);
}

/// What some purse says, by numbers that are made into messages once loads are known.
#[derive(Debug, Clone)]
enum Plan {
    /// Payer, its number, payee, the payee's number, lot of whom, amount.
    Pay(usize, u32, usize, u32, usize, u64),
    /// Who spends it, number, payee, payee's number, which of the payments, amount.
    Respend(usize, u32, usize, u32, prop::sample::Index, u64),
    Ask(usize, u32),
    Void(usize, u32),
    Receive(usize, u32, prop::sample::Index),
    /// Payer, payee, the payee's number, how many transfers of lots that there are not.
    Crowd(usize, usize, u32, u32),
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let amount = || prop::sample::select(vec![1_u64, 60, 100]);
    let seq = || 1..3_u32;
    let index = || any::<prop::sample::Index>();
    prop_oneof![
        (0..4_usize, seq(), 0..4_usize, seq(), 0..4_usize, amount())
            .prop_map(|(payer, at, payee, asked, lot, amount)| Plan::Pay(payer, at, payee, asked, lot, amount)),
        (0..4_usize, seq(), 0..4_usize, seq(), index(), amount())
            .prop_map(|(payer, at, payee, asked, which, amount)| Plan::Respend(payer, at, payee, asked, which, amount)),
        (0..4_usize, seq()).prop_map(|(who, at)| Plan::Ask(who, at)),
        (0..4_usize, seq()).prop_map(|(who, at)| Plan::Void(who, at)),
        (0..4_usize, seq(), index()).prop_map(|(who, at, which)| Plan::Receive(who, at, which)),
        (0..4_usize, 0..4_usize, seq(), 7..10_u32)
            .prop_map(|(payer, payee, asked, count)| Plan::Crowd(payer, payee, asked, count)),
    ]
}

fn messages(plans: &[Plan], lots: &[Id16; 4]) -> Vec<(usize, Said)> {
    let mut transfers: Vec<Transfer> = Vec::new();
    let mut said = Vec::new();
    for plan in plans {
        match *plan {
            Plan::Pay(payer, seq, payee, asked, lot, amount) if payer != payee => {
                let to = (OWNERS[payee], asked);
                let body = transfer_of(OWNERS[payer], seq, to, spend(1, &[(lots[lot], amount)]));
                transfers.push(body.clone());
                said.push((payer, Said::Transfer(body)));
            }
            Plan::Respend(payer, seq, payee, asked, which, amount) if payer != payee && !transfers.is_empty() => {
                let parent = which.get(&transfers).id().short();
                let to = (OWNERS[payee], asked);
                let body = transfer_of(OWNERS[payer], seq, to, spend(2, &[(parent, amount)]));
                transfers.push(body.clone());
                said.push((payer, Said::Transfer(body)));
            }
            Plan::Crowd(payer, payee, asked, count) if payer != payee => {
                for seq in 0..count {
                    let to = (OWNERS[payee], asked);
                    let body = transfer_of(OWNERS[payer], 100 + seq, to, spend(1, &[(Id16([9; 16]), 1)]));
                    transfers.push(body.clone());
                    said.push((payer, Said::Transfer(body)));
                }
            }
            Plan::Ask(who, seq) => said.push((who, Said::Request(request(OWNERS[who], seq)))),
            Plan::Void(who, seq) => said.push((who, Said::Void(void(OWNERS[who], seq)))),
            Plan::Receive(who, seq, which) if !transfers.is_empty() => {
                let body = receipt(OWNERS[who], seq, which.get(&transfers));
                said.push((who, Said::Receipt(body)));
            }
            _ => {}
        }
    }
    said
}

fn facts(grants: &[Grant], said: &[Said]) -> Facts {
    let mut facts: Facts = grants.iter().map(Fact::from).collect();
    for message in said {
        match message {
            Said::Transfer(body) => facts.insert(body),
            Said::Request(body) => facts.insert(body),
            Said::Receipt(body) => facts.insert(body),
            Said::Void(body) => facts.insert(body),
        }
    }
    facts
}

fn verdicts(net: &Network) -> BTreeSet<Verdict> {
    let verdict = |(name, proof)| Verdict {
        culprit: purse(name),
        offence: match proof {
            Proof::Place(_) => Offence::Equivocation,
            Proof::Lot(_) => Offence::Overspend,
            Proof::Word(_) | Proof::Request(_) => Offence::PayeeEquivocation,
        },
    };
    net.proofs().into_iter().map(verdict).collect()
}

/// Brings messages in transactions of so many.
fn told(said: &[(usize, Said)], order: &[usize], sizes: usize) -> (Network, Vec<Grant>) {
    let mut net = purse_town();
    let grants = OWNERS.map(|name| net.granted(name, 1, 150));
    let testimonies: Vec<_> = order
        .iter()
        .map(|&at| {
            let (who, message) = &said[at];
            self::said(OWNERS[*who], message.clone())
        })
        .collect();
    for part in testimonies.chunks(sizes) {
        net.must(vec![net.testify(part.to_vec())], &["fund"]);
    }
    (net, grants.to_vec())
}

/// All but what purses have room for, which is what order and parts may change.
fn rows(net: &Network) -> Vec<(StateKey, crate::ledger::StateValue)> {
    let of_purses = |(key, _): &(StateKey, _)| match key {
        StateKey::Offline(key) => !matches!(key, OfflineKey::Room(_)),
        _ => false,
    };
    let mut rows: Vec<_> = net.ledger.entries().filter(of_purses).collect();
    rows.sort_by_key(|(key, _)| *key);
    rows
}

fn most_for_one_request(said: &[Said]) -> usize {
    let mut of: BTreeMap<MessageId, BTreeSet<MessageId>> = BTreeMap::new();
    for message in said {
        if let Said::Transfer(body) = message {
            of.entry(body.request).or_default().insert(body.id());
        }
    }
    of.values().map(BTreeSet::len).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whoever brings what, in any order and in any parts: the rows are the same, and what is proved by them is what
    /// follows from the set of facts.
    #[test]
    fn invariant_order_and_parts_of_testimonies_do_not_matter(
        plans in prop::collection::vec(any_plan(), 0..12),
        shuffle in any::<u64>(),
        sizes in 1..5_usize,
    ) {
        let mut net = purse_town();
        let lots = OWNERS.map(|name| net.granted(name, 1, 150).load);
        let said = messages(&plans, &lots);
        let order: Vec<_> = (0..said.len()).collect();
        let mut shuffled = order.clone();
        shuffled.sort_by_key(|at| crate::codec::hash("shuffle", &[&shuffle.to_be_bytes(), &at.to_be_bytes()]));
        let (one, grants) = told(&said, &order, 64);
        let (other, _) = told(&said, &shuffled, sizes);
        prop_assert_eq!(rows(&one), rows(&other));
        let bodies: Vec<_> = said.into_iter().map(|(_, body)| body).collect();
        let expected = facts(&grants, &bodies).verdicts();
        if most_for_one_request(&bodies) <= REQUEST_TRANSFERS_MAX {
            prop_assert_eq!(verdicts(&one), expected);
        } else {
            // Not all that pay a crowded request count against their payers.
            let (mut left_out, actual) = (expected.clone(), verdicts(&one));
            left_out.retain(|verdict| !actual.contains(verdict));
            prop_assert!(actual.is_subset(&expected));
            prop_assert!(left_out.iter().all(|verdict| verdict.offence == Offence::Overspend));
        }
        one.check_restores();
    }
}
