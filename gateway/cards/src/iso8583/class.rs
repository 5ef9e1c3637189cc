//! Which characters a field may hold, as a table by byte.

use serde::{Deserialize, Serialize};

/// The attribute of a field, as ISO 8583:1987 names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Digits.
    N,
    /// Letters, digits, and spaces as fill.
    An,
    /// Printable ASCII.
    Ans,
    /// Magnetic track data: digits with `=` or `D` between them.
    Z,
    /// `C` or `D`, then digits.
    Xn,
    /// Hexadecimal digits, written as digits are: for dialects that pack more than decimal digits.
    Hex,
    /// Any ASCII character at all, for dialects that do not restrict.
    Any,
    /// Bytes.
    B,
}

const DIGIT: u8 = 1;
const ALPHANUMERIC: u8 = 2;
const PRINTABLE: u8 = 4;
const TRACK: u8 = 8;
const HEX: u8 = 16;
const ASCII: u8 = 32;
const SIGN: u8 = 64;

const CHARACTERS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_usize;
    while byte < 128 {
        let character = byte as u8;
        let mut bits = ASCII;
        if character.is_ascii_digit() {
            bits |= DIGIT | TRACK;
        }
        if character.is_ascii_alphanumeric() || character == b' ' {
            bits |= ALPHANUMERIC;
        }
        if character >= b' ' && character <= b'~' {
            bits |= PRINTABLE;
        }
        if character.is_ascii_hexdigit() {
            bits |= HEX;
        }
        if matches!(character, b'=' | b'D') {
            bits |= TRACK;
        }
        if matches!(character, b'C' | b'D') {
            bits |= SIGN;
        }
        table[byte] = bits;
        byte += 1;
    }
    table
};

impl Class {
    /// The position of the first character that the class does not allow. Bytes allow all.
    pub(super) fn first_wrong(self, value: &[u8]) -> Option<usize> {
        let bit = match self {
            Self::N => DIGIT,
            Self::An => ALPHANUMERIC,
            Self::Ans => PRINTABLE,
            Self::Z => TRACK,
            Self::Hex => HEX,
            Self::Any => ASCII,
            Self::B => return None,
            Self::Xn => {
                let (sign, digits) = value.split_first()?;
                if CHARACTERS[usize::from(*sign)] & SIGN == 0 {
                    return Some(0);
                }
                return wrong(digits, DIGIT).map(|at| at + 1);
            }
        };
        wrong(value, bit)
    }

    /// What a value of the class is made of.
    pub(super) fn allowed(self) -> &'static str {
        match self {
            Self::N => "digits",
            Self::An => "letters, digits and spaces",
            Self::Ans => "printable ASCII",
            Self::Z => "digits with = or D between them",
            Self::Xn => "C or D, then digits",
            Self::Hex => "hexadecimal digits",
            Self::Any => "ASCII",
            Self::B => "bytes",
        }
    }
}

fn wrong(value: &[u8], bit: u8) -> Option<usize> {
    value.iter().position(|byte| CHARACTERS[usize::from(*byte)] & bit == 0)
}
