//! Disputes about orders.

use causeway_contracts::money::{Amount, Currency};
use serde::{Deserialize, Serialize};

use super::{document, newest::newest};
use crate::{
    acquiring::dispute::{Kind, State},
    store::{Row, Sql, StoreError, Value},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    pub id: String,
    /// Whose order it is about.
    pub client: String,
    pub merchant: String,
    pub order: String,
    pub state: State,
    pub kind: Kind,
    /// Why, by the payer's bank.
    pub reason: String,
    pub currency: Currency,
    pub amount: Amount,
    pub created_ms: u64,
    pub ended_ms: Option<u64>,
}

/// Whether it was not there.
pub fn add(sql: &mut dyn Sql, dispute: &Dispute) -> Result<bool, StoreError> {
    let added = sql.execute(
        "INSERT INTO disputes (id, client, order_id, state, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING",
        &[
            (&dispute.id).into(),
            (&dispute.client).into(),
            (&dispute.order).into(),
            dispute.state.as_str().into(),
            (&document(dispute)).into(),
        ],
    )?;
    Ok(added > 0)
}

/// Writes it back as it is now.
pub fn save(sql: &mut dyn Sql, dispute: &Dispute) -> Result<(), StoreError> {
    let saved = sql.execute(
        "UPDATE disputes SET state = $2, body = $3 WHERE id = $1",
        &[
            (&dispute.id).into(),
            dispute.state.as_str().into(),
            (&document(dispute)).into(),
        ],
    )?;
    if saved == 1 { Ok(()) } else { Err(StoreError::Changed) }
}

fn one(row: Option<Row>) -> Result<Option<Dispute>, StoreError> {
    row.map(|row| row.json(0)).transpose()
}

/// Whoever's it is.
pub fn any(sql: &mut dyn Sql, id: &str) -> Result<Option<Dispute>, StoreError> {
    one(sql.query_one("SELECT body FROM disputes WHERE id = $1", &[id.into()])?)
}

pub fn find(sql: &mut dyn Sql, client: &str, id: &str) -> Result<Option<Dispute>, StoreError> {
    let select = "SELECT body FROM disputes WHERE id = $1 AND client = $2";
    one(sql.query_one(select, &[id.into(), client.into()])?)
}

pub fn count_of_order(sql: &mut dyn Sql, order: &str) -> Result<usize, StoreError> {
    let rows = sql.query("SELECT id FROM disputes WHERE order_id = $1", &[order.into()])?;
    Ok(rows.len())
}

/// Which disputes of a client; what is absent is not asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub order: Option<String>,
    pub state: Option<&'static str>,
    pub before: Option<String>,
}

/// The newest first; one more than is asked for if there are more.
pub fn list(sql: &mut dyn Sql, client: &str, wanted: &Wanted, limit: usize) -> Result<Vec<Dispute>, StoreError> {
    let conditions = [
        ("order_id =", wanted.order.as_deref().map(Value::from)),
        ("state =", wanted.state.map(Value::from)),
        ("id <", wanted.before.as_deref().map(Value::from)),
    ];
    let (select, values) = newest("SELECT body FROM disputes", client, conditions, limit);
    let rows = sql.query(&select, &values)?;
    rows.iter().map(|row| row.json(0)).collect()
}
