//! What a message is about, and why it says what it says.

use std::io::{self, Write};

use time::UtcDateTime;

use super::{
    ADDITIONAL_TEXTS_MAX, CreditTransfer, NOT_PROVIDED, Outgoing,
    party::Party,
    read::{Leaf, at, find, get, list, provided, required, value},
    refusal::{Fault, ReasonCode, Refusal},
    text::{OriginalInstructionId, Reference, Text},
    write::Xml,
};
use crate::{
    identifiers::uetr::Uetr,
    iso20022::{message::Message, xml::Node},
};

/// The message that another is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginalMessage {
    pub id: Reference,
    /// Such as pacs.008.001.08, or MT103.
    pub name: Text<35>,
    pub created: Option<UtcDateTime>,
}

impl OriginalMessage {
    fn find(node: Node<'_>) -> Result<Option<Self>, Refusal> {
        let Some(node) = at(node, "OrgnlGrpInf")? else {
            return Ok(None);
        };
        Ok(Some(Self {
            id: get(node, "OrgnlMsgId", ReasonCode::FORMAT)?,
            name: get(node, "OrgnlMsgNmId", ReasonCode::FORMAT)?,
            created: find(node, "OrgnlCreDtTm", ReasonCode::FORMAT)?,
        }))
    }

    pub(super) fn write<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        xml.leaf("OrgnlMsgId", &self.id)?;
        xml.leaf("OrgnlMsgNmId", &self.name)?;
        self.created.map_or(Ok(()), |created| xml.time("OrgnlCreDtTm", created))
    }
}

/// The payment that a message is about, by all references but its UETR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginalPayment {
    /// `None` where there is none that can be repeated; so with the others.
    pub message: Option<OriginalMessage>,
    pub instruction_id: Option<OriginalInstructionId>,
    /// `None` is NOTPROVIDED.
    pub end_to_end_id: Option<Reference>,
    pub transaction_id: Option<Reference>,
}

impl OriginalPayment {
    pub(super) fn read(node: Node<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            message: OriginalMessage::find(node)?,
            instruction_id: find(node, "OrgnlInstrId", ReasonCode::FORMAT)?,
            end_to_end_id: provided(node, "OrgnlEndToEndId", ReasonCode::FORMAT)?,
            transaction_id: find(node, "OrgnlTxId", ReasonCode::FORMAT)?,
        })
    }

    pub(super) fn write<W: Write>(&self, xml: &mut Xml<W>, uetr: Option<&Uetr>) -> io::Result<()> {
        if let Some(message) = &self.message {
            xml.parent("OrgnlGrpInf", |xml| message.write(xml))?;
        }
        xml.maybe("OrgnlInstrId", self.instruction_id.as_ref())?;
        match &self.end_to_end_id {
            Some(id) => xml.leaf("OrgnlEndToEndId", id)?,
            None => xml.leaf("OrgnlEndToEndId", NOT_PROVIDED)?,
        }
        xml.maybe("OrgnlTxId", self.transaction_id.as_ref())?;
        xml.maybe("OrgnlUETR", uetr)
    }
}

impl OriginalPayment {
    /// What a status report can say of a pacs.008 or pacs.004 that was refused, and its UETR: each reference that is
    /// there and right, however wrong the rest is.
    pub fn of_refused(message: &Message<'_>) -> (Self, Option<Uetr>) {
        let document = &message.document;
        let first = |paths: &[&str]| {
            let body = document.node.children().next()?;
            let found = paths.iter().find_map(|path| body.find(path).first().copied());
            found.map(value)
        };
        let reference = |paths: &[&str]| first(paths).and_then(|text| Reference::new(text).ok());
        let uetr = first(&["CdtTrfTxInf/PmtId/UETR", "TxInf/OrgnlUETR"]);
        let name = document.id.as_ref().and_then(|id| Text::new(id.as_str()).ok());
        let id = reference(&["GrpHdr/MsgId"]);
        let payment = Self {
            message: id.zip(name).map(|(id, name)| OriginalMessage {
                id,
                name,
                created: first(&["GrpHdr/CreDtTm"]).and_then(|text| UtcDateTime::leaf(text).ok()),
            }),
            instruction_id: first(&["CdtTrfTxInf/PmtId/InstrId", "TxInf/OrgnlInstrId"])
                .and_then(|text| OriginalInstructionId::new(text).ok()),
            end_to_end_id: reference(&["CdtTrfTxInf/PmtId/EndToEndId", "TxInf/OrgnlEndToEndId"])
                .filter(|id| id.as_str() != NOT_PROVIDED),
            transaction_id: reference(&["CdtTrfTxInf/PmtId/TxId", "TxInf/OrgnlTxId"]),
        };
        (payment, uetr.and_then(|text| text.parse().ok()))
    }
}

/// The payment that was received, as its answers name it.
impl From<&CreditTransfer> for OriginalPayment {
    fn from(transfer: &CreditTransfer) -> Self {
        let instruction_id = OriginalInstructionId::new(transfer.instruction_id.as_str());
        Self {
            message: Some(OriginalMessage {
                id: transfer.message_id.clone(),
                name: Text::new(CreditTransfer::MESSAGE).expect("of the set"),
                created: Some(transfer.created),
            }),
            instruction_id: Some(instruction_id.expect("a shorter text of the same set")),
            end_to_end_id: transfer.end_to_end_id.clone(),
            transaction_id: transfer.transaction_id.clone(),
        }
    }
}

/// Why: a code of ISO's external code set, or one of somebody's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    Code(ReasonCode),
    Proprietary(Text<35>),
}

impl Reason {
    fn find(node: Node<'_>) -> Result<Option<Self>, Refusal> {
        let Some(node) = at(node, "Rsn")? else {
            return Ok(None);
        };
        match find(node, "Cd", ReasonCode::FORMAT)? {
            Some(code) => Ok(Some(Self::Code(code))),
            None => Ok(find(node, "Prtry", ReasonCode::FORMAT)?.map(Self::Proprietary)),
        }
    }

    fn write<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        match self {
            Self::Code(code) => xml.leaf("Rsn/Cd", code),
            Self::Proprietary(text) => xml.leaf("Rsn/Prtry", text),
        }
    }
}

/// A reason, and lines that say more of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReason {
    /// Who says so, where that is not the sender.
    pub originator: Option<Party>,
    pub reason: Reason,
    pub additional: Vec<Text<105>>,
}

impl StatusReason {
    pub fn of(code: ReasonCode) -> Self {
        Self {
            originator: None,
            reason: Reason::Code(code),
            additional: Vec::new(),
        }
    }

    pub(super) fn read(node: Node<'_>, path: &'static str) -> Result<Self, Refusal> {
        let node = required(node, path)?;
        let missing = || Refusal::at(node, Fault::Missing { path: "Rsn" }, ReasonCode::MISSING);
        Ok(Self {
            originator: Party::find(node, "Orgtr")?,
            reason: Reason::find(node)?.ok_or_else(missing)?,
            additional: list(node, "AddtlInf", ADDITIONAL_TEXTS_MAX, ReasonCode::FORMAT)?,
        })
    }

    pub(super) fn write<W: Write>(&self, xml: &mut Xml<W>, path: &str) -> io::Result<()> {
        xml.parent(path, |xml| {
            Party::write_some(self.originator.as_ref(), xml, "Orgtr")?;
            self.reason.write(xml)?;
            xml.each("AddtlInf", &self.additional)
        })
    }
}

/// What a message that was not taken is answered: the code, and the sentence in lines.
impl From<&Refusal> for StatusReason {
    fn from(refusal: &Refusal) -> Self {
        let sentence: Vec<char> = refusal.to_string().chars().collect();
        let lines = sentence.chunks(105).take(ADDITIONAL_TEXTS_MAX);
        Self {
            originator: None,
            reason: Reason::Code(refusal.reason),
            // A line of nothing but spaces says nothing.
            additional: lines
                .filter_map(|line| Text::fitted(&line.iter().collect::<String>()).ok())
                .collect(),
        }
    }
}
