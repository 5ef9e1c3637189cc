//! Money that is sent back: refunds that merchants ask for, and payments that do not count. Each is one transfer, which
//! is stored as it was signed before it is sent.

use causeway_contracts::{
    block::Height,
    identity::AccountId,
    money::{Amount, Currency},
    transaction::TxId,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::document;
use crate::{
    acquiring::order::{Payment, Stray},
    store::{Row, Sql, StoreError},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payback {
    pub id: String,
    pub order: String,
    /// By which the merchant calls a refund; none is there twice for an order.
    pub reference: Option<String>,
    pub state: PaybackState,
    /// Its transaction, signed, in hexadecimal.
    pub intent: Option<String>,
    pub body: PaybackBody,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaybackState {
    /// A stray that an officer has to decide of: there were too many to send all back.
    Kept,
    Pending,
    /// It is final.
    Settled,
    /// It will not be made.
    Failed,
}

impl PaybackState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Pending => "pending",
            Self::Settled => "settled",
            Self::Failed => "failed",
        }
    }

    fn of(text: &str, column: usize) -> Result<Self, StoreError> {
        let all = [Self::Kept, Self::Pending, Self::Settled, Self::Failed];
        let found = all.into_iter().find(|state| state.as_str() == text);
        found.ok_or(StoreError::Column { column })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaybackBody {
    pub why: Why,
    pub from: AccountId,
    pub to: AccountId,
    pub currency: Currency,
    pub amount: Amount,
    pub created_ms: u64,
    /// Since when it is tried.
    pub since_ms: u64,
    /// That has settled it.
    pub transaction: Option<TxId>,
    pub height: Option<Height>,
    /// Why it failed, or has not been made so far.
    pub problem: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    Refund {
        reason: Option<String>,
    },
    /// A dispute was accepted, which has the same id.
    Chargeback,
    Stray {
        reason: Stray,
        payment: Payment,
    },
}

/// Whether neither its id nor its reference was there.
pub fn add(sql: &mut dyn Sql, payback: &Payback) -> Result<bool, StoreError> {
    let added = sql.execute(
        "INSERT INTO paybacks (id, order_id, reference, state, intent, body) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT DO NOTHING",
        &[
            (&payback.id).into(),
            (&payback.order).into(),
            payback.reference.as_ref().into(),
            payback.state.as_str().into(),
            payback.intent.as_ref().into(),
            (&document(&payback.body)).into(),
        ],
    )?;
    Ok(added > 0)
}

const PAYBACK: &str = "SELECT id, order_id, reference, state, intent, body FROM paybacks";

fn payback(row: &Row) -> Result<Payback, StoreError> {
    Ok(Payback {
        id: row.text(0)?.to_owned(),
        order: row.text(1)?.to_owned(),
        reference: row.optional_text(2)?.map(str::to_owned),
        state: PaybackState::of(row.text(3)?, 3)?,
        intent: row.optional_text(4)?.map(str::to_owned),
        body: row.json(5)?,
    })
}

pub fn any(sql: &mut dyn Sql, id: &str) -> Result<Option<Payback>, StoreError> {
    let row = sql.query_one(&format!("{PAYBACK} WHERE id = $1"), &[id.into()])?;
    row.map(|row| payback(&row)).transpose()
}

pub fn by_reference(sql: &mut dyn Sql, order: &str, reference: &str) -> Result<Option<Payback>, StoreError> {
    let row = sql.query_one(
        &format!("{PAYBACK} WHERE order_id = $1 AND reference = $2"),
        &[order.into(), reference.into()],
    )?;
    row.map(|row| payback(&row)).transpose()
}

/// Of an order, those whose ids are of a kind of four characters, the newest first, and at most so many.
pub fn of_order(sql: &mut dyn Sql, order: &str, kind: &str, limit: usize) -> Result<Vec<Payback>, StoreError> {
    let rows = sql.query(
        &format!("{PAYBACK} WHERE order_id = $1 AND substr(id, 1, 4) = $2 ORDER BY id DESC LIMIT $3"),
        &[order.into(), kind.into(), (limit as i64).into()],
    )?;
    rows.iter().map(payback).collect()
}

/// Strays in a state, the oldest first, after the one with this id; one more than is asked for if there are more.
pub fn strays(sql: &mut dyn Sql, state: PaybackState, after: &str, limit: usize) -> Result<Vec<Payback>, StoreError> {
    let rows = sql.query(
        &format!("{PAYBACK} WHERE state = $1 AND id > $2 AND substr(id, 1, 4) = 'ret_' ORDER BY id LIMIT $3"),
        &[state.as_str().into(), after.into(), (limit as i64 + 1).into()],
    )?;
    rows.iter().map(payback).collect()
}

/// Writes it back as it is now.
pub fn save(sql: &mut dyn Sql, payback: &Payback) -> Result<(), StoreError> {
    let saved = sql.execute(
        "UPDATE paybacks SET state = $2, intent = $3, body = $4 WHERE id = $1",
        &[
            (&payback.id).into(),
            payback.state.as_str().into(),
            payback.intent.as_ref().into(),
            (&document(&payback.body)).into(),
        ],
    )?;
    if saved == 1 { Ok(()) } else { Err(StoreError::Changed) }
}
