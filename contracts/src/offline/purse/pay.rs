//! A payer pays a request, once.

use super::{
    LOG_MAX, PurseRefusal, PurseState, Step,
    choice::Demand,
    contents::{Entry, Lot, Payment},
    pin::Consent,
    refusal::{PurseLimit, Table},
    state::within,
};
use crate::{
    codec::Text,
    keys::Signature,
    money::Amount,
    offline::{
        bundle::{Behind, Bundle},
        ids::{MessageId, PurseId, RevocationEntry, Seq},
        messages::{Certificate, Request, Spend, Transfer},
        provenance::{self, Limits, Trust},
        refusal::Refusal,
        signed::{Body as _, Signed},
    },
};

/// What the person is shown before they consent: whom the purse would pay, by the issuer's word, and what he has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// To which the consent is bound.
    pub request: MessageId,
    pub payee: PurseId,
    pub amount: Amount,
    pub memo: Text<40>,
}

impl PurseState {
    /// What can be said before the person consents: a payee's request, and whether this purse may pay it.
    pub fn check_request(&self, request: &Signed<Request>, payee: &Signed<Certificate>) -> Result<Asked, PurseRefusal> {
        let limits = self.rules.limits();
        provenance::check_request(request, payee, self.own().currency, &self.trust(&limits))?;
        let (own, counters) = (self.own(), &self.counters);
        if self.revoked.has_purse(own.purse) {
            return Err(Refusal::Revoked(RevocationEntry::purse(own.purse)).into());
        }
        let epoch = counters.epoch.max(request.body.epoch);
        if !own.covers(epoch) {
            return Err(PurseRefusal::OwnCertificate(epoch));
        }
        let amount = request.body.amount;
        within(PurseLimit::OwnPayment, amount, own.payment_max)?;
        let paid = counters.paid.checked_add(amount).unwrap_or(Amount(u64::MAX));
        within(PurseLimit::Paid, paid, own.paid_max)?;
        if counters.payments >= own.payments_max {
            return Err(PurseRefusal::TooManyPayments(counters.payments));
        }
        self.check_log()?;
        let mut paid = self.log.iter().filter_map(|entry| entry.payment());
        let same_place =
            |it: &&Payment| it.request.body.payee == request.body.payee && it.request.body.seq == request.body.seq;
        match paid.find(same_place) {
            Some(first) => Err(PurseRefusal::AnotherRequest(first.transfer.body.request)),
            None => Ok(Asked {
                request: request.id(),
                payee: request.body.payee,
                amount,
                memo: request.body.memo.clone(),
            }),
        }
    }

    /// Pays a request: gives the bundle for the payee. A request that was paid before gives the same bytes, and
    /// nothing more is paid.
    pub fn pay(
        &self,
        request: &Signed<Request>,
        payee: &Signed<Certificate>,
        consent: Consent,
    ) -> Result<Step<Vec<u8>>, PurseRefusal> {
        let request_id = request.id();
        if let Some(payment) = self.payment_of(request_id) {
            return Ok(Step::unchanged(payment.bundle.clone()));
        }
        self.check_request(request, payee)?;
        self.check_consent(request.body.amount, consent)?;
        let seq = self.next_seq()?;
        let demand = Demand {
            amount: request.body.amount,
            hops_max: self.hops_max().min(payee.body.hops_max),
        };
        let (body, behind) = self.choose(demand, |spend, lots| {
            self.unsigned((&request.body, &payee.body), seq, spend, lots)
        })?;
        // The one message that is signed for this place of the log.
        let transfer = self.sign(body)?;
        let bundle = Bundle::for_transfer(transfer.clone(), self.certificate.clone(), &behind)?;
        let (id, bytes) = (transfer.id(), bundle.to_bytes());
        let payment = Payment {
            transfer,
            bundle: bytes.clone(),
            request: request.clone(),
            payee_key: payee.body.key,
            answer: None,
        };
        let amount = request.body.amount;
        let paid = self.counters.paid.checked_add(amount).ok_or(PurseRefusal::CounterEnd)?;
        let payments = self.counters.payments.checked_add(1).ok_or(PurseRefusal::CounterEnd)?;
        Ok(self.step(bytes, |next| {
            next.debit(Entry::Paid(Box::new(payment)), id);
            next.counters.paid = paid;
            next.counters.payments = payments;
            next.count_unconfirmed(amount, consent);
        }))
    }

    /// The bundle with which a request was paid, as long as the log has it.
    pub fn resend(&self, request: MessageId) -> Result<Step<Vec<u8>>, PurseRefusal> {
        let payment = self.payment_of(request).ok_or(PurseRefusal::Unknown(request))?;
        Ok(Step::unchanged(payment.bundle.clone()))
    }

    pub(super) fn payment_of(&self, request: MessageId) -> Option<&Payment> {
        let mut paid = self.log.iter().filter_map(|entry| entry.payment());
        paid.find(|payment| payment.transfer.body.request == request)
    }

    /// The transfer of these lots, and what is behind them, if that fits into a bundle that the payee would take.
    fn unsigned(
        &self,
        (request, payee): (&Request, &Certificate),
        seq: Seq,
        spend: &Spend,
        lots: &[&Lot],
    ) -> Option<(Transfer, Vec<Behind>)> {
        let transfer = Transfer {
            payer: self.id(),
            seq,
            previous: self.counters.log_head,
            payee: request.payee,
            request: request.id(),
            spend: spend.clone(),
        };
        let behind: Vec<_> = lots.iter().map(|lot| lot.behind()).collect();
        let as_long = Signed {
            body: transfer.clone(),
            signature: Signature([0; 64]),
        };
        let bundle = Bundle::for_transfer(as_long, self.certificate.clone(), &behind).ok()?;
        // The payee knows of an hour that may be later, and may have a list that is newer.
        let limits = Limits {
            list_hours_max: u32::MAX,
            ..self.rules.limits()
        };
        let trust = Trust {
            epoch: self.counters.epoch.max(request.epoch),
            ..self.trust(&limits)
        };
        let is_good = provenance::check_bundle(&bundle, request, payee, &trust).is_ok();
        is_good.then_some((transfer, behind))
    }

    pub(super) fn next_seq(&self) -> Result<Seq, PurseRefusal> {
        self.counters.seq.next().ok_or(PurseRefusal::CounterEnd)
    }

    pub(super) fn check_log(&self) -> Result<(), PurseRefusal> {
        if self.log.len() >= LOG_MAX {
            return Err(PurseRefusal::Full(Table::Log));
        }
        Ok(())
    }
}
