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

use causeway_contracts::{
    block::{
        Batch, BatchDigest, CommitCertificate, CommitSignature, SignedBatch, TimeMs, VoteKind, batch::BATCH_VERSION,
        vote_message,
    },
    codec::{Bounded, Text},
    committee::ValidatorId,
    genesis::{GENESIS_VERSION, Genesis, GenesisValidator},
    governance::{CurrencyRecord, Parameters},
    identity::{
        AccountId, AddressPrefix, IdentityCommitment, KeyPolicy, Participant, ParticipantId, Salt, Tier, WeightedKey,
    },
    keys::{Domain, PublicKey, SecretKey, Signature},
    ledger::Ledger,
    money::{Amount, Currency},
    transaction::{
        Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, TransactionSignature, UnixSeconds,
    },
};
use causeway_node::store::{BlockCommit, Expect, Opened, Store};
use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};

const ACCOUNTS: u64 = 1_000_000;
const TRANSFERS: u64 = 1_024;
const START_MS: u64 = 1_800_000_000_000;

/// Where the database is that the other process is to open.
const START: &str = "CAUSEWAY_BENCH_START";

struct World {
    genesis: Genesis,
    validators: Vec<SecretKey>,
    bank: ParticipantId,
    bank_key: PublicKey,
    currency: Currency,
    nonce: u64,
}

impl World {
    fn new() -> Self {
        let validators: Vec<_> = (1..=4).map(|seed| SecretKey::from_seed(&[seed; 32])).collect();
        let bank = ParticipantId::new("BANK").expect("an id");
        let currency = Currency::new("EUR").expect("a code");
        let bank_key = SecretKey::from_seed(&[9; 32]).public_key();
        let members = validators.iter().enumerate().map(|(n, key)| GenesisValidator {
            name: text(&format!("v{n}")),
            key: key.public_key(),
            power: 1,
            network_key: SecretKey::from_seed(&[20 + n as u8; 32]).public_key(),
            address: text("/ip4/127.0.0.1/tcp/1"),
        });
        let genesis = Genesis {
            version: GENESIS_VERSION,
            name: text("bench"),
            address_prefix: AddressPrefix::Devnet,
            time_ms: TimeMs(START_MS),
            council: KeyPolicy::single(bank_key),
            parameters: Parameters::default(),
            validators: list(members.collect()),
            participants: list(vec![Participant {
                id: bank,
                name: text("Bank"),
                keys: KeyPolicy::single(bank_key),
                operator: true,
                liquidity_provider: false,
            }]),
            currencies: list(vec![CurrencyRecord {
                code: currency,
                exponent: 2,
                issuer: bank,
                name: text("Euro"),
                issuance_cap: Amount(u64::MAX),
                frozen: false,
            }]),
            accounts: Bounded::default(),
        };
        genesis.check().expect("a genesis that passes");
        Self {
            genesis,
            validators,
            bank,
            bank_key,
            currency,
            nonce: 0,
        }
    }

    fn open(&self, path: &Path) -> (Store, Opened) {
        Store::open(path, &self.genesis, Expect::NewOrExisting).expect("it opens")
    }

    fn policy(number: u64) -> KeyPolicy {
        KeyPolicy {
            threshold: 1,
            keys: list(vec![WeightedKey {
                key: customer_key(number),
                weight: 1,
            }]),
        }
    }

    fn account(&self, number: u64) -> AccountId {
        AccountId::derive(&self.genesis.hash(), self.bank, &Self::policy(number), &Salt([0; 16]))
    }

    /// Signatures are verified before a batch gets here, and not again: any will do.
    fn transaction(&mut self, now: TimeMs, signer: PublicKey, actions: Vec<Action>) -> SignedTransaction {
        self.nonce += 1;
        SignedTransaction {
            transaction: Transaction {
                version: TRANSACTION_VERSION,
                genesis: self.genesis.hash().prefix(),
                valid_until: UnixSeconds(now.0 / 1000 + 60),
                nonce: Nonce(self.nonce),
                actions: list(actions),
                memo: Text::default(),
            },
            signatures: list(vec![TransactionSignature {
                key: signer,
                signature: Signature([0; 64]),
            }]),
        }
    }

    fn batch(&self, transactions: Vec<SignedTransaction>) -> (BatchDigest, Arc<SignedBatch>) {
        let batch = Batch {
            version: BATCH_VERSION,
            genesis: self.genesis.hash(),
            author: self.proposer(),
            transactions: list(transactions),
        };
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
            .map(|(digest, signed)| (*digest, signed.batch.clone()))
            .collect();
        store.put_batches(batches).await;
        store.sync().await;
        let (block, execution) = ledger.draft(next_time(ledger), self.proposer(), &candidates);
        assert_eq!(block.batches.len(), candidates.len(), "all of it fits");
        let set = self.genesis.validator_set().expect("a checked genesis");
        let message = vote_message(
            &self.genesis.hash(),
            VoteKind::Precommit,
            block.header.height,
            0,
            Some(&block.id()),
        );
        let mut signatures: Vec<_> = self.validators[..3]
            .iter()
            .map(|key| CommitSignature {
                signer: set.index_of(&ValidatorId::of(&key.public_key())).expect("a member"),
                signature: key.sign(Domain::Vote, &message),
            })
            .collect();
        signatures.sort_by_key(|entry| entry.signer);
        let certificate = CommitCertificate {
            height: block.header.height,
            round: 0,
            block: block.id(),
            signatures: list(signatures),
        };
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
                operator: ParticipantId::new("BANK").expect("an id"),
                keys: Self::policy(number),
                salt: Salt([0; 16]),
                tier: Tier(0),
                identity: IdentityCommitment([9; 32]),
            });
            let commit = self.block(store, ledger, opening).await;
            self.commit(store, ledger, commit).await;
            let now = next_time(ledger);
            let issuing = self.batches(now, block, |world, number| Action::Issue {
                currency: world.currency,
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
                self.transaction(now, self.bank_key, actions)
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
            let action = Action::Transfer {
                from: self.account(from),
                to: self.account(to),
                currency: self.currency,
                amount: Amount(1),
            };
            self.transaction(now, customer_key(from), vec![action])
        });
        let transfers = transfers.collect();
        self.batch(transfers)
    }
}

fn next_time(ledger: &Ledger) -> TimeMs {
    TimeMs(ledger.tip().time_ms.0 + 100)
}

fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).expect("short")
}

fn list<T, const MAX: usize>(items: Vec<T>) -> Bounded<T, MAX> {
    Bounded::new(items).expect("few")
}

/// A key that nobody has the secret of.
fn customer_key(number: u64) -> PublicKey {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    PublicKey::Ed25519(bytes)
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
    assert_eq!(
        opened.ledger.entries().count() as u64,
        2 * ACCOUNTS + 8,
        "all accounts are there"
    );
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
