//! Makes the lines of a bulk into quotes and remittances, some at a time: no faster than what was made is reserved, since
//! a quote that waits runs out.

use std::sync::Arc;

use futures::future::join_all;

use super::{Due, atomic};
use crate::{
    service::{
        api::{
            quotes::{self, Asked},
            remittances::{self, Ordered},
        },
        bulk::line::LineIds,
        context::Gateway,
        id,
        problem::{Code, Problem},
        records::{
            bulks::{self, Attempted, Bulk, Line, LineProblem, LineState},
            events::{self, New},
            jobs::{self, Leased},
            remittances as records,
        },
        views,
    },
    store::{Sql, StoreError},
};

/// Lines that are made at the same time.
const TOGETHER: usize = 32;

/// Of what was made, so much may wait to be reserved.
const UNRESERVED_MAX: u64 = 96;

/// Looked at again that often while too much waits.
const PAUSE_MS: u64 = 250;

/// A line that may go better later is tried so often, over five minutes and more.
const ATTEMPTS_MAX: u64 = 16;

const RETRY_MS_MAX: u64 = 30_000;

/// Makes what can be made now of the bulk of a job.
pub(super) async fn bring_on(gateway: Arc<Gateway>, leased: Leased) -> Due {
    loop {
        let now_ms = gateway.now_ms();
        let id = leased.id.clone();
        let (bulk, unreserved, due) = gateway
            .store
            .read::<_, StoreError, _>(move |sql| {
                let bulk = bulks::any(sql, &id)?;
                // Those before are long past waiting, or will not be waited for.
                let unreserved = bulks::unreserved(sql, &id, 4 * UNRESERVED_MAX)?;
                Ok((bulk, unreserved, bulks::due(sql, &id, now_ms, TOGETHER)?))
            })
            .await?;
        let Some(bulk) = bulk.filter(|bulk| !bulk.completed) else {
            return Ok(None);
        };
        if bulk.atomic {
            // With nothing signed and no line that waits, it has come to its end: nothing may be signed any more.
            return match bulk.intent.is_none() && due.is_empty() {
                true => finish(&gateway, &leased, bulk, None).await,
                false => atomic::pay(&gateway, &leased, bulk).await,
            };
        }
        if unreserved >= UNRESERVED_MAX {
            return Ok(Some(now_ms + PAUSE_MS));
        }
        if due.is_empty() {
            return finish(&gateway, &leased, bulk, None).await;
        }
        let attempts = due.iter().map(|line| attempt(&gateway, &bulk, line));
        let attempted = join_all(attempts).await;
        let numbers: Vec<u64> = due.iter().map(|line| line.number).collect();
        let leased = leased.clone();
        gateway
            .store
            .write::<_, StoreError, _>(move |sql| {
                jobs::check(sql, &leased)?;
                let mut lines = numbers.iter().zip(&attempted);
                lines.try_for_each(|(number, what)| bulks::attempted(sql, &leased.id, *number, what))
            })
            .await?;
        gateway.wake.notify_one();
        gateway.wake_deliveries.notify_one();
    }
}

/// Lines that wait for another attempt keep it open. `rest`: what all of them have come to.
pub(super) async fn finish(gateway: &Arc<Gateway>, leased: &Leased, bulk: Bulk, rest: Option<Attempted>) -> Due {
    let job = leased.clone();
    let now_ms = gateway.now_ms();
    let event = id::new("evt", now_ms).map_err(|_| StoreError::Busy)?;
    let is_over = gateway
        .store
        .write::<_, StoreError, _>(move |sql| {
            jobs::check(sql, &job)?;
            close(sql, bulk, rest.as_ref(), event, now_ms)
        })
        .await?;
    gateway.wake_deliveries.notify_one();
    Ok((!is_over).then_some(now_ms + 1_000))
}

/// Whether it is over. In the transaction in which its last lines come to their end: no crash leaves a bulk that is still
/// to be paid with lines that are said to have failed.
fn close(
    sql: &mut dyn Sql,
    bulk: Bulk,
    rest: Option<&Attempted>,
    event: String,
    now_ms: u64,
) -> Result<bool, StoreError> {
    if let Some(what) = rest {
        bulks::attempted_all(sql, &bulk.id, what)?;
    }
    if bulks::count(sql, &bulk.id, LineState::Waiting)? > 0 {
        return Ok(false);
    }
    if bulks::complete(sql, &bulk.id)? {
        let bulk = Bulk {
            completed: true,
            ..bulk
        };
        let view = views::bulk(sql, &bulk)?;
        let data = serde_json::value::to_raw_value(&view).expect("views have a JSON form");
        let new = New {
            id: event,
            client: &bulk.client,
            kind: events::BULK_COMPLETED,
            object: &bulk.id,
            data: &data,
            now_ms,
        };
        events::add(sql, &new)?;
    }
    Ok(true)
}

async fn attempt(gateway: &Arc<Gateway>, bulk: &Bulk, line: &Line) -> Attempted {
    let problem = match make(gateway, bulk, line).await {
        Ok(remittance) => return Attempted::Made { remittance },
        Err(problem) => problem,
    };
    let pause_ms = (1_000_u64 << line.attempts.min(5)).min(RETRY_MS_MAX);
    let due_ms = gateway.now_ms().saturating_add(pause_ms);
    let later = |is_counted| Attempted::Later { due_ms, is_counted };
    match weigh(&problem, line.attempts) {
        Weight::Nothing => return later(false),
        Weight::Attempt => return later(true),
        Weight::End => {}
    }
    // An earlier write may have been committed without this gateway's being told.
    let ids = LineIds::of(&bulk.id, bulk.created_ms, line.number);
    match made(gateway, bulk, &ids).await {
        Ok(Some(remittance)) => Attempted::Made { remittance },
        Ok(None) => Attempted::Failed(LineProblem {
            code: problem.code.row().0.to_owned(),
            detail: problem.detail,
        }),
        Err(error) => {
            tracing::warn!(
                bulk = bulk.id,
                error = error.to_string(),
                "a line's end is not known yet"
            );
            later(false)
        }
    }
}

/// What an attempt that came to nothing says about those to come.
#[derive(Debug, PartialEq, Eq)]
enum Weight {
    /// The database could not be asked, or whatever else went wrong here: it says nothing about the payment.
    Nothing,
    /// One less of them.
    Attempt,
    /// None of them would go better.
    End,
}

fn weigh(problem: &Problem, attempts: u64) -> Weight {
    match problem.code {
        Code::Internal | Code::Busy => Weight::Nothing,
        _ if is_passing(problem) && attempts + 1 < ATTEMPTS_MAX => Weight::Attempt,
        _ => Weight::End,
    }
}

/// Whether another attempt, with another quote, may go better.
pub(super) fn is_passing(problem: &Problem) -> bool {
    problem.status() >= 500
        || matches!(
            problem.code,
            Code::QuoteExpired | Code::QuoteUsed | Code::PayerAccountNotOpen
        )
}

/// The remittance that an attempt at the line has made.
async fn made(gateway: &Gateway, bulk: &Bulk, ids: &LineIds) -> Result<Option<String>, StoreError> {
    let (client, id) = (bulk.client.clone(), ids.remittance.clone());
    let known = gateway
        .store
        .read::<_, StoreError, _>(move |sql| records::find(sql, &client, &id))
        .await?;
    Ok(known.map(|known| known.id))
}

/// The line's remittance: the one that an attempt before a crash has made, or a new one.
async fn make(gateway: &Arc<Gateway>, bulk: &Bulk, line: &Line) -> Result<String, Problem> {
    let ids = LineIds::of(&bulk.id, bulk.created_ms, line.number);
    if let Some(known) = made(gateway, bulk, &ids).await? {
        return Ok(known);
    }
    let now_ms = gateway.now_ms();
    let asked = Asked {
        id: id::new("quote", now_ms)?,
        client: bulk.client.clone(),
        now_ms,
    };
    let quote = quotes::make(gateway, asked, line.order.quote()).await?;
    let request = line.order.remittance(quote.id, ids.uetr);
    remittances::check(&request)?;
    let ordered = Ordered {
        id: ids.remittance,
        client: bulk.client.clone(),
        now_ms: gateway.now_ms(),
        instruction: None,
    };
    Ok(remittances::make(gateway, ordered, request).await?.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{service::records::bulks::tests::order, store::tests::database};

    #[test]
    fn only_what_is_said_of_the_payment_ends_its_attempts() {
        let check = |code, attempts, expected| {
            assert_eq!(weigh(&Problem::new(code, "why"), attempts), expected, "{code:?}");
        };
        check(Code::Busy, ATTEMPTS_MAX, Weight::Nothing);
        check(Code::Internal, 0, Weight::Nothing);
        check(Code::LedgerUnreachable, ATTEMPTS_MAX - 2, Weight::Attempt);
        check(Code::LedgerUnreachable, ATTEMPTS_MAX - 1, Weight::End);
        check(Code::QuoteExpired, 0, Weight::Attempt);
        check(Code::PayeeUnknown, 0, Weight::End);
    }

    #[tokio::test]
    async fn the_last_lines_and_their_bulk_end_together() {
        let (store, _folder) = database().await;
        let bulk = Bulk {
            id: "bulk_1".to_owned(),
            client: "a".to_owned(),
            created_ms: 7,
            completed: false,
            atomic: true,
            intent: None,
        };
        let failed = Attempted::Failed(LineProblem {
            code: "4003".to_owned(),
            detail: "the ledger refuses all of it".to_owned(),
        });
        store
            .write::<_, StoreError, _>(move |sql| {
                bulks::add(sql, &bulk, &[order(), order()])?;
                let close = |sql: &mut dyn Sql, rest| close(sql, bulk.clone(), rest, "evt_1".to_owned(), 8);
                assert!(!close(sql, None)?, "two lines wait");
                assert_eq!(bulks::any(sql, "bulk_1")?, Some(bulk.clone()));
                assert!(close(sql, Some(&failed))?);
                assert_eq!(bulks::count(sql, "bulk_1", LineState::Failed)?, 2);
                assert!(bulks::any(sql, "bulk_1")?.is_some_and(|bulk| bulk.completed));
                // Again, after a crash: a second event would have the id of the first.
                assert!(close(sql, None)?);
                Ok(())
            })
            .await
            .unwrap();
    }
}
