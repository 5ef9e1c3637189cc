//! Contracts: opening them, and ending them by an action or by time.

mod escrows;
mod exchanges;
mod holds;
pub(in crate::ledger) mod netting;
mod offers;
mod pulls;

use super::{Context, account, currency, money, moves};
use crate::{
    block::TimeMs,
    identity::AccountId,
    ledger::{
        limits::{self, Payment},
        overlay::Overlay,
        posting::{BalanceId, Outgoing, Part, Posting, post},
        receipt::Trade,
        rejection::Rejection,
        state::Day,
    },
    money::{Amount, Currency},
    settlement::{Contract, ContractId, Ending, Leg, OPEN_SECONDS_MAX, SettlementAction, Side, Status, Terms},
    transaction::UnixSeconds,
};

pub(super) fn apply(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    action: &SettlementAction,
) -> Result<Option<Trade>, Rejection> {
    let done = match action {
        SettlementAction::Hold(hold) => holds::open(overlay, context, hold),
        SettlementAction::Post {
            hold,
            by,
            amount,
            keep_rest,
        } => holds::post_part(overlay, context, *hold, *by, *amount, *keep_rest),
        SettlementAction::Void { hold, by } => holds::void(overlay, context, *hold, *by, holds::Legs::One),
        SettlementAction::PostGroup { hold, by } => holds::post_group(overlay, context, *hold, *by),
        SettlementAction::VoidGroup { hold, by } => holds::void(overlay, context, *hold, *by, holds::Legs::Any),
        SettlementAction::Escrow(escrow) => escrows::open(overlay, context, escrow),
        SettlementAction::Claim(claim) => escrows::claim(overlay, context, claim),
        SettlementAction::Allow(allowance) => pulls::allow(overlay, context, allowance),
        SettlementAction::Spend(spend) => pulls::spend(overlay, context, spend),
        SettlementAction::Mandate(mandate) => pulls::mandate(overlay, context, mandate),
        SettlementAction::Collect(collect) => pulls::collect(overlay, context, collect),
        SettlementAction::Request(request) => pulls::request(overlay, context, request),
        SettlementAction::PayRequest(payment) => pulls::pay_request(overlay, context, payment),
        SettlementAction::Revoke { contract, by } => pulls::revoke(overlay, context, *contract, *by),
        SettlementAction::Split(split) => pulls::split(overlay, context, split),
        SettlementAction::Exchange(exchange) => return exchanges::exchange(overlay, context, exchange).map(Some),
        SettlementAction::WithdrawQuote { maker, id } => exchanges::withdraw(overlay, context, *maker, *id),
        SettlementAction::SetReferenceRate { from, to, rate, as_of } => {
            exchanges::set_reference_rate(overlay, context, *from, *to, *rate, *as_of)
        }
        SettlementAction::Offer(offer) => return offers::place(overlay, context, offer),
        SettlementAction::PayPath(payment) => return offers::pay(overlay, context, payment).map(Some),
        SettlementAction::OpenCycle(cycle) => netting::open(overlay, context, cycle),
        SettlementAction::Prefund {
            cycle,
            participant,
            currency,
            amount,
        } => netting::prefund(overlay, context, *cycle, *participant, *currency, *amount),
        SettlementAction::Oblige(obligation) => netting::oblige(overlay, context, obligation),
        SettlementAction::CloseCycle { cycle, by } => netting::close(overlay, context, *cycle, *by),
        SettlementAction::SetCategory {
            operator,
            account,
            category,
        } => pulls::set_category(overlay, *operator, *account, *category),
    };
    done.map(|()| None)
}

/// Ends an open contract whose time is over.
pub(in crate::ledger) fn expire(
    overlay: &mut Overlay<'_>,
    time: TimeMs,
    id: ContractId,
    contract: &Contract,
) -> Ending {
    let how = match &contract.terms {
        Terms::Cycle(state) => {
            netting::finish(overlay, time, id, contract, state);
            return Ending::Closed;
        }
        Terms::Hold(_)
        | Terms::Allowance(_)
        | Terms::Mandate(_)
        | Terms::Request(_)
        | Terms::Quote(_)
        | Terms::Offer(_) => Ending::Expired,
        Terms::Escrow(escrow) => match escrow.on_expiry {
            Side::Release if may_pay(overlay, &escrow.leg()).is_ok() => Ending::Released,
            Side::Release | Side::Refund => Ending::Refunded,
        },
    };
    for leg in contract.terms.legs() {
        match how {
            Ending::Released => pay(overlay, &leg, leg.amount),
            _ => give_back(overlay, time, contract.opened, &leg, leg.amount),
        }
    }
    end(overlay, time, id, contract.clone(), how);
    how
}

/// Leaves nothing of a contract that ended.
pub(in crate::ledger) fn forget(overlay: &mut Overlay<'_>, id: ContractId, contract: &Contract) {
    if let Terms::Cycle(state) = &contract.terms {
        netting::forget(overlay, id, &state.cycle);
    }
    overlay.remove_contract(id);
}

fn end(overlay: &mut Overlay<'_>, time: TimeMs, id: ContractId, contract: Contract, how: Ending) {
    let status = Status::Ended { how, at_ms: time };
    overlay.put_contract(id, Contract { status, ..contract });
}

/// The contract, if it is open and its time is not over.
fn open_contract<'a>(
    overlay: &'a Overlay<'_>,
    context: &Context<'_>,
    id: &ContractId,
) -> Result<&'a Contract, Rejection> {
    let contract = overlay.contract(id).ok_or(Rejection::UnknownContract)?;
    if !contract.is_open() {
        return Err(Rejection::ContractEnded);
    }
    if contract.terms.expires_at().is_past(context.time) {
        return Err(Rejection::ContractExpired);
    }
    Ok(contract)
}

/// Opens a contract with what the context's action says, which has been checked.
fn begin(overlay: &mut Overlay<'_>, context: &Context<'_>, terms: Terms) {
    let id = ContractId::derive(&context.id, context.actions.len() - 1);
    let contract = Contract {
        terms,
        opened: context.time,
        status: Status::Open,
    };
    overlay.put_contract(id, contract);
}

fn check_expiry(context: &Context<'_>, expires_at: UnixSeconds) -> Result<(), Rejection> {
    let latest = context.time.0 / 1000 + OPEN_SECONDS_MAX;
    if expires_at.is_past(context.time) || expires_at.0 > latest {
        return Err(Rejection::ExpiryOutOfRange);
    }
    Ok(())
}

/// Sets a leg's money aside in the debtor's account, which counts as paid on this day. As a transfer
/// does, but that the payee's cap is looked at when the payee is paid.
fn set_aside(overlay: &mut Overlay<'_>, context: &Context<'_>, leg: &Leg) -> Result<(), Rejection> {
    reserve(
        overlay,
        context,
        leg.debtor,
        Some(leg.creditor),
        leg.currency,
        leg.amount,
    )
}

/// The same, for a payee or for none in particular.
pub(super) fn reserve(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    owner: AccountId,
    payee: Option<AccountId>,
    code: Currency,
    amount: Amount,
) -> Result<(), Rejection> {
    let parameters = &overlay.base().parameters;
    let payer = account(overlay, &owner)?;
    if let Some(payee) = &payee {
        account(overlay, payee)?;
    }
    payer.pays()?;
    if let Some(payee) = &payee {
        account(overlay, payee)?.is_open()?;
    }
    let caps = limits::caps(parameters, payer.tier, code);
    let record = currency(overlay, code)?;
    let has = overlay.balance(owner, code);
    moves(record, &has)?;
    if amount.is_zero() {
        return Err(Rejection::AmountZero);
    }
    if let Some(to) = payee {
        let payment = Payment {
            from: owner,
            to,
            currency: code,
        };
        limits::check_payment(caps, &payment, amount, context.actions)?;
    }
    let day = Day::of(context.time);
    let total = limits::check_day(caps, &has, day, amount)?;
    if has.available.0 < i128::from(amount.0) {
        return Err(Rejection::InsufficientFunds);
    }
    if payee == Some(owner) {
        return Err(Rejection::SamePayerAndPayee);
    }
    let total = total.ok_or(Rejection::Overflow)?;
    has.held.checked_add(amount).ok_or(Rejection::Overflow)?;
    let posting = Posting {
        debit: BalanceId::available(owner, code),
        credit: held(owner, code),
        amount,
    };
    post(overlay, &posting, Some(Outgoing { day, total }));
    Ok(())
}

fn held(account: AccountId, currency: Currency) -> BalanceId {
    BalanceId {
        account,
        currency,
        part: Part::Held,
    }
}

/// Whether what a leg holds may go to the creditor now, but for the creditor's cap.
fn may_pay(overlay: &Overlay<'_>, leg: &Leg) -> Result<(), Rejection> {
    account(overlay, &leg.debtor)?.pays()?;
    account(overlay, &leg.creditor)?.is_open()?;
    let record = currency(overlay, leg.currency)?;
    moves(record, &overlay.balance(leg.debtor, leg.currency))
}

/// Whether the creditor may have this much more.
fn check_payee(overlay: &Overlay<'_>, leg: &Leg, amount: Amount) -> Result<(), Rejection> {
    check_payee_cap(overlay, leg.creditor, leg.currency, amount)
}

fn check_payee_cap(overlay: &Overlay<'_>, id: AccountId, code: Currency, amount: Amount) -> Result<(), Rejection> {
    let payee = account(overlay, &id)?;
    let caps = limits::caps(&overlay.base().parameters, payee.tier, code);
    limits::check_payee(caps, &overlay.balance(id, code), amount)
}

/// Held money to the creditor.
fn pay(overlay: &mut Overlay<'_>, leg: &Leg, amount: Amount) {
    let posting = Posting {
        debit: held(leg.debtor, leg.currency),
        credit: BalanceId::available(leg.creditor, leg.currency),
        amount,
    };
    post(overlay, &posting, None);
}

/// Held money back to the debtor. On the day on which it was set aside it does not count as paid any more.
fn give_back(overlay: &mut Overlay<'_>, time: TimeMs, opened: TimeMs, leg: &Leg, amount: Amount) {
    let posting = Posting {
        debit: held(leg.debtor, leg.currency),
        credit: BalanceId::available(leg.debtor, leg.currency),
        amount,
    };
    let day = Day::of(time);
    let spent = overlay.balance(leg.debtor, leg.currency).spent_on(day);
    let total = spent.0.checked_sub(amount.0).map(Amount);
    let outgoing = total.filter(|_| day == Day::of(opened));
    post(overlay, &posting, outgoing.map(|total| Outgoing { day, total }));
}
