//! What both databases understand: statements with numbered parameters (`$1`), over whole numbers, texts and bytes.

use super::StoreError;

/// A parameter. Truth is 0 or 1, time is milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(value)
    }
}

impl<'a, T: Into<Self>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// What a column of a row has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(pub Vec<Cell>);

impl Row {
    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        match self.0.get(column) {
            Some(Cell::Int(value)) => Ok(*value),
            _ => Err(StoreError::Column { column }),
        }
    }

    pub fn flag(&self, column: usize) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    pub fn text(&self, column: usize) -> Result<&str, StoreError> {
        match self.0.get(column) {
            Some(Cell::Text(value)) => Ok(value),
            _ => Err(StoreError::Column { column }),
        }
    }

    pub fn bytes(&self, column: usize) -> Result<&[u8], StoreError> {
        match self.0.get(column) {
            Some(Cell::Bytes(value)) => Ok(value),
            _ => Err(StoreError::Column { column }),
        }
    }

    pub fn is_null(&self, column: usize) -> bool {
        matches!(self.0.get(column), Some(Cell::Null))
    }

    pub fn optional_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        if self.is_null(column) {
            return Ok(None);
        }
        self.text(column).map(Some)
    }

    pub fn optional_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        if self.is_null(column) {
            return Ok(None);
        }
        self.int(column).map(Some)
    }

    /// A text column that holds a JSON document.
    pub fn json<T: serde::de::DeserializeOwned>(&self, column: usize) -> Result<T, StoreError> {
        serde_json::from_str(self.text(column)?).map_err(|source| StoreError::Json { column, source })
    }
}

/// In which the two databases differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// After a `SELECT`: nobody else changes these rows until the transaction is over. In SQLite there is one writer.
    pub fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// The same, and leaves out rows that another transaction has.
    pub fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// A parameter that is an amount: given as text, since it has up to 20 digits.
    pub fn amount(self, parameter: u8) -> String {
        match self {
            Self::Sqlite => format!("${parameter}"),
            Self::Postgres => format!("CAST(CAST(${parameter} AS TEXT) AS NUMERIC(20,0))"),
        }
    }
}

/// A transaction of one of the databases. A statement is written once for both.
pub trait Sql {
    fn dialect(&self) -> Dialect;

    /// How many rows it has changed.
    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<u64, StoreError>;

    fn query(&mut self, statement: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError>;

    /// Several statements without parameters.
    fn script(&mut self, statements: &str) -> Result<(), StoreError>;

    /// Nobody else passes this with the same number until the transaction is over.
    fn exclusive(&mut self, number: i64) -> Result<(), StoreError>;

    /// The only row, if there is one.
    fn query_one(&mut self, statement: &str, values: &[Value<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(self.query(statement, values)?.into_iter().next())
    }
}
