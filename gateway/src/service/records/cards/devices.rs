//! Devices that stand for cards, and which counters their keys are of. The keys themselves come from the security module
//! each time.

use serde::{Deserialize, Serialize};

use super::{StoredNumber, document, expiry, int, number, of_word, small, unsigned, word};
use crate::{
    acquiring::issuer::{Device, DeviceStatus, KeyBatch},
    store::{Row, Sql, StoreError},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDevice {
    pub client: String,
    pub device: Device,
    pub number: StoredNumber,
}

#[derive(Serialize, Deserialize)]
struct Body {
    expiry: String,
    sequence: u8,
}

/// Whether neither its id nor its number was there. Its keys are added apart.
pub fn add(sql: &mut dyn Sql, stored: &StoredDevice) -> Result<bool, StoreError> {
    let StoredDevice { client, device, number } = stored;
    let body = Body {
        expiry: device.expiry.to_string(),
        sequence: device.sequence,
    };
    let added = sql.execute(
        "INSERT INTO devices (id, client, card, status, number_hash, number, counter, created_ms, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        &[
            (&device.id).into(),
            client.into(),
            (&device.card).into(),
            (&word(&device.status)).into(),
            number.hash.as_slice().into(),
            number.sealed.as_slice().into(),
            i64::from(device.counter).into(),
            int(device.created_ms).into(),
            (&document(&body)).into(),
        ],
    )?;
    Ok(added > 0)
}

const DEVICE: &str = "SELECT id, client, card, status, number_hash, number, counter, created_ms, body FROM devices";

fn stored(sql: &mut dyn Sql, row: &Row) -> Result<StoredDevice, StoreError> {
    let body: Body = row.json(8)?;
    let id = row.text(0)?;
    Ok(StoredDevice {
        client: row.text(1)?.to_owned(),
        number: number(row, 4, 5)?,
        device: Device {
            id: id.to_owned(),
            card: row.text(2)?.to_owned(),
            status: of_word::<DeviceStatus>(row, 3)?,
            expiry: expiry(&body.expiry, 8)?,
            sequence: body.sequence,
            batches: batches(sql, id)?,
            counter: small(row, 6)?,
            created_ms: unsigned(row.int(7)?, 7)?,
        },
    })
}

pub fn find(sql: &mut dyn Sql, client: &str, id: &str) -> Result<Option<StoredDevice>, StoreError> {
    let statement = format!("{DEVICE} WHERE id = $1 AND client = $2");
    let row = sql.query_one(&statement, &[id.into(), client.into()])?;
    row.map(|row| stored(sql, &row)).transpose()
}

pub fn by_number(sql: &mut dyn Sql, hash: &[u8; 32]) -> Result<Option<StoredDevice>, StoreError> {
    let row = sql.query_one(&format!("{DEVICE} WHERE number_hash = $1"), &[hash.as_slice().into()])?;
    row.map(|row| stored(sql, &row)).transpose()
}

pub fn locked(sql: &mut dyn Sql, id: &str) -> Result<Option<StoredDevice>, StoreError> {
    let statement = format!("{DEVICE} WHERE id = $1{}", sql.dialect().for_update());
    let row = sql.query_one(&statement, &[id.into()])?;
    row.map(|row| stored(sql, &row)).transpose()
}

/// How many stand for a card.
pub fn count(sql: &mut dyn Sql, card: &str) -> Result<u64, StoreError> {
    let row = sql.query_one("SELECT COUNT(*) FROM devices WHERE card = $1", &[card.into()])?;
    row.map_or(Ok(0), |row| unsigned(row.int(0)?, 0))
}

/// What changes of a device: status and counter.
pub fn save(sql: &mut dyn Sql, device: &Device) -> Result<(), StoreError> {
    let changed = sql.execute(
        "UPDATE devices SET status = $2, counter = $3 WHERE id = $1",
        &[
            (&device.id).into(),
            (&word(&device.status)).into(),
            i64::from(device.counter).into(),
        ],
    )?;
    if changed == 0 { Err(StoreError::Changed) } else { Ok(()) }
}

fn batch(row: &Row) -> Result<KeyBatch, StoreError> {
    Ok(KeyBatch {
        first: small(row, 0)?,
        last: small(row, 1)?,
        good_until: unsigned(row.int(2)?, 2)?,
    })
}

fn batches(sql: &mut dyn Sql, device: &str) -> Result<Vec<KeyBatch>, StoreError> {
    let statement = "SELECT first, last, good_until FROM device_keys WHERE device = $1 ORDER BY first";
    sql.query(statement, &[device.into()])?.iter().map(batch).collect()
}

/// The batch that this request was given before.
pub fn batch_of(sql: &mut dyn Sql, device: &str, made_by: &str) -> Result<Option<KeyBatch>, StoreError> {
    let statement = "SELECT first, last, good_until FROM device_keys WHERE device = $1 AND made_by = $2";
    let row = sql.query_one(statement, &[device.into(), made_by.into()])?;
    row.map(|row| batch(&row)).transpose()
}

pub fn add_batch(sql: &mut dyn Sql, device: &str, batch: KeyBatch, made_by: &str) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO device_keys (device, first, last, good_until, made_by) VALUES ($1, $2, $3, $4, $5)",
        &[
            device.into(),
            i64::from(batch.first).into(),
            i64::from(batch.last).into(),
            int(batch.good_until).into(),
            made_by.into(),
        ],
    )?;
    Ok(())
}
