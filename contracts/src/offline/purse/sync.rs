//! A purse that has a network tells its issuer what it has done, and hears what came of it.

use super::{
    PurseRefusal, PurseState, Step,
    contents::{Answer, Entry},
    request::SignedAnswer,
};
use crate::{
    codec::Bounded,
    offline::{
        field::Fixed,
        message::Message,
        messages::{Certificate, LogEntry, PaymentStatus, SettledStatus, SyncAnswer, SyncUpload},
        signed::{Body as _, Signed},
    },
};

/// The most bytes of an upload with what follows it, and of what an answer may be.
pub const SYNC_BYTES_MAX: usize = 256 * 1024;

/// An upload, and the messages that stand behind it: how payments and this purse's requests ended, then what the log
/// spent. In this order nothing that a payer took back ever looks spent twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    pub upload: Signed<SyncUpload>,
    pub messages: Vec<Message>,
}

impl Upload {
    /// At most [`SYNC_BYTES_MAX`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.upload.to_bytes();
        bytes.extend(Message::concatenate(&self.messages));
        bytes
    }
}

/// What the issuer's service answers to an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    pub answer: Signed<SyncAnswer>,
    pub certificate: Signed<Certificate>,
    /// Beacons and deltas of the revocation list, in the order in which they came.
    pub news: Vec<Message>,
}

impl Download {
    /// One SYNC answer and one CERT; BEACONs and RL deltas as many as there are.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PurseRefusal> {
        let (mut answer, mut certificate, mut news) = (None, None, Vec::new());
        for message in Message::read_all(bytes, SYNC_BYTES_MAX)? {
            match message {
                Message::SyncAnswer(signed) if answer.is_none() => answer = Some(signed),
                Message::Certificate(signed) if certificate.is_none() => certificate = Some(signed),
                Message::Beacon(_) | Message::RevocationDelta(_) => news.push(message),
                _ => return Err(PurseRefusal::NotADownload),
            }
        }
        match (answer, certificate) {
            (Some(answer), Some(certificate)) => Ok(Self {
                answer,
                certificate,
                news,
            }),
            _ => Err(PurseRefusal::NotADownload),
        }
    }
}

impl PurseState {
    fn upload(&self) -> SyncUpload {
        let log = self.log.iter().map(|entry| LogEntry {
            seq: entry.seq(),
            status: entry.status(),
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
        let mut messages = self.payees_words();
        for answered in &self.answered {
            messages.push(self.sign_answer(answered)?.into());
        }
        messages.extend(self.log.iter().map(|entry| match entry {
            Entry::Paid(payment) => payment.transfer.clone().into(),
            Entry::Redeemed(redeem) => redeem.clone().into(),
        }));
        Ok(Step::unchanged(Upload { upload, messages }))
    }

    /// How payments of the log have ended: the payee's word, and before it the request of what a receipt for another
    /// transfer has voided.
    fn payees_words(&self) -> Vec<Message> {
        let mut messages = Vec::new();
        for payment in self.log.iter().filter_map(Entry::payment) {
            let Some(answer) = &payment.answer else { continue };
            let is_receipt = matches!(answer, SignedAnswer::Receipt(_));
            if is_receipt && payment.status() == PaymentStatus::Voided {
                messages.push(payment.request.clone().into());
            }
            messages.push(answer.clone().into());
        }
        messages
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
            for (at, status) in &ends {
                if *status == SettledStatus::Voided {
                    next.give_back(*at);
                }
            }
            let is_settled = |entry: &Entry| ends.iter().any(|(at, _)| self.log[*at].seq() == entry.seq());
            next.log.retain(|entry| entry.is_pending() && !is_settled(entry));
            next.drop_empty_lots();
            // Whatever was received since the upload would have made it another.
            for answered in &mut next.answered {
                answered.is_reported |= matches!(answered.answer, Answer::Received(_));
            }
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
