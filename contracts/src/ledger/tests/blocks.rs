//! What makes a block valid, and what a proposer leaves out.

use super::network::*;
use crate::{
    block::{
        BatchDigest, Block, BlockId, GenesisHash, HashedBatch, Header, Height, StateHash, TimeMs,
        batch::{BATCH_COST_MAX, BATCH_TRANSACTIONS_MAX},
    },
    committee::ValidatorId,
    governance::{CouncilAction, Parameters},
    ledger::{Batches, Execution, InvalidBlock, Ledger, RestoreError, StateKey, StateValue, cost, rejection::Skip},
    merkle::Root,
    protocol::ProtocolVersion,
    transaction::{FreezeScope, SignedTransaction},
};

fn network() -> Network {
    let participants = vec![participant("ECB", false), participant("BANK", true)];
    let accounts = vec![
        opening("BANK", policy("alice"), 0, &[("EUR", 1_000)]),
        opening("BANK", policy("bob"), 0, &[]),
    ];
    let currencies = vec![currency("EUR", "ECB", 10_000)];
    Network::new(genesis(participants, currencies, Vec::new(), accounts))
}

fn payment(net: &mut Network) -> SignedTransaction {
    let (alice, bob) = (net.account("BANK", "alice"), net.account("BANK", "bob"));
    net.tx(vec![transfer(alice, bob, "EUR", 1)], &["alice"])
}

/// Drafts a block of one payment, lets `spoil` change it, and expects the error.
fn check(spoil: impl Fn(&mut Header), expected: impl Fn(&Header, &Ledger) -> InvalidBlock) {
    let mut net = network();
    net.run(Vec::new());
    let tx = payment(&mut net);
    let batches = [net.batch("v1", vec![tx])];
    let (mut block, _) = net
        .ledger
        .draft(TimeMs(START_MS + 5_000), net.proposer(), &batches, None);
    let good = block.header.clone();
    assert!(net.ledger.check(&block, &batches).is_ok());
    spoil(&mut block.header);
    assert_ne!(block.header, good);
    let error = net.ledger.check(&block, &batches).unwrap_err();
    assert_eq!(error, expected(&good, &net.ledger));
}

const ROOT: Root = Root([9; 32]);

#[test]
fn a_block_with_a_wrong_header_is_invalid() {
    let [expected, actual] = [ProtocolVersion(1), ProtocolVersion(2)];
    check(
        |it| it.version = actual,
        |_, _| InvalidBlock::Version { expected, actual },
    );
    let other = GenesisHash([9; 32]);
    check(|it| it.genesis = other, |_, _| InvalidBlock::Genesis(other));
    let [expected, actual] = [Height(2), Height(3)];
    check(
        |it| it.height = actual,
        |_, _| InvalidBlock::Height { expected, actual },
    );
    let actual = BlockId([9; 32]);
    check(
        |it| it.parent = actual,
        |good, _| InvalidBlock::Parent {
            expected: good.parent,
            actual,
        },
    );
    let parent = TimeMs(START_MS + 1_000);
    check(
        |it| it.time_ms = parent,
        |_, _| InvalidBlock::Time { parent, actual: parent },
    );
    let stranger = ValidatorId([9; 20]);
    check(|it| it.proposer = stranger, |_, _| InvalidBlock::Author(stranger));
    check(
        |it| it.validators_hash = ROOT,
        |good, _| InvalidBlock::Validators {
            expected: good.validators_hash,
            actual: ROOT,
        },
    );
    check(
        |it| it.next_validators_hash = ROOT,
        |good, _| InvalidBlock::NextValidators {
            expected: good.validators_hash,
            actual: ROOT,
        },
    );
    check(
        |it| it.checkpoint_root = ROOT,
        |_, ledger| InvalidBlock::Checkpoint {
            expected: ledger.tip().checkpoint_root,
            actual: ROOT,
        },
    );
}

#[test]
fn a_block_with_wrong_results_is_invalid() {
    check(
        |it| it.batches_root = ROOT,
        |good, _| InvalidBlock::BatchesRoot {
            expected: good.batches_root,
            actual: ROOT,
        },
    );
    check(
        |it| it.transaction_count = 2,
        |_, _| InvalidBlock::TransactionCount { expected: 1, actual: 2 },
    );
    check(
        |it| it.receipts_root = ROOT,
        |good, _| InvalidBlock::ReceiptsRoot {
            expected: good.receipts_root,
            actual: ROOT,
        },
    );
    check(
        |it| it.changes_root = ROOT,
        |good, _| InvalidBlock::ChangesRoot {
            expected: good.changes_root,
            actual: ROOT,
        },
    );
    check(
        |it| it.state_hash = StateHash([9; 32]),
        |good, _| InvalidBlock::StateHash {
            expected: good.state_hash,
            actual: StateHash([9; 32]),
        },
    );
    // Another author leaves another rotation behind: the state would differ.
    let net = network();
    let (mut block, _) = net.ledger.draft(TimeMs(START_MS + 1), net.proposer(), &[], None);
    let other = ["v1", "v2"].map(|name| ValidatorId::of(&key(name)));
    block.header.proposer = other.into_iter().find(|id| *id != net.proposer()).unwrap();
    assert!(matches!(
        net.ledger.check(&block, &[]),
        Err(InvalidBlock::ChangesRoot { .. })
    ));
}

#[test]
fn a_block_time_is_the_proposers_or_just_after_the_parents() {
    let net = network();
    let times = [
        (0, START_MS + 1),
        (START_MS, START_MS + 1),
        (START_MS + 77, START_MS + 77),
    ];
    for (now, expected) in times {
        let (block, _) = net.ledger.draft(TimeMs(now), net.proposer(), &[], None);
        assert_eq!(block.header.time_ms, TimeMs(expected));
    }
}

/// Ledger and proposer agree: the block as it would be if it named these batches is invalid.
fn refuse(net: &Network, batches: Batches<'_>, expected: InvalidBlock) {
    let (block, _) = net.ledger.draft(TimeMs(START_MS + 5_000), net.proposer(), &[], None);
    let block = Block {
        header: block.header,
        batches: list(batches.iter().map(HashedBatch::digest).collect()),
        checkpoint: None,
    };
    assert_eq!(net.ledger.check(&block, batches).unwrap_err(), expected);
}

fn drafted(net: &Network, batches: Batches<'_>) -> Vec<usize> {
    let (block, _) = net
        .ledger
        .draft(TimeMs(START_MS + 5_000), net.proposer(), batches, None);
    let place = |digest: &BatchDigest| batches.iter().position(|it| it.digest() == *digest).unwrap();
    block.batches.iter().map(place).collect()
}

#[test]
fn a_digest_is_ordered_once_while_it_is_remembered() {
    let mut net = network();
    let tx = payment(&mut net);
    let batch = net.batch("v1", vec![tx]);
    let digest = batch.digest();
    let twice = [batch.clone(), batch.clone()];
    refuse(&net, &twice, InvalidBlock::DuplicateBatch(digest));
    assert_eq!(drafted(&net, &twice), [0]);
    let time = TimeMs(START_MS + 1_000);
    net.block_at(time, std::slice::from_ref(&batch));
    assert!(net.ledger.remembers(&digest));
    refuse(
        &net,
        std::slice::from_ref(&batch),
        InvalidBlock::RememberedBatch(digest),
    );
    assert_eq!(drafted(&net, std::slice::from_ref(&batch)), [0usize; 0]);
    // A block of this time could name it again; its transaction has expired long since.
    let end = TimeMs(time.0 + 600_000);
    let (block, _) = net
        .ledger
        .draft(TimeMs(end.0 - 1), net.proposer(), std::slice::from_ref(&batch), None);
    assert!(block.batches.is_empty());
    let (block, execution) = net.block_at(end, &[batch]);
    assert_eq!(block.batches.len(), 1);
    assert_eq!(execution.skips, [(ValidatorId::of(&key("v1")), Skip::Expired)]);
    assert_eq!(net.ledger.recent_digests(), 1);
}

/// The least that the council may allow a block.
fn least(net: &mut Network) {
    let parameters = Parameters {
        block_transactions_max: BATCH_TRANSACTIONS_MAX as u32,
        block_cost_max: BATCH_COST_MAX,
        ..Parameters::default()
    };
    net.must(vec![council(CouncilAction::SetParameters(parameters))], &["council"]);
}

#[test]
fn a_block_has_at_most_so_many_transactions() {
    let mut net = network();
    least(&mut net);
    let batches: Vec<_> = [600, 500, 424]
        .into_iter()
        .map(|count| {
            let transactions = (0..count).map(|_| payment(&mut net)).collect();
            net.batch("v1", transactions)
        })
        .collect();
    assert_eq!(drafted(&net, &batches), [0, 2]);
    let expected = InvalidBlock::TooManyTransactions {
        max: 1_024,
        actual: 1_524,
    };
    refuse(&net, &batches, expected);
}

#[test]
fn a_block_costs_at_most_so_much() {
    let mut net = network();
    least(&mut net);
    let alice = net.account("BANK", "alice");
    let mut dear = |count| -> Vec<_> {
        (0..count)
            .map(|_| net.tx(vec![close("BANK", alice); 64], &["BANK"]))
            .collect()
    };
    let (first, second) = (dear(6), dear(6));
    assert_eq!(cost(&first[0]), 20 + 64 * (2_660 + 3));
    let cheap = payment(&mut net);
    assert_eq!(cost(&cheap), 83);
    let total = 12 * cost(&first[0]) + cost(&cheap);
    let batches = [first, second, vec![cheap]].map(|transactions| net.batch("v1", transactions));
    assert_eq!(drafted(&net, &batches), [0, 2]);
    let expected = InvalidBlock::TooCostly {
        max: 2_000_000,
        actual: total,
    };
    refuse(&net, &batches, expected);
}

#[test]
fn the_dearest_transaction_fits_a_batch() {
    let mut net = network();
    let names: Vec<_> = (0..16).map(|at| format!("key {at}")).collect();
    let signers: Vec<_> = names.iter().map(String::as_str).collect();
    let report = report("v1", net.double_vote("v2", 1));
    let changes = change(&["v4"], &[]);
    let actions = [vec![report, changes], vec![remove_node("v4"); 62]].concat();
    let tx = net.tx(actions, &signers);
    assert_eq!(cost(&tx), 1_555_352);
    assert!(cost(&tx) <= BATCH_COST_MAX);
}

#[test]
fn a_full_batch_fits_the_smallest_block() {
    let mut net = network();
    least(&mut net);
    let alice = net.account("BANK", "alice");
    let many: Vec<_> = (0..BATCH_TRANSACTIONS_MAX).map(|_| payment(&mut net)).collect();
    let many = net.batch("v1", many);
    assert_eq!(drafted(&net, &[many]), [0]);
    let mut dear = |actions: usize| net.tx(vec![close("BANK", alice); actions], &["BANK"]);
    let mut transactions: Vec<_> = (0..11).map(|_| dear(64)).collect();
    transactions.push(dear(46));
    let batch = net.batch("v1", transactions);
    let left = BATCH_COST_MAX - batch.cost();
    assert!(left < 2_663, "{left} are left: one more account could be closed");
    assert_eq!(drafted(&net, &[batch]), [0]);
}

#[test]
fn a_block_names_at_most_256_batches() {
    let mut net = network();
    let batches: Vec<_> = (0..257)
        .map(|_| {
            let tx = payment(&mut net);
            net.batch("v1", vec![tx])
        })
        .collect();
    assert_eq!(drafted(&net, &batches), (0..256).collect::<Vec<_>>());
}

#[test]
#[should_panic(expected = "a block is committed on its parent")]
fn an_execution_over_another_state_is_not_committed() {
    let mut net = network();
    let (_, execution) = net.ledger.draft(TimeMs(START_MS + 1), net.proposer(), &[], None);
    net.ledger.commit(execution.clone());
    net.ledger.commit(execution);
}

#[test]
fn receipts_and_locations_go_together() {
    let mut net = network();
    let (alice, bob) = (net.account("BANK", "alice"), net.account("BANK", "bob"));
    let [first, second, third] = [(); 3].map(|()| payment(&mut net));
    let bad = net.tx(vec![transfer(alice, bob, "EUR", 0)], &["bob"]);
    let batches = [
        net.batch("v1", vec![first.clone(), bad]),
        net.batch("v2", vec![first.clone(), second.clone(), third.clone()]),
    ];
    let (block, execution) = net.block_at(TimeMs(START_MS + 1), &batches);
    assert_eq!(block.header.transaction_count, 5);
    let Execution {
        receipts,
        locations,
        skips,
        ids,
        ..
    } = execution;
    let placed: Vec<_> = locations.iter().map(|it| (it.batch, it.transaction)).collect();
    assert_eq!(placed, [(0, 0), (1, 1), (1, 2)]);
    let indexes: Vec<_> = receipts.iter().map(|it| it.index).collect();
    assert_eq!(indexes, [0, 1, 2]);
    let expected = [first.id(), second.id(), third.id()];
    assert_eq!(ids.iter().map(|(_, id)| *id).collect::<Vec<_>>(), expected);
    let [v1, v2] = ["v1", "v2"].map(|name| ValidatorId::of(&key(name)));
    assert_eq!(skips, [(v1, Skip::UnknownSigner), (v2, Skip::AlreadyKnown)]);
}

#[test]
fn entries_that_are_not_whole_are_no_ledger() {
    let mut net = network();
    let alice = net.account("BANK", "alice");
    net.must(vec![freeze("BANK", alice, FreezeScope::Account)], &["BANK"]);
    let entries: Vec<_> = net.ledger.entries().collect();
    let restore = |entries: Vec<(StateKey, StateValue)>| {
        let (genesis, tip) = (net.ledger.genesis(), net.ledger.tip().clone());
        let none = std::iter::empty;
        Ledger::restore(genesis, tip, entries.into_iter(), none(), std::iter::empty(), 3).map(drop)
    };
    assert_eq!(restore(entries.clone()), Ok(()));
    for key in [
        StateKey::Parameters,
        StateKey::Council,
        StateKey::Validators,
        StateKey::Rotation,
        StateKey::Protocol,
        StateKey::Origin,
    ] {
        let without = entries.iter().filter(|(it, _)| *it != key).cloned().collect();
        assert_eq!(restore(without), Err(RestoreError::Missing(key)));
    }
    let balance = StateKey::Balance(alice, code("EUR"));
    let mut stray = entries.clone();
    stray.retain(|(key, _)| *key != StateKey::Account(alice));
    assert_eq!(restore(stray), Err(RestoreError::Stray(alice, code("EUR"))));
    let mut less = entries.clone();
    less.retain(|(key, _)| *key != balance);
    let expected = RestoreError::NotConserved {
        currency: code("EUR"),
        sum: -1_000,
    };
    assert_eq!(restore(less), Err(expected));
    let mut twice = entries.clone();
    twice.push(entries[0].clone());
    assert_eq!(restore(twice), Err(RestoreError::Duplicate(entries[0].0)));
    let mut mixed = entries.clone();
    mixed.push((balance, StateValue::Council(policy("council"))));
    assert_eq!(restore(mixed), Err(RestoreError::WrongTable(balance)));
    let no_validators = (StateKey::Validators, StateValue::Validators(list(Vec::new())));
    let mut nobody = entries;
    nobody.retain(|(key, _)| *key != StateKey::Validators);
    nobody.push(no_validators);
    assert!(matches!(restore(nobody), Err(RestoreError::Validators(_))));
}
