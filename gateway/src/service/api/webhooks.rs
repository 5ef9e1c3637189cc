//! Endpoints of clients that are told of events (Standard Webhooks).

use std::sync::Arc;

use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::{checks, remittances::NothingRequest};
use crate::{
    service::{
        call::{Call, Reply},
        context::Gateway,
        id,
        problem::{Code, Problem},
        records::{
            PAGE_MAX,
            events::is_kind,
            webhooks::{self, Webhook, WebhookBody},
        },
        views::{self, DeliveryView, Page, WebhookView},
    },
    store::StoreError,
    webhooks::SigningSecret,
};

/// After a secret is replaced, the one before it is used besides for so long.
const OLD_SECRET_MS: u64 = 24 * 3_600_000;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookRequest {
    /// `https`, at a public address.
    #[schema(min_length = 8, max_length = 2048, pattern = "^https?://")]
    pub url: String,
    /// Kinds of events, such as `remittance.completed` and `order.paid`; all if there are none.
    #[serde(default)]
    #[schema(max_items = 32)]
    pub events: Vec<String>,
}

fn new_secret() -> Result<SigningSecret, Problem> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut())?;
    Ok(SigningSecret::symmetric(bytes))
}

/// Where a secret of this endpoint is sealed for.
pub fn place(webhook: &str) -> String {
    format!("webhooks/{webhook}")
}

fn sealed(gateway: &Gateway, webhook: &str, secret: &SigningSecret) -> Result<String, Problem> {
    Ok(hex::encode(
        gateway.keys.seal(&place(webhook), secret.to_text().as_bytes())?,
    ))
}

/// The newest secret, to the request that made it.
fn shown(gateway: &Gateway, call: &Call, webhook: &Webhook) -> Result<Option<String>, Problem> {
    let newest = webhook.body.secrets.first();
    let Some(sealed) = newest.filter(|_| webhook.body.made_by == call.object) else {
        return Ok(None);
    };
    let sealed = hex::decode(sealed).map_err(|error| Problem::internal(&error))?;
    let text = gateway
        .keys
        .open(&place(&webhook.id), &sealed)
        .map_err(|error| Problem::internal(&error))?;
    let text = String::from_utf8(text.to_vec()).map_err(|error| Problem::internal(&error))?;
    Ok(Some(text))
}

/// An endpoint
///
/// Its secret is shown once.
#[utoipa::path(post, path = "/v1/webhooks", request_body = WebhookRequest,
    responses((status = 201, body = WebhookView)))]
pub async fn create(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let WebhookRequest { url, events } = call.json()?;
    gateway
        .sender
        .check(&url)
        .map_err(|fault| Problem::field("url", fault.to_string()))?;
    if events.len() > 32 {
        return Err(Problem::field("events", "there are at most 32"));
    }
    if let Some(unknown) = events.iter().find(|kind| !is_kind(kind)) {
        let unknown: String = unknown.chars().take(64).collect();
        let detail = format!(
            "'{unknown}' is no kind of event; there are such as remittance.completed, order.paid, dispute.opened, settlement.paid \
             and bulk.completed"
        );
        return Err(Problem::field("events", detail));
    }
    let id = id::named("wh", &call.object);
    let secret = new_secret()?;
    let webhook = Webhook {
        client: call.client().id.clone(),
        disabled: false,
        body: WebhookBody {
            url,
            kinds: events,
            secrets: vec![sealed(gateway, &id, &secret)?],
            made_by: call.object.clone(),
            old_until_ms: 0,
            disabled_why: None,
            created_ms: call.now_ms,
        },
        id,
    };
    let webhook = gateway
        .store
        .write::<_, StoreError, _>(move |sql| {
            // The same request may have made it already.
            if let Some(made) = webhooks::find(sql, &webhook.client, &webhook.id)? {
                return Ok(Some(made));
            }
            let are_many = webhooks::list(sql, &webhook.client)?.len() >= PAGE_MAX;
            Ok((!are_many && webhooks::add(sql, &webhook)?).then_some(webhook))
        })
        .await?
        .ok_or_else(|| Problem::new(Code::TooMany, format!("a client has at most {PAGE_MAX} endpoints")))?;
    let secret = shown(gateway, call, &webhook)?;
    Ok(Reply::created(&views::webhook(&webhook, secret)))
}

/// Endpoints
#[utoipa::path(get, path = "/v1/webhooks", responses((status = 200, body = Page<WebhookView>)))]
pub async fn list(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let client = call.client().id.clone();
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| webhooks::list(sql, &client))
        .await?;
    let page = Page::of(
        found,
        PAGE_MAX,
        |webhook| webhook.id.clone(),
        |webhook| views::webhook(&webhook, None),
    );
    Ok(Reply::ok(&page))
}

/// Forgets an endpoint
#[utoipa::path(delete, path = "/v1/webhooks/{id}", params(("id" = String, Path)), responses((status = 204)))]
pub async fn remove(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let removed = gateway
        .store
        .write::<_, StoreError, _>(move |sql| webhooks::remove(sql, &client, &id))
        .await?;
    if removed {
        Ok(Reply::nothing())
    } else {
        Err(Problem::not_found("webhook"))
    }
}

/// Replaces the secret of an endpoint, and enables it
///
/// For a day, what is sent is signed with the one before too.
#[utoipa::path(post, path = "/v1/webhooks/{id}/rotate", params(("id" = String, Path)), request_body = NothingRequest,
    responses((status = 200, body = WebhookView)))]
pub async fn rotate(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let NothingRequest {} = call.json()?;
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let new = sealed(gateway, &id, &new_secret()?)?;
    let made_by = call.object.clone();
    let until_ms = call.now_ms + OLD_SECRET_MS;
    let found = gateway
        .store
        .write::<_, StoreError, _>(move |sql| {
            let found = webhooks::locked(sql, &id)?;
            let Some(mut webhook) = found.filter(|webhook| webhook.client == client) else {
                return Ok(None);
            };
            if webhook.body.made_by == made_by {
                return Ok(Some(webhook));
            }
            webhook.body.made_by = made_by;
            webhook.body.secrets.insert(0, new);
            webhook.body.secrets.truncate(2);
            webhook.body.old_until_ms = until_ms;
            webhook.disabled = false;
            webhook.body.disabled_why = None;
            webhooks::save(sql, &webhook)?;
            Ok(Some(webhook))
        })
        .await?;
    let webhook = found.ok_or_else(|| Problem::not_found("webhook"))?;
    let secret = shown(gateway, call, &webhook)?;
    Ok(Reply::ok(&views::webhook(&webhook, secret)))
}

/// The last deliveries to an endpoint
#[utoipa::path(get, path = "/v1/webhooks/{id}/deliveries", params(("id" = String, Path)),
    responses((status = 200, body = Page<DeliveryView>)))]
pub async fn deliveries(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| {
            if webhooks::find(sql, &client, &id)?.is_none() {
                return Ok(None);
            }
            webhooks::deliveries(sql, &id).map(Some)
        })
        .await?;
    let found = found.ok_or_else(|| Problem::not_found("webhook"))?;
    let page = Page::of(
        found,
        checks::limit(Some(PAGE_MAX))?,
        |delivery| delivery.id.clone(),
        |delivery| DeliveryView {
            id: delivery.id,
            object: "delivery",
            done: delivery.done,
            attempts: delivery.attempts,
        },
    );
    Ok(Reply::ok(&page))
}
