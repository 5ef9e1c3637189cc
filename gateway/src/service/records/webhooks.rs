//! Where clients want to be told of events, and what came of telling them.

use serde::{Deserialize, Serialize};

use super::{
    PAGE_MAX, document, int,
    jobs::{self, Kind},
    unsigned,
};
use crate::store::{Row, Sql, StoreError};

#[derive(Debug, Clone)]
pub struct Webhook {
    pub id: String,
    pub client: String,
    pub disabled: bool,
    pub body: WebhookBody,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WebhookBody {
    pub url: String,
    /// Kinds of events; all if there are none.
    pub kinds: Vec<String>,
    /// Sealed, in hexadecimal, the newest first.
    pub secrets: Vec<String>,
    /// The request that made the newest secret, by its object: it is shown that again.
    pub made_by: String,
    /// The one before is used until then.
    pub old_until_ms: u64,
    /// By hand, or since the receiver answered 410.
    pub disabled_why: Option<String>,
    pub created_ms: u64,
}

/// One attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AttemptRecord {
    /// Milliseconds since 1970.
    pub at_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    pub outcome: String,
}

#[derive(Debug, Clone)]
pub struct DeliveryRecord {
    pub id: String,
    pub webhook: String,
    pub event: u64,
    pub attempts: Vec<AttemptRecord>,
    pub done: bool,
}

/// Whether it was not there.
pub fn add(sql: &mut dyn Sql, webhook: &Webhook) -> Result<bool, StoreError> {
    let added = sql.execute(
        "INSERT INTO webhooks (id, client, disabled, body) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING",
        &[
            (&webhook.id).into(),
            (&webhook.client).into(),
            webhook.disabled.into(),
            (&document(&webhook.body)).into(),
        ],
    )?;
    Ok(added > 0)
}

pub fn save(sql: &mut dyn Sql, webhook: &Webhook) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE webhooks SET disabled = $2, body = $3 WHERE id = $1",
        &[
            (&webhook.id).into(),
            webhook.disabled.into(),
            (&document(&webhook.body)).into(),
        ],
    )?;
    Ok(())
}

pub fn remove(sql: &mut dyn Sql, client: &str, id: &str) -> Result<bool, StoreError> {
    let removed = sql.execute(
        "DELETE FROM webhooks WHERE id = $1 AND client = $2",
        &[id.into(), client.into()],
    )?;
    Ok(removed > 0)
}

const WEBHOOK: &str = "SELECT id, client, disabled, body FROM webhooks";

fn webhook(row: &Row) -> Result<Webhook, StoreError> {
    Ok(Webhook {
        id: row.text(0)?.to_owned(),
        client: row.text(1)?.to_owned(),
        disabled: row.flag(2)?,
        body: row.json(3)?,
    })
}

pub fn find(sql: &mut dyn Sql, client: &str, id: &str) -> Result<Option<Webhook>, StoreError> {
    let row = sql.query_one(
        &format!("{WEBHOOK} WHERE id = $1 AND client = $2"),
        &[id.into(), client.into()],
    )?;
    row.map(|row| webhook(&row)).transpose()
}

/// Whoever's it is: for the gateway itself.
pub fn any(sql: &mut dyn Sql, id: &str) -> Result<Option<Webhook>, StoreError> {
    let row = sql.query_one(&format!("{WEBHOOK} WHERE id = $1"), &[id.into()])?;
    row.map(|row| webhook(&row)).transpose()
}

/// The same, and nobody else changes it until the transaction is over.
pub fn locked(sql: &mut dyn Sql, id: &str) -> Result<Option<Webhook>, StoreError> {
    let row = sql.query_one(
        &format!("{WEBHOOK} WHERE id = $1{}", sql.dialect().for_update()),
        &[id.into()],
    )?;
    row.map(|row| webhook(&row)).transpose()
}

/// A client has few: at most a page.
pub fn list(sql: &mut dyn Sql, client: &str) -> Result<Vec<Webhook>, StoreError> {
    let statement = format!("{WEBHOOK} WHERE client = $1 ORDER BY id LIMIT $2");
    let rows = sql.query(&statement, &[client.into(), (PAGE_MAX as i64).into()])?;
    rows.iter().map(webhook).collect()
}

/// The ids of those that want such an event.
pub fn wanting(sql: &mut dyn Sql, client: &str, kind: &str) -> Result<Vec<String>, StoreError> {
    let all = list(sql, client)?.into_iter();
    let wants = |webhook: &Webhook| {
        let kinds = &webhook.body.kinds;
        !webhook.disabled && (kinds.is_empty() || kinds.iter().any(|wanted| wanted == kind))
    };
    Ok(all.filter(wants).map(|webhook| webhook.id).collect())
}

/// With its job. The same event goes to the same endpoint once, unless it is asked for again.
pub fn add_delivery(sql: &mut dyn Sql, webhook: &str, event: &str, seq: u64, now_ms: u64) -> Result<(), StoreError> {
    let id = format!("{event}.{webhook}");
    // The job's row first, as who delivers has it.
    jobs::kick(sql, Kind::Delivery, &id, now_ms)?;
    sql.execute(
        "INSERT INTO deliveries (id, webhook, event, attempts, done) VALUES ($1, $2, $3, '[]', 0) \
         ON CONFLICT (id) DO UPDATE SET done = 0",
        &[(&id).into(), webhook.into(), int(seq).into()],
    )?;
    Ok(())
}

pub fn delivery(sql: &mut dyn Sql, id: &str) -> Result<Option<DeliveryRecord>, StoreError> {
    let row = sql.query_one(
        "SELECT id, webhook, event, attempts, done FROM deliveries WHERE id = $1",
        &[id.into()],
    )?;
    row.map(|row| record(&row)).transpose()
}

fn record(row: &Row) -> Result<DeliveryRecord, StoreError> {
    Ok(DeliveryRecord {
        id: row.text(0)?.to_owned(),
        webhook: row.text(1)?.to_owned(),
        event: unsigned(row.int(2)?, 2)?,
        attempts: row.json(3)?,
        done: row.flag(4)?,
    })
}

/// The last ones of an endpoint.
pub fn deliveries(sql: &mut dyn Sql, webhook: &str) -> Result<Vec<DeliveryRecord>, StoreError> {
    let rows = sql.query(
        "SELECT id, webhook, event, attempts, done FROM deliveries WHERE webhook = $1 ORDER BY event DESC LIMIT $2",
        &[webhook.into(), (PAGE_MAX as i64).into()],
    )?;
    rows.iter().map(record).collect()
}

pub fn save_delivery(sql: &mut dyn Sql, delivery: &DeliveryRecord) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE deliveries SET attempts = $2, done = $3 WHERE id = $1",
        &[
            (&delivery.id).into(),
            (&document(&delivery.attempts)).into(),
            delivery.done.into(),
        ],
    )?;
    Ok(())
}
