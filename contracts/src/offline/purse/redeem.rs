//! Money goes back to the ledger.

use super::{
    PurseRefusal, PurseState, Step,
    choice::behind,
    contents::{Entry, Lot, Origin},
};
use crate::offline::{
    LOTS_MAX,
    field::Fixed,
    ids::{AccountHash, Id16, MessageId, Seq},
    message::Message,
    messages::{LotPart, Redeem},
    signed::{Body as _, Signed},
};

/// The most bytes of a redemption's evidence: what one command of a card answers, less the redemption.
pub const EVIDENCE_BYTES_MAX: usize = 3_500;

/// A redemption, and what proves to the ledger that its lots are money: what is behind them, the requests that were
/// paid, the purse's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redemption {
    pub redeem: Signed<Redeem>,
    pub evidence: Vec<Message>,
}

impl PurseState {
    /// Redeems what is left of up to four lots to an account, expired and revoked ones too: whether they are paid is
    /// for the ledger. Without `lots` those with the most hops go first.
    pub fn redeem(&self, account: AccountHash, lots: &[Id16]) -> Result<Step<Redemption>, PurseRefusal> {
        self.check_log()?;
        let seq = self.next_seq()?;
        let chosen = self.to_redeem(lots)?;
        let parts = chosen.iter().map(|lot| LotPart {
            lot: lot.id,
            amount: lot.left,
        });
        let redeem = self.sign(Redeem {
            payer: self.id(),
            seq,
            previous: self.counters.log_head,
            payee: Fixed,
            account,
            spend: self.spend_of(parts.collect(), &chosen),
        })?;
        let redemption = Redemption {
            evidence: self.evidence_of(&chosen),
            redeem: redeem.clone(),
        };
        let id = redeem.id();
        Ok(self.step(redemption, |next| next.debit(Entry::Redeemed(redeem), id)))
    }

    /// The last redemption that has no outcome yet, again.
    pub fn last_redemption(&self) -> Result<Step<Redemption>, PurseRefusal> {
        let last = self.redeemed().last().ok_or(PurseRefusal::Unknown(MessageId::NONE))?;
        Ok(Step::unchanged(self.redemption_of(last)))
    }

    /// As [`PurseState::last_redemption`], that at this place of the log.
    pub fn redemption(&self, seq: Seq) -> Result<Step<Redemption>, PurseRefusal> {
        let found = self.redeemed().find(|redeem| redeem.body.seq == seq);
        let redeem = found.ok_or(PurseRefusal::NotPending(seq))?;
        Ok(Step::unchanged(self.redemption_of(redeem)))
    }

    fn redeemed(&self) -> impl Iterator<Item = &Signed<Redeem>> {
        self.log.iter().filter_map(|entry| match entry {
            Entry::Redeemed(redeem) => Some(redeem),
            Entry::Paid(_) => None,
        })
    }

    fn redemption_of(&self, redeem: &Signed<Redeem>) -> Redemption {
        let ids: Vec<_> = redeem.body.spend.lots.iter().map(|part| part.lot).collect();
        let lots: Vec<_> = self.lots.iter().filter(|lot| ids.contains(&lot.id)).collect();
        Redemption {
            redeem: redeem.clone(),
            evidence: self.evidence_of(&lots),
        }
    }

    fn to_redeem(&self, wanted: &[Id16]) -> Result<Vec<&Lot>, PurseRefusal> {
        let is_wanted = |lot: &&Lot| !lot.left.is_zero() && (wanted.is_empty() || wanted.contains(&lot.id));
        let mut lots: Vec<_> = self.lots.iter().filter(is_wanted).collect();
        lots.sort_by_key(|lot| (std::cmp::Reverse(lot.hop), lot.id));
        let mut chosen: Vec<&Lot> = Vec::new();
        for lot in lots {
            let with = [&chosen[..], &[lot]].concat();
            let bytes = Message::concatenate(&self.evidence_of(&with)).len();
            if with.len() <= LOTS_MAX && bytes <= EVIDENCE_BYTES_MAX {
                chosen = with;
            }
        }
        if chosen.is_empty() {
            return Err(PurseRefusal::NoLots(self.balance()));
        }
        Ok(chosen)
    }

    fn evidence_of(&self, lots: &[&Lot]) -> Vec<Message> {
        let mut messages = behind(lots);
        let requests = lots.iter().filter_map(|lot| match &lot.origin {
            Origin::Grant(_) => None,
            Origin::Bundle { request, .. } => Some(Message::from(request.clone())),
        });
        messages.extend(requests);
        let own = self.certificate.body.id();
        if !messages.iter().any(|message| message.id() == own) {
            messages.push(self.certificate.clone().into());
        }
        messages
    }
}
