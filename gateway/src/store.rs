//! What a gateway remembers, in a database: SQLite beside it by default, or PostgreSQL, which several share.
//!
//! The schema and every statement are the same for both ([`sql`]); a function over a transaction ([`Sql`]) is all that
//! the rest of the gateway sees. Such a function runs on a thread of the database's, does no I/O of its own, and what it
//! has done is on the disk, or was not done at all, before its caller hears of it. No transaction stays open over a call
//! to anyone else.

mod postgres;
pub mod schema;
pub mod sql;
mod sqlite;
mod work;

use std::{path::PathBuf, str::FromStr, sync::Arc, sync::mpsc, thread};

pub use self::sql::{Row, Sql, Value};
use self::work::{Queue, Work};
use crate::money::DigitsUnknown;
use ::postgres::error::SqlState;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot open the database {}", path.display())]
    Open {
        path: PathBuf,
        #[source]
        source: rusqlite::Error,
    },
    #[error("the database")]
    Sqlite(#[from] rusqlite::Error),
    #[error("the database")]
    Postgres(#[from] ::postgres::Error),
    /// One failure of several transactions that were to be committed together.
    #[error(transparent)]
    Shared(Arc<StoreError>),
    #[error("column {column} of a row has not the type that was written")]
    Column { column: usize },
    #[error("the document in column {column} of a row")]
    Json {
        column: usize,
        #[source]
        source: serde_json::Error,
    },
    #[error("the row has been changed by another")]
    Changed,
    #[error(
        "the database is of version {found}, and this program knows version {known}; run `causeway-gateway migrate`"
    )]
    Version { found: i64, known: i64 },
    #[error("more than {} transactions wait for the database", work::WAITING_MAX)]
    Busy,
    #[error("the database's thread has stopped")]
    Stopped,
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
}

/// Whatever was to be stored is stored when the currency is known, a few seconds later.
impl From<DigitsUnknown> for StoreError {
    fn from(unknown: DigitsUnknown) -> Self {
        tracing::warn!(error = unknown.to_string(), "nothing is stored yet");
        Self::Busy
    }
}

impl StoreError {
    /// Whether the same may go well when it is done again.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Busy | Self::Changed => true,
            Self::Shared(error) => error.may_pass(),
            // Another program, such as one that makes a copy, had it for longer than is waited.
            Self::Sqlite(error) => error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy),
            Self::Postgres(error) => match error.code() {
                Some(code) => [
                    SqlState::T_R_DEADLOCK_DETECTED,
                    SqlState::T_R_SERIALIZATION_FAILURE,
                    SqlState::ADMIN_SHUTDOWN,
                    SqlState::CRASH_SHUTDOWN,
                    SqlState::CANNOT_CONNECT_NOW,
                    SqlState::TOO_MANY_CONNECTIONS,
                ]
                .contains(code),
                // Nobody answers, or not any more.
                None => {
                    error.is_closed()
                        || std::error::Error::source(error).is_some_and(|cause| cause.is::<std::io::Error>())
                }
            },
            _ => false,
        }
    }
}

/// Where the database is: `sqlite:PATH`, or the URL of a PostgreSQL.
#[derive(Clone)]
pub enum Location {
    Sqlite(PathBuf),
    Postgres(Box<::postgres::Config>),
}

/// Says nothing of the text, which may have a password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a database is written as sqlite:PATH, or as postgres://USER:PASSWORD@HOST/NAME")]
pub struct NotALocation;

impl FromStr for Location {
    type Err = NotALocation;

    fn from_str(text: &str) -> Result<Self, NotALocation> {
        if let Some(path) = text.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            return Ok(Self::Sqlite(path.into()));
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(NotALocation);
        }
        let config = text.parse().map_err(|_| NotALocation)?;
        Ok(Self::Postgres(Box::new(config)))
    }
}

/// An open database. Its threads end when the last copy of this is dropped.
#[derive(Clone)]
pub struct Store {
    write: mpsc::SyncSender<Work>,
    read: mpsc::SyncSender<Work>,
}

impl Store {
    /// Opens or makes it, whatever its schema's version.
    pub fn open(location: &Location) -> Result<Self, StoreError> {
        match location {
            Location::Sqlite(path) => {
                let (write, queue) = Queue::new();
                let writer = sqlite::writer(path)?;
                start("database", move || writer(queue))?;
                let (read, queue) = Queue::new();
                for _ in 0..sqlite::READERS {
                    let reader = sqlite::reader(path)?;
                    let queue = queue.clone();
                    start("database-read", move || reader(queue))?;
                }
                Ok(Self { write, read })
            }
            Location::Postgres(config) => {
                let workers = |name, begin, count| {
                    let (sender, queue) = Queue::new();
                    for _ in 0..count {
                        let worker = postgres::worker(config, begin)?;
                        let queue = queue.clone();
                        start(name, move || worker(queue))?;
                    }
                    Ok::<_, StoreError>(sender)
                };
                Ok(Self {
                    write: workers("database", postgres::WRITE, postgres::WRITERS)?,
                    read: workers("database-read", postgres::READ, postgres::READERS)?,
                })
            }
        }
    }

    /// A transaction that may write. If it fails, nothing of it was done; except that a PostgreSQL whose connection is lost
    /// while it commits may have done it.
    pub async fn write<R, E, F>(&self, work: F) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut dyn Sql) -> Result<R, E> + Send + 'static,
    {
        ask(&self.write, work).await
    }

    /// A transaction that only reads, and all of it as of one moment.
    pub async fn read<R, E, F>(&self, work: F) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut dyn Sql) -> Result<R, E> + Send + 'static,
    {
        ask(&self.read, work).await
    }
}

async fn ask<R, E, F>(queue: &mpsc::SyncSender<Work>, work: F) -> Result<R, E>
where
    R: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: FnOnce(&mut dyn Sql) -> Result<R, E> + Send + 'static,
{
    let (work, asked) = Work::new(work);
    queue.try_send(work).map_err(|error| match error {
        mpsc::TrySendError::Full(_) => StoreError::Busy,
        mpsc::TrySendError::Disconnected(_) => StoreError::Stopped,
    })?;
    match asked.await {
        Ok(result) => result,
        Err(_) => Err(StoreError::Stopped.into()),
    }
}

fn start(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    let thread = thread::Builder::new().name(name.to_owned());
    let run = || {
        let _guard = AbortOnPanic;
        run();
    };
    thread.spawn(run).map(drop).map_err(StoreError::Thread)
}

/// Without its database a gateway would go on answering, and remember nothing.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            std::process::abort();
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
