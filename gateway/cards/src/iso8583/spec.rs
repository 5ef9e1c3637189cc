//! A dialect as data: what each field is, and how it is written.
//!
//! A dialect's file is JSON; the built-in variants are `a.json` and `b.json` beside this file, and are examples of one:
//!
//! | key | values |
//! | --- | --- |
//! | `mti` | `ascii`, `cp500`, `packed` |
//! | `bitmap`, `secondary_bitmap` | `ascii` or `cp500` (16 hexadecimal digits), `binary` (8 bytes); the second as the first, if absent |
//! | `lengths` | `ascii`, `cp500`, `packed` (two digits a byte), `binary` (big-endian; one byte up to 2 digits, else two) |
//! | `numbers` (n, z, xn, hex) | `ascii`, `cp500`, `packed` (the sign of xn is a character of its own) |
//! | `text` (an, ans, any) | `ascii`, `cp500` |
//! | `bytes` (b) | `raw`, `hex_ascii`, `hex_cp500` |
//! | `message_types` | those known; any four digits, if absent |
//! | `fields` | by number: `name`, `class`, `max`, `length_digits` (0 or absent: the length is `max`, always), and where one field differs `data`, `lengths`, `pad` |
//!
//! `max`, and lengths on the wire, count characters in text (so twice the bytes in `hex_*`), digits in `packed`, bytes in `raw`.
//! An odd number of digits is packed behind a zero on the left, in class z before an F on the right.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

use super::{MessageType, class::Class, message};

/// How a message type, a bitmap or a length is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notation {
    Ascii,
    Cp500,
    Packed,
    Binary,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Data {
    Ascii,
    Cp500,
    Packed,
    Raw,
    HexAscii,
    HexCp500,
}

/// What fills the last half byte of an odd number of packed digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Pad {
    Left(u8),
    Right(u8),
    /// An odd number is a violation.
    Never,
}

/// A field as a file has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldSource {
    pub name: String,
    pub class: Class,
    pub max: u16,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub length_digits: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Data>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lengths: Option<Notation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad: Option<Pad>,
}

fn is_zero(digits: &u8) -> bool {
    *digits == 0
}

/// A dialect as a file has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecSource {
    pub name: String,
    pub mti: Notation,
    pub bitmap: Notation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secondary_bitmap: Option<Notation>,
    pub lengths: Notation,
    pub numbers: Data,
    pub text: Data,
    pub bytes: Data,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_types: Option<Vec<MessageType>>,
    pub fields: BTreeMap<u8, FieldSource>,
}

/// Why a dialect is none.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    #[error("the dialect's JSON cannot be read")]
    Json(#[from] serde_json::Error),
    #[error("message types are written ascii, cp500 or packed; bitmaps ascii, cp500 or binary")]
    Head,
    #[error("field {0}: fields are 2 to 128, without 65, which would be a third bitmap")]
    Number(u8),
    #[error("field {field}: class {class:?} cannot be written {data:?}")]
    Notation { field: u8, class: Class, data: Data },
    #[error("field {0}: `max` is 1 to 999, and has no more digits than the length")]
    Length(u8),
    #[error("field {0}: a pad is one half byte, 0 to 15")]
    Pad(u8),
}

#[derive(Debug)]
pub(super) struct Field {
    pub name: String,
    pub class: Class,
    pub data: Data,
    pub max: usize,
    pub length_digits: u8,
    pub lengths: Notation,
    pub pad: Pad,
}

/// A dialect that was checked, ready to parse and build.
#[derive(Debug)]
pub struct Spec {
    pub(super) name: String,
    pub(super) mti: Notation,
    pub(super) bitmap: Notation,
    pub(super) secondary_bitmap: Notation,
    pub(super) message_types: Option<Vec<MessageType>>,
    pub(super) listed: u128,
    pub(super) fields: [Option<Field>; 128],
}

static A: LazyLock<Spec> = LazyLock::new(|| Spec::from_json(include_str!("a.json")).expect("variant A is a dialect"));
static B: LazyLock<Spec> = LazyLock::new(|| Spec::from_json(include_str!("b.json")).expect("variant B is a dialect"));

impl Spec {
    /// Text all through: what pyiso8583 calls `default_ascii`.
    pub fn a() -> &'static Self {
        &A
    }

    /// Packed numbers, binary bitmap, raw bytes.
    pub fn b() -> &'static Self {
        &B
    }

    /// A dialect from its file.
    pub fn from_json(text: &str) -> Result<Self, SpecError> {
        Self::new(serde_json::from_str(text)?)
    }

    pub fn new(source: SpecSource) -> Result<Self, SpecError> {
        let secondary_bitmap = source.secondary_bitmap.unwrap_or(source.bitmap);
        if source.mti == Notation::Binary || [source.bitmap, secondary_bitmap].contains(&Notation::Packed) {
            return Err(SpecError::Head);
        }
        let mut fields = [const { None }; 128];
        let mut listed = 0;
        for (&number, field) in &source.fields {
            if !(2..=128).contains(&number) || number == 65 {
                return Err(SpecError::Number(number));
            }
            fields[message::index(number)] = Some(compile(number, field, &source)?);
            listed |= message::bit(number);
        }
        Ok(Self {
            name: source.name,
            mti: source.mti,
            bitmap: source.bitmap,
            secondary_bitmap,
            message_types: source.message_types,
            listed,
            fields,
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of a field, if the dialect lists it.
    pub fn field_name(&self, number: u8) -> Option<&str> {
        self.field(number).map(|field| field.name.as_str())
    }

    /// The class of a field, if the dialect lists it.
    pub fn field_class(&self, number: u8) -> Option<Class> {
        self.field(number).map(|field| field.class)
    }

    /// Whether a message is text all through, up to its fields.
    pub(super) fn reads_text(&self) -> bool {
        self.mti == Notation::Ascii && self.bitmap == Notation::Ascii
    }

    pub(super) fn field(&self, number: u8) -> Option<&Field> {
        self.fields.get(usize::from(number.checked_sub(1)?))?.as_ref()
    }

    pub(super) fn knows(&self, message_type: MessageType) -> bool {
        self.message_types
            .as_ref()
            .is_none_or(|known| known.contains(&message_type))
    }
}

fn compile(number: u8, field: &FieldSource, source: &SpecSource) -> Result<Field, SpecError> {
    use Class::{An, Ans, Any, B, Hex, N, Xn, Z};
    let class = field.class;
    let data = field.data.unwrap_or(match class {
        N | Z | Xn | Hex => source.numbers,
        An | Ans | Any => source.text,
        B => source.bytes,
    });
    let fits = match data {
        Data::Ascii | Data::Cp500 => class != B,
        Data::Packed => matches!(class, N | Z | Xn | Hex),
        Data::Raw | Data::HexAscii | Data::HexCp500 => class == B,
    };
    if !fits {
        let field = number;
        return Err(SpecError::Notation { field, class, data });
    }
    let lengths = field.lengths.unwrap_or(source.lengths);
    let room = match (field.length_digits, lengths) {
        (0 | 3, _) => 999,
        (1..=2, Notation::Binary) => 255,
        (1, Notation::Packed) | (2, _) => 99,
        (1, _) => 9,
        (4, Notation::Packed | Notation::Binary) => 999,
        _ => return Err(SpecError::Length(number)),
    };
    if field.max == 0 || field.max > room {
        return Err(SpecError::Length(number));
    }
    let pad = field
        .pad
        .unwrap_or(if class == Z { Pad::Right(15) } else { Pad::Left(0) });
    if matches!(pad, Pad::Left(16..) | Pad::Right(16..)) {
        return Err(SpecError::Pad(number));
    }
    Ok(Field {
        name: field.name.clone(),
        class,
        data,
        max: usize::from(field.max),
        length_digits: field.length_digits,
        lengths,
        pad,
    })
}
