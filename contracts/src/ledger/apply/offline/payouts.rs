//! What purses redeem is paid: from the loads behind it, and where those do not suffice by who guarantees.
//!
//! A purse whose wrongdoing is proved is paid nothing until it is not proved any more. Whoever holds money from it is
//! paid all the same.

use super::{Context, account, facts, hour, service};
use crate::{
    identity::{AccountId, AccountStatus},
    ledger::{
        apply::settlement::reserve,
        overlay::Overlay,
        posting::{BalanceId, Part, Posting, post},
        rejection::Rejection,
    },
    money::{Amount, Currency},
    offline::{
        HOPS_MAX,
        ids::{AccountHash, CurrencyIndex, Epoch, Id16, LoadCounter, PurseId},
        messages::{Redeem, Spend},
        record::{Claim, Load, OfflineKey, OfflineRow, Origin, PurseCurrency, Spending, Spent},
        signed::Signed,
    },
};

/// What expires can be redeemed for so many hours more: 30 days.
pub const GRACE_HOURS: u32 = 30 * 24;

/// How many lots are looked at, at most, behind one redemption.
pub const LOTS_BEHIND_MAX: usize = 128;

/// How many claims that wait are paid at once, at most.
pub const CLAIMS_PAID_MAX: usize = 64;

pub(super) fn redeem(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    to: AccountId,
    redeem: &Signed<Redeem>,
) -> Result<(), Rejection> {
    account(overlay, &to)?.is_open()?;
    let body = &redeem.body;
    if AccountHash::of(&to) != body.account {
        return Err(Rejection::NotPermitted);
    }
    let id = redeem.id();
    if overlay.spending(id).is_none() {
        facts::check(overlay, context, redeem, body.payer)?;
        facts::spend(overlay, Spent::Redeem(redeem.clone()))?;
    }
    let spending = overlay.spending(id).expect("it was recorded").clone();
    if spending.is_settled || overlay.is_convicted(body.payer) {
        return Ok(());
    }
    let code = check_provenance(overlay, body, hour(context))?;
    let spending = Spending {
        is_settled: true,
        ..spending
    };
    overlay.put_offline(OfflineKey::Spending(id), OfflineRow::Spending(spending));
    let drawn: u64 = body
        .spend
        .lots
        .iter()
        .map(|part| draw(overlay, to, part.lot, part.amount.0))
        .sum();
    let claim = Claim {
        account: to,
        amount: Amount(body.spend.amount.0 - drawn),
        redemption: id,
    };
    guarantee(overlay, code, claim);
    Ok(())
}

/// Whether the purse can have what it redeems: all behind it is known and fits together, and it is not too late.
fn check_provenance(overlay: &Overlay<'_>, redeem: &Redeem, now: Epoch) -> Result<Currency, Rejection> {
    let purse = overlay.purse(redeem.payer).ok_or(Rejection::UnknownPurse)?;
    let spend = &redeem.spend;
    if purse.certificate.body.currency != spend.currency {
        return Err(Rejection::LotUnknown);
    }
    for part in &spend.lots {
        if let Some(Origin::Transfer(id)) = overlay.lot(part.lot)
            && overlay.spending(*id).is_some_and(|spending| spending.is_void)
        {
            return Err(Rejection::LotUnknown);
        }
    }
    let mut walk = Walk {
        overlay,
        currency: spend.currency,
        looked_at: 0,
    };
    walk.check(spend, redeem.payer)?;
    let end = Epoch(spend.expiry.0.saturating_add(GRACE_HOURS));
    if now.has_reached(end) {
        return Err(Rejection::LotExpired);
    }
    Ok(purse.currency)
}

struct Walk<'a> {
    overlay: &'a Overlay<'a>,
    currency: CurrencyIndex,
    looked_at: usize,
}

impl Walk<'_> {
    /// Whether the lots are the payer's, and hop and expiry follow from theirs.
    fn check(&mut self, spend: &Spend, payer: PurseId) -> Result<(), Rejection> {
        let (mut hop, mut expiry) = (0, Epoch(u32::MAX));
        for part in &spend.lots {
            let (of_lot, end) = self.lot(part.lot, payer)?;
            hop = hop.max(of_lot);
            expiry = expiry.min(end);
        }
        let is_next = spend.hop.checked_sub(1) == Some(hop);
        if !is_next || spend.expiry != expiry || spend.currency != self.currency {
            return Err(Rejection::LotUnknown);
        }
        Ok(())
    }

    fn lot(&mut self, lot: Id16, owner: PurseId) -> Result<(u8, Epoch), Rejection> {
        self.looked_at += 1;
        if self.looked_at > LOTS_BEHIND_MAX {
            return Err(Rejection::LotUnknown);
        }
        match *self.overlay.lot(lot).ok_or(Rejection::LotUnknown)? {
            Origin::Load(purse, counter) => {
                let load = self.overlay.load(purse, counter).filter(|_| purse == owner);
                let grant = load.and_then(|load| load.grant.as_ref());
                grant.map(|grant| (0, grant.body.expiry)).ok_or(Rejection::LotUnknown)
            }
            Origin::Transfer(id) => {
                let spending = self.overlay.spending(id).ok_or(Rejection::LotUnknown)?;
                let Spent::Transfer(signed) = &spending.spent else {
                    return Err(Rejection::LotUnknown);
                };
                let (body, spend) = (&signed.body, &signed.body.spend);
                if body.payee != owner || spend.hop > HOPS_MAX {
                    return Err(Rejection::LotUnknown);
                }
                self.check(spend, body.payer)?;
                Ok((spend.hop, spend.expiry))
            }
        }
    }
}

/// Pays so much of a lot from the loads behind it, each part of a transfer at most once. Gives what they still had.
fn draw(overlay: &mut Overlay<'_>, to: AccountId, lot: Id16, amount: u64) -> u64 {
    match *overlay.lot(lot).expect("its provenance was checked") {
        Origin::Load(purse, counter) => draw_load(overlay, to, (purse, counter), amount),
        Origin::Transfer(id) => {
            let mut spending = overlay.spending(id).expect("its provenance was checked").clone();
            let mut left = amount;
            let mut shares = Vec::new();
            let parts = spending.spent.spend().lots.clone();
            for (part, drawn) in parts.iter().zip(&mut spending.drawn) {
                let share = left.min(part.amount.0 - drawn.0);
                drawn.0 += share;
                left -= share;
                shares.push((part.lot, share));
            }
            overlay.put_offline(OfflineKey::Spending(id), OfflineRow::Spending(spending));
            let shares = shares.into_iter().filter(|(_, share)| *share > 0);
            shares.map(|(lot, share)| draw(overlay, to, lot, share)).sum()
        }
    }
}

fn draw_load(overlay: &mut Overlay<'_>, to: AccountId, (purse, counter): (PurseId, LoadCounter), amount: u64) -> u64 {
    let load = overlay.load(purse, counter).expect("its lot names it").clone();
    let paid = amount.min(load.left.0);
    pay_held(overlay, load.account, to, load.currency, paid);
    let load = Load {
        left: Amount(load.left.0 - paid),
        ..load
    };
    let key = OfflineKey::Load(purse, counter.0.to_be_bytes());
    overlay.put_offline(key, OfflineRow::Load(load));
    paid
}

fn pay_held(overlay: &mut Overlay<'_>, from: AccountId, to: AccountId, currency: Currency, amount: u64) {
    let debit = BalanceId {
        account: from,
        currency,
        part: Part::Held,
    };
    let posting = Posting {
        debit,
        credit: BalanceId::available(to, currency),
        amount: Amount(amount),
    };
    if amount > 0 {
        post(overlay, &posting, None);
    }
}

/// Pays a claim from what is guaranteed, as far as there is any; the rest waits.
fn guarantee(overlay: &mut Overlay<'_>, code: Currency, claim: Claim) {
    if claim.amount.is_zero() {
        return;
    }
    let mut record = overlay.purse_currency(code).expect("purses hold it").clone();
    let rest = pay_claim(overlay, code, &mut record, &claim);
    if !rest.is_zero() {
        let key = claim_key(record.index, record.claims);
        record.claims += 1;
        overlay.put_offline(key, OfflineRow::Claim(Claim { amount: rest, ..claim }));
    }
    overlay.put_offline(OfflineKey::Currency(code), OfflineRow::Currency(record));
}

fn claim_key(index: CurrencyIndex, number: u64) -> OfflineKey {
    OfflineKey::Claim(index.0.to_be_bytes(), number.to_be_bytes())
}

/// Gives what is left of the claim.
fn pay_claim(overlay: &mut Overlay<'_>, code: Currency, record: &mut PurseCurrency, claim: &Claim) -> Amount {
    let paid = claim.amount.min(record.guarantee);
    pay_held(overlay, record.fund, claim.account, code, paid.0);
    record.guarantee.0 -= paid.0;
    Amount(claim.amount.0 - paid.0)
}

/// Sets money aside to guarantee what purses owe, and pays with it what waits, the oldest first.
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
    for (key, claim) in overlay.claims(record.index, CLAIMS_PAID_MAX) {
        let is_closed = |account: &AccountId| {
            let found = overlay.account(account);
            found.is_none_or(|found| found.status == AccountStatus::Closed)
        };
        if record.guarantee.is_zero() {
            break;
        }
        if is_closed(&claim.account) {
            continue;
        }
        let rest = pay_claim(overlay, code, &mut record, &claim);
        let row = (!rest.is_zero()).then_some(Claim { amount: rest, ..claim });
        overlay.set_claim(key, row);
    }
    overlay.put_offline(OfflineKey::Currency(code), OfflineRow::Currency(record));
    Ok(())
}

/// Gives back what nobody had a claim on.
pub(super) fn withdraw(overlay: &mut Overlay<'_>, code: Currency, amount: Amount) -> Result<(), Rejection> {
    let mut record = service::open(overlay, code)?.clone();
    if amount.is_zero() {
        return Err(Rejection::AmountZero);
    }
    let left = record.guarantee.0.checked_sub(amount.0);
    record.guarantee = left.map(Amount).ok_or(Rejection::InsufficientFunds)?;
    pay_held(overlay, record.fund, record.fund, code, amount.0);
    overlay.put_offline(OfflineKey::Currency(code), OfflineRow::Currency(record));
    Ok(())
}

/// Ends a load of which nobody can claim any more: what is left goes back to its owner.
pub(in crate::ledger) fn end_load(overlay: &mut Overlay<'_>, purse: PurseId, counter: LoadCounter, load: &Load) {
    pay_held(overlay, load.account, load.account, load.currency, load.left.0);
    let load = Load {
        left: Amount::ZERO,
        is_ended: true,
        ..load.clone()
    };
    let key = OfflineKey::Load(purse, counter.0.to_be_bytes());
    overlay.put_offline(key, OfflineRow::Load(load));
}
