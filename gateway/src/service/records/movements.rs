//! What changes what merchants are to get: a row for each capture, refund and chargeback, written in the transaction that
//! books it. It is open until a settlement takes it, and no other takes it then.

use causeway_contracts::money::Currency;

use super::{document, int};
use crate::{
    acquiring::settlement::Movement,
    store::{Row, Sql, StoreError},
};

/// An open one, with its id: that of the order that was paid, of the refund or of the dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    pub id: String,
    pub movement: Movement,
}

/// Whether it was not there.
pub fn add(
    sql: &mut dyn Sql,
    id: &str,
    merchant: &str,
    currency: Currency,
    movement: &Movement,
) -> Result<bool, StoreError> {
    let added = sql.execute(
        "INSERT INTO movements (id, merchant, currency, at_ms, settlement, body) VALUES ($1, $2, $3, $4, '', $5) \
         ON CONFLICT (id) DO NOTHING",
        &[
            id.into(),
            merchant.into(),
            currency.as_str().into(),
            int(movement.at_ms).into(),
            (&document(movement)).into(),
        ],
    )?;
    Ok(added > 0)
}

/// In which a merchant has open ones.
pub fn open_currencies(sql: &mut dyn Sql, merchant: &str) -> Result<Vec<Currency>, StoreError> {
    let select = "SELECT DISTINCT currency FROM movements WHERE settlement = '' AND merchant = $1 ORDER BY currency";
    let rows = sql.query(select, &[merchant.into()])?;
    let currency = |row: &Row| Currency::new(row.text(0)?).map_err(|_| StoreError::Column { column: 0 });
    rows.iter().map(currency).collect()
}

/// The oldest first.
pub fn open(sql: &mut dyn Sql, merchant: &str, currency: Currency, limit: usize) -> Result<Vec<Open>, StoreError> {
    let rows = sql.query(
        "SELECT id, body FROM movements WHERE settlement = '' AND merchant = $1 AND currency = $2 \
         ORDER BY at_ms, id LIMIT $3",
        &[merchant.into(), currency.as_str().into(), (limit as i64).into()],
    )?;
    let open = |row: &Row| {
        Ok(Open {
            id: row.text(0)?.to_owned(),
            movement: row.json(1)?,
        })
    };
    rows.iter().map(open).collect()
}

/// The time of a merchant's oldest open one.
pub fn oldest_open(sql: &mut dyn Sql, merchant: &str) -> Result<Option<u64>, StoreError> {
    let select = "SELECT MIN(at_ms) FROM movements WHERE settlement = '' AND merchant = $1";
    let row = sql.query_one(select, &[merchant.into()])?;
    let row = row.filter(|row| !row.is_null(0));
    row.map(|row| super::unsigned(row.int(0)?, 0)).transpose()
}

/// It is the settlement's now, and was nobody's.
pub fn take(sql: &mut dyn Sql, id: &str, settlement: &str) -> Result<(), StoreError> {
    let update = "UPDATE movements SET settlement = $2 WHERE id = $1 AND settlement = ''";
    match sql.execute(update, &[id.into(), settlement.into()])? {
        1 => Ok(()),
        _ => Err(StoreError::Changed),
    }
}

/// In the order of their times.
pub fn of_settlement(sql: &mut dyn Sql, settlement: &str) -> Result<Vec<Movement>, StoreError> {
    let select = "SELECT body FROM movements WHERE settlement = $1 ORDER BY at_ms, id";
    let rows = sql.query(select, &[settlement.into()])?;
    rows.iter().map(|row| row.json(0)).collect()
}
