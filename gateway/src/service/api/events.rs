//! Events: everything that has happened to a client's objects, in order.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::checks;
use crate::{
    service::{
        call::{Call, Reply},
        context::Gateway,
        problem::{Code, Problem},
        records::{events, webhooks},
        views::{EventView, Page},
    },
    store::StoreError,
};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// From the page before; without it, from the beginning.
    #[serde(default)]
    #[param(pattern = "^[0-9]{1,18}$")]
    after: Option<String>,
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
struct Events {
    object: &'static str,
    data: Vec<Box<RawValue>>,
    has_more: bool,
    /// Also on the last page: later events come after it.
    next_cursor: String,
}

fn raw(body: String) -> Result<Box<RawValue>, Problem> {
    RawValue::from_string(body).map_err(|error| Problem::internal(&error))
}

/// Events, the oldest first
#[utoipa::path(get, path = "/v1/events", params(EventsQuery), responses((status = 200, body = Page<EventView>)))]
pub async fn list(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let EventsQuery { after, limit } = call.query()?;
    let limit = checks::limit(limit)?;
    let after: u64 = after.as_deref().unwrap_or("0").parse().map_err(|_| {
        let detail = "after is the next_cursor of the page before";
        Problem::new(Code::QueryInvalid, detail).of("after")
    })?;
    let client = call.client().id.clone();
    let mut found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| events::list(sql, &client, after, limit))
        .await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().map_or(after, |event| event.seq).to_string();
    let data = found.into_iter().map(|event| raw(event.body));
    Ok(Reply::ok(&Events {
        object: "list",
        data: data.collect::<Result<_, _>>()?,
        has_more,
        next_cursor,
    }))
}

/// An event
#[utoipa::path(get, path = "/v1/events/{id}", params(("id" = String, Path)), responses((status = 200, body = EventView)))]
pub async fn get(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| events::find(sql, &client, &id))
        .await?;
    let event = found.ok_or_else(|| Problem::not_found("event"))?;
    Ok(Reply::ok(&raw(event.body)?))
}

/// Sends an event once more
///
/// To all endpoints of the client that want such events.
#[utoipa::path(post, path = "/v1/events/{id}/resend", params(("id" = String, Path)),
    request_body = super::remittances::NothingRequest, responses((status = 202, body = EventView)))]
pub async fn resend(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let super::remittances::NothingRequest {} = call.json()?;
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let now_ms = call.now_ms;
    let found = gateway
        .store
        .write::<_, StoreError, _>(move |sql| {
            let Some(event) = events::find(sql, &client, &id)? else {
                return Ok(None);
            };
            for webhook in webhooks::wanting(sql, &client, &event.kind)? {
                webhooks::add_delivery(sql, &webhook, &event.id, event.seq, now_ms)?;
            }
            Ok(Some(event))
        })
        .await?;
    let event = found.ok_or_else(|| Problem::not_found("event"))?;
    gateway.wake_deliveries.notify_one();
    Ok(Reply::json(202, &raw(event.body)?))
}
