//! What acquirers asked an issuer for, and what became of it, for good: a repeat of a message is answered from here. No
//! card number, track, PIN or card value is in it.

use causeway_cards::iso8583::DuplicateKey;
use causeway_contracts::{
    codec::Text,
    identity::AccountId,
    money::{Amount, Currency},
    transaction::TxId,
};
use serde::{Deserialize, Serialize};

use super::{document, int, unsigned};
use crate::{
    acquiring::{
        authorization::{Standing, Step},
        host::{Operation, Outcome},
    },
    store::{Row, Sql, StoreError},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// `aut_…`, also of its job.
    pub id: String,
    /// Link and [`DuplicateKey`]: none is there twice.
    pub key: String,
    /// Link and what field 90 of a reversal names it by.
    pub elements: String,
    /// Link and field 37.
    pub reference: Option<String>,
    /// Link and field 90: what it reverses, refunds or completes.
    pub original: Option<String>,
    pub state: State,
    /// Its transaction, signed, in hexadecimal.
    pub intent: Option<String>,
    pub created_ms: u64,
    pub body: AuthorizationBody,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The card is being looked at. What that needs is nowhere stored, so that nobody else can go on with it.
    Deciding,
    /// The ledger is to do something.
    Pending,
    Done,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Deciding => "deciding",
            Self::Pending => "pending",
            Self::Done => "done",
        }
    }

    fn of(text: &str, column: usize) -> Result<Self, StoreError> {
        let all = [Self::Deciding, Self::Pending, Self::Done];
        let found = all.into_iter().find(|state| state.as_str() == text);
        found.ok_or(StoreError::Column { column })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationBody {
    pub link: String,
    pub key: DuplicateKey,
    pub operation: Operation,
    /// SHA-256, in hexadecimal, of the fields by which equal keys are the same message.
    pub contents: String,
    /// What is asked for; of a reversal what is to be left.
    pub amount: Amount,
    /// Of a reversal, if it names one.
    pub currency: Option<Currency>,
    /// Of the transaction that it makes; a later message's is made from its original's.
    pub memo: Text<140>,
    /// Field 38, drawn at random.
    pub approval: String,
    pub card: Option<String>,
    /// The cardholder's.
    pub account: Option<AccountId>,
    /// Another that this one is about.
    pub target: Option<String>,
    pub step: Option<Step>,
    /// Its transactions, the last is the one that counts.
    pub transactions: Vec<TxId>,
    pub standing: Standing,
    /// Which later one changes the standing just now.
    pub busy: Option<String>,
    pub outcome: Option<Outcome>,
    /// Field 55 of the answer, in hexadecimal.
    pub chip: Option<String>,
    /// Field 54 of the answer.
    pub amounts: Option<String>,
}

impl Authorization {
    pub fn is_approved(&self) -> bool {
        self.body.outcome.is_some_and(Outcome::is_approved)
    }

    pub fn finish(&mut self, outcome: Outcome) {
        self.state = State::Done;
        self.intent = None;
        self.body.outcome = Some(outcome);
    }
}

const COLUMNS: &str = "SELECT id, message_key, elements, reference, original, state, intent, created_ms, body \
                       FROM authorizations";

/// Whether its key was not there.
pub fn add(sql: &mut dyn Sql, new: &Authorization) -> Result<bool, StoreError> {
    let added = sql.execute(
        "INSERT INTO authorizations \
         (id, message_key, elements, reference, original, state, intent, created_ms, is_reversal, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
        &[
            (&new.id).into(),
            (&new.key).into(),
            (&new.elements).into(),
            new.reference.as_ref().into(),
            new.original.as_ref().into(),
            new.state.as_str().into(),
            new.intent.as_ref().into(),
            int(new.created_ms).into(),
            (new.body.operation == Operation::Reversal).into(),
            (&document(&new.body)).into(),
        ],
    )?;
    Ok(added > 0)
}

fn authorization(row: &Row) -> Result<Authorization, StoreError> {
    Ok(Authorization {
        id: row.text(0)?.to_owned(),
        key: row.text(1)?.to_owned(),
        elements: row.text(2)?.to_owned(),
        reference: row.optional_text(3)?.map(str::to_owned),
        original: row.optional_text(4)?.map(str::to_owned),
        state: State::of(row.text(5)?, 5)?,
        intent: row.optional_text(6)?.map(str::to_owned),
        created_ms: unsigned(row.int(7)?, 7)?,
        body: row.json(8)?,
    })
}

pub fn any(sql: &mut dyn Sql, id: &str) -> Result<Option<Authorization>, StoreError> {
    let row = sql.query_one(&format!("{COLUMNS} WHERE id = $1"), &[id.into()])?;
    row.map(|row| authorization(&row)).transpose()
}

/// The same, and nobody else changes it until the transaction is over.
pub fn locked(sql: &mut dyn Sql, id: &str) -> Result<Option<Authorization>, StoreError> {
    let statement = format!("{COLUMNS} WHERE id = $1{}", sql.dialect().for_update());
    let row = sql.query_one(&statement, &[id.into()])?;
    row.map(|row| authorization(&row)).transpose()
}

pub fn by_key(sql: &mut dyn Sql, key: &str) -> Result<Option<Authorization>, StoreError> {
    let row = sql.query_one(&format!("{COLUMNS} WHERE message_key = $1"), &[key.into()])?;
    row.map(|row| authorization(&row)).transpose()
}

/// The newest of those that field 90 names so.
pub fn by_elements(sql: &mut dyn Sql, elements: &str) -> Result<Option<Authorization>, StoreError> {
    let statement = format!("{COLUMNS} WHERE elements = $1 ORDER BY id DESC LIMIT 1");
    let row = sql.query_one(&statement, &[elements.into()])?;
    row.map(|row| authorization(&row)).transpose()
}

/// The newest of a reference, at most so many.
pub fn by_reference(sql: &mut dyn Sql, reference: &str, limit: usize) -> Result<Vec<Authorization>, StoreError> {
    let statement = format!("{COLUMNS} WHERE reference = $1 ORDER BY id DESC LIMIT $2");
    let rows = sql.query(&statement, &[reference.into(), (limit as i64).into()])?;
    rows.iter().map(authorization).collect()
}

/// Whether a reversal of it came, at that time or later.
pub fn is_reversed(sql: &mut dyn Sql, elements: &str, since_ms: u64) -> Result<bool, StoreError> {
    let row = sql.query_one(
        "SELECT CAST(1 AS BIGINT) FROM authorizations \
         WHERE original = $1 AND is_reversal = 1 AND created_ms >= $2 LIMIT 1",
        &[elements.into(), int(since_ms).into()],
    )?;
    Ok(row.is_some())
}

/// Writes it back as it is now.
pub fn save(sql: &mut dyn Sql, authorization: &Authorization) -> Result<(), StoreError> {
    let saved = sql.execute(
        "UPDATE authorizations SET state = $2, intent = $3, body = $4 WHERE id = $1",
        &[
            (&authorization.id).into(),
            authorization.state.as_str().into(),
            authorization.intent.as_ref().into(),
            (&document(&authorization.body)).into(),
        ],
    )?;
    if saved == 1 { Ok(()) } else { Err(StoreError::Changed) }
}

#[cfg(test)]
pub mod tests;
