//! Remittances, each with the job that brings it on, its events, and what it is proved by.

use super::{
    document, int,
    jobs::{self, Kind},
};
use crate::{
    remittance::{Remittance, state::Side},
    store::{Row, Sql, StoreError},
};

fn side(side: Side) -> &'static str {
    match side {
        Side::Sender => "sender",
        Side::Beneficiary => "beneficiary",
    }
}

/// Whether it was not there, by its id and by its UETR.
pub fn add(sql: &mut dyn Sql, remittance: &Remittance) -> Result<bool, StoreError> {
    let added = sql.execute(
        "INSERT INTO remittances (id, client, side, uetr, state, version, created_ms, body, account) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        &[
            (&remittance.id).into(),
            (&remittance.client).into(),
            side(remittance.side).into(),
            (&remittance.order.uetr).into(),
            remittance.state().as_str().into(),
            int(remittance.version).into(),
            int(remittance.created_ms).into(),
            (&document(remittance)).into(),
            (&account(remittance)).into(),
        ],
    )?;
    Ok(added > 0)
}

/// On the ledger, the one here that it takes money from, or gives it to.
fn account(remittance: &Remittance) -> String {
    let address = match remittance.side {
        Side::Sender => remittance.order.sender_account,
        Side::Beneficiary => remittance.order.deliver_to,
    };
    address.account.to_string()
}

/// Writes it back as it is now.
pub fn save(sql: &mut dyn Sql, remittance: &Remittance) -> Result<(), StoreError> {
    let saved = sql.execute(
        "UPDATE remittances SET state = $2, version = $3, body = $4 WHERE id = $1",
        &[
            (&remittance.id).into(),
            remittance.state().as_str().into(),
            int(remittance.version).into(),
            (&document(remittance)).into(),
        ],
    )?;
    if saved == 1 { Ok(()) } else { Err(StoreError::Changed) }
}

fn one(row: Option<Row>) -> Result<Option<Remittance>, StoreError> {
    row.map(|row| row.json(0)).transpose()
}

/// Whoever's it is: for the gateway itself. Nobody else changes it until the transaction is over.
pub fn locked(sql: &mut dyn Sql, id: &str) -> Result<Option<Remittance>, StoreError> {
    let select = format!(
        "SELECT body FROM remittances WHERE id = $1{}",
        sql.dialect().for_update()
    );
    one(sql.query_one(&select, &[id.into()])?)
}

pub fn any(sql: &mut dyn Sql, id: &str) -> Result<Option<Remittance>, StoreError> {
    one(sql.query_one("SELECT body FROM remittances WHERE id = $1", &[id.into()])?)
}

pub fn find(sql: &mut dyn Sql, client: &str, id: &str) -> Result<Option<Remittance>, StoreError> {
    let select = "SELECT body FROM remittances WHERE id = $1 AND client = $2";
    one(sql.query_one(select, &[id.into(), client.into()])?)
}

pub fn by_uetr(sql: &mut dyn Sql, uetr: &str, of: Side) -> Result<Option<Remittance>, StoreError> {
    let select = "SELECT body FROM remittances WHERE uetr = $1 AND side = $2";
    one(sql.query_one(select, &[uetr.into(), side(of).into()])?)
}

/// Only read: nobody is kept from changing it.
pub fn seen(sql: &mut dyn Sql, uetr: &str, of: Side) -> Result<Option<Remittance>, StoreError> {
    let select = "SELECT body FROM remittances WHERE uetr = $1 AND side = $2";
    one(sql.query_one(select, &[uetr.into(), side(of).into()])?)
}

/// Before this id, the newest first; one more than is asked for if there are more.
pub fn list(
    sql: &mut dyn Sql,
    client: &str,
    state: Option<&str>,
    before: Option<&str>,
    limit: usize,
) -> Result<Vec<Remittance>, StoreError> {
    let rows = sql.query(
        "SELECT body FROM remittances WHERE client = $1 AND ($2 = '' OR state = $2) AND ($3 = '' OR id < $3) \
         ORDER BY id DESC LIMIT $4",
        &[
            client.into(),
            state.unwrap_or_default().into(),
            before.unwrap_or_default().into(),
            (limit as i64 + 1).into(),
        ],
    )?;
    rows.iter().map(|row| row.json(0)).collect()
}

/// Of all clients, after this id, the oldest first.
pub fn after(sql: &mut dyn Sql, id: &str, limit: usize) -> Result<Vec<Remittance>, StoreError> {
    let rows = sql.query(
        "SELECT body FROM remittances WHERE id > $1 ORDER BY id LIMIT $2",
        &[id.into(), (limit as i64).into()],
    )?;
    rows.iter().map(|row| row.json(0)).collect()
}

/// It is looked at again at once.
pub fn kick(sql: &mut dyn Sql, remittance: &Remittance, now_ms: u64) -> Result<(), StoreError> {
    jobs::kick(sql, Kind::Remittance, &remittance.id, now_ms)
}

/// Keeps a proof in JSON, by its transaction's id.
pub fn keep_proof(sql: &mut dyn Sql, transaction: &str, remittance: &str, proof: &str) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO proofs (transaction_id, remittance, body) VALUES ($1, $2, $3) \
         ON CONFLICT (transaction_id, remittance) DO NOTHING",
        &[transaction.into(), remittance.into(), proof.into()],
    )?;
    Ok(())
}

/// Of this remittance's: what the other operator points to may be another's.
pub fn proof(sql: &mut dyn Sql, transaction: &str, remittance: &str) -> Result<Option<String>, StoreError> {
    let row = sql.query_one(
        "SELECT body FROM proofs WHERE transaction_id = $1 AND remittance = $2",
        &[transaction.into(), remittance.into()],
    )?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// Who has the token of this hash may follow the remittance.
pub fn add_tracker(sql: &mut dyn Sql, hash: &[u8], remittance: &str) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO trackers (token_hash, remittance) VALUES ($1, $2) ON CONFLICT (token_hash) DO NOTHING",
        &[hash.into(), remittance.into()],
    )?;
    Ok(())
}

pub fn tracked(sql: &mut dyn Sql, hash: &[u8]) -> Result<Option<Remittance>, StoreError> {
    one(sql.query_one(
        "SELECT r.body FROM trackers t JOIN remittances r ON r.id = t.remittance WHERE t.token_hash = $1",
        &[hash.into()],
    )?)
}
