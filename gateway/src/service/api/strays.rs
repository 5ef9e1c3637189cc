//! Strays of orders that are not sent back by themselves: the operator's officers decide.

use std::sync::Arc;

use serde::Deserialize;
use utoipa::ToSchema;

use super::checks;
use crate::{
    service::{
        call::{Call, Reply},
        change::ChangeError,
        context::Gateway,
        orders::{
            change,
            views::{self, StrayView},
        },
        problem::Problem,
        records::{
            jobs::{self, Kind},
            paybacks::{self, PaybackState},
        },
        views::Page,
    },
    store::{Sql, StoreError},
};

/// Which strays.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decidable {
    /// There were too many to send all back.
    Kept,
    /// They could not be sent back.
    Failed,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StraysQuery {
    state: Decidable,
    /// From the page before.
    #[serde(default)]
    #[param(max_length = 64, pattern = "^[!-~]*$")]
    cursor: Option<String>,
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// Strays that are not sent back by themselves, the oldest first
///
/// For the operator's officers, whichever client's order it was.
#[utoipa::path(get, path = "/v1/strays", params(StraysQuery), responses((status = 200, body = Page<StrayView>)))]
pub async fn list(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let query: StraysQuery = call.query()?;
    let limit = checks::limit(query.limit)?;
    checks::cursor(query.cursor.as_deref())?;
    let state = match query.state {
        Decidable::Kept => PaybackState::Kept,
        Decidable::Failed => PaybackState::Failed,
    };
    let after = query.cursor.unwrap_or_default();
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| paybacks::strays(sql, state, &after, limit))
        .await?;
    let found = found.iter().filter_map(|payback| views::stray(gateway, payback));
    Ok(Reply::ok(&Page::of(
        found.collect(),
        limit,
        |stray| stray.id.clone(),
        |stray| stray,
    )))
}

/// Sends a stray back
///
/// For the operator's officers: one that was kept, or that could not be sent back before.
#[utoipa::path(post, path = "/v1/strays/{id}/return", params(("id" = String, Path)),
    request_body = super::remittances::NothingRequest, responses((status = 200, body = StrayView)))]
pub async fn send_back(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let (id, now_ms) = (call.parameter("id").to_owned(), call.now_ms);
    let shared = Arc::clone(gateway);
    let view = gateway
        .store
        .write::<_, ChangeError, _>(move |sql| {
            let no_stray = || Problem::not_found("stray");
            let found = paybacks::any(sql, &id)?.ok_or_else(no_stray)?;
            if views::stray(&shared, &found).is_none() {
                return Err(no_stray().into());
            }
            change::<ChangeError>(&shared, sql, &found.order, |order, sql| {
                if begin(sql, &id, now_ms)? {
                    order.touched();
                }
                Ok(())
            })?;
            let begun = paybacks::any(sql, &id)?;
            let view = begun.and_then(|payback| views::stray(&shared, &payback));
            Ok(view.ok_or(StoreError::Changed)?)
        })
        .await?;
    gateway.wake_paybacks.notify_one();
    Ok(Reply::ok(&view))
}

/// Whether it is on its way only now. Its order is locked.
fn begin(sql: &mut dyn Sql, id: &str, now_ms: u64) -> Result<bool, StoreError> {
    let mut payback = paybacks::any(sql, id)?.ok_or(StoreError::Changed)?;
    if !matches!(payback.state, PaybackState::Kept | PaybackState::Failed) {
        return Ok(false);
    }
    payback.state = PaybackState::Pending;
    payback.body.since_ms = now_ms;
    payback.body.problem = None;
    paybacks::save(sql, &payback)?;
    jobs::kick(sql, Kind::Payback, id, now_ms)?;
    Ok(true)
}
