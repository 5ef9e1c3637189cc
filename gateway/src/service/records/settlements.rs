//! Settlements of merchants, numbered from 1 for each merchant and currency, each with its payout as it was signed before
//! it is sent.

use causeway_contracts::{block::Height, identity::AccountId, money::Currency, transaction::TxId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{document, int, newest::newest, unsigned};
use crate::{
    acquiring::settlement::{Schedule, Settlement, Terms},
    store::{Row, Sql, StoreError, Value},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub id: String,
    pub client: String,
    pub merchant: String,
    /// Of UTC, counted from 1970.
    pub day: u64,
    pub number: u64,
    pub state: SettlementState,
    /// The payout, signed, in hexadecimal.
    pub intent: Option<String>,
    pub body: SettlementBody,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettlementState {
    /// Its payout is on its way.
    Pending,
    /// Its payout is final.
    Paid,
    /// There is nothing to pay out; what the merchant owes is carried forward.
    NothingDue,
}

impl SettlementState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::NothingDue => "nothing_due",
        }
    }

    fn of(text: &str, column: usize) -> Result<Self, StoreError> {
        let all = [Self::Pending, Self::Paid, Self::NothingDue];
        let found = all.into_iter().find(|state| state.as_str() == text);
        found.ok_or(StoreError::Column { column })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettlementBody {
    pub schedule: Schedule,
    /// The collecting account.
    pub from: AccountId,
    /// As they were when it was made.
    pub terms: Terms,
    pub settlement: Settlement,
    /// So many it has taken.
    pub movements: u64,
    pub created_ms: u64,
    /// That has paid it.
    pub transaction: Option<TxId>,
    pub height: Option<Height>,
    /// The block's time.
    pub paid_ms: Option<u64>,
    /// Why it has not been paid so far.
    pub problem: Option<String>,
    /// When an officer had it paid to other accounts than those of then.
    #[serde(default)]
    pub redirected_ms: Option<u64>,
}

/// # Errors
/// Another has its number.
pub fn add(sql: &mut dyn Sql, stored: &Stored) -> Result<(), StoreError> {
    let added = sql.execute(
        "INSERT INTO settlements (id, client, merchant, currency, day, number, state, intent, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        &[
            (&stored.id).into(),
            (&stored.client).into(),
            (&stored.merchant).into(),
            stored.body.settlement.currency.as_str().into(),
            int(stored.day).into(),
            int(stored.number).into(),
            stored.state.as_str().into(),
            stored.intent.as_ref().into(),
            (&document(&stored.body)).into(),
        ],
    )?;
    if added == 1 { Ok(()) } else { Err(StoreError::Changed) }
}

/// Writes it back as it is now.
pub fn save(sql: &mut dyn Sql, stored: &Stored) -> Result<(), StoreError> {
    let saved = sql.execute(
        "UPDATE settlements SET state = $2, intent = $3, body = $4 WHERE id = $1",
        &[
            (&stored.id).into(),
            stored.state.as_str().into(),
            stored.intent.as_ref().into(),
            (&document(&stored.body)).into(),
        ],
    )?;
    if saved == 1 { Ok(()) } else { Err(StoreError::Changed) }
}

const STORED: &str = "SELECT id, client, merchant, day, number, state, intent, body FROM settlements";

fn stored(row: &Row) -> Result<Stored, StoreError> {
    Ok(Stored {
        id: row.text(0)?.to_owned(),
        client: row.text(1)?.to_owned(),
        merchant: row.text(2)?.to_owned(),
        day: unsigned(row.int(3)?, 3)?,
        number: unsigned(row.int(4)?, 4)?,
        state: SettlementState::of(row.text(5)?, 5)?,
        intent: row.optional_text(6)?.map(str::to_owned),
        body: row.json(7)?,
    })
}

pub fn find(sql: &mut dyn Sql, client: &str, id: &str) -> Result<Option<Stored>, StoreError> {
    let select = format!("{STORED} WHERE id = $1 AND client = $2");
    let row = sql.query_one(&select, &[id.into(), client.into()])?;
    row.map(|row| stored(&row)).transpose()
}

/// Whoever's it is: for the gateway itself.
pub fn any(sql: &mut dyn Sql, id: &str) -> Result<Option<Stored>, StoreError> {
    let row = sql.query_one(&format!("{STORED} WHERE id = $1"), &[id.into()])?;
    row.map(|row| stored(&row)).transpose()
}

/// The newest of a merchant in a currency.
pub fn last(sql: &mut dyn Sql, merchant: &str, currency: Currency) -> Result<Option<Stored>, StoreError> {
    let select = format!("{STORED} WHERE merchant = $1 AND currency = $2 ORDER BY number DESC LIMIT 1");
    let row = sql.query_one(&select, &[merchant.into(), currency.as_str().into()])?;
    row.map(|row| stored(&row)).transpose()
}

/// Which settlements of a client; what is absent is not asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub merchant: Option<String>,
    pub day: Option<u64>,
    pub before: Option<String>,
}

/// The newest first; one more than is asked for if there are more.
pub fn list(sql: &mut dyn Sql, client: &str, wanted: &Wanted, limit: usize) -> Result<Vec<Stored>, StoreError> {
    let conditions = [
        ("merchant =", wanted.merchant.as_deref().map(Value::from)),
        ("day =", wanted.day.map(|day| int(day).into())),
        ("id <", wanted.before.as_deref().map(Value::from)),
    ];
    let (select, values) = newest(STORED, client, conditions, limit);
    let rows = sql.query(&select, &values)?;
    rows.iter().map(stored).collect()
}
