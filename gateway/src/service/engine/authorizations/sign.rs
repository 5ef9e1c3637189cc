//! Which transaction an authorisation is, and its signing.

use std::sync::Arc;

use causeway_contracts::{
    codec::{Bounded, Text},
    identity::AccountId,
    keys::SecretKey,
    money::{Amount, Currency},
    settlement::{Collect, Hold, Leg, SettlementAction},
    transaction::{Action, SignedTransaction, UnixSeconds},
};
use causeway_wallet::payment;

use super::account_key;
use crate::{
    acquiring::{
        authorization::{Later, Step},
        host::{Operation, Outcome},
    },
    service::{
        config::{Issuing, Link},
        context::Gateway,
        records::{
            authorizations::{self, Authorization, State},
            jobs::{self, Leased},
        },
    },
    store::{Sql, StoreError},
};

/// A transaction may wait this long to be ordered. Only when it is over can another be signed in its place.
const VALID_SECONDS: u64 = 30;

const DAY_SECONDS: u64 = 86_400;

pub(super) enum Prepared {
    /// It is stored.
    Signed(Box<SignedTransaction>),
    Ended(Outcome),
    /// Something else is under way, or undecided.
    Wait,
    /// Nothing could be signed now.
    Later,
}

/// What a transaction is made of.
struct Draft {
    actions: Vec<Action>,
    memo: Text<140>,
    keys: Vec<SecretKey>,
}

/// Signs what the ledger is to do, and stores it with who is at the payment.
pub(super) async fn prepare(gateway: &Arc<Gateway>, leased: &Leased) -> Result<Prepared, StoreError> {
    let (shared, leased) = (Arc::clone(gateway), leased.clone());
    let prepared = gateway.store.write::<_, StoreError, _>(move |sql| {
        jobs::check(sql, &leased)?;
        let row = authorizations::locked(sql, &leased.id)?.ok_or(StoreError::Changed)?;
        signed(&shared, sql, row)
    });
    prepared.await
}

/// The same in a transaction of whoever has leased its job and locked it.
pub(super) fn signed(gateway: &Gateway, sql: &mut dyn Sql, mut row: Authorization) -> Result<Prepared, StoreError> {
    let drafted = match &row.body.target {
        Some(first) => {
            let first = authorizations::any(sql, first)?.ok_or(StoreError::Changed)?;
            about(gateway, sql, &mut row, &first)?
        }
        None => on_its_own(gateway, sql, &row)?,
    };
    let draft = match drafted {
        Ok(draft) => draft,
        Err(prepared) => return Ok(prepared),
    };
    let signed = match sign(gateway, draft) {
        Ok(signed) => signed,
        Err(error) => {
            tracing::warn!(authorization = row.id, %error, "nothing could be signed");
            return Ok(Prepared::Later);
        }
    };
    let bytes = signed.to_bytes().map_err(|_| StoreError::Changed)?;
    row.intent = Some(hex::encode(bytes));
    row.body.transactions.push(signed.id());
    authorizations::save(sql, &row)?;
    Ok(Prepared::Signed(Box::new(signed)))
}

fn sign(gateway: &Gateway, draft: Draft) -> Result<SignedTransaction, payment::SignError> {
    let first = draft.actions.first().cloned().expect("there is one at least");
    let mut made = payment::transaction(gateway.genesis(), first, draft.memo, VALID_SECONDS)?;
    made.actions = Bounded::new(draft.actions).expect("two of at most 64");
    Ok(made.sign(&draft.keys)?)
}

/// The configuration's section, and the link that the row came by.
fn link<'a>(gateway: &'a Gateway, row: &Authorization) -> Option<(&'a Issuing, &'a Link)> {
    let issuing = gateway.config.issuing.as_ref()?;
    let link = issuing.links.iter().find(|link| link.name == row.body.link)?;
    Some((issuing, link))
}

type Drafted = Result<Result<Draft, Prepared>, StoreError>;

/// A purchase, a hold, or a refund that names no payment.
fn on_its_own(gateway: &Gateway, sql: &mut dyn Sql, row: &Authorization) -> Drafted {
    let body = &row.body;
    let (Some((issuing, link)), Some(account), Some(currency)) = (link(gateway, row), body.account, body.currency)
    else {
        return Ok(Err(Prepared::Ended(Outcome::SystemMalfunction)));
    };
    let memo = body.memo.clone();
    if body.operation == Operation::Refund {
        let refund = Back {
            link,
            account,
            currency,
            amount: body.amount,
        };
        return Ok(pay_back(gateway, refund, after("refund", &memo)));
    }
    let Some(key) = account_key(gateway, sql, account)? else {
        return Ok(Err(Prepared::Ended(Outcome::InvalidCard)));
    };
    let leg = Leg {
        debtor: account,
        creditor: link.account.account,
        currency,
        amount: body.amount,
    };
    let action = if body.operation == Operation::PreAuthorization {
        hold(gateway, issuing, leg)
    } else {
        transfer(leg)
    };
    Ok(Ok(Draft {
        actions: vec![action],
        memo,
        keys: vec![key],
    }))
}

/// The id of the payment that money stands of: a completion is one of its authorisation. `None`: what was about a payment
/// and not its completion has nothing of its own that could be undone.
pub(super) fn payment_of(first: &Authorization) -> Option<&str> {
    match (first.body.operation, &first.body.target) {
        (Operation::Completion, Some(target)) => Some(target),
        (_, Some(_)) => None,
        (_, None) => Some(&first.id),
    }
}

/// What is about another: its completion, reversal or refund.
fn about(gateway: &Gateway, sql: &mut dyn Sql, row: &mut Authorization, first: &Authorization) -> Drafted {
    if first.state != State::Done {
        return Ok(Err(Prepared::Wait));
    }
    let is_reversal = row.body.operation == Operation::Reversal;
    if !first.is_approved() {
        let outcome = if is_reversal {
            Outcome::Approved
        } else {
            Outcome::InvalidTransaction
        };
        return Ok(Err(Prepared::Ended(outcome)));
    }
    let Some(payment) = payment_of(first) else {
        return Ok(Err(Prepared::Ended(Outcome::InvalidTransaction)));
    };
    let mut payment = authorizations::locked(sql, payment)?.ok_or(StoreError::Changed)?;
    if payment.body.busy.as_ref().is_some_and(|busy| *busy != row.id) {
        return Ok(Err(Prepared::Wait));
    }
    if row.body.currency.is_some() && row.body.currency != payment.body.currency {
        return Ok(Err(Prepared::Ended(Outcome::InvalidCurrency)));
    }
    let wanted = match row.body.operation {
        Operation::Completion => Later::Complete(row.body.amount),
        Operation::Refund => Later::Refund(row.body.amount),
        _ => Later::Reverse { keep: row.body.amount },
    };
    let step = match payment.body.standing.step(wanted) {
        Ok(Some(step)) => step,
        Ok(None) => return Ok(Err(Prepared::Ended(Outcome::Approved))),
        Err(outcome) => return Ok(Err(Prepared::Ended(outcome))),
    };
    let drafted = draft(gateway, sql, &payment, step, row.body.operation)?;
    if drafted.is_ok() {
        row.body.step = Some(step);
        payment.body.busy = Some(row.id.clone());
        authorizations::save(sql, &payment)?;
    }
    Ok(drafted)
}

fn draft(gateway: &Gateway, sql: &mut dyn Sql, payment: &Authorization, step: Step, operation: Operation) -> Drafted {
    let body = &payment.body;
    let (Some((issuing, link)), Some(account), Some(currency)) = (link(gateway, payment), body.account, body.currency)
    else {
        return Ok(Err(Prepared::Ended(Outcome::SystemMalfunction)));
    };
    let by = gateway.account_of(gateway.us());
    let us = gateway.keys.operator().clone();
    let reversal = after("reversal", &body.memo);
    let settle = |action, memo| Draft {
        actions: vec![Action::Settle(action)],
        memo,
        keys: vec![us.clone()],
    };
    let leg = |debtor, creditor, amount| Leg {
        debtor,
        creditor,
        currency,
        amount,
    };
    Ok(Ok(match step {
        Step::Post { hold, amount } => {
            let post = SettlementAction::Post {
                hold,
                by,
                amount: Some(amount),
                keep_rest: false,
            };
            settle(post, body.memo.clone())
        }
        Step::Void { hold } => settle(SettlementAction::Void { hold, by }, reversal),
        Step::Shrink { hold: before, keep } => {
            let Some(key) = account_key(gateway, sql, account)? else {
                return Ok(Err(Prepared::Ended(Outcome::InvalidCard)));
            };
            let void = Action::Settle(SettlementAction::Void { hold: before, by });
            let anew = hold(gateway, issuing, leg(account, link.account.account, keep));
            Draft {
                actions: vec![void, anew],
                memo: body.memo.clone(),
                keys: vec![us, key],
            }
        }
        Step::PayBack { amount } => {
            let back = Back {
                link,
                account,
                currency,
                amount,
            };
            let what = if operation == Operation::Refund {
                "refund"
            } else {
                "reversal"
            };
            return Ok(pay_back(gateway, back, after(what, &body.memo)));
        }
        Step::TakeBack { amount } => {
            let Some(key) = account_key(gateway, sql, account)? else {
                return Ok(Err(Prepared::Ended(Outcome::InvalidCard)));
            };
            Draft {
                actions: vec![transfer(leg(account, link.account.account, amount))],
                memo: reversal,
                keys: vec![key],
            }
        }
    }))
}

struct Back<'a> {
    link: &'a Link,
    account: AccountId,
    currency: Currency,
    amount: Amount,
}

/// The acquirer has agreed to it by its mandate, or it is not made.
fn pay_back(gateway: &Gateway, back: Back<'_>, memo: Text<140>) -> Result<Draft, Prepared> {
    let Some(mandate) = back.link.mandates.get(&back.currency) else {
        return Err(Prepared::Ended(Outcome::NotPermittedToCardholder));
    };
    let us = gateway.account_of(gateway.us());
    let collect = Action::Settle(SettlementAction::Collect(Collect {
        mandate: *mandate,
        payee: us,
        amount: back.amount,
        reference: Text::new(memo.chars().take(35).collect::<String>()).unwrap_or_default(),
    }));
    let leg = Leg {
        debtor: us,
        creditor: back.account,
        currency: back.currency,
        amount: back.amount,
    };
    Ok(Draft {
        actions: vec![collect, transfer(leg)],
        memo,
        keys: vec![gateway.keys.operator().clone()],
    })
}

fn transfer(leg: Leg) -> Action {
    Action::Transfer {
        from: leg.debtor,
        to: leg.creditor,
        currency: leg.currency,
        amount: leg.amount,
    }
}

/// The issuer's operator alone posts and voids it.
fn hold(gateway: &Gateway, issuing: &Issuing, leg: Leg) -> Action {
    let us = Bounded::new(vec![gateway.account_of(gateway.us())]).expect("one of at most four");
    let seconds = gateway.now_ms() / 1_000 + u64::from(issuing.hold_days) * DAY_SECONDS;
    Action::Settle(SettlementAction::Hold(Hold {
        legs: Bounded::new(vec![leg]).expect("one of at most sixteen"),
        expires_at: UnixSeconds(seconds),
        post_by: us.clone(),
        void_by: us,
    }))
}

/// `reversal` or `refund`, and what the payment's memo names.
fn after(what: &str, memo: &Text<140>) -> Text<140> {
    let named = memo.split_once(' ').map_or("", |(_, named)| named);
    Text::new(format!("{what} {named}")).expect("no longer than the memo and eight characters")
}
