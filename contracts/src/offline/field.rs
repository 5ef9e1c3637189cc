//! What messages are made of: values with one form in bytes.

use super::encoding::{Malformed, Reader, Writer};
use crate::{
    codec::{Bounded, Text},
    keys::{PublicKey, Signature},
    merkle::Root,
    money::Amount,
};

/// A value of a message. Reading gives back what was written, and refuses every other form of it.
pub trait Field: Sized {
    /// The most bytes that a value has.
    const BYTES_MAX: usize;

    fn write(&self, writer: &mut Writer);
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed>;
}

impl Field for u8 {
    const BYTES_MAX: usize = 1;

    fn write(&self, writer: &mut Writer) {
        writer.byte(*self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.byte()
    }
}

/// Big-endian, always two bytes.
impl Field for u16 {
    const BYTES_MAX: usize = 2;

    fn write(&self, writer: &mut Writer) {
        writer.bytes(&self.to_be_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.array().map(Self::from_be_bytes)
    }
}

impl Field for u32 {
    const BYTES_MAX: usize = 5;

    fn write(&self, writer: &mut Writer) {
        writer.integer(u64::from(*self));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.integer_32()
    }
}

impl Field for Amount {
    const BYTES_MAX: usize = 10;

    fn write(&self, writer: &mut Writer) {
        writer.integer(self.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.integer().map(Self)
    }
}

/// Gives newtypes over fixed bytes, or over another field, that one's form.
macro_rules! transparent_fields {
    (bytes: $($array:ident[$bytes:literal]),+; of: $($name:ident($inner:ty)),* $(,)?) => {
        $(impl $crate::offline::field::Field for $array {
            const BYTES_MAX: usize = $bytes;

            fn write(&self, writer: &mut $crate::offline::encoding::Writer) {
                writer.bytes(&self.0);
            }

            fn read(
                reader: &mut $crate::offline::encoding::Reader<'_>,
            ) -> Result<Self, $crate::offline::encoding::Malformed> {
                reader.array().map(Self)
            }
        })+
        $(impl $crate::offline::field::Field for $name {
            const BYTES_MAX: usize = <$inner as $crate::offline::field::Field>::BYTES_MAX;

            fn write(&self, writer: &mut $crate::offline::encoding::Writer) {
                self.0.write(writer);
            }

            fn read(
                reader: &mut $crate::offline::encoding::Reader<'_>,
            ) -> Result<Self, $crate::offline::encoding::Malformed> {
                <$inner as $crate::offline::field::Field>::read(reader).map(Self)
            }
        })*
    };
}
pub(crate) use transparent_fields;

transparent_fields! { bytes: Signature[64], Root[32]; of: }

/// The 32 bytes of an Ed25519 key. The algorithm is said elsewhere, in a certificate's class.
impl Field for PublicKey {
    const BYTES_MAX: usize = 32;

    fn write(&self, writer: &mut Writer) {
        writer.bytes(self.as_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.array().map(Self::Ed25519)
    }
}

/// A byte that counts the items, then the items.
impl<T: Field, const MAX: usize> Field for Bounded<T, MAX> {
    const BYTES_MAX: usize = 1 + MAX * T::BYTES_MAX;

    fn write(&self, writer: &mut Writer) {
        const { assert!(MAX <= 255, "a byte counts the items") };
        writer.byte(u8::try_from(self.len()).expect("at most 255 items"));
        self.iter().for_each(|item| item.write(writer));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let actual = usize::from(reader.byte()?);
        if actual > MAX {
            return Err(Malformed::Count {
                actual,
                min: 0,
                max: MAX,
            });
        }
        let items: Result<_, _> = (0..actual).map(|_| T::read(reader)).collect();
        Ok(Self::new(items?).expect("as many as were counted"))
    }
}

/// A byte that counts the bytes, then UTF-8.
impl<const MAX: usize> Field for Text<MAX> {
    const BYTES_MAX: usize = 1 + MAX;

    fn write(&self, writer: &mut Writer) {
        const { assert!(MAX < 128, "one byte counts, whether as such or as an integer") };
        writer.byte(u8::try_from(self.len()).expect("at most 127 bytes"));
        writer.bytes(self.as_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let actual = usize::from(reader.byte()?);
        if actual > MAX {
            return Err(Malformed::Count {
                actual,
                min: 0,
                max: MAX,
            });
        }
        let text = std::str::from_utf8(reader.slice(actual)?).map_err(|_| Malformed::NotText)?;
        Ok(Self::new(text).expect("as long as was counted"))
    }
}

/// `N` bytes that are always the same, where another type of message has something to say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fixed<const N: usize, const BYTE: u8>;

impl<const N: usize, const BYTE: u8> Field for Fixed<N, BYTE> {
    const BYTES_MAX: usize = N;

    fn write(&self, writer: &mut Writer) {
        writer.bytes(&[BYTE; N]);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match reader.array::<N>()?.into_iter().find(|&byte| byte != BYTE) {
            None => Ok(Self),
            Some(found) => Err(Malformed::Constant { expected: BYTE, found }),
        }
    }
}
