//! Cards of customers' accounts. Of a number there is its keyed hash, to find it, and its ciphertext; tracks, card values,
//! PINs and keys are in no table.

pub mod devices;
pub mod payments;

use causeway_contracts::money::Currency;
use serde::{Deserialize, Serialize};

use super::{PAGE_MAX, document, int, unsigned};
use crate::{
    acquiring::issuer::{Card, CardStatus, Expiry, Limits},
    store::{Row, Sql, StoreError, Value},
};

/// A number as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredNumber {
    pub hash: [u8; 32],
    /// Sealed for the place that [`place`] names.
    pub sealed: Vec<u8>,
}

/// Where the number of this card or device is sealed for.
pub fn place(id: &str) -> String {
    format!("cards/{id}")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCard {
    pub card: Card,
    pub number: StoredNumber,
}

#[derive(Serialize, Deserialize)]
struct Body {
    expiry: String,
    sequence: u8,
    currency: Currency,
    limits: Limits,
}

/// A value that is written as one word.
fn word<T: Serialize>(value: &T) -> String {
    let word = document(value);
    word.trim_matches('"').to_owned()
}

fn of_word<T: serde::de::DeserializeOwned>(row: &Row, column: usize) -> Result<T, StoreError> {
    let json = serde_json::Value::from(row.text(column)?);
    serde_json::from_value(json).map_err(|source| StoreError::Json { column, source })
}

fn small<T: TryFrom<i64>>(row: &Row, column: usize) -> Result<T, StoreError> {
    T::try_from(row.int(column)?).map_err(|_| StoreError::Column { column })
}

fn expiry(text: &str, column: usize) -> Result<Expiry, StoreError> {
    Expiry::parse(text).ok_or(StoreError::Column { column })
}

fn number(row: &Row, hash: usize, sealed: usize) -> Result<StoredNumber, StoreError> {
    let bytes = row.bytes(hash)?.try_into();
    Ok(StoredNumber {
        hash: bytes.map_err(|_| StoreError::Column { column: hash })?,
        sealed: row.bytes(sealed)?.to_vec(),
    })
}

/// Whether neither its id nor its number was there.
pub fn add(sql: &mut dyn Sql, stored: &StoredCard) -> Result<bool, StoreError> {
    let StoredCard { card, number } = stored;
    let body = Body {
        expiry: card.expiry.to_string(),
        sequence: card.sequence,
        currency: card.currency,
        limits: card.limits.clone(),
    };
    let added = sql.execute(
        "INSERT INTO cards (id, client, account, status, number_hash, number, pin, pin_tries_left, counter, created_ms, \
         body, wrong_values) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
        &[
            (&card.id).into(),
            (&card.client).into(),
            (&card.account).into(),
            (&word(&card.status)).into(),
            number.hash.as_slice().into(),
            number.sealed.as_slice().into(),
            card.pin.as_ref().into(),
            i64::from(card.pin_tries_left).into(),
            i64::from(card.counter).into(),
            int(card.created_ms).into(),
            (&document(&body)).into(),
            i64::from(card.wrong_values).into(),
        ],
    )?;
    Ok(added > 0)
}

const CARD: &str = "SELECT id, client, account, status, number_hash, number, pin, pin_tries_left, counter, created_ms, \
                    body, wrong_values FROM cards";

fn stored(row: &Row) -> Result<StoredCard, StoreError> {
    let body: Body = row.json(10)?;
    Ok(StoredCard {
        number: number(row, 4, 5)?,
        card: Card {
            id: row.text(0)?.to_owned(),
            client: row.text(1)?.to_owned(),
            account: row.text(2)?.to_owned(),
            status: of_word::<CardStatus>(row, 3)?,
            expiry: expiry(&body.expiry, 10)?,
            sequence: body.sequence,
            currency: body.currency,
            limits: body.limits,
            pin: row.optional_text(6)?.map(str::to_owned),
            pin_tries_left: small(row, 7)?,
            wrong_values: small(row, 11)?,
            counter: small(row, 8)?,
            created_ms: unsigned(row.int(9)?, 9)?,
        },
    })
}

pub fn find(sql: &mut dyn Sql, client: &str, id: &str) -> Result<Option<StoredCard>, StoreError> {
    let statement = format!("{CARD} WHERE id = $1 AND client = $2");
    let row = sql.query_one(&statement, &[id.into(), client.into()])?;
    row.map(|row| stored(&row)).transpose()
}

pub fn by_number(sql: &mut dyn Sql, hash: &[u8; 32]) -> Result<Option<StoredCard>, StoreError> {
    let row = sql.query_one(&format!("{CARD} WHERE number_hash = $1"), &[hash.as_slice().into()])?;
    row.map(|row| stored(&row)).transpose()
}

/// Whoever's it is: for the gateway itself.
pub fn any(sql: &mut dyn Sql, id: &str) -> Result<Option<StoredCard>, StoreError> {
    let row = sql.query_one(&format!("{CARD} WHERE id = $1"), &[id.into()])?;
    row.map(|row| stored(&row)).transpose()
}

/// The same, and nobody else changes it until the transaction is over. A card is locked before its devices.
pub fn locked(sql: &mut dyn Sql, id: &str) -> Result<Option<StoredCard>, StoreError> {
    let statement = format!("{CARD} WHERE id = $1{}", sql.dialect().for_update());
    let row = sql.query_one(&statement, &[id.into()])?;
    row.map(|row| stored(&row)).transpose()
}

/// After this id, one more than a page holds if there are more.
pub fn list(sql: &mut dyn Sql, client: &str, after: &str, limit: usize) -> Result<Vec<StoredCard>, StoreError> {
    let statement = format!("{CARD} WHERE client = $1 AND id > $2 ORDER BY id LIMIT $3");
    let limit = Value::Int(limit.min(PAGE_MAX) as i64 + 1);
    let rows = sql.query(&statement, &[client.into(), after.into(), limit])?;
    rows.iter().map(stored).collect()
}

/// What changes of a card: status, PIN, tries, wrong values and counter.
pub fn save(sql: &mut dyn Sql, card: &Card) -> Result<(), StoreError> {
    let changed = sql.execute(
        "UPDATE cards SET status = $2, pin = $3, pin_tries_left = $4, counter = $5, wrong_values = $6 WHERE id = $1",
        &[
            (&card.id).into(),
            (&word(&card.status)).into(),
            card.pin.as_ref().into(),
            i64::from(card.pin_tries_left).into(),
            i64::from(card.counter).into(),
            i64::from(card.wrong_values).into(),
        ],
    )?;
    if changed == 0 { Err(StoreError::Changed) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
