//! camt.056.001.08, the request to take a payment back, and camt.029.001.09, its answer.

use std::io::{self, Write};

use time::{Date, UtcDateTime};

use super::{
    Body, Outgoing,
    agent::{Actor, write_agent_bic},
    amount::Money,
    body,
    header::Header,
    original::{OriginalPayment, StatusReason},
    read::{at, find, get, required, several},
    refusal::{ReasonCode, Refusal},
    text::{Reference, Text},
    write::Xml,
};
use crate::{
    identifiers::{bic::Bic, uetr::Uetr},
    iso20022::{message::Message, xml::Node},
};

/// What the request and all that follows it belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    pub id: Text<35>,
    pub creator: Actor,
}

impl Case {
    fn read(node: Node<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            id: get(node, "Id", ReasonCode::FORMAT)?,
            creator: Actor::read(node, "Cretr")?,
        })
    }

    fn write<W: Write>(&self, xml: &mut Xml<W>, name: &str) -> io::Result<()> {
        xml.parent(name, |xml| {
            xml.leaf("Id", &self.id)?;
            self.creator.write(xml, "Cretr")
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancellationRequest {
    pub header: Header,
    /// Of the assignment, which in this message is that of the message.
    pub id: Reference,
    pub assigner: Actor,
    pub assignee: Actor,
    pub created: UtcDateTime,
    pub case: Option<Case>,
    pub cancellation_id: Option<Text<35>>,
    pub original: OriginalPayment,
    pub uetr: Uetr,
    pub original_settled: Option<Money>,
    pub original_settlement_date: Option<Date>,
    pub reason: StatusReason,
}

impl CancellationRequest {
    pub const MESSAGE: &'static str = "camt.056.001.08";

    /// Of one payment, as in CBPR+.
    ///
    /// # Errors
    /// The first thing that is wrong. The original's UETR and a reason are mandatory.
    pub fn read(message: &Message<'_>) -> Result<Self, Refusal> {
        let body = body(message, Self::MESSAGE, "FIToFIPmtCxlReq")?;
        let assignment = required(body, "Assgnmt")?;
        several(body, "Undrlyg", 1)?;
        let payment = required(body, "Undrlyg/TxInf")?;
        let case = match at(payment, "Case")? {
            Some(case) => Some(case),
            None => at(body, "Case")?,
        };
        Ok(Self {
            header: Header::read(message)?,
            id: get(assignment, "Id", ReasonCode::FORMAT)?,
            assigner: Actor::read(assignment, "Assgnr")?,
            assignee: Actor::read(assignment, "Assgne")?,
            created: get(assignment, "CreDtTm", ReasonCode::CREATED)?,
            case: case.map(Case::read).transpose()?,
            cancellation_id: find(payment, "CxlId", ReasonCode::FORMAT)?,
            original: OriginalPayment::read(payment)?,
            uetr: get(payment, "OrgnlUETR", ReasonCode::FORMAT)?,
            original_settled: Money::find_paid(payment, "OrgnlIntrBkSttlmAmt")?,
            original_settlement_date: find(payment, "OrgnlIntrBkSttlmDt", ReasonCode::DATE)?,
            reason: StatusReason::read(payment, "CxlRsnInf")?,
        })
    }
}

/// What became of the request. CBPR+ wants a reason where the payment is not cancelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancellationState {
    /// CNCL.
    Cancelled,
    /// RJCR.
    Rejected(StatusReason),
    /// PDCR.
    Pending(StatusReason),
}

impl CancellationState {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Cancelled => "CNCL",
            Self::Rejected(_) => "RJCR",
            Self::Pending(_) => "PDCR",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancellationAnswer {
    pub header: Header,
    pub id: Reference,
    pub assigner: Bic,
    pub assignee: Bic,
    pub created: UtcDateTime,
    /// Of the request.
    pub case: Option<Case>,
    pub cancellation_id: Option<Text<35>>,
    pub original: OriginalPayment,
    pub uetr: Uetr,
    pub state: CancellationState,
}

impl Outgoing for CancellationAnswer {
    const MESSAGE: &'static str = "camt.029.001.09";

    fn header(&self) -> Option<&Header> {
        Some(&self.header)
    }

    fn write_body(&self, body: &mut Body<'_>) -> io::Result<()> {
        body.xml.parent("RsltnOfInvstgtn", |xml| {
            xml.parent("Assgnmt", |xml| {
                xml.leaf("Id", &self.id)?;
                write_agent_bic(xml, "Assgnr/Agt", &self.assigner)?;
                write_agent_bic(xml, "Assgne/Agt", &self.assignee)?;
                xml.time("CreDtTm", self.created)
            })?;
            xml.leaf("Sts/Conf", self.state.code())?;
            xml.parent("CxlDtls/TxInfAndSts", |xml| {
                xml.maybe("CxlStsId", self.cancellation_id.as_ref())?;
                if let Some(case) = &self.case {
                    case.write(xml, "RslvdCase")?;
                }
                self.original.write(xml, Some(&self.uetr))?;
                match &self.state {
                    CancellationState::Cancelled => Ok(()),
                    CancellationState::Rejected(reason) | CancellationState::Pending(reason) => {
                        reason.write(xml, "CxlStsRsnInf")
                    }
                }
            })
        })
    }
}
