use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Instant,
};

use super::{
    intake::{Intake, SEAL_BUSY, SEAL_IDLE},
    message::Refusal,
    verifier::{Call, Verifier},
};
use causeway_consensus::{Authors, BatchFault, RawBatch};
use causeway_contracts::{
    block::{Batch, GenesisHash, SignedBatch, batch::BATCH_VERSION},
    codec::{self, Bounded, Text},
    committee::{Validator, ValidatorId, ValidatorSet},
    identity::{AccountId, ParticipantId},
    keys::{SecretKey, Signature},
    ledger,
    money::{Amount, Currency},
    protocol::{PROTOCOL_MAX, PROTOCOL_MIN, Versions},
    transaction::{Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, UnixSeconds},
};

use crate::actors::ledger::message::Candidate;

const GENESIS: GenesisHash = GenesisHash([7; 32]);
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn author(seed: u8) -> ValidatorId {
    ValidatorId::of(&key(seed).public_key())
}

fn transfer(nonce: u64, valid_until: u64) -> SignedTransaction {
    let transaction = Transaction {
        version: TRANSACTION_VERSION,
        genesis: GENESIS.prefix(),
        valid_until: UnixSeconds(valid_until),
        nonce: Nonce(nonce),
        actions: Bounded::new(vec![Action::Transfer {
            from: AccountId([1; 20]),
            to: AccountId([2; 20]),
            currency: Currency::new("EUR").unwrap(),
            amount: Amount(5),
        }])
        .unwrap(),
        memo: Text::default(),
    };
    transaction.sign([&key(100)]).unwrap()
}

/// Closes as many accounts as a transaction can.
fn closing(nonce: u64) -> SignedTransaction {
    let close = Action::CloseAccount {
        operator: ParticipantId::new("BANK").unwrap(),
        account: AccountId([1; 20]),
    };
    let transaction = Transaction {
        actions: Bounded::new(vec![close; 64]).unwrap(),
        ..transfer(nonce, 100).transaction
    };
    transaction.sign([&key(9)]).unwrap()
}

fn batch(author_seed: u8, transactions: Vec<SignedTransaction>) -> Batch {
    Batch {
        version: BATCH_VERSION,
        genesis: GENESIS,
        author: author(author_seed),
        transactions: Bounded::new(transactions).unwrap(),
    }
}

#[tokio::test]
async fn a_submission_is_answered_once_all_of_it_is() {
    let mut intake = Intake::default();
    let known = transfer(1, 100);
    let known_id = known.id();
    let sent = vec![known, transfer(2, 100), transfer(3, 100)];
    let ids: Vec<_> = sent.iter().map(|signed| signed.id()).collect();
    let mut answers = intake.take(sent, CLIENT, |_, id| (*id == known_id).then_some(Ok(*id)));
    let mut group = intake.next_group(10);
    assert_eq!(group.len(), 2);
    let second = group.remove(0);
    assert!(intake.verified(second, Instant::now()).is_none());
    assert!(answers.try_recv().is_err());
    intake.refuse(&group[0], Refusal::Busy);
    assert_eq!(answers.await.unwrap(), vec![Ok(ids[0]), Ok(ids[1]), Err(Refusal::Busy)]);
    assert!(intake.contains(&ids[1]), "taken, and not yet sealed");
    assert_eq!(intake.seal().len(), 1);
    assert_eq!(intake.count(), 0);
}

#[test]
fn the_same_transaction_twice_in_a_submission_is_taken_once() {
    let mut intake = Intake::default();
    let signed = transfer(1, 100);
    let _answers = intake.take(vec![signed.clone(), signed], CLIENT, |intake, id| {
        intake.contains(id).then_some(Ok(*id))
    });
    assert_eq!(intake.next_group(10).len(), 1);
}

#[test]
fn a_group_has_no_more_signatures_than_asked_for() {
    let mut intake = Intake::default();
    let _answers = intake.take((0..5).map(|nonce| transfer(nonce, 100)).collect(), CLIENT, |_, _| None);
    assert_eq!(intake.next_group(3).len(), 3);
    assert_eq!(intake.next_group(3).len(), 2);
    assert!(!intake.is_waiting());
}

#[test]
fn a_full_batch_is_sealed_at_once_and_others_wait_for_company() {
    let mut intake = Intake::default();
    let now = Instant::now();
    let _answers = intake.take(
        (0..1_025).map(|nonce| transfer(nonce, 100)).collect(),
        CLIENT,
        |_, _| None,
    );
    let mut sealed = Vec::new();
    while intake.is_waiting() {
        for entry in intake.next_group(64) {
            sealed.extend(intake.verified(entry, now));
        }
    }
    let total: usize = sealed.iter().map(Vec::len).sum();
    assert!(sealed.iter().all(|batch| batch.len() <= 1_024));
    assert_eq!(total + intake.seal().len(), 1_025);

    let _answers = intake.take(vec![transfer(9_999, 100)], CLIENT, |_, _| None);
    for entry in intake.next_group(1) {
        intake.verified(entry, now);
    }
    assert_eq!(intake.seal_at(false), Some(now + SEAL_IDLE));
    assert_eq!(intake.seal_at(true), Some(now + SEAL_BUSY));
}

#[test]
fn a_batch_that_would_cost_too_much_is_sealed_before() {
    let mut intake = Intake::default();
    let dear: Vec<_> = (0..25).map(closing).collect();
    assert_eq!(ledger::cost(&dear[0]), 170_452);
    let _answers = intake.take(dear, CLIENT, |_, _| None);
    let mut sealed = Vec::new();
    for entry in intake.next_group(64) {
        sealed.extend(intake.verified(entry, Instant::now()));
    }
    sealed.push(intake.seal());
    let sizes: Vec<_> = sealed.iter().map(Vec::len).collect();
    assert_eq!(sizes, [11, 11, 3]);
}

#[tokio::test]
async fn a_bad_batch_among_good_ones_is_found() {
    let validators = (1..=4).map(|seed| Validator {
        key: key(seed).public_key(),
        power: 1,
    });
    let validators = ValidatorSet::new(validators.collect()).unwrap();
    let good = SignedBatch::seal(batch(1, vec![transfer(1, 100), transfer(2, 100)]), &key(1));
    let forged = SignedBatch {
        signature: Signature([0; 64]),
        ..good.clone()
    };
    let raw = |signed| RawBatch::new(author(1), codec::encode(signed).into()).unwrap();
    let versions = Versions {
        in_force: PROTOCOL_MIN,
        known: PROTOCOL_MAX,
    };
    let verifier = Verifier::start(1, GENESIS).unwrap();
    let authors = Authors::from(validators);
    let good_one = transfer(4, 100);
    let mut signatures = good_one.signatures.to_vec();
    signatures[0].signature = Signature([0; 64]);
    let bad = SignedTransaction {
        signatures: Bounded::new(signatures).unwrap(),
        ..good_one
    };
    let refused = bad.verify_signatures().unwrap_err();
    let candidate = |signed: &SignedTransaction| Candidate {
        id: signed.id(),
        transaction: Arc::new(signed.clone()),
    };
    let fine = transfer(3, 100);
    // What comes from peers is no clients' fault, and the other way round.
    for batches in [&[&good, &good][..], &[&good, &forged, &good], &[]] {
        for candidates in [&[&fine, &fine][..], &[&fine, &bad, &fine], &[]] {
            let call = Call {
                candidates: candidates.iter().map(|signed| candidate(signed)).collect(),
                batches: batches.iter().copied().map(raw).collect(),
                authors: authors.clone(),
                versions,
            };
            let answers = verifier.check(call).await.unwrap();
            let faults: Vec<_> = answers.batches.into_iter().map(Result::err).collect();
            let expected = batches
                .iter()
                .map(|&it| (*it == forged).then_some(BatchFault::AuthorSignature));
            assert_eq!(faults, expected.collect::<Vec<_>>());
            let expected = candidates.iter().map(|&it| (*it == bad).then(|| refused.clone()));
            let faults: Vec<_> = answers.candidates.into_iter().map(Result::err).collect();
            assert_eq!(faults, expected.collect::<Vec<_>>());
        }
    }
}
