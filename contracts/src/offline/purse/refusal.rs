//! Why a purse does not do what it is told, beyond what is wrong with the messages themselves.

use crate::{
    money::Amount,
    offline::{
        bundle::BundleError,
        encoding::Malformed,
        ids::{Epoch, Id16, LoadCounter, MessageId, PurseId, Seq, Serial},
        issuer::Untrusted,
        refusal::{Refusal, StatusWord},
        revocation::RevocationError,
    },
};

/// Which of a purse's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PurseLimit {
    /// What the purse's certificate allows for one payment.
    OwnPayment,
    /// What the purse may hold.
    Balance,
    /// What it may have paid before it syncs.
    Paid,
    /// What it takes from one payer.
    Payer,
}

/// Which of a purse's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    Lots,
    /// Of payments since the last sync.
    Log,
    Payers,
    /// Answers to requests, none of which may be forgotten yet.
    Answers,
    /// Of its currency's issuer.
    Keys,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PurseRefusal {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("it is for purse {0}, which is another")]
    AnotherPurse(PurseId),
    #[error("load {expected} comes next, and this is {given}")]
    AnotherLoad { expected: LoadCounter, given: LoadCounter },
    #[error("lot {0} is there already")]
    SameLot(Id16),
    #[error("{given}, and at most {max} are allowed ({limit:?})")]
    OverLimit {
        limit: PurseLimit,
        max: Amount,
        given: Amount,
    },
    #[error("the purse has paid {0} times, and has to sync first")]
    TooManyPayments(u32),
    #[error("no room: {0:?}")]
    Full(Table),
    #[error("no four lots of {0} travel in one bundle; a smaller amount may do")]
    NoLots(Amount),
    #[error("the certificate of this purse does not cover hour {0}; it has to sync")]
    OwnCertificate(Epoch),
    #[error("the person has to confirm with the PIN first")]
    Confirm,
    #[error("a wrong PIN; {0} tries are left")]
    WrongPin(u8),
    #[error("the PIN is blocked")]
    PinBlocked,
    #[error("a PIN has 4 to 12 digits")]
    NotAPin,
    #[error("nothing is known of {0}")]
    Unknown(MessageId),
    #[error("request {0} was voided")]
    WasVoided(MessageId),
    #[error("the payee asks twice by one number, and this is not what it asked first ({0})")]
    AnotherRequest(MessageId),
    #[error("{0} has another outcome already")]
    OtherOutcome(MessageId),
    #[error("another request has this nonce")]
    SameNonce,
    #[error("number {0} of the log cannot end so")]
    NotPending(Seq),
    #[error("it answers {given}, and the purse would now upload {expected}")]
    AnotherUpload { expected: MessageId, given: MessageId },
    #[error("the certificate is not this purse's next, which has serial {0}")]
    NotNextCertificate(Serial),
    #[error("the issuer's beacon is about another list than this purse has")]
    AnotherList,
    #[error(transparent)]
    Revocation(#[from] RevocationError),
    #[error("{0} is neither a beacon nor a delta of a revocation list")]
    NotNews(MessageId),
    #[error("an answer to a sync is one SYNC and one CERT, with BEACONs and RL deltas")]
    NotADownload,
    #[error("the purse has no successor yet: a rebase begins with one")]
    NoSuccessor,
    #[error("the purse has lots, open requests or a log: it redeems and syncs before it is rebased")]
    NotEmpty,
    #[error("it is not about the purse's successor: another key, currency or class, or the same id")]
    NotTheSuccessors,
    #[error("a counter is at its end: the purse does this no more")]
    CounterEnd,
}

impl PurseRefusal {
    pub fn status_word(&self) -> StatusWord {
        match self {
            Self::Refused(refusal) => refusal.status_word(),
            Self::AnotherPurse(_)
            | Self::AnotherLoad { .. }
            | Self::SameLot(_)
            | Self::WasVoided(_)
            | Self::AnotherRequest(_)
            | Self::OtherOutcome(_)
            | Self::SameNonce
            | Self::NotPending(_)
            | Self::AnotherUpload { .. }
            | Self::NotNextCertificate(_)
            | Self::NotTheSuccessors
            | Self::Revocation(RevocationError::NotNext { .. } | RevocationError::Earlier { .. }) => StatusWord::REPLAY,
            Self::OverLimit { .. }
            | Self::TooManyPayments(_)
            | Self::Full(_)
            | Self::NoLots(_)
            | Self::Revocation(RevocationError::Full(_)) => StatusWord::LIMIT,
            Self::OwnCertificate(_) => StatusWord::EXPIRED,
            Self::Confirm | Self::NotEmpty => StatusWord::CONFIRM,
            Self::WrongPin(left) => StatusWord::wrong_pin(*left),
            Self::PinBlocked => StatusWord::PIN_BLOCKED,
            Self::NotAPin | Self::NotNews(_) | Self::NotADownload | Self::Revocation(RevocationError::NotAscending) => {
                StatusWord::MALFORMED
            }
            Self::Unknown(_) | Self::NoSuccessor => StatusWord::NOT_FOUND,
            Self::AnotherList => StatusWord::PROVENANCE,
            Self::CounterEnd => StatusWord::EXHAUSTED,
        }
    }
}

macro_rules! by_way_of_refusal {
    ($($error:ident),+) => {$(
        impl From<$error> for PurseRefusal {
            fn from(error: $error) -> Self {
                Self::Refused(error.into())
            }
        }
    )+};
}

by_way_of_refusal!(Malformed, BundleError, Untrusted);
