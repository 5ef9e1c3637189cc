//! Canonical bytes: what reading and writing costs for a signed transfer and for a full batch.

use std::{hint::black_box, time::Duration};

use causeway_benches::{START, batch, text, transaction};
use causeway_contracts::{
    block::{GenesisHash, SignedBatch, batch::BATCH_BYTES_MAX},
    codec,
    committee::ValidatorId,
    identity::AccountId,
    keys::SecretKey,
    transaction::{SignedTransaction, Transaction},
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const GENESIS: GenesisHash = GenesisHash([7; 32]);
const BATCH: u32 = 1024;

fn transfer(nonce: u64, key: &SecretKey) -> SignedTransaction {
    let transfer = causeway_benches::transfer(AccountId([1; 20]), AccountId([2; 20]), 123_456);
    let transaction = Transaction {
        memo: text("salary, July"),
        ..transaction(&GENESIS, START, nonce | 1 << 63, vec![transfer])
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

    let author = ValidatorId::of(&key.public_key());
    let transfers = (0..u64::from(BATCH)).map(|nonce| transfer(nonce, &key)).collect();
    let batch = batch(GENESIS, author, transfers);
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
