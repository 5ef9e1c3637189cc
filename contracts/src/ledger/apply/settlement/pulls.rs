//! Allowances, mandates, requests and splits.

use super::{
    AccountId, Context, Contract, ContractId, Ending, Leg, Overlay, Rejection, Terms, account, begin, check_expiry,
    check_payee, currency, end, may_pay, money, open_contract, pay, set_aside,
};
use crate::{
    identity::ParticipantId,
    ledger::apply::accounts::serves,
    money::Amount,
    settlement::{
        Allowance, Collect, Mandate, MandateState, MerchantCategory, PayRequest, Payees, Request, Shares, Spend, Split,
    },
};

pub(super) fn allow(overlay: &mut Overlay<'_>, context: &Context<'_>, terms: &Allowance) -> Result<(), Rejection> {
    set_aside(overlay, context, &terms.leg())?;
    check_expiry(context, terms.expires_at)?;
    begin(overlay, context, Terms::Allowance(terms.clone()));
    Ok(())
}

fn is_allowed(overlay: &Overlay<'_>, payees: &Payees, to: &AccountId) -> Result<bool, Rejection> {
    Ok(match payees {
        Payees::Accounts(list) => list.contains(to),
        Payees::Categories(list) => overlay.category(to).is_some_and(|category| list.contains(&category)),
        Payees::Operators(list) => list.contains(&account(overlay, to)?.operator),
    })
}

pub(super) fn spend(overlay: &mut Overlay<'_>, context: &Context<'_>, spend: &Spend) -> Result<(), Rejection> {
    let contract = open_contract(overlay, context, &spend.allowance)?.clone();
    let Terms::Allowance(allowance) = &contract.terms else {
        return Err(Rejection::UnknownContract);
    };
    let leg = Leg {
        debtor: allowance.grantor,
        creditor: spend.to,
        currency: allowance.currency,
        amount: spend.amount,
    };
    account(overlay, &spend.holder)?.pays()?;
    account(overlay, &spend.to)?;
    may_pay(overlay, &leg)?;
    if spend.holder != allowance.holder {
        return Err(Rejection::NotPermitted);
    }
    if spend.amount.is_zero() {
        return Err(Rejection::AmountZero);
    }
    check_payee(overlay, &leg, spend.amount)?;
    if leg.debtor == leg.creditor {
        return Err(Rejection::SamePayerAndPayee);
    }
    if !is_allowed(overlay, &allowance.payees, &spend.to)? {
        return Err(Rejection::PayeeNotAllowed);
    }
    if allowance.max_payment.is_some_and(|max| spend.amount > max) || spend.amount > allowance.budget {
        return Err(Rejection::OverAllowance);
    }
    let left = Amount(allowance.budget.0 - spend.amount.0);
    pay(overlay, &leg, spend.amount);
    let terms = Terms::Allowance(Allowance {
        budget: left,
        ..allowance.clone()
    });
    let contract = Contract { terms, ..contract };
    if left.is_zero() {
        end(overlay, context.time, spend.allowance, contract, Ending::Spent);
    } else {
        overlay.put_contract(spend.allowance, contract);
    }
    Ok(())
}

pub(super) fn mandate(overlay: &mut Overlay<'_>, context: &Context<'_>, terms: &Mandate) -> Result<(), Rejection> {
    account(overlay, &terms.payer)?;
    account(overlay, &terms.payee)?.is_open()?;
    account(overlay, &terms.payer)?.pays()?;
    currency(overlay, terms.currency)?;
    if terms.max_payment.is_zero() || terms.max_per_period.is_zero() {
        return Err(Rejection::AmountZero);
    }
    if terms.payer == terms.payee {
        return Err(Rejection::SamePayerAndPayee);
    }
    check_expiry(context, terms.ends_at)?;
    let state = MandateState {
        mandate: terms.clone(),
        period: 0,
        collected: Amount::ZERO,
    };
    begin(overlay, context, Terms::Mandate(state));
    Ok(())
}

/// A payment of the payer's like any other, with all its caps, which the mandate's bounds come before.
pub(super) fn collect(overlay: &mut Overlay<'_>, context: &Context<'_>, collect: &Collect) -> Result<(), Rejection> {
    let contract = open_contract(overlay, context, &collect.mandate)?.clone();
    let Terms::Mandate(state) = &contract.terms else {
        return Err(Rejection::UnknownContract);
    };
    let mandate = &state.mandate;
    if collect.payee != mandate.payee {
        return Err(Rejection::NotPermitted);
    }
    let Some(period) = mandate.period_at(context.time.0 / 1000) else {
        return Err(Rejection::MandateNotStarted);
    };
    let before = if period == state.period {
        state.collected
    } else {
        Amount::ZERO
    };
    let collected = before.checked_add(collect.amount).ok_or(Rejection::OverMandate)?;
    if collect.amount > mandate.max_payment || collected > mandate.max_per_period {
        return Err(Rejection::OverMandate);
    }
    money::transfer(
        overlay,
        context,
        mandate.payer,
        mandate.payee,
        mandate.currency,
        collect.amount,
    )?;
    let terms = Terms::Mandate(MandateState {
        mandate: mandate.clone(),
        period,
        collected,
    });
    overlay.put_contract(collect.mandate, Contract { terms, ..contract });
    Ok(())
}

pub(super) fn request(overlay: &mut Overlay<'_>, context: &Context<'_>, terms: &Request) -> Result<(), Rejection> {
    account(overlay, &terms.payee)?;
    if let Some(payer) = &terms.payer {
        account(overlay, payer)?;
    }
    account(overlay, &terms.payee)?.is_open()?;
    currency(overlay, terms.currency)?;
    if terms.amount.is_zero() {
        return Err(Rejection::AmountZero);
    }
    if terms.payer == Some(terms.payee) {
        return Err(Rejection::SamePayerAndPayee);
    }
    check_expiry(context, terms.expires_at)?;
    begin(overlay, context, Terms::Request(terms.clone()));
    Ok(())
}

pub(super) fn pay_request(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    payment: &PayRequest,
) -> Result<(), Rejection> {
    let contract = open_contract(overlay, context, &payment.request)?.clone();
    let Terms::Request(request) = &contract.terms else {
        return Err(Rejection::UnknownContract);
    };
    if request.payer.is_some_and(|payer| payer != payment.from) {
        return Err(Rejection::NotPermitted);
    }
    if payment.amount != request.amount {
        return Err(Rejection::RequestMismatch);
    }
    money::transfer(
        overlay,
        context,
        payment.from,
        request.payee,
        request.currency,
        request.amount,
    )?;
    end(overlay, context.time, payment.request, contract, Ending::Paid);
    Ok(())
}

pub(super) fn revoke(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    id: ContractId,
    by: AccountId,
) -> Result<(), Rejection> {
    let contract = open_contract(overlay, context, &id)?.clone();
    account(overlay, &by)?.is_open()?;
    let may = match &contract.terms {
        Terms::Mandate(state) => [state.mandate.payer, state.mandate.payee].contains(&by),
        Terms::Request(request) => request.payee == by,
        Terms::Offer(state) => state.offer.maker == by,
        Terms::Allowance(allowance) => allowance.holder == by,
        _ => return Err(Rejection::NotRevocable),
    };
    if !may {
        return Err(Rejection::NotPermitted);
    }
    match &contract.terms {
        Terms::Offer(_) | Terms::Allowance(_) => {
            for leg in contract.terms.legs() {
                super::give_back(overlay, context.time, contract.opened, &leg, leg.amount);
            }
        }
        _ => {}
    }
    end(overlay, context.time, id, contract, Ending::Revoked);
    Ok(())
}

pub(super) fn split(overlay: &mut Overlay<'_>, context: &Context<'_>, split: &Split) -> Result<(), Rejection> {
    // A part of very little may come to nothing; that all of it is nothing is refused as any payment of nothing is.
    let may_be_nothing = matches!(split.shares, Shares::BasisPoints { amount, .. } if !amount.is_zero());
    for share in split
        .shares()
        .into_iter()
        .filter(|it| !may_be_nothing || !it.amount.is_zero())
    {
        money::transfer(overlay, context, split.from, share.to, split.currency, share.amount)?;
    }
    Ok(())
}

pub(super) fn set_category(
    overlay: &mut Overlay<'_>,
    operator: ParticipantId,
    id: AccountId,
    category: Option<MerchantCategory>,
) -> Result<(), Rejection> {
    let found = account(overlay, &id)?;
    found.is_open()?;
    if !serves(overlay, operator, found) {
        return Err(Rejection::NotPermitted);
    }
    overlay.put_category(id, category);
    Ok(())
}
