//! The embedded database: one thread writes, and commits together what has come in meanwhile; some read.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::{
    Connection, OpenFlags,
    config::DbConfig,
    params_from_iter,
    types::{ToSqlOutput, ValueRef},
};

use super::{
    StoreError,
    sql::{Cell, Dialect, Row, Sql, Value},
    work::{Ended, Queue, Work},
};

/// So many transactions are committed together, at most.
const GROUP_MAX: usize = 256;

pub(super) const READERS: usize = 2;

const STATEMENTS_CACHED: usize = 128;

/// The writer's pages stay good from one transaction to the next, since nobody else writes. In KiB, as SQLite has it.
const WRITER_CACHE: i64 = -16_384;

struct Sqlite<'a>(&'a Connection);

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

/// `$1` is a name to SQLite, numbered by where it comes first; `?1` is a number. No text in a statement has a `$`.
fn numbered(statement: &str) -> String {
    statement.replace('$', "?")
}

impl Sql for Sqlite<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let mut prepared = self.0.prepare_cached(&numbered(statement))?;
        Ok(prepared.execute(params_from_iter(values))? as u64)
    }

    fn query(&mut self, statement: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let mut prepared = self.0.prepare_cached(&numbered(statement))?;
        let columns = prepared.column_count();
        let mut rows = prepared.query(params_from_iter(values))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let cells = (0..columns).map(|column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Null => Cell::Null,
                    ValueRef::Integer(value) => Cell::Int(value),
                    ValueRef::Text(text) => {
                        let text = std::str::from_utf8(text).map_err(|_| StoreError::Column { column })?;
                        Cell::Text(text.to_owned())
                    }
                    ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
                    ValueRef::Real(_) => return Err(StoreError::Column { column }),
                })
            });
            found.push(Row(cells.collect::<Result<_, StoreError>>()?));
        }
        Ok(found)
    }

    fn script(&mut self, statements: &str) -> Result<(), StoreError> {
        Ok(self.0.execute_batch(statements)?)
    }

    fn exclusive(&mut self, _: i64) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The file is made if it is absent. Everything committed is on the disk before anyone hears of it.
pub(super) fn writer(path: &Path) -> Result<impl FnOnce(Queue) + Send + use<>, StoreError> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "cache_size", WRITER_CACHE)?;
    Ok(move |queue: Queue| {
        while let Some(group) = queue.next_group(GROUP_MAX) {
            write_group(&connection, group);
        }
    })
}

fn run(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(drop)
}

fn write_group(connection: &Connection, group: Vec<Work>) {
    if let Err(error) = run(connection, "BEGIN IMMEDIATE") {
        let error = Arc::new(StoreError::from(error));
        for work in group {
            work.not_run(StoreError::Shared(Arc::clone(&error)));
        }
        return;
    }
    let is_alone = group.len() == 1;
    let mut done = Vec::with_capacity(group.len());
    for work in group {
        done.extend(match is_alone {
            true => Some(work.run(&mut Sqlite(connection))),
            false => apart(connection, work),
        });
    }
    let is_kept = !is_alone || done.iter().all(Ended::is_good);
    let ended = match is_kept {
        true => run(connection, "COMMIT"),
        false => Ok(()),
    };
    // What could not be committed, too. SQLite itself has taken it back if the disk is full.
    if !connection.is_autocommit()
        && let Err(error) = run(connection, "ROLLBACK")
    {
        stop(&error);
    }
    let failure = ended.err().map(|error| Arc::new(StoreError::from(error)));
    for ended in done {
        ended.told(failure.as_ref().map(|error| StoreError::Shared(Arc::clone(error))));
    }
}

/// Apart from the others of the group: if it fails, what it alone has done is taken back. `None` if it could not begin.
fn apart(connection: &Connection, work: Work) -> Option<Ended> {
    if let Err(error) = run(connection, "SAVEPOINT apart") {
        work.not_run(error.into());
        return None;
    }
    let ended = work.run(&mut Sqlite(connection));
    let kept = match ended.is_good() {
        true => Ok(()),
        false => run(connection, "ROLLBACK TO apart"),
    };
    if let Err(error) = kept.and_then(|()| run(connection, "RELEASE apart")) {
        // What was done is neither known to be kept nor to be taken back.
        stop(&error);
    }
    Some(ended)
}

/// A disk that is full or fails may have ended the transaction that all are in: what comes after would be kept alone, and
/// told to have failed.
fn stop(error: &rusqlite::Error) -> ! {
    tracing::error!(
        error = error.to_string(),
        "the database cannot take back what failed; the gateway stops"
    );
    eprintln!("error: the database cannot take back what failed, and the gateway stops: {error}");
    std::process::abort();
}

pub(super) fn reader(path: &Path) -> Result<impl FnOnce(Queue) + Send + use<>, StoreError> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    Ok(move |queue: Queue| {
        while let Some(work) = queue.next() {
            work.run_in(
                || Ok(run(&connection, "BEGIN")?),
                &mut Sqlite(&connection),
                |_| Ok(run(&connection, "COMMIT")?),
            );
        }
    })
}

fn open(path: &Path, how: OpenFlags) -> Result<Connection, StoreError> {
    let flags = how | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|source| StoreError::Open {
        path: PathBuf::from(path),
        source,
    })?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    // The query planner stability guarantee: a plan does not depend on what is bound. Without it, a statement whose LIMIT
    // is a parameter is compiled again each time that it is run.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    Ok(connection)
}
