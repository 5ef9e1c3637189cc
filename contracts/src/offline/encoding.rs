//! How messages become bytes and back: fields in a fixed order, nothing between them.
//!
//! Integers are unsigned LEB128, seven bits a byte from the lowest on, the high bit set on all bytes but
//! the last, in as few bytes as fit. A reader refuses any other form and anything left over, so that
//! there is one byte string for each message. It allocates nothing.

use super::{ids::PurseId, message::MessageType};

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("{actual} bytes, and at most {max} are allowed")]
    TooLong { actual: usize, max: usize },
    #[error("the bytes end before the message does")]
    Truncated,
    #[error("{0} bytes left over after the message")]
    Trailing(usize),
    #[error("an integer in more bytes than it needs")]
    NotMinimal,
    #[error("an integer of more than {0} bits")]
    IntegerTooLarge(u32),
    #[error("no message has the type {0}")]
    UnknownType(u8),
    #[error("a message of type {expected:?} is expected here, and this is {found:?}")]
    Type { expected: MessageType, found: MessageType },
    #[error("version {0} of messages; this one is read: 1")]
    Version(u8),
    #[error("{found} where only {expected} can be")]
    Constant { expected: u8, found: u8 },
    #[error("{actual} items, and {min} to {max} are allowed")]
    Count { actual: usize, min: usize, max: usize },
    #[error("the items are not in ascending order, each once")]
    NotAscending,
    #[error("text that is not UTF-8")]
    NotText,
    #[error("an amount of 0")]
    AmountZero,
    #[error("the lots give another sum than the amount")]
    LotsSum,
    #[error("{0} stands for something else than a purse")]
    NotAPurse(PurseId),
    #[error("a purse that pays itself")]
    PaysItself,
    #[error("an unknown class of purses: {0:#04x}")]
    Class(u8),
    #[error("an unknown status: {0}")]
    Status(u8),
    #[error("it ends before it begins")]
    EndsBeforeItBegins,
    #[error("a delta that leads to no later version")]
    NotLater,
    #[error("the two messages are no proof of fraud")]
    NoFraud,
}

/// Collects the bytes of a message.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub fn integer(&mut self, mut value: u64) {
        while value > 0x7f {
            self.byte(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.byte(value.to_le_bytes()[0]);
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Reads the bytes of messages, from the first on.
#[derive(Debug, Clone)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Of at most `max` bytes; more are refused before one is read.
    pub fn new(bytes: &'a [u8], max: usize) -> Result<Self, Malformed> {
        if bytes.len() > max {
            return Err(Malformed::TooLong {
                actual: bytes.len(),
                max,
            });
        }
        Ok(Self(bytes))
    }

    pub fn byte(&mut self) -> Result<u8, Malformed> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (array, rest) = self.0.split_first_chunk().ok_or(Malformed::Truncated)?;
        self.0 = rest;
        Ok(*array)
    }

    pub fn slice(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (slice, rest) = self.0.split_at_checked(count).ok_or(Malformed::Truncated)?;
        self.0 = rest;
        Ok(slice)
    }

    /// An integer of at most 64 bits: one to ten bytes.
    pub fn integer(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                return Err(Malformed::IntegerTooLarge(u64::BITS));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return if byte == 0 && shift > 0 {
                    Err(Malformed::NotMinimal)
                } else {
                    Ok(value)
                };
            }
        }
        Err(Malformed::IntegerTooLarge(u64::BITS))
    }

    /// An integer of at most 32 bits.
    pub fn integer_32(&mut self) -> Result<u32, Malformed> {
        u32::try_from(self.integer()?).map_err(|_| Malformed::IntegerTooLarge(u32::BITS))
    }

    /// What comes next, not yet read.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    pub fn end(&self) -> Result<(), Malformed> {
        match self.0.len() {
            0 => Ok(()),
            left => Err(Malformed::Trailing(left)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: u64) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.integer(value);
        writer.into_bytes()
    }

    fn read(bytes: &[u8]) -> Result<u64, Malformed> {
        let mut reader = Reader::new(bytes, 16)?;
        let value = reader.integer()?;
        reader.end()?;
        Ok(value)
    }

    #[test]
    fn integers_have_the_bytes_of_leb128() {
        let check = |value: u64, bytes: &[u8]| {
            assert_eq!(written(value), bytes);
            assert_eq!(read(bytes), Ok(value));
        };
        check(0, &[0]);
        check(127, &[0x7f]);
        check(128, &[0x80, 1]);
        // The example of DWARF 4, section 7.6.
        check(624_485, &[0xe5, 0x8e, 0x26]);
        check(u32::MAX.into(), &[0xff, 0xff, 0xff, 0xff, 0x0f]);
        check(u64::MAX, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    }

    #[test]
    fn other_forms_of_integers_are_refused() {
        let check = |bytes: &[u8], expected| assert_eq!(read(bytes), Err(expected), "{bytes:x?}");
        check(&[0x80, 0], Malformed::NotMinimal);
        check(&[0xff, 0x80, 0], Malformed::NotMinimal);
        check(&[0x80], Malformed::Truncated);
        check(&[], Malformed::Truncated);
        check(&[1, 1], Malformed::Trailing(1));
        let mut ten = [0xff; 10];
        ten[9] = 2;
        check(&ten, Malformed::IntegerTooLarge(64));
        check(&[0xff; 10], Malformed::IntegerTooLarge(64));
        ten[9] = 0;
        check(&ten, Malformed::NotMinimal);
        check(&[0; 17], Malformed::TooLong { actual: 17, max: 16 });
        let mut reader = Reader::new(&[0x80, 0x80, 0x80, 0x80, 0x10], 16).unwrap();
        assert_eq!(reader.integer_32(), Err(Malformed::IntegerTooLarge(32)));
    }

    proptest! {
        #[test]
        fn invariant_an_integer_has_one_form(bytes in prop::collection::vec(any::<u8>(), 0..12), value: u64, bits in 0..64) {
            let value = value >> bits;
            prop_assert_eq!(read(&written(value)), Ok(value));
            if let Ok(value) = read(&bytes) {
                prop_assert_eq!(written(value), bytes);
            }
        }
    }
}
