//! pacs.004.001.09: a payment that comes back, one in a message.

use std::io::{self, Write};

use time::{Date, UtcDateTime};

use super::{
    Body, Charge, ChargeBearer, Outgoing, SettlementMethod,
    agent::{Actor, Agent, agent_bic, write_agent_bic},
    amount::{Money, Rate},
    body, check_count,
    header::Header,
    original::{OriginalPayment, StatusReason},
    read::{at, find, get, required, several},
    refusal::{Fault, ReasonCode, Refusal},
    text::{Reference, Text},
    write::Xml,
};
use crate::{
    identifiers::{bic::Bic, uetr::Uetr},
    iso20022::{message::Message, xml::Node},
};

/// CBPR+: what an additional text says where less comes back than was paid.
const PART: &str = "PART";

/// From whom to whom the money goes on its way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnChain {
    pub debtor: Actor,
    pub debtor_agent: Option<Agent>,
    pub creditor_agent: Option<Agent>,
    pub creditor: Actor,
}

impl ReturnChain {
    fn read(node: Node<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            debtor: Actor::read(node, "Dbtr")?,
            debtor_agent: Agent::find(node, "DbtrAgt")?,
            creditor_agent: Agent::find(node, "CdtrAgt")?,
            creditor: Actor::read(node, "Cdtr")?,
        })
    }

    fn write<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        xml.parent("RtrChain", |xml| {
            self.debtor.write(xml, "Dbtr")?;
            for (name, agent) in [("DbtrAgt", &self.debtor_agent), ("CdtrAgt", &self.creditor_agent)] {
                if let Some(agent) = agent {
                    agent.write(xml, name)?;
                }
            }
            self.creditor.write(xml, "Cdtr")
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentReturn {
    pub header: Header,
    pub message_id: Reference,
    pub created: UtcDateTime,
    pub settlement: SettlementMethod,
    pub id: Option<Text<35>>,
    pub original: OriginalPayment,
    pub uetr: Uetr,
    pub original_settled: Option<Money>,
    pub original_settlement_date: Option<Date>,
    /// What the banks settle; more than zero.
    pub returned: Money,
    pub settlement_date: Date,
    pub instructed: Option<Money>,
    pub rate: Option<Rate>,
    pub charge_bearer: Option<ChargeBearer>,
    /// What was taken of it on the way back.
    pub charges: Vec<Charge>,
    pub instructing_agent: Bic,
    pub instructed_agent: Bic,
    pub chain: Option<ReturnChain>,
    /// Where less comes back than was paid, PART is added to the texts.
    pub reason: StatusReason,
}

impl PaymentReturn {
    /// # Errors
    /// As of [`super::CreditTransfer::read`]. The original's UETR is mandatory.
    pub fn read(message: &Message<'_>) -> Result<Self, Refusal> {
        let body = body(message, Self::MESSAGE, "PmtRtr")?;
        let group = required(body, "GrpHdr")?;
        let transactions = several(body, "TxInf", 1)?;
        check_count(group, 1)?;
        let Some(payment) = transactions.first().copied() else {
            return Err(Refusal::at(body, Fault::Missing { path: "TxInf" }, ReasonCode::MISSING));
        };
        Ok(Self {
            header: Header::read(message)?,
            message_id: get(group, "MsgId", ReasonCode::FORMAT)?,
            created: get(group, "CreDtTm", ReasonCode::CREATED)?,
            settlement: get(group, "SttlmInf/SttlmMtd", ReasonCode::FORMAT)?,
            id: find(payment, "RtrId", ReasonCode::FORMAT)?,
            original: OriginalPayment::read(payment)?,
            uetr: get(payment, "OrgnlUETR", ReasonCode::FORMAT)?,
            original_settled: Money::find_paid(payment, "OrgnlIntrBkSttlmAmt")?,
            original_settlement_date: find(payment, "OrgnlIntrBkSttlmDt", ReasonCode::DATE)?,
            returned: Money::read_paid(required(payment, "RtrdIntrBkSttlmAmt")?)?,
            settlement_date: get(payment, "IntrBkSttlmDt", ReasonCode::DATE)?,
            instructed: Money::find_paid(payment, "RtrdInstdAmt")?,
            rate: find(payment, "XchgRate", ReasonCode::CONTENT)?,
            charge_bearer: find(payment, "ChrgBr", ReasonCode::CHARGE_BEARER)?,
            charges: Charge::list(payment)?,
            instructing_agent: agent_bic(payment, "InstgAgt")?,
            instructed_agent: agent_bic(payment, "InstdAgt")?,
            chain: at(payment, "RtrChain")?.map(ReturnChain::read).transpose()?,
            reason: StatusReason::read(payment, "RtrRsnInf")?,
        })
    }

    fn is_part(&self) -> bool {
        let paid = self.original_settled;
        paid.is_some_and(|paid| {
            paid.currency_code() == self.returned.currency_code() && self.returned.amount() < paid.amount()
        })
    }

    fn write_payment<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        xml.maybe("RtrId", self.id.as_ref())?;
        self.original.write(xml, Some(&self.uetr))?;
        if let Some(paid) = self.original_settled {
            xml.money("OrgnlIntrBkSttlmAmt", paid)?;
        }
        if let Some(date) = self.original_settlement_date {
            xml.date("OrgnlIntrBkSttlmDt", date)?;
        }
        xml.money("RtrdIntrBkSttlmAmt", self.returned)?;
        xml.date("IntrBkSttlmDt", self.settlement_date)?;
        if let Some(instructed) = self.instructed {
            xml.money("RtrdInstdAmt", instructed)?;
        }
        xml.maybe("XchgRate", self.rate)?;
        xml.maybe("ChrgBr", self.charge_bearer)?;
        self.charges.iter().try_for_each(|charge| charge.write(xml))?;
        if self.charge_bearer == Some(ChargeBearer::Creditor) && self.charges.is_empty() {
            Charge::none(self.returned, &self.instructing_agent).write(xml)?;
        }
        write_agent_bic(xml, "InstgAgt", &self.instructing_agent)?;
        write_agent_bic(xml, "InstdAgt", &self.instructed_agent)?;
        if let Some(chain) = &self.chain {
            chain.write(xml)?;
        }
        if self.is_part() && !self.reason.additional.iter().any(|text| text.as_str() == PART) {
            let mut reason = self.reason.clone();
            reason.additional.insert(0, Text::new(PART).expect("of the set"));
            return reason.write(xml, "RtrRsnInf");
        }
        self.reason.write(xml, "RtrRsnInf")
    }
}

impl Outgoing for PaymentReturn {
    const MESSAGE: &'static str = "pacs.004.001.09";

    fn header(&self) -> Option<&Header> {
        Some(&self.header)
    }

    fn write_body(&self, body: &mut Body<'_>) -> io::Result<()> {
        body.xml.parent("PmtRtr", |xml| {
            xml.parent("GrpHdr", |xml| {
                xml.leaf("MsgId", &self.message_id)?;
                xml.time("CreDtTm", self.created)?;
                xml.leaf("NbOfTxs", 1)?;
                xml.leaf("SttlmInf/SttlmMtd", self.settlement)
            })?;
            xml.parent("TxInf", |xml| self.write_payment(xml))
        })
    }
}
