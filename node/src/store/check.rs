//! `causeway-node db check`: reads everything there is and compares each part with the others.
//!
//! Changes nothing, and goes on after a problem, so that one report says how far damage goes. The
//! node must not be running.

use std::{collections::BTreeMap, fmt, path::Path};

use causeway_contracts::{
    block::{Block, GenesisHash, Height, SignedBatch},
    committee::{ValidatorSet, ValidatorSetError},
    genesis::Genesis,
    ledger::{
        Ledger, StateKey, StateValue, Tip,
        receipt::{Subject, receipts_root},
    },
    money::Currency,
    proof::Handover,
    transaction::UnixSeconds,
};

use super::{
    database::{Database, Entry, Mode, View},
    error::{Damage, StoreError},
    folder,
    format::{
        Column, IndexEntry, StoredBlock, StoredReceipts, digest_of, handover_key, height_key, height_of, pending_of,
    },
    handovers::last_handovers,
    ids::scan_ids,
    open::{check_identity, decode_key, follows, hash_seed, read_beginning, read_tip, state_entry},
};

/// So many problems are kept; all are counted.
const PROBLEMS_MAX: usize = 100;

/// What was read, and what was wrong with it.
#[derive(Debug)]
pub struct Summary {
    pub tip: Tip,
    /// The height of the snapshot that it was made from; 0 where all is there from the genesis on.
    pub beginning: Height,
    pub blocks: u64,
    /// In those blocks, with those that were skipped.
    pub transactions: u64,
    pub receipts: u64,
    pub batches: u64,
    /// Of those, not in any block yet.
    pub pending: u64,
    pub state_entries: u64,
    pub accounts: u64,
    /// All balances of each currency together: zero. `None` if they cannot be counted.
    pub sums: BTreeMap<Currency, Option<i128>>,
    /// The first of them.
    pub problems: Vec<Problem>,
    pub problem_count: u64,
}

/// Something that is not as it must be.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error(transparent)]
    Unreadable(#[from] StoreError),
    #[error(transparent)]
    Damage(#[from] Damage),
}

impl Summary {
    pub fn is_sound(&self) -> bool {
        self.problem_count == 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "height          {}", self.tip.height)?;
        writeln!(f, "block           {}", self.tip.block)?;
        writeln!(f, "state hash      {}", self.tip.state_hash)?;
        writeln!(f, "blocks          {}", self.blocks)?;
        if self.beginning > Height::GENESIS {
            writeln!(f, "begins after    {} (made from a snapshot)", self.beginning)?;
        }
        writeln!(f, "transactions    {}", self.transactions)?;
        writeln!(f, "receipts        {}", self.receipts)?;
        writeln!(f, "batches         {} ({} not in a block)", self.batches, self.pending)?;
        writeln!(f, "state entries   {} ({} accounts)", self.state_entries, self.accounts)?;
        for (currency, sum) in &self.sums {
            match sum {
                Some(sum) => writeln!(f, "sum of {currency:<8} {sum}")?,
                None => writeln!(f, "sum of {currency:<8} too large to be counted")?,
            }
        }
        for problem in &self.problems {
            writeln!(f, "problem: {problem}")?;
        }
        match self.problem_count {
            0 => write!(f, "sound"),
            1 => write!(f, "1 problem"),
            count => write!(f, "{count} problems"),
        }
    }
}

/// Reads the whole database. An error is one that leaves nothing to be read; what is wrong inside is
/// in the summary.
pub fn check(path: &Path, genesis: &Genesis) -> Result<Summary, CheckError> {
    let validators = genesis.validator_set()?;
    folder::check_unused(path)?;
    let database = Database::open(path, Mode::ReadOnly)?;
    let view = database.view();
    let genesis_hash = genesis.hash();
    check_identity(&view, &genesis_hash)?;
    let tip = read_tip(&view)?;
    let beginning = read_beginning(&view)?;
    let mut inspection = Inspection {
        genesis_hash,
        first: genesis
            .continued_tip()
            .unwrap_or_else(|| Ledger::from_genesis(genesis, hash_seed()).tip().clone()),
        validators,
        view: &view,
        summary: Summary {
            tip,
            beginning,
            blocks: 0,
            transactions: 0,
            receipts: 0,
            batches: 0,
            pending: 0,
            state_entries: 0,
            accounts: 0,
            sums: BTreeMap::new(),
            problems: Vec::new(),
            problem_count: 0,
        },
        indexed: 0,
    };
    inspection.state();
    inspection.blocks();
    inspection.batches();
    inspection.remembered();
    Ok(inspection.summary)
}

/// Why a check could not begin.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the genesis file's validators: {0}")]
    Validators(#[from] ValidatorSetError),
}

struct Inspection<'a> {
    genesis_hash: GenesisHash,
    /// What the first block follows.
    first: Tip,
    /// Those that decide the next block that is looked at: of the genesis, and as the blocks change them.
    validators: ValidatorSet,
    view: &'a View<'a>,
    /// Receipts that are found by a transaction's id: those of contracts that the ledger ended by itself are not.
    indexed: u64,
    summary: Summary,
}

impl<'a> Inspection<'a> {
    fn note(&mut self, problem: impl Into<Problem>) {
        self.summary.problem_count += 1;
        if self.summary.problems.len() < PROBLEMS_MAX {
            self.summary.problems.push(problem.into());
        }
    }

    fn expect(&mut self, holds: bool, damage: impl FnOnce() -> Damage) {
        if !holds {
            self.note(damage());
        }
    }

    fn state(&mut self) {
        let mut sums = Sums::default();
        for entry in self.scan(Column::State) {
            match entry.and_then(|entry| Ok((are_of_one_table(&entry), state_entry(self.view, entry)?))) {
                Ok((fits, (key, value))) => {
                    self.summary.state_entries += 1;
                    self.summary.accounts += u64::from(matches!(key, StateKey::Account(_)));
                    self.expect(fits, || Damage::WrongTable);
                    sums.add(&key, &value);
                }
                Err(error) => self.note(error),
            }
        }
        for damage in sums.problems() {
            self.note(damage);
        }
        self.summary.sums = sums.into_map();
    }

    /// From the first block to the last, each with its receipts and where its transactions are.
    fn blocks(&mut self) {
        let mut parent: Option<Block> = None;
        for entry in self.scan(Column::Blocks) {
            match entry.and_then(|entry| self.block_entry(&entry)) {
                Ok((height, stored)) => {
                    self.summary.blocks += 1;
                    self.expect(height == stored.block.header.height, || Damage::Chain(height));
                    if parent.is_none() {
                        match self.validators_at(height) {
                            Ok(validators) => self.validators = validators.unwrap_or_else(|| self.validators.clone()),
                            Err(error) => self.note(error),
                        }
                    }
                    self.certificate(&stored);
                    if parent.is_none() && height == self.summary.beginning {
                        self.first_of_snapshot(&stored.block);
                    } else {
                        self.link(parent.as_ref(), &stored.block);
                        if let Err(error) = self.contents(&stored.block) {
                            self.note(error);
                        }
                    }
                    if let Err(error) = self.handover(&stored) {
                        self.note(error);
                    }
                    parent = Some(stored.block);
                }
                Err(error) => self.note(error),
            }
        }
        let tip = &self.summary.tip;
        let (height, is_last) = (
            tip.height,
            match &parent {
                Some(block) => {
                    let header = &block.header;
                    (header.height, header.time_ms, block.id(), header.state_hash)
                        == (tip.height, tip.time_ms, tip.block, tip.state_hash)
                }
                None => *tip == self.first,
            },
        );
        self.expect(is_last, || Damage::Tip(height));
        let with_receipts = self.summary.blocks - u64::from(self.is_from_snapshot());
        match self.count(Column::Receipts) {
            Ok(count) if count == with_receipts => {}
            Ok(_) => self.note(Damage::Count(Column::Receipts)),
            Err(error) => self.note(error),
        }
        // The entry of each transaction's receipt has been looked up: with as many entries there is none too many.
        match self.count(Column::Index) {
            Ok(count) if count == self.indexed => {}
            Ok(_) => self.note(Damage::Count(Column::Index)),
            Err(error) => self.note(error),
        }
    }

    /// A database from a snapshot begins with the snapshot's block, of which it has the header alone.
    fn first_of_snapshot(&mut self, block: &Block) {
        let header = &block.header;
        let named = header.genesis == self.genesis_hash && header.batches_root == block.batches_root();
        self.expect(named, || Damage::Chain(header.height));
    }

    fn is_from_snapshot(&self) -> bool {
        self.summary.beginning > Height::GENESIS
    }

    fn block_entry(&self, (key, value): &Entry) -> Result<(Height, StoredBlock), StoreError> {
        let height = decode_key(self.view, Column::Blocks, height_of, key)?;
        Ok((height, self.view.database().decode(Column::Blocks, value)?))
    }

    fn link(&mut self, parent: Option<&Block>, block: &Block) {
        let header = &block.header;
        let linked = match parent {
            Some(parent) => follows(block, parent),
            None => {
                let first = &self.first;
                header.height == first.height.next()
                    && header.parent == first.block
                    && header.time_ms > first.time_ms
                    && header.state_hash == first.state_hash.after(&header.changes_root)
            }
        };
        let named = header.genesis == self.genesis_hash && header.batches_root == block.batches_root();
        self.expect(linked && named, || Damage::Chain(header.height));
    }

    fn certificate(&mut self, StoredBlock { block, certificate }: &StoredBlock) {
        let header = &block.header;
        let is_its_own = (certificate.height, certificate.block) == (header.height, block.id())
            && header.validators_hash == self.validators.hash();
        self.expect(is_its_own, || Damage::OtherCertificate(header.height));
        if let Err(source) = certificate.verify(&header.genesis, &self.validators) {
            self.note(Damage::Certificate {
                height: header.height,
                source,
            });
        }
    }

    /// Those who decide after this block.
    fn handover(&mut self, StoredBlock { block, certificate }: &StoredBlock) -> Result<(), StoreError> {
        let header = &block.header;
        let found: Option<Handover> = self.view.get(Column::Meta, &handover_key(header.height))?;
        let changes = header.next_validators_hash != header.validators_hash;
        let damaged = || self.view.database().damaged(Damage::Handover(header.height));
        if found.is_some() != changes {
            return Err(damaged());
        }
        if let Some(Handover { last, next }) = found {
            let next = ValidatorSet::try_from(next).map_err(|_| damaged())?;
            let is_its_own = (&last.header, &last.certificate) == (header, certificate);
            if !is_its_own || next.hash() != header.next_validators_hash {
                return Err(damaged());
            }
            self.validators = next;
        }
        Ok(())
    }

    /// Those who decided the first block of a database that was made from a snapshot.
    fn validators_at(&self, height: Height) -> Result<Option<ValidatorSet>, StoreError> {
        let handovers = last_handovers(self.view, Height::GENESIS, height)?;
        let last = handovers.last().map(|last| ValidatorSet::try_from(last.next.clone()));
        let damaged = |_| self.view.database().damaged(Damage::Handover(height));
        last.transpose().map_err(damaged)
    }

    fn contents(&mut self, block: &Block) -> Result<(), StoreError> {
        let header = &block.header;
        let height = header.height;
        let view = self.view;
        let damaged = |damage| view.database().damaged(damage);
        let receipts: StoredReceipts = self
            .view
            .get(Column::Receipts, &height_key(height))?
            .ok_or_else(|| damaged(Damage::NoReceipts(height)))?;
        let mut batches = Vec::with_capacity(block.batches.len());
        for digest in &block.batches {
            let batch: Option<SignedBatch> = self.view.get(Column::Batches, digest.as_bytes())?;
            let batch = batch.ok_or_else(|| {
                damaged(Damage::NoBatch {
                    height,
                    digest: *digest,
                })
            })?;
            batches.push(batch.batch);
        }
        let transactions: usize = batches.iter().map(|batch| batch.transactions.len()).sum();
        self.summary.transactions += transactions as u64;
        self.summary.receipts += receipts.len() as u64;
        self.expect(transactions as u64 == u64::from(header.transaction_count), || {
            Damage::TransactionCount(height)
        });
        self.expect(receipts_root(&receipts) == header.receipts_root, || {
            Damage::Receipts(height)
        });
        for (at, receipt) in receipts.iter().enumerate() {
            let Subject::Transaction(id) = receipt.subject else {
                self.expect(receipt.index as usize == at, || Damage::Receipts(height));
                continue;
            };
            self.indexed += 1;
            let entry: Option<IndexEntry> = self.view.get(Column::Index, id.as_bytes())?;
            let leads_here = entry.is_some_and(|entry| {
                let body = batches
                    .get(entry.batch as usize)
                    .and_then(|batch| batch.transactions.get(entry.transaction as usize));
                entry.location.height == height
                    && (entry.location.index as usize, receipt.index as usize) == (at, at)
                    && body.is_some_and(|body| body.id() == id)
            });
            self.expect(leads_here, || Damage::NotIndexed { height, id });
        }
        Ok(())
    }

    fn batches(&mut self) {
        for entry in self.scan(Column::Batches) {
            let batch = entry.and_then(|(key, value)| {
                let digest = decode_key(self.view, Column::Batches, pending_of, &key)?;
                let batch: SignedBatch = self.view.database().decode(Column::Batches, &value)?;
                Ok((digest, batch))
            });
            match batch {
                Ok((digest, batch)) => {
                    self.summary.batches += 1;
                    self.expect(batch.batch.digest() == digest, || Damage::OtherBatch(digest));
                }
                Err(error) => self.note(error),
            }
        }
        for entry in self.scan(Column::Pending) {
            let found = entry.and_then(|(key, _)| {
                let digest = decode_key(self.view, Column::Pending, pending_of, &key)?;
                Ok((digest, self.view.bytes(Column::Batches, digest.as_bytes())?.is_some()))
            });
            match found {
                Ok((digest, found)) => {
                    self.summary.pending += 1;
                    self.expect(found, || Damage::NoPendingBatch(digest));
                }
                Err(error) => self.note(error),
            }
        }
    }

    /// What is remembered from before a snapshot has its receipts and batches elsewhere.
    fn remembered(&mut self) {
        if self.is_from_snapshot() {
            return;
        }
        for read in scan_ids(self.view, UnixSeconds(0)) {
            let known = read.and_then(|(_, id)| Ok((id, self.view.bytes(Column::Index, id.as_bytes())?.is_some())));
            match known {
                Ok((id, known)) => self.expect(known, || Damage::UnknownId(id)),
                Err(error) => self.note(error),
            }
        }
        for entry in self.scan(Column::Digests) {
            let known = entry.and_then(|(key, _)| {
                let (_, digest) = decode_key(self.view, Column::Digests, digest_of, &key)?;
                Ok((digest, self.view.bytes(Column::Batches, digest.as_bytes())?.is_some()))
            });
            match known {
                Ok((digest, known)) => self.expect(known, || Damage::UnknownDigest(digest)),
                Err(error) => self.note(error),
            }
        }
    }

    fn scan(&self, column: Column) -> impl Iterator<Item = Result<Entry, StoreError>> + use<'a> {
        let view: &'a View<'a> = self.view;
        view.scan(column, &[])
    }

    fn count(&self, column: Column) -> Result<u64, StoreError> {
        let mut count = 0;
        for entry in self.view.scan(column, &[]) {
            entry?;
            count += 1;
        }
        Ok(count)
    }
}

/// Keys and values of the state both begin with their table's byte.
fn are_of_one_table((key, value): &Entry) -> bool {
    key.first() == value.first()
}

/// Adds up balances by currency: each must come to zero.
#[derive(Debug, Default)]
struct Sums(BTreeMap<Currency, Option<i128>>);

impl Sums {
    fn add(&mut self, key: &StateKey, value: &StateValue) {
        let (StateKey::Balance(_, currency), StateValue::Balance(record)) = (key, value) else {
            return;
        };
        let sum = self.0.entry(*currency).or_insert(Some(0));
        *sum = sum
            .and_then(|sum| sum.checked_add(record.available.0))
            .and_then(|sum| sum.checked_add(i128::from(record.held.0)));
    }

    /// What is not zero.
    fn problems(&self) -> impl Iterator<Item = Damage> {
        self.0.iter().filter_map(|(&currency, &sum)| match sum {
            Some(0) => None,
            Some(sum) => Some(Damage::Sum { currency, sum }),
            None => Some(Damage::SumOverflow(currency)),
        })
    }

    fn into_map(self) -> BTreeMap<Currency, Option<i128>> {
        self.0
    }
}
