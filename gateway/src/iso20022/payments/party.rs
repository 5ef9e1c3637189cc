//! Who pays and who is paid: customers, and what identifies them.

use std::io::{self, Write};

use time::Date;

use super::{
    address::Address,
    read::{at, find, get, required, several},
    refusal::{Fault, ReasonCode, Refusal},
    text::Text,
    write::Xml,
};
use crate::{
    identifiers::{bic::Bic, country::Country, lei::Lei},
    iso20022::xml::Node,
};

/// The schema sets no bound; CBPR+ allows two.
const IDENTIFICATIONS_MAX: usize = 10;

/// A code of an external code set, or one of somebody's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheme {
    Code(Text<4>),
    Proprietary(Text<35>),
}

impl Scheme {
    pub(super) fn find(node: Node<'_>, path: &str, reason: ReasonCode) -> Result<Option<Self>, Refusal> {
        let Some(node) = at(node, path)? else {
            return Ok(None);
        };
        Ok(match find(node, "Cd", reason)? {
            Some(code) => Some(Self::Code(code)),
            None => find(node, "Prtry", reason)?.map(Self::Proprietary),
        })
    }

    pub(super) fn write<W: Write>(&self, xml: &mut Xml<W>, path: &str) -> io::Result<()> {
        xml.parent(path, |xml| match self {
            Self::Code(code) => xml.leaf("Cd", code),
            Self::Proprietary(text) => xml.leaf("Prtry", text),
        })
    }
}

/// A number that somebody gave, such as a passport's or a register's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other<const MAX: usize> {
    pub id: Text<MAX>,
    pub scheme: Option<Scheme>,
    pub issuer: Option<Text<35>>,
}

impl<const MAX: usize> Other<MAX> {
    pub(super) fn read(node: Node<'_>, reason: ReasonCode) -> Result<Self, Refusal> {
        Ok(Self {
            id: get(node, "Id", reason)?,
            scheme: Scheme::find(node, "SchmeNm", reason)?,
            issuer: find(node, "Issr", reason)?,
        })
    }

    pub(super) fn write<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        xml.parent("Othr", |xml| {
            xml.leaf("Id", &self.id)?;
            if let Some(scheme) = &self.scheme {
                scheme.write(xml, "SchmeNm")?;
            }
            xml.maybe("Issr", self.issuer.as_ref())
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Birth {
    pub date: Date,
    pub province: Option<Text<35>>,
    pub city: Text<35>,
    pub country: Country,
}

/// Party38Choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identification {
    Organisation {
        bic: Option<Bic>,
        lei: Option<Lei>,
        others: Vec<Other<35>>,
    },
    Person {
        birth: Option<Birth>,
        others: Vec<Other<35>>,
    },
}

impl Identification {
    fn find(node: Node<'_>) -> Result<Option<Self>, Refusal> {
        let reason = ReasonCode::IDENTIFICATION;
        let others = |node| -> Result<Vec<_>, Refusal> {
            let others = several(node, "Othr", IDENTIFICATIONS_MAX)?;
            others.into_iter().map(|other| Other::read(other, reason)).collect()
        };
        if let Some(organisation) = at(node, "Id/OrgId")? {
            let (bic, lei) = (
                find(organisation, "AnyBIC", reason)?,
                find(organisation, "LEI", reason)?,
            );
            let others = others(organisation)?;
            let empty = bic.is_none() && lei.is_none() && others.is_empty();
            return Ok((!empty).then_some(Self::Organisation { bic, lei, others }));
        }
        let Some(person) = at(node, "Id/PrvtId")? else {
            return Ok(None);
        };
        let birth = at(person, "DtAndPlcOfBirth")?.map(|birth| -> Result<_, Refusal> {
            Ok(Birth {
                date: get(birth, "BirthDt", reason)?,
                province: find(birth, "PrvcOfBirth", reason)?,
                city: get(birth, "CityOfBirth", reason)?,
                country: get(birth, "CtryOfBirth", reason)?,
            })
        });
        let (birth, others) = (birth.transpose()?, others(person)?);
        let empty = birth.is_none() && others.is_empty();
        Ok((!empty).then_some(Self::Person { birth, others }))
    }

    fn write<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        match self {
            Self::Organisation { bic, lei, others } => xml.parent("Id/OrgId", |xml| {
                xml.maybe("AnyBIC", bic.as_ref())?;
                xml.maybe("LEI", lei.as_ref())?;
                others.iter().try_for_each(|other| other.write(xml))
            }),
            Self::Person { birth, others } => xml.parent("Id/PrvtId", |xml| {
                if let Some(birth) = birth {
                    xml.parent("DtAndPlcOfBirth", |xml| {
                        xml.date("BirthDt", birth.date)?;
                        xml.maybe("PrvcOfBirth", birth.province.as_ref())?;
                        xml.leaf("CityOfBirth", &birth.city)?;
                        xml.leaf("CtryOfBirth", birth.country)
                    })?;
                }
                others.iter().try_for_each(|other| other.write(xml))
            }),
        }
    }
}

/// A customer, PartyIdentification135. Contact details are not kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Party {
    pub name: Option<Text<140>>,
    pub address: Option<Address>,
    pub identification: Option<Identification>,
    pub residence: Option<Country>,
}

impl Party {
    pub fn named(name: Text<140>) -> Self {
        Self {
            name: Some(name),
            ..Self::default()
        }
    }

    pub fn bic(&self) -> Option<&Bic> {
        match &self.identification {
            Some(Identification::Organisation { bic, .. }) => bic.as_ref(),
            _ => None,
        }
    }

    pub(super) fn read(node: Node<'_>) -> Result<Self, Refusal> {
        let address = at(node, "PstlAdr")?.map(Address::read).transpose()?;
        Ok(Self {
            name: find(node, "Nm", ReasonCode::NAME)?,
            address: address.filter(|address| *address != Address::default()),
            identification: Identification::find(node)?,
            residence: find(node, "CtryOfRes", ReasonCode::COUNTRY)?,
        })
    }

    /// CBPR+: a debtor and a creditor have a name or a BIC.
    pub(super) fn read_named(node: Node<'_>, path: &'static str, reason: ReasonCode) -> Result<Self, Refusal> {
        let node = required(node, path)?;
        let party = Self::read(node)?;
        if party.name.is_none() && party.bic().is_none() {
            return Err(Refusal::at(node, Fault::Unnamed, reason));
        }
        Ok(party)
    }

    pub(super) fn find(node: Node<'_>, path: &str) -> Result<Option<Self>, Refusal> {
        at(node, path)?.map(Self::read).transpose()
    }

    pub(super) fn write<W: Write>(&self, xml: &mut Xml<W>, path: &str) -> io::Result<()> {
        xml.parent(path, |xml| {
            xml.maybe("Nm", self.name.as_ref())?;
            if let Some(address) = &self.address {
                address.write(xml)?;
            }
            if let Some(identification) = &self.identification {
                identification.write(xml)?;
            }
            xml.maybe("CtryOfRes", self.residence)
        })
    }

    pub(super) fn write_some<W: Write>(party: Option<&Self>, xml: &mut Xml<W>, path: &str) -> io::Result<()> {
        party.map_or(Ok(()), |party| party.write(xml, path))
    }
}
