//! The whole state after a block, in pieces that can each be checked alone.
//!
//! A snapshot is every state entry, ascending by encoded key, then every remembered transaction id and
//! then every remembered batch digest, each ascending. Ids and digests that the block's time is past are
//! not in it, whatever a disk still holds, so that all validators have the same snapshot of a height. The
//! Merkle root over all of it, and how many entries there are, is what a checkpoint certifies.
//!
//! It travels in chunks of 4,096 entries. A tree of RFC 9162 splits at powers of two, so a chunk's leaves
//! are a whole subtree, and the root over the chunks' roots is the root over all leaves: who has the
//! [`Manifest`] of a certified root can check each chunk by itself, take chunks from several peers, and
//! go on after a stop.

use bincode::{Decode, Encode};

use crate::{
    block::{BatchDigest, GenesisHash, Height, TimeMs},
    codec::{self, Bounded, DecodeError},
    ledger::{StateKey, StateValue},
    merkle::{self, Root},
    transaction::{TxId, UnixSeconds},
};

/// The only version of [`Manifest`] there is.
pub const SNAPSHOT_VERSION: u16 = 1;

/// Entries in every chunk but the last. A power of two. Fixed.
pub const CHUNK_ENTRIES: usize = 4096;

/// Wire length of a [`Chunk`]. An account or participant with as many keys as may be has about 700
/// bytes, 4,096 of them have less than 3 MiB, and of the entries that may be longer there are few.
pub const CHUNK_BYTES_MAX: usize = 6 * 1024 * 1024;

/// A manifest names at most this many chunks, of half a billion entries.
pub const CHUNKS_MAX: usize = 131_072;

/// With a snapshot come at most so many changes of validators: all since the genesis, by which its reader comes to
/// those who certified it.
pub const SNAPSHOT_HANDOVERS_MAX: usize = 4096;

/// Wire length of a [`Manifest`].
pub const MANIFEST_BYTES_MAX: usize = CHUNKS_MAX * 32 + 128;

/// Stands before the encoding of what is no state entry in a leaf. No encoded key begins with it: it
/// announces nothing in the varints of the canonical form.
const NOT_STATE: u8 = 0xff;

/// Something that the rules of the next block read.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum SnapshotEntry {
    State(StateKey, StateValue),
    /// A transaction that has a receipt, until a block's time is at or past this.
    Id(UnixSeconds, TxId),
    /// A batch that was ordered, until a block's time is at or past this.
    Digest(TimeMs, BatchDigest),
}

/// Where an entry stands in a snapshot; ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    State(StateKey),
    Id(UnixSeconds, TxId),
    Digest(TimeMs, BatchDigest),
}

impl SnapshotEntry {
    pub fn place(&self) -> Place {
        match self {
            Self::State(key, _) => Place::State(*key),
            Self::Id(valid_until, id) => Place::Id(*valid_until, *id),
            Self::Digest(forgotten_at, digest) => Place::Digest(*forgotten_at, *digest),
        }
    }

    /// Whether a snapshot of a block of this time holds it.
    pub fn is_kept_at(&self, time: TimeMs) -> bool {
        match self {
            Self::State(..) => true,
            Self::Id(valid_until, _) => !valid_until.is_past(time),
            Self::Digest(forgotten_at, _) => *forgotten_at > time,
        }
    }

    /// A state entry's leaf is that of the change that sets it, so that a root over state entries alone is
    /// the changes root of a block that sets them all.
    fn leaf(&self, bytes: &mut Vec<u8>) -> Root {
        bytes.clear();
        match self {
            Self::State(key, value) => {
                codec::encode_into(key, bytes);
                // As `Some` of it.
                bytes.push(1);
                codec::encode_into(value, bytes);
            }
            Self::Id(..) | Self::Digest(..) => {
                bytes.push(NOT_STATE);
                codec::encode_into(self, bytes);
            }
        }
        merkle::leaf(bytes)
    }
}

/// Consecutive entries of a snapshot, the first of them at a multiple of [`CHUNK_ENTRIES`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Chunk {
    pub entries: Bounded<SnapshotEntry, CHUNK_ENTRIES>,
}

impl Chunk {
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, CHUNK_BYTES_MAX)
    }

    /// The root of the subtree over its entries.
    pub fn root(&self) -> Root {
        let mut bytes = Vec::with_capacity(256);
        merkle::root(self.entries.iter().map(|entry| entry.leaf(&mut bytes)).collect())
    }
}

/// What a snapshot consists of. Believed if its root is certified.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Manifest {
    pub version: u16,
    pub genesis: GenesisHash,
    /// The block after which the state was this.
    pub height: Height,
    /// How many there are, over all chunks.
    pub entries: u64,
    /// Each chunk's [`Chunk::root`], in order.
    pub chunks: Bounded<Root, CHUNKS_MAX>,
}

/// The root of a snapshot: SHA-256 over `causeway/snapshot/1`, how many entries there are (eight bytes, big-endian)
/// and the root of the tree over them. The tree's root alone would be that of other trees too, cut higher up.
pub fn root_of(entries: u64, tree: &Root) -> Root {
    Root(codec::hash(
        "causeway/snapshot/1",
        &[&entries.to_be_bytes(), tree.as_bytes()],
    ))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("version {0} is not known; this program knows version {SNAPSHOT_VERSION}")]
    Version(u16),
    #[error("{entries} entries are not in {chunks} chunks")]
    Count { entries: u64, chunks: usize },
}

/// Why a chunk is not the one that a manifest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    #[error("there is no chunk {index}, the snapshot has {count}")]
    NoSuchChunk { index: u32, count: usize },
    #[error("chunk {index} has {actual} entries and should have {expected}")]
    Count { index: u32, expected: usize, actual: usize },
    #[error("chunk {index} has root {actual}, and the manifest says {expected}")]
    Root { index: u32, expected: Root, actual: Root },
}

impl Manifest {
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, MANIFEST_BYTES_MAX)
    }

    /// Whether it can be a snapshot's at all.
    pub fn check(&self) -> Result<(), ManifestError> {
        if self.version != SNAPSHOT_VERSION {
            return Err(ManifestError::Version(self.version));
        }
        if self.entries.div_ceil(CHUNK_ENTRIES as u64) != self.chunks.len() as u64 {
            return Err(ManifestError::Count {
                entries: self.entries,
                chunks: self.chunks.len(),
            });
        }
        Ok(())
    }

    /// What a checkpoint certifies: [`root_of`] all entries. No other manifest of the height has it.
    pub fn root(&self) -> Root {
        root_of(self.entries, &merkle::root(self.chunks.to_vec()))
    }

    /// How many entries a chunk of this snapshot has; `None` if there is no such chunk.
    pub fn entries_of(&self, index: u32) -> Option<usize> {
        let before = u64::from(index) * CHUNK_ENTRIES as u64;
        let left = self.entries.checked_sub(before).filter(|&left| left > 0)?;
        Some(left.min(CHUNK_ENTRIES as u64) as usize)
    }

    /// Checks a chunk, wherever it is from.
    pub fn check_chunk(&self, index: u32, chunk: &Chunk) -> Result<(), ChunkError> {
        let count = self.chunks.len();
        let (Some(&expected), Some(entries)) = (self.chunks.get(index as usize), self.entries_of(index)) else {
            return Err(ChunkError::NoSuchChunk { index, count });
        };
        if chunk.entries.len() != entries {
            return Err(ChunkError::Count {
                index,
                expected: entries,
                actual: chunk.entries.len(),
            });
        }
        let actual = chunk.root();
        if actual != expected {
            return Err(ChunkError::Root {
                index,
                expected,
                actual,
            });
        }
        Ok(())
    }
}

/// Cuts entries into chunks, and holds no more than one of them.
#[derive(Debug)]
pub struct Cutter {
    manifest: Manifest,
    chunks: Vec<Root>,
    entries: Vec<SnapshotEntry>,
    last: Option<Place>,
}

impl Cutter {
    pub fn new(genesis: GenesisHash, height: Height) -> Self {
        Self {
            manifest: Manifest {
                version: SNAPSHOT_VERSION,
                genesis,
                height,
                entries: 0,
                chunks: Bounded::default(),
            },
            chunks: Vec::new(),
            entries: Vec::new(),
            last: None,
        }
    }

    /// Takes the next entry, and gives the chunk that it completes.
    ///
    /// # Panics
    /// If the entry does not stand after the one before it, or there are more than fit a manifest.
    pub fn push(&mut self, entry: SnapshotEntry) -> Option<Chunk> {
        let place = Some(entry.place());
        assert!(self.last < place, "a snapshot's entries come in order, each once");
        self.last = place;
        self.manifest.entries += 1;
        self.entries.push(entry);
        (self.entries.len() == CHUNK_ENTRIES).then(|| self.cut())
    }

    /// The last chunk, if the entries do not fill it, and the manifest of all.
    pub fn finish(mut self) -> (Option<Chunk>, Manifest) {
        let last = (!self.entries.is_empty()).then(|| self.cut());
        self.manifest.chunks = Bounded::new(self.chunks).expect("checked when it was cut");
        (last, self.manifest)
    }

    fn cut(&mut self) -> Chunk {
        let entries = std::mem::take(&mut self.entries);
        let chunk = Chunk {
            entries: Bounded::new(entries).expect("cut when it is full"),
        };
        self.chunks.push(chunk.root());
        assert!(
            self.chunks.len() <= CHUNKS_MAX,
            "a state has at most half a billion entries"
        );
        chunk
    }
}

/// The chunks and the manifest of a snapshot that is in memory.
pub fn cut(
    genesis: GenesisHash,
    height: Height,
    entries: impl IntoIterator<Item = SnapshotEntry>,
) -> (Vec<Chunk>, Manifest) {
    let mut cutter = Cutter::new(genesis, height);
    let mut chunks: Vec<_> = entries.into_iter().filter_map(|entry| cutter.push(entry)).collect();
    let (last, manifest) = cutter.finish();
    chunks.extend(last);
    (chunks, manifest)
}

#[cfg(test)]
mod tests;
