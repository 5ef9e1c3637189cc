//! pacs.008.001.08, a customer's credit transfer from bank to bank: one in a message, as CBPR+ has it.

use std::io::{self, Write};

use time::{Date, UtcDateTime};

use super::{
    Body, NOT_PROVIDED, Outgoing,
    account::{Account, Remittance},
    agent::{Agent, agent_bic, write_agent_bic},
    amount::{Money, Rate},
    body, check_count,
    header::Header,
    party::{Party, Scheme},
    read::{codes, find, get, provided, required, several},
    refusal::{Fault, ReasonCode, Refusal},
    text::{InstructionId, Reference},
    write::Xml,
};
use crate::{
    identifiers::{bic::Bic, uetr::Uetr},
    iso20022::{message::Message, xml::Node},
};

const CHARGES_MAX: usize = 100;

codes! {
    /// Who bears charges.
    ChargeBearer {
        Debtor = "DEBT",
        Creditor = "CRED",
        Shared = "SHAR",
        /// As the service level says.
        ServiceLevel = "SLEV",
    }
}

codes! {
    /// Where the banks settle.
    SettlementMethod {
        /// On an account at the instructed agent.
        InstructedAgent = "INDA",
        /// On an account at the instructing agent.
        InstructingAgent = "INGA",
        Cover = "COVE",
        Clearing = "CLRG",
    }
}

/// What an agent took for its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub amount: Money,
    pub agent: Agent,
}

impl Charge {
    /// Nothing, of the currency of `settled`: what CBPR+ wants to be said where nothing is charged to a creditor.
    pub(super) fn none(settled: Money, agent: &Bic) -> Self {
        Self {
            amount: settled.nothing(),
            agent: Agent::of(agent.clone()),
        }
    }

    pub(super) fn list(node: Node<'_>) -> Result<Vec<Self>, Refusal> {
        let found = several(node, "ChrgsInf", CHARGES_MAX)?;
        let charges = found.into_iter().map(|charge| {
            Ok(Self {
                amount: Money::read(required(charge, "Amt")?)?,
                agent: Agent::read(required(charge, "Agt")?)?,
            })
        });
        charges.collect()
    }

    pub(super) fn write<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        xml.parent("ChrgsInf", |xml| {
            xml.money("Amt", self.amount)?;
            self.agent.write(xml, "Agt")
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditTransfer {
    pub header: Header,
    pub message_id: Reference,
    pub created: UtcDateTime,
    pub settlement: SettlementMethod,
    pub instruction_id: InstructionId,
    /// `None` is NOTPROVIDED.
    pub end_to_end_id: Option<Reference>,
    pub transaction_id: Option<Reference>,
    pub uetr: Uetr,
    /// What the banks settle; more than zero.
    pub settled: Money,
    pub settlement_date: Date,
    /// What the debtor ordered, before charges and exchange.
    pub instructed: Option<Money>,
    pub rate: Option<Rate>,
    pub charge_bearer: ChargeBearer,
    /// With CRED, CBPR+ wants at least one. Where there is none, one of zero is written.
    pub charges: Vec<Charge>,
    pub instructing_agent: Bic,
    pub instructed_agent: Bic,
    pub intermediary: Option<Agent>,
    pub ultimate_debtor: Option<Party>,
    pub debtor: Party,
    pub debtor_account: Option<Account>,
    pub debtor_agent: Agent,
    pub creditor_agent: Agent,
    pub creditor: Party,
    pub creditor_account: Option<Account>,
    pub ultimate_creditor: Option<Party>,
    pub purpose: Option<Scheme>,
    pub remittance: Option<Remittance>,
}

impl CreditTransfer {
    /// # Errors
    /// The first thing that is wrong: the count, and then in the order of the fields above. It has the reason code
    /// AC02 or AC03 of an account, RC01 of a BIC, AM01, AM02, AM03, AM11, AM12 or CH20 of an amount, AM18 of a count,
    /// BE08 or BE22 of a party without name, BE09 of a country, BE15 of another identification, BE19 of a charge
    /// bearer, CH16 of a rate, DT01 or DT02 of a date, FF07 of a purpose, CH21 where something is missing, RR10 of a
    /// character, and else FF01.
    pub fn read(message: &Message<'_>) -> Result<Self, Refusal> {
        let body = body(message, Self::MESSAGE, "FIToFICstmrCdtTrf")?;
        let group = required(body, "GrpHdr")?;
        let transactions = several(body, "CdtTrfTxInf", 1)?;
        check_count(group, 1)?;
        let Some(payment) = transactions.first().copied() else {
            let path = "CdtTrfTxInf";
            return Err(Refusal::at(body, Fault::Missing { path }, ReasonCode::MISSING));
        };
        Ok(Self {
            header: Header::read(message)?,
            message_id: get(group, "MsgId", ReasonCode::FORMAT)?,
            created: get(group, "CreDtTm", ReasonCode::CREATED)?,
            settlement: get(group, "SttlmInf/SttlmMtd", ReasonCode::FORMAT)?,
            instruction_id: get(payment, "PmtId/InstrId", ReasonCode::FORMAT)?,
            end_to_end_id: provided(payment, "PmtId/EndToEndId", ReasonCode::FORMAT)?,
            transaction_id: find(payment, "PmtId/TxId", ReasonCode::FORMAT)?,
            uetr: get(payment, "PmtId/UETR", ReasonCode::FORMAT)?,
            settled: Money::read_paid(required(payment, "IntrBkSttlmAmt")?)?,
            settlement_date: get(payment, "IntrBkSttlmDt", ReasonCode::DATE)?,
            instructed: Money::find_paid(payment, "InstdAmt")?,
            rate: find(payment, "XchgRate", ReasonCode::CONTENT)?,
            charge_bearer: get(payment, "ChrgBr", ReasonCode::CHARGE_BEARER)?,
            charges: Charge::list(payment)?,
            instructing_agent: agent_bic(payment, "InstgAgt")?,
            instructed_agent: agent_bic(payment, "InstdAgt")?,
            intermediary: Agent::find(payment, "IntrmyAgt1")?,
            ultimate_debtor: Party::find(payment, "UltmtDbtr")?,
            debtor: Party::read_named(payment, "Dbtr", ReasonCode::DEBTOR_NAME)?,
            debtor_account: Account::find(payment, "DbtrAcct", ReasonCode::DEBTOR_ACCOUNT)?,
            debtor_agent: Agent::read(required(payment, "DbtrAgt")?)?,
            creditor_agent: Agent::read(required(payment, "CdtrAgt")?)?,
            creditor: Party::read_named(payment, "Cdtr", ReasonCode::CREDITOR_NAME)?,
            creditor_account: Account::find(payment, "CdtrAcct", ReasonCode::CREDITOR_ACCOUNT)?,
            ultimate_creditor: Party::find(payment, "UltmtCdtr")?,
            purpose: Scheme::find(payment, "Purp", ReasonCode::PURPOSE)?,
            remittance: Remittance::find(payment, "RmtInf")?,
        })
    }

    fn write_payment<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        xml.parent("PmtId", |xml| {
            xml.leaf("InstrId", &self.instruction_id)?;
            match &self.end_to_end_id {
                Some(id) => xml.leaf("EndToEndId", id)?,
                None => xml.leaf("EndToEndId", NOT_PROVIDED)?,
            }
            xml.maybe("TxId", self.transaction_id.as_ref())?;
            xml.leaf("UETR", &self.uetr)
        })?;
        xml.money("IntrBkSttlmAmt", self.settled)?;
        xml.date("IntrBkSttlmDt", self.settlement_date)?;
        if let Some(instructed) = self.instructed {
            xml.money("InstdAmt", instructed)?;
        }
        xml.maybe("XchgRate", self.rate)?;
        xml.leaf("ChrgBr", self.charge_bearer)?;
        self.charges.iter().try_for_each(|charge| charge.write(xml))?;
        if self.charge_bearer == ChargeBearer::Creditor && self.charges.is_empty() {
            Charge::none(self.settled, &self.instructing_agent).write(xml)?;
        }
        write_agent_bic(xml, "InstgAgt", &self.instructing_agent)?;
        write_agent_bic(xml, "InstdAgt", &self.instructed_agent)?;
        if let Some(agent) = &self.intermediary {
            agent.write(xml, "IntrmyAgt1")?;
        }
        Party::write_some(self.ultimate_debtor.as_ref(), xml, "UltmtDbtr")?;
        self.debtor.write(xml, "Dbtr")?;
        Account::write_some(self.debtor_account.as_ref(), xml, "DbtrAcct")?;
        self.debtor_agent.write(xml, "DbtrAgt")?;
        self.creditor_agent.write(xml, "CdtrAgt")?;
        self.creditor.write(xml, "Cdtr")?;
        Account::write_some(self.creditor_account.as_ref(), xml, "CdtrAcct")?;
        Party::write_some(self.ultimate_creditor.as_ref(), xml, "UltmtCdtr")?;
        if let Some(purpose) = &self.purpose {
            purpose.write(xml, "Purp")?;
        }
        Remittance::write_some(self.remittance.as_ref(), xml, "RmtInf")
    }
}

impl Outgoing for CreditTransfer {
    const MESSAGE: &'static str = "pacs.008.001.08";

    fn header(&self) -> Option<&Header> {
        Some(&self.header)
    }

    fn write_body(&self, body: &mut Body<'_>) -> io::Result<()> {
        body.xml.parent("FIToFICstmrCdtTrf", |xml| {
            xml.parent("GrpHdr", |xml| {
                xml.leaf("MsgId", &self.message_id)?;
                xml.time("CreDtTm", self.created)?;
                xml.leaf("NbOfTxs", 1)?;
                xml.leaf("SttlmInf/SttlmMtd", self.settlement)
            })?;
            xml.parent("CdtTrfTxInf", |xml| self.write_payment(xml))
        })
    }
}
