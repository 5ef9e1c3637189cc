//! What the known messages about a request make of the transfers that pay it, and who is convicted.

use super::draws;
use crate::{
    ledger::{apply::offline::payouts::GRACE_HOURS, overlay::Overlay},
    offline::{
        ids::{Epoch, Id16, MessageId, PurseId, RequestSeq, Seq},
        messages::Transfer,
        record::{Consumed, OfflineKey, OfflineRow, Origin, Proof, Spent},
    },
};

/// How the transfers of one request stand.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// That count against their payers. Of those that pay one request only so many do, so that a void has bounded work:
    /// what its payee says that it received, and else the least, and what the payee spent of.
    counted: Vec<MessageId>,
    /// That the payee received, and no other.
    received: Option<MessageId>,
}

impl Standing {
    fn of(overlay: &Overlay<'_>, payee: PurseId, request: MessageId) -> Self {
        let Some(asked) = overlay.asked(payee, request).filter(|asked| !asked.is_voided) else {
            return Self::default();
        };
        let word = asked.seq.and_then(|seq| overlay.word(payee, seq));
        // Whoever paid by a third request of one number answers for nothing: its payee does.
        if word.is_some_and(|word| !word.requests.contains(&request)) {
            return Self::default();
        }
        match word.map_or(&[][..], |word| &word.received[..]) {
            [] => {
                let mut counted: Vec<_> = asked.transfers.iter().chain(&asked.claimed).copied().collect();
                counted.sort();
                counted.dedup();
                Self {
                    counted,
                    received: None,
                }
            }
            [one] if pays(overlay, *one, payee, request) => Self {
                counted: vec![*one],
                received: Some(*one),
            },
            // Each is void by a receipt for another.
            _ => Self::default(),
        }
    }

    /// Changes rows about requests of one payee, and then what follows from them.
    pub(super) fn change(
        overlay: &mut Overlay<'_>,
        now: Epoch,
        payee: PurseId,
        requests: &[MessageId],
        change: impl FnOnce(&mut Overlay<'_>),
    ) {
        let before: Vec<_> = requests
            .iter()
            .map(|request| Self::of(overlay, payee, *request))
            .collect();
        change(overlay);
        for (request, before) in requests.iter().zip(before) {
            let after = Self::of(overlay, payee, *request);
            if after != before {
                before.replace(overlay, now, &after);
            }
            judge_request(overlay, payee, *request);
        }
    }

    fn replace(&self, overlay: &mut Overlay<'_>, now: Epoch, after: &Self) {
        let gone = self.counted.iter().filter(|id| !after.counted.contains(id));
        let new = after.counted.iter().filter(|id| !self.counted.contains(id));
        gone.for_each(|id| count(overlay, *id, false));
        new.for_each(|id| count(overlay, *id, true));
        if self.received == after.received {
            return;
        }
        if let Some(id) = self.received {
            overlay.remove_offline(due(overlay, id));
        }
        if let Some(id) = after.received {
            let key @ OfflineKey::Due(at, ..) = due(overlay, id) else {
                unreachable!("made so");
            };
            if !now.has_reached(Epoch(u32::from_be_bytes(at))) {
                overlay.put_offline(key, OfflineRow::Due(()));
            }
        }
    }
}

fn transfer<'a>(overlay: &'a Overlay<'_>, id: MessageId) -> Option<&'a Transfer> {
    match &overlay.spending(id)?.spent {
        Spent::Transfer(signed) => Some(&signed.body),
        Spent::Redeem(_) => None,
    }
}

fn pays(overlay: &Overlay<'_>, id: MessageId, payee: PurseId, request: MessageId) -> bool {
    transfer(overlay, id).is_some_and(|body| (body.payee, body.request) == (payee, request))
}

fn due(overlay: &Overlay<'_>, id: MessageId) -> OfflineKey {
    let spend = &transfer(overlay, id).expect("it was received").spend;
    let hour = spend.expiry.0.saturating_add(GRACE_HOURS);
    OfflineKey::Due(hour.to_be_bytes(), u8::MAX - spend.hop, id)
}

/// Adds a transfer to what its payer spent, or takes it off.
fn count(overlay: &mut Overlay<'_>, id: MessageId, counts: bool) {
    let body = transfer(overlay, id).expect("what counts is known");
    let (payer, parts) = (body.payer, body.spend.lots.clone());
    for part in &parts {
        let before = *overlay.consumed(part.lot, payer).expect("its payer spent of it");
        let amount = u128::from(part.amount.0);
        let sum = if counts {
            before.sum + amount
        } else {
            before.sum - amount
        };
        let row = OfflineRow::Consumed(Consumed { sum, ..before });
        overlay.put_offline(OfflineKey::Consumed(part.lot, payer), row);
        judge_lot(overlay, part.lot, payer);
    }
}

pub(super) fn is_void(overlay: &Overlay<'_>, id: MessageId) -> bool {
    let asked = transfer(overlay, id).and_then(|body| {
        let asked = overlay.asked(body.payee, body.request)?;
        Some((body.payee, asked))
    });
    asked.is_some_and(|(payee, asked)| {
        let word = asked.seq.and_then(|seq| overlay.word(payee, seq));
        asked.is_void(word, id)
    })
}

pub(super) fn judge_place(overlay: &mut Overlay<'_>, purse: PurseId, seq: Seq) {
    // Once it is proved it stays so.
    if overlay.spent_at(purse, seq).is_some_and(|ids| ids.len() > 1) {
        overlay.set_proof(purse, Proof::Place(seq.0.to_be_bytes()), true);
    }
}

pub(super) fn judge_word(overlay: &mut Overlay<'_>, payee: PurseId, seq: RequestSeq) {
    let contradicts = overlay.word(payee, seq).is_some_and(|word| {
        let received = word.received.len();
        received > 1 || (received > 0 && word.is_voided) || word.requests.len() > 1
    });
    overlay.set_proof(payee, Proof::Word(seq.0.to_be_bytes()), contradicts);
}

/// What a lot of this purse has.
fn owned(overlay: &Overlay<'_>, lot: Id16, owner: PurseId) -> Option<u64> {
    match *overlay.lot(lot, owner)? {
        Origin::Load(counter) => overlay.load(owner, counter).map(|load| load.amount.0),
        Origin::Transfer(id) => transfer(overlay, id).map(|body| body.spend.amount.0),
        Origin::Unbacked => overlay.unbacked(owner, lot).map(|row| row.grant.body.amount.0),
    }
}

/// What others spent of a lot proves nothing against its owner.
pub(super) fn judge_lot(overlay: &mut Overlay<'_>, lot: Id16, purse: PurseId) {
    let Some(Consumed { sum: spent, .. }) = overlay.consumed(lot, purse).copied() else {
        return;
    };
    let owned = owned(overlay, lot, purse);
    let is_overspent = owned.is_some_and(|amount| spent > u128::from(amount));
    overlay.set_proof(purse, Proof::Lot(lot), is_overspent);
}

/// Of the transfers that pay one request a payee claims one, and none whose payer has its lots back: what was redeemed of
/// that the payee owes, and no lot behind it. A false claim stays one.
fn judge_request(overlay: &mut Overlay<'_>, payee: PurseId, request: MessageId) {
    let Some(asked) = overlay.asked(payee, request).filter(|asked| !asked.claimed.is_empty()) else {
        return;
    };
    let word = asked.seq.and_then(|seq| overlay.word(payee, seq));
    let claimed = asked.claimed.iter().copied();
    let void: Vec<_> = claimed.filter(|id| asked.is_void(word, *id)).collect();
    let is_false = asked.claimed.len() > 1 || !void.is_empty();
    for id in void {
        draws::take_back(overlay, id);
    }
    if is_false {
        overlay.set_proof(payee, Proof::Request(request), true);
    }
}
