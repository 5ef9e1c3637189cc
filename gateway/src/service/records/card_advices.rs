//! What cards' issuers are told about money that they hold, each written down before it goes out: without a card's number.

use causeway_contracts::money::Amount;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{document, int, unsigned};
use crate::store::{Row, Sql, StoreError};

/// What an issuer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdviceKind {
    /// To pay what it holds, or a part of it.
    Capture,
    /// To give it back.
    Void,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdviceState {
    /// It is sent again until the issuer answers.
    Pending,
    /// The issuer has done it; the order changes when the ledger's block is booked.
    Approved,
    Declined,
}

impl AdviceState {
    const ALL: [Self; 3] = [Self::Pending, Self::Approved, Self::Declined];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Declined => "declined",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    pub id: String,
    pub order: String,
    /// By which the issuer came to hold it.
    pub attempt: String,
    pub state: AdviceState,
    pub created_ms: u64,
    /// In variant A.
    pub message: Vec<u8>,
    pub body: AdviceBody,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdviceBody {
    pub kind: AdviceKind,
    /// The issuer's link.
    pub route: String,
    /// What is to be paid, or given back.
    pub amount: Amount,
    /// Whether the merchant has asked for it; else the order needs the money no more.
    pub is_asked: bool,
    /// Field 39.
    pub code: Option<String>,
}

const COLUMNS: &str = "SELECT id, order_id, attempt, state, created_ms, message, body FROM card_advices";

fn advice(row: &Row) -> Result<Advice, StoreError> {
    let state = row.text(3)?;
    let state = AdviceState::ALL.into_iter().find(|known| known.as_str() == state);
    Ok(Advice {
        id: row.text(0)?.to_owned(),
        order: row.text(1)?.to_owned(),
        attempt: row.text(2)?.to_owned(),
        state: state.ok_or(StoreError::Column { column: 3 })?,
        created_ms: unsigned(row.int(4)?, 4)?,
        message: row.bytes(5)?.to_vec(),
        body: row.json(6)?,
    })
}

pub fn add(sql: &mut dyn Sql, advice: &Advice) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO card_advices (id, order_id, attempt, state, created_ms, message, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            (&advice.id).into(),
            (&advice.order).into(),
            (&advice.attempt).into(),
            advice.state.as_str().into(),
            int(advice.created_ms).into(),
            (&*advice.message).into(),
            (&document(&advice.body)).into(),
        ],
    )?;
    Ok(())
}

/// Writes down what became of it.
pub fn save(sql: &mut dyn Sql, advice: &Advice) -> Result<(), StoreError> {
    let saved = sql.execute(
        "UPDATE card_advices SET state = $2, body = $3 WHERE id = $1",
        &[
            (&advice.id).into(),
            advice.state.as_str().into(),
            (&document(&advice.body)).into(),
        ],
    )?;
    if saved == 1 { Ok(()) } else { Err(StoreError::Changed) }
}

pub fn any(sql: &mut dyn Sql, id: &str) -> Result<Option<Advice>, StoreError> {
    let row = sql.query_one(&format!("{COLUMNS} WHERE id = $1"), &[id.into()])?;
    row.map(|row| advice(&row)).transpose()
}

/// The newest first.
pub fn of_order(sql: &mut dyn Sql, order: &str, limit: usize) -> Result<Vec<Advice>, StoreError> {
    let statement = format!("{COLUMNS} WHERE order_id = $1 ORDER BY id DESC LIMIT $2");
    let rows = sql.query(&statement, &[order.into(), (limit as i64).into()])?;
    rows.iter().map(advice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::database;

    #[tokio::test]
    async fn an_advice_is_as_it_was_written_and_ends() {
        let (store, _folder) = database().await;
        let write = store.write::<_, StoreError, _>(|sql| {
            let first = Advice {
                id: "adv_1".to_owned(),
                order: "ord_1".to_owned(),
                attempt: "att_1".to_owned(),
                state: AdviceState::Pending,
                created_ms: 5,
                message: b"0220".to_vec(),
                body: AdviceBody {
                    kind: AdviceKind::Capture,
                    route: "one".to_owned(),
                    amount: Amount(900),
                    is_asked: true,
                    code: None,
                },
            };
            let mut second = Advice {
                id: "adv_2".to_owned(),
                ..first.clone()
            };
            add(sql, &first)?;
            add(sql, &second)?;
            second.state = AdviceState::Declined;
            second.body.code = Some("12".to_owned());
            save(sql, &second)?;
            assert_eq!(any(sql, "adv_1")?, Some(first.clone()));
            assert_eq!(of_order(sql, "ord_1", 10)?, [second.clone(), first]);
            assert_eq!(of_order(sql, "ord_1", 1)?, [second]);
            assert_eq!((any(sql, "adv_3")?, of_order(sql, "ord_2", 10)?), (None, vec![]));
            Ok(())
        });
        write.await.expect("a database");
    }
}
