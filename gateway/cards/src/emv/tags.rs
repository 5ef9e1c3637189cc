//! What tags mean: the data elements of EMV Book 3, Annex A, of the contactless kernels and of field 55 of ISO 8583,
//! as [a table](table).
//!
//! Some numbers mean one thing to one scheme and another to the next (9F6E, 9F6C); a row then says both.

pub mod named;
mod table;

pub use table::TAGS;

use serde::Serialize;

use super::tlv::Tag;

/// How a value is written (EMV Book 3, 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Letters.
    A,
    /// Letters and digits.
    An,
    /// Any characters of ISO/IEC 8859.
    Ans,
    /// Bytes.
    B,
    /// Decimal digits, two a byte, from the left, filled with F.
    Cn,
    /// Decimal digits, two a byte, from the right, filled with 0.
    N,
    /// Objects.
    Template,
    /// Tags and lengths of data that is asked for.
    List,
}

/// Who says a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Card,
    Terminal,
    Issuer,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    pub tag: Tag,
    pub name: &'static str,
    pub format: Format,
    /// Least and most bytes of a value.
    pub bytes: (usize, usize),
    pub source: Source,
}

/// What a tag means, if the table says it.
pub fn meaning(tag: Tag) -> Option<&'static Meaning> {
    let at = TAGS.binary_search_by_key(&tag, |row| row.tag).ok()?;
    Some(&TAGS[at])
}

/// Why a value is not what its tag says it is. Places are in bytes of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValueFault {
    #[error("{length} bytes, where {min} to {max} are right")]
    Length { length: usize, min: usize, max: usize },
    #[error("the byte at {at} has a half that is no decimal digit")]
    Digit { at: usize },
    #[error("the byte at {at} is not a character that is allowed")]
    Character { at: usize },
}

impl ValueFault {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Length { .. } => "wrong_length",
            Self::Digit { .. } => "not_digits",
            Self::Character { .. } => "character_not_allowed",
        }
    }
}

impl Meaning {
    /// Every reason why a value is not of the row's length and format. What templates and lists hold is not looked at.
    pub fn faults(&self, value: &[u8]) -> Vec<ValueFault> {
        let (min, max) = self.bytes;
        let length = value.len();
        let length_fault = (length < min || length > max).then_some(ValueFault::Length { length, min, max });
        length_fault.into_iter().chain(self.format.fault(value)).collect()
    }
}

impl Format {
    fn fault(self, value: &[u8]) -> Option<ValueFault> {
        let first = |is_allowed: fn(&u8) -> bool| value.iter().position(|byte| !is_allowed(byte));
        match self {
            Self::A => first(u8::is_ascii_alphabetic).map(|at| ValueFault::Character { at }),
            Self::An => first(u8::is_ascii_alphanumeric).map(|at| ValueFault::Character { at }),
            Self::Ans => first(|byte| matches!(byte, 0x20..=0x7e | 0xa0..)).map(|at| ValueFault::Character { at }),
            Self::N => first(|byte| byte >> 4 < 10 && byte & 15 < 10).map(|at| ValueFault::Digit { at }),
            Self::Cn => compressed_digits(value).err().map(|at| ValueFault::Digit { at }),
            Self::B | Self::Template | Self::List => None,
        }
    }
}

/// How many digits a value of format cn has.
///
/// # Errors
/// The byte where a half is neither a digit nor one of the F at the end.
pub fn compressed_digits(value: &[u8]) -> Result<usize, usize> {
    let half = |at: usize| value[at / 2] >> (4 * (1 - at % 2)) & 15;
    let halves = 2 * value.len();
    let digits = (0..halves).position(|at| half(at) > 9).unwrap_or(halves);
    match (digits..halves).find(|at| half(*at) != 15) {
        None => Ok(digits),
        Some(at) => Err(at / 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(tag: u32, value: &str) -> Vec<&'static str> {
        let value = hex::decode(value).expect("hex");
        let row = meaning(Tag::of(tag)).expect("a row");
        row.faults(&value).iter().map(ValueFault::code).collect()
    }

    #[test]
    fn the_table_ascends_and_its_templates_are_constructed() {
        for pair in TAGS.windows(2) {
            assert!(pair[0].tag < pair[1].tag, "{}", pair[1].tag);
        }
        for row in TAGS {
            assert_eq!(meaning(row.tag), Some(row));
            assert!(row.bytes.0 <= row.bytes.1, "{}", row.tag);
            let is_template = row.format == Format::Template;
            assert_eq!(row.tag.is_constructed(), is_template, "{}", row.tag);
        }
        assert_eq!(meaning(Tag::of(0x9f7a)), None);
    }

    #[test]
    fn values_that_are_not_of_their_format_are_told() {
        assert_eq!(faults(0x9f02, "000000001234"), [""; 0]);
        assert_eq!(faults(0x9f02, "00000000123A"), ["not_digits"]);
        assert_eq!(faults(0x9f02, "FA"), ["wrong_length", "not_digits"]);
        assert_eq!(faults(0x5a, "374245001741007F"), [""; 0]);
        assert_eq!(faults(0x5a, "3742F5001741007F"), ["not_digits"]);
        assert_eq!(faults(0x8a, "3030"), [""; 0]);
        assert_eq!(faults(0x8a, "302E"), ["character_not_allowed"]);
        assert_eq!(faults(0x50, "564953410A"), ["character_not_allowed"]);
        assert_eq!(faults(0x9f36, "01"), ["wrong_length"]);
    }

    #[test]
    fn compressed_digits_end_where_the_filling_begins() {
        assert_eq!(compressed_digits(&[0x12, 0x3f, 0xff]), Ok(3));
        assert_eq!(compressed_digits(&[]), Ok(0));
        assert_eq!(compressed_digits(&[0x12, 0xf3]), Err(1));
        assert_eq!(compressed_digits(&[0x1a, 0xff]), Err(0));
    }
}
