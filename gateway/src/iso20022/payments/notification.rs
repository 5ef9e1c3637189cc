//! camt.054.001.08: one notification of what was credited to an account, or debited from it.

use std::io;

use time::UtcDateTime;

use super::{
    Body, Outgoing, account::Account, entry::Entry, header::Header, party::Party, statement::write_account,
    text::Reference,
};
use crate::identifiers::bic::Bic;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    pub header: Header,
    pub message_id: Reference,
    pub created: UtcDateTime,
    /// Of the notification in the message.
    pub id: Reference,
    pub account: Account,
    pub owner: Option<Party>,
    pub servicer: Option<Bic>,
    pub entries: Vec<Entry>,
}

impl Outgoing for Notification {
    const MESSAGE: &'static str = "camt.054.001.08";

    fn header(&self) -> Option<&Header> {
        Some(&self.header)
    }

    fn write_body(&self, body: &mut Body<'_>) -> io::Result<()> {
        body.xml.parent("BkToCstmrDbtCdtNtfctn", |xml| {
            xml.parent("GrpHdr", |xml| {
                xml.leaf("MsgId", &self.message_id)?;
                xml.time("CreDtTm", self.created)
            })?;
            xml.parent("Ntfctn", |xml| {
                xml.leaf("Id", &self.id)?;
                xml.time("CreDtTm", self.created)?;
                write_account(xml, &self.account, self.owner.as_ref(), self.servicer.as_ref())?;
                self.entries.iter().try_for_each(|entry| entry.write(xml))
            })
        })
    }
}
