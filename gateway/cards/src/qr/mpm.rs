//! What merchants show (EMVCo QR Code Specification for Payment Systems, Merchant-Presented Mode).
//!
//! A code is text: objects of an id of two digits, a length of two digits that counts characters, and a value. Ids are
//! unique within a level; 00 comes first and 63, the check, last. 26 to 51, 62 and 64 are templates: their value
//! is objects again. 80 to 99 are anybody's, shown as objects where they are such. 02 to 25 are never templates, even
//! where they look like one. What each object has to be is the table in [`rules`].
//!
//! Unknown ids are kept. Nothing is read from a code whose [`Check`] is wrong unless who reads it asks for it: the
//! check covers everything before it and its own `6304`.

pub mod amount;
pub mod build;
mod inspect;
mod object;
pub mod rules;

pub use self::{
    build::Builder,
    inspect::inspect,
    object::{Object, StructureError, objects},
};
use super::Violation;

/// The longest text in a code of version 40 that holds bytes.
pub const TEXT_BYTES_MAX: usize = 2953;

/// The id of the check, with the length of its value.
const CHECK_HEAD: &str = "6304";

/// CRC-16/CCITT-FALSE (catalogue name CRC-16/IBM-3740), ISO/IEC 13239 without its last inversion.
const CRC: crc::Crc<u16> = crc::Crc::<u16>::new(&crc::CRC_16_IBM_3740);

pub fn crc16(bytes: &[u8]) -> u16 {
    CRC.checksum(bytes)
}

/// What a code says of its own check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    Right,
    /// Also of a value that is no four hexadecimal digits.
    Wrong {
        computed: u16,
    },
    /// The code does not end in object 63.
    Missing,
}

impl Check {
    /// Of any text, so that one without structure can still be told to be altered or not.
    pub fn of(text: &str) -> Self {
        let Some((before, said)) = text.len().checked_sub(4).and_then(|at| text.split_at_checked(at)) else {
            return Self::Missing;
        };
        if !before.ends_with(CHECK_HEAD) {
            return Self::Missing;
        }
        let computed = crc16(before.as_bytes());
        // Leading zeros are part of the value; some writers use small letters.
        if said.eq_ignore_ascii_case(&format!("{computed:04X}")) {
            Self::Right
        } else {
            Self::Wrong { computed }
        }
    }
}

/// A code with structure. Its check may be wrong and its rules broken: ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code<'a> {
    pub text: &'a str,
    /// In the order of the code, the check among them.
    pub objects: Vec<Object<'a>>,
    pub check: Check,
}

impl<'a> Code<'a> {
    /// Text of up to [`TEXT_BYTES_MAX`] bytes.
    pub fn read(text: &'a str) -> Result<Self, StructureError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(StructureError::TooLong(text.len()));
        }
        if text.is_empty() {
            return Err(StructureError::Empty);
        }
        Ok(Self {
            text,
            objects: objects(text)?,
            check: Check::of(text),
        })
    }

    /// The value of an object of the outermost level, of the first if there are two.
    pub fn get(&self, id: u8) -> Option<&'a str> {
        object::find(&self.objects, id)
    }

    /// What a template holds; `None` if it is not there or is none.
    pub fn template(&self, id: u8) -> Option<Vec<Object<'a>>> {
        objects(self.get(id)?).ok()
    }

    /// Every rule of the table that the code breaks, its check left out.
    pub fn violations(&self) -> Vec<Violation> {
        rules::violations(&self.objects)
    }

    /// Whether it is for one payment only (object 01).
    pub fn is_dynamic(&self) -> bool {
        self.get(1) == Some("12")
    }
}

/// Whether all characters are of EMVCo's common character set, so that a code needs no ECI 26 (UTF-8).
pub fn is_ans(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// Ends a text of objects with its check.
pub fn seal(mut text: String) -> String {
    text.push_str(CHECK_HEAD);
    let computed = crc16(text.as_bytes());
    text.push_str(&format!("{computed:04X}"));
    text
}

#[cfg(test)]
mod tests;
