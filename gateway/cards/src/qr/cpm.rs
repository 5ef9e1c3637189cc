//! What customers show (EMVCo QR Code Specification for Payment Systems, Consumer-Presented Mode).
//!
//! A code is base64 of objects in BER-TLV, of which readers take [`BYTES_MAX`] bytes:
//!
//! | object | what |
//! | --- | --- |
//! | 85 | `CPV01`, first |
//! | 61, once or twice | an application: 4F, 57 or 5A, perhaps 50 5F20 5F2D 5F50 9F08 9F19 9F24 9F25, perhaps 63 |
//! | 62, perhaps | what applications have in common: the same objects, perhaps 64 |
//!
//! 63 and 64 are chip data, the cryptogram among them. Readers pass them on unread, and so does [`Code::read`]; the
//! issuer opens them by [`chip_data`]. Other objects are kept. A primitive object comes once in its template. Which
//! rules a code breaks is asked of it; only what is no TLV is not read.
//!
//! Nothing in a code says that it is genuine but the cryptogram, which the issuer alone can check: such payments are
//! always online.

mod build;
mod inspect;
mod rules;

pub use build::{BuildError, Number, build};
pub use inspect::inspect;

use base64::{DecodeError, Engine, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

use super::Violation;
use crate::{
    emv::tlv::{Duplicates, Limits, Node, Reader, Tag, Tlv, TlvError, read_tree},
    pan::{Pan, PanError},
};

/// The most bytes of a code before base64.
pub const BYTES_MAX: usize = 512;

/// The most characters of a code.
pub const TEXT_BYTES_MAX: usize = BYTES_MAX.div_ceil(3) * 4;

pub const FORMAT: Tag = Tag::of(0x85);
pub const APPLICATION: Tag = Tag::of(0x61);
pub const COMMON: Tag = Tag::of(0x62);
/// Chip data of an application.
pub const APPLICATION_CHIP_DATA: Tag = Tag::of(0x63);
/// Chip data of all applications.
pub const COMMON_CHIP_DATA: Tag = Tag::of(0x64);

const VERSION: &[u8] = b"CPV01";
const AID: Tag = Tag::of(0x4f);
const TRACK_2: Tag = Tag::of(0x57);
const NUMBER: Tag = Tag::of(0x5a);

/// Why text has no objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StructureError {
    #[error("there is nothing in the code")]
    Empty,
    #[error("{0} characters are too many for a code, which has at most {TEXT_BYTES_MAX}")]
    TooLong(usize),
    #[error("at character {at} it is not base64 with its padding (RFC 4648, section 4)")]
    Base64 { at: usize },
    #[error(transparent)]
    Tlv(#[from] TlvError),
}

impl StructureError {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong(_) => "too_long",
            Self::Base64 { .. } => "not_base64",
            Self::Tlv(error) => error.code(),
        }
    }
}

/// The bytes of a code, for [`Code::read`].
pub fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, StructureError> {
    if text.is_empty() {
        return Err(StructureError::Empty);
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(StructureError::TooLong(text.len()));
    }
    match BASE64_STANDARD.decode(text) {
        Ok(bytes) => Ok(Zeroizing::new(bytes)),
        Err(DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol { offset: at, .. }) => {
            Err(StructureError::Base64 { at })
        }
        Err(DecodeError::InvalidLength(_) | DecodeError::InvalidPadding) => {
            Err(StructureError::Base64 { at: text.len() })
        }
    }
}

/// An object of the outermost level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object<'a> {
    pub tlv: Tlv<'a>,
    /// Of 61 and 62: what they hold. Empty for others.
    pub inside: Vec<Tlv<'a>>,
}

/// A code with structure. Its rules may be broken: ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code<'a> {
    /// In the order of the code.
    pub objects: Vec<Object<'a>>,
}

impl<'a> Code<'a> {
    /// Of bytes that [`decode`] gave, at most [`BYTES_MAX`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, StructureError> {
        if bytes.len() > BYTES_MAX {
            return Err(TlvError::TooLarge {
                length: bytes.len(),
                max: BYTES_MAX,
            }
            .into());
        }
        let mut objects = Vec::new();
        let mut reader = Reader::new(bytes);
        while let Some(tlv) = reader.next() {
            let tlv = tlv?;
            let inside = if [APPLICATION, COMMON].contains(&tlv.tag) {
                Reader::of(&tlv, reader.value_offset(&tlv)).collect::<Result<_, _>>()?
            } else {
                Vec::new()
            };
            objects.push(Object { tlv, inside });
        }
        if objects.is_empty() {
            return Err(StructureError::Empty);
        }
        Ok(Self { objects })
    }

    /// In the order of the code, which is that of the customer's preference.
    pub fn applications(&self) -> impl Iterator<Item = Application<'_, 'a>> {
        let templates = self.objects.iter().filter(|object| object.tlv.tag == APPLICATION);
        templates.map(|object| Application {
            own: &object.inside,
            common: self.common(),
        })
    }

    /// What 62 holds, of the first if there are several.
    fn common(&self) -> &[Tlv<'a>] {
        let common = self.objects.iter().find(|object| object.tlv.tag == COMMON);
        common.map_or(&[], |object| &object.inside)
    }

    /// Every rule that the code breaks, in its order. Chip data is not looked at.
    pub fn violations(&self) -> Vec<Violation> {
        rules::violations(self)
    }
}

/// One of the applications that a customer offers to pay with.
#[derive(Debug, Clone, Copy)]
pub struct Application<'c, 'a> {
    own: &'c [Tlv<'a>],
    common: &'c [Tlv<'a>],
}

impl<'a> Application<'_, 'a> {
    /// The value of an object of the application, or else of all applications.
    pub fn get(&self, tag: Tag) -> Option<&'a [u8]> {
        value(self.own, tag).or_else(|| value(self.common, tag))
    }

    pub fn aid(&self) -> Option<&'a [u8]> {
        value(self.own, AID)
    }

    /// The card number, of track 2 if that is there, else of 5A; the application's own before that of all.
    pub fn pan(&self) -> Option<Result<Pan, PanError>> {
        number(self.own).or_else(|| number(self.common))
    }

    /// The values of 63 and of 64, to be passed on as they are.
    pub fn chip_data(&self) -> [Option<&'a [u8]>; 2] {
        [
            value(self.own, APPLICATION_CHIP_DATA),
            value(self.common, COMMON_CHIP_DATA),
        ]
    }
}

/// Opens chip data, for who issued it: each primitive object once in its template.
pub fn chip_data(value: &[u8]) -> Result<Vec<Node<'_>>, TlvError> {
    let limits = Limits {
        bytes_max: BYTES_MAX,
        duplicates: Duplicates::Refused,
        ..Limits::STANDARD
    };
    read_tree(value, limits)
}

fn value<'a>(objects: &[Tlv<'a>], tag: Tag) -> Option<&'a [u8]> {
    objects
        .iter()
        .find(|object| object.tag == tag)
        .map(|object| object.value)
}

fn number(objects: &[Tlv<'_>]) -> Option<Result<Pan, PanError>> {
    match value(objects, TRACK_2) {
        Some(track) => Some(number_of_track_2(track)),
        None => value(objects, NUMBER).map(Pan::from_compressed),
    }
}

/// The card number before the separator D of track 2 as chips have it; without one, all of it.
fn number_of_track_2(track: &[u8]) -> Result<Pan, PanError> {
    let halves = track.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    // One digit more than a number may have is enough to refuse it.
    let before = halves
        .take_while(|half| *half != 0xd)
        .take(*crate::pan::DIGITS.end() + 1);
    let mut text = Zeroizing::new([0; 20]);
    let mut length = 0;
    for half in before {
        text[length] = if half < 10 { b'0' + half } else { b'?' };
        length += 1;
    }
    Pan::from_digits(&text[..length])
}

#[cfg(test)]
mod tests;
