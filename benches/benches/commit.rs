//! What a final block costs a validator once it is executed, through the real store with its sync; and
//! how long a start with 1,000,000 accounts takes, and how much memory.
//!
//! The start is measured in a process of its own, since a process never gives back what building the
//! database took: this program starts itself again.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use causeway_benches::{
    bank, bank_key, batch, certificate, currency, customer_key, customer_keys, genesis, transaction, transfer,
    unverified,
};
use causeway_contracts::{
    block::{BatchDigest, HashedBatch, SignedBatch, TimeMs},
    codec,
    committee::ValidatorId,
    genesis::Genesis,
    identity::{AccountId, IdentityCommitment, Salt, Tier},
    keys::{PublicKey, SecretKey},
    ledger::Ledger,
    money::Amount,
    transaction::{Action, SignedTransaction},
};
use causeway_node::store::{BlockCommit, Expect, Opened, Store};
use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};

const ACCOUNTS: u64 = 1_000_000;
const TRANSFERS: u64 = 1_024;

/// Where the database is that the other process is to open.
const START: &str = "CAUSEWAY_BENCH_START";

struct World {
    genesis: Genesis,
    validators: Vec<SecretKey>,
    nonce: u64,
}

impl World {
    fn new() -> Self {
        let validators: Vec<_> = (1..=4).map(|seed| SecretKey::from_seed(&[seed; 32])).collect();
        let genesis = genesis(&validators, Vec::new());
        genesis.check().expect("a genesis that passes");
        Self {
            genesis,
            validators,
            nonce: 0,
        }
    }

    fn open(&self, path: &Path) -> (Store, Opened) {
        Store::open(path, &self.genesis, Expect::NewOrExisting).expect("it opens")
    }

    fn account(&self, number: u64) -> AccountId {
        AccountId::derive(&self.genesis.hash(), bank(), &customer_keys(number), &Salt([0; 16]))
    }

    fn transaction(&mut self, now: TimeMs, signer: PublicKey, actions: Vec<Action>) -> SignedTransaction {
        self.nonce += 1;
        unverified(transaction(&self.genesis.hash(), now, self.nonce, actions), signer)
    }

    fn batch(&self, transactions: Vec<SignedTransaction>) -> (BatchDigest, Arc<SignedBatch>) {
        let batch = batch(self.genesis.hash(), self.proposer(), transactions);
        (batch.digest(), Arc::new(SignedBatch::seal(batch, &self.validators[0])))
    }

    fn proposer(&self) -> ValidatorId {
        ValidatorId::of(&self.validators[0].public_key())
    }

    /// Puts the batches and makes the next block of them, all but committed.
    async fn block(
        &self,
        store: &Store,
        ledger: &Ledger,
        batches: Vec<(BatchDigest, Arc<SignedBatch>)>,
    ) -> Box<BlockCommit> {
        let candidates: Vec<_> = batches
            .iter()
            .map(|(_, signed)| HashedBatch::new(signed.batch.clone()))
            .collect();
        let stored = batches
            .iter()
            .map(|(digest, signed)| (*digest, codec::encode(&**signed).into()))
            .collect();
        store.put_batches(stored).await;
        store.sync().await;
        let (block, execution) = ledger.draft(next_time(ledger), self.proposer(), &candidates, None);
        assert_eq!(block.batches.len(), candidates.len(), "all of it fits");
        let set = self.genesis.validator_set().expect("a checked genesis");
        let certificate = certificate(&set, &self.validators[..3], &block.header);
        Box::new(BlockCommit {
            block,
            certificate,
            execution,
        })
    }

    async fn commit(&self, store: &Store, ledger: &mut Ledger, commit: Box<BlockCommit>) {
        let receipts = commit.execution.receipts.len();
        let applied = commit
            .execution
            .receipts
            .iter()
            .filter(|receipt| receipt.outcome == causeway_contracts::ledger::receipt::Outcome::Applied);
        assert_eq!(applied.count(), receipts, "a bench of what applies");
        ledger.commit(store.commit(commit).await.execution);
    }

    /// Opens accounts and issues money to them, by transactions of 32 each in blocks of 16,384.
    async fn populate(&mut self, store: &Store, ledger: &mut Ledger, accounts: u64) {
        let numbers: Vec<_> = (0..accounts).collect();
        for block in numbers.chunks(16 * 1024) {
            let now = next_time(ledger);
            let opening = self.batches(now, block, |_, number| Action::OpenAccount {
                operator: bank(),
                keys: customer_keys(number),
                salt: Salt([0; 16]),
                tier: Tier(0),
                identity: IdentityCommitment([9; 32]),
            });
            let commit = self.block(store, ledger, opening).await;
            self.commit(store, ledger, commit).await;
            let now = next_time(ledger);
            let issuing = self.batches(now, block, |world, number| Action::Issue {
                currency: currency(),
                to: world.account(number),
                amount: Amount(1_000_000),
            });
            let commit = self.block(store, ledger, issuing).await;
            self.commit(store, ledger, commit).await;
        }
    }

    fn batches(
        &mut self,
        now: TimeMs,
        numbers: &[u64],
        action: impl Fn(&Self, u64) -> Action,
    ) -> Vec<(BatchDigest, Arc<SignedBatch>)> {
        let batches = numbers.chunks(32 * 32).map(|batch| {
            let transactions = batch.chunks(32).map(|some| {
                let actions = some.iter().map(|number| action(self, *number)).collect();
                self.transaction(now, bank_key(), actions)
            });
            transactions.collect::<Vec<_>>()
        });
        let batches: Vec<_> = batches.collect();
        batches
            .into_iter()
            .map(|transactions| self.batch(transactions))
            .collect()
    }

    fn transfers(&mut self, now: TimeMs, accounts: u64) -> (BatchDigest, Arc<SignedBatch>) {
        let transfers = (0..TRANSFERS).map(|_| {
            // Far apart, so that nearly every transfer touches two accounts of its own.
            let (from, to) = (self.nonce * 7_919 % accounts, self.nonce * 104_729 % accounts);
            let to = if from == to { (to + 1) % accounts } else { to };
            let action = transfer(self.account(from), self.account(to), 1);
            self.transaction(now, customer_key(from), vec![action])
        });
        let transfers = transfers.collect();
        self.batch(transfers)
    }
}

fn next_time(ledger: &Ledger) -> TimeMs {
    TimeMs(ledger.tip().time_ms.0 + 100)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
}

fn commit(group: &mut BenchmarkGroup<'_, WallTime>, accounts: u64, path: &Path) {
    let runtime = runtime();
    let mut world = World::new();
    let (store, Opened { mut ledger, .. }) = world.open(path);
    runtime.block_on(world.populate(&store, &mut ledger, accounts));
    group.throughput(Throughput::Elements(TRANSFERS));
    group.bench_function(format!("{TRANSFERS} transfers, {accounts} accounts"), |bencher| {
        bencher.iter_custom(|rounds| {
            let mut spent = Duration::ZERO;
            for _ in 0..rounds {
                let batch = world.transfers(next_time(&ledger), accounts);
                let commit = runtime.block_on(world.block(&store, &ledger, vec![batch]));
                let begun = Instant::now();
                runtime.block_on(world.commit(&store, &mut ledger, commit));
                spent += begun.elapsed();
            }
            spent
        });
    });
}

/// What the other process does: opens the database, and prints how long it took, in microseconds, and
/// the most memory that it had, in KiB.
fn start(path: &Path) {
    let world = World::new();
    let begun = Instant::now();
    let (_store, opened) = world.open(path);
    let spent = begun.elapsed();
    // Each has a balance; registries and single entries come on top.
    let entries = opened.ledger.entries().count() as u64;
    assert!(entries > 2 * ACCOUNTS, "all accounts are there");
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("a line of it");
    let peak = peak.trim().strip_suffix(" kB").expect("its unit");
    println!("{} {peak}", spent.as_micros());
}

fn started(path: &Path) -> (Duration, u64) {
    let output = Command::new(env::current_exe().expect("its own path"))
        .env(START, path)
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).expect("two numbers");
    let (micros, kib) = printed.trim().split_once(' ').expect("two numbers");
    (
        Duration::from_micros(micros.parse().expect("a number")),
        kib.parse().expect("a number"),
    )
}

fn main() {
    if let Some(path) = env::var_os(START) {
        return start(&PathBuf::from(path));
    }
    let mut criterion = Criterion::default().configure_from_args();
    let folder = tempfile::tempdir().expect("a folder");
    let (small, large) = (folder.path().join("small"), folder.path().join("large"));
    let mut group = criterion.benchmark_group("commit");
    commit(&mut group, 10_000, &small);
    commit(&mut group, ACCOUNTS, &large);
    group.finish();

    let mut peak = 0;
    let mut group = criterion.benchmark_group("start");
    group.sample_size(10);
    group.bench_function(format!("{ACCOUNTS} accounts"), |bencher| {
        bencher.iter_custom(|rounds| {
            let mut spent = Duration::ZERO;
            for _ in 0..rounds {
                let (one, kib) = started(&large);
                peak = peak.max(kib);
                spent += one;
            }
            spent
        });
    });
    group.finish();
    println!(
        "memory of a started store with {ACCOUNTS} accounts, at most: {} MiB",
        peak / 1024
    );
    criterion.final_summary();
}
