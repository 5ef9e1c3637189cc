//! What a payment application says to SELECT, GET PROCESSING OPTIONS, READ RECORD and GENERATE AC (EMV Book 1, 11.3;
//! Book 3, 6.5).

use thiserror::Error;

use crate::emv::tlv::{Limits, Node, Tag, TlvError, find, read_tree};

const FILE_INFORMATION: Tag = Tag::of(0x6f);
const RECORD: Tag = Tag::of(0x70);
const FORMAT_1: Tag = Tag::of(0x80);
const FORMAT_2: Tag = Tag::of(0x77);

/// Why data is not the answer that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AnswerError {
    #[error(transparent)]
    Tlv(#[from] TlvError),
    #[error("the answer is not one template {expected}")]
    Template { expected: &'static str },
    #[error("{tag} is missing")]
    Missing { tag: Tag },
    #[error("{tag} is {length} bytes")]
    Length { tag: Tag, length: usize },
}

impl AnswerError {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Tlv(error) => error.code(),
            Self::Template { .. } => "answer_template",
            Self::Missing { .. } => "answer_missing",
            Self::Length { .. } => "answer_length",
        }
    }
}

/// What SELECT says of an application or a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInformation<'a> {
    /// 84.
    pub name: &'a [u8],
    /// 50.
    pub label: Option<&'a [u8]>,
    /// 9F38, to be read as a data object list.
    pub options_list: Option<&'a [u8]>,
    /// The applications that a directory of contactless ones lists, 61 in BF0C.
    pub applications: Vec<Application<'a>>,
}

/// One application of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Application<'a> {
    /// 4F.
    pub aid: &'a [u8],
    /// 50.
    pub label: Option<&'a [u8]>,
    /// 87, of which the last four bits are the order: 1 is first, 0 has none.
    pub priority: Option<u8>,
    /// 9F2A.
    pub kernel: Option<&'a [u8]>,
}

/// What GET PROCESSING OPTIONS says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessingOptions<'a> {
    /// 82.
    pub profile: [u8; 2],
    /// 94, fours of bytes; empty where there is nothing to read.
    pub locator: &'a [u8],
    /// All of an answer in format 2 (77), such as Visa's with the cryptogram; empty for format 1 (80).
    pub objects: Vec<Node<'a>>,
}

/// What GENERATE AC says, or a Visa card in its processing options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cryptogram<'a> {
    /// 9F27; `None` where Visa's processing options leave it to 9F10.
    pub information: Option<u8>,
    /// 9F36.
    pub counter: u16,
    /// 9F26; `None` where a signature (9F4B) covers it.
    pub cryptogram: Option<[u8; 8]>,
    /// 9F10.
    pub issuer_data: Option<&'a [u8]>,
}

/// Reads the answer to SELECT.
pub fn file_information(data: &[u8]) -> Result<FileInformation<'_>, AnswerError> {
    let objects = template(data, FILE_INFORMATION, "6F")?;
    Ok(FileInformation {
        name: required(&objects, Tag::of(0x84))?,
        label: value(&objects, Tag::of(0x50)).filter(|_| find(&objects, Tag::of(0x61)).is_none()),
        options_list: value(&objects, Tag::of(0x9f38)),
        applications: match find(&objects, Tag::of(0xbf0c)) {
            Some(discretionary) => applications(&discretionary.children)?,
            None => Vec::new(),
        },
    })
}

/// The applications (61) among objects: of BF0C, or of a record of the directory of contact applications.
pub fn applications<'a>(objects: &[Node<'a>]) -> Result<Vec<Application<'a>>, AnswerError> {
    let entries = objects.iter().filter(|node| node.object.tag == Tag::of(0x61));
    let entry = |node: &Node<'a>| {
        Ok(Application {
            aid: required(&node.children, Tag::of(0x4f))?,
            label: value(&node.children, Tag::of(0x50)),
            priority: value(&node.children, Tag::of(0x87)).and_then(|value| value.first().copied()),
            kernel: value(&node.children, Tag::of(0x9f2a)),
        })
    };
    entries.map(entry).collect()
}

/// Reads the answer to READ RECORD: the objects of its template 70. The records of a log have none.
pub fn record(data: &[u8]) -> Result<Vec<Node<'_>>, AnswerError> {
    template(data, RECORD, "70")
}

/// Reads the answer to GET PROCESSING OPTIONS in either format.
pub fn processing_options(data: &[u8]) -> Result<ProcessingOptions<'_>, AnswerError> {
    let (profile, locator, objects) = match either(data)? {
        Either::Fixed(value) => {
            let (profile, locator) = value.split_first_chunk().ok_or(fixed_length(value))?;
            (*profile, locator, Vec::new())
        }
        Either::Objects(objects) => {
            let profile = exact(&objects, Tag::of(0x82))?;
            (profile, value(&objects, Tag::of(0x94)).unwrap_or_default(), objects)
        }
    };
    if locator.len() % 4 != 0 {
        let (tag, length) = (Tag::of(0x94), locator.len());
        return Err(AnswerError::Length { tag, length });
    }
    Ok(ProcessingOptions {
        profile,
        locator,
        objects,
    })
}

/// Reads the answer to GENERATE AC in either format.
pub fn cryptogram(data: &[u8]) -> Result<Cryptogram<'_>, AnswerError> {
    match either(data)? {
        Either::Fixed(value) => {
            let ([information, counter @ ..], rest) = value.split_first_chunk::<3>().ok_or(fixed_length(value))?;
            let (cryptogram, issuer_data) = rest.split_first_chunk().ok_or(fixed_length(value))?;
            Ok(Cryptogram {
                information: Some(*information),
                counter: u16::from_be_bytes(*counter),
                cryptogram: Some(*cryptogram),
                issuer_data: Some(issuer_data).filter(|data| !data.is_empty()),
            })
        }
        Either::Objects(objects) => {
            let [information] = exact(&objects, Tag::of(0x9f27))?;
            let read = cryptogram_of(&objects)?;
            Ok(Cryptogram {
                information: Some(information),
                ..read
            })
        }
    }
}

/// The cryptogram among objects, such as those of Visa's processing options.
pub fn cryptogram_of<'a>(objects: &[Node<'a>]) -> Result<Cryptogram<'a>, AnswerError> {
    let optional = |tag| value(objects, tag).map(|_| ());
    let cryptogram = optional(Tag::of(0x9f26)).map(|()| exact(objects, Tag::of(0x9f26)));
    let information = optional(Tag::of(0x9f27)).map(|()| exact::<1>(objects, Tag::of(0x9f27)));
    Ok(Cryptogram {
        information: information.transpose()?.map(|[byte]| byte),
        counter: u16::from_be_bytes(exact(objects, Tag::of(0x9f36))?),
        cryptogram: cryptogram.transpose()?,
        issuer_data: value(objects, Tag::of(0x9f10)),
    })
}

enum Either<'a> {
    Fixed(&'a [u8]),
    Objects(Vec<Node<'a>>),
}

fn either(data: &[u8]) -> Result<Either<'_>, AnswerError> {
    let mut nodes = read_tree(data, Limits::STANDARD)?;
    match (nodes.pop(), nodes.is_empty()) {
        (Some(node), true) if node.object.tag == FORMAT_1 => Ok(Either::Fixed(node.object.value)),
        (Some(node), true) if node.object.tag == FORMAT_2 => Ok(Either::Objects(node.children)),
        _ => Err(AnswerError::Template { expected: "77 or 80" }),
    }
}

fn template<'a>(data: &'a [u8], tag: Tag, expected: &'static str) -> Result<Vec<Node<'a>>, AnswerError> {
    let mut nodes = read_tree(data, Limits::STANDARD)?;
    match (nodes.pop(), nodes.is_empty()) {
        (Some(node), true) if node.object.tag == tag => Ok(node.children),
        _ => Err(AnswerError::Template { expected }),
    }
}

fn fixed_length(value: &[u8]) -> AnswerError {
    AnswerError::Length {
        tag: FORMAT_1,
        length: value.len(),
    }
}

fn value<'a>(objects: &[Node<'a>], tag: Tag) -> Option<&'a [u8]> {
    find(objects, tag).map(|node| node.object.value)
}

fn required<'a>(objects: &[Node<'a>], tag: Tag) -> Result<&'a [u8], AnswerError> {
    value(objects, tag).ok_or(AnswerError::Missing { tag })
}

fn exact<const N: usize>(objects: &[Node<'_>], tag: Tag) -> Result<[u8; N], AnswerError> {
    let value = required(objects, tag)?;
    let length = value.len();
    value.try_into().map_err(|_| AnswerError::Length { tag, length })
}

#[cfg(test)]
mod tests;
