//! Sends money of an order back, once: what is signed is stored before it is sent, and sent again until its end is known.

use std::sync::Arc;

use causeway_contracts::{
    ledger::{receipt::Outcome, rejection::Rejection},
    transaction::{Action, SignedTransaction, TxId},
};
use causeway_wallet::{
    client::{Delivery, Settled},
    payment::{self, SignError},
};

use super::{
    Due,
    intent::{self, VALID_SECONDS},
};
use crate::{
    acquiring::order::Happened,
    service::{
        change::ChangeError,
        context::Gateway,
        orders,
        records::{
            accounts,
            jobs::{self, Leased},
            paybacks::{self, Payback, PaybackState, Why},
        },
        settlements,
    },
    store::{Sql, StoreError},
};

const RETRY_MS: u64 = 1_000;

const RETRY_MS_MAX: u64 = 600_000;

/// So long money may be lacking, an account be frozen, or nodes refuse what is sent.
const TRIED_MS: u64 = 7 * 86_400_000;

/// A job is one payback.
pub(super) async fn bring_on(gateway: Arc<Gateway>, leased: Leased) -> Due {
    let id = leased.id.clone();
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| paybacks::any(sql, &id))
        .await?;
    let Some(payback) = found.filter(|payback| payback.state == PaybackState::Pending) else {
        return Ok(None);
    };
    let (signed, delivery) = match payback.intent.as_deref() {
        Some(stored) => (intent::stored(stored, 4)?, Delivery::Earlier),
        None => match sign(&gateway, &payback).await? {
            Some(Ok(signed)) => {
                let bytes = signed.to_bytes().map_err(|_| StoreError::Changed)?;
                keep(&gateway, &leased, Some(hex::encode(bytes)), None).await?;
                (signed, Delivery::Never)
            }
            Some(Err(error)) => {
                tracing::warn!(
                    payback = payback.id,
                    error = error.to_string(),
                    "nothing could be signed"
                );
                return Ok(Some(later(&gateway, &leased)));
            }
            None => {
                let problem = "the account that was paid is not here any more".to_owned();
                return end(&gateway, leased, Err(problem)).await;
            }
        },
    };
    match gateway.ledger.settle(&signed, delivery).await {
        Ok(Settled::Final(confirmed)) => match confirmed.1.outcome {
            Outcome::Applied => end(&gateway, leased, Ok((signed.id(), confirmed.1.height))).await,
            Outcome::Rejected { reason, .. } => rejected(&gateway, leased, &payback, reason).await,
        },
        // Nodes refuse some without a receipt, such as those by a key that is the account's no more.
        Ok(Settled::Dead { .. }) if gateway.now_ms() >= payback.body.since_ms + TRIED_MS => {
            let problem = "the ledger has ordered none of the transactions that would have made it".to_owned();
            end(&gateway, leased, Err(problem)).await
        }
        Ok(Settled::Dead { .. }) => {
            keep(&gateway, &leased, None, payback.body.problem).await?;
            Ok(Some(later(&gateway, &leased)))
        }
        Err(error) => {
            tracing::warn!(
                payback = payback.id,
                error = error.to_string(),
                "a payback is not settled yet"
            );
            Ok(Some(later(&gateway, &leased)))
        }
    }
}

fn later(gateway: &Gateway, leased: &Leased) -> u64 {
    let pause = RETRY_MS << leased.attempts.min(10);
    gateway.now_ms() + pause.min(RETRY_MS_MAX)
}

/// By the key of the account that was paid: the operator's, or a customer's. `None` if there is no such account.
async fn sign(
    gateway: &Gateway,
    payback: &Payback,
) -> Result<Option<Result<SignedTransaction, SignError>>, StoreError> {
    let body = &payback.body;
    let key = match body.from == gateway.account_of(gateway.us()) {
        true => gateway.keys.operator().clone(),
        false => {
            let address = gateway.address(body.from).to_string();
            let read = gateway
                .store
                .read::<_, StoreError, _>(move |sql| accounts::by_name(sql, "address", &address));
            match read.await? {
                Some(account) => gateway.keys.account(&account.body.salt),
                None => return Ok(None),
            }
        }
    };
    let action = Action::Transfer {
        from: body.from,
        to: body.to,
        currency: body.currency,
        amount: body.amount,
    };
    let memo = orders::return_memo(&payback.order);
    let made = payment::transaction(gateway.genesis(), action, memo, VALID_SECONDS);
    Ok(Some(made.and_then(|made| Ok(made.sign([&key])?))))
}

async fn keep(
    gateway: &Gateway,
    leased: &Leased,
    intent: Option<String>,
    problem: Option<String>,
) -> Result<(), StoreError> {
    let leased = leased.clone();
    gateway
        .store
        .write(move |sql| {
            jobs::check(sql, &leased)?;
            let mut payback = paybacks::any(sql, &leased.id)?.ok_or(StoreError::Changed)?;
            payback.intent = intent;
            payback.body.problem = problem;
            paybacks::save(sql, &payback)
        })
        .await
}

/// The ledger has refused it, finally: that transaction will move nothing any more.
async fn rejected(gateway: &Arc<Gateway>, leased: Leased, payback: &Payback, reason: Rejection) -> Due {
    let problem = format!("the ledger refuses it: {reason}");
    if may_pass(reason) && gateway.now_ms() < payback.body.since_ms + TRIED_MS {
        keep(gateway, &leased, None, Some(problem)).await?;
        return Ok(Some(later(gateway, &leased)));
    }
    end(gateway, leased, Err(problem)).await
}

fn may_pass(reason: Rejection) -> bool {
    matches!(
        reason,
        Rejection::InsufficientFunds
            | Rejection::AccountNotActive
            | Rejection::CurrencyFrozen
            | Rejection::OverDailyLimit
            | Rejection::OverBalanceLimit
    )
}

async fn end(
    gateway: &Arc<Gateway>,
    leased: Leased,
    how: Result<(TxId, causeway_contracts::block::Height), String>,
) -> Due {
    let shared = Arc::clone(gateway);
    let ended = gateway.store.write::<_, ChangeError, _>(move |sql| {
        jobs::check(sql, &leased)?;
        ended(&shared, sql, &leased.id, how)
    });
    ended.await.map_err(|error| match error {
        ChangeError::Store(error) => error,
        _ => StoreError::Changed,
    })?;
    gateway.wake_deliveries.notify_one();
    Ok(None)
}

/// The payback's end and its order's change, together.
pub fn ended(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    id: &str,
    how: Result<(TxId, causeway_contracts::block::Height), String>,
) -> Result<(), ChangeError> {
    let mut payback = paybacks::any(sql, id)?.ok_or(StoreError::Changed)?;
    if payback.state != PaybackState::Pending {
        return Ok(());
    }
    let (settled, problem) = match how {
        Ok(settled) => (Some(settled), None),
        Err(problem) => (None, Some(problem)),
    };
    payback.state = match settled {
        Some(_) => PaybackState::Settled,
        None => PaybackState::Failed,
    };
    payback.body.transaction = settled.map(|(transaction, _)| transaction);
    payback.body.height = settled.map(|(_, height)| height);
    payback.body.problem = problem;
    payback.intent = None;
    paybacks::save(sql, &payback)?;
    let now_ms = gateway.now_ms();
    let is_refund = !matches!(payback.body.why, Why::Stray { .. });
    let amount = payback.body.amount;
    let order = orders::change::<ChangeError>(gateway, sql, &payback.order, |order, sql| {
        settlements::gone_back(gateway, sql, order, &payback)?;
        match (is_refund, settled) {
            (true, Some((_, height))) => order
                .refund_settled(amount, height, now_ms)
                .map_err(crate::service::problem::Problem::from)?,
            (true, None) => order.refund_failed(amount, now_ms),
            (false, _) => order.touched(),
        }
        Ok(())
    })?;
    if !is_refund {
        let happened = match settled {
            Some(_) => Happened::StrayReturned,
            None => Happened::StrayFailed,
        };
        orders::tell_of(gateway, sql, &order, &[happened])?;
    }
    Ok(())
}
