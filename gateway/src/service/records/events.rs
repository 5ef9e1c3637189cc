//! What has happened, in an order that readers can rely on: a number is given only while nobody else gives one, so that
//! none appears below one that was seen.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{int, unsigned, webhooks};
use crate::{
    acquiring::{dispute, order::Happened},
    remittance::state as remittance,
    store::{Row, Sql, StoreError},
};

/// The lock under which numbers are given.
const NUMBERING: i64 = 2;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub seq: u64,
    pub id: String,
    pub client: String,
    pub kind: String,
    /// The id of what it is about.
    pub object: String,
    pub created_ms: u64,
    /// As it is sent to webhooks.
    pub body: String,
}

/// The text of an event.
#[derive(Debug, Serialize)]
struct Body<'a> {
    object: &'static str,
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: String,
    data: &'a RawValue,
}

/// That a merchant's settlement was paid.
pub const SETTLEMENT_PAID: &str = "settlement.paid";

/// That the last row of a bulk file has ended.
pub const BULK_COMPLETED: &str = "bulk.completed";

/// Whether there are events of this kind: those above, and what happens to remittances, orders and disputes.
pub fn is_kind(text: &str) -> bool {
    match text.split_once('.') {
        Some(("remittance", state)) => remittance::State::ALL.iter().any(|known| known.as_str() == state),
        Some(("order", happened)) => Happened::ALL.iter().any(|known| known.as_str() == happened),
        Some(("dispute", state)) => dispute::State::ALL.iter().any(|known| known.as_str() == state),
        _ => [SETTLEMENT_PAID, BULK_COMPLETED].contains(&text),
    }
}

/// An event that is to be.
#[derive(Debug, Clone)]
pub struct New<'a> {
    pub id: String,
    pub client: &'a str,
    pub kind: &'a str,
    pub object: &'a str,
    pub data: &'a RawValue,
    pub now_ms: u64,
}

/// Adds it, and a delivery for each endpoint that wants it, in the transaction of the change that it tells of.
pub fn add(sql: &mut dyn Sql, new: &New<'_>) -> Result<(), StoreError> {
    sql.exclusive(NUMBERING)?;
    let row = sql.query_one("SELECT MAX(seq) FROM events", &[])?;
    let last = row.filter(|row| !row.is_null(0)).map_or(Ok(0), |row| row.int(0))?;
    let seq = last + 1;
    let body = Body {
        object: "event",
        id: &new.id,
        kind: new.kind,
        timestamp: crate::service::time::rfc3339(new.now_ms),
        data: new.data,
    };
    sql.execute(
        "INSERT INTO events (seq, id, client, kind, object, created_ms, body) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            seq.into(),
            (&new.id).into(),
            new.client.into(),
            new.kind.into(),
            new.object.into(),
            int(new.now_ms).into(),
            (&super::document(&body)).into(),
        ],
    )?;
    for webhook in webhooks::wanting(sql, new.client, new.kind)? {
        webhooks::add_delivery(sql, &webhook, &new.id, unsigned(seq, 0)?, new.now_ms)?;
    }
    Ok(())
}

fn event(row: &Row) -> Result<Event, StoreError> {
    Ok(Event {
        seq: unsigned(row.int(0)?, 0)?,
        id: row.text(1)?.to_owned(),
        client: row.text(2)?.to_owned(),
        kind: row.text(3)?.to_owned(),
        object: row.text(4)?.to_owned(),
        created_ms: unsigned(row.int(5)?, 5)?,
        body: row.text(6)?.to_owned(),
    })
}

const EVENT: &str = "SELECT seq, id, client, kind, object, created_ms, body FROM events";

/// After this number, in order; one more than is asked for if there are more.
pub fn list(sql: &mut dyn Sql, client: &str, after: u64, limit: usize) -> Result<Vec<Event>, StoreError> {
    let statement = format!("{EVENT} WHERE client = $1 AND seq > $2 ORDER BY seq LIMIT $3");
    let rows = sql.query(
        &statement,
        &[client.into(), int(after).into(), (limit as i64 + 1).into()],
    )?;
    rows.iter().map(event).collect()
}

pub fn find(sql: &mut dyn Sql, client: &str, id: &str) -> Result<Option<Event>, StoreError> {
    let row = sql.query_one(
        &format!("{EVENT} WHERE id = $1 AND client = $2"),
        &[id.into(), client.into()],
    )?;
    row.map(|row| event(&row)).transpose()
}

pub fn by_seq(sql: &mut dyn Sql, seq: u64) -> Result<Option<Event>, StoreError> {
    let row = sql.query_one(&format!("{EVENT} WHERE seq = $1"), &[int(seq).into()])?;
    row.map(|row| event(&row)).transpose()
}
