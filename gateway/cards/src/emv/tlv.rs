//! BER-TLV as EMV Book 3, Annex B narrows it: a tag of one to four bytes, a definite length of one to five bytes, a
//! value. A constructed tag (bit 6 of its first byte) holds objects.
//!
//! - Padding: `00` before, between and after objects is skipped (Annex B1). `FF` is skipped only where nothing but
//!   `FF` and `00` follows to the end of its level (ISO/IEC 7816-4, 5.2.2), since `FF81xx` are tags too.
//! - The indefinite length `80` is refused, and so is a length in more than four bytes.
//! - Nothing is copied: a [`Tlv`] borrows from what was read. [`Reader`] goes over one level and allocates nothing;
//!   [`read_tree`] goes down into constructed objects within [`Limits`], so that no input costs more than they say.

use thiserror::Error;

mod tag;
mod tree;
mod write;

#[cfg(test)]
mod tests;

pub use tag::{Tag, TagError};
pub use tree::{Duplicates, Limits, Node, find, read_tree};
pub use write::Writer;

/// One data object: its tag and its value, borrowed from the bytes that were read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tlv<'a> {
    pub tag: Tag,
    pub value: &'a [u8],
    /// Where the tag begins, in bytes from the start of what was given to read.
    pub offset: usize,
}

// Values may be card numbers: a debug print shows how long they are.
impl std::fmt::Debug for Tlv<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}[{}]@{}", self.tag, self.value.len(), self.offset)
    }
}

/// Why bytes are not BER-TLV. Offsets are bytes from the start of what was given to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TlvError {
    #[error("the tag at byte {offset} is cut off")]
    TagTruncated { offset: usize },
    #[error("the tag at byte {offset} is longer than four bytes")]
    TagTooLong { offset: usize },
    #[error("the length of {tag} at byte {offset} is cut off")]
    LengthTruncated { tag: Tag, offset: usize },
    #[error("the length of {tag} at byte {offset} is indefinite (80), which EMV does not use")]
    LengthIndefinite { tag: Tag, offset: usize },
    #[error("the length of {tag} at byte {offset} is written in more than four bytes")]
    LengthTooLong { tag: Tag, offset: usize },
    #[error("{tag} at byte {offset} says {length} bytes, of which {available} are there")]
    ValueTruncated {
        tag: Tag,
        offset: usize,
        length: usize,
        available: usize,
    },
    #[error("{length} bytes, at most {max} are read")]
    TooLarge { length: usize, max: usize },
    #[error("{tag} at byte {offset} is nested deeper than {max} levels")]
    TooDeep { tag: Tag, offset: usize, max: usize },
    #[error("more than {max} objects, the next is {tag} at byte {offset}")]
    TooMany { tag: Tag, offset: usize, max: usize },
    #[error("{tag} at byte {offset} is there twice in one template")]
    Duplicate { tag: Tag, offset: usize },
}

impl TlvError {
    /// A stable name for programs, in snake_case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TagTruncated { .. } => "tag_truncated",
            Self::TagTooLong { .. } => "tag_too_long",
            Self::LengthTruncated { .. } => "length_truncated",
            Self::LengthIndefinite { .. } => "length_indefinite",
            Self::LengthTooLong { .. } => "length_too_long",
            Self::ValueTruncated { .. } => "value_truncated",
            Self::TooLarge { .. } => "too_large",
            Self::TooDeep { .. } => "too_deep",
            Self::TooMany { .. } => "too_many",
            Self::Duplicate { .. } => "duplicate",
        }
    }

    /// The byte the fault is at.
    pub fn offset(&self) -> usize {
        match *self {
            Self::TooLarge { max, .. } => max,
            Self::TagTruncated { offset }
            | Self::TagTooLong { offset }
            | Self::LengthTruncated { offset, .. }
            | Self::LengthIndefinite { offset, .. }
            | Self::LengthTooLong { offset, .. }
            | Self::ValueTruncated { offset, .. }
            | Self::TooDeep { offset, .. }
            | Self::TooMany { offset, .. }
            | Self::Duplicate { offset, .. } => offset,
        }
    }
}

/// The objects of one level, in order. After an error it ends.
#[derive(Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    base: usize,
    /// From here on there are only `00` and `FF`.
    tail: usize,
}

impl<'a> Reader<'a> {
    /// Over bytes of any length; it does not go into constructed objects.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::within(bytes, 0)
    }

    /// Over the objects of a template, with offsets counted as those of the template are.
    pub fn of(template: &Tlv<'a>, value_offset: usize) -> Self {
        Self::within(template.value, value_offset)
    }

    fn within(bytes: &'a [u8], base: usize) -> Self {
        let tail = bytes.len() - bytes.iter().rev().take_while(|byte| matches!(byte, 0 | 0xff)).count();
        Self {
            bytes,
            at: 0,
            base,
            tail,
        }
    }

    /// Where the value of the object just read begins: what [`Reader::of`] asks for.
    pub(crate) fn value_offset(&self, object: &Tlv<'_>) -> usize {
        self.base + self.at - object.value.len()
    }

    fn skip_padding(&mut self) {
        self.at += self.bytes[self.at..].iter().take_while(|byte| **byte == 0).count();
        if self.at >= self.tail {
            self.at = self.bytes.len();
        }
    }

    fn read(&mut self) -> Result<Tlv<'a>, TlvError> {
        let offset = self.base + self.at;
        let (tag, used) = Tag::read(&self.bytes[self.at..]).map_err(|error| match error {
            TagError::TooLong => TlvError::TagTooLong { offset },
            _ => TlvError::TagTruncated { offset },
        })?;
        self.at += used;
        let length = self.read_length(tag)?;
        let available = self.bytes.len() - self.at;
        if length > available {
            return Err(TlvError::ValueTruncated {
                tag,
                offset: self.base + self.at,
                length,
                available,
            });
        }
        let value = &self.bytes[self.at..self.at + length];
        self.at += length;
        Ok(Tlv { tag, value, offset })
    }

    fn read_length(&mut self, tag: Tag) -> Result<usize, TlvError> {
        let offset = self.base + self.at;
        let first = *self
            .bytes
            .get(self.at)
            .ok_or(TlvError::LengthTruncated { tag, offset })?;
        self.at += 1;
        if first < 0x80 {
            return Ok(usize::from(first));
        }
        let count = usize::from(first & 0x7f);
        match count {
            0 => return Err(TlvError::LengthIndefinite { tag, offset }),
            1..=4 => {}
            _ => return Err(TlvError::LengthTooLong { tag, offset }),
        }
        let offset = self.base + self.at;
        let digits = self
            .bytes
            .get(self.at..self.at + count)
            .ok_or(TlvError::LengthTruncated { tag, offset })?;
        self.at += count;
        Ok(digits.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Tlv<'a>, TlvError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_padding();
        if self.at == self.bytes.len() {
            return None;
        }
        let object = self.read();
        if object.is_err() {
            self.at = self.bytes.len();
        }
        Some(object)
    }
}
