//! Hash tables for rows that are never removed one by one.
//!
//! Rows lie in chunks in the order of insertion, and an index of 8 bytes a slot points to them: no
//! row is ever moved, an iteration's order depends on nothing but the insertions, and a million
//! accounts cost little more than their bytes. Hashes are keyed by a seed that must stay unknown to
//! clients: they choose many of the ids.

use std::fmt;

use crate::{
    committee::ValidatorId,
    identity::{AccountId, ParticipantId},
    money::Currency,
    transaction::TxId,
};

const CHUNK_BITS: u32 = 12;
const CHUNK_ROWS: usize = 1 << CHUNK_BITS;
const SLOTS_MIN: usize = 16;
/// How many rows are loaded at a time ahead of their use.
const READ_AHEAD: usize = 64;

/// The secret that keys a table's hashes.
#[derive(Clone, Copy)]
pub(super) struct Seed(u64, u64);

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

impl Seed {
    pub(super) fn new(entropy: u64) -> Self {
        Self(
            split_mix(entropy),
            split_mix(entropy.wrapping_add(0x9e37_79b9_7f4a_7c15)),
        )
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
fn split_mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What a table can be keyed by.
pub(super) trait Key: Copy + Ord + fmt::Debug {
    /// 16 bytes that tell keys apart, unless someone finds a partial collision of 128 bits in SHA-256.
    fn words(&self) -> (u64, u64);

    /// Orders keys as far as it goes: of two keys, the smaller one's is not the greater.
    fn rank(&self) -> u64;
}

fn rank_of(bytes: &[u8; 8]) -> u64 {
    u64::from_be_bytes(*bytes)
}

fn words_of(bytes: &[u8; 16]) -> (u64, u64) {
    let value = u128::from_le_bytes(*bytes);
    (value as u64, (value >> 64) as u64)
}

impl Key for AccountId {
    fn words(&self) -> (u64, u64) {
        words_of(self.0.first_chunk().expect("20 bytes"))
    }

    fn rank(&self) -> u64 {
        rank_of(self.0.first_chunk().expect("20 bytes"))
    }
}

impl Key for (AccountId, Currency) {
    fn words(&self) -> (u64, u64) {
        let (first, second) = self.0.words();
        (first, second ^ u64::from_le_bytes(*self.1.as_bytes()))
    }

    fn rank(&self) -> u64 {
        self.0.rank()
    }
}

impl Key for (ValidatorId, u8) {
    fn words(&self) -> (u64, u64) {
        let (first, second) = words_of(self.0.0.first_chunk().expect("20 bytes"));
        (first, second ^ u64::from(self.1))
    }

    fn rank(&self) -> u64 {
        rank_of(self.0.0.first_chunk().expect("20 bytes"))
    }
}

impl Key for TxId {
    fn words(&self) -> (u64, u64) {
        words_of(self.0.first_chunk().expect("32 bytes"))
    }

    fn rank(&self) -> u64 {
        rank_of(self.0.first_chunk().expect("32 bytes"))
    }
}

impl Key for Currency {
    fn words(&self) -> (u64, u64) {
        (u64::from_le_bytes(*self.as_bytes()), 0)
    }

    fn rank(&self) -> u64 {
        rank_of(self.as_bytes())
    }
}

impl Key for ParticipantId {
    fn words(&self) -> (u64, u64) {
        let mut bytes = [0; 16];
        let text = self.as_str().as_bytes();
        bytes[..text.len()].copy_from_slice(text);
        words_of(&bytes)
    }

    fn rank(&self) -> u64 {
        let mut bytes = [0; 8];
        let text = self.as_str().as_bytes();
        let taken = text.len().min(8);
        bytes[..taken].copy_from_slice(&text[..taken]);
        rank_of(&bytes)
    }
}

/// A row's place, for direct access.
pub(super) type Row = u32;

pub(super) struct Table<K, V> {
    seed: Seed,
    /// A power of two; each 0, or the hash's upper half and the row's place plus one. At most three
    /// quarters are taken; a place that is taken by another moves the search to the next.
    slots: Vec<u64>,
    chunks: Vec<Vec<(K, V)>>,
    len: usize,
}

impl<K: Key, V> Table<K, V> {
    pub(super) fn new(seed: Seed) -> Self {
        Self {
            seed,
            slots: Vec::new(),
            chunks: Vec::new(),
            len: 0,
        }
    }

    /// A table whose index need not grow for this many rows.
    pub(super) fn with_room_for(seed: Seed, rows: usize) -> Self {
        let slots = match rows {
            0 => Vec::new(),
            _ => vec![0; (rows * 4 / 3 + 1).next_power_of_two().max(SLOTS_MIN)],
        };
        Self {
            slots,
            ..Self::new(seed)
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Tables of one ledger share the seed, and so a key's hash serves all of them.
    #[inline]
    pub(super) fn hash(&self, key: &K) -> u64 {
        let (first, second) = key.words();
        let product = u128::from(first ^ self.seed.0) * u128::from(second ^ self.seed.1);
        (product as u64) ^ ((product >> 64) as u64)
    }

    /// The first row whose hash has the same upper half: nearly always the right one.
    #[inline]
    fn likely_row(&self, hash: u64) -> Option<Row> {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            match self.slots[at] {
                0 => return None,
                slot if slot >> 32 == hash >> 32 => return Some(slot as u32 - 1),
                _ => at = (at + 1) & mask,
            }
        }
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, key: &K) -> Option<Row> {
        if self.len == 0 {
            return None;
        }
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            if slot >> 32 == hash >> 32 {
                let row = slot as u32 - 1;
                if self.row(row).0 == *key {
                    return Some(row);
                }
            }
            at = (at + 1) & mask;
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.get_hashed(self.hash(key), key)
    }

    #[inline]
    pub(super) fn get_hashed(&self, hash: u64, key: &K) -> Option<&V> {
        self.find(hash, key).map(|row| &self.row(row).1)
    }

    /// Loads the rows of these keys into the processor's caches, and gives what `touch` makes of them
    /// together, which is of no meaning. Look-ups that wait for each other wait for memory each time;
    /// these do not, and so their waits overlap.
    pub(super) fn read_ahead(&self, keys: &[K], touch: impl Fn(&V) -> u64) -> u64 {
        let mut sum = 0u64;
        if self.len == 0 {
            return sum;
        }
        let mask = self.slots.len() - 1;
        for keys in keys.chunks(READ_AHEAD) {
            let mut hashes = [0; READ_AHEAD];
            for (hash, key) in hashes.iter_mut().zip(keys) {
                *hash = self.hash(key);
                sum = sum.wrapping_add(self.slots[*hash as usize & mask]);
            }
            let mut rows = [Row::MAX; READ_AHEAD];
            for (row, hash) in rows.iter_mut().zip(&hashes[..keys.len()]) {
                *row = self.likely_row(*hash).unwrap_or(Row::MAX);
            }
            for (row, key) in rows.into_iter().zip(keys).filter(|(row, _)| *row != Row::MAX) {
                let (found, value) = self.row(row);
                sum = sum.wrapping_add(touch(value)).wrapping_add(u64::from(found == key));
            }
        }
        sum
    }

    /// [`Self::read_ahead`] for rows whose places are probably these.
    pub(super) fn read_rows_ahead(&self, rows: impl Iterator<Item = Row>, touch: impl Fn(&K, &V) -> u64) -> u64 {
        let there = rows.filter(|&row| (row as usize) < self.len);
        there.fold(0, |sum, row| {
            let (key, value) = self.row(row);
            sum.wrapping_add(touch(key, value))
        })
    }

    #[inline]
    pub(super) fn row(&self, row: Row) -> &(K, V) {
        &self.chunks[(row >> CHUNK_BITS) as usize][row as usize & (CHUNK_ROWS - 1)]
    }

    #[inline]
    pub(super) fn row_mut(&mut self, row: Row) -> (&K, &mut V) {
        let (key, value) = &mut self.chunks[(row >> CHUNK_BITS) as usize][row as usize & (CHUNK_ROWS - 1)];
        (key, value)
    }

    #[inline]
    pub(super) fn value_mut(&mut self, row: Row) -> &mut V {
        self.row_mut(row).1
    }

    /// [`Self::insert`] for a key that is probably in `row`.
    #[inline]
    pub(super) fn insert_near(&mut self, row: Row, key: K, value: V) -> Option<V> {
        if (row as usize) < self.len {
            let (found, old) = self.row_mut(row);
            if *found == key {
                return Some(std::mem::replace(old, value));
            }
        }
        self.insert(key, value)
    }

    /// Adds a row whose key the table has not.
    ///
    /// # Panics
    /// After 2^32 - 1 rows.
    pub(super) fn insert_new(&mut self, hash: u64, key: K, value: V) -> Row {
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        let row = u32::try_from(self.len).ok().filter(|&row| row != u32::MAX);
        let row = row.expect("a table holds fewer than 2^32 - 1 rows");
        if self.len.is_multiple_of(CHUNK_ROWS) {
            // The first chunk grows with its rows, so that small tables stay small.
            let rows = if self.len == 0 { 0 } else { CHUNK_ROWS };
            self.chunks.push(Vec::with_capacity(rows));
        }
        self.chunks.last_mut().expect("pushed above").push((key, value));
        self.len += 1;
        place(&mut self.slots, hash, row);
        row
    }

    /// Adds the row, or replaces the value of the one with that key and gives the old value.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let hash = self.hash(&key);
        match self.find(hash, &key) {
            Some(row) => Some(std::mem::replace(self.value_mut(row), value)),
            None => {
                self.insert_new(hash, key, value);
                None
            }
        }
    }

    fn grow(&mut self) {
        let mut slots = vec![0; (self.slots.len() * 2).max(SLOTS_MIN)];
        for (row, (key, _)) in self.iter().enumerate() {
            place(&mut slots, self.hash(key), row as Row);
        }
        self.slots = slots;
    }

    /// In the order of insertion.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(K, V)> {
        self.chunks.iter().flatten()
    }
}

fn place(slots: &mut [u64], hash: u64, row: Row) {
    let mask = slots.len() - 1;
    let mut at = hash as usize & mask;
    while slots[at] != 0 {
        at = (at + 1) & mask;
    }
    slots[at] = (hash >> 32 << 32) | u64::from(row + 1);
}

impl<K, V> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("rows", &self.len).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check<K: Key>(mut keys: Vec<K>) {
        keys.sort_unstable();
        assert!(keys.is_sorted_by_key(Key::rank), "{keys:?}");
    }

    proptest! {
        #[test]
        fn invariant_ranks_are_in_the_order_of_keys(
            accounts in prop::collection::vec((0u8..3, any::<[u8; 20]>()), 2..20),
            codes in prop::collection::vec("[A-Z0-9]{3,8}", 2..20),
            names in prop::collection::vec("[A-C0-1]{2,12}", 2..20),
            records in prop::collection::vec((0u8..3, any::<[u8; 20]>(), 0u8..3), 2..20),
        ) {
            let records = records.into_iter().map(|(first, mut bytes, place)| {
                bytes[..8].fill(first);
                (ValidatorId(bytes), place)
            });
            check(records.collect());
            let accounts = accounts.into_iter().map(|(first, mut bytes)| {
                bytes[..8].fill(first);
                AccountId(bytes)
            });
            let accounts: Vec<_> = accounts.collect();
            let codes: Vec<_> = codes.iter().map(|code| Currency::new(code).unwrap()).collect();
            check(accounts.iter().copied().zip(codes.iter().copied()).collect());
            check(accounts);
            check(codes);
            check(names.iter().map(|name| ParticipantId::new(name).unwrap()).collect());
        }

        #[test]
        fn a_table_finds_what_was_put_in_and_nothing_else(keys in prop::collection::vec(any::<[u8; 32]>(), 0..600)) {
            let mut table = Table::new(Seed::new(7));
            let (held, others) = keys.split_at(keys.len() / 2);
            for (value, key) in held.iter().enumerate() {
                table.insert(TxId(*key), value);
            }
            table.read_ahead(&keys.iter().map(|key| TxId(*key)).collect::<Vec<_>>(), |value| *value as u64);
            for (value, key) in held.iter().enumerate() {
                prop_assert_eq!(table.get(&TxId(*key)), Some(&value));
            }
            for key in others {
                prop_assert_eq!(table.get(&TxId(*key)), None);
            }
        }
    }
}
