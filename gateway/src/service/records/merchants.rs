//! Merchants, their stores, and the terminals in these.

use serde::{Deserialize, Serialize};

use super::{PAGE_MAX, document, int, unsigned};
use crate::{
    acquiring::settlement::Agreement,
    store::{Row, Sql, StoreError, Value},
};

/// Who is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merchant {
    pub id: String,
    pub client: String,
    /// It is paid no more, until it is resumed.
    pub suspended: bool,
    pub created_ms: u64,
    pub body: MerchantBody,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MerchantBody {
    pub name: String,
    pub city: String,
    pub country: String,
    pub post_code: Option<String>,
    /// Of ISO 18245.
    pub category: String,
    /// By which card messages call it: 15 characters (ISO 8583:1987, field 42).
    pub acceptor: String,
    /// The account here that its orders are paid to; the operator's own if it is absent.
    pub account: Option<String>,
    /// How it is paid out; if it is absent, what its orders bring stays in the collecting account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement: Option<Agreement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerchantStore {
    pub id: String,
    pub client: String,
    pub merchant: String,
    pub created_ms: u64,
    pub body: StoreBody,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreBody {
    pub name: String,
    /// The merchant's, if it is absent.
    pub city: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    pub id: String,
    pub client: String,
    pub merchant: String,
    pub store: String,
    /// By which card messages call it: 8 characters, once for each merchant (ISO 8583:1987, field 41).
    pub number: String,
    pub created_ms: u64,
    pub body: TerminalBody,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalBody {
    pub label: String,
}

fn page(limit: usize) -> Value<'static> {
    Value::Int(limit.min(PAGE_MAX) as i64 + 1)
}

/// Whether it was not there.
pub fn add(sql: &mut dyn Sql, merchant: &Merchant) -> Result<bool, StoreError> {
    let added = sql.execute(
        "INSERT INTO merchants (id, client, suspended, created_ms, body) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (id) DO NOTHING",
        &[
            (&merchant.id).into(),
            (&merchant.client).into(),
            merchant.suspended.into(),
            int(merchant.created_ms).into(),
            (&document(&merchant.body)).into(),
        ],
    )?;
    Ok(added > 0)
}

const MERCHANT: &str = "SELECT id, client, suspended, created_ms, body FROM merchants";

fn merchant(row: &Row) -> Result<Merchant, StoreError> {
    Ok(Merchant {
        id: row.text(0)?.to_owned(),
        client: row.text(1)?.to_owned(),
        suspended: row.flag(2)?,
        created_ms: unsigned(row.int(3)?, 3)?,
        body: row.json(4)?,
    })
}

pub fn find(sql: &mut dyn Sql, client: &str, id: &str) -> Result<Option<Merchant>, StoreError> {
    let statement = format!("{MERCHANT} WHERE id = $1 AND client = $2");
    let row = sql.query_one(&statement, &[id.into(), client.into()])?;
    row.map(|row| merchant(&row)).transpose()
}

/// Whoever's it is: for the gateway itself, and its operator's officers.
pub fn any(sql: &mut dyn Sql, id: &str) -> Result<Option<Merchant>, StoreError> {
    let row = sql.query_one(&format!("{MERCHANT} WHERE id = $1"), &[id.into()])?;
    row.map(|row| merchant(&row)).transpose()
}

/// The same, and nobody else changes it until the transaction is over.
pub fn locked(sql: &mut dyn Sql, id: &str) -> Result<Option<Merchant>, StoreError> {
    let select = format!("{MERCHANT} WHERE id = $1{}", sql.dialect().for_update());
    let row = sql.query_one(&select, &[id.into()])?;
    row.map(|row| merchant(&row)).transpose()
}

/// Writes back what of it may change.
pub fn save(sql: &mut dyn Sql, merchant: &Merchant) -> Result<(), StoreError> {
    let update = "UPDATE merchants SET body = $2 WHERE id = $1";
    match sql.execute(update, &[(&merchant.id).into(), (&document(&merchant.body)).into()])? {
        1 => Ok(()),
        _ => Err(StoreError::Changed),
    }
}

/// After this id, one more than a page holds if there are more.
pub fn list(sql: &mut dyn Sql, client: &str, after: &str, limit: usize) -> Result<Vec<Merchant>, StoreError> {
    let statement = format!("{MERCHANT} WHERE client = $1 AND id > $2 ORDER BY id LIMIT $3");
    let rows = sql.query(&statement, &[client.into(), after.into(), page(limit)])?;
    rows.iter().map(merchant).collect()
}

/// Whether there is such a merchant.
pub fn set_suspended(sql: &mut dyn Sql, id: &str, suspended: bool) -> Result<bool, StoreError> {
    let statement = "UPDATE merchants SET suspended = $2 WHERE id = $1";
    Ok(sql.execute(statement, &[id.into(), suspended.into()])? > 0)
}

/// Whether it was not there.
pub fn add_store(sql: &mut dyn Sql, store: &MerchantStore) -> Result<bool, StoreError> {
    let added = sql.execute(
        "INSERT INTO stores (id, client, merchant, created_ms, body) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (id) DO NOTHING",
        &[
            (&store.id).into(),
            (&store.client).into(),
            (&store.merchant).into(),
            int(store.created_ms).into(),
            (&document(&store.body)).into(),
        ],
    )?;
    Ok(added > 0)
}

const STORE: &str = "SELECT id, client, merchant, created_ms, body FROM stores";

fn store(row: &Row) -> Result<MerchantStore, StoreError> {
    Ok(MerchantStore {
        id: row.text(0)?.to_owned(),
        client: row.text(1)?.to_owned(),
        merchant: row.text(2)?.to_owned(),
        created_ms: unsigned(row.int(3)?, 3)?,
        body: row.json(4)?,
    })
}

pub fn find_store(sql: &mut dyn Sql, client: &str, id: &str) -> Result<Option<MerchantStore>, StoreError> {
    let row = sql.query_one(
        &format!("{STORE} WHERE id = $1 AND client = $2"),
        &[id.into(), client.into()],
    )?;
    row.map(|row| store(&row)).transpose()
}

/// Of a merchant, as [`list`].
pub fn stores(sql: &mut dyn Sql, merchant: &str, after: &str, limit: usize) -> Result<Vec<MerchantStore>, StoreError> {
    let statement = format!("{STORE} WHERE merchant = $1 AND id > $2 ORDER BY id LIMIT $3");
    let rows = sql.query(&statement, &[merchant.into(), after.into(), page(limit)])?;
    rows.iter().map(store).collect()
}

/// Whether neither its id nor its number was there.
pub fn add_terminal(sql: &mut dyn Sql, terminal: &Terminal) -> Result<bool, StoreError> {
    let added = sql.execute(
        "INSERT INTO terminals (id, client, merchant, store, number, created_ms, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        &[
            (&terminal.id).into(),
            (&terminal.client).into(),
            (&terminal.merchant).into(),
            (&terminal.store).into(),
            (&terminal.number).into(),
            int(terminal.created_ms).into(),
            (&document(&terminal.body)).into(),
        ],
    )?;
    Ok(added > 0)
}

const TERMINAL: &str = "SELECT id, client, merchant, store, number, created_ms, body FROM terminals";

fn terminal(row: &Row) -> Result<Terminal, StoreError> {
    Ok(Terminal {
        id: row.text(0)?.to_owned(),
        client: row.text(1)?.to_owned(),
        merchant: row.text(2)?.to_owned(),
        store: row.text(3)?.to_owned(),
        number: row.text(4)?.to_owned(),
        created_ms: unsigned(row.int(5)?, 5)?,
        body: row.json(6)?,
    })
}

pub fn find_terminal(sql: &mut dyn Sql, client: &str, id: &str) -> Result<Option<Terminal>, StoreError> {
    let row = sql.query_one(
        &format!("{TERMINAL} WHERE id = $1 AND client = $2"),
        &[id.into(), client.into()],
    )?;
    row.map(|row| terminal(&row)).transpose()
}

/// Of a store, as [`list`].
pub fn terminals(sql: &mut dyn Sql, store: &str, after: &str, limit: usize) -> Result<Vec<Terminal>, StoreError> {
    let statement = format!("{TERMINAL} WHERE store = $1 AND id > $2 ORDER BY id LIMIT $3");
    let rows = sql.query(&statement, &[store.into(), after.into(), page(limit)])?;
    rows.iter().map(terminal).collect()
}
