//! Where in a document a message is: `Document` is its business part, `AppHdr` its header, and
//! around them may be any envelope.

use std::fmt;

use super::xml::{Document, Node};
use crate::reason::Coded;

const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:";

/// The identifier of a message, such as `pacs.008.001.08`: business area, function, variant, version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// What a namespace of ISO 20022 ends with. `None` for others, and for names that are not made
    /// like an identifier: these would be looked for among files.
    pub fn of_namespace(namespace: &str) -> Option<Self> {
        let id = namespace.strip_prefix(NAMESPACE)?;
        let parts: Vec<_> = id.split('.').collect();
        let made = match parts.as_slice() {
            [area, numbers @ ..] => {
                area.len() == 4
                    && area.bytes().all(|byte| byte.is_ascii_lowercase())
                    && numbers.iter().map(|number| number.len()).eq([3, 3, 2])
                    && numbers
                        .iter()
                        .all(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
            }
            [] => false,
        };
        made.then(|| Self(id.to_owned()))
    }

    pub fn namespace(&self) -> String {
        Self::namespace_of(&self.0)
    }

    /// The namespace of a message that is known by name.
    pub(super) fn namespace_of(id: &str) -> String {
        format!("{NAMESPACE}{id}")
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A part of a message, `Document` or `AppHdr`. Its identifier is that of its namespace.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    pub node: Node<'a>,
    pub id: Option<MessageId>,
}

impl<'a> Part<'a> {
    fn new(node: Node<'a>) -> Self {
        let id = node.namespace().and_then(MessageId::of_namespace);
        Self { node, id }
    }
}

#[derive(Debug)]
pub struct Message<'a> {
    pub header: Option<Part<'a>>,
    pub document: Part<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeFault {
    #[error("there is no Document; a message is a Document, perhaps beside an AppHdr in an envelope")]
    NoDocument,
    #[error("there is a second {name}; each message is in a document of its own")]
    Second { name: &'static str },
    #[error(
        "the namespace of Document, {found:?}, is none of ISO 20022; it would be such as \
         {NAMESPACE}pacs.008.001.08"
    )]
    Namespace { found: String },
    #[error("AppHdr comes after Document; it comes before")]
    HeaderAfter,
}

impl Coded for EnvelopeFault {
    fn code(&self) -> &'static str {
        match self {
            Self::NoDocument => "document_missing",
            Self::Second { .. } => "second_message",
            Self::Namespace { .. } => "namespace_unknown",
            Self::HeaderAfter => "header_after_document",
        }
    }
}

impl<'a> Message<'a> {
    /// Finds the parts, and tells what is wrong about where they are, each with its element.
    /// What is inside of a `Document` is business data, whatever its name.
    pub fn find(document: &'a Document) -> (Option<Self>, Vec<(EnvelopeFault, Node<'a>)>) {
        let mut faults = Vec::new();
        let mut header: Option<Part<'a>> = None;
        let mut business: Option<Part<'a>> = None;
        let mut waiting = vec![document.root()];
        while let Some(node) = waiting.pop() {
            let (name, slot) = match node.name() {
                "Document" => ("Document", &mut business),
                "AppHdr" => ("AppHdr", &mut header),
                _ => {
                    waiting.extend(node.children().rev());
                    continue;
                }
            };
            if slot.is_some() {
                faults.push((EnvelopeFault::Second { name }, node));
            } else {
                *slot = Some(Part::new(node));
            }
        }
        let Some(business) = business else {
            faults.push((EnvelopeFault::NoDocument, document.root()));
            return (None, faults);
        };
        if business.id.is_none() {
            let found = business.node.namespace().unwrap_or_default().to_owned();
            faults.push((EnvelopeFault::Namespace { found }, business.node));
        }
        if let Some(header) = &header
            && header.node.position() > business.node.position()
        {
            faults.push((EnvelopeFault::HeaderAfter, header.node));
        }
        let message = Self {
            header,
            document: business,
        };
        (Some(message), faults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iso20022::xml;

    #[test]
    fn parts_are_found_in_any_envelope() {
        let check = |text: &str, expected: Option<(Option<&str>, Option<&str>)>, codes: &[&str]| {
            let document = xml::read(text.as_bytes()).expect("well-formed");
            let (message, faults) = Message::find(&document);
            let found = message.as_ref().map(|message| {
                (
                    message.document.id.as_ref().map(MessageId::as_str),
                    message
                        .header
                        .as_ref()
                        .and_then(|header| header.id.as_ref())
                        .map(MessageId::as_str),
                )
            });
            assert_eq!(found, expected, "{text}");
            let found: Vec<_> = faults.iter().map(|(fault, _)| fault.code()).collect();
            assert_eq!(found, codes, "{text}");
        };
        let body = "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08'/>";
        let header = "<AppHdr xmlns='urn:iso:std:iso:20022:tech:xsd:head.001.001.02'/>";
        let pacs = Some("pacs.008.001.08");
        let head = Some("head.001.001.02");
        check(body, Some((pacs, None)), &[]);
        check(&format!("<E>{header}{body}</E>"), Some((pacs, head)), &[]);
        check(&format!("<E><F>{header}</F><G>{body}</G></E>"), Some((pacs, head)), &[]);
        check(
            &format!("<E>{body}{header}</E>"),
            Some((pacs, head)),
            &["header_after_document"],
        );
        check(&format!("<E>{body}{body}</E>"), Some((pacs, None)), &["second_message"]);
        check("<Document/>", Some((None, None)), &["namespace_unknown"]);
        check(header, None, &["document_missing"]);
    }

    #[test]
    fn no_identifier_leaves_the_folder_of_schemas() {
        for id in [
            "../pacs.008",
            "pacs.008.001",
            "pacs.008.001.8",
            "PACS.008.001.08",
            "pacs.008.001.08.x",
            "",
        ] {
            assert_eq!(MessageId::of_namespace(&format!("{NAMESPACE}{id}")), None, "{id}");
        }
    }
}
