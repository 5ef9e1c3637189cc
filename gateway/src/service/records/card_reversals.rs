//! Reversals of card payments that no issuer has answered so far: without a card's number.

use super::int;
use crate::store::{Sql, StoreError};

/// In place of one with this key.
pub fn put(sql: &mut dyn Sql, route: &str, key: &str, message: &[u8], now_ms: u64) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO card_reversals (route, message_key, created_ms, message) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (route, message_key) DO UPDATE SET created_ms = excluded.created_ms, message = excluded.message",
        &[route.into(), key.into(), int(now_ms).into(), message.into()],
    )?;
    Ok(())
}

pub fn remove(sql: &mut dyn Sql, route: &str, key: &str) -> Result<(), StoreError> {
    let delete = "DELETE FROM card_reversals WHERE route = $1 AND message_key = $2";
    sql.execute(delete, &[route.into(), key.into()])?;
    Ok(())
}

pub fn is_there(sql: &mut dyn Sql, route: &str, key: &str) -> Result<bool, StoreError> {
    let select = "SELECT message_key FROM card_reversals WHERE route = $1 AND message_key = $2";
    Ok(sql.query_one(select, &[route.into(), key.into()])?.is_some())
}

/// Keys and messages of those that were stored by this time.
pub fn of_route(sql: &mut dyn Sql, route: &str, until_ms: u64) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let rows = sql.query(
        "SELECT message_key, message FROM card_reversals WHERE route = $1 AND created_ms <= $2",
        &[route.into(), int(until_ms).into()],
    )?;
    let read = |row: &crate::store::Row| Ok((row.text(0)?.to_owned(), row.bytes(1)?.to_vec()));
    rows.iter().map(read).collect()
}
