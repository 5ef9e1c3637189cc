//! The header of a message, head.001.001.02.

use std::io::{self, Write};

use time::UtcDateTime;

use super::{
    agent::write_agent_bic,
    read::{at, find, get, parsed, value},
    refusal::{Fault, ReasonCode, Refusal},
    text::{Reference, Text},
    write::Xml,
};
use crate::{
    identifiers::bic::Bic,
    iso20022::{message::Message, rules::SERVICE, xml::Node},
};

pub(super) const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:head.001.001.02";

/// From whom to whom a message goes. Its MsgDefIdr is the message's, and its BizSvc that of CBPR+.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub from: Bic,
    pub to: Bic,
    /// BizMsgIdr. Since 2026 it is the MsgId of the message.
    pub id: Text<35>,
    pub created: UtcDateTime,
    /// PssblDplct: perhaps sent before.
    pub possible_duplicate: bool,
}

impl Header {
    /// Of a message of ours.
    pub fn new(from: Bic, to: Bic, id: &Reference, created: UtcDateTime) -> Self {
        Self {
            from,
            to,
            id: Text::new(id.as_str()).expect("a reference has characters of the smaller set"),
            created,
            possible_duplicate: false,
        }
    }

    /// `None` without header.
    pub(super) fn find(message: &Message<'_>) -> Result<Option<Self>, Refusal> {
        let Some(header) = message.header.as_ref().map(|header| header.node) else {
            return Ok(None);
        };
        if let Some(definition) = at(header, "MsgDefIdr")?
            && let Some(expected) = &message.document.id
            && value(definition) != expected.as_str()
        {
            let expected = expected.to_string();
            return Err(Refusal::at(
                definition,
                Fault::Definition { expected },
                ReasonCode::FORMAT,
            ));
        }
        Ok(Some(Self {
            from: end(header, "Fr", "Fr/FIId/FinInstnId/BICFI")?,
            to: end(header, "To", "To/FIId/FinInstnId/BICFI")?,
            id: get(header, "BizMsgIdr", ReasonCode::FORMAT)?,
            created: get(header, "CreDt", ReasonCode::CREATED)?,
            possible_duplicate: find(header, "PssblDplct", ReasonCode::FORMAT)?.unwrap_or(false),
        }))
    }

    pub(super) fn read(message: &Message<'_>) -> Result<Self, Refusal> {
        Self::find(message)?.ok_or_else(|| Refusal::at(message.document.node, Fault::HeaderMissing, ReasonCode::FORMAT))
    }

    pub(super) fn write<W: Write>(&self, xml: &mut Xml<W>, message: &str) -> io::Result<()> {
        xml.begin_in("AppHdr", NAMESPACE)?;
        write_agent_bic(xml, "Fr/FIId", &self.from)?;
        write_agent_bic(xml, "To/FIId", &self.to)?;
        xml.leaf("BizMsgIdr", &self.id)?;
        xml.leaf("MsgDefIdr", message)?;
        xml.leaf("BizSvc", SERVICE)?;
        xml.time("CreDt", self.created)?;
        xml.maybe("PssblDplct", self.possible_duplicate.then_some("true"))?;
        xml.end("AppHdr")
    }
}

/// A bank by its BIC; a customer, who has none as a bank, by that of its organisation.
fn end(header: Node<'_>, name: &str, as_bank: &'static str) -> Result<Bic, Refusal> {
    let organisation = at(header, &format!("{name}/OrgId/Id/OrgId/AnyBIC"))?;
    match organisation {
        Some(bic) => parsed(bic, ReasonCode::BIC),
        None => get(header, as_bank, ReasonCode::BIC),
    }
}
