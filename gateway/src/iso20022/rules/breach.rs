//! Every rule, as the sentence that tells its breach. Names of elements are those of the messages.

use crate::{
    identifiers::{bic::BicFault, country::CountryFault, currency::CurrencyCodeFault, iban::IbanFault, lei::LeiFault},
    reason::Coded,
};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    #[error("BizMsgIdr is {found:?}, but must be the MsgId of the group header, {expected:?}")]
    BusinessMessageId { found: String, expected: String },
    #[error("BizMsgIdr is {found:?}, but must contain the MsgId of the group header, {expected:?}")]
    BusinessMessageIdWithout { found: String, expected: String },
    #[error("MsgDefIdr is {found:?}, but the namespace of Document says {expected}")]
    MessageDefinition { found: String, expected: String },
    #[error("BizSvc is {found:?}, but must be {expected}")]
    BusinessService { found: String, expected: &'static str },
    #[error("From in the header is {found:?}, but InstgAgt is {expected:?}; they must be the same")]
    From { found: String, expected: String },
    #[error("To in the header is {found:?}, but InstdAgt is {expected:?}; they must be the same")]
    To { found: String, expected: String },
    #[error("Prty in the header is {found:?}, but InstrPrty is {expected:?}; they must be the same")]
    Priority { found: String, expected: String },
    #[error("CpyDplct in the header is {found:?}, but CpyDplctInd is {expected:?}; they must be the same")]
    CopyDuplicate { found: String, expected: String },
    #[error("{name} is {found:?}, but must not begin or end with a slash, nor have two in a row")]
    Slashes { name: String, found: String },
    #[error("EndToEndId is empty; it is NOTPROVIDED where the debtor gave none")]
    EndToEndIdEmpty,
    #[error("OrgnlMsgNmId is {found:?}, but must be {expected}")]
    OriginalMessageName { found: String, expected: &'static str },
    #[error("PmtInfId is {found:?}, but must be the MsgId of the group header, {expected:?}")]
    PaymentInformationId { found: String, expected: String },
    #[error("the service level {found} is of another gpi service; that of a customer credit transfer is G001")]
    ServiceLevel { found: String },
    #[error("an agent has {}; name and address must be there together", if *name { "a name but no address" } else { "an address but no name" })]
    AgentNameAddress { name: bool },
    #[error("{party} has an address but no name; with PstlAdr, Nm is mandatory")]
    PartyNameWithAddress { party: String },
    #[error("{party} has neither AnyBIC nor Nm; one of them is mandatory")]
    PartyUnnamed { party: String },
    #[error("{party} has AnyBIC, and so must not have Nm or PstlAdr")]
    PartyNamedTwice { party: String },
    #[error("an address without AdrLine must have TwnNm and Ctry")]
    AddressStructured,
    #[error("an address with AdrLine and other elements must have TwnNm and Ctry")]
    AddressHybrid,
    #[error("an address with other elements has {found} AdrLine; at most 2 are allowed")]
    AddressLines { found: usize },
    #[error("an AdrLine has {found} characters; in an address of nothing else, at most 35 are allowed")]
    AddressLineLength { found: usize },
    #[error("{name} {found:?} is repeated in AdrLine; it must be in one of them only")]
    AddressRepeated { name: String, found: String },
    #[error("ChrgBr is CRED, so that ChrgsInf is mandatory; where nothing is charged, with a zero amount")]
    ChargesForCreditor,
    #[error("ChrgBr is DEBT, so that there may be one ChrgsInf, not {found}")]
    ChargesForDebtor { found: usize },
    #[error("{instructed} and {settled} differ in one currency, so that ChrgsInf is mandatory")]
    ChargesUnexplained {
        instructed: &'static str,
        settled: &'static str,
    },
    #[error("InstrForCdtrAgt has the code {first}, and so must not have {second}")]
    InstructionsExclude { first: &'static str, second: &'static str },
    #[error("InstrForCdtrAgt has the code {code} more than once")]
    InstructionTwice { code: String },
    #[error("RmtInf and RltdRmtInf exclude each other; one of them must go")]
    RemittanceAndRelated,
    #[error("RmtInf has both Ustrd and Strd; they exclude each other")]
    RemittanceTwoForms,
    #[error("Strd has {found} characters of data in all; at most 9000 are allowed")]
    RemittanceTooLong { found: usize },
    #[error("{name} is in {currency}, a metal; nothing is settled in XAU, XAG, XPD or XPT")]
    SettledInMetal { name: String, currency: String },
    #[error("TxSts is RJCT, so that the reason, StsRsnInf/Rsn, is mandatory")]
    RejectedWithoutReason,
    #[error("TxSts is RJCT, so that there must be no FctvIntrBkSttlmDt")]
    RejectedWithDate,
    #[error("{original} is there, so that OrgnlTxRef/{repeated} must not be")]
    OriginalTwice {
        original: &'static str,
        repeated: &'static str,
    },
    #[error("less is returned than was paid, so that RtrRsnInf/AddtlInf must be PART and RtrRsnInf/Rsn is mandatory")]
    PartialReturn,
    #[error("a page has the number 0; pages are counted from 1")]
    PageZero,
    #[error("the entry is booked (BOOK), so that BookgDt or ValDt is mandatory")]
    BookedWithoutDate,
    #[error("the IBAN {found:?} {fault}")]
    Iban {
        found: String,
        #[source]
        fault: IbanFault,
    },
    #[error("the BIC {found:?} {fault}")]
    Bic {
        found: String,
        #[source]
        fault: BicFault,
    },
    #[error("the LEI {found:?} {fault}")]
    Lei {
        found: String,
        #[source]
        fault: LeiFault,
    },
    #[error("{name} {found:?} {fault}")]
    Country {
        name: String,
        found: String,
        #[source]
        fault: CountryFault,
    },
    #[error("the currency {found:?} {fault}")]
    Currency {
        found: String,
        #[source]
        fault: CurrencyCodeFault,
    },
}

impl Coded for Breach {
    fn code(&self) -> &'static str {
        match self {
            Self::BusinessMessageId { .. } | Self::BusinessMessageIdWithout { .. } => "business_message_id",
            Self::MessageDefinition { .. } => "message_definition",
            Self::BusinessService { .. } => "business_service",
            Self::From { .. } => "from_is_not_instructing_agent",
            Self::To { .. } => "to_is_not_instructed_agent",
            Self::Priority { .. } => "priority",
            Self::CopyDuplicate { .. } => "copy_duplicate",
            Self::Slashes { .. } => "slashes",
            Self::EndToEndIdEmpty => "end_to_end_id_empty",
            Self::OriginalMessageName { .. } => "original_message_name",
            Self::PaymentInformationId { .. } => "payment_information_id",
            Self::ServiceLevel { .. } => "service_level",
            Self::AgentNameAddress { .. } => "agent_name_and_address",
            Self::PartyNameWithAddress { .. } => "party_name_with_address",
            Self::PartyUnnamed { .. } => "party_name_or_bic",
            Self::PartyNamedTwice { .. } => "party_name_and_bic",
            Self::AddressStructured => "address_structured",
            Self::AddressHybrid => "address_hybrid",
            Self::AddressLines { .. } => "address_lines",
            Self::AddressLineLength { .. } => "address_line_length",
            Self::AddressRepeated { .. } => "address_repeated",
            Self::ChargesForCreditor => "charges_for_creditor",
            Self::ChargesForDebtor { .. } => "charges_for_debtor",
            Self::ChargesUnexplained { .. } => "charges_unexplained",
            Self::InstructionsExclude { .. } => "instructions_exclude",
            Self::InstructionTwice { .. } => "instruction_twice",
            Self::RemittanceAndRelated => "remittance_and_related",
            Self::RemittanceTwoForms => "remittance_two_forms",
            Self::RemittanceTooLong { .. } => "remittance_too_long",
            Self::SettledInMetal { .. } => "settled_in_metal",
            Self::RejectedWithoutReason => "rejected_without_reason",
            Self::RejectedWithDate => "rejected_with_date",
            Self::OriginalTwice { .. } => "original_twice",
            Self::PartialReturn => "partial_return",
            Self::PageZero => "page_zero",
            Self::BookedWithoutDate => "booked_without_date",
            Self::Iban { fault, .. } => fault.code(),
            Self::Bic { fault, .. } => fault.code(),
            Self::Lei { fault, .. } => fault.code(),
            Self::Country { .. } => "country",
            Self::Currency { .. } => "currency",
        }
    }
}
