//! What a purse has: lots, a log, and what it remembers of payees and payers.

use super::{record::record, request::SignedAnswer};
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
    /// A receipt that a sync has brought to the issuer: where there is no room it may be forgotten.
    pub is_reported: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    pub transfer: Signed<Transfer>,
    /// Which ends with the transfer: all that the payee is given.
    pub bundle: Vec<u8>,
    pub request: Signed<Request>,
    pub payee_key: PublicKey,
    /// The payee's word that ended it: without it the ledger would hold this purse to what it took back.
    pub answer: Option<SignedAnswer>,
}

impl Payment {
    /// By the payee's word. A receipt for another transfer says that this one is void.
    pub fn status(&self) -> PaymentStatus {
        match &self.answer {
            None => PaymentStatus::Pending,
            Some(SignedAnswer::Receipt(receipt)) if receipt.body.transfer == self.transfer.id() => PaymentStatus::Paid,
            Some(_) => PaymentStatus::Voided,
        }
    }
}

/// A payment or a redemption since the last sync: what was signed at one place of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    Paid(Box<Payment>),
    /// Pending until a sync.
    Redeemed(Signed<Redeem>),
}

impl Entry {
    pub fn seq(&self) -> Seq {
        match self {
            Self::Paid(payment) => payment.transfer.body.seq,
            Self::Redeemed(redeem) => redeem.body.seq,
        }
    }

    pub fn spend(&self) -> &Spend {
        match self {
            Self::Paid(payment) => &payment.transfer.body.spend,
            Self::Redeemed(redeem) => &redeem.body.spend,
        }
    }

    pub fn status(&self) -> PaymentStatus {
        self.payment().map_or(PaymentStatus::Pending, Payment::status)
    }

    pub fn is_pending(&self) -> bool {
        self.status() == PaymentStatus::Pending
    }

    pub fn payment(&self) -> Option<&Payment> {
        match self {
            Self::Paid(payment) => Some(payment),
            Self::Redeemed(_) => None,
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
