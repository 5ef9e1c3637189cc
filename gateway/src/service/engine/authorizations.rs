//! Brings what acquirers asked for to its end on the ledger: what is signed is stored before it is sent, and sent again
//! until its end is known. Of what is about one payment, one at a time is under way.

pub(in crate::service) mod handed;
mod sign;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use causeway_contracts::{
    codec,
    identity::AccountId,
    keys::SecretKey,
    ledger::{receipt::Outcome as Receipt, rejection::Rejection},
    money::{Amount, Currency},
    settlement::ContractId,
    statement::AccountView,
    transaction::{SignedTransaction, TRANSACTION_BYTES_MAX, TxId},
};
use causeway_wallet::client::{Delivery, Settled};

use self::sign::{Prepared, prepare};
use super::Due;
use crate::{
    acquiring::{
        authorization::{Standing, Step},
        host::{Operation, Outcome},
    },
    service::{
        authorize::GRACE_MS,
        context::Gateway,
        records::{
            accounts,
            authorizations::{self, Authorization, State},
            cards::payments,
            jobs::{self, Leased},
        },
    },
    store::{Sql, StoreError},
};

const RETRY_MS: u64 = 500;

const RETRY_MS_MAX: u64 = 60_000;

/// Another is at the same payment.
const WAIT_MS: u64 = 100;

/// A job is one authorisation.
pub(super) async fn bring_on(gateway: Arc<Gateway>, leased: Leased) -> Due {
    let id = leased.id.clone();
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| authorizations::any(sql, &id))
        .await?;
    let Some(row) = found.filter(|row| row.state != State::Done) else {
        return Ok(None);
    };
    if row.state == State::Deciding {
        let answer_ms = gateway.config.issuing.as_ref().map_or(0, |issuing| issuing.answer_ms);
        let until_ms = row.created_ms + answer_ms + GRACE_MS;
        if gateway.now_ms() < until_ms {
            return Ok(Some(until_ms));
        }
        // Whoever was asking the card's rules is gone, and what they need with it.
        return end(&gateway, leased, Outcome::IssuerUnavailable, None).await;
    }
    let (signed, delivery) = match row.intent.as_deref() {
        Some(stored) => (stored_intent(stored)?, Delivery::Earlier),
        None => match prepare(&gateway, &leased).await? {
            Prepared::Signed(signed) => (*signed, Delivery::Never),
            Prepared::Ended(outcome) => return end(&gateway, leased, outcome, None).await,
            Prepared::Wait => return Ok(Some(gateway.now_ms() + WAIT_MS)),
            Prepared::Later => return Ok(Some(later(&gateway, &leased))),
        },
    };
    let is_about_another = row.body.target.is_some();
    settle(gateway, leased, signed, delivery, is_about_another).await
}

/// Brings what is signed and stored to its end on the ledger.
async fn settle(
    gateway: Arc<Gateway>,
    leased: Leased,
    signed: SignedTransaction,
    delivery: Delivery,
    is_about_another: bool,
) -> Due {
    match gateway.ledger.settle(&signed, delivery).await {
        Ok(Settled::Final(confirmed)) => {
            let outcome = match confirmed.1.outcome {
                Receipt::Applied => Outcome::Approved,
                Receipt::Rejected { reason, .. } => of_rejection(&gateway, &leased, reason).await?,
            };
            end(&gateway, leased, outcome, Some(&signed)).await
        }
        // No money has moved, and whoever was to pay has gone.
        Ok(Settled::Dead { .. }) if !is_about_another => end(&gateway, leased, Outcome::IssuerUnavailable, None).await,
        Ok(Settled::Dead { .. }) => {
            sign_anew(&gateway, &leased).await?;
            Ok(Some(later(&gateway, &leased)))
        }
        Err(error) => {
            tracing::warn!(
                authorization = leased.id,
                error = error.to_string(),
                "an authorisation is not settled yet"
            );
            Ok(Some(later(&gateway, &leased)))
        }
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

/// What is voided and not held any more, by its expiry, is as the acquirer wants it. What goes back needs a mandate that is
/// in force.
async fn of_rejection(gateway: &Gateway, leased: &Leased, reason: Rejection) -> Result<Outcome, StoreError> {
    let id = leased.id.clone();
    let read = gateway
        .store
        .read::<_, StoreError, _>(move |sql| authorizations::any(sql, &id));
    let row = read.await?.ok_or(StoreError::Changed)?;
    let is_gone = matches!(
        reason,
        Rejection::ContractExpired | Rejection::ContractEnded | Rejection::UnknownContract
    );
    Ok(match (row.body.step, row.body.operation) {
        (Some(Step::Void { .. }), _) if is_gone => Outcome::Approved,
        (Some(Step::PayBack { .. }), _) | (None, Operation::Refund) if is_gone => Outcome::NotPermittedToCardholder,
        _ => Outcome::from(reason),
    })
}

async fn sign_anew(gateway: &Gateway, leased: &Leased) -> Result<(), StoreError> {
    let leased = leased.clone();
    gateway
        .store
        .write(move |sql| {
            jobs::check(sql, &leased)?;
            let mut row = authorizations::locked(sql, &leased.id)?.ok_or(StoreError::Changed)?;
            row.intent = None;
            authorizations::save(sql, &row)
        })
        .await
}

/// Its end, and what it means to the payment that it is about and to the card's limit of the day, together.
async fn end(gateway: &Arc<Gateway>, leased: Leased, outcome: Outcome, by: Option<&SignedTransaction>) -> Due {
    let by = by.map(SignedTransaction::id);
    let id = leased.id.clone();
    let ended = gateway.store.write::<_, StoreError, _>(move |sql| {
        jobs::check(sql, &leased)?;
        let mut row = authorizations::locked(sql, &leased.id)?.ok_or(StoreError::Changed)?;
        if row.state == State::Done {
            return Ok(());
        }
        row.finish(outcome);
        let applied = by.filter(|_| outcome.is_approved());
        if row.body.target.is_none() {
            row.body.standing = applied.map_or(Standing::Nothing, |by| standing(&row, by));
        }
        authorizations::save(sql, &row)?;
        match row.body.target {
            Some(_) => free(sql, &row, applied),
            None if row.is_approved() => Ok(()),
            None => payments::release(sql, &row.id).map(drop),
        }
    });
    ended.await?;
    // Nobody may be waiting.
    let _ = gateway.authorized.send(id);
    Ok(None)
}

/// What stands of one that has just been applied.
fn standing(row: &Authorization, by: TxId) -> Standing {
    let amount = row.body.amount;
    match row.body.operation {
        Operation::PreAuthorization => Standing::Held {
            hold: ContractId::derive(&by, 0),
            amount,
        },
        Operation::Purchase => Standing::Paid {
            amount,
            returned: Amount(0),
        },
        Operation::Refund => Standing::PaidBack { amount },
        _ => Standing::Nothing,
    }
}

/// The payment that the row is about is free for the next; its use of the card's limit is what it can still be.
fn free(sql: &mut dyn Sql, row: &Authorization, applied: Option<TxId>) -> Result<(), StoreError> {
    let Some(target) = &row.body.target else {
        return Ok(());
    };
    let Some(first) = authorizations::any(sql, target)? else {
        return Ok(());
    };
    let Some(payment) = sign::payment_of(&first) else {
        return Ok(());
    };
    let mut payment = authorizations::locked(sql, payment)?.ok_or(StoreError::Changed)?;
    if payment.body.busy.as_ref() != Some(&row.id) {
        return Ok(());
    }
    payment.body.busy = None;
    let applied = row.body.step.zip(applied);
    if let Some((step, by)) = applied {
        let held_anew = ContractId::derive(&by, 1);
        let standing = payment.body.standing;
        payment.body.standing = standing.after(step, row.body.operation, Some(held_anew));
    }
    authorizations::save(sql, &payment)?;
    match (applied, payment.body.standing) {
        (None, _) | (_, Standing::PaidBack { .. }) => Ok(()),
        (Some(_), Standing::Nothing) => payments::release(sql, &payment.id).map(drop),
        // A part that was sent back of what was paid has been made all the same.
        (Some(_), Standing::Held { amount, .. } | Standing::Paid { amount, .. }) => {
            payments::reduce(sql, &payment.id, amount)
        }
    }
}

/// Of a customer's account; `None` if it is none of this gateway's.
pub fn account_key(gateway: &Gateway, sql: &mut dyn Sql, account: AccountId) -> Result<Option<SecretKey>, StoreError> {
    let address = gateway.address(account).to_string();
    let account = accounts::by_name(sql, "address", &address)?;
    Ok(account.map(|account| gateway.keys.account(&account.body.salt)))
}

/// What may be spent.
pub fn balance_of(view: &AccountView, currency: Currency) -> i128 {
    let balance = view.balances.iter().find(|balance| balance.currency == currency);
    balance.map_or(0, |balance| balance.available.0)
}
