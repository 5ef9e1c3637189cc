//! What a wallet pays to check one payment's proof: the target is below 5 ms.

use std::hint::black_box;

use causeway_benches::{certificate, text, transaction, transfer};
use causeway_contracts::{
    block::{BlockId, GenesisHash, Header, Height, StateHash, TimeMs},
    codec::Bounded,
    committee::{Validator, ValidatorSet},
    identity::AccountId,
    keys::SecretKey,
    ledger::receipt::{Outcome, Receipt, Subject},
    merkle::{self, Root},
    proof::{CertifiedHeader, PROOF_VERSION, PaymentProof, TrustedSet},
    protocol::PROTOCOL_MIN,
    transaction::{Transaction, TxId},
};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// The largest block there is.
const RECEIPTS: u32 = 16_384;

fn key(number: u16) -> SecretKey {
    let mut seed = [0; 32];
    seed[..2].copy_from_slice(&number.to_be_bytes());
    SecretKey::from_seed(&seed)
}

/// A proof from the middle of a full block that all validators have signed.
fn proof(validators: u16) -> (PaymentProof, TrustedSet) {
    let genesis = GenesisHash([7; 32]);
    let keys: Vec<_> = (1..=validators).map(key).collect();
    let set = keys.iter().map(|key| Validator {
        key: key.public_key(),
        power: 1,
    });
    let set = ValidatorSet::new(set.collect()).expect("a good set");
    let transfer = transfer(AccountId([1; 20]), AccountId([2; 20]), 1250);
    let transaction = Transaction {
        memo: text("invoice 17"),
        ..transaction(&genesis, TimeMs(1), 1, vec![transfer])
    };
    let transaction = transaction.sign([&key(1000)]).expect("signed");
    let place = RECEIPTS / 2;
    let receipt = |index: u32| {
        let mut other = [0; 32];
        other[..4].copy_from_slice(&index.to_be_bytes());
        let id = if index == place { transaction.id() } else { TxId(other) };
        Receipt::plain(Subject::Transaction(id), index, Outcome::Applied)
    };
    let leaves: Vec<_> = (0..RECEIPTS).map(|index| receipt(index).leaf()).collect();
    let header = Header {
        version: PROTOCOL_MIN,
        genesis,
        height: Height(1),
        time_ms: TimeMs(1),
        parent: BlockId([0; 32]),
        proposer: *set.iter().next().expect("not empty").0,
        batches_root: Root([0; 32]),
        transaction_count: RECEIPTS,
        receipts_root: merkle::root(leaves.clone()),
        changes_root: Root([0; 32]),
        state_hash: StateHash([0; 32]),
        checkpoint_root: Root([0; 32]),
        validators_hash: set.hash(),
        next_validators_hash: set.hash(),
    };
    let proof = PaymentProof {
        version: PROOF_VERSION,
        receipt: receipt(place),
        path: merkle::path(&leaves, place as usize),
        transaction,
        block: CertifiedHeader {
            certificate: certificate(&set, &keys, &header),
            header,
        },
        handovers: Bounded::default(),
    };
    let trusted = TrustedSet {
        genesis,
        validators: set,
        as_of: TimeMs(1),
        since: Height::GENESIS,
        earlier: Vec::new(),
    };
    (proof, trusted)
}

fn verify(c: &mut Criterion) {
    let mut group = c.benchmark_group("payment proof");
    for validators in [4, 16, 64] {
        let (proof, trusted) = proof(validators);
        proof.verify(&trusted).expect("a good proof");
        let json = serde_json::to_vec(&proof).expect("a proof has a JSON form");
        group.bench_with_input(BenchmarkId::new("verify", validators), &proof, |b, proof| {
            b.iter(|| black_box(proof).verify(&trusted));
        });
        // What `causeway verify` does after it has read its files.
        group.bench_with_input(BenchmarkId::new("read and verify", validators), &json, |b, json| {
            b.iter(|| {
                let proof: PaymentProof = serde_json::from_slice(black_box(json)).expect("a proof");
                proof.verify(&trusted)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, verify);
criterion_main!(benches);
