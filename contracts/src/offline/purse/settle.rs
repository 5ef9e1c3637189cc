//! A payer hears from the payee what became of a payment.

use super::{
    PurseRefusal, PurseState, Step,
    contents::{Entry, Payment},
    request::SignedAnswer,
};
use crate::offline::{
    ids::{PurseId, RequestSeq},
    messages::{PaymentStatus, Receipt, Void},
    refusal::Refusal,
    signed::{Body, Signed},
};

impl PurseState {
    /// Ends the payment that a receipt is about. One for another transfer says that this purse's is void.
    pub fn receipt(&self, receipt: &Signed<Receipt>) -> Result<Step<PaymentStatus>, PurseRefusal> {
        let body = &receipt.body;
        let (at, payment) = self
            .entry_of(body.payee, body.seq)
            .ok_or(PurseRefusal::Unknown(receipt.id()))?;
        check_payee(receipt, payment)?;
        self.end(at, payment, SignedAnswer::Receipt(receipt.clone()))
    }

    /// Ends the payment of a request that its payee has voided, and gives the lots back unless they have expired:
    /// from then on the ledger refunds them.
    pub fn void(&self, void: &Signed<Void>) -> Result<Step<PaymentStatus>, PurseRefusal> {
        let body = &void.body;
        let found = self.entry_of(body.payee, body.seq);
        let of_request = |payment: &Payment| payment.transfer.body.request == body.request;
        let (at, payment) = found
            .filter(|(_, payment)| of_request(payment))
            .ok_or(PurseRefusal::Unknown(body.request))?;
        check_payee(void, payment)?;
        self.end(at, payment, SignedAnswer::Void(void.clone()))
    }

    fn entry_of(&self, payee: PurseId, seq: RequestSeq) -> Option<(usize, &Payment)> {
        let payments = self.log.iter().enumerate();
        let mut payments = payments.filter_map(|(at, entry)| Some((at, entry.payment()?)));
        payments.find(|(_, it)| it.transfer.body.payee == payee && it.request.body.seq == seq)
    }

    fn end(&self, at: usize, payment: &Payment, answer: SignedAnswer) -> Result<Step<PaymentStatus>, PurseRefusal> {
        let ended = Payment {
            answer: Some(answer),
            ..payment.clone()
        };
        let (before, status) = (payment.status(), ended.status());
        if before == status {
            return Ok(Step::unchanged(status));
        }
        if before != PaymentStatus::Pending {
            return Err(PurseRefusal::OtherOutcome(payment.transfer.id()));
        }
        let is_over = self.counters.epoch.has_reached(payment.transfer.body.spend.expiry);
        Ok(self.step(status, |next| {
            if status == PaymentStatus::Voided && !is_over {
                next.give_back(at);
            }
            next.log[at] = Entry::Paid(Box::new(ended));
            next.drop_empty_lots();
        }))
    }
}

fn check_payee<M: Body>(word: &Signed<M>, payment: &Payment) -> Result<(), PurseRefusal> {
    let bad = |_| Refusal::Signature(word.id()).into();
    word.verify(&payment.payee_key).map_err(bad)
}
