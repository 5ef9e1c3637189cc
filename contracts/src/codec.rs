//! The one way a value becomes bytes and back.
//!
//! The canonical form is bincode 2's `standard` configuration: little-endian, integers from 16 bits
//! up as variable-length (one byte below 251), lists and text as a count followed by the items, enum
//! variants as their index. Variants are only ever appended. Every list is a [`Bounded`], every text
//! a [`Text`]: their decoders check the count before anything is allocated.
//!
//! A variable-length integer can be written in more than one way; [`decode`] therefore encodes what
//! it has read and compares. There is exactly one accepted byte string for each value.

use std::{fmt, ops::Deref};

use bincode::{
    Decode, Encode,
    config::Configuration,
    de::{BorrowDecoder, Decoder},
    enc::{
        Encoder, EncoderImpl,
        write::{SizeWriter, Writer},
    },
    error::{DecodeError as BinDecode, EncodeError as BinEncode},
};
use serde::{Deserialize, Deserializer, Serialize, de};
use sha2::{Digest, Sha256};

/// Why bytes are not a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("{actual} bytes, and at most {max} are allowed")]
    TooLong { actual: usize, max: usize },
    #[error("{0} bytes left over after the value")]
    Trailing(usize),
    #[error("not the canonical encoding of its value")]
    NotCanonical,
    #[error("malformed: {0}")]
    Malformed(BinDecodeText),
}

/// The underlying decoder's own words, kept as text so that errors can be compared and cloned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinDecodeText(Box<str>);

impl fmt::Display for BinDecodeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<BinDecode> for DecodeError {
    fn from(error: BinDecode) -> Self {
        let text = match error {
            BinDecode::UnexpectedEnd { .. } => "the bytes end before the value does".into(),
            BinDecode::Other(text) => text.into(),
            BinDecode::OtherString(text) => text.into(),
            other => other.to_string().into(),
        };
        Self::Malformed(BinDecodeText(text))
    }
}

const CONFIG: Configuration = bincode::config::standard();

/// The canonical bytes of a value.
pub fn encode<T: Encode>(value: &T) -> Vec<u8> {
    bincode::encode_to_vec(value, CONFIG).expect("encoding to memory fails for no type of ours")
}

/// How many canonical bytes a value has.
pub fn encoded_len<T: Encode>(value: &T) -> usize {
    let mut encoder = EncoderImpl::new(SizeWriter::default(), CONFIG);
    value.encode(&mut encoder).expect("counting fails for no type of ours");
    encoder.into_writer().bytes_written
}

/// Appends the canonical bytes of a value, for callers that encode many into one buffer.
pub fn encode_into<T: Encode>(value: &T, bytes: &mut Vec<u8>) {
    struct Appender<'a>(&'a mut Vec<u8>);
    impl Writer for Appender<'_> {
        fn write(&mut self, bytes: &[u8]) -> Result<(), BinEncode> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
    }
    bincode::encode_into_writer(value, Appender(bytes), CONFIG).expect("encoding to memory fails for no type of ours");
}

/// Reads one value that fills `bytes` exactly.
///
/// `max` bounds the wire length in bytes and is checked first. Refuses any encoding but the canonical.
pub fn decode<T: Encode + Decode<()>>(bytes: &[u8], max: usize) -> Result<T, DecodeError> {
    if bytes.len() > max {
        return Err(DecodeError::TooLong {
            actual: bytes.len(),
            max,
        });
    }
    let (value, used): (T, usize) = bincode::decode_from_slice(bytes, CONFIG)?;
    if used != bytes.len() {
        return Err(DecodeError::Trailing(bytes.len() - used));
    }
    if !is_encoding(bytes, &value) {
        return Err(DecodeError::NotCanonical);
    }
    Ok(value)
}

/// Whether encoding `value` would give `bytes`, found out without a second copy of them.
fn is_encoding<T: Encode>(bytes: &[u8], value: &T) -> bool {
    struct Rest<'a>(&'a [u8]);
    impl Writer for Rest<'_> {
        fn write(&mut self, bytes: &[u8]) -> Result<(), BinEncode> {
            self.0 = self.0.strip_prefix(bytes).ok_or(BinEncode::UnexpectedEnd)?;
            Ok(())
        }
    }
    let mut encoder = EncoderImpl::new(Rest(bytes), CONFIG);
    value.encode(&mut encoder).is_ok() && encoder.into_writer().0.is_empty()
}

/// SHA-256 over a domain tag and the parts after it.
pub fn hash(domain: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new_with_prefix(domain.as_bytes());
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// A list of at most `MAX` items.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Bounded<T, const MAX: usize>(Vec<T>);

/// A list was longer than its type allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{actual} items, and at most {max} are allowed")]
pub struct TooMany {
    pub actual: usize,
    pub max: usize,
}

impl<T, const MAX: usize> Bounded<T, MAX> {
    pub const MAX: usize = MAX;

    pub fn new(items: Vec<T>) -> Result<Self, TooMany> {
        if items.len() > MAX {
            return Err(TooMany {
                actual: items.len(),
                max: MAX,
            });
        }
        Ok(Self(items))
    }

    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize> Default for Bounded<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> Deref for Bounded<T, MAX> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const MAX: usize> TryFrom<Vec<T>> for Bounded<T, MAX> {
    type Error = TooMany;
    fn try_from(items: Vec<T>) -> Result<Self, TooMany> {
        Self::new(items)
    }
}

impl<'a, T, const MAX: usize> IntoIterator for &'a Bounded<T, MAX> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: fmt::Debug, const MAX: usize> fmt::Debug for Bounded<T, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Encode, const MAX: usize> Encode for Bounded<T, MAX> {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), BinEncode> {
        (self.0.len() as u64).encode(encoder)?;
        self.0.iter().try_for_each(|item| item.encode(encoder))
    }
}

pub(crate) fn decode_count<D: Decoder>(decoder: &mut D, max: usize) -> Result<usize, BinDecode> {
    let count = u64::decode(decoder)?;
    match usize::try_from(count) {
        Ok(count) if count <= max => Ok(count),
        _ => Err(BinDecode::OtherString(format!(
            "a list of {count} items, and at most {max} are allowed"
        ))),
    }
}

impl<C, T: Decode<C>, const MAX: usize> Decode<C> for Bounded<T, MAX> {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, BinDecode> {
        let count = decode_count(decoder, MAX)?;
        // Grown while reading beyond this, so that a short message cannot claim a long list's memory.
        let mut items = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            items.push(T::decode(decoder)?);
        }
        Ok(Self(items))
    }
}

impl<'de, C, T: Decode<C>, const MAX: usize> bincode::BorrowDecode<'de, C> for Bounded<T, MAX> {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(decoder: &mut D) -> Result<Self, BinDecode> {
        Self::decode(decoder)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Bounded<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T, const MAX: usize>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MAX: usize> de::Visitor<'de> for Visitor<T, MAX> {
            type Value = Bounded<T, MAX>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MAX} items")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    if items.len() == MAX {
                        return Err(de::Error::invalid_length(MAX + 1, &self));
                    }
                    items.push(item);
                }
                Ok(Bounded(items))
            }
        }
        deserializer.deserialize_seq(Visitor(std::marker::PhantomData))
    }
}

/// UTF-8 text of at most `MAX` bytes.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    pub fn new(text: impl Into<String>) -> Result<Self, TooMany> {
        let text = text.into();
        if text.len() > MAX {
            return Err(TooMany {
                actual: text.len(),
                max: MAX,
            });
        }
        Ok(Self(text))
    }
}

impl<const MAX: usize> std::str::FromStr for Text<MAX> {
    type Err = TooMany;
    fn from_str(text: &str) -> Result<Self, TooMany> {
        Self::new(text)
    }
}

impl<const MAX: usize> Deref for Text<MAX> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Debug for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> Encode for Text<MAX> {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), BinEncode> {
        self.0.encode(encoder)
    }
}

impl<C, const MAX: usize> Decode<C> for Text<MAX> {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, BinDecode> {
        use bincode::de::read::Reader;
        let count = decode_count(decoder, MAX)?;
        decoder.claim_bytes_read(count)?;
        let mut bytes = vec![0; count];
        decoder.reader().read(&mut bytes)?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self(text)),
            Err(_) => Err(BinDecode::Other("text that is not UTF-8")),
        }
    }
}

impl<'de, C, const MAX: usize> bincode::BorrowDecode<'de, C> for Text<MAX> {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(decoder: &mut D) -> Result<Self, BinDecode> {
        Self::decode(decoder)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(text).map_err(de::Error::custom)
    }
}

/// Gives a type with `Display` and `FromStr` its JSON form: that text.
macro_rules! json_as_text {
    ($($name:ty),+ $(,)?) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}
pub(crate) use json_as_text;

/// Text that should have been `bytes` bytes in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {digits} hexadecimal digits")]
pub struct NotHex {
    pub digits: usize,
}

/// A newtype over fixed bytes, shown and parsed as lower-case hexadecimal.
macro_rules! hex_newtype {
    ($(#[$meta:meta])* $name:ident, $bytes:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, bincode::Encode, bincode::Decode)]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            pub fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut text = [0; 2 * $bytes];
                hex::encode_to_slice(self.0, &mut text).expect("twice as many digits as bytes");
                f.write_str(std::str::from_utf8(&text).expect("hexadecimal is ASCII"))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::codec::NotHex;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let mut bytes = [0; $bytes];
                match hex::decode_to_slice(text, &mut bytes) {
                    Ok(()) => Ok(Self(bytes)),
                    Err(_) => Err($crate::codec::NotHex { digits: 2 * $bytes }),
                }
            }
        }

        $crate::codec::json_as_text!($name);
    };
}
pub(crate) use hex_newtype;

#[cfg(test)]
mod tests;
