//! A validator's disk: it outlives the process, and loses what it may lose.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    rc::Rc,
};

use causeway_consensus::{
    Folder,
    wire::{CertifiedBlock, SnapshotOffer},
};
use causeway_contracts::{
    block::{BatchDigest, Header, Height, SignedBatch, TimeMs},
    codec::Bounded,
    genesis::Genesis,
    ledger::{Execution, Ledger, RestoreError, StateKey, StateValue, Tip},
    proof::{CertifiedHeader, Handover},
    snapshot::{Chunk, Manifest, SnapshotEntry},
    transaction::{TxId, UnixSeconds},
};

use crate::chance::Chance;

/// Why a process ends in the middle of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DiskError {
    #[error("the power failed")]
    Crash,
    #[error("the disk is full")]
    Full,
}

/// What happens to writes.
#[derive(Debug, Default)]
pub struct Wear {
    /// In a thousand writes so many end in a crash.
    pub crashes_per_mille: u64,
    pub full: bool,
    /// Writes of which a crash left a part.
    pub torn: u64,
}

#[derive(Debug)]
struct Platter {
    files: BTreeMap<String, Vec<u8>>,
    chance: Chance,
    wear: Wear,
}

/// The folder of the consensus log and the sign record.
#[derive(Debug, Clone)]
pub struct Files(Rc<RefCell<Platter>>);

impl Files {
    pub fn new(chance: Chance) -> Self {
        Self(Rc::new(RefCell::new(Platter {
            files: BTreeMap::new(),
            chance,
            wear: Wear::default(),
        })))
    }

    pub fn with_wear<T>(&self, change: impl FnOnce(&mut Wear) -> T) -> T {
        change(&mut self.0.borrow_mut().wear)
    }

    /// Each file, by name.
    pub fn each(&self, mut look: impl FnMut(&str, &[u8])) {
        for (name, bytes) in &self.0.borrow().files {
            look(name, bytes);
        }
    }

    /// Both files are lost.
    pub fn lose(&self) {
        self.0.borrow_mut().files.clear();
    }
}

impl Platter {
    /// Whether the power fails during this write; an error if there is no room for it.
    fn fails(&mut self) -> Result<bool, DiskError> {
        if self.wear.full {
            return Err(DiskError::Full);
        }
        let share = self.wear.crashes_per_mille;
        Ok(self.chance.per_mille(share))
    }

    /// A change that is done as a whole or not at all.
    fn atomically(&mut self, change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> Result<(), DiskError> {
        let fails = self.fails()?;
        if !fails || self.chance.per_mille(500) {
            change(&mut self.files);
        }
        if fails { Err(DiskError::Crash) } else { Ok(()) }
    }
}

impl Folder for Files {
    type Error = DiskError;

    fn path(&self, name: &str) -> PathBuf {
        name.into()
    }

    fn read(&self, name: &str, _: u64) -> Result<Option<Vec<u8>>, DiskError> {
        Ok(self.0.borrow().files.get(name).cloned())
    }

    fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.0.borrow_mut().atomically(|files| {
            files.insert(name.to_owned(), bytes.to_vec());
        })
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let mut platter = self.0.borrow_mut();
        let fails = platter.fails()?;
        let written = if fails {
            platter.wear.torn += 1;
            platter.chance.index(bytes.len() + 1)
        } else {
            bytes.len()
        };
        let file = platter.files.get_mut(name).expect("made before it is written to");
        assert_eq!(file.len() as u64, offset, "a journal is written at its end");
        file.extend_from_slice(&bytes[..written]);
        if fails { Err(DiskError::Crash) } else { Ok(()) }
    }

    fn truncate(&mut self, name: &str, length: u64) -> Result<(), DiskError> {
        self.0.borrow_mut().atomically(|files| {
            let file = files.get_mut(name).expect("made before it is cut");
            file.truncate(length as usize);
        })
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        self.0.borrow_mut().atomically(|files| {
            let file = files.remove(from).expect("made before it is renamed");
            files.insert(to.to_owned(), file);
        })
    }
}

/// A snapshot that is kept for others.
#[derive(Debug)]
pub struct Kept {
    pub block: CertifiedBlock,
    pub manifest: Manifest,
    pub chunks: Vec<Chunk>,
}

const KEPT_MAX: usize = 2;

/// The database: all of a block in one write, and batches that a sync makes durable.
#[derive(Debug)]
pub struct Database {
    tip: Tip,
    entries: BTreeMap<StateKey, StateValue>,
    ids: BTreeSet<(UnixSeconds, TxId)>,
    digests: BTreeSet<(TimeMs, BatchDigest)>,
    /// The first block that it has follows so many.
    before: u64,
    chain: Vec<CertifiedBlock>,
    handovers: Vec<Handover>,
    snapshots: Vec<Kept>,
    batches: BTreeMap<BatchDigest, SignedBatch>,
    /// Of `batches`: not ordered yet.
    unordered: BTreeSet<BatchDigest>,
    /// Of `batches`: lost in a crash.
    unsynced: BTreeSet<BatchDigest>,
}

impl Database {
    pub fn new(genesis: &Genesis) -> Self {
        let ledger = Ledger::from_genesis(genesis, 1);
        Self {
            tip: ledger.tip().clone(),
            entries: ledger.entries().collect(),
            ids: BTreeSet::new(),
            digests: BTreeSet::new(),
            before: 0,
            chain: Vec::new(),
            handovers: Vec::new(),
            snapshots: Vec::new(),
            batches: BTreeMap::new(),
            unordered: BTreeSet::new(),
            unsynced: BTreeSet::new(),
        }
    }

    pub fn restore(&self, genesis: &Genesis) -> Result<Ledger, RestoreError> {
        Ledger::restore(
            genesis.hash(),
            self.tip.clone(),
            self.entries.iter().map(|(key, value)| (*key, value.clone())),
            self.ids.iter().copied(),
            self.digests.iter().copied(),
            1,
        )
    }

    /// Of chunks that were checked.
    pub fn of_snapshot(offer: SnapshotOffer, chunks: &[Chunk], genesis: &Genesis) -> Result<Self, RestoreError> {
        let header = &offer.block.block.header;
        let entries = chunks.iter().flat_map(|chunk| chunk.entries.iter().cloned());
        let ledger = Ledger::from_snapshot(genesis.hash(), tip_of(header), entries, 1)?;
        let mut database = Self::new(genesis);
        database.entries = ledger.entries().collect();
        for entry in ledger.snapshot() {
            match entry {
                SnapshotEntry::State(..) => {}
                SnapshotEntry::Id(valid_until, id) => drop(database.ids.insert((valid_until, id))),
                SnapshotEntry::Digest(forgotten_at, digest) => drop(database.digests.insert((forgotten_at, digest))),
            }
        }
        database.tip = tip_of(header);
        database.before = header.height.0 - 1;
        let height = header.height;
        database.handovers = offer.handovers.into_vec();
        database
            .handovers
            .retain(|handover| handover.last.header.height <= height);
        database.chain.push(offer.block);
        Ok(database)
    }

    pub fn height(&self) -> u64 {
        self.tip.height.0
    }

    /// All blocks that it has, without gaps.
    pub fn chain(&self) -> &[CertifiedBlock] {
        &self.chain
    }

    /// Those from a height on; none if that one is not there.
    pub fn chain_from(&self, height: Height) -> &[CertifiedBlock] {
        let first = height.0.checked_sub(self.before + 1);
        first
            .and_then(|first| self.chain.get(first as usize..))
            .unwrap_or_default()
    }

    /// The last snapshot whose root is certified, if it is kept.
    pub fn offer(&self) -> Option<SnapshotOffer> {
        let carrier = self.chain.iter().rev().find(|of| of.block.checkpoint.is_some())?;
        let certificate = carrier.block.checkpoint.clone()?;
        let kept = self
            .snapshots
            .iter()
            .find(|kept| kept.manifest.height == certificate.height)?;
        let before = |handover: &&Handover| handover.last.header.height < carrier.block.header.height;
        let handovers = self.handovers.iter().filter(before).cloned().collect();
        Some(SnapshotOffer {
            manifest: kept.manifest.clone(),
            block: kept.block.clone(),
            certificate,
            handovers: Bounded::new(handovers).expect("a few"),
        })
    }

    pub fn kept_chunk(&self, height: Height, index: u32) -> Option<&Chunk> {
        let kept = self.snapshots.iter().find(|kept| kept.manifest.height == height)?;
        kept.chunks.get(index as usize)
    }

    pub fn keep(&mut self, snapshot: Kept) {
        if self.snapshots.len() == KEPT_MAX {
            self.snapshots.remove(0);
        }
        self.snapshots.push(snapshot);
    }

    pub fn entries(&self) -> &BTreeMap<StateKey, StateValue> {
        &self.entries
    }

    /// Whether both remember the same transactions and batches.
    pub fn remembers_as(&self, other: &Self) -> bool {
        self.ids == other.ids && self.digests == other.digests
    }

    pub fn batch(&self, digest: &BatchDigest) -> Option<&SignedBatch> {
        self.batches.get(digest)
    }

    pub fn unordered(&self) -> impl Iterator<Item = &SignedBatch> {
        self.unordered.iter().map(|digest| &self.batches[digest])
    }

    pub fn put(&mut self, digest: BatchDigest, batch: SignedBatch) {
        if self.batches.insert(digest, batch).is_none() {
            self.unsynced.insert(digest);
        }
        if !self.digests.iter().any(|(_, ordered)| *ordered == digest) {
            self.unordered.insert(digest);
        }
    }

    pub fn drop_expired(&mut self, expired: &[BatchDigest]) {
        for digest in expired {
            self.batches.remove(digest);
            self.unordered.remove(digest);
            self.unsynced.remove(digest);
        }
    }

    pub fn sync(&mut self) {
        self.unsynced.clear();
    }

    /// What was not synced is gone.
    pub fn crash(&mut self) {
        for digest in std::mem::take(&mut self.unsynced) {
            self.batches.remove(&digest);
            self.unordered.remove(&digest);
        }
    }

    /// Durable at once, with all before it.
    pub fn commit(&mut self, certified: CertifiedBlock, execution: &Execution) {
        self.sync();
        let header = &certified.block.header;
        for (key, value) in &execution.changes {
            match value {
                Some(value) => self.entries.insert(*key, value.clone()),
                None => self.entries.remove(key),
            };
            if let (StateKey::Validators, Some(StateValue::Validators(next))) = (key, value) {
                self.handovers.push(Handover {
                    last: CertifiedHeader {
                        header: header.clone(),
                        certificate: certified.certificate.clone(),
                    },
                    next: next.clone(),
                });
            }
        }
        self.ids.retain(|(valid_until, _)| !valid_until.is_past(header.time_ms));
        self.ids.extend(execution.ids.iter().copied());
        self.digests.retain(|(forgotten_at, _)| *forgotten_at > header.time_ms);
        self.digests.extend(execution.digests.iter().copied());
        for digest in &execution.batches {
            self.unordered.remove(digest);
        }
        self.tip = tip_of(header);
        self.chain.push(certified);
    }
}

fn tip_of(header: &Header) -> Tip {
    Tip {
        height: header.height,
        time_ms: header.time_ms,
        block: header.id(),
        state_hash: header.state_hash,
        checkpoint_root: header.checkpoint_root,
    }
}
