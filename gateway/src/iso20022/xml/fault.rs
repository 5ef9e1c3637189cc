//! Why a document cannot be read.

use super::{limits, tree::Position};
use crate::reason::Coded;

#[derive(Debug, thiserror::Error)]
pub enum XmlFault {
    #[error("the document is larger than {} bytes", limits::DOCUMENT_BYTES_MAX)]
    TooLarge,
    #[error("byte {byte} is not UTF-8; a message is in UTF-8, or in UTF-16 with a byte order mark")]
    NotUtf8 { byte: usize },
    #[error("the document begins as UTF-16, but not all of it is")]
    NotUtf16,
    #[error("the document says that its encoding is {declared:?}, which it is not; a message is in UTF-8")]
    Encoding { declared: String },
    #[error("the character U+{:04X} is not allowed in XML", u32::from(*found))]
    Character { found: char },
    #[error(
        "the XML declaration is not as it should be: <?xml version=\"1.0\" encoding=\"UTF-8\"?>, once, at the very beginning"
    )]
    Declaration,
    #[error("there is a document type declaration; messages have none, and none is read")]
    DocumentType,
    #[error("the entity &{name}; is not known; only &amp; &lt; &gt; &apos; &quot; and numbers of characters are")]
    Entity { name: String },
    #[error("the XML cannot be read on: {0}")]
    Syntax(#[source] quick_xml::Error),
    #[error("the tag is not well written: an attribute is name=\"value\" after a space, without < in it")]
    AttributeForm,
    #[error("the attribute {name} is there twice")]
    AttributeTwice { name: String },
    #[error("{name:?} is no name for an element or an attribute")]
    Name { name: String },
    #[error("the prefix {prefix:?} is not declared; xmlns:{prefix}=\"...\" would")]
    PrefixUnknown { prefix: String },
    #[error("the declaration {name} of a namespace is not allowed")]
    NamespaceDeclaration { name: String },
    #[error("there is text outside of the root element")]
    TextOutside,
    #[error("there is a second root element; a document has one")]
    SecondRoot,
    #[error("there is no element in the document")]
    Empty,
    #[error("the document ends before the end of {name}; </{name}> is missing")]
    Unclosed { name: String },
    #[error("there is \"]]>\" in the text; it is written ]]&gt;")]
    CdataEnd,
    #[error("a processing instruction is called xml or has no name")]
    Instruction,
    #[error("elements are nested more than {} deep", limits::DEPTH_MAX)]
    TooDeep,
    #[error("there are more than {} elements", limits::ELEMENTS_MAX)]
    TooManyElements,
    #[error("an element has more than {} attributes", limits::ATTRIBUTES_MAX)]
    TooManyAttributes,
    #[error("an attribute is longer than {} bytes", limits::ATTRIBUTE_BYTES_MAX)]
    AttributeTooLong,
    #[error("a name is longer than {} bytes", limits::NAME_BYTES_MAX)]
    NameTooLong,
    #[error("there are more than {} namespaces", limits::NAMESPACES_MAX)]
    TooManyNamespaces,
}

impl XmlFault {
    pub(super) fn entity(name: &str) -> Self {
        Self::Entity {
            name: name.chars().take(40).collect(),
        }
    }
}

impl Coded for XmlFault {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "xml_too_large",
            Self::NotUtf8 { .. } | Self::NotUtf16 | Self::Encoding { .. } => "xml_encoding",
            Self::Character { .. } => "xml_character",
            Self::Declaration => "xml_declaration",
            Self::DocumentType => "xml_document_type",
            Self::Entity { .. } => "xml_entity",
            Self::Syntax(_) | Self::Instruction | Self::CdataEnd => "xml_syntax",
            Self::AttributeForm | Self::AttributeTwice { .. } => "xml_attribute",
            Self::Name { .. } => "xml_name",
            Self::PrefixUnknown { .. } | Self::NamespaceDeclaration { .. } => "xml_namespace",
            Self::TextOutside | Self::SecondRoot | Self::Empty => "xml_root",
            Self::Unclosed { .. } => "xml_unclosed",
            Self::TooDeep => "xml_too_deep",
            Self::TooManyElements
            | Self::TooManyAttributes
            | Self::AttributeTooLong
            | Self::NameTooLong
            | Self::TooManyNamespaces => "xml_too_much",
        }
    }
}

/// Why a document is not well-formed. Nothing after the first fault can be read.
#[derive(Debug, thiserror::Error)]
#[error("line {}, column {}: {fault}", position.line, position.column)]
pub struct Malformed {
    #[source]
    pub fault: XmlFault,
    pub position: Position,
}
