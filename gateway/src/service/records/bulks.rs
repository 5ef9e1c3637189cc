//! Bulks: many payments in one request, each a line with a state of its own.

use serde::{Deserialize, Serialize};

use super::{document, int, unsigned};
use crate::{
    service::bulk::line::LineOrder,
    store::{Row, Sql, StoreError, Value},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bulk {
    pub id: String,
    pub client: String,
    pub created_ms: u64,
    /// Whether each of its lines has become a remittance, or nothing for good.
    pub completed: bool,
    /// Whether all its lines are paid by one transaction, or none.
    pub atomic: bool,
    /// That transaction, signed, in hexadecimal: stored before it is sent.
    pub intent: Option<String>,
}

/// What a line has come to. Only of a `made` one there is a remittance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineState {
    Waiting,
    Made,
    /// Of an atomic bulk: by its transaction.
    Paid,
    Failed,
}

impl LineState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Made => "made",
            Self::Paid => "paid",
            Self::Failed => "failed",
        }
    }

    fn of(text: &str, column: usize) -> Result<Self, StoreError> {
        let all = [Self::Waiting, Self::Made, Self::Paid, Self::Failed];
        let found = all.into_iter().find(|state| state.as_str() == text);
        found.ok_or(StoreError::Column { column })
    }
}

/// Why a line has come to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LineProblem {
    /// Of problem details.
    pub code: String,
    pub detail: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// In the bulk, from 1.
    pub number: u64,
    pub state: LineState,
    pub attempts: u64,
    pub remittance: Option<String>,
    /// Of the remittance, if there is one.
    pub remittance_state: Option<String>,
    pub problem: Option<LineProblem>,
    /// By which it is paid, in an atomic bulk.
    pub transaction: Option<String>,
    pub order: LineOrder,
}

/// Whether it was not there. Its lines are numbered as they come.
pub fn add(sql: &mut dyn Sql, bulk: &Bulk, lines: &[LineOrder]) -> Result<bool, StoreError> {
    let added = sql.execute(
        "INSERT INTO bulks (id, client, created_ms, completed, atomic) VALUES ($1, $2, $3, 0, $4) \
         ON CONFLICT (id) DO NOTHING",
        &[
            (&bulk.id).into(),
            (&bulk.client).into(),
            int(bulk.created_ms).into(),
            bulk.atomic.into(),
        ],
    )?;
    if added == 0 {
        return Ok(false);
    }
    for (at, line) in lines.iter().enumerate() {
        sql.execute(
            "INSERT INTO bulk_lines (bulk, number, state, attempts, due_ms, body) VALUES ($1, $2, 'waiting', 0, 0, $3)",
            &[(&bulk.id).into(), (at as i64 + 1).into(), (&document(line)).into()],
        )?;
    }
    Ok(true)
}

fn bulk(row: &Row) -> Result<Bulk, StoreError> {
    Ok(Bulk {
        id: row.text(0)?.to_owned(),
        client: row.text(1)?.to_owned(),
        created_ms: unsigned(row.int(2)?, 2)?,
        completed: row.flag(3)?,
        atomic: row.flag(4)?,
        intent: row.optional_text(5)?.map(str::to_owned),
    })
}

const BULK: &str = "SELECT id, client, created_ms, completed, atomic, intent FROM bulks WHERE id = $1";

/// Whoever's it is: for the gateway itself.
pub fn any(sql: &mut dyn Sql, id: &str) -> Result<Option<Bulk>, StoreError> {
    let row = sql.query_one(BULK, &[id.into()])?;
    row.map(|row| bulk(&row)).transpose()
}

pub fn find(sql: &mut dyn Sql, client: &str, id: &str) -> Result<Option<Bulk>, StoreError> {
    Ok(any(sql, id)?.filter(|bulk| bulk.client == client))
}

/// How many lines are in a state.
pub fn count(sql: &mut dyn Sql, bulk: &str, state: LineState) -> Result<u64, StoreError> {
    let count = "SELECT COUNT(*) FROM bulk_lines WHERE bulk = $1 AND state = $2";
    let row = sql.query_one(count, &[bulk.into(), state.as_str().into()])?;
    unsigned(row.map_or(Ok(0), |row| row.int(0))?, 0)
}

/// How many of the remittances of the last lines that were made are not reserved yet. Of earlier ones nobody waits.
pub fn unreserved(sql: &mut dyn Sql, bulk: &str, last: u64) -> Result<u64, StoreError> {
    let row = sql.query_one(
        "SELECT COUNT(*) FROM bulk_lines l JOIN remittances r ON r.id = l.remittance \
         WHERE l.bulk = $1 AND r.state = 'awaiting_funds' AND l.number > \
         (SELECT COALESCE(MAX(number), 0) FROM bulk_lines WHERE bulk = $1 AND state = 'made') - $2",
        &[bulk.into(), int(last).into()],
    )?;
    unsigned(row.map_or(Ok(0), |row| row.int(0))?, 0)
}

const LINE: &str = "SELECT l.number, l.state, l.attempts, l.remittance, r.state, l.problem, l.body, l.transaction_id \
                    FROM bulk_lines l LEFT JOIN remittances r ON r.id = l.remittance";

fn line(row: &Row) -> Result<Line, StoreError> {
    let problem = if row.is_null(5) { None } else { Some(row.json(5)?) };
    Ok(Line {
        number: unsigned(row.int(0)?, 0)?,
        state: LineState::of(row.text(1)?, 1)?,
        attempts: unsigned(row.int(2)?, 2)?,
        remittance: row.optional_text(3)?.map(str::to_owned),
        remittance_state: row.optional_text(4)?.map(str::to_owned),
        problem,
        order: row.json(6)?,
        transaction: row.optional_text(7)?.map(str::to_owned),
    })
}

/// After this number, in order; one more than is asked for if there are more.
pub fn lines(sql: &mut dyn Sql, bulk: &str, after: u64, limit: usize) -> Result<Vec<Line>, StoreError> {
    let statement = format!("{LINE} WHERE l.bulk = $1 AND l.number > $2 ORDER BY l.number LIMIT $3");
    let rows = sql.query(&statement, &[bulk.into(), int(after).into(), (limit as i64 + 1).into()])?;
    rows.iter().map(line).collect()
}

/// Lines that may be tried now, in order.
pub fn due(sql: &mut dyn Sql, bulk: &str, now_ms: u64, max: usize) -> Result<Vec<Line>, StoreError> {
    let statement =
        format!("{LINE} WHERE l.bulk = $1 AND l.state = 'waiting' AND l.due_ms <= $2 ORDER BY l.number LIMIT $3");
    let rows = sql.query(&statement, &[bulk.into(), int(now_ms).into(), (max as i64).into()])?;
    rows.iter().map(line).collect()
}

/// What has come of an attempt at a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempted {
    Made {
        remittance: String,
    },
    /// Of an atomic bulk.
    Paid {
        transaction: String,
    },
    Failed(LineProblem),
    /// To be tried again then.
    Later {
        due_ms: u64,
        /// Among the attempts of which there are only so many.
        is_counted: bool,
    },
}

pub fn attempted(sql: &mut dyn Sql, bulk: &str, number: u64, what: &Attempted) -> Result<(), StoreError> {
    let place = [bulk.into(), int(number).into()];
    let [id, at] = place;
    match what {
        Attempted::Made { remittance } => sql.execute(
            "UPDATE bulk_lines SET state = 'made', remittance = $3 WHERE bulk = $1 AND number = $2",
            &[id, at, remittance.into()],
        )?,
        Attempted::Paid { transaction } => sql.execute(
            "UPDATE bulk_lines SET state = 'paid', transaction_id = $3 WHERE bulk = $1 AND number = $2",
            &[id, at, transaction.into()],
        )?,
        Attempted::Failed(problem) => sql.execute(
            "UPDATE bulk_lines SET state = 'failed', problem = $3 WHERE bulk = $1 AND number = $2",
            &[id, at, (&document(problem)).into()],
        )?,
        Attempted::Later { due_ms, is_counted } => sql.execute(
            "UPDATE bulk_lines SET attempts = attempts + $4, due_ms = $3 WHERE bulk = $1 AND number = $2",
            &[id, at, int(*due_ms).into(), i64::from(*is_counted).into()],
        )?,
    };
    Ok(())
}

/// The same of all lines that wait.
pub fn attempted_all(sql: &mut dyn Sql, bulk: &str, what: &Attempted) -> Result<(), StoreError> {
    let rows = sql.query(
        "SELECT number FROM bulk_lines WHERE bulk = $1 AND state = 'waiting'",
        &[bulk.into()],
    )?;
    for row in rows {
        attempted(sql, bulk, unsigned(row.int(0)?, 0)?, what)?;
    }
    Ok(())
}

/// What is signed for it, if anything is.
pub fn set_intent(sql: &mut dyn Sql, bulk: &str, intent: Option<&str>) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE bulks SET intent = $2 WHERE id = $1",
        &[bulk.into(), intent.map_or(Value::Null, Into::into)],
    )?;
    Ok(())
}

/// Whether it was not completed before.
pub fn complete(sql: &mut dyn Sql, bulk: &str) -> Result<bool, StoreError> {
    let completed = sql.execute(
        "UPDATE bulks SET completed = 1 WHERE id = $1 AND completed = 0",
        &[bulk.into()],
    )?;
    Ok(completed > 0)
}

#[cfg(test)]
pub(in crate::service) mod tests {
    use causeway_contracts::{identity::ParticipantId, money::Currency};

    use super::*;
    use crate::{remittance::order::Party, service::api::remittances::AccountName, store::tests::database};

    pub fn order() -> LineOrder {
        let eur = Currency::new("EUR").unwrap();
        LineOrder {
            account: "acc_1".to_owned(),
            source: eur,
            target: eur,
            amount: "1.00".to_owned(),
            beneficiary: Party {
                name: "Ben Example".to_owned(),
                address: None,
                lei: None,
            },
            beneficiary_account: AccountName::Merchant("SHOP7".to_owned()),
            operator: ParticipantId::new("BANKB").unwrap(),
            sender: None,
            uetr: None,
            purpose: None,
            reference: None,
            end_to_end_id: Some("E-1".to_owned()),
        }
    }

    #[tokio::test]
    async fn lines_wait_until_they_have_come_to_something() {
        let (store, _folder) = database().await;
        let bulk = Bulk {
            id: "bulk_1".to_owned(),
            client: "a".to_owned(),
            created_ms: 7,
            completed: false,
            atomic: false,
            intent: None,
        };
        let problem = LineProblem {
            code: "5001".to_owned(),
            detail: "nobody".to_owned(),
        };
        store
            .write::<_, StoreError, _>(move |sql| {
                assert!(add(sql, &bulk, &[order(), order(), order()])?);
                assert!(!add(sql, &bulk, &[order()])?, "the same again changes nothing");
                assert_eq!(find(sql, "a", "bulk_1")?, Some(bulk.clone()));
                assert_eq!(find(sql, "b", "bulk_1")?, None);
                let numbers = |lines: Vec<Line>| lines.iter().map(|line| line.number).collect::<Vec<_>>();
                assert_eq!(numbers(due(sql, "bulk_1", 100, 2)?), [1, 2]);
                let remittance = "rem_1".to_owned();
                attempted(sql, "bulk_1", 1, &Attempted::Made { remittance })?;
                for (due_ms, is_counted) in [(100, true), (200, false)] {
                    attempted(sql, "bulk_1", 2, &Attempted::Later { due_ms, is_counted })?;
                }
                assert_eq!(numbers(due(sql, "bulk_1", 199, 9)?), [3]);
                assert_eq!(numbers(due(sql, "bulk_1", 200, 9)?), [2, 3]);
                attempted_all(sql, "bulk_1", &Attempted::Failed(problem.clone()))?;
                assert_eq!(due(sql, "bulk_1", u64::MAX, 9)?, []);
                let counts = [LineState::Waiting, LineState::Made, LineState::Failed];
                let counts = counts.map(|state| count(sql, "bulk_1", state));
                assert_eq!(counts.into_iter().collect::<Result<Vec<_>, _>>()?, [0, 1, 2]);
                let page = lines(sql, "bulk_1", 1, 9)?;
                assert_eq!(page[0].attempts, 1);
                assert_eq!((page[0].problem.as_ref(), &page[0].order), (Some(&problem), &order()));
                set_intent(sql, "bulk_1", Some("00"))?;
                assert_eq!(any(sql, "bulk_1")?.and_then(|bulk| bulk.intent), Some("00".to_owned()));
                assert!(complete(sql, "bulk_1")? && !complete(sql, "bulk_1")?, "once");
                Ok(())
            })
            .await
            .unwrap();
    }
}
