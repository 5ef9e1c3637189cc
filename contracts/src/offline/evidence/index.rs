//! Facts by what they are about, and what follows from them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fact, Paid};
use crate::{
    money::Amount,
    offline::ids::{Id16, MessageId, PurseId, RequestSeq, Seq},
};

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

/// What a purse may call by one name. Honest lots have different names, and of others none is taken for another.
#[derive(Default)]
struct Owned {
    granted: BTreeSet<Amount>,
    paid: BTreeMap<MessageId, Amount>,
}

impl Owned {
    fn amount(&self) -> u128 {
        let all = self.granted.iter().chain(self.paid.values());
        all.map(|amount| u128::from(amount.0)).sum()
    }

    /// The transfer of that name, if it can be no other.
    fn transfer(&self) -> Option<&MessageId> {
        let (id, _) = self.paid.first_key_value()?;
        (self.paid.len() == 1 && self.granted.is_empty()).then_some(id)
    }
}

#[derive(Default)]
pub(super) struct Index<'a> {
    spendings: BTreeMap<MessageId, Spending<'a>>,
    places: BTreeMap<(PurseId, Seq), BTreeSet<MessageId>>,
    owned: BTreeMap<(Id16, PurseId), Owned>,
    words: BTreeMap<(PurseId, RequestSeq), Word>,
    asked: BTreeMap<(PurseId, RequestSeq), BTreeSet<MessageId>>,
    /// Of a request there is one, as it says itself.
    seqs: BTreeMap<Paid, BTreeSet<RequestSeq>>,
    voids: BTreeSet<Paid>,
    claims: BTreeSet<(MessageId, PurseId)>,
}

impl<'a> Index<'a> {
    pub(super) fn of(facts: &'a BTreeSet<Fact>) -> Self {
        let mut index = Self::default();
        facts.iter().for_each(|fact| index.add(fact));
        index
    }

    fn add(&mut self, fact: &'a Fact) {
        match *fact {
            Fact::Granted { lot, purse, amount } => {
                self.owned.entry((lot, purse)).or_default().granted.insert(amount);
            }
            Fact::Asked { payee, seq, request } => {
                self.seqs.entry(Paid { payee, request }).or_default().insert(seq);
                self.asked.entry((payee, seq)).or_default().insert(request);
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
                    let owned = self.owned.entry((id.short(), paid.payee)).or_default();
                    owned.paid.insert(id, amount);
                }
            }
            Fact::Received { payee, seq, transfer } => {
                self.words.entry((payee, seq)).or_default().received.insert(transfer);
            }
            Fact::Voided { payee, seq, request } => {
                self.words.entry((payee, seq)).or_default().voided = true;
                self.voids.insert(Paid { payee, request });
            }
            Fact::Claimed { transfer, by } => {
                self.claims.insert((transfer, by));
            }
        }
    }

    pub(super) fn equivocations(&self) -> impl Iterator<Item = PurseId> {
        let forks = self.places.iter().filter(|(_, ids)| ids.len() > 1);
        forks.map(|((purse, _), _)| *purse)
    }

    /// Whether its payer has the lots back, by a void or by a receipt for another transfer.
    fn is_void(&self, id: &MessageId, paid: &Paid) -> bool {
        let seqs = self.seqs.get(paid).into_iter().flatten();
        let words = seqs.filter_map(|seq| self.words.get(&(paid.payee, *seq)));
        let mut received = words.flat_map(|word| &word.received);
        self.voids.contains(paid) || received.any(|received| received != id)
    }

    pub(super) fn overspends(&self) -> impl Iterator<Item = PurseId> {
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
        consumed.into_iter().filter_map(|(lot, spent)| {
            let owned = self.owned.get(&lot)?;
            (spent > owned.amount()).then_some(lot.1)
        })
    }

    pub(super) fn payee_equivocations(&self) -> impl Iterator<Item = PurseId> {
        let of_words = self.words.iter().filter(|(_, word)| {
            let received = word.received.len();
            received > 1 || (received > 0 && word.voided)
        });
        let of_words = of_words.map(|((payee, _), _)| *payee);
        let of_requests = self.asked.iter().filter(|(_, requests)| requests.len() > 1);
        let of_requests = of_requests.map(|((payee, _), _)| *payee);
        of_words.chain(of_requests).chain(self.false_claims())
    }

    fn false_claims(&self) -> impl Iterator<Item = PurseId> {
        let is_false = |(paid, ids): (Paid, BTreeSet<&MessageId>)| {
            (ids.len() > 1 || ids.iter().any(|id| self.is_void(id, &paid))).then_some(paid.payee)
        };
        self.claimed().into_iter().filter_map(is_false)
    }

    /// Of each request, the transfers whose money its payee asked for or spent.
    fn claimed(&self) -> BTreeMap<Paid, BTreeSet<&MessageId>> {
        let mut claimed: BTreeMap<Paid, BTreeSet<&MessageId>> = BTreeMap::new();
        let lots = self.spendings.values().flat_map(|spending| {
            let lots = spending.lots.iter();
            lots.filter_map(|(lot, _)| self.owned.get(&(*lot, spending.payer))?.transfer())
        });
        // Only its payee claims a transfer.
        let asked = self.claims.iter().filter_map(|(id, by)| {
            let paid = self.spendings.get(id)?.paid?;
            (paid.payee == *by).then_some(id)
        });
        for id in lots.chain(asked) {
            if let Some(paid) = self.spendings.get(id).and_then(|spending| spending.paid) {
                claimed.entry(paid).or_default().insert(id);
            }
        }
        claimed
    }
}
