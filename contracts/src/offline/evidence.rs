//! What signed messages prove against purses.
//!
//! [`Facts`] are a set, and [`Facts::verdicts`] is a function of that set alone: whoever brings the same messages, in
//! any order and in any parts, gets the same verdicts. A verdict may be lifted by a void that comes later, since what is
//! void was not spent. Signatures are checked by whoever makes a fact of a message.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ids::{Id16, MessageId, PurseId, RequestSeq, Seq},
    messages::{Grant, Receipt, Redeem, Request, Spend, Transfer, Void},
    signed::Body as _,
};
use crate::money::Amount;

/// What a message says, as far as it can prove anything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    Granted {
        lot: Id16,
        purse: PurseId,
        amount: Amount,
    },
    Asked {
        payee: PurseId,
        seq: RequestSeq,
        request: MessageId,
    },
    Spent {
        id: MessageId,
        payer: PurseId,
        seq: Seq,
        /// None for a redemption.
        paid: Option<Paid>,
        amount: Amount,
        lots: Vec<(Id16, Amount)>,
    },
    Received {
        payee: PurseId,
        seq: RequestSeq,
        transfer: MessageId,
    },
    Voided {
        payee: PurseId,
        seq: RequestSeq,
        request: MessageId,
    },
    /// The payee asked for the transfer's money, or spent it.
    Claimed {
        transfer: MessageId,
    },
}

/// Whose request a transfer pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Paid {
    pub payee: PurseId,
    pub request: MessageId,
}

impl From<&Grant> for Fact {
    fn from(grant: &Grant) -> Self {
        Self::Granted {
            lot: grant.load,
            purse: grant.purse,
            amount: grant.amount,
        }
    }
}

impl From<&Request> for Fact {
    fn from(request: &Request) -> Self {
        Self::Asked {
            payee: request.payee,
            seq: request.seq,
            request: request.id(),
        }
    }
}

fn parts(spend: &Spend) -> Vec<(Id16, Amount)> {
    spend.lots.iter().map(|part| (part.lot, part.amount)).collect()
}

impl From<&Transfer> for Fact {
    fn from(transfer: &Transfer) -> Self {
        Self::Spent {
            id: transfer.id(),
            payer: transfer.payer,
            seq: transfer.seq,
            paid: Some(Paid {
                payee: transfer.payee,
                request: transfer.request,
            }),
            amount: transfer.spend.amount,
            lots: parts(&transfer.spend),
        }
    }
}

impl From<&Redeem> for Fact {
    fn from(redeem: &Redeem) -> Self {
        Self::Spent {
            id: redeem.id(),
            payer: redeem.payer,
            seq: redeem.seq,
            paid: None,
            amount: redeem.spend.amount,
            lots: parts(&redeem.spend),
        }
    }
}

impl From<&Receipt> for Fact {
    fn from(receipt: &Receipt) -> Self {
        Self::Received {
            payee: receipt.payee,
            seq: receipt.seq,
            transfer: receipt.transfer,
        }
    }
}

impl From<&Void> for Fact {
    fn from(void: &Void) -> Self {
        Self::Voided {
            payee: void.payee,
            seq: void.seq,
            request: void.request,
        }
    }
}

/// What a purse has done that no honest one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Offence {
    /// Spent two ways at one place of its log.
    Equivocation,
    /// Spent more of a lot than it had.
    Overspend,
    /// Said of one request both that it was paid and that it is void, or that it was paid by two transfers; or claims
    /// the money of two, or of one that it has voided. A receipt for a transfer voids all others for its request.
    PayeeEquivocation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Verdict {
    pub culprit: PurseId,
    pub offence: Offence,
}

/// A set of facts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts(BTreeSet<Fact>);

impl Facts {
    pub fn insert(&mut self, fact: impl Into<Fact>) {
        self.0.insert(fact.into());
    }

    /// Ascending, each once.
    pub fn verdicts(&self) -> BTreeSet<Verdict> {
        let index = Index::of(&self.0);
        let convict = |offence| move |culprit| Verdict { culprit, offence };
        let equivocated = index.equivocations().map(convict(Offence::Equivocation));
        let overspent = index.overspends().map(convict(Offence::Overspend));
        let payees = index.payee_equivocations().map(convict(Offence::PayeeEquivocation));
        equivocated.chain(overspent).chain(payees).collect()
    }
}

impl Extend<Fact> for Facts {
    fn extend<I: IntoIterator<Item = Fact>>(&mut self, facts: I) {
        self.0.extend(facts);
    }
}

impl FromIterator<Fact> for Facts {
    fn from_iter<I: IntoIterator<Item = Fact>>(facts: I) -> Self {
        Self(facts.into_iter().collect())
    }
}

struct Spending<'a> {
    payer: PurseId,
    paid: Option<Paid>,
    lots: &'a [(Id16, Amount)],
}

/// A payee's word on one of its requests.
#[derive(Default)]
struct Word {
    received: BTreeSet<MessageId>,
    voided: bool,
}

/// Facts by what they are about.
#[derive(Default)]
struct Index<'a> {
    spendings: BTreeMap<MessageId, Spending<'a>>,
    places: BTreeMap<(PurseId, Seq), BTreeSet<MessageId>>,
    /// By a lot's name, those whom it may belong to and what it has. Two ids with one name are two owners.
    lots: BTreeMap<Id16, BTreeSet<(PurseId, Amount)>>,
    words: BTreeMap<(PurseId, RequestSeq), Word>,
    seqs: BTreeMap<(PurseId, MessageId), RequestSeq>,
    voids: BTreeSet<(PurseId, MessageId)>,
    claims: BTreeSet<MessageId>,
}

impl<'a> Index<'a> {
    fn of(facts: &'a BTreeSet<Fact>) -> Self {
        let mut index = Self::default();
        facts.iter().for_each(|fact| index.add(fact));
        index
    }

    fn add(&mut self, fact: &'a Fact) {
        match *fact {
            Fact::Granted { lot, purse, amount } => {
                self.lots.entry(lot).or_default().insert((purse, amount));
            }
            Fact::Asked { payee, seq, request } => {
                self.seqs.insert((payee, request), seq);
            }
            Fact::Spent {
                id,
                payer,
                seq,
                paid,
                amount,
                ref lots,
            } => {
                self.places.entry((payer, seq)).or_default().insert(id);
                self.spendings.insert(id, Spending { payer, paid, lots });
                if let Some(paid) = paid {
                    self.lots.entry(id.short()).or_default().insert((paid.payee, amount));
                }
            }
            Fact::Received { payee, seq, transfer } => {
                self.words.entry((payee, seq)).or_default().received.insert(transfer);
            }
            Fact::Voided { payee, seq, request } => {
                self.words.entry((payee, seq)).or_default().voided = true;
                self.voids.insert((payee, request));
            }
            Fact::Claimed { transfer } => {
                self.claims.insert(transfer);
            }
        }
    }

    fn equivocations(&self) -> impl Iterator<Item = PurseId> {
        let forks = self.places.iter().filter(|(_, ids)| ids.len() > 1);
        forks.map(|((purse, _), _)| *purse)
    }

    /// Whether its payer has the lots back, by a void or by a receipt for another transfer.
    fn is_void(&self, id: &MessageId, paid: &Paid) -> bool {
        let request = (paid.payee, paid.request);
        let word = self
            .seqs
            .get(&request)
            .and_then(|seq| self.words.get(&(paid.payee, *seq)));
        let another_was_received = word.is_some_and(|word| word.received.iter().any(|received| received != id));
        self.voids.contains(&request) || another_was_received
    }

    fn overspends(&self) -> impl Iterator<Item = PurseId> {
        let mut consumed: BTreeMap<(Id16, PurseId), u128> = BTreeMap::new();
        for (id, spending) in &self.spendings {
            if spending.paid.is_some_and(|paid| self.is_void(id, &paid)) {
                continue;
            }
            for (lot, amount) in spending.lots {
                *consumed.entry((*lot, spending.payer)).or_default() += u128::from(amount.0);
            }
        }
        // What others claim to have spent of a lot proves nothing against its owner.
        consumed.into_iter().filter_map(|((lot, purse), spent)| {
            let owned = self.lots.get(&lot)?.iter().filter(|(owner, _)| *owner == purse);
            let most = owned.map(|(_, amount)| u128::from(amount.0)).max()?;
            (spent > most).then_some(purse)
        })
    }

    fn payee_equivocations(&self) -> impl Iterator<Item = PurseId> {
        let of_words = self.words.iter().filter(|(_, word)| {
            let received = word.received.len();
            received > 1 || (received > 0 && word.voided)
        });
        of_words.map(|((payee, _), _)| *payee).chain(self.false_claims())
    }

    fn false_claims(&self) -> impl Iterator<Item = PurseId> {
        let mut claimed: BTreeMap<(PurseId, MessageId), Vec<&MessageId>> = BTreeMap::new();
        for id in &self.claims {
            if let Some(paid) = self.spendings.get(id).and_then(|spending| spending.paid) {
                claimed.entry((paid.payee, paid.request)).or_default().push(id);
            }
        }
        claimed.into_iter().filter_map(|((payee, request), ids)| {
            let paid = Paid { payee, request };
            (ids.len() > 1 || ids.iter().any(|id| self.is_void(id, &paid))).then_some(payee)
        })
    }
}

#[cfg(test)]
mod tests;
