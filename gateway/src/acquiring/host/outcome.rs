//! What becomes of a request, and the response code (field 39) that tells it: one table for all that the ledger, the
//! checks of risk and the link itself can say.

use causeway_contracts::ledger::rejection::Rejection;
use serde::{Deserialize, Serialize};

/// One row per outcome: its name, its code, and what it means.
macro_rules! outcomes {
    ($($(#[$attribute:meta])* $name:ident $code:literal,)*) => {
        /// What becomes of a request.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Outcome {
            $($(#[$attribute])* $name,)*
        }

        impl Outcome {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Field 39.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

outcomes! {
    Approved "00",
    ReferToIssuer "01",
    /// The merchant or terminal is not known, or is suspended.
    InvalidMerchant "03",
    CaptureCard "04",
    DoNotHonour "05",
    /// The card's printed or magnetic value is wrong. The terminal is not told so.
    CardValueWrong "05",
    /// The account is frozen or closed.
    AccountNotActive "05",
    /// Field 4 of the answer says how much.
    ApprovedInPart "10",
    /// Not something that this host does, or not in the original's state.
    InvalidTransaction "12",
    /// Its reversal came first.
    ReversedBefore "12",
    /// The currency is not known, or not taken here.
    InvalidCurrency "12",
    /// Zero, or more than the original's.
    InvalidAmount "13",
    InvalidCard "14",
    NoSuchIssuer "15",
    NoSuchOriginal "25",
    AlreadyRecorded "26",
    /// A field is missing, not listed, or not what it should be.
    FormatError "30",
    LostCard "41",
    StolenCard "43",
    InsufficientFunds "51",
    ExpiredCard "54",
    WrongPin "55",
    NotPermittedToCardholder "57",
    NotPermittedToTerminal "58",
    SuspectedFraud "59",
    OverAmountLimit "61",
    RestrictedCard "62",
    /// The message's authentication code is missing or wrong.
    AuthenticationFailed "63",
    /// The chip's cryptogram is wrong, or its counter was seen before.
    CryptogramWrong "63",
    OverFrequencyLimit "65",
    /// The amount is one for which a contactless payment needs its holder: it may come again with the phone unlocked, or
    /// with a PIN. Mastercard's issuers ask for that by the same code; of the codes here no other says "more is needed".
    HolderNotVerified "65",
    TooLate "68",
    PinTriesExceeded "75",
    IssuerUnavailable "91",
    /// As many requests wait to be decided as may.
    Busy "91",
    /// The line must sign on (0800, 70 = 001) first.
    NotSignedOn "91",
    NoRoute "92",
    /// The key of another message, with other contents.
    DuplicateTransmission "94",
    SystemMalfunction "96",
}

impl Outcome {
    /// Whether money moves or is held.
    pub const fn is_approved(self) -> bool {
        matches!(self, Self::Approved | Self::ApprovedInPart)
    }

    /// Whether asking again may give another outcome, so that it is not the answer to repeats of the message.
    pub const fn is_passing(self) -> bool {
        matches!(
            self,
            Self::IssuerUnavailable
                | Self::Busy
                | Self::NotSignedOn
                | Self::NoRoute
                | Self::SystemMalfunction
                | Self::AuthenticationFailed
                | Self::DuplicateTransmission
        )
    }
}

/// What the ledger's reason means to an acquirer. Reasons that no payment, hold, posting or voiding can have are a
/// malfunction of whoever signed the transaction.
impl From<Rejection> for Outcome {
    fn from(rejection: Rejection) -> Self {
        use Rejection as R;
        match rejection {
            R::UnknownAccount => Self::InvalidCard,
            R::AccountNotActive => Self::AccountNotActive,
            R::UnknownCurrency | R::CurrencyFrozen => Self::InvalidCurrency,
            R::AmountZero | R::OverHold | R::NothingBought | R::RequestMismatch => Self::InvalidAmount,
            R::OverPaymentLimit | R::OverBalanceLimit | R::OverAllowance | R::OverMandate | R::OverPurseLimit => {
                Self::OverAmountLimit
            }
            R::OverDailyLimit => Self::OverFrequencyLimit,
            R::InsufficientFunds | R::OverIssuanceCap | R::PathTooThin | R::WorseThanBound => Self::InsufficientFunds,
            R::NotPermitted | R::PayeeNotAllowed | R::MandateNotStarted => Self::NotPermittedToCardholder,
            R::SamePayerAndPayee | R::ContractEnded | R::HoldGrouped | R::ConditionNotMet => Self::InvalidTransaction,
            R::UnknownContract => Self::NoSuchOriginal,
            R::ContractExpired => Self::TooLate,
            R::QuoteInvalid
            | R::QuoteExpired
            | R::QuoteForeign
            | R::QuoteUsed
            | R::QuoteWithdrawn
            | R::QuoteOutOfRange
            | R::OfferCrossesOwn
            | R::QueueFull => Self::IssuerUnavailable,
            R::Overflow
            | R::FreezeUnchanged
            | R::AccountNotEmpty
            | R::CurrencyExists
            | R::ParticipantExists
            | R::AccountExists
            | R::UnknownParticipant
            | R::ParameterOutOfRange
            | R::RegistryFull
            | R::UnknownValidator
            | R::EvidenceOutOfTime
            | R::EvidenceKnown
            | R::EvidenceFull
            | R::EvidenceInvalid
            | R::ProtocolNotNext
            | R::ProtocolTooSoon
            | R::ProtocolNotScheduled
            | R::UnknownNode
            | R::NodeUnsound
            | R::NodeKeyTaken
            | R::NodeInUse
            | R::ValidatorSetInvalid
            | R::TooFewUnchangedValidators
            | R::ExpiryOutOfRange
            | R::RateOutOfTime
            | R::NotRevocable
            | R::NotInCycle
            | R::NothingPrefunded
            | R::PursesOpen
            | R::PursesNotOpen
            | R::KeyUnusable
            | R::ServiceKeyTaken
            | R::UnknownServiceKey
            | R::UnknownPurse
            | R::PurseRevoked
            | R::CertificateNotNewer
            | R::CertificateNotInForce
            | R::LoadOutOfTurn
            | R::UnknownLoad
            | R::MessageConflict
            | R::EpochOutOfTime
            | R::ListVersionUnknown
            | R::MessageInvalid
            | R::PurseCrowded
            | R::PurseConvicted
            | R::LotUnknown
            | R::LotExpired
            | R::UnknownClaim
            | R::ListMismatch => Self::SystemMalfunction,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use causeway_cards::iso8583::codes::RESPONSES;

    use super::*;

    #[test]
    fn every_listed_code_tells_an_outcome_and_every_outcome_has_a_listed_code() {
        let listed: BTreeSet<_> = RESPONSES.iter().map(|(code, _)| *code).collect();
        let told: BTreeSet<_> = Outcome::ALL.iter().map(|outcome| outcome.code()).collect();
        assert_eq!(told, listed);
    }

    #[test]
    fn what_the_ledger_rejects_is_declined() {
        let of = |rejection| Outcome::from(rejection).code();
        assert_eq!(of(Rejection::InsufficientFunds), "51");
        assert_eq!(of(Rejection::OverPaymentLimit), "61");
        assert_eq!(of(Rejection::OverDailyLimit), "65");
        assert_eq!(of(Rejection::AmountZero), "13");
        assert_eq!(of(Rejection::AccountNotActive), "05");
        assert_eq!(of(Rejection::UnknownContract), "25");
        assert_eq!(of(Rejection::NodeUnsound), "96");
    }
}
