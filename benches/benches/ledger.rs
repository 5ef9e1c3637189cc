//! How fast one thread applies transfers, signatures excluded, with 1,000,000 accounts in memory.
//!
//! `block` executes transactions, works out receipts root, changes root and state hash, and takes the
//! effects into the state, as a validator does. `apply` is that without the two roots: they are worked
//! out once more from the same effects, and the time it takes is left out.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use causeway_contracts::{
    block::{Batch, Block, TimeMs},
    codec::{Bounded, Text},
    committee::ValidatorId,
    genesis::{GENESIS_VERSION, Genesis, GenesisValidator, OpeningAccount, OpeningBalance},
    governance::{CurrencyRecord, Parameters},
    identity::{
        AccountId, AddressPrefix, IdentityCommitment, KeyPolicy, Participant, ParticipantId, Salt, Tier, WeightedKey,
    },
    keys::{PublicKey, SecretKey, Signature},
    ledger::{Execution, Ledger, changes_root, receipt::receipts_root},
    money::{Amount, Currency},
    transaction::{
        Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, TransactionSignature, UnixSeconds,
    },
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const ACCOUNTS: u64 = 1_000_000;
const TRANSFERS: usize = 16_384;
const BATCH: usize = 1_024;
const START_MS: u64 = 1_800_000_000_000;

fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).expect("short")
}

fn list<T, const MAX: usize>(items: Vec<T>) -> Bounded<T, MAX> {
    Bounded::new(items).expect("few")
}

fn key(seed: u8) -> PublicKey {
    SecretKey::from_seed(&[seed; 32]).public_key()
}

/// A key that no one has: signatures are not looked at here.
fn customer_key(number: u64) -> PublicKey {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    PublicKey::Ed25519(bytes)
}

fn participant(id: &str, seed: u8) -> Participant {
    Participant {
        id: ParticipantId::new(id).expect("a participant id"),
        name: text(id),
        keys: KeyPolicy::single(key(seed)),
        operator: true,
        liquidity_provider: false,
    }
}

/// The deterministic stream of numbers that picks payers and payees: a linear congruential generator
/// with Knuth's constants.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

struct World {
    ledger: Ledger,
    accounts: Vec<AccountId>,
    proposer: ValidatorId,
    currency: Currency,
    numbers: Numbers,
}

impl World {
    fn new() -> Self {
        let bank = participant("BANK", 3);
        let operator = bank.id;
        let currency = Currency::new("EUR").expect("a currency");
        let accounts = (0..ACCOUNTS).map(|number| {
            let mut salt = [0; 16];
            salt[..8].copy_from_slice(&number.to_le_bytes());
            OpeningAccount {
                operator,
                keys: KeyPolicy {
                    threshold: 1,
                    keys: list(vec![WeightedKey {
                        key: customer_key(number),
                        weight: 1,
                    }]),
                },
                salt: Salt(salt),
                tier: Tier(1),
                identity: IdentityCommitment([9; 32]),
                balances: list(vec![OpeningBalance {
                    currency,
                    amount: Amount(1_000_000_000),
                }]),
            }
        });
        let genesis = Genesis {
            version: GENESIS_VERSION,
            name: text("bench"),
            address_prefix: AddressPrefix::Devnet,
            time_ms: TimeMs(START_MS),
            council: KeyPolicy::single(key(1)),
            parameters: Parameters::default(),
            validators: list(vec![GenesisValidator {
                name: text("one"),
                key: key(2),
                power: 1,
                network_key: key(4),
                address: text("/ip4/127.0.0.1/tcp/1"),
            }]),
            currencies: list(vec![CurrencyRecord {
                code: currency,
                exponent: 2,
                issuer: bank.id,
                name: text("Euro"),
                issuance_cap: Amount(u64::MAX),
                frozen: false,
            }]),
            participants: list(vec![bank]),
            accounts: list(accounts.collect()),
        };
        let ids = {
            let hash = genesis.hash();
            let id = |it: &OpeningAccount| AccountId::derive(&hash, it.operator, &it.keys, &it.salt);
            genesis.accounts.iter().map(id).collect()
        };
        Self {
            ledger: Ledger::from_genesis(&genesis, 0x5eed),
            accounts: ids,
            proposer: ValidatorId::of(&key(2)),
            currency,
            numbers: Numbers(1),
        }
    }

    fn transfer(&mut self, valid_until: UnixSeconds) -> SignedTransaction {
        let from = self.numbers.below(ACCOUNTS);
        let to = (from + 1 + self.numbers.below(ACCOUNTS - 1)) % ACCOUNTS;
        SignedTransaction {
            transaction: Transaction {
                version: TRANSACTION_VERSION,
                genesis: self.ledger.genesis().prefix(),
                valid_until,
                nonce: Nonce(self.numbers.below(u64::MAX)),
                actions: list(vec![Action::Transfer {
                    from: self.accounts[from as usize],
                    to: self.accounts[to as usize],
                    currency: self.currency,
                    amount: Amount(1 + self.numbers.below(1_000)),
                }]),
                memo: Text::default(),
            },
            signatures: list(vec![TransactionSignature {
                key: customer_key(from),
                signature: Signature([0; 64]),
            }]),
        }
    }

    /// Batches of random transfers for the next block.
    fn batches(&mut self) -> Vec<(causeway_contracts::block::BatchDigest, Arc<Batch>)> {
        let valid_until = UnixSeconds(self.ledger.tip().time_ms.0 / 1000 + 60);
        let batches = (0..TRANSFERS / BATCH).map(|_| {
            let batch = Batch {
                version: 1,
                genesis: self.ledger.genesis(),
                author: self.proposer,
                transactions: list((0..BATCH).map(|_| self.transfer(valid_until)).collect()),
            };
            (batch.digest(), Arc::new(batch))
        });
        batches.collect()
    }

    fn draft(&self, batches: &[(causeway_contracts::block::BatchDigest, Arc<Batch>)]) -> (Block, Execution) {
        let now = TimeMs(self.ledger.tip().time_ms.0 + 500);
        let (block, execution) = self.ledger.draft(now, self.proposer, batches);
        assert_eq!(execution.receipts.len(), TRANSFERS, "every transfer is ordered");
        (block, execution)
    }
}

/// How long a block took, and how much of that its roots would take again.
struct BlockTimes {
    whole: Duration,
    roots: Duration,
}

impl World {
    fn block(&mut self) -> BlockTimes {
        let batches = self.batches();
        let start = Instant::now();
        let (_, execution) = self.draft(&batches);
        let drafted = start.elapsed();
        let header = &execution.header;
        let start = Instant::now();
        assert_eq!(receipts_root(&execution.receipts), header.receipts_root);
        assert_eq!(changes_root(&execution.changes), header.changes_root);
        let roots = start.elapsed();
        let start = Instant::now();
        self.ledger.commit(execution);
        BlockTimes {
            whole: drafted + start.elapsed(),
            roots,
        }
    }
}

fn ledger(c: &mut Criterion) {
    let mut world = World::new();
    let mut group = c.benchmark_group("ledger with 1,000,000 accounts");
    group.throughput(Throughput::Elements(TRANSFERS as u64));
    group.sample_size(20);
    group.measurement_time(Duration::from_secs(8));
    group.bench_function("apply", |b| {
        b.iter_custom(|blocks| {
            let times = (0..blocks).map(|_| world.block());
            times.map(|it| it.whole.saturating_sub(it.roots)).sum()
        });
    });
    group.bench_function("block", |b| {
        b.iter_custom(|blocks| (0..blocks).map(|_| world.block().whole).sum());
    });
    group.finish();
}

criterion_group!(benches, ledger);
criterion_main!(benches);
