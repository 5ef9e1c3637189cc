//! Why a message is not taken, with the reason code of ISO's external code set that its status report gives.

use super::{amount::AmountFault, text::TextFault};
use crate::{
    identifiers::{
        bic::BicFault, country::CountryFault, currency::CurrencyCodeFault, iban::IbanFault, lei::LeiFault,
        uetr::UetrFault,
    },
    iso20022::xml::{Node, Place},
};

/// A code of an external code set, such as AC03 of ExternalStatusReason1Code: one to four capitals and digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReasonCode {
    characters: [u8; 4],
    length: u8,
}

impl ReasonCode {
    pub const ACCOUNT: Self = Self::of(*b"AC01");
    pub const DEBTOR_ACCOUNT: Self = Self::of(*b"AC02");
    pub const CREDITOR_ACCOUNT: Self = Self::of(*b"AC03");
    /// A kind of payment that is not made.
    pub const NOT_SUPPORTED: Self = Self::of(*b"AG03");
    pub const AMOUNT_ZERO: Self = Self::of(*b"AM01");
    pub const AMOUNT_TOO_LARGE: Self = Self::of(*b"AM02");
    pub const CURRENCY_NOT_PROCESSED: Self = Self::of(*b"AM03");
    pub const CONTROL_SUM: Self = Self::of(*b"AM10");
    pub const CURRENCY: Self = Self::of(*b"AM11");
    pub const AMOUNT: Self = Self::of(*b"AM12");
    pub const TRANSACTIONS: Self = Self::of(*b"AM18");
    pub const DECIMALS: Self = Self::of(*b"CH20");
    pub const CONTENT: Self = Self::of(*b"CH16");
    pub const MISSING: Self = Self::of(*b"CH21");
    pub const DEBTOR_NAME: Self = Self::of(*b"BE08");
    pub const CREDITOR_NAME: Self = Self::of(*b"BE22");
    pub const COUNTRY: Self = Self::of(*b"BE09");
    pub const IDENTIFICATION: Self = Self::of(*b"BE15");
    pub const CHARGE_BEARER: Self = Self::of(*b"BE19");
    pub const NAME: Self = Self::of(*b"BE21");
    pub const DATE: Self = Self::of(*b"DT01");
    pub const CREATED: Self = Self::of(*b"DT02");
    /// The message, by its sender and MsgId.
    pub const MESSAGE_TWICE: Self = Self::of(*b"DU01");
    /// The payment, by its UETR.
    pub const TRANSACTION_TWICE: Self = Self::of(*b"DU03");
    pub const FORMAT: Self = Self::of(*b"FF01");
    pub const PURPOSE: Self = Self::of(*b"FF07");
    pub const WRONG_AMOUNT: Self = Self::of(*b"AM09");
    /// An agent is another than it should be; of a request to cancel: an agent does not want to.
    pub const AGENT: Self = Self::of(*b"AGNT");
    pub const CREDITOR_AGENT: Self = Self::of(*b"RC04");
    pub const REGULATORY: Self = Self::of(*b"RR04");
    /// Of a request to cancel: nobody has answered yet.
    pub const NO_REPLY_YET: Self = Self::of(*b"ARPL");
    /// Of a return: the payment that it is of was never received.
    pub const NEVER_RECEIVED: Self = Self::of(*b"AG09");
    /// Of a return: the payment cannot be returned as it stands.
    pub const NOT_RETURNABLE: Self = Self::of(*b"FF12");
    /// Of a request to cancel: there is no such payment.
    pub const NO_ORIGINAL: Self = Self::of(*b"NOOR");
    /// The reason is in the text.
    pub const NARRATIVE: Self = Self::of(*b"NARR");
    /// Of a request to cancel: there is nothing to be cancelled any more.
    pub const RETURNED_ALREADY: Self = Self::of(*b"ARDT");
    pub const BIC: Self = Self::of(*b"RC01");
    pub const CHARACTERS: Self = Self::of(*b"RR10");

    const fn of(characters: [u8; 4]) -> Self {
        Self { characters, length: 4 }
    }

    /// `None` for what is not made like a code. Which codes there are is the code set's to say, and changes.
    pub fn new(text: &str) -> Option<Self> {
        let made = (1..=4).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let length = u8::try_from(text.len()).ok().filter(|_| made)?;
        let mut characters = [0; 4];
        characters[..text.len()].copy_from_slice(text.as_bytes());
        Some(Self { characters, length })
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.characters[..usize::from(self.length)]).expect("capitals and digits")
    }
}

impl std::fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Debug for ReasonCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong with an element.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("is another message; expected {expected}")]
    Message { expected: &'static str },
    #[error("has no AppHdr before the Document; only pain.001 may come without")]
    HeaderMissing,
    #[error("is not the Document's message, {expected}")]
    Definition { expected: String },
    #[error("lacks {path}, which is mandatory")]
    Missing { path: &'static str },
    #[error("has more than one {name}; there may be one")]
    Repeated { name: String },
    #[error("has {found} {name}; there may be at most {max}")]
    TooMany {
        name: &'static str,
        found: usize,
        max: usize,
    },
    #[error("{0}")]
    Text(#[source] TextFault),
    #[error("{0}")]
    Amount(#[source] AmountFault),
    #[error("is zero; a payment is of more")]
    Zero,
    #[error("is {declared}, but there are {counted} transactions")]
    Count { declared: String, counted: usize },
    #[error("is {declared}, but the amounts add up to {sum}")]
    ControlSum { declared: String, sum: String },
    #[error("is no number that is expected here: digits, and perhaps a point among them")]
    Number,
    #[error("is no rate: more than zero, with at most 11 digits, 10 of them after the point")]
    Rate,
    #[error("is no date; it would be such as 2026-03-31")]
    Date,
    #[error("is no time; it would be such as 2026-03-31T10:30:00+00:00")]
    Time,
    #[error("is none of the codes {expected}")]
    Code { expected: &'static str },
    #[error("is no code of one to four capitals and digits, such as AC03")]
    ReasonCode,
    #[error("is neither true nor false")]
    Indicator,
    #[error("has neither name nor BIC; one of them is mandatory")]
    Unnamed,
    #[error("identifies nobody: it has neither BIC, LEI, member of a clearing system, name nor other identification")]
    Unidentified,
    #[error("{0}")]
    Iban(#[source] IbanFault),
    #[error("{0}")]
    Bic(#[source] BicFault),
    #[error("{0}")]
    Lei(#[source] LeiFault),
    #[error("{0}")]
    Uetr(#[source] UetrFault),
    #[error("{0}")]
    Country(#[source] CountryFault),
    #[error("{0}")]
    Currency(#[source] CurrencyCodeFault),
}

impl Fault {
    /// Where the fault itself says more than the element where it is.
    fn reason(&self, otherwise: ReasonCode) -> ReasonCode {
        match self {
            Self::Missing { .. } if otherwise == ReasonCode::FORMAT => ReasonCode::MISSING,
            Self::Text(TextFault::Character { .. }) => ReasonCode::CHARACTERS,
            Self::Amount(fault) => fault.reason(),
            Self::Zero => ReasonCode::AMOUNT_ZERO,
            Self::Count { .. } => ReasonCode::TRANSACTIONS,
            Self::ControlSum { .. } => ReasonCode::CONTROL_SUM,
            Self::Bic(_) => ReasonCode::BIC,
            _ => otherwise,
        }
    }
}

/// The message is not taken. Its sender gets `reason` in a status report, and the sentence as additional text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} {fault}", place.path.as_deref().unwrap_or("the message"))]
pub struct Refusal {
    pub reason: ReasonCode,
    #[source]
    pub fault: Fault,
    pub place: Place,
}

impl Refusal {
    /// `reason` stands where the fault has no code of its own.
    pub(super) fn at(node: Node<'_>, fault: Fault, reason: ReasonCode) -> Self {
        Self {
            reason: fault.reason(reason),
            fault,
            place: node.place(),
        }
    }
}
