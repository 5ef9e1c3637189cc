//! Why a payee refuses what it is given, or a payer what it is asked for, and the status word that says so.

use std::fmt;

use super::{
    bundle::BundleError,
    encoding::Malformed,
    ids::{CurrencyIndex, Epoch, Id16, MessageId, PurseId, RevocationEntry},
    issuer::Untrusted,
};
use crate::money::Amount;

/// Two bytes with which a card ends its answer (ISO/IEC 7816-4, section 5.6). Those of any card are where cards are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatusWord(pub u16);

impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl StatusWord {
    pub const OK: Self = Self(0x9000);
    pub const SIGNATURE: Self = Self(0x9e01);
    pub const REVOKED: Self = Self(0x9e03);
    pub const EXPIRED: Self = Self(0x9e04);
    pub const LIMIT: Self = Self(0x9e05);
    pub const HOP: Self = Self(0x9e06);
    pub const PROVENANCE: Self = Self(0x9e07);
    pub const REPLAY: Self = Self(0x9e08);
    pub const STALE_LIST: Self = Self(0x9e0c);
    pub const MALFORMED: Self = Self(0x6a80);
    /// The person has to confirm first.
    pub const CONFIRM: Self = Self(0x6985);
    pub const PIN_BLOCKED: Self = Self(0x6983);
    /// A counter, or a table that does not empty by itself, is at its end.
    pub const EXHAUSTED: Self = Self(0x6a84);
    pub const NOT_FOUND: Self = Self(0x6a88);

    /// A wrong PIN, and how many tries are left, at most 15.
    pub fn wrong_pin(tries_left: u8) -> Self {
        Self(0x63c0 | u16::from(tries_left.min(15)))
    }
}

/// What a limit is about, in the order in which they are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// What the payer's certificate allows for one payment.
    PayersPayment,
    /// What this network allows for one payment.
    Payment,
    /// What the payee may hold.
    PayeesBalance,
}

/// In the order in which they are looked for. What is no bundle is told before signatures if it is no messages of a
/// bundle, and after them otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    #[error("the signature of {0} does not fit its purse's key")]
    Signature(MessageId),
    #[error("the transfer pays purse {0}, which is another")]
    AnotherPayee(PurseId),
    #[error("the transfer is for the request {0}, which is not the one that is open")]
    AnotherRequest(MessageId),
    #[error("{asked} was asked for, and {given} is given")]
    AnotherAmount { asked: Amount, given: Amount },
    #[error("currency {given}, and this purse has {own}")]
    AnotherCurrency { own: CurrencyIndex, given: CurrencyIndex },
    #[error("purse {0} may not be paid")]
    MayNotReceive(PurseId),
    #[error("purse {0} may not spend what it was paid")]
    MayNotRespend(PurseId),
    #[error("lot {0} was not given to the purse that spends it")]
    NotThePayersLot(Id16),
    #[error("more is spent of lot {0} than it has")]
    Overspent(Id16),
    #[error("the expiry of {0} is not the least of its lots'")]
    ExpiryNotTheLeast(MessageId),
    #[error("purse {0} has spent two lots at one place of its log")]
    Equivocation(PurseId),
    #[error("one request, {0}, is paid twice")]
    PaidTwice(MessageId),
    #[error("hop {given} instead of {expected}")]
    AnotherHop { expected: u8, given: u8 },
    #[error("hop {given}, and at most {max} are allowed")]
    TooManyHops { max: u8, given: u8 },
    #[error("the certificate of purse {purse} does not cover hour {epoch}")]
    CertificateWindow { purse: PurseId, epoch: Epoch },
    #[error("it is over from hour {expiry} on, and this is hour {now}")]
    Expired { expiry: Epoch, now: Epoch },
    #[error("{0} is on the revocation list")]
    Revoked(RevocationEntry),
    #[error("{given}, and at most {max} are allowed ({limit:?})")]
    OverLimit { limit: Limit, max: Amount, given: Amount },
    #[error("the revocation list is {hours} hours old, too old for more than {floor}")]
    StaleList { hours: u32, floor: Amount },
}

impl Refusal {
    pub fn status_word(&self) -> StatusWord {
        match self {
            Self::Bundle(error) => of_bundle(error),
            Self::AnotherAmount { .. } | Self::AnotherCurrency { .. } => StatusWord::MALFORMED,
            Self::Untrusted(_) | Self::Signature(_) => StatusWord::SIGNATURE,
            Self::AnotherPayee(_) | Self::AnotherRequest(_) => StatusWord::REPLAY,
            Self::MayNotReceive(_)
            | Self::MayNotRespend(_)
            | Self::NotThePayersLot(_)
            | Self::Overspent(_)
            | Self::ExpiryNotTheLeast(_)
            | Self::Equivocation(_)
            | Self::PaidTwice(_) => StatusWord::PROVENANCE,
            Self::AnotherHop { .. } | Self::TooManyHops { .. } => StatusWord::HOP,
            Self::CertificateWindow { .. } | Self::Expired { .. } => StatusWord::EXPIRED,
            Self::Revoked(_) => StatusWord::REVOKED,
            Self::OverLimit { .. } => StatusWord::LIMIT,
            Self::StaleList { .. } => StatusWord::STALE_LIST,
        }
    }
}

impl From<Malformed> for Refusal {
    fn from(error: Malformed) -> Self {
        Self::Bundle(error.into())
    }
}

fn of_bundle(error: &BundleError) -> StatusWord {
    match error {
        BundleError::Malformed(_)
        | BundleError::TooLong(_)
        | BundleError::Foreign(_)
        | BundleError::NoTransfer
        | BundleError::Twice(_)
        | BundleError::NotInOrder => StatusWord::MALFORMED,
        BundleError::SameLot(_)
        | BundleError::CertifiedTwice(_)
        | BundleError::NotCertified(_)
        | BundleError::ParentMissing(_)
        | BundleError::NotNeeded(_)
        | BundleError::NoCommonCertificate(_) => StatusWord::PROVENANCE,
    }
}
