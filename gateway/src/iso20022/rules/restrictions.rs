//! Where CBPR+ narrows the schema: what is mandatory, how long texts are, which characters they have.

use super::{Case, Kind, RuleYear, Told, value};
use crate::{identifiers::uetr::Uetr, iso20022::xml::Node, reason::Coded};

/// As in FIN, where an instruction identifier becomes a reference of field 20.
pub const INSTRUCTION_ID_CHARACTERS_MAX: usize = 16;

const ADDRESS_LINES_MAX: usize = 2;
const ADDRESS_LINE_CHARACTERS_MAX: usize = 70;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Restriction {
    #[error("{parent} lacks {path}, which CBPR+ makes mandatory")]
    Missing { parent: String, path: &'static str },
    #[error("there are {found} payments in the message; in CBPR+ there is one")]
    Payments { found: usize },
    #[error("InstrId has {found} characters; at most {INSTRUCTION_ID_CHARACTERS_MAX} are allowed")]
    InstructionIdLength { found: usize },
    #[error("{found:?} is no UETR: a UUID of version 4 in small letters, such as 174c245f-2682-4291-ad67-2a41e530cd27")]
    Uetr { found: String },
    #[error("{name} has the character {found:?}; allowed are {}", if *plain { PLAIN } else { EXTENDED })]
    Character { name: String, found: char, plain: bool },
    #[error("the address lacks {missing}; from 2026 on, TwnNm and Ctry are mandatory")]
    AddressUnplaced { missing: &'static str },
    #[error("the address has {found} AdrLine; from 2026 on, at most {ADDRESS_LINES_MAX} are allowed")]
    AddressLines { found: usize },
    #[error("AdrLine has {found} characters; at most {ADDRESS_LINE_CHARACTERS_MAX} are allowed")]
    AddressLineLength { found: usize },
}

const PLAIN: &str = "letters from A to Z, digits, spaces, and / - ? : ( ) . , ' +";
const EXTENDED: &str =
    "letters from A to Z, digits, spaces, and / - ? : ( ) . , ' + ! # $ % & * = ^ _ ` { | } ~ \" ; < > @ [ \\ ]";

impl Coded for Restriction {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "mandatory_in_cbpr",
            Self::Payments { .. } => "one_payment",
            Self::InstructionIdLength { .. } => "instruction_id_length",
            Self::Uetr { .. } => "uetr",
            Self::Character { .. } => "character_set",
            Self::AddressUnplaced { .. } => "address_without_town_or_country",
            Self::AddressLines { .. } => "address_lines",
            Self::AddressLineLength { .. } => "address_line_length",
        }
    }
}

pub fn check(case: &Case<'_, '_>, told: &mut Told<'_>) {
    if case.kind == Kind::CreditTransfer {
        credit_transfer(case, told);
    }
    let addressed = case.kind.is_interbank() || case.kind == Kind::CreditTransferInitiation;
    for node in case.body.descendants() {
        if node.name() == "PstlAdr" && addressed && case.year == RuleYear::Y2026 {
            address(node, told);
        }
        if node.name().ends_with("UETR") && value(node).parse::<Uetr>().is_err() {
            let found = value(node).to_owned();
            told.tell(node, &Restriction::Uetr { found });
        }
        if !node.has_children() {
            characters(node, told);
        }
    }
}

/// The mandatory elements of pacs.008 that the schema leaves optional.
fn credit_transfer(case: &Case<'_, '_>, told: &mut Told<'_>) {
    let transactions = case.transactions();
    if transactions.len() > 1 {
        let found = transactions.len();
        told.tell(case.body, &Restriction::Payments { found });
    }
    let always = [
        "PmtId/InstrId",
        "PmtId/UETR",
        "IntrBkSttlmDt",
        "InstgAgt/FinInstnId/BICFI",
        "InstdAgt/FinInstnId/BICFI",
    ];
    let since_2026 = (case.year == RuleYear::Y2026).then_some("InstdAmt");
    for transaction in transactions {
        for path in always.into_iter().chain(since_2026) {
            if !transaction.has(path) {
                let parent = transaction.name().to_owned();
                told.tell(transaction, &Restriction::Missing { parent, path });
            }
        }
        for id in transaction.find("PmtId/InstrId") {
            let found = value(id).chars().count();
            if found > INSTRUCTION_ID_CHARACTERS_MAX {
                told.tell(id, &Restriction::InstructionIdLength { found });
            }
        }
    }
}

fn address(address: Node<'_>, told: &mut Told<'_>) {
    for missing in ["TwnNm", "Ctry"] {
        if !address.has(missing) {
            told.tell(address, &Restriction::AddressUnplaced { missing });
        }
    }
    let lines = address.find("AdrLine");
    if lines.len() > ADDRESS_LINES_MAX {
        told.tell(address, &Restriction::AddressLines { found: lines.len() });
    }
    for line in lines {
        let found = value(line).chars().count();
        if found > ADDRESS_LINE_CHARACTERS_MAX {
            told.tell(line, &Restriction::AddressLineLength { found });
        }
    }
}

/// FIN's character set X for identifiers, and its extension by CBPR+ for other texts.
fn characters(node: Node<'_>, told: &mut Told<'_>) {
    let name = node.name();
    let plain = matches!(
        name,
        "MsgId" | "InstrId" | "EndToEndId" | "TxId" | "OrgnlInstrId" | "OrgnlEndToEndId"
    );
    let wrong = |character: &char| !(is_plain(*character) || (!plain && is_extension(*character)));
    if let Some(found) = value(node).chars().find(wrong) {
        let name = name.to_owned();
        told.tell(node, &Restriction::Character { name, found, plain });
    }
}

pub fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "/-?:().,'+ ".contains(character)
}

pub fn is_extension(character: char) -> bool {
    "!#$%&*=^_`{|}~\";<>@[\\]".contains(character)
}
