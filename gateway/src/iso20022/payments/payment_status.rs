//! pain.002.001.10: what became of the orders of a customer, the answer to pain.001.

use std::io::{self, Write};

use time::UtcDateTime;

use super::{
    Body, NOT_PROVIDED, Outgoing, TransferState,
    header::Header,
    original::{OriginalMessage, StatusReason},
    party::Party,
    read::codes,
    text::{Reference, Text},
    write::Xml,
};
use crate::identifiers::uetr::Uetr;

codes! {
    /// Of a whole message, or of one batch in it.
    GroupStatus {
        Received = "RCVD",
        Accepted = "ACCP",
        InProcess = "ACSP",
        Settled = "ACSC",
        /// Some were accepted.
        Partly = "PART",
        Pending = "PDNG",
        Rejected = "RJCT",
    }
}

/// Of one transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderStatus {
    pub instruction_id: Option<Reference>,
    /// `None` is NOTPROVIDED.
    pub end_to_end_id: Option<Reference>,
    pub uetr: Option<Uetr>,
    pub state: TransferState,
}

impl OrderStatus {
    fn write<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        xml.parent("TxInfAndSts", |xml| {
            xml.maybe("OrgnlInstrId", self.instruction_id.as_ref())?;
            match &self.end_to_end_id {
                Some(id) => xml.leaf("OrgnlEndToEndId", id)?,
                None => xml.leaf("OrgnlEndToEndId", NOT_PROVIDED)?,
            }
            xml.maybe("OrgnlUETR", self.uetr.as_ref())?;
            self.state.write(xml)
        })
    }
}

/// Of one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchStatus {
    /// PmtInfId of the order.
    pub id: Text<35>,
    pub status: Option<GroupStatus>,
    pub reason: Option<StatusReason>,
    pub transfers: Vec<OrderStatus>,
}

impl BatchStatus {
    fn write<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        xml.parent("OrgnlPmtInfAndSts", |xml| {
            xml.leaf("OrgnlPmtInfId", &self.id)?;
            xml.maybe("PmtInfSts", self.status)?;
            if let Some(reason) = &self.reason {
                reason.write(xml, "StsRsnInf")?;
            }
            self.transfers.iter().try_for_each(|transfer| transfer.write(xml))
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentStatus {
    /// Where the order had one.
    pub header: Option<Header>,
    pub message_id: Reference,
    pub created: UtcDateTime,
    pub initiating_party: Option<Party>,
    pub original: OriginalMessage,
    /// Of the whole message; a refused one has this and its reason, and no batches.
    pub status: Option<GroupStatus>,
    pub reason: Option<StatusReason>,
    pub batches: Vec<BatchStatus>,
}

impl Outgoing for PaymentStatus {
    const MESSAGE: &'static str = "pain.002.001.10";

    fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    fn write_body(&self, body: &mut Body<'_>) -> io::Result<()> {
        body.xml.parent("CstmrPmtStsRpt", |xml| {
            xml.parent("GrpHdr", |xml| {
                xml.leaf("MsgId", &self.message_id)?;
                xml.time("CreDtTm", self.created)?;
                Party::write_some(self.initiating_party.as_ref(), xml, "InitgPty")
            })?;
            xml.parent("OrgnlGrpInfAndSts", |xml| {
                self.original.write(xml)?;
                xml.maybe("GrpSts", self.status)?;
                self.reason
                    .as_ref()
                    .map_or(Ok(()), |reason| reason.write(xml, "StsRsnInf"))
            })?;
            self.batches.iter().try_for_each(|batch| batch.write(xml))
        })
    }
}
