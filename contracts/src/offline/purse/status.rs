//! What a purse says of itself.

use super::{
    PurseState,
    contents::{Answer, Answered},
    record::record,
};
use crate::{
    money::Amount,
    offline::{
        ids::{Epoch, ListVersion, LoadCounter, MessageId, PurseId, Seq, Serial},
        messages::PaymentStatus,
    },
};

record! {
    /// For the purse's own host.
    Status {
        purse: PurseId,
        serial: Serial,
        balance: Amount,
        /// What one payment can be at most, as the lots lie.
        largest_payment: Amount,
        /// What is pending: neither the payee's nor this purse's again.
        pending: Amount,
        load_counter: LoadCounter,
        seq: Seq,
        epoch: Epoch,
        list_version: ListVersion,
        lots: u8,
        open_requests: u8,
        log_entries: u8,
        pin_tries_left: u8,
    }
}

/// What a purse knows of a request, of its own or of one that it has paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Unknown,
    /// This purse has asked, and was not paid.
    Open,
    Answered(Answer),
    /// This purse has paid, by this transfer.
    Paid {
        transfer: MessageId,
        status: PaymentStatus,
    },
}

impl PurseState {
    pub fn status(&self) -> Status {
        let pending = self.log.iter().filter(|entry| entry.is_pending());
        let count = |items: usize| u8::try_from(items).expect("all of these are below 256");
        Status {
            purse: self.id(),
            serial: self.own().serial,
            balance: self.balance(),
            largest_payment: self.largest_payment(),
            pending: super::state::sum(pending.map(|entry| entry.spend().amount)),
            load_counter: self.counters.load_counter,
            seq: self.counters.seq,
            epoch: self.counters.epoch,
            list_version: self.revoked.version(),
            lots: count(self.lots.len()),
            open_requests: count(self.requests.len()),
            log_entries: count(self.log.len()),
            pin_tries_left: self.pin.tries_left,
        }
    }

    /// With which a tap begins that resumes another.
    pub fn standing(&self, request: MessageId) -> Standing {
        let paid = self.payment_of(request).map(|payment| Standing::Paid {
            transfer: payment.transfer.id(),
            status: payment.status(),
        });
        let answered = |it: &Answered| Standing::Answered(it.answer);
        let open = self.requests.iter().any(|open| open.id() == request);
        paid.or_else(|| self.answered(request).map(answered))
            .unwrap_or(if open { Standing::Open } else { Standing::Unknown })
    }
}
