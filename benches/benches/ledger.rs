//! How fast one thread applies transfers, signatures excluded, with 1,000,000 accounts in memory.
//!
//! `block` executes transactions, works out receipts root, changes root and state hash, and takes the
//! effects into the state, as a validator does. `apply` is that without the two roots: they are worked
//! out once more from the same effects, and the time it takes is left out.
//!
//! Transactions' ids are there before, as in a validator: admitting a transaction takes its hash, to
//! check its signatures, and the ledger is given it.

use std::time::{Duration, Instant};

use causeway_benches::{batch, customer_key, genesis, opening, transaction, transfer, unverified};
use causeway_contracts::{
    block::{Block, HashedBatch, TimeMs},
    committee::ValidatorId,
    genesis::OpeningAccount,
    identity::{AccountId, Tier},
    keys::SecretKey,
    ledger::{Execution, Ledger, changes_root, receipt::receipts_root},
    money::Amount,
    transaction::SignedTransaction,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const ACCOUNTS: u64 = 1_000_000;
const TRANSFERS: usize = 16_384;
const BATCH: usize = 1_024;

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
    numbers: Numbers,
}

impl World {
    fn new() -> Self {
        let accounts = (0..ACCOUNTS).map(|number| opening(number, Tier(1), Amount(1_000_000_000)));
        let proposer = SecretKey::from_seed(&[2; 32]);
        let genesis = genesis(std::slice::from_ref(&proposer), accounts.collect());
        let ids = {
            let hash = genesis.hash();
            let id = |it: &OpeningAccount| AccountId::derive(&hash, it.operator, &it.keys, &it.salt);
            genesis.accounts.iter().map(id).collect()
        };
        Self {
            ledger: Ledger::from_genesis(&genesis, 0x5eed),
            accounts: ids,
            proposer: ValidatorId::of(&proposer.public_key()),
            numbers: Numbers(1),
        }
    }

    fn transfer(&mut self, now: TimeMs) -> SignedTransaction {
        let from = self.numbers.below(ACCOUNTS);
        let to = (from + 1 + self.numbers.below(ACCOUNTS - 1)) % ACCOUNTS;
        let amount = 1 + self.numbers.below(1_000);
        let action = transfer(self.accounts[from as usize], self.accounts[to as usize], amount);
        let nonce = self.numbers.below(u64::MAX);
        unverified(
            transaction(&self.ledger.genesis(), now, nonce, vec![action]),
            customer_key(from),
        )
    }

    /// Batches of random transfers for the next block.
    fn batches(&mut self) -> Vec<HashedBatch> {
        let now = self.ledger.tip().time_ms;
        let batches = (0..TRANSFERS / BATCH).map(|_| {
            let transfers = (0..BATCH).map(|_| self.transfer(now)).collect();
            HashedBatch::new(batch(self.ledger.genesis(), self.proposer, transfers))
        });
        batches.collect()
    }

    fn draft(&self, batches: &[HashedBatch]) -> (Block, Execution) {
        let now = TimeMs(self.ledger.tip().time_ms.0 + 500);
        let (block, execution) = self.ledger.draft(now, self.proposer, batches, None);
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
