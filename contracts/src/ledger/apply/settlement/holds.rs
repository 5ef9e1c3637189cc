//! Holds: set aside, post, void.

use super::{
    AccountId, Amount, Context, Contract, ContractId, Ending, Overlay, Rejection, Terms, account, begin, check_expiry,
    check_payee, end, give_back, may_pay, open_contract, pay, set_aside,
};
use crate::{
    codec::Bounded,
    settlement::{Hold, Leg},
};

/// How many legs an action may deal with: those with many cost more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Legs {
    One,
    Any,
}

/// All legs or none; the first that cannot be set aside says why.
pub(super) fn open(overlay: &mut Overlay<'_>, context: &Context<'_>, hold: &Hold) -> Result<(), Rejection> {
    for party in hold.post_by.iter().chain(&hold.void_by) {
        account(overlay, party)?.is_open()?;
    }
    for leg in &hold.legs {
        set_aside(overlay, context, leg)?;
    }
    check_expiry(context, hold.expires_at)?;
    begin(overlay, context, Terms::Hold(hold.clone()));
    Ok(())
}

fn open_hold(
    overlay: &Overlay<'_>,
    context: &Context<'_>,
    id: &ContractId,
    legs: Legs,
) -> Result<(Contract, Hold), Rejection> {
    let contract = open_contract(overlay, context, id)?;
    let Terms::Hold(hold) = &contract.terms else {
        return Err(Rejection::UnknownContract);
    };
    if legs == Legs::One && hold.legs.len() > 1 {
        return Err(Rejection::HoldGrouped);
    }
    Ok((contract.clone(), hold.clone()))
}

/// The one who posts must be able to act: a frozen account does not.
fn check_poster(overlay: &Overlay<'_>, hold: &Hold, by: AccountId) -> Result<(), Rejection> {
    account(overlay, &by)?.pays()?;
    if hold.post_by.contains(&by) {
        Ok(())
    } else {
        Err(Rejection::NotPermitted)
    }
}

pub(super) fn post_part(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    id: ContractId,
    by: AccountId,
    amount: Option<Amount>,
    keep_rest: bool,
) -> Result<(), Rejection> {
    let (contract, hold) = open_hold(overlay, context, &id, Legs::One)?;
    check_poster(overlay, &hold, by)?;
    let leg = hold.legs[0];
    may_pay(overlay, &leg)?;
    let amount = amount.unwrap_or(leg.amount);
    if amount.is_zero() {
        return Err(Rejection::AmountZero);
    }
    check_payee(overlay, &leg, amount)?;
    let rest = leg
        .amount
        .0
        .checked_sub(amount.0)
        .map(Amount)
        .ok_or(Rejection::OverHold)?;
    pay(overlay, &leg, amount);
    if rest.is_zero() {
        end(overlay, context.time, id, contract, Ending::Posted);
    } else if keep_rest {
        let legs = Bounded::new(vec![Leg { amount: rest, ..leg }]).expect("one");
        let terms = Terms::Hold(Hold { legs, ..hold });
        overlay.put_contract(id, Contract { terms, ..contract });
    } else {
        give_back(overlay, context.time, contract.opened, &leg, rest);
        end(overlay, context.time, id, contract, Ending::Posted);
    }
    Ok(())
}

pub(super) fn post_group(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    id: ContractId,
    by: AccountId,
) -> Result<(), Rejection> {
    let (contract, hold) = open_hold(overlay, context, &id, Legs::Any)?;
    check_poster(overlay, &hold, by)?;
    for leg in &hold.legs {
        may_pay(overlay, leg)?;
        check_payee(overlay, leg, leg.amount)?;
        pay(overlay, leg, leg.amount);
    }
    end(overlay, context.time, id, contract, Ending::Posted);
    Ok(())
}

/// Returning money to its owner cannot fail, and a frozen account may ask for it too.
pub(super) fn void(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    id: ContractId,
    by: AccountId,
    legs: Legs,
) -> Result<(), Rejection> {
    let (contract, hold) = open_hold(overlay, context, &id, legs)?;
    account(overlay, &by)?.is_open()?;
    if !hold.void_by.contains(&by) {
        return Err(Rejection::NotPermitted);
    }
    for leg in &hold.legs {
        give_back(overlay, context.time, contract.opened, leg, leg.amount);
    }
    end(overlay, context.time, id, contract, Ending::Voided);
    Ok(())
}
