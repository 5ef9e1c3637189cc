//! Settles merchants, and pays settlements out, once: what is signed is stored before it is sent, and sent again until its
//! end is known.

use std::{future::Future, sync::Arc};

use causeway_contracts::{
    block::Height,
    codec::{self, Bounded, Text},
    ledger::{receipt::Outcome, rejection::Rejection},
    transaction::{Action, SignedTransaction, TRANSACTION_BYTES_MAX, TxId},
};
use causeway_wallet::{
    client::{Delivery, Settled},
    payment::{self, SignError},
};

use super::Due;
use crate::{
    service::{
        context::Gateway,
        records::{
            followed,
            jobs::{self, Leased},
            settlements::{self, SettlementState, Stored},
        },
        settlements::{close, tell_paid},
    },
    store::StoreError,
};

/// A transaction may wait this long to be ordered. Only when it is over can another be signed in its place.
const VALID_SECONDS: u64 = 30;

const RETRY_MS: u64 = 1_000;

const RETRY_MS_MAX: u64 = 600_000;

/// A job is a merchant, whose settlements are to be made; or a settlement, which is to be paid.
pub(super) async fn bring_on(gateway: Arc<Gateway>, leased: Leased) -> Due {
    if !leased.id.starts_with("stl_") {
        return make(gateway, leased).await;
    }
    let ledger = Arc::clone(&gateway);
    let send = |signed: SignedTransaction, delivery| async move {
        match ledger.ledger.settle(&signed, delivery).await {
            Ok(Settled::Final(confirmed)) => match confirmed.1.outcome {
                Outcome::Applied => Sent::Applied {
                    height: confirmed.1.height,
                    time_ms: confirmed.1.time_ms.0,
                },
                Outcome::Rejected { reason, .. } => Sent::Refused(reason),
            },
            Ok(Settled::Dead { .. }) => Sent::Dead,
            Err(error) => {
                tracing::warn!(error = error.to_string(), "a settlement is not paid yet");
                Sent::Unknown
            }
        }
    };
    pay(gateway, leased, send).await
}

async fn make(gateway: Arc<Gateway>, leased: Leased) -> Due {
    let shared = Arc::clone(&gateway);
    let closed = gateway
        .store
        .write::<_, StoreError, _>(move |sql| {
            jobs::check(sql, &leased)?;
            let over_ms = followed::find(sql)?.map_or(0, |followed| followed.time_ms.0);
            close(&shared, sql, &leased.id, Some(over_ms))
        })
        .await?;
    if !closed.made.is_empty() {
        gateway.wake_settlements.notify_one();
    }
    Ok(if closed.more {
        Some(gateway.now_ms())
    } else {
        closed.next_ms
    })
}

/// What is known of a transaction that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    Applied {
        height: Height,
        time_ms: u64,
    },
    Refused(Rejection),
    /// It will never be ordered.
    Dead,
    Unknown,
}

pub(crate) async fn pay<F: Future<Output = Sent>>(
    gateway: Arc<Gateway>,
    leased: Leased,
    send: impl FnOnce(SignedTransaction, Delivery) -> F,
) -> Due {
    let id = leased.id.clone();
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| settlements::any(sql, &id))
        .await?;
    let Some(stored) = found.filter(|stored| stored.state == SettlementState::Pending) else {
        return Ok(None);
    };
    let (signed, delivery) = match stored.intent.as_deref() {
        Some(intent) => (stored_intent(intent)?, Delivery::Earlier),
        None => (sign_and_keep(&gateway, &leased).await?, Delivery::Never),
    };
    let transaction = signed.id();
    match send(signed, delivery).await {
        Sent::Applied { height, time_ms } => end(&gateway, leased, transaction, height, time_ms).await,
        // It will move nothing any more: another may.
        Sent::Refused(reason) => again(&gateway, leased, Some(format!("the ledger refuses it: {reason}"))).await,
        Sent::Dead => again(&gateway, leased, stored.body.problem).await,
        Sent::Unknown => Ok(Some(later(&gateway, &leased))),
    }
}

fn later(gateway: &Gateway, leased: &Leased) -> u64 {
    let pause = RETRY_MS << leased.attempts.min(10);
    gateway.now_ms() + pause.min(RETRY_MS_MAX)
}

fn stored_intent(hexadecimal: &str) -> Result<SignedTransaction, StoreError> {
    let bytes = hex::decode(hexadecimal).ok();
    let signed = bytes.and_then(|bytes| codec::decode(&bytes, TRANSACTION_BYTES_MAX).ok());
    signed.ok_or(StoreError::Column { column: 6 })
}

/// To the accounts that were named when it was made: whoever may write terms later redirects nothing.
async fn sign_and_keep(gateway: &Arc<Gateway>, leased: &Leased) -> Result<SignedTransaction, StoreError> {
    let (shared, leased) = (Arc::clone(gateway), leased.clone());
    let write = gateway.store.write::<_, StoreError, _>(move |sql| {
        jobs::check(sql, &leased)?;
        let mut stored = settlements::any(sql, &leased.id)?.ok_or(StoreError::Changed)?;
        let signed = sign(&shared, &stored).map_err(|error| {
            tracing::warn!(
                settlement = stored.id,
                error = error.to_string(),
                "nothing could be signed"
            );
            StoreError::Busy
        })?;
        let bytes = signed.to_bytes().map_err(|_| StoreError::Changed)?;
        stored.intent = Some(hex::encode(bytes));
        settlements::save(sql, &stored)?;
        Ok(signed)
    });
    write.await
}

fn sign(gateway: &Gateway, stored: &Stored) -> Result<SignedTransaction, SignError> {
    let body = &stored.body;
    let mut transfers = body.settlement.payouts.iter().map(|share| Action::Transfer {
        from: body.from,
        to: share.to,
        currency: body.settlement.currency,
        amount: share.amount,
    });
    let first = transfers.next().expect("a pending settlement pays somebody");
    let memo = Text::new(format!("settlement {}", stored.id)).expect("47 bytes");
    let mut made = payment::transaction(gateway.genesis(), first.clone(), memo, VALID_SECONDS)?;
    let all = std::iter::once(first).chain(transfers).collect();
    made.actions = Bounded::new(all).expect("16 of at most 64");
    Ok(made.sign([gateway.keys.operator()])?)
}

async fn again(gateway: &Arc<Gateway>, leased: Leased, problem: Option<String>) -> Due {
    let next = later(gateway, &leased);
    let write = gateway.store.write::<_, StoreError, _>(move |sql| {
        jobs::check(sql, &leased)?;
        let mut stored = settlements::any(sql, &leased.id)?.ok_or(StoreError::Changed)?;
        stored.intent = None;
        stored.body.problem = problem;
        settlements::save(sql, &stored)
    });
    write.await?;
    Ok(Some(next))
}

async fn end(gateway: &Arc<Gateway>, leased: Leased, transaction: TxId, height: Height, time_ms: u64) -> Due {
    let shared = Arc::clone(gateway);
    let write = gateway.store.write::<_, StoreError, _>(move |sql| {
        jobs::check(sql, &leased)?;
        let mut stored = settlements::any(sql, &leased.id)?.ok_or(StoreError::Changed)?;
        stored.state = SettlementState::Paid;
        stored.intent = None;
        stored.body.transaction = Some(transaction);
        stored.body.height = Some(height);
        stored.body.paid_ms = Some(time_ms);
        stored.body.problem = None;
        settlements::save(sql, &stored)?;
        tell_paid(&shared, sql, &stored)
    });
    write.await?;
    gateway.wake_deliveries.notify_one();
    Ok(None)
}
