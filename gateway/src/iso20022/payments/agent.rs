//! Banks in messages, and what may be a bank or a customer.

use std::io::{self, Write};

use super::{
    address::Address,
    party::Party,
    read::{at, find, get, required},
    refusal::{Fault, ReasonCode, Refusal},
    text::Text,
    write::Xml,
};
use crate::{
    identifiers::{bic::Bic, lei::Lei},
    iso20022::xml::Node,
};

/// Member of a clearing system, such as a sort code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Such as GBDSC.
    pub system: Option<Text<5>>,
    pub id: Text<35>,
}

/// A bank, BranchAndFinancialInstitutionIdentification6. Its branch is not kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agent {
    pub bic: Option<Bic>,
    pub member: Option<Member>,
    pub lei: Option<Lei>,
    pub name: Option<Text<140>>,
    pub address: Option<Address>,
    pub other: Option<Text<35>>,
}

impl Agent {
    pub fn of(bic: Bic) -> Self {
        Self {
            bic: Some(bic),
            ..Self::default()
        }
    }

    pub(super) fn read(node: Node<'_>) -> Result<Self, Refusal> {
        let bank = required(node, "FinInstnId")?;
        let reason = ReasonCode::BIC;
        let member = at(bank, "ClrSysMmbId")?.map(|member| -> Result<_, Refusal> {
            Ok(Member {
                system: find(member, "ClrSysId/Cd", reason)?,
                id: get(member, "MmbId", reason)?,
            })
        });
        let address = at(bank, "PstlAdr")?.map(Address::read).transpose()?;
        let agent = Self {
            bic: find(bank, "BICFI", reason)?,
            member: member.transpose()?,
            lei: find(bank, "LEI", reason)?,
            name: find(bank, "Nm", reason)?,
            address: address.filter(|address| *address != Address::default()),
            other: find(bank, "Othr/Id", reason)?,
        };
        if agent == Self::default() {
            return Err(Refusal::at(node, Fault::Unidentified, reason));
        }
        Ok(agent)
    }

    pub(super) fn find(node: Node<'_>, path: &str) -> Result<Option<Self>, Refusal> {
        at(node, path)?.map(Self::read).transpose()
    }

    pub(super) fn write<W: Write>(&self, xml: &mut Xml<W>, path: &str) -> io::Result<()> {
        xml.parent(path, |xml| {
            xml.parent("FinInstnId", |xml| {
                xml.maybe("BICFI", self.bic.as_ref())?;
                if let Some(member) = &self.member {
                    xml.parent("ClrSysMmbId", |xml| {
                        xml.maybe("ClrSysId/Cd", member.system.as_ref())?;
                        xml.leaf("MmbId", &member.id)
                    })?;
                }
                xml.maybe("LEI", self.lei.as_ref())?;
                xml.maybe("Nm", self.name.as_ref())?;
                if let Some(address) = &self.address {
                    address.write(xml)?;
                }
                xml.maybe("Othr/Id", self.other.as_ref())
            })
        })
    }
}

/// The BIC of an agent that CBPR+ names by it alone.
pub(super) fn agent_bic(node: Node<'_>, path: &'static str) -> Result<Bic, Refusal> {
    let agent = required(node, path)?;
    get(agent, "FinInstnId/BICFI", ReasonCode::BIC)
}

pub(super) fn write_agent_bic<W: Write>(xml: &mut Xml<W>, path: &str, bic: &Bic) -> io::Result<()> {
    xml.parent(path, |xml| xml.leaf("FinInstnId/BICFI", bic))
}

/// Party40Choice: a customer or a bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    Customer(Party),
    Bank(Agent),
}

impl Actor {
    pub(super) fn read(node: Node<'_>, path: &'static str) -> Result<Self, Refusal> {
        let node = required(node, path)?;
        match Party::find(node, "Pty")? {
            Some(party) => Ok(Self::Customer(party)),
            None => Agent::read(required(node, "Agt")?).map(Self::Bank),
        }
    }

    pub(super) fn write<W: Write>(&self, xml: &mut Xml<W>, path: &str) -> io::Result<()> {
        xml.parent(path, |xml| match self {
            Self::Customer(party) => party.write(xml, "Pty"),
            Self::Bank(agent) => agent.write(xml, "Agt"),
        })
    }
}
