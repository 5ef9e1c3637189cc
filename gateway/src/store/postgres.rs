//! The database that several gateways share. Each piece of work is a transaction of its own.

use std::{collections::HashMap, error::Error, thread};

use bytes::BytesMut;
use postgres::{
    Client, Config, NoTls, Statement,
    types::{IsNull, ToSql, Type, to_sql_checked},
};

use super::{
    StoreError,
    sql::{Cell, Dialect, Row, Sql, Value},
    work::Queue,
};

/// Connections, and as many threads.
pub(super) const WRITERS: usize = 8;
pub(super) const READERS: usize = 4;

/// How transactions begin. What one writes and reads is another's to change meanwhile, unless it takes the rows: see
/// [`Dialect::for_update`].
pub(super) const WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// All that one reads is of one moment, as it is in SQLite.
pub(super) const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

struct Postgres<'a> {
    client: &'a mut Client,
    prepared: &'a mut HashMap<String, Statement>,
}

impl Postgres<'_> {
    fn prepare(&mut self, statement: &str) -> Result<Statement, StoreError> {
        if let Some(prepared) = self.prepared.get(statement) {
            return Ok(prepared.clone());
        }
        let prepared = self.client.prepare(statement)?;
        self.prepared.insert(statement.to_owned(), prepared.clone());
        Ok(prepared)
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) => value.to_sql(kind, out),
            Self::Text(value) => value.to_sql(kind, out),
            Self::Bytes(value) => value.to_sql(kind, out),
        }
    }

    /// NULL is of any type. Of another than this has, the server refuses it.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn parameters<'a>(values: &'a [Value<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

impl Sql for Postgres<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let prepared = self.prepare(statement)?;
        Ok(self.client.execute(&prepared, &parameters(values))?)
    }

    fn query(&mut self, statement: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let prepared = self.prepare(statement)?;
        let rows = self.client.query(&prepared, &parameters(values))?;
        rows.iter().map(row).collect()
    }

    fn script(&mut self, statements: &str) -> Result<(), StoreError> {
        Ok(self.client.batch_execute(statements)?)
    }

    fn exclusive(&mut self, number: i64) -> Result<(), StoreError> {
        self.query("SELECT CAST(pg_advisory_xact_lock($1) AS TEXT)", &[number.into()])?;
        Ok(())
    }
}

fn row(row: &postgres::Row) -> Result<Row, StoreError> {
    let cell = |(column, kind): (usize, &postgres::Column)| {
        let cell = match *kind.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(column)?.map(Cell::Int),
            Type::INT4 => row
                .try_get::<_, Option<i32>>(column)?
                .map(|value| Cell::Int(value.into())),
            Type::TEXT | Type::VARCHAR => row.try_get::<_, Option<String>>(column)?.map(Cell::Text),
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(column)?.map(Cell::Bytes),
            // Such as the result of a function without one.
            Type::VOID => None,
            _ => return Err(StoreError::Column { column }),
        };
        Ok(cell.unwrap_or(Cell::Null))
    };
    let cells = row.columns().iter().enumerate().map(cell);
    Ok(Row(cells.collect::<Result<_, StoreError>>()?))
}

/// Connects now, so that a wrong URL is known at once, and again when the connection is lost.
pub(super) fn worker(config: &Config, begin: &'static str) -> Result<impl FnOnce(Queue) + Send + use<>, StoreError> {
    let config = config.clone();
    // The client waits for its own runtime, which it may not do on a thread that has another.
    let first = {
        let config = config.clone();
        thread::spawn(move || config.connect(NoTls)).join()
    };
    let mut connected = Some(first.map_err(|_| StoreError::Stopped)??);
    Ok(move |queue: Queue| {
        let mut prepared = HashMap::new();
        while let Some(work) = queue.next() {
            let client = match connected.take().filter(|client| !client.is_closed()) {
                Some(client) => Ok(client),
                None => {
                    prepared.clear();
                    config.connect(NoTls)
                }
            };
            let mut client = match client {
                Ok(client) => client,
                Err(error) => {
                    work.not_run(error.into());
                    continue;
                }
            };
            if let Err(error) = client.batch_execute(begin) {
                work.not_run(error.into());
                continue;
            }
            let ended = work.run(&mut Postgres {
                client: &mut client,
                prepared: &mut prepared,
            });
            let end = if ended.is_good() { "COMMIT" } else { "ROLLBACK" };
            let failure = client.batch_execute(end).err().map(StoreError::from);
            // A connection whose transaction did not end is not used again.
            if failure.is_none() {
                connected = Some(client);
            }
            ended.told(failure);
        }
    })
}
