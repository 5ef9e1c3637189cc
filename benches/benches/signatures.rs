//! Signatures: one alone against batches, all by different keys. Times of batches are for the whole
//! batch; criterion's throughput gives signatures a second.

use std::{hint::black_box, time::Duration};

use causeway_contracts::keys::{Domain, PublicKey, SecretKey, Signature, Signed, verify_batch};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

struct Entry {
    key: PublicKey,
    message: [u8; 32],
    signature: Signature,
}

fn entry(number: u32) -> Entry {
    let mut seed = [3; 32];
    seed[..4].copy_from_slice(&number.to_le_bytes());
    let key = SecretKey::from_seed(&seed);
    Entry {
        key: key.public_key(),
        message: seed,
        signature: key.sign(Domain::Transaction, &seed),
    }
}

fn benches(c: &mut Criterion) {
    let entries: Vec<_> = (0..1024).map(entry).collect();
    let all: Vec<_> = entries
        .iter()
        .map(|entry| Signed {
            key: entry.key,
            domain: Domain::Transaction,
            message: &entry.message,
            signature: entry.signature,
        })
        .collect();
    let mut group = c.benchmark_group("signatures");
    group.measurement_time(Duration::from_secs(3)).sample_size(20);
    group.throughput(Throughput::Elements(1));
    let key = SecretKey::from_seed(&[1; 32]);
    group.bench_function("sign", |b| {
        b.iter(|| key.sign(Domain::Transaction, black_box(&[5; 32])))
    });
    group.bench_function("check a key", |b| b.iter(|| black_box(&all[0].key).check()));
    group.bench_function("verify/alone", |b| b.iter(|| black_box(&all[0]).verify()));
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    for size in [64, 256, 1024] {
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("verify/batch", size), |b| {
            b.iter(|| assert!(verify_batch(black_box(&all[..size]), &mut rng).iter().all(|&good| good)));
        });
    }
    group.finish();
}

criterion_group!(signatures, benches);
criterion_main!(signatures);
