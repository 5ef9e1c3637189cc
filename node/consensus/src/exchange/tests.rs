mod asking;
mod checking;
mod gathering;
mod pool;
mod versions;

use std::{collections::BTreeSet, time::Duration};

use causeway_contracts::{
    block::{
        BATCHES_MAX, Batch, BatchDigest, GenesisHash, HashedBatch, Height, SignedBatch, TimeMs,
        batch::{BATCH_BYTES_MAX, BATCH_VERSION},
    },
    codec::{self, Bounded, Text},
    committee::{Validator, ValidatorId, ValidatorSet, change::FormerValidator},
    governance::CouncilAction,
    identity::{AccountId, KeyPolicy, ParticipantId},
    keys::{SecretKey, Signature, Signed},
    money::{Amount, Currency},
    protocol::{PROTOCOL_MAX, PROTOCOL_MIN},
    transaction::{
        Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, TransactionError, TxId, UnixSeconds,
    },
};
use proptest::prelude::*;

use super::{
    gather::{ASK_EVERY, Answer},
    *,
};

const GENESIS: GenesisHash = GenesisHash([7; 32]);

/// A program of today before the council has set anything.
const FIRST: Versions = Versions {
    in_force: PROTOCOL_MIN,
    known: PROTOCOL_MAX,
};

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

fn checked(author_seed: u8, nonces: &[u64], valid_until: u64) -> CheckedBatch {
    let batch = batch(
        author_seed,
        nonces.iter().map(|&nonce| transfer(nonce, valid_until)).collect(),
    );
    CheckedBatch::stored(SignedBatch::seal(batch, &key(author_seed)))
}

fn digests(batches: &[HashedBatch]) -> Vec<BatchDigest> {
    batches.iter().map(HashedBatch::digest).collect()
}

fn validators() -> ValidatorSet {
    ValidatorSet::new(
        (1..=4)
            .map(|seed| Validator {
                key: key(seed).public_key(),
                power: 1,
            })
            .collect(),
    )
    .unwrap()
}

fn raw(signed: &SignedBatch) -> RawBatch {
    RawBatch::new(signed.batch.author, codec::encode(signed).into()).unwrap()
}

struct OneByOne;

impl Signatures for OneByOne {
    fn all_good(&mut self, all: &[Signed<'_>]) -> bool {
        all.iter().all(|signed| signed.verify().is_ok())
    }

    fn is_good(&mut self, signed: &Signed<'_>) -> bool {
        signed.verify().is_ok()
    }
}

/// Validator 4's, with so much room for each author.
fn exchange(author_bytes_max: usize) -> Exchange<u32> {
    Exchange::new(author(4), validators(), FIRST, author_bytes_max)
}

fn wanted(batch: &CheckedBatch) -> Wanted {
    Wanted {
        digests: vec![batch.batch.digest()],
        proposer: author(1),
        author: author(2),
        in_force: PROTOCOL_MIN,
    }
}

fn asked(exchange: &mut Exchange<u32>) -> Vec<ValidatorId> {
    let actions = exchange.take_actions().into_iter();
    let asked = actions.filter_map(|action| match action {
        ExchangeAction::Ask(question) => Some(question.to),
        _ => None,
    });
    asked.collect()
}

fn answers(exchange: &mut Exchange<u32>) -> Vec<(u32, Vec<BatchDigest>)> {
    let actions = exchange.take_actions().into_iter();
    let answers = actions.filter_map(|action| match action {
        ExchangeAction::Answer(request, gathered) => Some((request, digests(&gathered.unwrap()))),
        _ => None,
    });
    answers.collect()
}
