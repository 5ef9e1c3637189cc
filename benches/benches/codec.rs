//! Canonical bytes: what reading and writing costs for a signed transfer and for a full batch.

use std::{hint::black_box, time::Duration};

use causeway_contracts::{
    block::{Batch, GenesisHash, SignedBatch, batch::BATCH_BYTES_MAX, batch::BATCH_VERSION},
    codec::{self, Bounded, Text},
    committee::ValidatorId,
    identity::AccountId,
    keys::SecretKey,
    money::{Amount, Currency},
    transaction::{Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, UnixSeconds},
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const GENESIS: GenesisHash = GenesisHash([7; 32]);
const BATCH: u32 = 1024;

fn transfer(nonce: u64, key: &SecretKey) -> SignedTransaction {
    let transaction = Transaction {
        version: TRANSACTION_VERSION,
        genesis: GENESIS.prefix(),
        valid_until: UnixSeconds(1_800_000_000),
        nonce: Nonce(nonce | 1 << 63),
        actions: Bounded::new(vec![Action::Transfer {
            from: AccountId([1; 20]),
            to: AccountId([2; 20]),
            currency: Currency::new("CNY").expect("a currency code"),
            amount: Amount(123_456),
        }])
        .expect("one action"),
        memo: Text::new("salary, July").expect("a short memo"),
    };
    transaction.sign([key]).expect("a well-formed transfer")
}

fn benches(c: &mut Criterion) {
    let key = SecretKey::from_seed(&[1; 32]);
    let signed = transfer(1, &key);
    let bytes = signed.to_bytes().expect("a short transaction");
    let mut group = c.benchmark_group("transfer");
    group.measurement_time(Duration::from_secs(2));
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("encode", |b| b.iter(|| codec::encode(black_box(&signed))));
    group.bench_function("decode", |b| {
        b.iter(|| SignedTransaction::decode(black_box(&bytes), &GENESIS).expect("canonical bytes"));
    });
    group.bench_function("id", |b| b.iter(|| black_box(&signed).id()));
    group.finish();

    let batch = Batch {
        version: BATCH_VERSION,
        genesis: GENESIS,
        author: ValidatorId::of(&key.public_key()),
        transactions: Bounded::new((0..u64::from(BATCH)).map(|nonce| transfer(nonce, &key)).collect())
            .expect("a full batch"),
    };
    let sealed = SignedBatch::seal(batch, &key);
    let bytes = codec::encode(&sealed);
    let mut group = c.benchmark_group("batch of 1024");
    group.measurement_time(Duration::from_secs(3)).sample_size(30);
    group.throughput(Throughput::Elements(u64::from(BATCH)));
    group.bench_function("encode", |b| b.iter(|| codec::encode(black_box(&sealed))));
    group.bench_function("decode", |b| {
        b.iter(|| codec::decode::<SignedBatch>(black_box(&bytes), BATCH_BYTES_MAX).expect("canonical bytes"));
    });
    group.bench_function("check every transaction", |b| {
        b.iter(|| {
            let transactions = black_box(&sealed).batch.transactions.iter();
            assert!(
                transactions
                    .map(|transaction| transaction.check(&GENESIS))
                    .all(|check| check.is_ok())
            );
        });
    });
    group.bench_function("digest", |b| b.iter(|| black_box(&sealed).batch.digest()));
    group.finish();
}

criterion_group!(codec, benches);
criterion_main!(codec);
