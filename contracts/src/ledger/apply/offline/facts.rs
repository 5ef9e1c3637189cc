//! What signed messages say that purses did.
//!
//! All that is kept follows from the set of messages alone, but for what a purse has room for: whatever their order,
//! and however they are divided into transactions, the rows are the same. What is convicted of what is as
//! [`crate::offline::evidence`] says.

use super::{
    Context, check_signature, hour, loads,
    standing::{Standing, judge_lot, judge_place, judge_word},
};
use crate::{
    codec::Bounded,
    ledger::{overlay::Overlay, rejection::Rejection},
    offline::{
        HOPS_MAX,
        action::Testimony,
        ids::{Epoch, Id16, MessageId, PurseId, RequestSeq},
        messages::{Receipt, Request, Spend, Transfer, Void},
        record::{Asked, Consumed, OfflineKey, OfflineRow, Origin, Spending, Spent, Word},
        signed::{Body, Signed},
    },
};

/// How many messages of a purse are taken for each of its certificates that nobody else's confirm.
pub(in crate::ledger) const ROOM_PER_CERTIFICATE: u32 = 1_024;

/// How often messages that there is no room for are looked at again, since others of the transaction may confirm them: a
/// word, the four hops behind it and what they spend.
const PASSES_MAX: usize = 8;

/// Records what is not known yet. The order of the messages says nothing.
pub(super) fn testify(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    messages: &[Testimony],
) -> Result<(), Rejection> {
    let mut waiting: Vec<&Testimony> = messages.iter().collect();
    for _ in 0..PASSES_MAX {
        let mut crowded = Vec::new();
        for message in waiting {
            match record(overlay, context, message) {
                Err(Rejection::PurseCrowded) => crowded.push(message),
                other => other?,
            }
        }
        if crowded.is_empty() {
            return Ok(());
        }
        waiting = crowded;
    }
    Err(Rejection::PurseCrowded)
}

fn record(overlay: &mut Overlay<'_>, context: &Context<'_>, message: &Testimony) -> Result<(), Rejection> {
    match message {
        Testimony::Transfer(signed) => transfer(overlay, context, signed),
        Testimony::Request(signed) => ask(overlay, context, signed),
        Testimony::Receipt(signed) => receive(overlay, context, signed),
        Testimony::Void(signed) => void(overlay, context, signed),
        Testimony::Grant(signed) => loads::testified(overlay, context, signed),
    }
}

/// Whether that purse signed it, and there is room for it unless another purse's message confirms it.
pub(super) fn admit<M: Body>(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    signed: &Signed<M>,
    purse: PurseId,
    is_confirmed: bool,
) -> Result<(), Rejection> {
    let key = overlay
        .purse(purse)
        .ok_or(Rejection::UnknownPurse)?
        .certificate
        .body
        .key;
    let room = room_for_one(overlay, purse, is_confirmed)?;
    check_signature(context, signed, key)?;
    if !is_confirmed {
        put_room(overlay, purse, room);
    }
    Ok(())
}

/// What room is left after one message more.
pub(super) fn room_for_one(overlay: &Overlay<'_>, purse: PurseId, is_confirmed: bool) -> Result<u32, Rejection> {
    let room = overlay.room(purse).copied().unwrap_or(0);
    let left = if is_confirmed { Some(room) } else { room.checked_sub(1) };
    left.ok_or(Rejection::PurseCrowded)
}

pub(super) fn put_room(overlay: &mut Overlay<'_>, purse: PurseId, room: u32) {
    if overlay.room(purse) != Some(&room) {
        overlay.put_offline(OfflineKey::Room(purse), OfflineRow::Room(room));
    }
}

fn transfer(overlay: &mut Overlay<'_>, context: &Context<'_>, signed: &Signed<Transfer>) -> Result<(), Rejection> {
    let (id, body) = (signed.id(), &signed.body);
    if overlay.spending(id).is_some() {
        return Ok(());
    }
    if !(1..=HOPS_MAX).contains(&body.spend.hop) {
        return Err(Rejection::LotUnknown);
    }
    if overlay.lot(id.short(), body.payee).is_some() {
        return Err(Rejection::MessageConflict);
    }
    let is_confirmed = is_received(overlay, body, id) || is_claimed(overlay, id.short(), body.payee, body.spend.hop);
    admit(overlay, context, signed, body.payer, is_confirmed)?;
    spend(overlay, hour(context), id, Spent::Transfer(signed.clone()));
    Ok(())
}

/// Whether its payee says of it, and of no other, that it was received. One word confirms one transfer.
fn is_received(overlay: &Overlay<'_>, transfer: &Transfer, id: MessageId) -> bool {
    let seq = overlay
        .asked(transfer.payee, transfer.request)
        .and_then(|asked| asked.seq);
    let word = seq.and_then(|seq| overlay.word(transfer.payee, seq));
    word.is_some_and(|word| word.received[..] == [id])
}

/// Whether its owner spent of a lot that has so many hops. They end, so what is confirmed like this is bounded by what it is
/// behind.
pub(super) fn is_claimed(overlay: &Overlay<'_>, lot: Id16, owner: PurseId, hop: u8) -> bool {
    overlay.consumed(lot, owner).is_some_and(|consumed| consumed.hop > hop)
}

/// Records what is not known yet, under its id, and whose signature is good.
pub(super) fn spend(overlay: &mut Overlay<'_>, now: Epoch, id: MessageId, spent: Spent) {
    let (payer, seq) = (spent.payer(), spent.seq());
    let spend = spent.spend().clone();
    let paid = match &spent {
        Spent::Transfer(signed) => Some((signed.body.payee, signed.body.request)),
        Spent::Redeem(_) => None,
    };
    let row = Spending {
        spent,
        asked: 0,
        drawn: Default::default(),
        is_settled: false,
    };
    let place = overlay.spent_at(payer, seq).cloned().unwrap_or_default();
    let key = OfflineKey::Place(payer, seq.0.to_be_bytes());
    overlay.put_offline(key, OfflineRow::Place(least(&place, id)));
    judge_place(overlay, payer, seq);
    // What is redeemed counts at once; a transfer as its request says.
    consume(overlay, payer, &spend, paid.is_none());
    claim(overlay, now, payer, &spend);
    let Some((payee, request)) = paid else {
        overlay.put_offline(OfflineKey::Spending(id), OfflineRow::Spending(row));
        return;
    };
    Standing::change(overlay, now, payee, &[request], |overlay| {
        overlay.put_offline(OfflineKey::Spending(id), OfflineRow::Spending(row));
        let origin = OfflineRow::Lot(Origin::Transfer(id));
        overlay.put_offline(OfflineKey::Lot(id.short(), payee), origin);
        let mut asked = asked(overlay, payee, request);
        asked.transfers = least(&asked.transfers, id);
        if overlay.consumed(id.short(), payee).is_some() {
            asked.claimed = least(&asked.claimed, id);
        }
        put_asked(overlay, payee, request, asked);
    });
    // What the payee spent of it may have been known before.
    judge_lot(overlay, id.short(), payee);
}

/// Makes it known that a purse spent something of these lots, whether it counts or not.
fn consume(overlay: &mut Overlay<'_>, purse: PurseId, spend: &Spend, counts: bool) {
    for part in &spend.lots {
        let before = overlay.consumed(part.lot, purse).copied().unwrap_or_default();
        let consumed = Consumed {
            sum: before.sum + if counts { u128::from(part.amount.0) } else { 0 },
            hop: before.hop.max(spend.hop),
        };
        let key = OfflineKey::Consumed(part.lot, purse);
        overlay.put_offline(key, OfflineRow::Consumed(consumed));
        if counts {
            judge_lot(overlay, part.lot, purse);
        }
    }
}

/// Who spends a transfer's money says that it received it.
fn claim(overlay: &mut Overlay<'_>, now: Epoch, payee: PurseId, spend: &Spend) {
    for part in &spend.lots {
        let Some(Origin::Transfer(id)) = overlay.lot(part.lot, payee).copied() else {
            continue;
        };
        let spending = overlay.spending(id).expect("its lot names it");
        let Spent::Transfer(signed) = &spending.spent else {
            unreachable!("a redemption is nobody's lot");
        };
        let request = signed.body.request;
        Standing::change(overlay, now, payee, &[request], |overlay| {
            let mut asked = asked(overlay, payee, request);
            asked.claimed = least(&asked.claimed, id);
            put_asked(overlay, payee, request, asked);
        });
    }
}

fn ask(overlay: &mut Overlay<'_>, context: &Context<'_>, signed: &Signed<Request>) -> Result<(), Rejection> {
    let (payee, seq, id) = (signed.body.payee, signed.body.seq, signed.id());
    if overlay.asked(payee, id).is_some_and(|asked| asked.seq.is_some()) {
        return Ok(());
    }
    let is_confirmed = is_paid(overlay, payee, id);
    admit(overlay, context, signed, payee, is_confirmed)?;
    // One that others push out is about them too.
    let mut about = word(overlay, payee, seq).requests.into_vec();
    about.push(id);
    Standing::change(overlay, hour(context), payee, &about, |overlay| {
        let mut word = word(overlay, payee, seq);
        word.requests = least(&word.requests, id);
        put_word(overlay, payee, seq, word);
        let asked = Asked {
            seq: Some(seq),
            ..asked(overlay, payee, id)
        };
        put_asked(overlay, payee, id, asked);
    });
    judge_word(overlay, payee, seq);
    Ok(())
}

/// Whether another purse is known to have paid it.
fn is_paid(overlay: &Overlay<'_>, payee: PurseId, request: MessageId) -> bool {
    overlay
        .asked(payee, request)
        .is_some_and(|asked| !asked.transfers.is_empty())
}

fn receive(overlay: &mut Overlay<'_>, context: &Context<'_>, signed: &Signed<Receipt>) -> Result<(), Rejection> {
    let Receipt {
        payee, seq, transfer, ..
    } = signed.body;
    let before = word(overlay, payee, seq);
    if before.received.contains(&transfer) {
        return Ok(());
    }
    let is_confirmed = before.requests.iter().any(|request| is_paid(overlay, payee, *request));
    admit(overlay, context, signed, payee, is_confirmed)?;
    Standing::change(overlay, hour(context), payee, &before.requests, |overlay| {
        let mut word = word(overlay, payee, seq);
        word.received = least(&word.received, transfer);
        put_word(overlay, payee, seq, word);
    });
    judge_word(overlay, payee, seq);
    Ok(())
}

fn void(overlay: &mut Overlay<'_>, context: &Context<'_>, signed: &Signed<Void>) -> Result<(), Rejection> {
    let Void { payee, seq, request } = signed.body;
    let is_voided = asked(overlay, payee, request).is_voided;
    if is_voided && word(overlay, payee, seq).is_voided {
        return Ok(());
    }
    // A second void of it, under another number, tells nobody anything.
    let is_confirmed = !is_voided && is_paid(overlay, payee, request);
    admit(overlay, context, signed, payee, is_confirmed)?;
    let word = Word {
        is_voided: true,
        ..word(overlay, payee, seq)
    };
    put_word(overlay, payee, seq, word);
    judge_word(overlay, payee, seq);
    Standing::change(overlay, hour(context), payee, &[request], |overlay| {
        let asked = Asked {
            is_voided: true,
            ..asked(overlay, payee, request)
        };
        put_asked(overlay, payee, request, asked);
    });
    Ok(())
}

fn asked(overlay: &Overlay<'_>, payee: PurseId, request: MessageId) -> Asked {
    overlay.asked(payee, request).cloned().unwrap_or_default()
}

fn put_asked(overlay: &mut Overlay<'_>, payee: PurseId, request: MessageId, asked: Asked) {
    overlay.put_offline(OfflineKey::Request(payee, request), OfflineRow::Request(asked));
}

fn word(overlay: &Overlay<'_>, payee: PurseId, seq: RequestSeq) -> Word {
    overlay.word(payee, seq).cloned().unwrap_or_default()
}

fn put_word(overlay: &mut Overlay<'_>, payee: PurseId, seq: RequestSeq, word: Word) {
    overlay.put_offline(OfflineKey::Word(payee, seq.0.to_be_bytes()), OfflineRow::Word(word));
}

/// The least of these and one more.
fn least<const MAX: usize>(ids: &Bounded<MessageId, MAX>, id: MessageId) -> Bounded<MessageId, MAX> {
    let mut ids = ids.clone().into_vec();
    ids.push(id);
    ids.sort();
    ids.dedup();
    ids.truncate(MAX);
    Bounded::new(ids).expect("cut to as many as there may be")
}
