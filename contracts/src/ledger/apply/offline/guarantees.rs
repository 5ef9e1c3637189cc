//! Money that a fund sets aside for what purses owe, and the claims on it: the oldest is paid first.

use super::{Context, draws::pay_held, service};
use crate::{
    identity::{AccountId, AccountStatus},
    ledger::{apply::settlement::reserve, overlay::Overlay, rejection::Rejection},
    money::{Amount, Currency},
    offline::record::{Claim, OfflineKey, OfflineRow, PurseCurrency},
};

/// How many claims that wait are paid at once, at most.
pub const CLAIMS_PAID_MAX: usize = 64;

/// How many are paid with each new one: more than come, so that they end once there is money.
pub const CLAIMS_PAID_WITH_NEW: usize = 2;

/// Has a claim wait for money and pays those that wait, as far as there is any; one that is held back waits for the issuer.
pub(super) fn claim(overlay: &mut Overlay<'_>, code: Currency, claim: Claim, is_held_back: bool) {
    if claim.amount.is_zero() {
        return;
    }
    let mut record = overlay.purse_currency(code).expect("purses hold it").clone();
    let (index, number) = (record.index.0.to_be_bytes(), record.claims.to_be_bytes());
    record.claims += 1;
    if is_held_back {
        overlay.put_offline(OfflineKey::HeldBack(index, number), OfflineRow::HeldBack(claim));
    } else {
        overlay.put_offline(OfflineKey::Claim(index, number), OfflineRow::Claim(claim));
        record.waiting += u128::from(claim.amount.0);
    }
    put_currency(overlay, code, record);
    pay_waiting(overlay, code, CLAIMS_PAID_WITH_NEW);
}

fn put_currency(overlay: &mut Overlay<'_>, code: Currency, record: PurseCurrency) {
    overlay.put_offline(OfflineKey::Currency(code), OfflineRow::Currency(record));
}

/// Counts money that the fund holds for it since this draw.
pub(super) fn add(overlay: &mut Overlay<'_>, code: Currency, amount: Amount) {
    let mut record = overlay.purse_currency(code).expect("purses hold it").clone();
    let sum = record.guarantee.checked_add(amount);
    record.guarantee = sum.expect("one account holds all of it");
    put_currency(overlay, code, record);
}

/// Gives what is left of the claim.
fn pay_claim(overlay: &mut Overlay<'_>, code: Currency, record: &mut PurseCurrency, claim: &Claim) -> Amount {
    let paid = claim.amount.min(record.guarantee);
    pay_held(overlay, record.fund, claim.account, code, paid.0);
    record.guarantee.0 -= paid.0;
    record.waiting -= u128::from(paid.0);
    Amount(claim.amount.0 - paid.0)
}

/// Pays what waits, the oldest first. Whose account is closed has to turn to the issuer.
fn pay_waiting(overlay: &mut Overlay<'_>, code: Currency, most: usize) {
    let mut record = overlay.purse_currency(code).expect("purses hold it").clone();
    let index = record.index.0.to_be_bytes();
    for (number, claim) in overlay.claims(record.index, most) {
        if record.guarantee.is_zero() {
            break;
        }
        let key = OfflineKey::Claim(index, number);
        let found = overlay.account(&claim.account);
        if found.is_none_or(|found| found.status == AccountStatus::Closed) {
            overlay.remove_offline(key);
            overlay.put_offline(OfflineKey::HeldBack(index, number), OfflineRow::HeldBack(claim));
            record.waiting -= u128::from(claim.amount.0);
            continue;
        }
        let rest = pay_claim(overlay, code, &mut record, &claim);
        if rest.is_zero() {
            overlay.remove_offline(key);
        } else {
            overlay.put_offline(key, OfflineRow::Claim(Claim { amount: rest, ..claim }));
        }
    }
    put_currency(overlay, code, record);
}

/// Sets money aside to guarantee what purses owe, and pays with it what waits.
pub(super) fn fund(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    from: AccountId,
    code: Currency,
    amount: Amount,
) -> Result<(), Rejection> {
    let mut record = service::open(overlay, code)?.clone();
    if record.fund != from {
        return Err(Rejection::NotPermitted);
    }
    reserve(overlay, context, from, None, code, amount)?;
    record.guarantee = record.guarantee.checked_add(amount).ok_or(Rejection::Overflow)?;
    put_currency(overlay, code, record);
    pay_waiting(overlay, code, CLAIMS_PAID_MAX);
    Ok(())
}

/// Lets a claim that was held back be paid in its turn, now as far as there is money.
pub(super) fn release(overlay: &mut Overlay<'_>, code: Currency, number: u64) -> Result<(), Rejection> {
    let mut record = service::open(overlay, code)?.clone();
    let claim = *overlay.held_back(record.index, number).ok_or(Rejection::UnknownClaim)?;
    let (index, number) = (record.index.0.to_be_bytes(), number.to_be_bytes());
    overlay.remove_offline(OfflineKey::HeldBack(index, number));
    overlay.put_offline(OfflineKey::Claim(index, number), OfflineRow::Claim(claim));
    record.waiting += u128::from(claim.amount.0);
    put_currency(overlay, code, record);
    pay_waiting(overlay, code, CLAIMS_PAID_MAX);
    Ok(())
}

/// Gives back what claims that wait leave.
pub(super) fn withdraw(overlay: &mut Overlay<'_>, code: Currency, amount: Amount) -> Result<(), Rejection> {
    let mut record = service::open(overlay, code)?.clone();
    if amount.is_zero() {
        return Err(Rejection::AmountZero);
    }
    let left = record.guarantee.0.checked_sub(amount.0);
    let left = left.filter(|left| u128::from(*left) >= record.waiting);
    record.guarantee = left.map(Amount).ok_or(Rejection::InsufficientFunds)?;
    pay_held(overlay, record.fund, record.fund, code, amount.0);
    put_currency(overlay, code, record);
    Ok(())
}
