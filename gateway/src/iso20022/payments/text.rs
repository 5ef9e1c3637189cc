//! Texts in the characters that CBPR+ allows: FIN's set X for references, and its extension for all else.

mod transliteration;

use std::{fmt, marker::PhantomData};

use crate::iso20022::rules::{is_extension, is_plain};

/// Which characters a text may have, and whether others are replaced.
pub trait CharacterSet {
    fn has(character: char) -> bool;
    /// Of references nothing is replaced: another reference would refer to another thing.
    const REPLACES: bool;
    const SLASHES: bool;
}

/// Names, addresses, remittance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extended {}

impl CharacterSet for Extended {
    fn has(character: char) -> bool {
        is_plain(character) || is_extension(character)
    }
    const REPLACES: bool = true;
    const SLASHES: bool = true;
}

/// FIN's set X.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plain {}

impl CharacterSet for Plain {
    fn has(character: char) -> bool {
        is_plain(character)
    }
    const REPLACES: bool = false;
    const SLASHES: bool = true;
}

/// FIN's set X with no slash at either end, nor two in a row: slashes separate in field 20 of FIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unslashed {}

impl CharacterSet for Unslashed {
    fn has(character: char) -> bool {
        is_plain(character)
    }
    const REPLACES: bool = false;
    const SLASHES: bool = false;
}

/// One to `MAX` characters of a set, without spaces around them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const MAX: usize, S = Extended> {
    text: String,
    set: PhantomData<S>,
}

/// MsgId, EndToEndId and the like.
pub type Reference = Text<35, Plain>;
/// As it goes through FIN, in CBPR+.
pub type InstructionId = Text<{ crate::iso20022::rules::INSTRUCTION_ID_CHARACTERS_MAX }, Unslashed>;
/// As others may have written it before.
pub type OriginalInstructionId = Text<35, Unslashed>;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextFault {
    #[error("is empty")]
    Empty,
    #[error("has {found} characters; at most {max} are allowed")]
    TooLong { found: usize, max: usize },
    #[error("has {found:?}; a reference has letters from A to Z, digits, spaces, and / - ? : ( ) . , ' +")]
    Character { found: char },
    #[error("begins or ends with a slash, or has two in a row")]
    Slashes,
}

impl<const MAX: usize, S: CharacterSet> Text<MAX, S> {
    /// Takes what others wrote. Characters outside of the set are replaced where the set allows that; see
    /// [`Extended`].
    ///
    /// # Errors
    /// It is empty, too long, or has characters that are not replaced.
    pub fn new(text: &str) -> Result<Self, TextFault> {
        let text = text.trim_matches([' ', '\t', '\n', '\r']);
        let found = text.chars().take(MAX.saturating_mul(2) + 1).count();
        if found > MAX {
            return Err(TextFault::TooLong { found, max: MAX });
        }
        Self::fitted(text)
    }

    /// As [`Text::new`], and what is too long is cut off: for texts of our own, which lose only words by it.
    ///
    /// # Errors
    /// It is empty, or has characters that are not replaced.
    pub fn fitted(text: &str) -> Result<Self, TextFault> {
        let begin = text.trim_start_matches([' ', '\t', '\n', '\r']).chars().take(MAX);
        let mut fitted: String = if S::REPLACES {
            let replaced = begin.flat_map(|character| transliteration::within(character, S::has).chars());
            replaced.take(MAX).collect()
        } else {
            begin.collect()
        };
        fitted.truncate(fitted.trim_end_matches([' ', '\t', '\n', '\r']).len());
        let fitted = match fitted.trim_start_matches(' ') {
            trimmed if trimmed.len() == fitted.len() => fitted,
            trimmed => trimmed.to_owned(),
        };
        if fitted.is_empty() {
            return Err(TextFault::Empty);
        }
        if let Some(found) = fitted.chars().find(|character| !S::has(*character)) {
            return Err(TextFault::Character { found });
        }
        if !S::SLASHES && (fitted.starts_with('/') || fitted.ends_with('/') || fitted.contains("//")) {
            return Err(TextFault::Slashes);
        }
        Ok(Self {
            text: fitted,
            set: PhantomData,
        })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<const MAX: usize, S> fmt::Display for Text<MAX, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<const MAX: usize, S> fmt::Debug for Text<MAX, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_made_of_what_fin_can_carry() {
        let check = |text: &str, expected: Result<&str, TextFault>| {
            let found = Text::<20>::new(text);
            assert_eq!(found.as_ref().map(Text::as_str), expected.as_ref().copied(), "{text}");
        };
        check("Müller & Söhne", Ok("Muller & Sohne"));
        check("Łódź, Straße 7", Ok("Lodz, Strasse 7"));
        check("Ærø Þór Đặng", Ok("AEro THor Dang"));
        check("Владимир Щука", Ok("Vladimir Shchuka"));
        check("Ελλάδα", Ok("Ellada"));
        check("5 € – “ok”…", Ok("5 EUR - \"ok\"..."));
        check("北京", Ok(".."));
        check("two\n  lines", Ok("two   lines"));
        check("  spaces  ", Ok("spaces"));
        check("\u{301}", Err(TextFault::Empty));
        check("", Err(TextFault::Empty));
        check("123456789012345678901", Err(TextFault::TooLong { found: 21, max: 20 }));
        check("ßßßßßßßßßßßßßßßßßßßß", Ok("ssssssssssssssssssss"));
    }

    #[test]
    fn references_are_not_changed() {
        let check = |text: &str, expected: Result<&str, TextFault>| {
            let found = InstructionId::new(text);
            assert_eq!(found.as_ref().map(Text::as_str), expected.as_ref().copied(), "{text}");
        };
        check("a/B-7", Ok("a/B-7"));
        check("a_b", Err(TextFault::Character { found: '_' }));
        check("é", Err(TextFault::Character { found: 'é' }));
        check("/a", Err(TextFault::Slashes));
        check("a/", Err(TextFault::Slashes));
        check("a//b", Err(TextFault::Slashes));
        check("12345678901234567", Err(TextFault::TooLong { found: 17, max: 16 }));
        assert_eq!(
            Reference::new("/a//").map(|found| found.to_string()),
            Ok("/a//".to_owned())
        );
    }
}
