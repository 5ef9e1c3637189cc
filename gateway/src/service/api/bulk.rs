//! Bulks: many payments in one request.

use std::{collections::BTreeSet, sync::Arc};

use causeway_contracts::money::Currency;
use serde::Deserialize;

use super::checks;
use crate::{
    service::{
        bulk::{
            ATOMIC_LINES_MAX,
            line::LineOrder,
            table::{self, Payer},
        },
        call::{Call, Reply},
        context::Gateway,
        id,
        problem::{Code, Problem},
        records::{
            accounts,
            bulks::{self, Bulk},
            jobs::{self, Kind},
        },
        views::{self, BulkLineView, BulkView, Page},
    },
    store::{Sql, StoreError},
};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BulkQuery {
    /// From which all lines are paid.
    #[param(max_length = 128)]
    account: String,
    /// In which currency; that of each line if it is absent, so that nothing is exchanged.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    source: Option<Currency>,
    /// `best_effort` if it is absent.
    #[serde(default)]
    mode: Mode,
}

/// What one line has to do with the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing.
    #[default]
    BestEffort,
    /// All are paid by one transaction of the ledger, or none is.
    Atomic,
}

/// Before the key counts: what can be said without looking at lines.
pub fn check(call: &Call) -> Result<(), Problem> {
    let kind = call.content_type.as_deref().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("text/csv") {
        return Err(Problem::new(
            Code::NotJson,
            "the body is a table: Content-Type: text/csv",
        ));
    }
    call.query::<BulkQuery>().map(drop)
}

/// Sends many payments
///
/// The body is CSV with the header line `name,account_kind,account,operator,currency,amount,reference,end_to_end_id` and
/// up to 10,000 lines; the amount is what arrives. If a line is not as it should be, none is taken, and `details` says
/// which. Each line then becomes a quote and a remittance, and goes its own way; `bulk.completed` says when all are made.
///
/// With `mode=atomic`, at most 64 lines, less one for each currency with fees, are paid by one transaction, or none is. There are no remittances
/// then: nothing is exchanged, and nobody at the other operators is asked whether to accept. Names are screened here, and
/// beneficiaries who are paid out beyond the ledger are refused.
#[utoipa::path(post, path = "/v1/bulk", params(BulkQuery),
    request_body(content = String, content_type = "text/csv"), responses((status = 202, body = BulkView)))]
pub async fn create(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let BulkQuery { account, source, mode } = call.query()?;
    let client = call.client().id.clone();
    let id = id::named("bulk", &call.object);
    // Made before a crash: what its lines were judged by may be otherwise by now.
    if let Some(view) = known(gateway, &client, &id).await? {
        return Ok(Reply::json(202, &view));
    }
    let found = {
        let client = client.clone();
        gateway
            .store
            .read::<_, StoreError, _>(move |sql| accounts::find_account(sql, &client, &account))
            .await?
    };
    let account = found.ok_or_else(|| {
        let detail = "there is no such account, or it is another client's";
        Problem::new(Code::PayerAccountUnknown, detail).of("account")
    })?;
    let payer = Payer {
        account: account.id,
        source,
    };
    let lines = {
        let (shared, body) = (Arc::clone(gateway), call.body.clone());
        let read = move || table::read(&body, &payer, &shared.exponents, |id| shared.operator(id).is_some());
        let read = tokio::task::spawn_blocking(read).await;
        read.map_err(|error| Problem::internal(&error))??
    };
    let atomic = mode == Mode::Atomic;
    // Fees are one action more for each currency that has any.
    let fees: BTreeSet<Currency> = lines.iter().map(|line| line.target).collect();
    let fees = fees
        .iter()
        .filter(|currency| gateway.fees.contains_key(currency))
        .count();
    if atomic && lines.len() + fees > ATOMIC_LINES_MAX {
        let detail = format!(
            "one transaction has at most {ATOMIC_LINES_MAX} actions, and these are {} lines and {fees} fees",
            lines.len()
        );
        return Err(Problem::new(Code::AtomicTooLarge, detail));
    }
    if atomic && lines.iter().any(|line| line.source != line.target) {
        let detail = "lines that are paid together are paid in their own currencies: leave source out";
        return Err(Problem::field("source", detail));
    }
    let bulk = Bulk {
        id,
        client,
        created_ms: call.now_ms,
        completed: false,
        atomic,
        intent: None,
    };
    let view = add(gateway, bulk, lines).await?;
    Ok(Reply::json(202, &view))
}

/// Stores a new bulk with its job. Whether it was not there; one that is stays as it is.
pub fn put(sql: &mut dyn Sql, bulk: &Bulk, lines: &[LineOrder]) -> Result<bool, StoreError> {
    let is_new = bulks::add(sql, bulk, lines)?;
    if is_new {
        jobs::kick(sql, Kind::Bulk, &bulk.id, bulk.created_ms)?;
    }
    Ok(is_new)
}

async fn add(gateway: &Arc<Gateway>, bulk: Bulk, lines: Vec<LineOrder>) -> Result<BulkView, Problem> {
    let view = gateway
        .store
        .write::<_, StoreError, _>(move |sql| {
            put(sql, &bulk, &lines)?;
            let known = bulks::any(sql, &bulk.id)?.ok_or(StoreError::Changed)?;
            views::bulk(sql, &known)
        })
        .await?;
    gateway.wake_bulks.notify_one();
    Ok(view)
}

/// A bulk, and how many of its lines are where
#[utoipa::path(get, path = "/v1/bulk/{id}", params(("id" = String, Path)),
    responses((status = 200, body = BulkView)))]
pub async fn get(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let view = known(gateway, &client, &id).await?;
    Ok(Reply::ok(&view.ok_or_else(|| Problem::not_found("bulk"))?))
}

async fn known(gateway: &Gateway, client: &str, id: &str) -> Result<Option<BulkView>, StoreError> {
    let (client, id) = (client.to_owned(), id.to_owned());
    gateway
        .store
        .read(move |sql| {
            let found = bulks::find(sql, &client, &id)?;
            found.map(|bulk| views::bulk(sql, &bulk)).transpose()
        })
        .await
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LinesQuery {
    /// From the page before.
    #[serde(default)]
    cursor: Option<u64>,
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// Its lines, in order
#[utoipa::path(get, path = "/v1/bulk/{id}/lines", params(("id" = String, Path), LinesQuery),
    responses((status = 200, body = Page<BulkLineView>)))]
pub async fn lines(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let LinesQuery { cursor, limit } = call.query()?;
    let limit = checks::limit(limit)?;
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| {
            let found = bulks::find(sql, &client, &id)?;
            let lines = found.map(|bulk| bulks::lines(sql, &bulk.id, cursor.unwrap_or_default(), limit));
            lines.transpose()
        })
        .await?;
    let lines = found.ok_or_else(|| Problem::not_found("bulk"))?;
    let page = Page::of(lines, limit, |line| line.number.to_string(), views::bulk_line);
    Ok(Reply::ok(&page))
}
