//! Settlements of merchants, with their files.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    checks,
    lists::{ListQuery, page},
    statements,
};
use crate::{
    acquiring::settlement::{DAY_MS, Movement, Subject as FileSubject, write},
    service::{
        call::{Call, Reply},
        change::ChangeError,
        context::Gateway,
        problem::{Code, Problem},
        records::{
            jobs, merchants, movements,
            settlements::{self, SettlementState, Stored},
        },
        settlements::{
            close,
            statement::Subject,
            views::{SettlementView, settlement},
        },
        statement::Day,
        views::Page,
    },
    store::{Sql, StoreError},
};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SettlementsQuery {
    /// Only this merchant's.
    #[serde(default)]
    #[param(max_length = 64)]
    merchant: Option<String>,
    /// Only those of this day of UTC.
    #[serde(default)]
    #[param(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    date: Option<String>,
    /// From the page before.
    #[serde(default)]
    #[param(max_length = 64, pattern = "^[!-~]*$")]
    cursor: Option<String>,
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// Settlements, the newest first
#[utoipa::path(get, path = "/v1/settlements", params(SettlementsQuery),
    responses((status = 200, body = Page<SettlementView>)))]
pub async fn list(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let SettlementsQuery {
        merchant,
        date,
        cursor,
        limit,
    } = call.query()?;
    checks::text("merchant", merchant.as_deref(), 64)?;
    let day = date.as_deref().map(statements::day).transpose()?;
    let day = day.map(|day: Day| day.begin_ms() / DAY_MS);
    let client = call.client().id.clone();
    let read = move |sql: &mut dyn Sql, before, limit| {
        settlements::list(sql, &client, &settlements::Wanted { merchant, day, before }, limit)
    };
    let view = |stored: Stored| settlement(gateway, &stored);
    page(
        gateway,
        ListQuery { cursor, limit },
        read,
        |stored| stored.id.clone(),
        view,
    )
    .await
}

async fn find(gateway: &Gateway, call: &Call) -> Result<Stored, Problem> {
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| settlements::find(sql, &client, &id))
        .await?;
    found.ok_or_else(|| Problem::not_found("settlement"))
}

/// A settlement
#[utoipa::path(get, path = "/v1/settlements/{id}", params(("id" = String, Path)),
    responses((status = 200, body = SettlementView)))]
pub async fn get(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    Ok(Reply::ok(&settlement(gateway, &find(gateway, call).await?)?))
}

async fn taken(gateway: &Gateway, stored: &Stored) -> Result<Vec<Movement>, Problem> {
    let id = stored.id.clone();
    let read = gateway
        .store
        .read::<_, StoreError, _>(move |sql| movements::of_settlement(sql, &id));
    Ok(read.await?)
}

/// A settlement as a file
///
/// A line for each capture, refund, chargeback and payout, with comma-separated values (RFC 4180). The column `net` adds up
/// to nothing.
#[utoipa::path(get, path = "/v1/settlements/{id}/file.csv", params(("id" = String, Path)),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub async fn file(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let stored = find(gateway, call).await?;
    let movements = taken(gateway, &stored).await?;
    let transaction = stored.body.transaction.map(|id| id.to_string());
    let subject = FileSubject {
        settlement: &stored.body.settlement,
        terms: &stored.body.terms,
        movements: &movements,
        exponent: gateway.exponents.of(stored.body.settlement.currency)?,
        prefix: gateway.prefix(),
        transaction: transaction.as_deref(),
    };
    let mut bytes = Vec::new();
    write(&subject, &mut bytes).map_err(|error| Problem::internal(&error))?;
    Ok(Reply::of("text/csv; charset=utf-8", bytes))
}

/// A settlement as a statement
///
/// A camt.053.001.08 of what the operator owes the merchant: from what was brought forward (OPBD), by captures, refunds,
/// chargebacks, fees and payouts, to what is carried forward (CLBD). Entries that the ledger has booked name their
/// transaction.
#[utoipa::path(get, path = "/v1/settlements/{id}/camt053", params(("id" = String, Path)),
    responses((status = 200, content_type = "application/xml", body = String)))]
pub async fn camt053(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let stored = find(gateway, call).await?;
    let movements = taken(gateway, &stored).await?;
    let id = stored.merchant.clone();
    let merchant = gateway
        .store
        .read::<_, StoreError, _>(move |sql| merchants::any(sql, &id))
        .await?;
    let subject = Subject {
        stored: &stored,
        merchant: &merchant.ok_or_else(|| Problem::not_found("merchant"))?,
        movements: &movements,
        exponent: gateway.exponents.of(stored.body.settlement.currency)?,
        bic: statements::bic(gateway)?,
        now_ms: call.now_ms,
    };
    let statement = subject.statement().map_err(statements::unsayable)?;
    let bytes = statement.write().map_err(|error| Problem::internal(&error))?;
    Ok(Reply::of(statements::XML, bytes))
}

/// What was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettledView {
    pub data: Vec<SettlementView>,
    /// There is more to settle: ask again, with another key.
    pub has_more: bool,
}

/// Settles now
///
/// For the operator's officers, whichever client's merchant it is. All that is open is settled, also of the day that is not
/// over. `data` has what this request has made.
#[utoipa::path(post, path = "/v1/merchants/{id}/settle", params(("id" = String, Path)),
    request_body = super::remittances::NothingRequest, responses((status = 200, body = SettledView)))]
pub async fn settle_now(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let id = call.parameter("id").to_owned();
    let shared = Arc::clone(gateway);
    let closed = gateway
        .store
        .write::<_, ChangeError, _>(move |sql| {
            let merchant = merchants::any(sql, &id)?.ok_or_else(|| Problem::not_found("merchant"))?;
            if merchant.body.settlement.is_none() {
                return Err(no_terms().into());
            }
            Ok(close(&shared, sql, &id, None)?)
        })
        .await?;
    gateway.wake_settlements.notify_one();
    let made = closed.made.iter().map(|stored| settlement(gateway, stored));
    Ok(Reply::ok(&SettledView {
        data: made.collect::<Result<_, _>>()?,
        has_more: closed.more,
    }))
}

/// Pays it to other accounts
///
/// For the operator's officers, of a settlement that the ledger has refused to pay: it goes to the accounts that its
/// merchant's terms name now, by their shares of now. Its sums stay as they are.
#[utoipa::path(post, path = "/v1/settlements/{id}/redirect", params(("id" = String, Path)),
    request_body = super::remittances::NothingRequest, responses((status = 200, body = SettlementView)))]
pub async fn redirect(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let (id, now_ms) = (call.parameter("id").to_owned(), call.now_ms);
    let redirected = gateway
        .store
        .write::<_, ChangeError, _>(move |sql| {
            settlements::any(sql, &id)?.ok_or_else(|| Problem::not_found("settlement"))?;
            // First its job, then the settlement, as the job does it: what it has signed is seen here.
            jobs::kick(sql, jobs::Kind::Settlement, &id, now_ms)?;
            let mut stored = settlements::any(sql, &id)?.ok_or(StoreError::Changed)?;
            redirect_refused(sql, &mut stored, now_ms)?;
            settlements::save(sql, &stored)?;
            Ok(stored)
        })
        .await?;
    tracing::info!(
        settlement = redirected.id,
        client = call.client().id,
        "a settlement is paid to other accounts"
    );
    gateway.wake_settlements.notify_one();
    Ok(Reply::ok(&settlement(gateway, &redirected)?))
}

/// One that the ledger has refused, and that nothing is under way for.
fn redirect_refused(sql: &mut dyn Sql, stored: &mut Stored, now_ms: u64) -> Result<(), ChangeError> {
    let body = &mut stored.body;
    if stored.state != SettlementState::Pending || stored.intent.is_some() || body.problem.is_none() {
        let detail =
            "only a settlement that the ledger has refused to pay is redirected, and not while it is being paid";
        let state = serde_json::json!({ "state": stored.state.as_str() });
        return Err(Problem::new(Code::SettlementState, detail).with(state).into());
    }
    let merchant = merchants::any(sql, &stored.merchant)?.ok_or(StoreError::Changed)?;
    let agreement = merchant.body.settlement.ok_or_else(no_terms)?;
    let (paid, currency) = (body.settlement.paid(), body.settlement.currency);
    body.settlement.payouts = agreement.terms(currency).share(currency, paid);
    body.problem = None;
    body.redirected_ms = Some(now_ms);
    Ok(())
}

fn no_terms() -> Problem {
    let detail = "the merchant has no terms of settlement: what its orders bring stays in the collecting account";
    Problem::new(Code::NoTerms, detail)
}
