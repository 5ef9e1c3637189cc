//! What a ledger remembers so that nothing takes effect twice: transaction ids until they expire,
//! and batch digests as long as any transaction in them could still be valid.

use std::{collections::BTreeMap, hint::black_box};

use super::table::{Seed, Table};
use crate::{
    block::{BatchDigest, TimeMs},
    transaction::{TxId, UnixSeconds},
};

impl UnixSeconds {
    /// Whether a block of this time is at or past it.
    pub fn is_past(self, time: TimeMs) -> bool {
        time.0 / 1000 >= self.0
    }
}

/// Ids lie by their `valid_until`, which an id fixes: to forget is to drop a whole table.
#[derive(Debug)]
pub(super) struct RecentIds {
    seed: Seed,
    by_expiry: BTreeMap<UnixSeconds, Table<TxId, ()>>,
}

impl RecentIds {
    pub(super) fn new(seed: Seed) -> Self {
        Self {
            seed,
            by_expiry: BTreeMap::new(),
        }
    }

    pub(super) fn contains(&self, valid_until: UnixSeconds, id: &TxId) -> bool {
        let table = self.by_expiry.get(&valid_until);
        table.is_some_and(|table| table.get(id).is_some())
    }

    /// Loads what asking for these is going to read.
    pub(super) fn read_ahead<'a>(&self, ids: impl Iterator<Item = (UnixSeconds, &'a TxId)>) {
        let mut ids = ids.peekable();
        let mut together = Vec::new();
        while let Some((valid_until, _)) = ids.peek().copied() {
            together.clear();
            together.extend(std::iter::from_fn(|| ids.next_if(|next| next.0 == valid_until)).map(|(_, id)| *id));
            if let Some(table) = self.by_expiry.get(&valid_until) {
                black_box(table.read_ahead(&together, |()| 0));
            }
        }
    }

    /// False if it was there already.
    pub(super) fn insert(&mut self, valid_until: UnixSeconds, id: TxId) -> bool {
        let table = self
            .by_expiry
            .entry(valid_until)
            .or_insert_with(|| Table::new(self.seed));
        table.insert(id, ()).is_none()
    }

    pub(super) fn forget(&mut self, time: TimeMs) {
        while let Some(entry) = self.by_expiry.first_entry()
            && entry.key().is_past(time)
        {
            entry.remove();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_expiry.values().map(Table::len).sum()
    }

    /// Ascending by expiry; the order within one is that of insertion.
    pub(super) fn iter(&self) -> impl Iterator<Item = (UnixSeconds, TxId)> {
        self.by_expiry
            .iter()
            .flat_map(|(valid_until, table)| table.iter().map(|(id, ())| (*valid_until, *id)))
    }
}

/// Digests of ordered batches, each with the block time at which it is forgotten.
#[derive(Debug, Default)]
pub(super) struct RecentDigests {
    forgotten_at: BTreeMap<BatchDigest, TimeMs>,
    by_time: BTreeMap<TimeMs, Vec<BatchDigest>>,
}

impl RecentDigests {
    /// Whether a block of this time must not name it.
    pub(super) fn contains(&self, digest: &BatchDigest, time: TimeMs) -> bool {
        self.forgotten_at.get(digest).is_some_and(|&end| end > time)
    }

    /// False if it was there already.
    pub(super) fn insert(&mut self, forgotten_at: TimeMs, digest: BatchDigest) -> bool {
        self.by_time.entry(forgotten_at).or_default().push(digest);
        self.forgotten_at.insert(digest, forgotten_at).is_none()
    }

    pub(super) fn forget(&mut self, time: TimeMs) {
        while let Some(entry) = self.by_time.first_entry()
            && *entry.key() <= time
        {
            for digest in entry.remove() {
                self.forgotten_at.remove(&digest);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.forgotten_at.len()
    }

    /// In no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = (TimeMs, BatchDigest)> {
        self.forgotten_at.iter().map(|(digest, end)| (*end, *digest))
    }
}
