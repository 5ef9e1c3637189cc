//! The transactions that a remittance needs, and what is asked of the other operator's.

use causeway_contracts::{
    codec::{Bounded, Text},
    identity::AccountId,
    keys::SecretKey,
    ledger::receipt::Outcome,
    money::{Amount, Currency},
    proof::{PaymentProof, VerifiedPayment},
    settlement::{ContractId, Exchange, ExchangeAmount, Fee, HeldExchange, Hold, Leg, Parties, SettlementAction},
    transaction::{Action, SignedTransaction, UnixSeconds},
};
use causeway_wallet::payment::{self, SignError};

use super::intent::VALID_SECONDS;
use crate::{
    remittance::{Purpose, Remittance, Wish, order},
    service::context::Gateway,
};

#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error("the transaction cannot be signed")]
    Sign(#[from] SignError),
    #[error("the transaction cannot be signed")]
    Transaction(#[from] causeway_contracts::transaction::TransactionError),
    /// It was written by this gateway.
    #[error("an address of the order is none of this network")]
    Address,
    #[error("the remittance holds nothing on the ledger")]
    NoHold,
}

fn parties(accounts: [AccountId; 2]) -> Parties {
    let mut accounts = accounts.to_vec();
    accounts.sort();
    accounts.dedup();
    Bounded::new(accounts).expect("two of at most four")
}

/// Signs what is to be done. `account`: the key of the customer's account, for a reservation.
pub fn prepare(
    gateway: &Gateway,
    remittance: &Remittance,
    purpose: Purpose,
    account: Option<&SecretKey>,
    now_ms: u64,
) -> Result<SignedTransaction, PrepareError> {
    let us = gateway.account_of(remittance.us());
    let (action, memo) = match purpose {
        Purpose::Reserve => (
            reserve(gateway, remittance, now_ms)?,
            order::memo(&remittance.order_text),
        ),
        Purpose::Post => {
            let hold = remittance.ledger.hold.ok_or(PrepareError::NoHold)?;
            (SettlementAction::PostGroup { hold, by: us }, about("post", remittance))
        }
        Purpose::Void => {
            let hold = remittance.ledger.hold.ok_or(PrepareError::NoHold)?;
            let what = match remittance.wish {
                Some(Wish::Recall(_)) => "recall",
                _ => "refuse",
            };
            (SettlementAction::VoidGroup { hold, by: us }, about(what, remittance))
        }
        Purpose::Return => {
            let action = Action::Transfer {
                from: us,
                to: remittance.order.sender_account.account,
                currency: remittance.order.target.currency,
                amount: remittance.target,
            };
            let made = payment::transaction(gateway.genesis(), action, about("return", remittance), VALID_SECONDS)?;
            return Ok(made.sign([gateway.keys.operator()])?);
        }
    };
    let made = payment::transaction(gateway.genesis(), Action::Settle(action), memo, VALID_SECONDS)?;
    let key = match purpose {
        Purpose::Reserve => account.ok_or(PrepareError::Address)?,
        _ => gateway.keys.operator(),
    };
    Ok(made.sign([key])?)
}

/// The memo of what follows a reservation.
fn about(what: &str, remittance: &Remittance) -> Text<140> {
    Text::new(format!("{what} {}", remittance.order.uetr)).expect("50 bytes")
}

fn reserve(gateway: &Gateway, remittance: &Remittance, now_ms: u64) -> Result<SettlementAction, PrepareError> {
    let order = &remittance.order;
    let us = gateway.account_of(order.sender_operator);
    let them = gateway.account_of(order.beneficiary_operator);
    let expires_at = remittance.hold_until(now_ms);
    let post_by = parties([them, them]);
    let void_by = parties([us, them]);
    let taker = order.sender_account.account;
    let fee = (!remittance.fee.is_zero()).then_some(remittance.fee);
    Ok(match &remittance.quote {
        Some(quote) => {
            let fees = fee.map(|amount| Fee { to: us, amount });
            SettlementAction::Exchange(Box::new(Exchange {
                quote: quote.signed.clone(),
                taker,
                amount: ExchangeAmount::Send(remittance.source),
                held: Some(HeldExchange {
                    deliver_to: order.deliver_to.account,
                    post_by,
                    void_by,
                    expires_at,
                    fees: Bounded::new(fees.into_iter().collect()).expect("one of at most eight"),
                }),
            }))
        }
        None => {
            let leg = |creditor, amount| Leg {
                debtor: taker,
                creditor,
                currency: order.source.currency,
                amount,
            };
            let legs = std::iter::once(leg(order.deliver_to.account, remittance.source));
            let legs = legs.chain(fee.map(|amount| leg(us, amount)));
            SettlementAction::Hold(Hold {
                legs: Bounded::new(legs.collect()).expect("two of at most sixteen"),
                expires_at,
                post_by,
                void_by,
            })
        }
    })
}

/// What the other operator's transaction has to have done.
pub enum Shown {
    /// All money is held as the order says.
    Reserved { hold: ContractId, expires_at: UnixSeconds },
    /// What it was said to have done.
    Done,
    /// Something else, or nothing.
    NotSo(&'static str),
}

/// Judges a proof by what the order and the hold are.
pub fn shown(
    gateway: &Gateway,
    remittance: &Remittance,
    purpose: Purpose,
    proof: &PaymentProof,
    verified: &VerifiedPayment,
) -> Shown {
    if verified.outcome != Outcome::Applied {
        return Shown::NotSo("it was refused by the ledger");
    }
    let transaction = &proof.transaction.transaction;
    match purpose {
        Purpose::Reserve => reserved(gateway, remittance, proof, verified),
        Purpose::Post | Purpose::Void => {
            let Some(ours) = remittance.ledger.hold else {
                return Shown::NotSo("there is no hold");
            };
            let does = transaction.actions.iter().any(|action| match (purpose, action) {
                (Purpose::Post, Action::Settle(SettlementAction::PostGroup { hold, .. }))
                | (Purpose::Void, Action::Settle(SettlementAction::VoidGroup { hold, .. })) => *hold == ours,
                _ => false,
            });
            if does {
                Shown::Done
            } else {
                Shown::NotSo("it does something else")
            }
        }
        Purpose::Return => {
            let wanted = Action::Transfer {
                from: gateway.account_of(remittance.order.beneficiary_operator),
                to: remittance.order.sender_account.account,
                currency: remittance.order.target.currency,
                amount: remittance.target,
            };
            // One payment back is for one remittance.
            let is_it = *transaction.actions == [wanted] && transaction.memo == about("return", remittance);
            if is_it {
                Shown::Done
            } else {
                Shown::NotSo("it does something else")
            }
        }
    }
}

fn reserved(gateway: &Gateway, remittance: &Remittance, proof: &PaymentProof, verified: &VerifiedPayment) -> Shown {
    let order = &remittance.order;
    let transaction = &proof.transaction.transaction;
    if transaction.memo != order::memo(&remittance.order_text) {
        return Shown::NotSo("its memo has another order's hash");
    }
    let [Action::Settle(action)] = &transaction.actions[..] else {
        return Shown::NotSo("it has other actions than one hold");
    };
    let delivers = |to: AccountId, currency: Currency, amount: Amount| {
        to == order.deliver_to.account && currency == order.target.currency && amount == remittance.target
    };
    let (is_right, post_by, void_by, expires_at) = match action {
        SettlementAction::Exchange(exchange) => {
            let (Some(held), Some(trade)) = (&exchange.held, verified.trades.first()) else {
                return Shown::NotSo("it holds nothing");
            };
            let right = delivers(held.deliver_to, exchange.quote.quote.buy, trade.bought);
            (right, &held.post_by, &held.void_by, held.expires_at)
        }
        SettlementAction::Hold(hold) => {
            let right = hold
                .legs
                .iter()
                .any(|leg| delivers(leg.creditor, leg.currency, leg.amount));
            (right, &hold.post_by, &hold.void_by, hold.expires_at)
        }
        _ => return Shown::NotSo("it holds nothing"),
    };
    let us = gateway.account_of(order.beneficiary_operator);
    let them = gateway.account_of(order.sender_operator);
    if !is_right {
        return Shown::NotSo("it holds something else for the beneficiary");
    }
    // Nobody else decides, and both operators can give it back.
    if **post_by != [us] || *void_by != parties([us, them]) {
        return Shown::NotSo("others than the two operators decide about it, or not both");
    }
    Shown::Reserved {
        hold: ContractId::derive(&verified.id, 0),
        expires_at,
    }
}
