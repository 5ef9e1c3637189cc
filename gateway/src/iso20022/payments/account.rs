//! Accounts in messages, and what is paid to them for.

use std::io::{self, Write};

use super::{
    party::{Other, Scheme},
    read::{Leaf, at, find, get, list, parsed, value},
    refusal::{Fault, ReasonCode, Refusal},
    text::Text,
    write::Xml,
};
use crate::{
    identifiers::{currency::CurrencyCode, iban::Iban},
    iso20022::xml::Node,
};

/// The schema sets no bound; CBPR+ allows one.
const REMITTANCE_LINES_MAX: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountId {
    Iban(Iban),
    Other(Other<34>),
}

/// By which else an account is found, ProxyAccountIdentification1: a telephone number (TELE), an address, and so on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    pub kind: Option<Scheme>,
    /// The schema allows 2,048 characters.
    pub id: Text<320>,
}

/// An account, CashAccount38. Its type is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub currency: Option<CurrencyCode>,
    pub name: Option<Text<70>>,
    pub proxy: Option<Proxy>,
}

impl Account {
    pub fn of(id: AccountId) -> Self {
        Self {
            id,
            currency: None,
            name: None,
            proxy: None,
        }
    }

    /// `reason` says whose account it is: AC02 the debtor's, AC03 the creditor's, AC01 anybody's.
    pub(super) fn read(node: Node<'_>, reason: ReasonCode) -> Result<Self, Refusal> {
        let id = match at(node, "Id/IBAN")? {
            Some(iban) => AccountId::Iban(parsed(iban, reason)?),
            None => {
                let other = at(node, "Id/Othr")?.ok_or_else(|| {
                    let path = "Id/IBAN or Id/Othr";
                    Refusal::at(node, Fault::Missing { path }, reason)
                })?;
                AccountId::Other(Other::read(other, reason)?)
            }
        };
        let proxy = at(node, "Prxy")?.map(|proxy| -> Result<_, Refusal> {
            Ok(Proxy {
                kind: Scheme::find(proxy, "Tp", reason)?,
                id: get(proxy, "Id", reason)?,
            })
        });
        Ok(Self {
            id,
            currency: find(node, "Ccy", reason)?,
            name: find(node, "Nm", reason)?,
            proxy: proxy.transpose()?,
        })
    }

    pub(super) fn find(node: Node<'_>, path: &str, reason: ReasonCode) -> Result<Option<Self>, Refusal> {
        at(node, path)?.map(|node| Self::read(node, reason)).transpose()
    }

    pub(super) fn write_inside<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        xml.parent("Id", |xml| match &self.id {
            AccountId::Iban(iban) => xml.leaf("IBAN", iban.as_str()),
            AccountId::Other(other) => other.write(xml),
        })?;
        xml.maybe("Ccy", self.currency)?;
        xml.maybe("Nm", self.name.as_ref())?;
        self.proxy.as_ref().map_or(Ok(()), |proxy| {
            xml.parent("Prxy", |xml| {
                if let Some(kind) = &proxy.kind {
                    kind.write(xml, "Tp")?;
                }
                xml.leaf("Id", &proxy.id)
            })
        })
    }

    pub(super) fn write_some<W: Write>(account: Option<&Self>, xml: &mut Xml<W>, path: &str) -> io::Result<()> {
        account.map_or(Ok(()), |account| xml.parent(path, |xml| account.write_inside(xml)))
    }
}

/// What is paid for: lines of text, or a creditor's reference (such as ISO 11649), which exclude each other in CBPR+.
/// Other structured remittance is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remittance {
    Unstructured(Vec<Text<140>>),
    Reference(Text<35>),
}

impl Remittance {
    pub(super) fn find(node: Node<'_>, path: &str) -> Result<Option<Self>, Refusal> {
        let Some(node) = at(node, path)? else {
            return Ok(None);
        };
        let lines = list(node, "Ustrd", REMITTANCE_LINES_MAX, ReasonCode::FORMAT)?;
        if !lines.is_empty() {
            return Ok(Some(Self::Unstructured(lines)));
        }
        let structured = node.find("Strd/CdtrRefInf/Ref");
        let first = structured.first().map(|reference| {
            Text::leaf(value(*reference)).map_err(|fault| Refusal::at(*reference, fault, ReasonCode::FORMAT))
        });
        Ok(first.transpose()?.map(Self::Reference))
    }

    pub(super) fn write_some<W: Write>(remittance: Option<&Self>, xml: &mut Xml<W>, path: &str) -> io::Result<()> {
        match remittance {
            None => Ok(()),
            Some(Self::Unstructured(lines)) if lines.is_empty() => Ok(()),
            Some(Self::Unstructured(lines)) => xml.parent(path, |xml| xml.each("Ustrd", lines)),
            Some(Self::Reference(reference)) => xml.parent(path, |xml| xml.leaf("Strd/CdtrRefInf/Ref", reference)),
        }
    }
}
