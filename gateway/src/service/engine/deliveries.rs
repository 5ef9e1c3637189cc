//! Webhooks: an event is sent until its receiver has taken it, or has been asked for three days.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::Ended;
use crate::{
    service::{
        api::webhooks::place,
        context::Gateway,
        records::{
            events,
            jobs::{self, Leased},
            webhooks::{self, AttemptRecord, Webhook},
        },
    },
    store::StoreError,
    webhooks::{Jitter, MessageId, NextStep, Outcome, SigningSecret, delivery::Message, next_step, sign},
};

/// So many attempts are remembered.
const ATTEMPTS_KEPT: usize = 20;

/// A job is one event for one endpoint.
pub(super) async fn deliver(gateway: Arc<Gateway>, leased: Leased) -> Result<Ended, StoreError> {
    let id = leased.id.clone();
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| {
            let Some(delivery) = webhooks::delivery(sql, &id)? else {
                return Ok(None);
            };
            let webhook = webhooks::any(sql, &delivery.webhook)?;
            let event = events::by_seq(sql, delivery.event)?;
            Ok(webhook.zip(event).map(|(webhook, event)| (delivery, webhook, event)))
        })
        .await?;
    let Some((delivery, webhook, event)) = found else {
        return Ok(Ended::Due(None));
    };
    if delivery.done || webhook.disabled {
        return Ok(Ended::Due(None));
    }
    let now_ms = gateway.now_ms();
    let Some(secrets) = secrets(&gateway, &webhook, now_ms) else {
        tracing::error!(webhook = webhook.id, "its secret cannot be opened; rotate it");
        return Ok(Ended::Due(None));
    };
    let Ok(message_id) = event.id.parse::<MessageId>() else {
        tracing::error!(event = event.id, "an event's id is no id of a message");
        return Ok(Ended::Due(None));
    };
    let body = event.body.into_bytes();
    let message = Message {
        headers: sign(&message_id, now_ms / 1000, &body, &secrets),
        body,
    };
    let attempt = gateway.sender.send(&webhook.body.url, &message).await;
    let told = match attempt.outcome {
        Outcome::Delivered => "delivered".to_owned(),
        Outcome::Gone => "gone".to_owned(),
        Outcome::Failed(_) => attempt.told(),
    };
    // A later hand-sent one begins anew.
    let tried = u32::try_from(
        delivery
            .attempts
            .iter()
            .rev()
            .take_while(|a| a.outcome != "delivered")
            .count(),
    );
    let jitter = Jitter(getrandom::u32().map_or(0, |random| random as u16));
    let next = next_step(tried.unwrap_or(u32::MAX), attempt.outcome, jitter);
    let now_ms = gateway.now_ms();
    let record = AttemptRecord {
        at_ms: now_ms,
        status: attempt.status,
        outcome: told,
    };
    gateway
        .store
        .write(move |sql| {
            jobs::check(sql, &leased)?;
            let Some(mut delivery) = webhooks::delivery(sql, &leased.id)? else {
                return Ok(Ended::Due(None));
            };
            delivery.attempts.push(record);
            let surplus = delivery.attempts.len().saturating_sub(ATTEMPTS_KEPT);
            delivery.attempts.drain(..surplus);
            delivery.done = matches!(next, NextStep::Done);
            webhooks::save_delivery(sql, &delivery)?;
            if matches!(next, NextStep::DisableEndpoint)
                && let Some(mut webhook) = webhooks::locked(sql, &delivery.webhook)?
            {
                webhook.disabled = true;
                webhook.body.disabled_why = Some("the receiver answered 410".to_owned());
                webhooks::save(sql, &webhook)?;
            }
            let due_ms = match next {
                NextStep::TryAgainAfter(delay) => {
                    Some(now_ms + u64::try_from(delay.as_millis()).unwrap_or(u64::MAX / 4))
                }
                NextStep::Done | NextStep::DisableEndpoint | NextStep::GiveUp => None,
            };
            let kicked = jobs::release(sql, &leased, due_ms)?;
            Ok(Ended::GivenBack { kicked })
        })
        .await
}

/// The newest, and the one before it while that is still used.
fn secrets(gateway: &Gateway, webhook: &Webhook, now_ms: u64) -> Option<Vec<SigningSecret>> {
    let used = if now_ms < webhook.body.old_until_ms { 2 } else { 1 };
    let open = |sealed: &String| {
        let text = gateway
            .keys
            .open(&place(&webhook.id), &hex::decode(sealed).ok()?)
            .ok()?;
        let text = Zeroizing::new(String::from_utf8(text.to_vec()).ok()?);
        SigningSecret::parse(&text).ok()
    };
    webhook.body.secrets.iter().take(used).map(open).collect()
}
