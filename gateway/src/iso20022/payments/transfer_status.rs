//! pacs.002.001.10: what became of one payment between banks.

use std::io::{self, Write};

use time::{Date, UtcDateTime};

use super::{
    ADDITIONAL_TEXTS_MAX, Body, NOT_PROVIDED, Outgoing,
    agent::write_agent_bic,
    header::Header,
    refusal::{ReasonCode, Refusal},
    text::{OriginalInstructionId, Reference, Text},
    write::Xml,
};
use crate::identifiers::{bic::Bic, uetr::Uetr};

/// The message that another is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginalMessage {
    pub id: Reference,
    /// Such as pacs.008.001.08, or MT103.
    pub name: Text<35>,
    pub created: Option<UtcDateTime>,
}

impl OriginalMessage {
    pub(super) fn write<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        xml.parent("OrgnlGrpInf", |xml| self.write_inside(xml))
    }

    pub(super) fn write_inside<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        xml.leaf("OrgnlMsgId", &self.id)?;
        xml.leaf("OrgnlMsgNmId", &self.name)?;
        self.created.map_or(Ok(()), |created| xml.time("OrgnlCreDtTm", created))
    }
}

/// Why: a code of ISO's external code set, or one of somebody's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    Code(ReasonCode),
    Proprietary(Text<35>),
}

impl Reason {
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
    pub reason: Reason,
    pub additional: Vec<Text<105>>,
}

impl StatusReason {
    pub fn of(code: ReasonCode) -> Self {
        Self {
            reason: Reason::Code(code),
            additional: Vec::new(),
        }
    }

    pub(super) fn write<W: Write>(&self, xml: &mut Xml<W>, path: &str) -> io::Result<()> {
        xml.parent(path, |xml| {
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
            reason: Reason::Code(refusal.reason),
            // A line of nothing but spaces says nothing.
            additional: lines
                .filter_map(|line| Text::fitted(&line.iter().collect::<String>()).ok())
                .collect(),
        }
    }
}

/// TxSts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferState {
    /// ACCP: what can be checked beforehand is right.
    Accepted,
    /// ACSP: being settled.
    InProcess,
    /// ACSC: settled, on that day.
    Settled(Date),
    /// RJCT.
    Rejected(StatusReason),
    /// PDNG.
    Pending(Option<StatusReason>),
}

impl TransferState {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Accepted => "ACCP",
            Self::InProcess => "ACSP",
            Self::Settled(_) => "ACSC",
            Self::Rejected(_) => "RJCT",
            Self::Pending(_) => "PDNG",
        }
    }

    pub fn reason(&self) -> Option<&StatusReason> {
        match self {
            Self::Rejected(reason) => Some(reason),
            Self::Pending(reason) => reason.as_ref(),
            Self::Accepted | Self::InProcess | Self::Settled(_) => None,
        }
    }

    pub(super) fn write<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        xml.leaf("TxSts", self.code())?;
        self.reason().map_or(Ok(()), |reason| reason.write(xml, "StsRsnInf"))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferStatus {
    pub header: Header,
    pub message_id: Reference,
    pub created: UtcDateTime,
    pub original: OriginalMessage,
    /// `None` where the original has none that can be repeated; so with the others.
    pub instruction_id: Option<OriginalInstructionId>,
    pub end_to_end_id: Option<Reference>,
    pub transaction_id: Option<Reference>,
    pub uetr: Option<Uetr>,
    pub state: TransferState,
    /// Of this message: who was instructed by the original.
    pub instructing_agent: Bic,
    pub instructed_agent: Bic,
}

impl Outgoing for TransferStatus {
    const MESSAGE: &'static str = "pacs.002.001.10";

    fn header(&self) -> Option<&Header> {
        Some(&self.header)
    }

    fn write_body(&self, body: &mut Body<'_>) -> io::Result<()> {
        body.xml.parent("FIToFIPmtStsRpt", |xml| {
            xml.parent("GrpHdr", |xml| {
                xml.leaf("MsgId", &self.message_id)?;
                xml.time("CreDtTm", self.created)
            })?;
            xml.parent("TxInfAndSts", |xml| {
                self.original.write(xml)?;
                xml.maybe("OrgnlInstrId", self.instruction_id.as_ref())?;
                match &self.end_to_end_id {
                    Some(id) => xml.leaf("OrgnlEndToEndId", id)?,
                    None => xml.leaf("OrgnlEndToEndId", NOT_PROVIDED)?,
                }
                xml.maybe("OrgnlTxId", self.transaction_id.as_ref())?;
                xml.maybe("OrgnlUETR", self.uetr.as_ref())?;
                self.state.write(xml)?;
                if let TransferState::Settled(date) = self.state {
                    xml.date("FctvIntrBkSttlmDt/Dt", date)?;
                }
                write_agent_bic(xml, "InstgAgt", &self.instructing_agent)?;
                write_agent_bic(xml, "InstdAgt", &self.instructed_agent)
            })
        })
    }
}
