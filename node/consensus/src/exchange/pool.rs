//! Checked batches that no block has ordered yet. Pure: time comes in with finalized blocks.

use std::collections::{BTreeMap, HashMap, HashSet};

use causeway_contracts::{
    block::{BATCHES_MAX, BatchDigest, HashedBatch, TimeMs, batch::BATCH_BYTES_MAX},
    committee::ValidatorId,
    transaction::TxId,
};

use super::{
    check::CheckedBatch,
    yields::{Yield, Yields},
};

/// The part of a draft, and of its share of memory, that is left to an author of whose transactions
/// too many are skipped: one in so many.
const POOR_PART: usize = 4;

/// Bytes beyond an author's share that its batches may take because blocks named them. A block always
/// fits; the blocks that a faulty proposer makes up round after round do not.
pub const NAMED_BYTES_MAX: usize = BATCHES_MAX * BATCH_BYTES_MAX;

/// Batches put out of memory whose expiry is remembered. The copies on disk of others stay there until a
/// block orders them.
const PUT_OUT_MAX: usize = 16 * 1024;

/// Why a batch is to be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// This validator sealed it: there is room, and it stays.
    Own,
    /// A block names it: its author's share is not too full for it, but an older one may make room.
    Named,
    /// It may be ordered, if its author's share has room.
    Offered,
}

/// A batch and what the pool must know to order, count and drop it.
#[derive(Debug)]
struct Held {
    batch: HashedBatch,
    bytes: usize,
    arrival: u64,
    /// The latest `valid_until` in it.
    expires_seconds: u64,
    /// Held beyond its author's share.
    beyond: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insert {
    Held,
    /// Held already, or ordered.
    Known,
    /// The author's unordered batches fill its share.
    AuthorFull,
}

/// Unordered batches by digest, in order of arrival, with each author's share bounded.
#[derive(Debug)]
pub struct Pool {
    author_bytes_max: usize,
    held: HashMap<BatchDigest, Held>,
    queue: BTreeMap<u64, BatchDigest>,
    arrivals: u64,
    author_bytes: HashMap<ValidatorId, usize>,
    /// Those held beyond their author's share because a block named them, by author and arrival.
    beyond: BTreeMap<(ValidatorId, u64), BatchDigest>,
    /// Those that made room for such, and when they expire, in seconds. They are on disk, and come back
    /// when a block names them.
    put_out: HashMap<BatchDigest, u64>,
    yields: Yields,
    /// How many held batches carry a transaction.
    pending: HashMap<TxId, u32>,
    /// Digests of ordered batches, so that a late copy is not held again.
    ordered: HashSet<BatchDigest>,
    /// The same by the block time at which they are forgotten.
    ordered_until: BTreeMap<TimeMs, Vec<BatchDigest>>,
}

impl Pool {
    pub fn new(author_bytes_max: usize) -> Self {
        Self {
            author_bytes_max,
            held: HashMap::new(),
            queue: BTreeMap::new(),
            arrivals: 0,
            author_bytes: HashMap::new(),
            beyond: BTreeMap::new(),
            put_out: HashMap::new(),
            yields: Yields::default(),
            pending: HashMap::new(),
            ordered: HashSet::new(),
            ordered_until: BTreeMap::new(),
        }
    }

    /// Holds a batch that the disk has.
    pub fn insert(&mut self, checked: CheckedBatch, claim: Claim) -> Insert {
        let CheckedBatch { batch, wire } = checked;
        let bytes = wire.len();
        let digest = batch.digest();
        let author = batch.batch().author;
        if self.knows(&digest) {
            return Insert::Known;
        }
        let has_room = self.has_room(&author, bytes);
        if claim == Claim::Offered && !has_room {
            return Insert::AuthorFull;
        }
        let beyond = claim == Claim::Named && !has_room;
        self.put_out.remove(&digest);
        *self.author_bytes.entry(author).or_default() += bytes;
        for id in batch.ids().iter() {
            *self.pending.entry(*id).or_default() += 1;
        }
        let expires_seconds = batch
            .batch()
            .transactions
            .iter()
            .map(|signed| signed.transaction.valid_until.0)
            .max()
            .unwrap_or(0);
        let arrival = self.arrivals;
        self.arrivals += 1;
        self.queue.insert(arrival, digest);
        let held = Held {
            batch,
            bytes,
            arrival,
            expires_seconds,
            beyond,
        };
        self.held.insert(digest, held);
        if beyond {
            self.beyond.insert((author, arrival), digest);
            self.put_out_beyond(author);
        }
        Insert::Held
    }

    pub fn has_room(&self, author: &ValidatorId, bytes: usize) -> bool {
        self.bytes_of(author).saturating_add(bytes) <= self.share(author)
    }

    fn share(&self, author: &ValidatorId) -> usize {
        match self.is_poor(author) {
            // Room for a batch is always left: only by good ones can it do better.
            true => (self.author_bytes_max / POOR_PART).max(self.author_bytes_max.min(BATCH_BYTES_MAX)),
            false => self.author_bytes_max,
        }
    }

    fn bytes_of(&self, author: &ValidatorId) -> usize {
        self.author_bytes.get(author).copied().unwrap_or(0)
    }

    /// Puts an author's oldest batches beyond its share out of memory, until the others fit.
    fn put_out_beyond(&mut self, author: ValidatorId) {
        let max = self.share(&author).saturating_add(NAMED_BYTES_MAX);
        while self.bytes_of(&author) > max {
            let mut of_author = self.beyond.range((author, 0)..=(author, u64::MAX));
            let Some((_, &oldest)) = of_author.next() else { return };
            let expires_seconds = self.held[&oldest].expires_seconds;
            self.remove(&oldest);
            if self.put_out.len() < PUT_OUT_MAX {
                self.put_out.insert(oldest, expires_seconds);
            }
        }
    }

    /// What became of an author's batches in a block.
    pub fn learn(&mut self, of: &Yield) {
        self.yields.add(of);
    }

    /// Whether so many of an author's transactions are skipped that it gives way to others.
    pub fn is_poor(&self, author: &ValidatorId) -> bool {
        self.yields.is_poor(author)
    }

    pub fn knows(&self, digest: &BatchDigest) -> bool {
        self.held.contains_key(digest) || self.ordered.contains(digest)
    }

    pub fn get(&self, digest: &BatchDigest) -> Option<HashedBatch> {
        self.held.get(digest).map(|held| held.batch.clone())
    }

    /// Whether a held batch carries this transaction.
    pub fn is_pending(&self, id: &TxId) -> bool {
        self.pending.contains_key(id)
    }

    pub fn transactions(&self) -> usize {
        self.pending.len()
    }

    pub fn batches(&self) -> usize {
        self.held.len()
    }

    /// The oldest batches that together stay within both bounds; at least one, if there is any. What is
    /// beyond a poor author's part comes after all that others have, where there is room for it.
    pub fn ready(&self, batches_max: usize, transactions_max: usize) -> Vec<HashedBatch> {
        let mut taken = Taken::new(batches_max, transactions_max);
        let mut parts: HashMap<ValidatorId, Taken> = HashMap::new();
        let mut put_off = Vec::new();
        let mut ready = Vec::new();
        for digest in self.queue.values() {
            let held = &self.held[digest];
            let (author, count) = (held.batch.batch().author, held.batch.ids().len());
            if self.is_poor(&author) {
                let part = || Taken::new(batches_max / POOR_PART, transactions_max / POOR_PART);
                if !parts.entry(author).or_insert_with(part).take(count) {
                    put_off.push(digest);
                    continue;
                }
            }
            if !taken.take(count) {
                return ready;
            }
            ready.push(held.batch.clone());
        }
        for digest in put_off {
            let held = &self.held[digest];
            if !taken.take(held.batch.ids().len()) {
                break;
            }
            ready.push(held.batch.clone());
        }
        ready
    }

    /// A block with these batches is final. `remembered_until` is when the ledger forgets them. Gives
    /// the batches that can never be ordered any more, having expired.
    pub fn ordered(&mut self, digests: &[BatchDigest], time: TimeMs, remembered_until: TimeMs) -> Vec<BatchDigest> {
        for digest in digests {
            self.remove(digest);
            self.put_out.remove(digest);
            if self.ordered.insert(*digest) {
                self.ordered_until.entry(remembered_until).or_default().push(*digest);
            }
        }
        let held = self.held.iter().map(|(digest, held)| (digest, held.expires_seconds));
        let put_out = self.put_out.iter().map(|(digest, expires)| (digest, *expires));
        let mut expired: Vec<_> = held
            .chain(put_out)
            .filter(|(_, expires_seconds)| expires_seconds.saturating_mul(1000) <= time.0)
            .map(|(digest, _)| *digest)
            .collect();
        expired.sort_unstable();
        for digest in &expired {
            self.remove(digest);
            self.put_out.remove(digest);
        }
        let kept = self.ordered_until.split_off(&TimeMs(time.0 + 1));
        for digest in std::mem::replace(&mut self.ordered_until, kept).into_values().flatten() {
            self.ordered.remove(&digest);
        }
        expired
    }

    fn remove(&mut self, digest: &BatchDigest) {
        let Some(held) = self.held.remove(digest) else { return };
        self.queue.remove(&held.arrival);
        let author = held.batch.batch().author;
        if held.beyond {
            self.beyond.remove(&(author, held.arrival));
        }
        let bytes = self
            .author_bytes
            .get_mut(&author)
            .expect("counted when it was inserted");
        *bytes -= held.bytes;
        if *bytes == 0 {
            self.author_bytes.remove(&author);
        }
        for id in held.batch.ids().iter() {
            let count = self.pending.get_mut(id).expect("counted when it was inserted");
            *count -= 1;
            if *count == 0 {
                self.pending.remove(id);
            }
        }
    }
}

/// How much of a draft is left.
struct Taken {
    any: bool,
    batches_left: usize,
    transactions_left: usize,
}

impl Taken {
    fn new(batches_left: usize, transactions_left: usize) -> Self {
        Self {
            any: false,
            batches_left,
            transactions_left,
        }
    }

    /// Whether a batch of so many transactions fits; the first always does.
    fn take(&mut self, transactions: usize) -> bool {
        if self.any && (self.batches_left == 0 || transactions > self.transactions_left) {
            return false;
        }
        self.any = true;
        self.batches_left = self.batches_left.saturating_sub(1);
        self.transactions_left = self.transactions_left.saturating_sub(transactions);
        true
    }
}
