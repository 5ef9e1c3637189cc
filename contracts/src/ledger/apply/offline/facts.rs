//! What signed messages say that purses did.
//!
//! All that is kept follows from the set of messages alone: whatever their order, and however they are divided
//! into transactions, the rows are the same. What is convicted of what is as [`crate::offline::evidence`] says.

use super::{Context, check_signature};
use crate::{
    codec::Bounded,
    ledger::{overlay::Overlay, rejection::Rejection},
    offline::{
        action::Testimony,
        ids::{Id16, MessageId, PurseId, RequestSeq, Seq},
        messages::{Receipt, Request, Void},
        record::{Asked, OfflineKey, OfflineRow, Origin, Proof, Spending, Spent, Word},
        signed::{Body, Signed},
    },
};

pub(super) fn record(overlay: &mut Overlay<'_>, context: &Context<'_>, message: &Testimony) -> Result<(), Rejection> {
    match message {
        Testimony::Transfer(signed) => {
            if overlay.spending(signed.id()).is_some() {
                return Ok(());
            }
            check(overlay, context, signed, signed.body.payer)?;
            spend(overlay, Spent::Transfer(signed.clone()))
        }
        Testimony::Request(signed) => {
            check(overlay, context, signed, signed.body.payee)?;
            ask(overlay, &signed.body)
        }
        Testimony::Receipt(signed) => {
            check(overlay, context, signed, signed.body.payee)?;
            receive(overlay, &signed.body);
            Ok(())
        }
        Testimony::Void(signed) => {
            check(overlay, context, signed, signed.body.payee)?;
            void(overlay, &signed.body);
            Ok(())
        }
    }
}

/// Whether that purse signed it.
pub(super) fn check<M: Body>(
    overlay: &Overlay<'_>,
    context: &Context<'_>,
    signed: &Signed<M>,
    purse: PurseId,
) -> Result<(), Rejection> {
    let purse = overlay.purse(purse).ok_or(Rejection::UnknownPurse)?;
    check_signature(context, signed, purse.certificate.body.key)
}

/// Records what is not known yet, and whose signature is good.
pub(super) fn spend(overlay: &mut Overlay<'_>, spent: Spent) -> Result<(), Rejection> {
    let id = spent.id();
    let (payer, seq, parts) = (spent.payer(), spent.seq(), spent.spend().lots.clone());
    let paid = match &spent {
        Spent::Transfer(signed) => Some((signed.body.payee, signed.body.request)),
        Spent::Redeem(_) => None,
    };
    let mut is_void = false;
    if let Some((payee, request)) = paid {
        if overlay.lot(id.short()).is_some() {
            return Err(Rejection::MessageConflict);
        }
        let mut asked = asked(overlay, payee, request);
        asked.transfers = with(&asked.transfers, id).ok_or(Rejection::RequestCrowded)?;
        is_void = is_void_in(overlay, payee, &asked, id);
        overlay.put_offline(OfflineKey::Request(payee, request), OfflineRow::Request(asked));
        overlay.put_offline(OfflineKey::Lot(id.short()), OfflineRow::Lot(Origin::Transfer(id)));
    }
    overlay.put_offline(
        OfflineKey::Spending(id),
        OfflineRow::Spending(Spending {
            spent,
            is_void,
            drawn: Default::default(),
            is_settled: false,
        }),
    );
    let place = overlay.spent_at(payer, seq).cloned().unwrap_or_default();
    let key = OfflineKey::Place(payer, seq.0.to_be_bytes());
    overlay.put_offline(key, OfflineRow::Place(least(&place, id)));
    judge_place(overlay, payer, seq);
    for part in &parts {
        let amount = if is_void { 0 } else { u128::from(part.amount.0) };
        let consumed = overlay.consumed(part.lot, payer).copied().unwrap_or(0) + amount;
        put_consumed(overlay, part.lot, payer, consumed);
        judge_claimed(overlay, part.lot, payer);
    }
    if let Some((payee, request)) = paid {
        // What the payee spent of it may have been known before.
        judge_lot(overlay, id.short(), payee);
        judge_request(overlay, payee, request);
    }
    Ok(())
}

fn ask(overlay: &mut Overlay<'_>, request: &Request) -> Result<(), Rejection> {
    let (payee, seq, id) = (request.payee, request.seq, request.id());
    let mut word = word(overlay, payee, seq);
    word.requests = with(&word.requests, id).ok_or(Rejection::RequestCrowded)?;
    put_word(overlay, payee, seq, word);
    let asked = Asked {
        seq: Some(seq),
        ..asked(overlay, payee, id)
    };
    overlay.put_offline(OfflineKey::Request(payee, id), OfflineRow::Request(asked));
    look_for_voids(overlay, payee, id);
    Ok(())
}

fn receive(overlay: &mut Overlay<'_>, receipt: &Receipt) {
    let (payee, seq) = (receipt.payee, receipt.seq);
    let mut word = word(overlay, payee, seq);
    word.received = least(&word.received, receipt.transfer);
    let requests = word.requests.clone();
    put_word(overlay, payee, seq, word);
    judge_word(overlay, payee, seq);
    for request in &requests {
        look_for_voids(overlay, payee, *request);
    }
}

fn void(overlay: &mut Overlay<'_>, void: &Void) {
    let (payee, seq, request) = (void.payee, void.seq, void.request);
    let word = Word {
        is_voided: true,
        ..word(overlay, payee, seq)
    };
    put_word(overlay, payee, seq, word);
    judge_word(overlay, payee, seq);
    let asked = Asked {
        is_voided: true,
        ..asked(overlay, payee, request)
    };
    overlay.put_offline(OfflineKey::Request(payee, request), OfflineRow::Request(asked));
    judge_request(overlay, payee, request);
    look_for_voids(overlay, payee, request);
}

fn asked(overlay: &Overlay<'_>, payee: PurseId, request: MessageId) -> Asked {
    overlay.asked(payee, request).cloned().unwrap_or_default()
}

fn word(overlay: &Overlay<'_>, payee: PurseId, seq: RequestSeq) -> Word {
    overlay.word(payee, seq).cloned().unwrap_or_default()
}

fn put_word(overlay: &mut Overlay<'_>, payee: PurseId, seq: RequestSeq, word: Word) {
    overlay.put_offline(OfflineKey::Word(payee, seq.0.to_be_bytes()), OfflineRow::Word(word));
}

fn put_consumed(overlay: &mut Overlay<'_>, lot: Id16, purse: PurseId, sum: u128) {
    overlay.put_offline(OfflineKey::Consumed(lot, purse), OfflineRow::Consumed(sum));
}

/// Ascending with one more, if there is room.
fn with<const MAX: usize>(ids: &Bounded<MessageId, MAX>, id: MessageId) -> Option<Bounded<MessageId, MAX>> {
    match ids.binary_search(&id) {
        Ok(_) => Some(ids.clone()),
        Err(at) => {
            let mut ids = ids.clone().into_vec();
            ids.insert(at, id);
            Bounded::new(ids).ok()
        }
    }
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

/// Whether the payer of this transfer has its lots back.
fn is_void_in(overlay: &Overlay<'_>, payee: PurseId, asked: &Asked, transfer: MessageId) -> bool {
    let word = asked.seq.and_then(|seq| overlay.word(payee, seq));
    let another_was_received = word.is_some_and(|word| word.received.iter().any(|received| *received != transfer));
    asked.is_voided || another_was_received
}

/// Gives lots back for the transfers of a request that are void now. What is void stays so.
fn look_for_voids(overlay: &mut Overlay<'_>, payee: PurseId, request: MessageId) {
    let asked = asked(overlay, payee, request);
    for id in &asked.transfers {
        let spending = overlay.spending(*id).expect("the request names what is known");
        if spending.is_void || !is_void_in(overlay, payee, &asked, *id) {
            continue;
        }
        let spending = Spending {
            is_void: true,
            ..spending.clone()
        };
        let (payer, parts) = (spending.spent.payer(), spending.spent.spend().lots.clone());
        overlay.put_offline(OfflineKey::Spending(*id), OfflineRow::Spending(spending));
        for part in &parts {
            let consumed = overlay.consumed(part.lot, payer).expect("it was added");
            let left = consumed - u128::from(part.amount.0);
            put_consumed(overlay, part.lot, payer, left);
            judge_lot(overlay, part.lot, payer);
        }
    }
    judge_request(overlay, payee, request);
}

fn judge_place(overlay: &mut Overlay<'_>, purse: PurseId, seq: Seq) {
    let is_fork = overlay.spent_at(purse, seq).is_some_and(|ids| ids.len() > 1);
    overlay.set_proof(purse, Proof::Place(seq.0.to_be_bytes()), is_fork);
}

fn judge_word(overlay: &mut Overlay<'_>, payee: PurseId, seq: RequestSeq) {
    let contradicts = overlay.word(payee, seq).is_some_and(|word| {
        let received = word.received.len();
        received > 1 || (received > 0 && word.is_voided)
    });
    overlay.set_proof(payee, Proof::Word(seq.0.to_be_bytes()), contradicts);
}

/// Whose a lot is, and what it has.
fn owned(overlay: &Overlay<'_>, lot: Id16) -> Option<(PurseId, u64)> {
    match *overlay.lot(lot)? {
        Origin::Load(purse, counter) => overlay.load(purse, counter).map(|load| (purse, load.amount.0)),
        Origin::Transfer(id) => match &overlay.spending(id)?.spent {
            Spent::Transfer(signed) => Some((signed.body.payee, signed.body.spend.amount.0)),
            Spent::Redeem(_) => None,
        },
    }
}

/// What others spent of a lot proves nothing against its owner.
fn judge_lot(overlay: &mut Overlay<'_>, lot: Id16, purse: PurseId) {
    let spent = overlay.consumed(lot, purse).copied().unwrap_or(0);
    let owned = owned(overlay, lot).filter(|(owner, _)| *owner == purse);
    let is_overspent = owned.is_some_and(|(_, amount)| spent > u128::from(amount));
    overlay.set_proof(purse, Proof::Lot(lot), is_overspent);
}

/// After a purse spent something of a lot.
fn judge_claimed(overlay: &mut Overlay<'_>, lot: Id16, purse: PurseId) {
    judge_lot(overlay, lot, purse);
    let Some(Origin::Transfer(id)) = overlay.lot(lot) else {
        return;
    };
    let Some(Spent::Transfer(signed)) = overlay.spending(*id).map(|it| &it.spent) else {
        return;
    };
    let (payee, request) = (signed.body.payee, signed.body.request);
    if payee == purse {
        judge_request(overlay, payee, request);
    }
}

/// Of the transfers that pay one request a payee claims one, and none whose payer has its lots back.
fn judge_request(overlay: &mut Overlay<'_>, payee: PurseId, request: MessageId) {
    let asked = asked(overlay, payee, request);
    let is_claimed = |id: &&MessageId| overlay.consumed(id.short(), payee).is_some();
    let claimed: Vec<_> = asked.transfers.iter().filter(is_claimed).collect();
    let is_void = |id: &&MessageId| overlay.spending(**id).is_some_and(|spending| spending.is_void);
    let is_false = claimed.len() > 1 || claimed.into_iter().any(|id| is_void(&id));
    overlay.set_proof(payee, Proof::Request(request), is_false);
}
