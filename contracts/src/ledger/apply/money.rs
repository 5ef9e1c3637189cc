//! Transfer, issue, redeem.

use super::{Context, account, currency, moves};
use crate::{
    identity::AccountId,
    ledger::{
        limits::{self, Payment},
        overlay::Overlay,
        posting::{BalanceId, Outgoing, Places, Posting, post, post_at},
        rejection::Rejection,
        state::Day,
    },
    money::{Amount, Currency},
};

/// Moves money that is there. An issuer pays out of its account in this way only what has come back
/// to it beyond what it issued; new money comes from [`issue`] alone.
pub(super) fn transfer(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    from: AccountId,
    to: AccountId,
    code: Currency,
    amount: Amount,
) -> Result<(), Rejection> {
    let places = Places {
        debit: overlay.balance_place(from, code),
        credit: overlay.balance_place(to, code),
    };
    let parameters = &overlay.base().parameters;
    let payer = account(overlay, &from)?;
    let payee = account(overlay, &to)?;
    payer.pays()?;
    payee.is_open()?;
    let payer_caps = limits::caps(parameters, payer.tier, code);
    let payee_caps = limits::caps(parameters, payee.tier, code);
    let currency = currency(overlay, code)?;
    let has = overlay.balance_at(places.debit);
    moves(currency, &has)?;
    if amount.is_zero() {
        return Err(Rejection::AmountZero);
    }
    let payment = Payment {
        from,
        to,
        currency: code,
    };
    limits::check_payment(payer_caps, &payment, amount, context.actions)?;
    let day = Day::of(context.time);
    let total = limits::check_day(payer_caps, &has, day, amount)?;
    if payee_caps.is_some() {
        limits::check_payee(payee_caps, &overlay.balance_at(places.credit), amount)?;
    }
    if has.available.0 < i128::from(amount.0) {
        return Err(Rejection::InsufficientFunds);
    }
    if from == to {
        return Err(Rejection::SamePayerAndPayee);
    }
    let total = total.ok_or(Rejection::Overflow)?;
    let posting = Posting {
        debit: BalanceId::available(from, code),
        credit: BalanceId::available(to, code),
        amount,
    };
    post_at(overlay, &posting, places, Some(Outgoing { day, total }));
    Ok(())
}

/// Creates money: the issuer's account goes below zero, by at most the cap. Does not count as the
/// issuer's outgoing.
pub(super) fn issue(overlay: &mut Overlay<'_>, code: Currency, to: AccountId, amount: Amount) -> Result<(), Rejection> {
    let base = overlay.base();
    let payee = account(overlay, &to)?;
    payee.is_open()?;
    let payee_caps = limits::caps(&base.parameters, payee.tier, code);
    let currency = currency(overlay, code)?;
    let from = AccountId::of_participant(&base.origin, currency.issuer);
    // After the currency, although accounts come first in the order: without it, whose account?
    account(overlay, &from)?.pays()?;
    let has = overlay.balance(from, code);
    moves(currency, &has)?;
    if amount.is_zero() {
        return Err(Rejection::AmountZero);
    }
    limits::check_payee(payee_caps, &overlay.balance(to, code), amount)?;
    if from == to {
        return Err(Rejection::SamePayerAndPayee);
    }
    if has.available.0 - i128::from(amount.0) < -i128::from(currency.issuance_cap.0) {
        return Err(Rejection::OverIssuanceCap);
    }
    let posting = Posting {
        debit: BalanceId::available(from, code),
        credit: BalanceId::available(to, code),
        amount,
    };
    post(overlay, &posting, None);
    Ok(())
}

/// Destroys money: moves it back to the issuer's account, which takes it even when frozen.
///
/// For the account that gives it up it is a payment like another: a frozen one refuses it, and it
/// counts towards the day's outgoing total. It is no payment to a payee, so that cap does not apply.
pub(super) fn redeem(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    code: Currency,
    from: AccountId,
    amount: Amount,
) -> Result<(), Rejection> {
    let base = overlay.base();
    let owner = account(overlay, &from)?;
    owner.pays()?;
    let caps = limits::caps(&base.parameters, owner.tier, code);
    let currency = currency(overlay, code)?;
    let has = overlay.balance(from, code);
    moves(currency, &has)?;
    if amount.is_zero() {
        return Err(Rejection::AmountZero);
    }
    let day = Day::of(context.time);
    let total = limits::check_day(caps, &has, day, amount)?;
    if has.available.0 < i128::from(amount.0) {
        return Err(Rejection::InsufficientFunds);
    }
    let to = AccountId::of_participant(&base.origin, currency.issuer);
    if from == to {
        return Err(Rejection::SamePayerAndPayee);
    }
    let total = total.ok_or(Rejection::Overflow)?;
    let posting = Posting {
        debit: BalanceId::available(from, code),
        credit: BalanceId::available(to, code),
        amount,
    };
    post(overlay, &posting, Some(Outgoing { day, total }));
    Ok(())
}
