//! The embedded database: one thread writes, and commits together what has come in meanwhile; some read.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::{
    Connection, OpenFlags, TransactionBehavior, params_from_iter,
    types::{ToSqlOutput, ValueRef},
};

use super::{
    StoreError,
    sql::{Cell, Dialect, Row, Sql, Value},
    work::{Queue, Work},
};

/// So many transactions are committed together, at most.
const GROUP_MAX: usize = 256;

pub(super) const READERS: usize = 2;

const STATEMENTS_CACHED: usize = 128;

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
    let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    Ok(move |queue: Queue| {
        while let Some(group) = queue.next_group(GROUP_MAX) {
            write_group(&mut connection, group);
        }
    })
}

fn write_group(connection: &mut Connection, group: Vec<Work>) {
    let mut transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => {
            let error = Arc::new(StoreError::from(error));
            for work in group {
                work.not_run(StoreError::Shared(Arc::clone(&error)));
            }
            return;
        }
    };
    let mut done = Vec::with_capacity(group.len());
    for work in group {
        // Each apart from the others: one that fails takes back what it alone has done.
        match transaction.savepoint() {
            Ok(mut savepoint) => {
                let ended = work.run(&mut Sqlite(&savepoint));
                let kept = if ended.is_good() {
                    savepoint.commit()
                } else {
                    savepoint.rollback().and_then(|()| savepoint.commit())
                };
                if let Err(error) = &kept {
                    // What was done is neither known to be kept nor to be taken back.
                    stop(error);
                }
                done.push(ended);
            }
            Err(error) => work.not_run(error.into()),
        }
    }
    let committed = transaction
        .commit()
        .err()
        .map(|error| Arc::new(StoreError::from(error)));
    for ended in done {
        ended.told(committed.as_ref().map(|error| StoreError::Shared(Arc::clone(error))));
    }
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
                || Ok(connection.execute_batch("BEGIN")?),
                &mut Sqlite(&connection),
                |_| Ok(connection.execute_batch("COMMIT")?),
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
    connection.busy_timeout(Duration::from_secs(10))?;
    Ok(connection)
}
