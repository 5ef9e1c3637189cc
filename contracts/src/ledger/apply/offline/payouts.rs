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
        ids::{AccountHash, CurrencyIndex, Epoch, Id16, LoadCounter, MessageId, PurseId},
        messages::{Redeem, Spend},
        record::{Claim, Load, OfflineKey, OfflineRow, Origin, Purse, PurseCurrency, Spending, Spent},
        signed::Signed,
    },
};

/// What expires can be redeemed for so many hours more: 30 days.
pub const GRACE_HOURS: u32 = 30 * 24;

/// How many lots are looked at, at most, behind one redemption.
pub const LOTS_BEHIND_MAX: usize = 128;

/// A purse may owe others so many times what it may hold; what goes beyond waits for the issuer.
pub const OWED_BALANCES_MAX: u128 = 10;

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
    let mut payout = Payout {
        overlay,
        to,
        lacking: Vec::new(),
    };
    let lots = body.spend.lots.iter();
    let drawn: u64 = lots.map(|part| payout.draw(part.lot, part.amount.0)).sum();
    let lacking = payout.lacking;
    let claim = Claim {
        account: to,
        amount: Amount(body.spend.amount.0 - drawn),
        redemption: id,
    };
    let is_too_much = owe(overlay, &lacking);
    guarantee(overlay, code, claim, is_too_much);
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
                grant
                    .filter(|grant| grant.body.currency == self.currency)
                    .map(|grant| (0, grant.body.expiry))
                    .ok_or(Rejection::LotUnknown)
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

/// Pays from loads what was redeemed.
struct Payout<'o, 'a> {
    overlay: &'o mut Overlay<'a>,
    to: AccountId,
    /// What was not there, and whose doing that is.
    lacking: Vec<(PurseId, u64)>,
}

impl Payout<'_, '_> {
    /// Pays so much of a lot from the loads behind it, each part of a transfer at most once. Gives what they still
    /// had.
    fn draw(&mut self, lot: Id16, amount: u64) -> u64 {
        match *self.overlay.lot(lot).expect("its provenance was checked") {
            Origin::Load(purse, counter) => self.draw_load(purse, counter, amount),
            Origin::Transfer(id) => {
                let shares = self.share_out(id, amount);
                shares.into_iter().map(|(lot, share)| self.draw(lot, share)).sum()
            }
        }
    }

    /// Of each lot that a transfer consumed, what of it has not been paid yet, as far as it is needed.
    fn share_out(&mut self, id: MessageId, amount: u64) -> Vec<(Id16, u64)> {
        let known = self.overlay.spending(id).expect("its provenance was checked");
        let mut spending = known.clone();
        let mut left = amount;
        let mut shares = Vec::new();
        for (part, drawn) in known.spent.spend().lots.iter().zip(&mut spending.drawn) {
            let share = left.min(part.amount.0 - drawn.0);
            drawn.0 += share;
            left -= share;
            if share > 0 {
                shares.push((part.lot, share));
            }
        }
        if let Spent::Transfer(signed) = &spending.spent {
            self.lack(signed.body.payee, left);
        }
        let row = OfflineRow::Spending(spending);
        self.overlay.put_offline(OfflineKey::Spending(id), row);
        shares
    }

    fn draw_load(&mut self, purse: PurseId, counter: LoadCounter, amount: u64) -> u64 {
        let load = self.overlay.load(purse, counter).expect("its lot names it").clone();
        let paid = amount.min(load.left.0);
        self.lack(purse, amount - paid);
        pay_held(self.overlay, load.account, self.to, load.currency, paid);
        let load = Load {
            left: Amount(load.left.0 - paid),
            ..load
        };
        let key = OfflineKey::Load(purse, counter.0.to_be_bytes());
        self.overlay.put_offline(key, OfflineRow::Load(load));
        paid
    }

    fn lack(&mut self, purse: PurseId, amount: u64) {
        if amount > 0 {
            self.lacking.push((purse, amount));
        }
    }
}

/// Adds to what purses owe. Whether one of them now owes so much that the issuer has to look at it.
fn owe(overlay: &mut Overlay<'_>, lacking: &[(PurseId, u64)]) -> bool {
    let mut is_too_much = false;
    for (id, amount) in lacking {
        let purse = overlay.purse(*id).expect("it signed what is behind a lot").clone();
        let owed = purse.owed + u128::from(*amount);
        let most = OWED_BALANCES_MAX * u128::from(purse.certificate.body.balance_max.0);
        is_too_much |= owed > most;
        let row = OfflineRow::Purse(Purse { owed, ..purse });
        overlay.put_offline(OfflineKey::Purse(*id), row);
    }
    is_too_much
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

/// Pays a claim from what is guaranteed, as far as there is any; the rest waits. All of one that is held back waits for
/// the issuer.
fn guarantee(overlay: &mut Overlay<'_>, code: Currency, claim: Claim, is_held_back: bool) {
    if claim.amount.is_zero() {
        return;
    }
    let mut record = overlay.purse_currency(code).expect("purses hold it").clone();
    let (index, number) = (record.index.0.to_be_bytes(), record.claims.to_be_bytes());
    if is_held_back {
        overlay.put_offline(OfflineKey::HeldBack(index, number), OfflineRow::HeldBack(claim));
        record.claims += 1;
    } else {
        let rest = pay_claim(overlay, code, &mut record, &claim);
        if !rest.is_zero() {
            let row = OfflineRow::Claim(Claim { amount: rest, ..claim });
            overlay.put_offline(OfflineKey::Claim(index, number), row);
            record.claims += 1;
        }
    }
    overlay.put_offline(OfflineKey::Currency(code), OfflineRow::Currency(record));
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
    overlay.put_offline(OfflineKey::Currency(code), OfflineRow::Currency(record));
    pay_waiting(overlay, code);
    Ok(())
}

/// Pays what waits, the oldest first. Whose account is closed has to turn to the issuer.
fn pay_waiting(overlay: &mut Overlay<'_>, code: Currency) {
    let mut record = overlay.purse_currency(code).expect("purses hold it").clone();
    let index = record.index.0.to_be_bytes();
    for (number, claim) in overlay.claims(record.index, CLAIMS_PAID_MAX) {
        let key = OfflineKey::Claim(index, number);
        let found = overlay.account(&claim.account);
        if found.is_none_or(|found| found.status == AccountStatus::Closed) {
            overlay.remove_offline(key);
            overlay.put_offline(OfflineKey::HeldBack(index, number), OfflineRow::HeldBack(claim));
            continue;
        }
        let rest = pay_claim(overlay, code, &mut record, &claim);
        if rest.is_zero() {
            overlay.remove_offline(key);
        } else {
            overlay.put_offline(key, OfflineRow::Claim(Claim { amount: rest, ..claim }));
        }
    }
    overlay.put_offline(OfflineKey::Currency(code), OfflineRow::Currency(record));
}

/// Lets a claim that was held back be paid in its turn, now as far as there is money.
pub(super) fn release(overlay: &mut Overlay<'_>, code: Currency, number: u64) -> Result<(), Rejection> {
    let index = service::open(overlay, code)?.index;
    let claim = *overlay.held_back(index, number).ok_or(Rejection::UnknownClaim)?;
    let (index, number) = (index.0.to_be_bytes(), number.to_be_bytes());
    overlay.remove_offline(OfflineKey::HeldBack(index, number));
    overlay.put_offline(OfflineKey::Claim(index, number), OfflineRow::Claim(claim));
    pay_waiting(overlay, code);
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
