//! pacs.002.001.10: what became of one payment between banks.

use std::io::{self, Write};

use time::{Date, UtcDateTime};

use super::{
    Body, Outgoing,
    agent::write_agent_bic,
    header::Header,
    original::{OriginalPayment, StatusReason},
    text::Reference,
    write::Xml,
};
use crate::identifiers::{bic::Bic, uetr::Uetr};

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
    pub original: OriginalPayment,
    /// `None` where the original has none that can be repeated.
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
                self.original.write(xml, self.uetr.as_ref())?;
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
