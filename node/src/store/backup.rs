//! What an operator does with a database beside running from it: copies of it, and snapshots of its state.
//!
//! Both are made from a view of one moment, so that the node may run meanwhile. A copy has everything; a
//! snapshot only the state after the last block, which is what a node needs to go on. Neither has the
//! consensus log or the sign record, and putting one back leaves those as they are: a validator that
//! forgot what it has signed could contradict itself.

use std::path::{Path, PathBuf};

use causeway_consensus::{BadHandover, Ed25519, follow};
use causeway_contracts::{
    block::{GenesisHash, Height},
    codec,
    genesis::Genesis,
    ledger::Tip,
    merkle::Root,
    proof::Handover,
    snapshot::{Chunk, SnapshotEntry},
};
use rocksdb::WriteBatch;

use super::{
    database::{Database, Mode, View},
    error::StoreError,
    folder,
    format::{BEGINNING_KEY, Column, StoredBlock, digest_key, handover_key, height_key},
    ids::put_ids,
    open::{PIECE_BYTES, check_identity, create, put_identity, read_tip, replace, restore as restore_ledger},
    snapshot::{self, Broken, Contents, SnapshotError, SnapshotFile},
};

/// Writes a snapshot of the state after the last block to a file that there is not yet.
pub fn export(database: &Path, genesis: &Genesis, file: &Path) -> Result<Contents, SnapshotError> {
    let database = Database::open(database, Mode::ReadOnly)?;
    let view = database.view();
    let hash = genesis.hash();
    check_identity(&view, &hash)?;
    snapshot::write(&view, &hash, file, 0)
}

/// Puts a database made from a snapshot in the place of whatever is there, which is moved aside; gives
/// what the snapshot is of, and where to.
///
/// The snapshot's block must be final by the genesis file's validators. That its state is the one after
/// that block, no signature says: whoever takes the file from another asks for the root that more than one
/// node shows.
pub fn import(
    database: &Path,
    genesis: &Genesis,
    file: &Path,
    root: Option<Root>,
) -> Result<(Contents, Option<PathBuf>), SnapshotError> {
    let mut snapshot = SnapshotFile::open(file)?;
    let contents = snapshot.contents();
    let hash = genesis.hash();
    check_origin(&snapshot, genesis, &hash)?;
    if let Some(expected) = root.filter(|&expected| expected != contents.root) {
        return Err(SnapshotError::OtherRoot {
            path: file.to_owned(),
            expected,
            actual: contents.root,
        });
    }
    let origin = Origin {
        block: snapshot.block().clone(),
        handovers: snapshot.handovers().to_vec(),
    };
    let count = u32::try_from(snapshot.manifest().chunks.len()).expect("a manifest has fewer chunks");
    let chunks = (0..count).map(|index| Ok(snapshot.chunk(index)?.0));
    let moved = replace(database, &hash, |database| fill(database, &hash, &origin, chunks))?;
    Ok((contents, moved))
}

/// What a state is of.
#[derive(Debug, Clone)]
pub struct Origin {
    /// After which the state was this.
    pub block: StoredBlock,
    /// From the genesis to those who decide after the block.
    pub handovers: Vec<Handover>,
}

/// Puts a database made from checked chunks, all of a snapshot in order, in the place of one that has the
/// genesis state alone, which is removed.
pub fn begin_with(
    database: &Path,
    genesis: &Genesis,
    origin: &Origin,
    chunks: impl Iterator<Item = Result<Chunk, SnapshotError>>,
) -> Result<(), SnapshotError> {
    let hash = genesis.hash();
    let moved = replace(database, &hash, |database| fill(database, &hash, origin, chunks))?;
    if let Some(moved) = moved {
        folder::remove_if_there(&moved)?;
    }
    Ok(())
}

pub(super) fn check_origin(
    snapshot: &SnapshotFile,
    genesis: &Genesis,
    hash: &GenesisHash,
) -> Result<(), SnapshotError> {
    let path = snapshot.path().to_owned();
    let StoredBlock { block, certificate } = snapshot.block();
    if block.header.genesis != *hash {
        return Err(SnapshotError::OtherGenesis {
            path,
            expected: *hash,
            found: block.header.genesis,
        });
    }
    let validators = genesis.validator_set().expect("a genesis is checked when it is read");
    let height = block.header.height;
    let followed = follow(hash, &validators, snapshot.handovers(), height, &Ed25519);
    let deciders = followed.map_err(|error| match error {
        BadHandover::NotFollowing(height) => SnapshotError::Broken {
            path: path.clone(),
            problem: Broken::Handover(height),
        },
        BadHandover::NotFinal { source, .. } => SnapshotError::NotFinal {
            path: path.clone(),
            source,
        },
    })?;
    let verified = certificate.verify(hash, &deciders.of_height);
    verified.map_err(|source| SnapshotError::NotFinal { path, source })
}

/// The state is one to go on from, and its validators are those whom its block names.
fn check_state(database: &Database, genesis: &GenesisHash) -> Result<(), SnapshotError> {
    match restore_ledger(&database.view(), genesis) {
        Ok(_) => Ok(()),
        Err(StoreError::Damaged { damage, .. }) => Err(SnapshotError::State(damage)),
        Err(error) => Err(error.into()),
    }
}

/// Writes a snapshot into an empty database, one chunk in memory.
fn fill(
    database: &Database,
    genesis: &GenesisHash,
    origin: &Origin,
    chunks: impl Iterator<Item = Result<Chunk, SnapshotError>>,
) -> Result<(), SnapshotError> {
    let height = origin.block.block.header.height;
    for (part, chunk) in (0..).zip(chunks) {
        put_chunk(database, chunk?, (height, part))?;
    }
    let mut piece = WriteBatch::default();
    for handover in &origin.handovers {
        let key = handover_key(handover.last.header.height);
        piece.put_cf(database.column(Column::Meta), key, codec::encode(handover));
    }
    database.write(piece, false)?;
    put_beginning(database, genesis, &origin.block)?;
    check_state(database, genesis)
}

fn put_chunk(database: &Database, chunk: Chunk, part: (Height, u32)) -> Result<(), StoreError> {
    let mut piece = WriteBatch::default();
    let mut ids = Vec::new();
    for entry in chunk.entries.into_vec() {
        match entry {
            SnapshotEntry::State(key, value) => {
                piece.put_cf(
                    database.column(Column::State),
                    codec::encode(&key),
                    codec::encode(&value),
                );
            }
            SnapshotEntry::Id(valid_until, id) => ids.push((valid_until, id)),
            SnapshotEntry::Digest(forgotten_at, digest) => {
                piece.put_cf(database.column(Column::Digests), digest_key(forgotten_at, &digest), []);
            }
        }
    }
    put_ids(database, &mut piece, &ids, part);
    database.write(piece, false)
}

/// The last of it: without this it is no database.
fn put_beginning(database: &Database, genesis: &GenesisHash, stored: &StoredBlock) -> Result<(), StoreError> {
    let header = &stored.block.header;
    let mut piece = WriteBatch::default();
    piece.put_cf(
        database.column(Column::Blocks),
        height_key(header.height),
        codec::encode(stored),
    );
    piece.put_cf(
        database.column(Column::Meta),
        BEGINNING_KEY,
        codec::encode(&header.height),
    );
    put_identity(database, &mut piece, genesis, &Tip::of(header));
    database.write(piece, true)
}

/// Copies a database to a folder that there is not yet, and gives the block that it ends with.
pub fn copy(database: &Path, genesis: &Genesis, to: &Path) -> Result<Tip, SnapshotError> {
    if folder::is_occupied(to)? {
        return Err(SnapshotError::Exists { path: to.to_owned() });
    }
    let database = Database::open(database, Mode::ReadOnly)?;
    let view = database.view();
    check_identity(&view, &genesis.hash())?;
    create(to, |copy| copy_all(&view, copy))?;
    Ok(read_tip(&view)?)
}

/// Puts a copy of a copy in the place of whatever is there, which is moved aside; gives the block that it
/// ends with, and where to.
pub fn restore(database: &Path, genesis: &Genesis, from: &Path) -> Result<(Tip, Option<PathBuf>), StoreError> {
    let copy = Database::open(from, Mode::ReadOnly)?;
    let view = copy.view();
    let hash = genesis.hash();
    check_identity(&view, &hash)?;
    let moved = replace(database, &hash, |database| copy_all(&view, database))?;
    Ok((read_tip(&view)?, moved))
}

fn copy_all(view: &View<'_>, copy: &Database) -> Result<(), StoreError> {
    for column in Column::ALL {
        let mut piece = WriteBatch::default();
        for entry in view.scan(column, &[]) {
            let (key, value) = entry?;
            piece.put_cf(copy.column(column), key, value);
            if piece.size_in_bytes() >= PIECE_BYTES {
                copy.write(std::mem::take(&mut piece), false)?;
            }
        }
        copy.write(piece, true)?;
    }
    Ok(())
}
