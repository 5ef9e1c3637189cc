//! Tells cards' issuers to capture or void what they hold: each advice is sent again until it is answered. Who was asking for a hold
//! when its process died has it undone.

use std::sync::Arc;

use causeway_cards::iso8583::{Message, Spec};

use super::Due;
use crate::{
    acquiring::client::{Unanswered, is_passing},
    service::{
        change::ChangeError,
        context::Gateway,
        orders::{self, held},
        records::{
            card_advices::{self, AdviceKind, AdviceState},
            jobs::{self, Leased},
        },
    },
    store::StoreError,
};

const RETRY_MS: u64 = 1_000;

const RETRY_MS_MAX: u64 = 60_000;

/// A job is one advice; or an attempt, to be looked at when it must have its answer.
pub(in crate::service) async fn bring_on(gateway: Arc<Gateway>, leased: Leased) -> Due {
    if leased.id.starts_with("att_") {
        return look(&gateway, leased).await;
    }
    let id = leased.id.clone();
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| card_advices::any(sql, &id))
        .await?;
    let Some(advice) = found.filter(|advice| advice.state == AdviceState::Pending) else {
        return Ok(None);
    };
    let stored = Spec::a().parse(&advice.message);
    let mut message = stored.map_err(|_| StoreError::Column { column: 5 })?;
    // The first may have arrived; whoever has it gives the same answer to its repeat.
    if leased.attempts > 1 {
        message.set_message_type(message.message_type().repeat());
    }
    match ask(&gateway, &advice.body.route, message).await {
        Ok(answer) if !is_passing(&answer) => end(&gateway, leased, answer).await,
        answer => {
            let why = answer.map_or_else(|error| error.to_string(), |_| "the issuer cannot say now".to_owned());
            tracing::warn!(advice = advice.id, why, "an issuer has not answered an advice yet");
            Ok(Some(later(&gateway, &leased)))
        }
    }
}

async fn ask(gateway: &Gateway, route: &str, message: Message) -> Result<Message, Unanswered> {
    match gateway.card_routes.link(route) {
        Some(link) => link.request(message).await,
        None => Err(Unanswered::NotSignedOn),
    }
}

fn later(gateway: &Gateway, leased: &Leased) -> u64 {
    let pause = RETRY_MS << leased.attempts.min(10);
    gateway.now_ms() + pause.min(RETRY_MS_MAX)
}

/// The advice's end; the order changes by what the ledger says, unless the issuer has declined.
async fn end(gateway: &Arc<Gateway>, leased: Leased, answer: Message) -> Due {
    let (shared, code) = (Arc::clone(gateway), answer.text(39).map(str::to_owned));
    let write = gateway.store.write::<_, ChangeError, _>(move |sql| {
        jobs::check(sql, &leased)?;
        let mut advice = card_advices::any(sql, &leased.id)?.ok_or(StoreError::Changed)?;
        let is_approved = code.as_deref() == Some("00");
        advice.state = if is_approved {
            AdviceState::Approved
        } else {
            AdviceState::Declined
        };
        advice.body.code = code;
        orders::change::<ChangeError>(&shared, sql, &advice.order, |order, sql| {
            card_advices::save(sql, &advice)?;
            let now_ms = shared.now_ms();
            match advice.body.kind {
                _ if is_approved || !advice.body.is_asked => order.touched(),
                AdviceKind::Capture => order.capture_failed(advice.body.amount, now_ms),
                AdviceKind::Void => order.void_failed(now_ms),
            }
            Ok(())
        })?;
        Ok(())
    });
    done(gateway, write.await)
}

/// What nobody has answered by now is undone.
async fn look(gateway: &Arc<Gateway>, leased: Leased) -> Due {
    let shared = Arc::clone(gateway);
    let write = gateway.store.write::<_, ChangeError, _>(move |sql| {
        jobs::check(sql, &leased)?;
        held::give_up(&shared, sql, &leased.id)
    });
    let ended = done(gateway, write.await);
    gateway.wake_card_advices.notify_one();
    ended
}

fn done(gateway: &Gateway, written: Result<(), ChangeError>) -> Due {
    written.map_err(|error| match error {
        ChangeError::Store(error) => error,
        _ => StoreError::Changed,
    })?;
    gateway.wake_deliveries.notify_one();
    Ok(None)
}
