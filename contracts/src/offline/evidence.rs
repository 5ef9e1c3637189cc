//! What signed messages prove against purses.
//!
//! [`Facts`] are a set, and [`Facts::verdicts`] is a function of that set alone: whoever brings the same messages, in
//! any order and in any parts, gets the same verdicts. A verdict may be lifted by a void that comes later, since what is
//! void was not spent. Signatures are checked by whoever makes a fact of a message.

use std::collections::BTreeSet;

use self::index::Index;
use super::{
    ids::{Id16, MessageId, PurseId, RequestSeq, Seq},
    messages::{Grant, Receipt, Redeem, Request, Spend, Transfer, Void},
    signed::Body as _,
};
use crate::money::Amount;

mod index;

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
    /// A purse asked for the money of a transfer to it. Whoever spends it claims it too, without this.
    Claimed {
        transfer: MessageId,
        by: PurseId,
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
    /// the money of two, or of one that it has voided; or gave two requests one number. A receipt for a transfer voids all
    /// others for its request.
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

#[cfg(test)]
mod tests;
