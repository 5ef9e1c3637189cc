//! What is in clear in a key block.
//!
//! | characters | what |
//! | --- | --- |
//! | 0 | version |
//! | 1–4 | length of the whole block |
//! | 5–6, 7, 8 | the key's usage, algorithm and mode of use |
//! | 9–10, 11 | the key's version, its exportability |
//! | 12–13, 14–15 | number of optional blocks, reserved |
//!
//! An optional block has two characters of ID, its whole length in two hexadecimal digits, and data. A longer one has
//! `00`, the number of bytes that its length is written in, and that. `PB` fills a header up.

use super::{KeyBlockError, LENGTH_MAX};

const FIXED: usize = 16;
const PADDING: &str = "PB";
/// ID and length of a short block.
const SHORT: usize = 4;
/// ID, `00`, `02` and length of a long one.
const LONG: usize = 10;

/// How a key block is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    A,
    B,
    C,
    D,
}

impl Version {
    fn of(text: &str) -> Option<Self> {
        match text {
            "A" => Some(Self::A),
            "B" => Some(Self::B),
            "C" => Some(Self::C),
            "D" => Some(Self::D),
            _ => None,
        }
    }

    /// Bytes of a block of the cipher.
    pub(super) fn block(self) -> usize {
        if self == Self::D { 16 } else { 8 }
    }

    pub(super) fn mac_bytes(self) -> usize {
        match self {
            Self::A | Self::C => 4,
            Self::B => 8,
            Self::D => 16,
        }
    }
}

/// What a header says, as letters and digits: one each, two of `usage` and `key_version`.
#[derive(Debug, Clone, Copy)]
pub struct Attributes<'a> {
    pub version: &'a str,
    pub usage: &'a str,
    pub algorithm: &'a str,
    pub mode_of_use: &'a str,
    pub key_version: &'a str,
    pub exportability: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionalBlock {
    /// Two letters or digits.
    pub id: String,
    /// Printable ASCII.
    pub data: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    version: Version,
    /// 16 letters and digits, of which length and number of optional blocks are not kept.
    fixed: String,
    /// Without padding.
    blocks: Vec<OptionalBlock>,
}

impl Header {
    /// A header without optional blocks.
    ///
    /// # Errors
    /// A version that is none, or an attribute that is not letters and digits of its length.
    pub fn new(attributes: Attributes<'_>) -> Result<Self, KeyBlockError> {
        let Attributes {
            version,
            usage,
            algorithm,
            mode_of_use,
            key_version,
            exportability,
        } = attributes;
        let known = Version::of(version).ok_or(KeyBlockError::Version)?;
        for (name, value, length) in [
            ("usage", usage, 2),
            ("algorithm", algorithm, 1),
            ("mode of use", mode_of_use, 1),
            ("key version", key_version, 2),
            ("exportability", exportability, 1),
        ] {
            if value.len() != length || !is_alphanumeric(value) {
                return Err(KeyBlockError::Attribute(name));
            }
        }
        Ok(Self {
            version: known,
            fixed: format!("{version}0000{usage}{algorithm}{mode_of_use}{key_version}{exportability}0000"),
            blocks: vec![],
        })
    }

    /// The header that `text` begins with, and its length. The block's length in it is not looked at.
    ///
    /// # Errors
    /// What is no header.
    pub fn parse(text: &str) -> Result<(Self, usize), KeyBlockError> {
        let fixed = text.get(..FIXED).filter(|fixed| is_alphanumeric(fixed));
        let fixed = fixed.ok_or(KeyBlockError::Header)?;
        let version = Version::of(&fixed[..1]).ok_or(KeyBlockError::Version)?;
        let count = &fixed[12..14];
        if !count.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(KeyBlockError::BlockCount);
        }
        let count: usize = count.parse().map_err(|_| KeyBlockError::BlockCount)?;
        let (mut blocks, mut at) = (Vec::<OptionalBlock>::new(), FIXED);
        for _ in 0..count {
            let (block, length) = OptionalBlock::parse(&text[at..])?;
            if blocks.iter().any(|other| other.id == block.id) {
                return Err(KeyBlockError::OptionalBlock("ID"));
            }
            if block.id != PADDING {
                blocks.push(block);
            }
            at += length;
        }
        let fixed = fixed.to_owned();
        Ok((Self { version, fixed, blocks }, at))
    }

    pub fn version(&self) -> Version {
        self.version
    }

    pub fn attributes(&self) -> Attributes<'_> {
        Attributes {
            version: &self.fixed[..1],
            usage: &self.fixed[5..7],
            algorithm: self.algorithm(),
            mode_of_use: &self.fixed[8..9],
            key_version: &self.fixed[9..11],
            exportability: &self.fixed[11..12],
        }
    }

    pub(super) fn algorithm(&self) -> &str {
        &self.fixed[7..8]
    }

    /// Without padding.
    pub fn blocks(&self) -> &[OptionalBlock] {
        &self.blocks
    }

    /// As it is before `rest` characters, padded to whole blocks of the cipher. `None` if that is longer than a key
    /// block may be.
    pub(super) fn to_text(&self, rest: usize) -> Option<String> {
        let mut blocks: String = self.blocks.iter().map(OptionalBlock::to_text).collect();
        let mut count = self.blocks.len();
        let missing = blocks.len().next_multiple_of(self.version.block()) - blocks.len();
        if missing > 0 {
            let length = if missing < SHORT {
                missing + self.version.block()
            } else {
                missing
            };
            blocks += &format!("{PADDING}{length:02X}{:0<1$}", "", length - SHORT);
            count += 1;
        }
        let length = FIXED + blocks.len() + rest;
        let fits = length <= LENGTH_MAX && count <= 99;
        fits.then(|| {
            let (version, attributes, reserved) = (&self.fixed[..1], &self.fixed[5..12], &self.fixed[14..]);
            format!("{version}{length:04}{attributes}{count:02}{reserved}{blocks}")
        })
    }
}

impl OptionalBlock {
    /// The block that `text` begins with, and its length.
    fn parse(text: &str) -> Result<(Self, usize), KeyBlockError> {
        let wrong = KeyBlockError::OptionalBlock;
        let id = text.get(..2).filter(|id| is_alphanumeric(id)).ok_or(wrong("ID"))?;
        let (mut length, mut start) = (hexadecimal(text, 2, 2).ok_or(wrong("length"))?, SHORT);
        if length == 0 {
            let bytes = hexadecimal(text, SHORT, 2).filter(|bytes| *bytes > 0);
            let digits = 2 * bytes.ok_or(wrong("length of length"))?;
            start = SHORT + 2 + digits;
            length = hexadecimal(text, SHORT + 2, digits).ok_or(wrong("length"))?;
        }
        if length < start {
            return Err(wrong("length"));
        }
        let data = text.get(start..length).filter(|data| is_printable(data));
        let block = Self {
            id: id.to_owned(),
            data: data.ok_or(wrong("data"))?.to_owned(),
        };
        Ok((block, length))
    }

    fn to_text(&self) -> String {
        let Self { id, data } = self;
        match data.len() + SHORT {
            length @ ..=0xFF => format!("{id}{length:02X}{data}"),
            _ => format!("{id}0002{:04X}{data}", data.len() + LONG),
        }
    }
}

/// `digits` hexadecimal digits of `text`, when they are a number that fits.
fn hexadecimal(text: &str, at: usize, digits: usize) -> Option<usize> {
    let digits = text.get(at..at + digits)?;
    let all = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    all.then(|| usize::from_str_radix(digits, 16).ok()).flatten()
}

fn is_alphanumeric(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}
