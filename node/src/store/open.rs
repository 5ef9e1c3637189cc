//! Creates a database from a genesis, or restores the ledger from one that is there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use causeway_contracts::{
    block::{Block, GenesisHash, Height, TimeMs, genesis_block_id},
    codec,
    genesis::Genesis,
    ledger::{Ledger, StateKey, StateValue, Tip},
    transaction::UnixSeconds,
};
use rocksdb::WriteBatch;

use super::{
    database::{Database, Entry, Mode, View},
    error::{Attempt, Damage, Evidence, StoreError},
    folder::{self, folder_error},
    format::{
        BEGINNING_KEY, Column, FORMAT_KEY, FORMAT_VERSION, GENESIS_KEY, StoredBlock, TIP_KEY, digest_from, digest_of,
        height_key, tip_of, tip_value,
    },
    halted,
    ids::scan_ids,
    swap,
};

/// Genesis state is written in pieces of about this size, so that a million accounts need no more
/// memory than a few.
pub(super) const PIECE_BYTES: usize = 4 * 1024 * 1024;

/// Whether a database must be there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// This node has taken part before: its sign record or its consensus log is there.
    Existing,
    /// Create one if there has never been one.
    NewOrExisting,
}

/// What a start found.
pub struct Opened {
    /// The state after the last committed block.
    pub ledger: Ledger,
    /// Whether the database was created by this start.
    pub created: bool,
}

pub(super) fn open(path: &Path, genesis: &Genesis, expect: Expect) -> Result<(Database, Opened), StoreError> {
    let hash = genesis.hash();
    halted::check(path)?;
    // Whoever builds another for its place has it locked.
    folder::check_unused(path)?;
    swap::finish(path)?;
    folder::remove_if_there(&folder::building_path(path))?;
    let created = !folder::is_occupied(path)?;
    if created {
        check_never_created(path, expect)?;
        let ledger = from_genesis(path, genesis)?;
        create(path, |database| write_state(database, &ledger))?;
    }
    let database = Database::open(path, Mode::Existing)?;
    check_identity(&database.view(), &hash)?;
    if !folder::marker_path(path).exists() {
        folder::write_marker(path, &hash)?;
    }
    let ledger = restore(&database.view(), &hash)?;
    Ok((database, Opened { ledger, created }))
}

fn check_never_created(path: &Path, expect: Expect) -> Result<(), StoreError> {
    let marker = folder::marker_path(path);
    let evidence = match expect {
        Expect::Existing => Evidence::Caller,
        Expect::NewOrExisting if marker.exists() => Evidence::Marker,
        Expect::NewOrExisting => return Ok(()),
    };
    Err(StoreError::Missing {
        path: path.to_owned(),
        evidence,
    })
}

/// Puts a new database with the genesis state in the place of one that is damaged or lost, which only
/// an operator decides. What was there is moved aside, not deleted; gives where to.
pub fn renew(path: &Path, genesis: &Genesis) -> Result<Option<PathBuf>, StoreError> {
    let hash = genesis.hash();
    let ledger = from_genesis(path, genesis)?;
    replace(path, &hash, |database| write_state(database, &ledger))
}

/// Puts a new database that `fill` makes in the place of whatever is there, which is moved aside; gives
/// where to.
pub(super) fn replace<E: From<StoreError>>(
    path: &Path,
    genesis: &GenesisHash,
    fill: impl FnOnce(&Database) -> Result<(), E>,
) -> Result<Option<PathBuf>, E> {
    folder::check_unused(path)?;
    swap::finish(path)?;
    // Until the new one is in place, no node starts from the old one.
    let _lock = folder::lock(path)?;
    let building = build(path, fill)?;
    let moved = swap::swap(&building, path)?;
    folder::write_marker(path, genesis)?;
    halted::forget(path)?;
    Ok(moved)
}

fn from_genesis(path: &Path, genesis: &Genesis) -> Result<Ledger, StoreError> {
    if genesis.continues.is_some() {
        return Err(StoreError::NotAdopted { path: path.to_owned() });
    }
    Ok(Ledger::from_genesis(genesis, hash_seed()))
}

/// Makes a database where there is none.
pub(super) fn create<E: From<StoreError>>(path: &Path, fill: impl FnOnce(&Database) -> Result<(), E>) -> Result<(), E> {
    let building = build(path, fill)?;
    Ok(swap::put_in_place(&building, path)?)
}

/// Builds a database beside its place, so that a kill leaves a whole one there or none.
fn build<E: From<StoreError>>(path: &Path, fill: impl FnOnce(&Database) -> Result<(), E>) -> Result<PathBuf, E> {
    let parent = folder::parent(path);
    fs::create_dir_all(parent).map_err(|source| folder_error(Attempt::Create, parent, source))?;
    let building = folder::building_path(path);
    folder::remove_if_there(&building)?;
    let database = Database::open(&building, Mode::New)?;
    fill(&database)?;
    database.flush()?;
    Ok(building)
}

pub(super) fn write_state(database: &Database, ledger: &Ledger) -> Result<(), StoreError> {
    let state = database.column(Column::State);
    let mut piece = WriteBatch::default();
    for (key, value) in ledger.entries() {
        piece.put_cf(state, codec::encode(&key), codec::encode(&value));
        if piece.size_in_bytes() >= PIECE_BYTES {
            database.write(std::mem::take(&mut piece), false)?;
        }
    }
    put_identity(database, &mut piece, &ledger.genesis(), ledger.tip());
    database.write(piece, true)
}

/// What a database says of itself.
pub(super) fn put_identity(database: &Database, piece: &mut WriteBatch, genesis: &GenesisHash, tip: &Tip) {
    let meta = database.column(Column::Meta);
    piece.put_cf(meta, FORMAT_KEY, FORMAT_VERSION.to_be_bytes());
    piece.put_cf(meta, GENESIS_KEY, codec::encode(genesis));
    piece.put_cf(meta, TIP_KEY, codec::encode(&tip_value(tip)));
}

pub(super) fn check_identity(view: &View<'_>, expected: &GenesisHash) -> Result<(), StoreError> {
    let database = view.database();
    let version = view
        .bytes(Column::Meta, FORMAT_KEY)?
        .and_then(|bytes| Some(u32::from_be_bytes(bytes.as_slice().try_into().ok()?)))
        .ok_or_else(|| database.damaged(Damage::NoMeta("the format version")))?;
    if version != FORMAT_VERSION {
        return Err(StoreError::OtherVersion {
            path: database.path().to_owned(),
            found: version,
        });
    }
    let found: GenesisHash = view
        .get(Column::Meta, GENESIS_KEY)?
        .ok_or_else(|| database.damaged(Damage::NoMeta("the genesis hash")))?;
    if found != *expected {
        return Err(StoreError::OtherGenesis {
            path: database.path().to_owned(),
            expected: *expected,
            found,
        });
    }
    Ok(())
}

pub(super) fn read_tip(view: &View<'_>) -> Result<Tip, StoreError> {
    match view.get(Column::Meta, TIP_KEY)? {
        Some(fields) => Ok(tip_of(fields)),
        None => Err(view.database().damaged(Damage::NoMeta("the tip"))),
    }
}

/// The first block whose contents are here: what was before it is known by its outcome alone. 0 where all
/// is here from the genesis on.
pub(super) fn read_beginning(view: &View<'_>) -> Result<Height, StoreError> {
    Ok(view.get(Column::Meta, BEGINNING_KEY)?.unwrap_or_default())
}

pub(super) fn restore(view: &View<'_>, genesis: &GenesisHash) -> Result<Ledger, StoreError> {
    let tip = read_tip(view)?;
    check_tip_block(view, &tip, genesis)?;
    // The ledger takes plain iterators: each stops at its first error, which is looked at before the
    // ledger is.
    let (mut bad_entry, mut bad_id, mut bad_digest) = (None, None, None);
    let entries = read_state(view).map_while(|read| stop_at_error(read, &mut bad_entry));
    let ids = scan_ids(view, first_remembered(tip.time_ms)).map_while(|read| stop_at_error(read, &mut bad_id));
    let digests = view.scan(Column::Digests, &digest_from(first_kept(tip.time_ms)));
    let digests = digests
        .map(|entry| decode_key(view, Column::Digests, digest_of, &entry?.0))
        .map_while(|read| stop_at_error(read, &mut bad_digest));
    let restored = Ledger::restore(*genesis, tip, entries, ids, digests, hash_seed());
    if let Some(error) = bad_entry.or(bad_id).or(bad_digest) {
        return Err(error);
    }
    let ledger = restored.map_err(|error| view.database().damaged(error.into()))?;
    check_validators(view, &ledger)?;
    Ok(ledger)
}

/// Those who decide the next block are whom the last block names.
fn check_validators(view: &View<'_>, ledger: &Ledger) -> Result<(), StoreError> {
    let height = ledger.tip().height;
    let last: Option<StoredBlock> = view.get(Column::Blocks, &height_key(height))?;
    // Before the first block there is none, or another network's.
    let own = last.filter(|it| it.block.id() == ledger.tip().block);
    let named = own.is_none_or(|it| it.block.header.next_validators_hash == ledger.validators().hash());
    if named {
        return Ok(());
    }
    Err(view.database().damaged(Damage::Handover(height)))
}

fn stop_at_error<T>(read: Result<T, StoreError>, first: &mut Option<StoreError>) -> Option<T> {
    match read {
        Ok(value) => Some(value),
        Err(error) => {
            *first = Some(error);
            None
        }
    }
}

pub(super) fn read_state(view: &View<'_>) -> impl Iterator<Item = Result<(StateKey, StateValue), StoreError>> {
    view.scan(Column::State, &[]).map(|entry| state_entry(view, entry?))
}

pub(super) fn state_entry(view: &View<'_>, (key, value): Entry) -> Result<(StateKey, StateValue), StoreError> {
    let database = view.database();
    Ok((
        database.decode(Column::State, &key)?,
        database.decode(Column::State, &value)?,
    ))
}

pub(super) fn decode_key<T>(
    view: &View<'_>,
    column: Column,
    decode: fn(&[u8]) -> Option<T>,
    key: &[u8],
) -> Result<T, StoreError> {
    decode(key).ok_or_else(|| view.database().damaged(Damage::Key { column }))
}

/// Ids whose validity ends before this were forgotten in a block of this time, or earlier.
pub(super) fn first_remembered(time: TimeMs) -> UnixSeconds {
    UnixSeconds(time.0 / 1000 + 1)
}

/// Digests that may be forgotten before this were forgotten in a block of this time, or earlier.
pub(super) fn first_kept(time: TimeMs) -> TimeMs {
    TimeMs(time.0 + 1)
}

/// The stored block is the tip's, and follows from the one before it.
fn check_tip_block(view: &View<'_>, tip: &Tip, genesis: &GenesisHash) -> Result<(), StoreError> {
    let database = view.database();
    // The first state, which no block of this network has made, be it of height 0 or not.
    let first = genesis_block_id(genesis);
    if tip.block == first {
        return Ok(());
    }
    if tip.height == Height::GENESIS {
        return Err(database.damaged(Damage::Tip(tip.height)));
    }
    let read = |height| -> Result<StoredBlock, StoreError> {
        let block = view.get(Column::Blocks, &height_key(height))?;
        block.ok_or_else(|| database.damaged(Damage::NoBlock(height)))
    };
    let StoredBlock { block, certificate } = read(tip.height)?;
    let header = &block.header;
    let is_tip = (header.height, header.time_ms, block.id(), header.state_hash)
        == (tip.height, tip.time_ms, tip.block, tip.state_hash)
        && (certificate.height, certificate.block) == (tip.height, tip.block);
    if !is_tip {
        return Err(database.damaged(Damage::Tip(tip.height)));
    }
    // A database made from a snapshot begins with the snapshot's block, whose parent it has not.
    if header.parent != first && tip.height != read_beginning(view)? {
        let parent = read(Height(tip.height.0 - 1))?.block;
        if !follows(&block, &parent) {
            return Err(database.damaged(Damage::Chain(tip.height)));
        }
    }
    Ok(())
}

pub(super) fn follows(block: &Block, parent: &Block) -> bool {
    let (header, before) = (&block.header, &parent.header);
    header.parent == before.id()
        && header.height == before.height.next()
        && header.time_ms > before.time_ms
        && header.state_hash == before.state_hash.after(&header.changes_root)
        && header.validators_hash == before.next_validators_hash
}

/// Keeps those who choose account ids from choosing places in hash tables.
pub(super) fn hash_seed() -> u64 {
    getrandom::u64().expect("the system gives random numbers")
}
