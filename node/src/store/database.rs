//! RocksDB with our columns: how it is tuned, opened, read and written.

use std::{
    ffi::c_int,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use bincode::{Decode, Encode};
use causeway_contracts::codec;
use rocksdb::{
    BlockBasedOptions, BottommostLevelCompaction, Cache, ColumnFamily, ColumnFamilyDescriptor, CompactOptions, DB,
    DBCompactionStyle, DBCompressionType, DBRecoveryMode, Direction, Env, IteratorMode, Options, ReadOptions, Snapshot,
    UniversalCompactOptions, WriteBatch, WriteOptions,
};

use super::{
    beside::open_beside,
    error::{Attempt, Damage, StoreError},
    format::{Column, VALUE_BYTES_MAX},
};

/// Blocks read from disk, with the indexes and filters of tables.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// What was written and is not yet in a table, over all columns together.
const MEMTABLE_BYTES: usize = 64 * 1024 * 1024;

/// The same for one column.
const COLUMN_MEMTABLE_BYTES: usize = 8 * 1024 * 1024;

/// The log that a start reads again is at most about this long.
const LOG_BYTES: u64 = 128 * 1024 * 1024;

/// Shorter batches are in the tables themselves.
const BLOB_BYTES_MIN: u64 = 1024;

const BLOB_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// So many runs of about a size become one.
const INDEX_MERGE_WIDTH: c_int = 4;

/// Nothing in the index is replaced, so no merge is due for what one would free.
const INDEX_AMPLIFICATION_PERCENT: c_int = 10_000;

/// Fewer runs are left as they are; each may have to be asked for an id.
const INDEX_RUNS: c_int = 8;

pub const OPEN_FILES_MAX: i32 = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// A folder that there is not yet.
    New,
    Existing,
    /// Changes nothing, not even the log.
    ReadOnly,
}

/// How many databases this process has open.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Waits until this process has no database open, for so long at most; false if it has one still. RocksDB aborts a
/// process that ends meanwhile, and its exit status would be lost.
pub fn wait_until_closed(max: Duration) -> bool {
    let began = Instant::now();
    while OPEN.load(Ordering::Acquire) > 0 {
        if began.elapsed() >= max {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    true
}

/// Is there for as long as its database is open.
struct Counted;

impl Counted {
    fn new() -> Self {
        OPEN.fetch_add(1, Ordering::AcqRel);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::AcqRel);
    }
}

pub(super) struct Database {
    db: DB,
    path: PathBuf,
    closing: AtomicBool,
    // Dropped after the database, since it is declared after it.
    _counted: Counted,
}

impl Database {
    pub fn open(path: &Path, mode: Mode) -> Result<Self, StoreError> {
        match mode {
            Mode::New | Mode::Existing => Self::open_once(path, mode),
            Mode::ReadOnly => open_beside(path, || Self::open_once(path, mode)),
        }
    }

    fn open_once(path: &Path, mode: Mode) -> Result<Self, StoreError> {
        let attempt = match mode {
            Mode::New => Attempt::Create,
            Mode::Existing | Mode::ReadOnly => Attempt::Open,
        };
        let failed = |cause| StoreError::Database {
            attempt,
            path: path.to_owned(),
            cause,
        };
        let cache = Cache::new_lru_cache(CACHE_BYTES);
        let mut options = options(mode);
        options.set_env(&environment().map_err(failed)?);
        let columns =
            Column::ALL.map(|column| ColumnFamilyDescriptor::new(column.name(), column_options(column, &cache)));
        let counted = Counted::new();
        let opened = match mode {
            Mode::New | Mode::Existing => DB::open_cf_descriptors(&options, path, columns),
            Mode::ReadOnly => DB::open_cf_descriptors_read_only(&options, path, columns, false),
        };
        let db = opened.map_err(failed)?;
        let database = Self {
            db,
            path: path.to_owned(),
            closing: AtomicBool::new(false),
            _counted: counted,
        };
        match Column::ALL
            .into_iter()
            .find(|column| database.db.cf_handle(column.name()).is_none())
        {
            Some(column) => Err(database.damaged(Damage::NoColumn { column })),
            None => Ok(database),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Long reads are to end.
    pub fn close_soon(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// # Errors
    /// If it is to be closed soon.
    pub fn check_wanted(&self) -> Result<(), StoreError> {
        if self.closing.load(Ordering::Acquire) {
            return Err(StoreError::Closing);
        }
        Ok(())
    }

    pub fn column(&self, column: Column) -> &ColumnFamily {
        self.db.cf_handle(column.name()).expect("looked up when it was opened")
    }

    /// All reads through one view see the same committed block.
    pub fn view(&self) -> View<'_> {
        View {
            database: self,
            snapshot: self.db.snapshot(),
        }
    }

    pub fn contains(&self, column: Column, key: &[u8]) -> Result<bool, StoreError> {
        let found = self.db.get_pinned_cf(self.column(column), key);
        Ok(found.map_err(|cause| self.failed(Attempt::Read, cause))?.is_some())
    }

    /// In the log, and so safe from the end of this process; safe from the machine's only if `synced`,
    /// or once [`Self::sync`] has returned.
    pub fn write(&self, batch: WriteBatch, synced: bool) -> Result<(), StoreError> {
        let mut options = WriteOptions::default();
        options.set_sync(synced);
        let written = self.db.write_opt(batch, &options);
        written.map_err(|cause| self.failed(Attempt::Write, cause))
    }

    pub fn sync(&self) -> Result<(), StoreError> {
        let synced = self.db.flush_wal(true);
        synced.map_err(|cause| self.failed(Attempt::Sync, cause))
    }

    /// Writes everything to tables, so that nothing depends on the log.
    pub fn flush(&self) -> Result<(), StoreError> {
        let columns = Column::ALL.map(|column| self.column(column));
        let flushed = self.db.flush_cfs_opt(&columns, &rocksdb::FlushOptions::default());
        flushed.map_err(|cause| self.failed(Attempt::Write, cause))
    }

    /// Rewrites all tables, so that nothing is left of what was replaced or removed.
    pub fn compact(&self) -> Result<(), StoreError> {
        self.flush()?;
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        for column in Column::ALL {
            self.db
                .compact_range_cf_opt(self.column(column), None::<&[u8]>, None::<&[u8]>, &options);
        }
        Ok(())
    }

    pub fn decode<T: Encode + Decode<()>>(&self, column: Column, bytes: &[u8]) -> Result<T, StoreError> {
        codec::decode(bytes, VALUE_BYTES_MAX).map_err(|source| self.damaged(Damage::Value { column, source }))
    }

    pub fn damaged(&self, damage: Damage) -> StoreError {
        StoreError::Damaged {
            path: self.path.clone(),
            damage,
        }
    }

    fn failed(&self, attempt: Attempt, cause: rocksdb::Error) -> StoreError {
        StoreError::Database {
            attempt,
            path: self.path.clone(),
            cause,
        }
    }
}

/// A key and its value.
pub(super) type Entry = (Box<[u8]>, Box<[u8]>);

/// The database as it was at one moment.
pub(super) struct View<'a> {
    database: &'a Database,
    snapshot: Snapshot<'a>,
}

impl<'a> View<'a> {
    pub fn database(&self) -> &'a Database {
        self.database
    }

    pub fn bytes(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let bytes = self.snapshot.get_cf(self.database.column(column), key);
        bytes.map_err(|cause| self.database.failed(Attempt::Read, cause))
    }

    pub fn get<T: Encode + Decode<()>>(&self, column: Column, key: &[u8]) -> Result<Option<T>, StoreError> {
        let bytes = self.bytes(column, key)?;
        bytes.map(|bytes| self.database.decode(column, &bytes)).transpose()
    }

    /// Keys and values in order of their keys, from `from` on. What is read does not displace what the
    /// cache holds.
    pub fn scan<'s>(
        &'s self,
        column: Column,
        from: &[u8],
    ) -> impl Iterator<Item = Result<Entry, StoreError>> + use<'s, 'a> {
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        options.set_readahead_size(1024 * 1024);
        self.iterate(column, IteratorMode::From(from, Direction::Forward), options)
    }

    /// Keys and values from the key `from` up to the key `to`, without it.
    pub fn range<'s>(
        &'s self,
        column: Column,
        from: &[u8],
        to: &[u8],
    ) -> impl Iterator<Item = Result<Entry, StoreError>> + use<'s, 'a> {
        self.iterate(column, IteratorMode::Start, read_range(from, to))
    }

    /// The same, the last key first.
    pub fn range_back<'s>(
        &'s self,
        column: Column,
        from: &[u8],
        to: &[u8],
    ) -> impl Iterator<Item = Result<Entry, StoreError>> + use<'s, 'a> {
        self.iterate(column, IteratorMode::End, read_range(from, to))
    }

    /// Keys and values whose keys begin with `prefix`.
    pub fn scan_prefix<'s>(
        &'s self,
        column: Column,
        prefix: &[u8],
    ) -> impl Iterator<Item = Result<Entry, StoreError>> + use<'s, 'a> {
        let mut options = ReadOptions::default();
        options.set_iterate_range(rocksdb::PrefixRange(prefix));
        self.iterate(column, IteratorMode::From(prefix, Direction::Forward), options)
    }

    fn iterate<'s>(
        &'s self,
        column: Column,
        mode: IteratorMode<'_>,
        options: ReadOptions,
    ) -> impl Iterator<Item = Result<Entry, StoreError>> + use<'s, 'a> {
        let entries = self
            .snapshot
            .iterator_cf_opt(self.database.column(column), options, mode);
        entries.map(|entry| entry.map_err(|cause| self.database.failed(Attempt::Read, cause)))
    }
}

fn read_range(from: &[u8], to: &[u8]) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_iterate_range(from.to_vec()..to.to_vec());
    options
}

/// This process's, whose compactions take what time payments leave: seconds of them come at once, and at the same
/// height at all validators. Where they fall far behind, RocksDB makes writers wait.
fn environment() -> Result<Env, rocksdb::Error> {
    let mut environment = Env::new()?;
    environment.lower_thread_pool_cpu_priority();
    Ok(environment)
}

fn options(mode: Mode) -> Options {
    let mut options = Options::default();
    options.create_if_missing(mode == Mode::New);
    options.create_missing_column_families(mode == Mode::New);
    options.set_error_if_exists(mode == Mode::New);
    options.set_paranoid_checks(true);
    // A kill can tear the last record, which nothing was told to depend on. Anything else that is
    // wrong in the log is damage: to go on from before it would silently take back final blocks.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_max_total_wal_size(LOG_BYTES);
    options.set_db_write_buffer_size(MEMTABLE_BYTES);
    // A reader beside a running node holds all files open, so that none is deleted under it.
    options.set_max_open_files(if mode == Mode::ReadOnly { -1 } else { OPEN_FILES_MAX });
    options.set_max_background_jobs(2);
    // One thread writes.
    options.set_allow_concurrent_memtable_write(false);
    // Spread over time instead of stalling a block's sync.
    options.set_bytes_per_sync(1024 * 1024);
    options.set_keep_log_file_num(4);
    options.set_max_log_file_size(4 * 1024 * 1024);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    options
}

fn column_options(column: Column, cache: &Cache) -> Options {
    let mut tables = BlockBasedOptions::default();
    tables.set_block_cache(cache);
    tables.set_cache_index_and_filter_blocks(true);
    tables.set_pin_l0_filter_and_index_blocks_in_cache(true);
    tables.set_format_version(5);
    tables.set_block_size(16 * 1024);
    // These are asked for keys that are not there: unknown transactions, new batches, new accounts.
    if matches!(
        column,
        Column::Index | Column::Batches | Column::State | Column::Pending
    ) {
        tables.set_bloom_filter(10.0, false);
    }
    let mut options = Options::default();
    options.set_block_based_table_factory(&tables);
    // Keys, signatures, hashes and numbers: what compression saves is less than a hundredth.
    options.set_compression_type(DBCompressionType::None);
    match column {
        Column::Batches => {
            // Long, and never replaced: a table has their places, and compaction leaves them where they are.
            options.set_enable_blob_files(true);
            options.set_min_blob_size(BLOB_BYTES_MIN);
            options.set_blob_file_size(BLOB_FILE_BYTES);
        }
        Column::Index => {
            // Random keys that are never replaced: levels would be written again and again for each that comes.
            let mut universal = UniversalCompactOptions::default();
            universal.set_min_merge_width(INDEX_MERGE_WIDTH);
            universal.set_max_size_amplification_percent(INDEX_AMPLIFICATION_PERCENT);
            options.set_compaction_style(DBCompactionStyle::Universal);
            options.set_universal_compaction_options(&universal);
            options.set_level_zero_file_num_compaction_trigger(INDEX_RUNS);
            options.set_level_zero_slowdown_writes_trigger(5 * INDEX_RUNS);
            options.set_level_zero_stop_writes_trigger(8 * INDEX_RUNS);
        }
        _ => {}
    }
    options.set_write_buffer_size(COLUMN_MEMTABLE_BYTES);
    options.set_max_write_buffer_number(2);
    options.set_target_file_size_base(32 * 1024 * 1024);
    options.set_level_compaction_dynamic_level_bytes(true);
    options
}
