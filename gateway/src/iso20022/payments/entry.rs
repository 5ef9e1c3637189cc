//! Entries of an account, as statements (camt.053) and notifications (camt.054) have them.

use std::io::{self, Write};

use time::{Date, UtcDateTime};

use super::{
    account::{Account, Remittance},
    amount::Money,
    party::Party,
    read::{at, codes, find, get, provided, required, several},
    refusal::{Fault, ReasonCode, Refusal},
    text::{OriginalInstructionId, Reference, Text},
    write::Xml,
};
use crate::{identifiers::uetr::Uetr, iso20022::xml::Node};

/// Payments of one batch, booked as one entry.
const DETAILS_MAX: usize = 10_000;

codes! {
    /// CdtDbtInd, seen from the account's owner.
    Direction {
        Credit = "CRDT",
        Debit = "DBIT",
    }
}

codes! {
    EntryStatus {
        Booked = "BOOK",
        Pending = "PDNG",
        Information = "INFO",
    }
}

/// DateAndDateTime2Choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Date(Date),
    Time(UtcDateTime),
}

impl Moment {
    pub(super) fn read(node: Node<'_>) -> Result<Self, Refusal> {
        match find(node, "DtTm", ReasonCode::DATE)? {
            Some(time) => Ok(Self::Time(time)),
            None => get(node, "Dt", ReasonCode::DATE).map(Self::Date),
        }
    }

    fn find(node: Node<'_>, path: &str) -> Result<Option<Self>, Refusal> {
        at(node, path)?.map(Self::read).transpose()
    }

    /// In UTC.
    pub fn date(self) -> Date {
        match self {
            Self::Date(date) => date,
            Self::Time(time) => time.date(),
        }
    }

    fn write_some<W: Write>(moment: Option<Self>, xml: &mut Xml<W>, name: &str) -> io::Result<()> {
        match moment {
            None => Ok(()),
            Some(Self::Date(date)) => xml.parent(name, |xml| xml.date("Dt", date)),
            Some(Self::Time(time)) => xml.parent(name, |xml| xml.time("DtTm", time)),
        }
    }
}

/// What kind of booking it is: by ISO's bank transaction codes, such as PMNT, RCDT, ESCT, or one of the bank's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BankTransactionCode {
    Domain {
        domain: Text<4>,
        family: Text<4>,
        sub_family: Text<4>,
    },
    Proprietary {
        code: Text<35>,
        issuer: Option<Text<35>>,
    },
}

impl BankTransactionCode {
    fn read(node: Node<'_>) -> Result<Self, Refusal> {
        let reason = ReasonCode::FORMAT;
        if let Some(domain) = at(node, "Domn")? {
            return Ok(Self::Domain {
                domain: get(domain, "Cd", reason)?,
                family: get(domain, "Fmly/Cd", reason)?,
                sub_family: get(domain, "Fmly/SubFmlyCd", reason)?,
            });
        }
        let own = required(node, "Prtry")?;
        Ok(Self::Proprietary {
            code: get(own, "Cd", reason)?,
            issuer: find(own, "Issr", reason)?,
        })
    }

    fn write<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        match self {
            Self::Domain {
                domain,
                family,
                sub_family,
            } => xml.parent("BkTxCd/Domn", |xml| {
                xml.leaf("Cd", domain)?;
                xml.parent("Fmly", |xml| {
                    xml.leaf("Cd", family)?;
                    xml.leaf("SubFmlyCd", sub_family)
                })
            }),
            Self::Proprietary { code, issuer } => xml.parent("BkTxCd/Prtry", |xml| {
                xml.leaf("Cd", code)?;
                xml.maybe("Issr", issuer.as_ref())
            }),
        }
    }
}

/// A payment in an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryDetails {
    pub message_id: Option<Reference>,
    pub servicer_reference: Option<Text<35>>,
    pub payment_information_id: Option<Text<35>>,
    pub instruction_id: Option<OriginalInstructionId>,
    /// `None` is NOTPROVIDED or nothing.
    pub end_to_end_id: Option<Reference>,
    pub uetr: Option<Uetr>,
    pub transaction_id: Option<Reference>,
    pub amount: Option<Money>,
    pub debtor: Option<Party>,
    pub debtor_account: Option<Account>,
    pub creditor: Option<Party>,
    pub creditor_account: Option<Account>,
    pub remittance: Option<Remittance>,
    pub additional: Option<Text<500>>,
}

impl EntryDetails {
    fn read(node: Node<'_>) -> Result<Self, Refusal> {
        let reason = ReasonCode::FORMAT;
        Ok(Self {
            message_id: find(node, "Refs/MsgId", reason)?,
            servicer_reference: find(node, "Refs/AcctSvcrRef", reason)?,
            payment_information_id: find(node, "Refs/PmtInfId", reason)?,
            instruction_id: find(node, "Refs/InstrId", reason)?,
            end_to_end_id: provided(node, "Refs/EndToEndId", reason)?,
            uetr: find(node, "Refs/UETR", reason)?,
            transaction_id: find(node, "Refs/TxId", reason)?,
            amount: at(node, "Amt")?.map(Money::read).transpose()?,
            debtor: Party::find(node, "RltdPties/Dbtr/Pty")?,
            debtor_account: Account::find(node, "RltdPties/DbtrAcct", ReasonCode::DEBTOR_ACCOUNT)?,
            creditor: Party::find(node, "RltdPties/Cdtr/Pty")?,
            creditor_account: Account::find(node, "RltdPties/CdtrAcct", ReasonCode::CREDITOR_ACCOUNT)?,
            remittance: Remittance::find(node, "RmtInf")?,
            additional: find(node, "AddtlTxInf", reason)?,
        })
    }

    fn has_references(&self) -> bool {
        self.message_id.is_some()
            || self.servicer_reference.is_some()
            || self.payment_information_id.is_some()
            || self.instruction_id.is_some()
            || self.end_to_end_id.is_some()
            || self.uetr.is_some()
            || self.transaction_id.is_some()
    }

    fn has_parties(&self) -> bool {
        self.debtor.is_some()
            || self.debtor_account.is_some()
            || self.creditor.is_some()
            || self.creditor_account.is_some()
    }

    fn write<W: Write>(&self, xml: &mut Xml<W>, direction: Direction) -> io::Result<()> {
        if self.has_references() {
            xml.parent("Refs", |xml| {
                xml.maybe("MsgId", self.message_id.as_ref())?;
                xml.maybe("AcctSvcrRef", self.servicer_reference.as_ref())?;
                xml.maybe("PmtInfId", self.payment_information_id.as_ref())?;
                xml.maybe("InstrId", self.instruction_id.as_ref())?;
                xml.maybe("EndToEndId", self.end_to_end_id.as_ref())?;
                xml.maybe("UETR", self.uetr.as_ref())?;
                xml.maybe("TxId", self.transaction_id.as_ref())
            })?;
        }
        if let Some(amount) = self.amount {
            xml.money("Amt", amount)?;
            xml.leaf("CdtDbtInd", direction)?;
        }
        if self.has_parties() {
            xml.parent("RltdPties", |xml| {
                Party::write_some(self.debtor.as_ref(), xml, "Dbtr/Pty")?;
                Account::write_some(self.debtor_account.as_ref(), xml, "DbtrAcct")?;
                Party::write_some(self.creditor.as_ref(), xml, "Cdtr/Pty")?;
                Account::write_some(self.creditor_account.as_ref(), xml, "CdtrAcct")
            })?;
        }
        Remittance::write_some(self.remittance.as_ref(), xml, "RmtInf")?;
        xml.maybe("AddtlTxInf", self.additional.as_ref())
    }
}

/// What was credited to an account, or debited from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub reference: Option<Text<35>>,
    pub amount: Money,
    pub direction: Direction,
    /// Whether it takes back an earlier entry. `direction` is what it does now.
    pub reversal: bool,
    pub status: EntryStatus,
    /// What is booked has this or a value date.
    pub booked: Option<Moment>,
    pub value_date: Option<Moment>,
    pub servicer_reference: Option<Text<35>>,
    pub code: BankTransactionCode,
    pub details: Vec<EntryDetails>,
    pub additional: Option<Text<500>>,
}

impl Entry {
    pub(super) fn read(node: Node<'_>) -> Result<Self, Refusal> {
        let mut details = Vec::new();
        for group in node.children().filter(|child| child.name() == "NtryDtls") {
            for payment in several(group, "TxDtls", DETAILS_MAX)? {
                details.push(EntryDetails::read(payment)?);
            }
        }
        let entry = Self {
            reference: find(node, "NtryRef", ReasonCode::FORMAT)?,
            amount: Money::read(required(node, "Amt")?)?,
            direction: get(node, "CdtDbtInd", ReasonCode::FORMAT)?,
            reversal: find(node, "RvslInd", ReasonCode::FORMAT)?.unwrap_or(false),
            status: get(node, "Sts/Cd", ReasonCode::FORMAT)?,
            booked: Moment::find(node, "BookgDt")?,
            value_date: Moment::find(node, "ValDt")?,
            servicer_reference: find(node, "AcctSvcrRef", ReasonCode::FORMAT)?,
            code: BankTransactionCode::read(required(node, "BkTxCd")?)?,
            details,
            additional: find(node, "AddtlNtryInf", ReasonCode::FORMAT)?,
        };
        if entry.status == EntryStatus::Booked && entry.booked.is_none() && entry.value_date.is_none() {
            let path = "BookgDt or ValDt";
            return Err(Refusal::at(node, Fault::Missing { path }, ReasonCode::DATE));
        }
        Ok(entry)
    }

    pub(super) fn write<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        xml.parent("Ntry", |xml| {
            xml.maybe("NtryRef", self.reference.as_ref())?;
            xml.money("Amt", self.amount)?;
            xml.leaf("CdtDbtInd", self.direction)?;
            xml.maybe("RvslInd", self.reversal.then_some("true"))?;
            xml.leaf("Sts/Cd", self.status)?;
            Moment::write_some(self.booked, xml, "BookgDt")?;
            Moment::write_some(self.value_date, xml, "ValDt")?;
            xml.maybe("AcctSvcrRef", self.servicer_reference.as_ref())?;
            self.code.write(xml)?;
            if !self.details.is_empty() {
                xml.parent("NtryDtls", |xml| {
                    let mut details = self.details.iter();
                    details.try_for_each(|details| xml.parent("TxDtls", |xml| details.write(xml, self.direction)))
                })?;
            }
            xml.maybe("AddtlNtryInf", self.additional.as_ref())
        })
    }
}
