//! Tries to pay orders by card, each written down before its message goes out: without a card's whole number.

use causeway_cards::iso8583::Message;
use causeway_contracts::money::Amount;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{card_reversals, document, int, unsigned};
use crate::{
    acquiring::client::is_passing,
    store::{Row, Sql, StoreError},
};

/// By so much this machine's clock may be behind the ledger's.
const CLOCKS_MS: u64 = 1_000;

/// What became of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// The issuer has paid, or holds the money; the order changes when the ledger's block is booked.
    Approved,
    Declined,
    /// No answer came that says it. What was paid is sent back.
    Unknown,
}

impl AttemptOutcome {
    const ALL: [Self; 3] = [Self::Approved, Self::Declined, Self::Unknown];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Unknown => "unknown",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub id: String,
    pub order: String,
    /// The issuer's link.
    pub route: String,
    /// By which its reversal is known.
    pub key: String,
    pub created_ms: u64,
    /// `None` while its answer is awaited.
    pub outcome: Option<AttemptOutcome>,
    /// When its reversal was answered: what it has paid, if anything, was taken back before.
    pub undone_ms: Option<u64>,
    pub body: AttemptBody,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttemptBody {
    /// Field 37.
    pub rrn: String,
    /// Field 11.
    pub trace: String,
    pub amount: Amount,
    /// The card's number by its first six and last four digits.
    pub masked: String,
    /// Field 39.
    pub code: Option<String>,
    /// Field 38.
    pub approval: Option<String>,
    /// Of an authorisation: the advice that undoes it, in variant A and hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
}

impl Attempt {
    /// What does not say whether it was done is undone by the link. An approval in part is none: the order is paid whole. What
    /// comes in part is sent back as a stray, and what is held in part is undone.
    pub fn answered(&mut self, answer: &Message) {
        let text = |field| answer.text(field).map(str::to_owned);
        let code = text(39).unwrap_or_default();
        self.outcome = Some(match code.as_str() {
            "00" => AttemptOutcome::Approved,
            _ if is_passing(answer) => AttemptOutcome::Unknown,
            _ => AttemptOutcome::Declined,
        });
        self.body.approval = text(38).filter(|_| code == "00");
        self.body.code = Some(code).filter(|code| !code.is_empty());
    }
}

const COLUMNS: &str =
    "SELECT id, order_id, route, message_key, created_ms, outcome, body, undone_ms FROM card_attempts";

fn attempt(row: &Row) -> Result<Attempt, StoreError> {
    let outcome = row.optional_text(5)?.map(|text| {
        let known = AttemptOutcome::ALL.into_iter().find(|outcome| outcome.as_str() == text);
        known.ok_or(StoreError::Column { column: 5 })
    });
    Ok(Attempt {
        id: row.text(0)?.to_owned(),
        order: row.text(1)?.to_owned(),
        route: row.text(2)?.to_owned(),
        key: row.text(3)?.to_owned(),
        created_ms: unsigned(row.int(4)?, 4)?,
        outcome: outcome.transpose()?,
        undone_ms: row.optional_int(7)?.map(|at| unsigned(at, 7)).transpose()?,
        body: row.json(6)?,
    })
}

pub fn add(sql: &mut dyn Sql, attempt: &Attempt) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO card_attempts (id, order_id, route, message_key, created_ms, outcome, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            (&attempt.id).into(),
            (&attempt.order).into(),
            (&attempt.route).into(),
            (&attempt.key).into(),
            int(attempt.created_ms).into(),
            attempt.outcome.map(AttemptOutcome::as_str).into(),
            (&document(&attempt.body)).into(),
        ],
    )?;
    Ok(())
}

/// Writes down what became of it.
pub fn save(sql: &mut dyn Sql, attempt: &Attempt) -> Result<(), StoreError> {
    let saved = sql.execute(
        "UPDATE card_attempts SET outcome = $2, body = $3 WHERE id = $1",
        &[
            (&attempt.id).into(),
            attempt.outcome.map(AttemptOutcome::as_str).into(),
            (&document(&attempt.body)).into(),
        ],
    )?;
    if saved == 1 { Ok(()) } else { Err(StoreError::Changed) }
}

/// What the answer to a payment's message says. Keys come again after a year: the newest is meant. That of an authorisation is
/// written with what it makes of its order; until then a job waits to undo it.
pub fn answered(sql: &mut dyn Sql, route: &str, key: &str, answer: &Message) -> Result<(), StoreError> {
    let statement = format!("{COLUMNS} WHERE route = $1 AND message_key = $2 ORDER BY id DESC LIMIT 1");
    let row = sql.query_one(&statement, &[route.into(), key.into()])?;
    let found = row.as_ref().map(attempt).transpose()?;
    if let Some(mut attempt) = found.filter(|found| found.body.undo.is_none()) {
        attempt.answered(answer);
        save(sql, &attempt)?;
    }
    Ok(())
}

/// Its reversal was answered.
pub fn undone(sql: &mut dyn Sql, route: &str, key: &str, now_ms: u64) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE card_attempts SET undone_ms = $3 WHERE route = $1 AND message_key = $2",
        &[route.into(), key.into(), int(now_ms).into()],
    )?;
    Ok(())
}

/// Its message was never sent.
pub fn remove(sql: &mut dyn Sql, id: &str) -> Result<(), StoreError> {
    sql.execute("DELETE FROM card_attempts WHERE id = $1", &[id.into()])?;
    Ok(())
}

pub fn any(sql: &mut dyn Sql, id: &str) -> Result<Option<Attempt>, StoreError> {
    let row = sql.query_one(&format!("{COLUMNS} WHERE id = $1"), &[id.into()])?;
    row.map(|row| attempt(&row)).transpose()
}

/// The newest first. Nobody else changes them while the transaction lasts: the end of a reversal is seen with what it makes of
/// its try, or not at all.
pub fn locked_of_order(sql: &mut dyn Sql, order: &str, limit: usize) -> Result<Vec<Attempt>, StoreError> {
    let lock = sql.dialect().for_update();
    newest(sql, order, limit, lock)
}

/// The newest first.
pub fn of_order(sql: &mut dyn Sql, order: &str, limit: usize) -> Result<Vec<Attempt>, StoreError> {
    newest(sql, order, limit, "")
}

fn newest(sql: &mut dyn Sql, order: &str, limit: usize, lock: &str) -> Result<Vec<Attempt>, StoreError> {
    let statement = format!("{COLUMNS} WHERE order_id = $1 ORDER BY id DESC LIMIT $2{lock}");
    let rows = sql.query(&statement, &[order.into(), (limit as i64).into()])?;
    rows.iter().map(attempt).collect()
}

/// Whether an issuer may have paid the order, or be taking back what it has paid.
pub fn is_any_open(sql: &mut dyn Sql, order: &str) -> Result<bool, StoreError> {
    let row = sql.query_one(
        "SELECT id FROM card_attempts WHERE order_id = $1 AND (outcome IS NULL OR outcome <> 'declined') LIMIT 1",
        &[order.into()],
    )?;
    Ok(row.is_some())
}

/// Whether one ended without anyone knowing whether it has paid.
pub fn is_any_unknown(sql: &mut dyn Sql, order: &str) -> Result<bool, StoreError> {
    let row = sql.query_one(
        "SELECT id FROM card_attempts WHERE order_id = $1 AND (outcome IS NULL OR outcome = 'unknown') LIMIT 1",
        &[order.into()],
    )?;
    Ok(row.is_some())
}

/// Whether the payment of one is not decided for good: its answer is awaited, it was approved, or it is being reversed; or
/// it was reversed, and blocks with its payment and its reversal may not be booked yet. `booked_ms`: the ledger's time up to
/// which they are.
pub fn is_busy(sql: &mut dyn Sql, attempt: &Attempt, booked_ms: u64) -> Result<bool, StoreError> {
    match attempt.outcome {
        Some(AttemptOutcome::Approved) => Ok(true),
        Some(AttemptOutcome::Declined) => Ok(false),
        // Also of one whose gateway has died: its reversal was stored before its message went out.
        Some(AttemptOutcome::Unknown) | None => {
            let may_be_booked = |undone_ms: u64| booked_ms < undone_ms + CLOCKS_MS;
            Ok(attempt.undone_ms.is_some_and(may_be_booked)
                || card_reversals::is_there(sql, &attempt.route, &attempt.key)?)
        }
    }
}

/// One more for each message of a route, 1 to 999,999 and round again.
pub fn next_trace(sql: &mut dyn Sql, route: &str) -> Result<u32, StoreError> {
    sql.execute(
        "INSERT INTO card_traces (route, last) VALUES ($1, 1) \
         ON CONFLICT (route) DO UPDATE SET last = card_traces.last % 999999 + 1",
        &[route.into()],
    )?;
    let row = sql.query_one("SELECT last FROM card_traces WHERE route = $1", &[route.into()])?;
    let last = row.ok_or(StoreError::Changed)?.int(0)?;
    u32::try_from(last).map_err(|_| StoreError::Column { column: 0 })
}

#[cfg(test)]
pub(in crate::service) mod tests {
    use super::*;
    use crate::store::tests::database;

    /// One by the route `one`, whose answer is awaited.
    pub fn tried(id: &str, key: &str) -> Attempt {
        Attempt {
            id: id.to_owned(),
            order: "ord_1".to_owned(),
            route: "one".to_owned(),
            key: key.to_owned(),
            created_ms: 5,
            outcome: None,
            undone_ms: None,
            body: AttemptBody {
                rrn: "633407000001".to_owned(),
                trace: "000001".to_owned(),
                amount: Amount(1_000),
                masked: "990001******0012".to_owned(),
                code: None,
                approval: None,
                undo: None,
            },
        }
    }

    #[tokio::test]
    async fn traces_go_round_and_an_attempt_is_open_until_it_is_declined() {
        let (store, _folder) = database().await;
        let write = store.write::<_, StoreError, _>(|sql| {
            assert_eq!((next_trace(sql, "one")?, next_trace(sql, "two")?), (1, 1));
            assert_eq!(next_trace(sql, "one")?, 2);
            sql.execute("UPDATE card_traces SET last = 999999 WHERE route = 'one'", &[])?;
            assert_eq!((next_trace(sql, "one")?, next_trace(sql, "one")?), (1, 2));
            let mut tried = tried("att_1", "k");
            assert!(!is_any_open(sql, "ord_1")?);
            add(sql, &tried)?;
            assert!(is_any_open(sql, "ord_1")? && !is_busy(sql, &tried, 0)?);
            card_reversals::put(sql, "one", "k", b"message", 7)?;
            assert!(is_busy(sql, &tried, u64::MAX)?);
            assert_eq!(card_reversals::of_route(sql, "one", 6)?, []);
            let kept = [("k".to_owned(), b"message".to_vec())];
            assert_eq!(card_reversals::of_route(sql, "one", 7)?, kept);
            assert_eq!(card_reversals::of_route(sql, "two", 7)?, []);
            card_reversals::remove(sql, "one", "k")?;
            undone(sql, "one", "k", 9)?;
            let now = any(sql, "att_1")?.expect("it was added");
            assert!(is_busy(sql, &now, 8 + CLOCKS_MS)? && !is_busy(sql, &now, 9 + CLOCKS_MS)?);
            tried = now;
            tried.outcome = Some(AttemptOutcome::Declined);
            tried.body.code = Some("51".to_owned());
            save(sql, &tried)?;
            assert!(!is_any_open(sql, "ord_1")?);
            assert_eq!(of_order(sql, "ord_1", 10)?, [tried.clone()]);
            remove(sql, "att_1")?;
            assert_eq!(any(sql, "att_1")?, None);
            Ok(())
        });
        write.await.expect("a database");
    }
}
