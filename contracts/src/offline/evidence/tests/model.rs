//! The same verdicts, said for pairs of facts: slow, and without any index.

use super::*;

pub(super) struct Model(BTreeSet<Fact>);

/// A transfer or redemption.
struct Spend<'a> {
    id: MessageId,
    payer: PurseId,
    seq: Seq,
    paid: Option<Paid>,
    amount: Amount,
    lots: &'a [(Id16, Amount)],
}

impl Model {
    pub fn of(facts: Vec<Fact>) -> Self {
        Self(facts.into_iter().collect())
    }

    pub fn verdicts(&self) -> BTreeSet<Verdict> {
        let mut verdicts = BTreeSet::new();
        let mut convict = |culprit, offence| verdicts.insert(Verdict { culprit, offence });
        for one in self.spends() {
            for other in self.spends() {
                if one.id != other.id && (one.payer, one.seq) == (other.payer, other.seq) {
                    convict(one.payer, Offence::Equivocation);
                }
            }
            for (lot, _) in one.lots {
                if self
                    .has(*lot, one.payer)
                    .is_some_and(|has| self.consumed(*lot, one.payer) > has)
                {
                    convict(one.payer, Offence::Overspend);
                }
            }
        }
        for (payee, seq, transfer) in self.receipts() {
            let other = |it: (PurseId, RequestSeq, MessageId)| (it.0, it.1) == (payee, seq) && it.2 != transfer;
            let is_voided = self
                .0
                .iter()
                .any(|fact| matches!(fact, Fact::Voided { payee: of, seq: at, .. } if (*of, *at) == (payee, seq)));
            if self.receipts().any(other) || is_voided {
                convict(payee, Offence::PayeeEquivocation);
            }
        }
        for (payee, seq, request) in self.requests() {
            let is_another = |it: (PurseId, RequestSeq, MessageId)| (it.0, it.1) == (payee, seq) && it.2 != request;
            if self.requests().any(is_another) {
                convict(payee, Offence::PayeeEquivocation);
            }
        }
        for (one, paid) in self.claims() {
            let is_another = |(other, of): (MessageId, Paid)| other != one && of == paid;
            if self.is_void(one, paid) || self.claims().any(is_another) {
                convict(paid.payee, Offence::PayeeEquivocation);
            }
        }
        verdicts
    }

    fn spends(&self) -> impl Iterator<Item = Spend<'_>> {
        self.0.iter().filter_map(|fact| match fact {
            Fact::Spent {
                id,
                payer,
                seq,
                paid,
                amount,
                lots,
            } => Some(Spend {
                id: *id,
                payer: *payer,
                seq: *seq,
                paid: *paid,
                amount: *amount,
                lots,
            }),
            _ => None,
        })
    }

    fn receipts(&self) -> impl Iterator<Item = (PurseId, RequestSeq, MessageId)> {
        self.0.iter().filter_map(|fact| match fact {
            Fact::Received { payee, seq, transfer } => Some((*payee, *seq, *transfer)),
            _ => None,
        })
    }

    fn requests(&self) -> impl Iterator<Item = (PurseId, RequestSeq, MessageId)> {
        self.0.iter().filter_map(|fact| match fact {
            Fact::Asked { payee, seq, request } => Some((*payee, *seq, *request)),
            _ => None,
        })
    }

    /// What a purse has by this name, if it has anything.
    fn has(&self, lot: Id16, purse: PurseId) -> Option<u128> {
        let granted = self.0.iter().filter_map(|fact| match fact {
            Fact::Granted {
                lot: name,
                purse: of,
                amount,
            } if (*name, *of) == (lot, purse) => Some(*amount),
            _ => None,
        });
        let paid = self.spends().filter_map(|it| {
            let is_it = it.id.short() == lot && it.paid.is_some_and(|paid| paid.payee == purse);
            is_it.then_some(it.amount)
        });
        let all: Vec<_> = granted.chain(paid).map(|amount| u128::from(amount.0)).collect();
        (!all.is_empty()).then(|| all.iter().sum())
    }

    fn consumed(&self, lot: Id16, purse: PurseId) -> u128 {
        let kept = self
            .spends()
            .filter(|it| it.payer == purse && !it.paid.is_some_and(|paid| self.is_void(it.id, paid)));
        kept.flat_map(|it| it.lots)
            .filter(|(name, _)| *name == lot)
            .map(|(_, amount)| u128::from(amount.0))
            .sum()
    }

    /// Whether a payee's counter stands for this request, as the request says.
    fn is_seq_of(&self, seq: RequestSeq, of: Paid) -> bool {
        let asked = Fact::Asked {
            payee: of.payee,
            seq,
            request: of.request,
        };
        self.0.contains(&asked)
    }

    fn is_void(&self, id: MessageId, of: Paid) -> bool {
        let is_voided = |fact: &Fact| matches!(fact, Fact::Voided { payee, request, .. } if (*payee, *request) == (of.payee, of.request));
        let mut others = self.receipts().filter(|it| it.0 == of.payee && it.2 != id);
        self.0.iter().any(is_voided) || others.any(|(_, seq, _)| self.is_seq_of(seq, of))
    }

    /// By whom they were paid, transfers of which their payee spent something or asked for it.
    fn claims(&self) -> impl Iterator<Item = (MessageId, Paid)> {
        self.spends().filter_map(|it| {
            let paid = it.paid?;
            let claimed = Fact::Claimed {
                transfer: it.id,
                by: paid.payee,
            };
            let takes = |other: &Spend<'_>| {
                other.payer == paid.payee && other.lots.iter().any(|(lot, _)| *lot == it.id.short())
            };
            (self.0.contains(&claimed) || self.spends().any(|other| takes(&other))).then_some((it.id, paid))
        })
    }
}
