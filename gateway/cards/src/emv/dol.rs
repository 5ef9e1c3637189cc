//! Data object lists (EMV Book 3, 5.4): tags and lengths, by which a card says what it wants, and the bytes they are
//! filled with.

use thiserror::Error;

use super::{
    tags::{Format, meaning},
    tlv::{Tag, TagError},
};

/// A list is a value of a record: not longer than a response.
pub const LIST_BYTES_MAX: usize = 252;

/// What a list may ask for: the most that a short command carries.
pub const DATA_BYTES_MAX: usize = 255;

/// A data object list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dol {
    entries: Vec<Entry>,
}

/// One thing a list asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub tag: Tag,
    pub bytes: u8,
}

/// Why bytes are no data object list, or not the data of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DolError {
    #[error("at byte {offset}: {source}")]
    Tag { offset: usize, source: TagError },
    #[error("the length of {tag} is missing")]
    LengthTruncated { tag: Tag },
    #[error("a list of {0} bytes, at most {LIST_BYTES_MAX} are read")]
    TooLong(usize),
    #[error("{asked} bytes are asked for, a command carries at most {DATA_BYTES_MAX}")]
    AsksTooMuch { asked: usize },
    #[error("{length} bytes of data, the list asks for {asked}")]
    WrongLength { length: usize, asked: usize },
}

impl DolError {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Tag { .. } => "list_tag",
            Self::LengthTruncated { .. } => "list_length_truncated",
            Self::TooLong(_) => "list_too_long",
            Self::AsksTooMuch { .. } => "list_asks_too_much",
            Self::WrongLength { .. } => "list_wrong_length",
        }
    }
}

impl Dol {
    /// Reads a list, such as the value of 9F38 or 8C. An empty one asks for nothing.
    pub fn parse(bytes: &[u8]) -> Result<Self, DolError> {
        if bytes.len() > LIST_BYTES_MAX {
            return Err(DolError::TooLong(bytes.len()));
        }
        let mut entries = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let (tag, used) = Tag::read(&bytes[at..]).map_err(|source| DolError::Tag { offset: at, source })?;
            let length = *bytes.get(at + used).ok_or(DolError::LengthTruncated { tag })?;
            entries.push(Entry { tag, bytes: length });
            at += used + 1;
        }
        let list = Self { entries };
        match list.data_length() {
            asked if asked > DATA_BYTES_MAX => Err(DolError::AsksTooMuch { asked }),
            _ => Ok(list),
        }
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many bytes the list asks for.
    pub fn data_length(&self) -> usize {
        self.entries.iter().map(|entry| usize::from(entry.bytes)).sum()
    }

    /// The data a list asks for, made of the values that are known. What is unknown, or a template, is zeros. A value of
    /// another length than asked is cut or filled as its format says: numbers on the left, all others on the right.
    pub fn fill<V: AsRef<[u8]>>(&self, mut value: impl FnMut(Tag) -> Option<V>) -> Vec<u8> {
        let mut data = Vec::with_capacity(self.data_length());
        for entry in &self.entries {
            let value = value(entry.tag).filter(|_| !entry.tag.is_constructed());
            append(&mut data, value.as_ref().map(AsRef::as_ref), *entry);
        }
        data
    }

    /// What came for each entry, in the order of the list; how a card reads the data of a command.
    ///
    /// # Errors
    /// The data is not as long as the list asks.
    pub fn split<'d>(&self, data: &'d [u8]) -> Result<Vec<(Tag, &'d [u8])>, DolError> {
        let (length, asked) = (data.len(), self.data_length());
        if length != asked {
            return Err(DolError::WrongLength { length, asked });
        }
        let mut rest = data;
        let values = self.entries.iter().map(|entry| {
            let (value, after) = rest.split_at(usize::from(entry.bytes));
            rest = after;
            (entry.tag, value)
        });
        Ok(values.collect())
    }
}

fn append(data: &mut Vec<u8>, value: Option<&[u8]>, entry: Entry) {
    let asked = usize::from(entry.bytes);
    let Some(value) = value else {
        data.resize(data.len() + asked, 0);
        return;
    };
    let format = meaning(entry.tag).map_or(Format::B, |row| row.format);
    let kept = value.len().min(asked);
    let missing = asked - kept;
    if format == Format::N {
        data.resize(data.len() + missing, 0);
        data.extend_from_slice(&value[value.len() - kept..]);
    } else {
        data.extend_from_slice(&value[..kept]);
        data.resize(data.len() + missing, if format == Format::Cn { 0xff } else { 0 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(text: &str) -> Result<Dol, DolError> {
        Dol::parse(&hex::decode(text).expect("hex"))
    }

    #[test]
    fn lists_are_read_or_refused() {
        let pdol = list("9F66049F02069A03").expect("a list");
        let entries: Vec<_> = pdol.entries().iter().map(|e| (e.tag.to_string(), e.bytes)).collect();
        assert_eq!(entries, [("9F66".into(), 4), ("9F02".into(), 6), ("9A".into(), 3)]);
        assert_eq!(pdol.data_length(), 13);
        assert_eq!(list("").expect("empty").data_length(), 0);
        let tag = Tag::of(0x9f02);
        assert_eq!(list("9F02"), Err(DolError::LengthTruncated { tag }));
        let source = TagError::Truncated;
        assert_eq!(list("9A039F"), Err(DolError::Tag { offset: 2, source }));
        let source = TagError::Zero;
        assert_eq!(list("9A030001"), Err(DolError::Tag { offset: 2, source }));
        assert_eq!(list("9AFF9C01"), Err(DolError::AsksTooMuch { asked: 256 }));
        assert_eq!(list(&"9A00".repeat(127)), Err(DolError::TooLong(254)));
    }

    #[test]
    fn values_are_cut_and_filled_as_their_formats_say() {
        let check = |asked: &str, value: Option<&str>, expected: &str| {
            let value = value.map(|text| hex::decode(text).expect("hex"));
            let data = list(asked).expect("a list").fill(|_| value.as_deref());
            assert_eq!(hex::encode_upper(data), expected, "{asked}");
        };
        check("9F0206", None, "000000000000");
        check("9F0206", Some("1234"), "000000001234");
        check("9F0202", Some("000000001234"), "1234");
        check("5A0A", Some("4761739001010010"), "4761739001010010FFFF");
        check("5A02", Some("4761739001010010"), "4761");
        check("9F3704", Some("AABB"), "AABB0000");
        check("9F3702", Some("AABBCCDD"), "AABB");
        check("E002", Some("AABB"), "0000");
        check("DF8101FF", Some("AA"), &format!("AA{}", "00".repeat(254)));
    }

    #[test]
    fn data_is_split_as_the_list_says() {
        let pdol = list("9F66029A01").expect("a list");
        let values = pdol.split(&[1, 2, 3]).expect("three bytes");
        assert_eq!(values, [(Tag::of(0x9f66), &[1, 2][..]), (Tag::of(0x9a), &[3][..])]);
        assert_eq!(pdol.split(&[1, 2]), Err(DolError::WrongLength { length: 2, asked: 3 }));
    }

    proptest! {
        #[test]
        fn invariant_what_fills_a_list_is_split_by_it(
            bytes in prop::collection::vec(any::<u8>(), 0..64), value in prop::collection::vec(any::<u8>(), 0..16)
        ) {
            if let Ok(dol) = Dol::parse(&bytes) {
                let data = dol.fill(|_| Some(&value));
                let values = dol.split(&data).expect("as long as asked");
                prop_assert_eq!(values.len(), dol.entries().len());
            }
        }
    }
}
