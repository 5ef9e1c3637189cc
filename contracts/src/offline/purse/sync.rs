//! A purse that has a network tells its issuer what it has done, and hears what came of it.

use super::{PurseRefusal, PurseState, Step, contents::Spent, request::SignedAnswer};
use crate::{
    codec::Bounded,
    offline::{
        field::Fixed,
        message::Message,
        messages::{Certificate, LogEntry, PaymentStatus, SettledStatus, SyncAnswer, SyncUpload},
        signed::{Body as _, Signed},
    },
};

/// An upload, and the messages that stand behind it: what the log spent, and how this purse's requests ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    pub upload: Signed<SyncUpload>,
    pub messages: Vec<Message>,
}

impl PurseState {
    fn upload(&self) -> SyncUpload {
        let log = self.log.iter().map(|entry| LogEntry {
            seq: entry.seq(),
            status: entry.status,
        });
        let counters = &self.counters;
        SyncUpload {
            direction: Fixed,
            purse: self.id(),
            serial: self.own().serial,
            load_counter: counters.load_counter,
            seq: counters.seq,
            request_seq: counters.request_seq,
            epoch: counters.epoch,
            list_version: self.revoked.version(),
            log_head: counters.log_head,
            paid: counters.paid,
            received: counters.received,
            payments: counters.payments,
            log: Bounded::new(log.collect()).expect("the log has the same limit"),
        }
    }

    pub fn sync_upload(&self) -> Result<Step<Upload>, PurseRefusal> {
        let upload = self.sign(self.upload())?;
        let mut messages = Vec::new();
        for entry in &self.log {
            messages.push(match &entry.spent {
                Spent::Paid(payment) => payment.transfer.clone().into(),
                Spent::Redeemed(redeem) => redeem.clone().into(),
            });
        }
        for answered in &self.answered {
            messages.push(match self.sign_answer(answered)? {
                SignedAnswer::Receipt(receipt) => receipt.into(),
                SignedAnswer::Void(void) => void.into(),
            });
        }
        Ok(Step::unchanged(Upload { upload, messages }))
    }

    /// Ends what the answer says, forgets what has ended, and takes the next certificate. The answer is for what the
    /// purse would upload now: if it has paid or asked meanwhile, it syncs again.
    pub fn sync_answer(
        &self,
        answer: &Signed<SyncAnswer>,
        certificate: &Signed<Certificate>,
    ) -> Result<Step<()>, PurseRefusal> {
        self.check_issuer(answer)?;
        self.check_own(answer.body.purse)?;
        let (expected, given) = (self.upload().id(), answer.body.upload);
        if given != expected {
            return Err(PurseRefusal::AnotherUpload { expected, given });
        }
        self.check_next_certificate(certificate)?;
        let mut ends = Vec::new();
        for settled in &answer.body.settled {
            let found = self.log.iter().position(|entry| entry.seq() == settled.seq);
            let at = found.ok_or(PurseRefusal::NotPending(settled.seq))?;
            let entry = &self.log[at];
            let is_void_redemption = entry.payment().is_none() && settled.status == SettledStatus::Voided;
            if !entry.is_pending() || is_void_redemption {
                return Err(PurseRefusal::NotPending(settled.seq));
            }
            ends.push((at, settled.status));
        }
        Ok(self.step((), |next| {
            for (at, status) in ends {
                let is_returned = status == SettledStatus::Voided;
                next.close(at, paid_as(status), is_returned);
            }
            next.log.retain(|entry| entry.is_pending());
            next.certificate = certificate.clone();
        }))
    }

    fn check_next_certificate(&self, certificate: &Signed<Certificate>) -> Result<(), PurseRefusal> {
        self.check_issuer(certificate)?;
        let (own, next) = (self.own(), &certificate.body);
        self.check_own(next.purse)?;
        let serial = own.serial.next().ok_or(PurseRefusal::CounterEnd)?;
        let is_next = next.serial == serial
            && next.key == own.key
            && next.currency == own.currency
            && next.not_before <= own.not_before;
        if is_next {
            Ok(())
        } else {
            Err(PurseRefusal::NotNextCertificate(serial))
        }
    }
}

fn paid_as(status: SettledStatus) -> PaymentStatus {
    match status {
        SettledStatus::Paid => PaymentStatus::Paid,
        SettledStatus::Voided => PaymentStatus::Voided,
        SettledStatus::Refunded => PaymentStatus::Refunded,
    }
}
