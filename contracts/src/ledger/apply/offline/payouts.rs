//! What purses redeem is paid: from the loads behind it, and where those do not suffice by who guarantees.
//!
//! A purse whose wrongdoing is proved is paid nothing until it is not proved any more. Whoever holds money from it is
//! paid all the same.

use super::{
    Context, account,
    draws::{self, Draw},
    facts, guarantees, hour,
    provenance::{Walk, lots_behind_max},
    standing,
};
use crate::{
    identity::{AccountId, AccountStatus},
    ledger::{overlay::Overlay, rejection::Rejection},
    money::{Amount, Currency},
    offline::{
        ids::{AccountHash, Epoch, Id16, LoadCounter, MessageId, PurseId},
        messages::Redeem,
        record::{Claim, Load, OfflineKey, OfflineRow, Origin, Spending, Spent},
        signed::Signed,
    },
    settlement::ContractId,
};

/// What expires can be redeemed for so many hours more: 30 days.
pub const GRACE_HOURS: u32 = 30 * 24;

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
    let is_new = overlay.spending(id).is_none();
    if is_new {
        // One that is paid needs no room: it has money of its own behind it.
        facts::admit(overlay, context, redeem, body.payer, true)?;
        facts::spend(overlay, hour(context), id, Spent::Redeem(redeem.clone()));
    }
    let spending = overlay.spending(id).expect("it was recorded").clone();
    if spending.is_settled {
        return Ok(());
    }
    check_behind(overlay, body)?;
    if overlay.is_convicted(body.payer) {
        let room = facts::room_for_one(overlay, body.payer, !is_new)?;
        facts::put_room(overlay, body.payer, room);
        return Ok(());
    }
    let code = check_claim(overlay, body, hour(context))?;
    let spending = Spending {
        is_settled: true,
        ..spending
    };
    overlay.put_offline(OfflineKey::Spending(id), OfflineRow::Spending(spending));
    let lots: Vec<_> = body.spend.lots.iter().map(|part| (part.lot, part.amount.0)).collect();
    pay(overlay, (to, code), body.payer, &lots, id);
    Ok(())
}

/// Whether all behind what a purse redeems is known and fits together. Of one that is convicted too: else what it redeems,
/// which takes nobody's money, would confirm whatever it names.
fn check_behind(overlay: &Overlay<'_>, redeem: &Redeem) -> Result<(), Rejection> {
    let purse = overlay.purse(redeem.payer).ok_or(Rejection::UnknownPurse)?;
    let spend = &redeem.spend;
    if purse.certificate.body.currency != spend.currency {
        return Err(Rejection::LotUnknown);
    }
    Walk::new(overlay, spend.currency, lots_behind_max(spend)).check(spend, redeem.payer)
}

/// Whether the purse can have what it redeems: it is not too late, and not nothing to its owner.
fn check_claim(overlay: &Overlay<'_>, redeem: &Redeem, now: Epoch) -> Result<Currency, Rejection> {
    let purse = overlay.purse(redeem.payer).ok_or(Rejection::UnknownPurse)?;
    let spend = &redeem.spend;
    let end = Epoch(spend.expiry.0.saturating_add(GRACE_HOURS));
    if now.has_reached(end) {
        return Err(Rejection::LotExpired);
    }
    if spend
        .lots
        .iter()
        .any(|part| is_nothing(overlay, part.lot, redeem.payer))
    {
        return Err(Rejection::LotUnknown);
    }
    Ok(purse.currency)
}

/// Whether its owner himself has nothing by this lot, though others may by what he paid of it: his payer has it back, or
/// nothing was set aside for it, or that is his own again.
fn is_nothing(overlay: &Overlay<'_>, lot: Id16, owner: PurseId) -> bool {
    match overlay.lot(lot, owner) {
        Some(Origin::Transfer(id)) => standing::is_void(overlay, *id),
        Some(Origin::Load(counter)) => overlay.load(owner, *counter).is_none_or(|load| load.is_ended),
        Some(Origin::Unbacked) | None => true,
    }
}

/// Pays so much of each lot; what loads do not have is a claim on the guarantee.
fn pay(
    overlay: &mut Overlay<'_>,
    (to, code): (AccountId, Currency),
    owner: PurseId,
    lots: &[(Id16, u64)],
    redemption: MessageId,
) {
    let mut draw = Draw::new(overlay, to);
    let drawn: u64 = lots.iter().map(|(lot, amount)| draw.draw(*lot, owner, *amount)).sum();
    let is_held_back = draw.finish();
    let amount = lots.iter().map(|(_, amount)| amount).sum::<u64>() - drawn;
    let claim = Claim {
        account: to,
        amount: Amount(amount),
        redemption,
    };
    guarantees::claim(overlay, code, claim, is_held_back);
}

/// Has so much of a lot, which may not be paid now, wait for the issuer. What loads have of it goes to the guarantee, so that
/// it is nobody else's.
fn hold_back(overlay: &mut Overlay<'_>, code: Currency, owner: PurseId, lot: Id16, claim: Claim) {
    let fund = overlay.purse_currency(code).expect("purses hold it").fund;
    let mut draw = Draw::to_guarantee(overlay, fund);
    let drawn = draw.draw(lot, owner, claim.amount.0);
    guarantees::add(overlay, code, Amount(drawn));
    guarantees::claim(overlay, code, claim, true);
}

/// Pays the owner of the purse that received this transfer what nobody redeemed of it: it is too late for that now. If he has
/// closed his account, or his purse is convicted, it waits for the issuer. Gives under what that has a receipt, if there
/// was anything.
pub(in crate::ledger) fn end_transfer(overlay: &mut Overlay<'_>, id: MessageId) -> Option<ContractId> {
    let spending = overlay.spending(id).expect("it was received");
    let Spent::Transfer(signed) = &spending.spent else {
        unreachable!("a redemption is received by nobody");
    };
    let (payee, spend) = (signed.body.payee, &signed.body.spend);
    let (lot, currency) = (id.short(), spend.currency);
    let behind = 1 + lots_behind_max(spend);
    let asked = u64::try_from(spending.asked).unwrap_or(u64::MAX);
    let rest = spend.amount.0.saturating_sub(asked);
    let purse = overlay
        .purse(payee)
        .filter(|purse| purse.certificate.body.currency == currency)?;
    let (to, code) = (purse.owner, purse.currency);
    let is_closed = overlay
        .account(&to)
        .is_none_or(|found| found.status == AccountStatus::Closed);
    let is_due = rest > 0 && !standing::is_void(overlay, id);
    if !is_due || Walk::new(overlay, currency, behind).lot(lot, payee).is_err() {
        return None;
    }
    if is_closed || overlay.is_convicted(payee) {
        let claim = Claim {
            account: to,
            amount: Amount(rest),
            redemption: id,
        };
        hold_back(overlay, code, payee, lot, claim);
    } else {
        pay(overlay, (to, code), payee, &[(lot, rest)], id);
    }
    let (contract, _) = id.0.split_first_chunk().expect("20 of 32 bytes");
    Some(ContractId(*contract))
}

/// Ends a load of which nobody can claim any more: its owner has back what is left. Where a void came after what it voids
/// was redeemed, less is left than nobody asks for any more, and the guarantee owes the difference.
pub(in crate::ledger) fn end_load(overlay: &mut Overlay<'_>, purse: PurseId, counter: LoadCounter) -> ContractId {
    let load = overlay.load(purse, counter).expect("it is due").clone();
    let (account, code, contract) = (load.account, load.currency, load.contract);
    draws::pay_held(overlay, account, account, code, load.left.0);
    let lacking = Amount(load.unasked() - load.left.0);
    let grant = load.grant.as_ref().map(Signed::id);
    let load = Load {
        left: Amount::ZERO,
        is_ended: true,
        ..load
    };
    draws::put_load(overlay, purse, counter, load);
    if !lacking.is_zero() {
        let claim = Claim {
            account,
            amount: lacking,
            redemption: grant.expect("it was asked"),
        };
        // Whoever is convicted is paid nothing that was not set aside for him, unless the issuer says so.
        let is_held_back = overlay.is_convicted(purse) || draws::owes_too_much(overlay, purse);
        guarantees::claim(overlay, code, claim, is_held_back);
    }
    contract
}
