//! An order's page, for whoever has its address.

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use causeway_wallet::codes::picture;
use futures::{StreamExt, stream};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::codes;
use crate::{
    acquiring::order::Order,
    service::{
        call::{Call, Reply},
        checkout,
        context::Gateway,
        problem::{Code, Problem},
        records::{
            merchants::{self, Merchant},
            orders,
        },
    },
    store::StoreError,
};

/// Of a token.
const TOKEN_BYTES: usize = 16;

/// An open page is told of a change within this time.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Then the page asks for another stream.
const STREAM_MAX: Duration = Duration::from_secs(600);

/// Says nothing, so that a connection that is gone is noticed.
const BEAT_EVERY: u32 = 30;

pub(super) async fn find(gateway: &Gateway, token: &str) -> Result<Option<(Order, Merchant)>, StoreError> {
    let token = BASE64_URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
    if token.len() != TOKEN_BYTES {
        return Ok(None);
    }
    let hash = Sha256::digest(&token);
    gateway
        .store
        .read(move |sql| {
            let Some(order) = orders::by_checkout(sql, &hash)? else {
                return Ok(None);
            };
            let merchant = merchants::any(sql, &order.merchant)?;
            Ok(merchant.map(|merchant| (order, merchant)))
        })
        .await
}

/// A page for people.
pub async fn page(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let token = call.parameter("token");
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    let nonce = BASE64_URL_SAFE_NO_PAD.encode(random);
    let (status, html) = match find(gateway, token).await? {
        Some((order, merchant)) => {
            let code = codes::of_payable(gateway, &merchant, &order).ok();
            let code = code.map(|text| picture::svg(&text)).transpose();
            let code = code.map_err(|error| Problem::internal(&error))?;
            let shown = checkout::Shown {
                order: &order,
                merchant: &merchant,
                amount: &order.money(order.amount),
                refunded: &order.money(order.refunded),
                pay_to: &gateway.address(order.pay_to).to_string(),
                code: code.as_deref(),
                token,
                nonce: &nonce,
                now_ms: call.now_ms,
            };
            (200, checkout::order(&shown))
        }
        None => (404, checkout::unknown()),
    };
    let mut reply = Reply::of("text/html; charset=utf-8", html);
    reply.status = status;
    reply
        .headers
        .push(("content-security-policy", checkout::security_policy(&nonce)));
    reply.headers.push(("x-robots-tag", "noindex".to_owned()));
    Ok(reply)
}

/// Its changes while a page is open, as server-sent events.
pub async fn events(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let found = find(gateway, call.parameter("token")).await?;
    let (order, _) = found.ok_or_else(|| Problem::not_found("page"))?;
    let permit = Arc::clone(&gateway.streams).try_acquire_owned().map_err(|_| {
        let detail = "as many pages as may be are told of changes already; ask for the page itself again";
        Problem::new(Code::Busy, detail).later(3)
    })?;
    let watch = Watch {
        gateway: Arc::clone(gateway),
        id: order.id,
        told: None,
        looks: 0,
        until: Instant::now() + STREAM_MAX,
        _permit: permit,
    };
    let chunks = stream::unfold(Some(watch), |watch| async move {
        let mut watch = watch?;
        match watch.next().await {
            Ok(Some((text, is_last))) => Some((Ok(Bytes::from(text)), (!is_last).then_some(watch))),
            Ok(None) => None,
            Err(error) => Some((Err(Box::<dyn std::error::Error>::from(error)), None)),
        }
    });
    Ok(Reply::stream("text/event-stream", chunks.boxed_local()))
}

struct Watch {
    gateway: Arc<Gateway>,
    id: String,
    /// The version that the page knows.
    told: Option<u64>,
    looks: u32,
    until: Instant,
    _permit: tokio::sync::OwnedSemaphorePermit,
}

impl Watch {
    /// What is to be sent next, and whether nothing comes after it.
    async fn next(&mut self) -> Result<Option<(String, bool)>, StoreError> {
        loop {
            if self.told.is_some() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            if Instant::now() >= self.until {
                return Ok(None);
            }
            let id = self.id.clone();
            let found = self.gateway.store.read(move |sql| orders::any(sql, &id)).await?;
            let Some(order) = found else {
                return Ok(None);
            };
            self.looks += 1;
            if self.told != Some(order.version) {
                self.told = Some(order.version);
                let (state, version) = (order.state, order.version);
                let text = format!("event: order\ndata: {{\"state\":\"{state}\",\"version\":{version}}}\n\n");
                return Ok(Some((text, order.state.is_settled())));
            }
            if self.looks.is_multiple_of(BEAT_EVERY) {
                return Ok(Some((":\n\n".to_owned(), false)));
            }
        }
    }
}

/// The proof of its payment, as a file.
pub async fn receipt(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let found = find(gateway, call.parameter("token")).await?;
    let payment = found.and_then(|(order, _)| Some((order.payment.filter(|_| order.state.is_settled())?, order.id)));
    let (payment, id) = payment.ok_or_else(|| Problem::not_found("receipt"))?;
    let kept = {
        let id = id.clone();
        gateway
            .store
            .read::<_, StoreError, _>(move |sql| orders::proof(sql, &id))
            .await?
    };
    let proof = match kept {
        Some(proof) => proof,
        None => {
            let (proof, _) = gateway.ledger.proof(&payment.transaction).await?.ok_or_else(|| {
                let detail = "the network has no proof of the payment yet; try again in a second";
                Problem::new(Code::LedgerUnreachable, detail).later(1)
            })?;
            let text = serde_json::to_string(&proof).map_err(|error| Problem::internal(&error))?;
            let kept = text.clone();
            gateway
                .store
                .write::<_, StoreError, _>(move |sql| orders::keep_proof(sql, &id, &kept))
                .await?;
            text
        }
    };
    let mut reply = Reply::of("application/json", proof);
    let name = "attachment; filename=\"receipt.json\"".to_owned();
    reply.headers.push(("content-disposition", name));
    Ok(reply)
}
