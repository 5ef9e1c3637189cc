//! Bytes into text: UTF-8 or UTF-16, with or without a byte order mark.

use std::borrow::Cow;

use super::{XmlFault, characters, limits::DOCUMENT_BYTES_MAX};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Utf16,
}

impl Encoding {
    /// Whether a declaration may call the encoding so. US-ASCII is UTF-8, if it is kept to.
    pub fn goes_by(self, name: &str, text: &str) -> bool {
        match self {
            Self::Utf8 => {
                name.eq_ignore_ascii_case("UTF-8") || (name.eq_ignore_ascii_case("US-ASCII") && text.is_ascii())
            }
            Self::Utf16 => name.eq_ignore_ascii_case("UTF-16"),
        }
    }
}

/// The text after the byte order mark, all of it characters that XML allows.
pub fn decode(bytes: &[u8]) -> Result<(Cow<'_, str>, Encoding), XmlFault> {
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return Err(XmlFault::TooLarge);
    }
    // XML 1.0, appendix F: without a mark, the bytes of `<` tell UTF-16.
    let (text, encoding) = match bytes {
        [0xfe, 0xff, rest @ ..] => (utf16(rest, u16::from_be_bytes)?.into(), Encoding::Utf16),
        [0xff, 0xfe, rest @ ..] => (utf16(rest, u16::from_le_bytes)?.into(), Encoding::Utf16),
        [0, b'<', ..] => (utf16(bytes, u16::from_be_bytes)?.into(), Encoding::Utf16),
        [b'<', 0, ..] => (utf16(bytes, u16::from_le_bytes)?.into(), Encoding::Utf16),
        _ => (Cow::Borrowed(utf8(bytes)?), Encoding::Utf8),
    };
    match text.chars().find(|character| !characters::is_allowed(*character)) {
        Some(found) => Err(XmlFault::Character { found }),
        None => Ok((text, encoding)),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, XmlFault> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| XmlFault::NotUtf8 {
        byte: error.valid_up_to() + 1,
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, XmlFault> {
    let (pairs, []) = bytes.as_chunks::<2>() else {
        return Err(XmlFault::NotUtf16);
    };
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
        .collect::<Result<_, _>>()
        .map_err(|_| XmlFault::NotUtf16)
}
