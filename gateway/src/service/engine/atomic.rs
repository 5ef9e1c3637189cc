//! Pays a bulk by one transaction of the ledger, all or nothing: what is signed is stored before it is sent, and sent
//! again until its end is known.

use std::{collections::BTreeMap, sync::Arc};

use causeway_contracts::{
    codec::{Bounded, Text},
    identity::{AccountId, Address},
    ledger::receipt::Outcome,
    money::{Amount, Currency},
    transaction::{Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, UnixSeconds},
};
use causeway_wallet::client::{Delivery, Settled};
use futures::future::try_join_all;

use super::{
    Due,
    bulks::{finish, is_passing},
    intent::{self, VALID_SECONDS},
};
use crate::{
    remittance::order::Party,
    service::{
        api::remittances::{lookup, resolved},
        context::Gateway,
        problem::{Code, Problem},
        records::{
            accounts::{self, Account},
            bulks::{self, Attempted, Bulk, Line, LineProblem},
            jobs::{self, Leased},
        },
    },
    store::StoreError,
};

const RETRY_MS: u64 = 2_000;

/// So long it is tried: operators may answer, and the account may come to be on the ledger.
const TRIED_MS: u64 = 300_000;

pub(super) async fn pay(gateway: &Arc<Gateway>, leased: &Leased, bulk: Bulk) -> Due {
    let (signed, delivery) = match bulk.intent.as_deref() {
        Some(stored) => (intent::stored(stored, 5)?, Delivery::Earlier),
        None => match prepare(gateway, &bulk).await {
            Ok(signed) => {
                let intent = hex::encode(signed.to_bytes().map_err(|_| StoreError::Changed)?);
                keep(gateway, leased, Some(intent)).await?;
                (signed, Delivery::Never)
            }
            Err(problem) if is_passing(&problem) && gateway.now_ms() < bulk.created_ms + TRIED_MS => {
                return Ok(Some(gateway.now_ms() + RETRY_MS));
            }
            Err(problem) => return end(gateway, leased, bulk, Err(problem)).await,
        },
    };
    match gateway.ledger.settle(&signed, delivery).await {
        Ok(Settled::Final(confirmed)) => match confirmed.1.outcome {
            Outcome::Applied => end(gateway, leased, bulk, Ok(signed.id().to_string())).await,
            Outcome::Rejected { reason, .. } => {
                let problem = Problem::new(Code::LedgerRefused, format!("the ledger refuses all of it: {reason}"));
                end(gateway, leased, bulk, Err(problem)).await
            }
        },
        Ok(Settled::Dead { .. }) if gateway.now_ms() >= bulk.created_ms + TRIED_MS => {
            let detail =
                "the ledger has ordered none of the transactions that would have paid it, and orders none any more";
            end(gateway, leased, bulk, Err(Problem::new(Code::LedgerRefused, detail))).await
        }
        Ok(Settled::Dead { .. }) => {
            keep(gateway, leased, None).await?;
            Ok(Some(gateway.now_ms()))
        }
        Err(error) => {
            tracing::warn!(bulk = bulk.id, error = error.to_string(), "a bulk is not settled yet");
            Ok(Some(gateway.now_ms() + RETRY_MS))
        }
    }
}

async fn keep(gateway: &Gateway, leased: &Leased, intent: Option<String>) -> Result<(), StoreError> {
    let leased = leased.clone();
    gateway
        .store
        .write(move |sql| {
            jobs::check(sql, &leased)?;
            bulks::set_intent(sql, &leased.id, intent.as_deref())
        })
        .await
}

/// All lines come to the same.
async fn end(gateway: &Arc<Gateway>, leased: &Leased, bulk: Bulk, how: Result<String, Problem>) -> Due {
    let what = match how {
        Ok(transaction) => Attempted::Paid { transaction },
        Err(problem) => Attempted::Failed(LineProblem {
            code: problem.code.row().0.to_owned(),
            detail: problem.detail,
        }),
    };
    finish(gateway, leased, bulk, Some(what)).await
}

/// One transfer for each line, to the beneficiary's own account, and one for the fees of each currency.
async fn prepare(gateway: &Arc<Gateway>, bulk: &Bulk) -> Result<SignedTransaction, Problem> {
    let id = bulk.id.clone();
    let (lines, account, owner) = gateway
        .store
        .read::<_, StoreError, _>(move |sql| {
            let lines = bulks::lines(sql, &id, 0, super::super::bulk::ATOMIC_LINES_MAX)?;
            let account = match lines.first() {
                Some(line) => accounts::any_account(sql, &line.order.account)?,
                None => None,
            };
            let owner = match &account {
                Some(account) => accounts::find_customer(sql, &account.client, &account.customer)?,
                None => None,
            };
            Ok((lines, account, owner))
        })
        .await?;
    let (Some(account), Some(owner)) = (account, owner) else {
        return Err(Problem::new(
            Code::PayerAccountUnknown,
            "the account is not here any more",
        ));
    };
    if !account.opened {
        let detail = "the account is not on the ledger yet; try again in a second";
        return Err(Problem::new(Code::PayerAccountNotOpen, detail));
    }
    screen(gateway, &owner.body.party, &lines)?;
    let from: Address = account
        .address
        .parse()
        .map_err(|error: <Address as std::str::FromStr>::Err| Problem::internal(&error))?;
    let to = try_join_all(lines.iter().map(|line| deliver_to(gateway, line))).await?;
    let mut actions = Vec::with_capacity(lines.len() + 1);
    let mut fees: BTreeMap<Currency, u64> = BTreeMap::new();
    for (line, to) in lines.iter().zip(to) {
        let amount = gateway.exponents.read(&line.order.target())?;
        let too_large = || Problem::new(Code::AmountInvalid, "with all fees, it is more than the largest amount");
        if let Some(fee) = gateway.fees.get(&line.order.target) {
            let fee = fee.of(amount).ok_or_else(too_large)?;
            let sum = fees.entry(line.order.target).or_default();
            *sum = sum.checked_add(fee.0).ok_or_else(too_large)?;
        }
        actions.push(transfer(from.account, to, line.order.target, amount));
    }
    let us = gateway.account_of(gateway.us());
    let fees = fees.into_iter().filter(|(_, fee)| *fee > 0);
    actions.extend(fees.map(|(currency, fee)| transfer(from.account, us, currency, Amount(fee))));
    let actions = Bounded::new(actions).map_err(|_| {
        let detail = "with its fees it has more actions than a transaction may have";
        Problem::new(Code::AtomicTooLarge, detail)
    })?;
    sign(gateway, bulk, &account, actions)
}

fn transfer(from: AccountId, to: AccountId, currency: Currency, amount: Amount) -> Action {
    Action::Transfer {
        from,
        to,
        currency,
        amount,
    }
}

fn sign(
    gateway: &Gateway,
    bulk: &Bulk,
    account: &Account,
    actions: Bounded<Action, { causeway_contracts::transaction::ACTIONS_MAX }>,
) -> Result<SignedTransaction, Problem> {
    let transaction = Transaction {
        version: TRANSACTION_VERSION,
        genesis: gateway.genesis().prefix(),
        valid_until: UnixSeconds((gateway.now_ms() / 1000).saturating_add(VALID_SECONDS)),
        nonce: Nonce(getrandom::u64()?),
        actions,
        memo: Text::new(bulk.id.clone()).expect("37 bytes"),
    };
    let key = gateway.keys.account(&account.body.salt);
    transaction.sign([&key]).map_err(|error| Problem::internal(&error))
}

/// Nobody decides about names that are like ones on lists: such a bulk is not paid.
fn screen(gateway: &Gateway, payer: &Party, lines: &[Line]) -> Result<(), Problem> {
    let names = lines.iter().map(|line| &line.order.beneficiary.name);
    for name in std::iter::once(&payer.name).chain(names) {
        if let Some(hit) = gateway.screening_hit(name) {
            tracing::warn!(hit, "a name of a bulk is like one on a list");
            return Err(Problem::new(
                Code::ComplianceRefused,
                "a name is like one on a list of sanctions",
            ));
        }
    }
    Ok(())
}

/// The beneficiary's own account on the ledger.
async fn deliver_to(gateway: &Gateway, line: &Line) -> Result<AccountId, Problem> {
    let order = &line.order;
    let (lookup, _) = lookup(&order.beneficiary_account, &order.beneficiary.name)?;
    let operator = gateway.operator(order.operator).ok_or_else(|| {
        let detail = format!(
            "{} is not among the operators of this gateway's configuration",
            order.operator
        );
        Problem::new(Code::OperatorUnknown, detail)
    })?;
    let found = gateway.network.resolve(operator, &lookup).await;
    let found = found.map_err(|error| {
        let problem = resolved(error);
        let detail = format!("line {}: {}", line.number, problem.detail);
        Problem { detail, ..problem }
    })?;
    let address: Address = found.deliver_to.parse().map_err(|_| {
        let detail = format!("{} names an account that is no address", order.operator);
        Problem::new(Code::OperatorUnreachable, detail)
    })?;
    if address.account == gateway.account_of(order.operator) {
        let detail = format!(
            "line {}: it is paid out beyond the ledger, which no transaction does",
            line.number
        );
        return Err(Problem::new(Code::PayeeRefused, detail));
    }
    Ok(address.account)
}
