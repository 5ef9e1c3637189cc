//! What a purse has: lots, a log, and what it remembers of payees and payers.

use super::record::record;
use crate::{
    keys::PublicKey,
    money::Amount,
    offline::{
        bundle::{Behind, Bundle},
        ids::{Epoch, Id16, MessageId, Nonce16, PurseId, RequestSeq, Seq, Serial},
        messages::{Grant, PaymentStatus, Redeem, Request, Spend, Transfer},
        signed::Signed,
    },
};

/// Where a lot came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Grant(Signed<Grant>),
    /// A bundle's bytes, as they were accepted, and what was asked for.
    Bundle {
        bytes: Vec<u8>,
        request: Signed<Request>,
    },
}

/// Money of this purse. One of which nothing is left stays as long as a payment without outcome may bring some back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    pub id: Id16,
    pub left: Amount,
    /// 0 for a grant.
    pub hop: u8,
    pub expiry: Epoch,
    pub origin: Origin,
}

impl Lot {
    pub fn behind(&self) -> Behind {
        match &self.origin {
            Origin::Grant(grant) => Behind::Grant(grant.clone()),
            Origin::Bundle { bytes, .. } => Behind::Bundle(Bundle::from_bytes(bytes).expect("it was checked")),
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Paid by this transfer.
    Received(MessageId),
    Voided,
}

/// A request that is no longer open, so that its answer can be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    pub request: MessageId,
    pub seq: RequestSeq,
    pub nonce: Nonce16,
    pub answer: Answer,
    /// From when on nobody needs it.
    pub forget: Epoch,
}

/// What was signed at one place of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spent {
    Paid(Payment),
    Redeemed(Signed<Redeem>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    pub transfer: Signed<Transfer>,
    /// Which ends with the transfer: all that the payee is given.
    pub bundle: Vec<u8>,
    /// The request's.
    pub request_seq: RequestSeq,
    pub payee_key: PublicKey,
}

/// A payment or a redemption since the last sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub spent: Spent,
    pub status: PaymentStatus,
}

impl Entry {
    pub fn seq(&self) -> Seq {
        match &self.spent {
            Spent::Paid(payment) => payment.transfer.body.seq,
            Spent::Redeemed(redeem) => redeem.body.seq,
        }
    }

    pub fn spend(&self) -> &Spend {
        match &self.spent {
            Spent::Paid(payment) => &payment.transfer.body.spend,
            Spent::Redeemed(redeem) => &redeem.body.spend,
        }
    }

    pub fn is_pending(&self) -> bool {
        self.status == PaymentStatus::Pending
    }

    pub fn payment(&self) -> Option<&Payment> {
        match &self.spent {
            Spent::Paid(payment) => Some(payment),
            Spent::Redeemed(_) => None,
        }
    }
}

record! {
    /// What was taken from one payer under one certificate.
    Taken {
        payer: PurseId,
        serial: Serial,
        not_after: Epoch,
        amount: Amount,
    }
}
