//! Quotes that clients were given.

use causeway_contracts::{
    money::{Amount, Currency},
    settlement::{Rate, SignedQuote},
};
use serde::{Deserialize, Serialize};

use super::{document, int, unsigned};
use crate::store::{Row, Sql, StoreError};

#[derive(Debug, Clone)]
pub struct Quote {
    pub id: String,
    pub client: String,
    /// The remittance.
    pub used_by: Option<String>,
    pub expires_ms: u64,
    pub body: QuoteBody,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct QuoteBody {
    pub created_ms: u64,
    /// Of this gateway.
    pub account: String,
    /// None if there is nothing to exchange.
    pub signed: Option<SignedQuote>,
    pub maker: Option<String>,
    pub mid: Option<Rate>,
    pub rate: Option<Rate>,
    pub source: Currency,
    pub target: Currency,
    /// Exchanged, or sent as it is.
    pub sent: Amount,
    pub delivered: Amount,
    pub maker_fee: Amount,
    pub fee: Amount,
    pub hold_seconds: u32,
}

/// Whether it was not there.
pub fn add(sql: &mut dyn Sql, quote: &Quote) -> Result<bool, StoreError> {
    let added = sql.execute(
        "INSERT INTO quotes (id, client, used_by, expires_ms, body) VALUES ($1, $2, NULL, $3, $4) \
         ON CONFLICT (id) DO NOTHING",
        &[
            (&quote.id).into(),
            (&quote.client).into(),
            int(quote.expires_ms).into(),
            (&document(&quote.body)).into(),
        ],
    )?;
    Ok(added > 0)
}

fn quote(row: &Row) -> Result<Quote, StoreError> {
    Ok(Quote {
        id: row.text(0)?.to_owned(),
        client: row.text(1)?.to_owned(),
        used_by: row.optional_text(2)?.map(str::to_owned),
        expires_ms: unsigned(row.int(3)?, 3)?,
        body: row.json(4)?,
    })
}

pub fn find(sql: &mut dyn Sql, client: &str, id: &str) -> Result<Option<Quote>, StoreError> {
    let row = sql.query_one(
        "SELECT id, client, used_by, expires_ms, body FROM quotes WHERE id = $1 AND client = $2",
        &[id.into(), client.into()],
    )?;
    row.map(|row| quote(&row)).transpose()
}

/// Whether this remittance is the one that uses it.
pub fn use_for(sql: &mut dyn Sql, id: &str, remittance: &str) -> Result<bool, StoreError> {
    let used = sql.execute(
        "UPDATE quotes SET used_by = $2 WHERE id = $1 AND (used_by IS NULL OR used_by = $2)",
        &[id.into(), remittance.into()],
    )?;
    Ok(used > 0)
}
