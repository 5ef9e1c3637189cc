//! The usage rules of CBPR+ (SWIFT's Cross-Border Payments and Reporting Plus) that a program can decide.
//!
//! A usage guideline of CBPR+ does two things to a schema. It *restricts* it: elements become
//! mandatory, texts shorter, character sets smaller. And it adds *rules* about several elements at
//! once. Both are checked, and told apart. Rules that need judgement, or other messages, are not here.
//!
//! Guidelines are published each year, and differ; [`RuleYear`] says which is meant.

mod addresses;
mod breach;
mod charges;
mod header;
mod named;
mod parties;
mod payments;
mod references;
mod restrictions;
mod returns;

use std::fmt;

pub use self::{breach::Breach, restrictions::Restriction};
pub(super) use self::{
    header::SERVICE,
    restrictions::{INSTRUCTION_ID_CHARACTERS_MAX, is_extension, is_plain},
};
use super::{message::Message, xml::Node};
use crate::reason::{Coded, Reasons};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleYear {
    /// SR 2025: addresses may still be unstructured.
    Y2025,
    /// SR 2026: addresses have a town and a country.
    Y2026,
}

impl fmt::Display for RuleYear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Y2025 => "2025",
            Self::Y2026 => "2026",
        })
    }
}

/// The messages that there are rules for, in the versions that CBPR+ uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    CreditTransferInitiation,
    PaymentStatus,
    CreditTransfer,
    Return,
    TransferStatus,
    CancellationRequest,
    CancellationAnswer,
    Statement,
    Notification,
}

impl Kind {
    pub fn of(message: &Message<'_>) -> Option<Self> {
        Some(match message.document.id.as_ref()?.as_str() {
            "pain.001.001.09" => Self::CreditTransferInitiation,
            "pain.002.001.10" => Self::PaymentStatus,
            "pacs.008.001.08" => Self::CreditTransfer,
            "pacs.004.001.09" => Self::Return,
            "pacs.002.001.10" => Self::TransferStatus,
            "camt.056.001.08" => Self::CancellationRequest,
            "camt.029.001.09" => Self::CancellationAnswer,
            "camt.053.001.08" => Self::Statement,
            "camt.054.001.08" => Self::Notification,
            _ => return None,
        })
    }

    /// Whether it goes from bank to bank and is about one payment.
    fn is_interbank(self) -> bool {
        matches!(self, Self::CreditTransfer | Self::Return | Self::TransferStatus)
    }
}

/// What the rules look at.
#[derive(Clone, Copy)]
struct Case<'m, 'a> {
    message: &'m Message<'a>,
    kind: Kind,
    year: RuleYear,
    /// The one element in `Document`.
    body: Node<'a>,
}

impl<'a> Case<'_, 'a> {
    /// The payments that the message is about, each with what the rules of one payment concern.
    fn transactions(&self) -> Vec<Node<'a>> {
        self.body.find(match self.kind {
            Kind::CreditTransferInitiation => "PmtInf/CdtTrfTxInf",
            Kind::CreditTransfer => "CdtTrfTxInf",
            Kind::Return => "TxInf",
            Kind::TransferStatus => "TxInfAndSts",
            Kind::PaymentStatus => "OrgnlPmtInfAndSts/TxInfAndSts",
            Kind::CancellationRequest => "Undrlyg/TxInf",
            Kind::CancellationAnswer => "CxlDtls/TxInfAndSts",
            Kind::Statement => "Stmt/Ntry/NtryDtls/TxDtls",
            Kind::Notification => "Ntfctn/Ntry/NtryDtls/TxDtls",
        })
    }

    fn header(&self) -> Option<Node<'a>> {
        self.message.header.as_ref().map(|header| header.node)
    }
}

/// Collects what is told of each element.
struct Told<'r> {
    reasons: &'r mut Reasons,
}

impl Told<'_> {
    fn tell(&mut self, node: Node<'_>, fault: &dyn Coded) {
        self.reasons.add(fault, || Some(node.place()));
    }
}

/// A value without the spaces around it.
fn value(node: Node<'_>) -> &str {
    node.text().trim_matches([' ', '\t', '\n', '\r'])
}

/// The value of the first element at a path.
fn value_at<'a>(node: Node<'a>, path: &str) -> Option<&'a str> {
    node.find(path).first().map(|found| value(*found))
}

/// Tells every breach of the year's rules, and of its restrictions. `None` where there are no rules
/// for the message.
pub fn check(message: &Message<'_>, year: RuleYear, rules: &mut Reasons, restrictions: &mut Reasons) -> Option<Kind> {
    let kind = Kind::of(message)?;
    // Without a body the schema has said what is missing.
    let Some(body) = message.document.node.children().next() else {
        return Some(kind);
    };
    let case = Case {
        message,
        kind,
        year,
        body,
    };
    let mut told = Told { reasons: &mut *rules };
    header::check(&case, &mut told);
    references::check(&case, &mut told);
    parties::check(&case, &mut told);
    addresses::check(&case, &mut told);
    charges::check(&case, &mut told);
    payments::check(&case, &mut told);
    returns::check(&case, &mut told);
    named::check(&case, &mut told);
    rules.sort();
    let reasons = &mut *restrictions;
    restrictions::check(&case, &mut Told { reasons });
    restrictions.sort();
    Some(kind)
}

#[cfg(test)]
mod tests;
