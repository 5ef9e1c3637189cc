use causeway_contracts::{
    block::{HashedBatch, Height, TimeMs},
    codec::Bounded,
    identity::{AccountId, ParticipantId},
    ledger::{
        Day,
        receipt::{Outcome, Subject},
    },
    money::{Amount, Currency},
    proof::{PaymentProof, TrustedSet},
    settlement::{Hold, Leg, SettlementAction},
    transaction::{Action, TxId, UnixSeconds},
};

use super::{filled, open, run};
use crate::store::{
    Location, StoredBlock, check,
    trial::{START, Step, Trial, euro, wire},
};

#[test]
fn every_receipt_has_a_proof_that_needs_no_trust_in_this_node() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(5);
    let (store, mut ledger) = open(&folder.path().join("db"), &trial);
    let trusted = TrustedSet::of_genesis(&trial.genesis).expect("a set");
    let reader = store.reader();
    for payments in [1, 7, 32] {
        let step = trial.step(&ledger, payments);
        run(trial.advance(&store, &mut ledger, payments));
        for (index, signed) in step.batch.batch.transactions.iter().enumerate() {
            let id = signed.id();
            let proof: PaymentProof = reader
                .proof(&id, Height::GENESIS)
                .expect("readable")
                .expect("it has a receipt");
            assert_eq!(proof.transaction, *signed);
            let verified = proof.verify(&trusted).expect("a good proof");
            assert_eq!((verified.id, verified.height), (id, ledger.tip().height));
            assert_eq!(verified.block, ledger.tip().block);
            let location = reader.locate(&id).expect("readable").expect("it has a receipt");
            let expected = Location {
                height: ledger.tip().height,
                index: index as u32,
            };
            assert_eq!(location, expected);
        }
    }
    assert_eq!(reader.proof(&TxId([9; 32]), Height::GENESIS).expect("readable"), None);
    assert_eq!(reader.locate(&TxId([9; 32])).expect("readable"), None);
}

#[test]
fn blocks_and_receipts_are_read_as_they_were_committed() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(5);
    let (store, mut ledger) = open(&folder.path().join("db"), &trial);
    let Step { digest, batch, commit } = trial.step(&ledger, 4);
    run(trial.advance(&store, &mut ledger, 4));
    let reader = store.reader();
    let expected = StoredBlock {
        block: commit.block.clone(),
        certificate: commit.certificate.clone(),
    };
    assert_eq!(reader.block(Height(1)).expect("readable"), Some(expected));
    assert_eq!(
        reader.receipts(Height(1)).expect("readable"),
        Some(commit.execution.receipts.clone())
    );
    assert_eq!(reader.batch(&digest).expect("readable").as_ref(), Some(&*batch));
    for missing in [Height(0), Height(2)] {
        assert_eq!(reader.block(missing).expect("readable"), None);
        assert_eq!(reader.receipts(missing).expect("readable"), None);
    }
}

#[test]
fn accounts_are_read_with_what_they_spent_on_the_tips_day() {
    let folder = tempfile::tempdir().expect("a folder");
    // The second block is of the next day.
    let last_moment = TimeMs((Day::of(START).0 + 1) * 86_400_000 - 500);
    let trial = Trial::at(2, last_moment);
    let (store, mut ledger) = open(&folder.path().join("db"), &trial);
    let reader = store.reader();
    let mut spent_today = Vec::new();
    for payments in [6, 0] {
        run(trial.advance(&store, &mut ledger, payments));
        let (tip, account) = reader.account(&trial.account(0)).expect("readable");
        let account = account.expect("it is there");
        assert_eq!(tip, *ledger.tip());
        assert_eq!(account.keys, trial.genesis.accounts[0].keys);
        let [balance] = &account.balances[..] else {
            panic!("one currency: {account:?}");
        };
        let record = ledger.balance(&trial.account(0), euro()).expect("it has some");
        assert_eq!(
            (balance.currency, balance.available, balance.held),
            (euro(), record.available, record.held)
        );
        spent_today.push(balance.spent_today.0);
    }
    assert!(spent_today[0] > 0);
    assert_eq!(spent_today[1], 0);
    let (_, nobody) = reader.account(&AccountId([1; 20])).expect("readable");
    assert_eq!(nobody, None);
}

#[test]
fn registries_are_read_from_the_state() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(2);
    let (store, _) = open(&folder.path().join("db"), &trial);
    let reader = store.reader();
    let record = trial.genesis.currencies[0].clone();
    assert_eq!(reader.currency(euro()).expect("readable").1, Some(record.clone()));
    assert_eq!(
        reader
            .currency(Currency::new("USD").expect("a code"))
            .expect("readable")
            .1,
        None
    );
    assert_eq!(reader.currencies().expect("readable"), [record]);
    let bank = trial.genesis.participants[0].clone();
    assert_eq!(reader.participant(&bank.id).expect("readable"), Some(bank));
    let nobody = ParticipantId::new("NOBODY").expect("an id");
    assert_eq!(reader.participant(&nobody).expect("readable"), None);
}

#[test]
fn a_batch_is_pending_until_a_block_names_it_or_it_is_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(5);
    let (store, mut ledger) = open(&folder.path().join("db"), &trial);
    let reader = store.reader();
    let pending = || {
        let batches = reader.pending_batches(10).expect("readable");
        batches.into_iter().map(|(digest, _)| digest).collect::<Vec<_>>()
    };
    let (ordered, batch) = trial.payments(1, 3);
    let (dropped, expired) = trial.payments(9, 3);
    run(store.put_batches(vec![(ordered, wire(&batch)), (dropped, wire(&expired))]));
    let mut both = [ordered, dropped];
    both.sort();
    assert_eq!(pending(), both);
    assert_eq!(reader.pending_batches(1).expect("readable").len(), 1);

    run(trial.advance(&store, &mut ledger, 3));
    assert_eq!(pending(), [dropped]);
    // Neither coming again nor being dropped changes what became of an ordered one.
    run(store.put_batches(vec![(ordered, wire(&batch))]));
    run(store.drop_batches(vec![ordered, dropped]));
    assert_eq!(pending(), []);
    assert_eq!(reader.batch(&ordered).expect("readable").as_ref(), Some(&*batch));
    assert_eq!(reader.batch(&dropped).expect("readable"), None);
}

/// A receipt that no transaction asked for is not found by an id, and is as sound as others.
#[test]
fn a_check_finds_what_the_ledger_ended_by_itself_sound() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(5);
    let path = folder.path().join("db");
    let (store, mut ledger) = open(&path, &trial);
    let seconds = |after: u64| UnixSeconds(trial.genesis.time_ms.0 / 1000 + after);
    let party = Bounded::new(vec![trial.account(1)]).expect("one");
    let hold = SettlementAction::Hold(Hold {
        legs: Bounded::new(vec![Leg {
            debtor: trial.account(0),
            creditor: trial.account(1),
            currency: euro(),
            amount: Amount(5),
        }])
        .expect("one"),
        expires_at: seconds(10),
        post_by: party.clone(),
        void_by: party,
    });
    let mut body = trial.pay(0, 1, 7, seconds(30)).transaction;
    body.actions = Bounded::new(vec![Action::Settle(hold)]).expect("one");
    let signed = body.sign([&trial.customers[0]]).expect("well made");
    for (after, transactions) in [(1, vec![signed]), (20, vec![])] {
        let batches: Vec<_> = match transactions.is_empty() {
            true => Vec::new(),
            false => vec![trial.batch(transactions)],
        };
        let stored = batches.iter().map(|(digest, batch)| (*digest, wire(batch))).collect();
        run(store.put_batches(stored));
        let hashed: Vec<_> = batches
            .iter()
            .map(|(_, batch)| HashedBatch::new(batch.batch.clone()))
            .collect();
        let now = TimeMs(trial.genesis.time_ms.0 + after * 1000);
        let (block, execution) = ledger.draft(now, trial.validator(0), &hashed, None);
        assert_eq!(execution.receipts.len(), 1);
        let commit = run(store.commit(Box::new(trial.committing(block, execution))));
        ledger.commit(commit.execution);
    }
    drop(store);
    let summary = check::check(&path, &trial.genesis).expect("it can be read");
    assert!(summary.is_sound(), "{summary}");
    assert_eq!((summary.receipts, summary.transactions), (2, 1));
}

#[test]
fn a_check_reads_everything_and_finds_it_sound() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(5);
    let ledger = filled(&folder.path().join("db"), &trial, 8);
    let summary = check::check(&folder.path().join("db"), &trial.genesis).expect("it can be read");
    assert!(summary.is_sound(), "{summary}");
    assert_eq!(summary.tip, *ledger.tip());
    assert_eq!((summary.blocks, summary.transactions, summary.receipts), (8, 160, 160));
    assert_eq!((summary.batches, summary.pending), (8, 0));
    assert_eq!(summary.state_entries as usize, ledger.entries().count());
    assert_eq!(summary.accounts, 6);
    assert_eq!(summary.sums, [(euro(), Some(0))].into());
    assert!(summary.problems.is_empty());
}

#[test]
fn rejected_payments_have_receipts_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(2);
    let (store, mut ledger) = open(&folder.path().join("db"), &trial);
    // Payer and payee are the same in some of them.
    run(trial.advance(&store, &mut ledger, 10));
    let receipts = store.reader().receipts(Height(1)).expect("readable").expect("there");
    let rejected = receipts.iter().find(|receipt| receipt.outcome != Outcome::Applied);
    let Subject::Transaction(id) = rejected.expect("one at least").subject else {
        panic!("of a transaction");
    };
    let proof = store
        .reader()
        .proof(&id, Height::GENESIS)
        .expect("readable")
        .expect("it has a receipt");
    let trusted = TrustedSet::of_genesis(&trial.genesis).expect("a set");
    assert!(matches!(
        proof.verify(&trusted).expect("a good proof").outcome,
        Outcome::Rejected { .. }
    ));
}
