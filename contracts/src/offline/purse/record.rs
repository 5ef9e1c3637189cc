//! What states are made of besides messages: records with one form in bytes, and lists of them.

use crate::offline::{
    encoding::{Malformed, Reader, Writer},
    field::Field,
    signed::{Body, Signed},
};

/// Defines a record of fields in the order of their bytes.
macro_rules! record {
    (
        $(#[$meta:meta])*
        $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)+ }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)+
        }

        impl $crate::offline::field::Field for $name {
            const BYTES_MAX: usize = 0 $(+ <$type as $crate::offline::field::Field>::BYTES_MAX)+;

            fn write(&self, writer: &mut $crate::offline::encoding::Writer) {
                $($crate::offline::field::Field::write(&self.$field, writer);)+
            }

            fn read(
                reader: &mut $crate::offline::encoding::Reader<'_>,
            ) -> Result<Self, $crate::offline::encoding::Malformed> {
                Ok(Self { $($field: $crate::offline::field::Field::read(reader)?,)+ })
            }
        }
    };
}
pub(crate) use record;

impl<M: Body> Field for Signed<M> {
    const BYTES_MAX: usize = Self::BYTES_MAX;

    fn write(&self, writer: &mut Writer) {
        writer.bytes(&self.to_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Signed::read(reader)
    }
}

/// Two bytes that count the items, big-endian, then the items.
pub fn write_list<T: Field>(items: &[T], writer: &mut Writer) {
    u16::try_from(items.len())
        .expect("every list has a limit")
        .write(writer);
    items.iter().for_each(|item| item.write(writer));
}

/// At most `max` items.
pub fn read_list<T: Field>(reader: &mut Reader<'_>, max: usize) -> Result<Vec<T>, Malformed> {
    let actual = usize::from(u16::read(reader)?);
    if actual > max {
        return Err(Malformed::Count { actual, min: 0, max });
    }
    (0..actual).map(|_| T::read(reader)).collect()
}

/// As [`write_list`], of bytes.
pub fn write_bytes(bytes: &[u8], writer: &mut Writer) {
    u16::try_from(bytes.len()).expect("a bundle at most").write(writer);
    writer.bytes(bytes);
}

/// At most `max` bytes.
pub fn read_bytes(reader: &mut Reader<'_>, max: usize) -> Result<Vec<u8>, Malformed> {
    let actual = usize::from(u16::read(reader)?);
    if actual > max {
        return Err(Malformed::TooLong { actual, max });
    }
    reader.slice(actual).map(<[u8]>::to_vec)
}
