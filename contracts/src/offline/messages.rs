//! What is signed. The order of a message's fields is that of their bytes.

mod certificate;
mod load;
mod outcome;
mod payment;
mod service;
mod sync;

pub use certificate::{Certificate, Class};
pub use load::{Grant, LoadRequest};
pub use outcome::{Receipt, ReceiptStatus, Void};
pub use payment::{LotPart, Lots, Redeem, Request, RequestFlags, Spend, Transfer};
pub use service::{Beacon, RevocationDelta};
pub use sync::{
    LogEntry, PaymentStatus, SETTLED_MAX, SYNC_ANSWER, SYNC_UPLOAD, Settled, SettledStatus, SyncAnswer, SyncUpload,
};

/// Defines a message with its fields. Its `check_fields` says what their types leave open.
macro_rules! message {
    (
        $(#[$meta:meta])*
        $name:ident, $kind:ident {
            $($(#[$field_meta:meta])* $field:ident: $type:ty,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)+
        }

        impl $crate::offline::signed::Body for $name {
            const TYPE: $crate::offline::message::MessageType = $crate::offline::message::MessageType::$kind;
            const BYTES_MAX: usize = 2 $(+ <$type as $crate::offline::field::Field>::BYTES_MAX)+;

            fn write_fields(&self, writer: &mut $crate::offline::encoding::Writer) {
                $($crate::offline::field::Field::write(&self.$field, writer);)+
            }

            fn read_fields(
                reader: &mut $crate::offline::encoding::Reader<'_>,
            ) -> Result<Self, $crate::offline::encoding::Malformed> {
                Ok(Self { $($field: $crate::offline::field::Field::read(reader)?,)+ })
            }

            fn check(&self) -> Result<(), $crate::offline::encoding::Malformed> {
                self.check_fields()
            }
        }
    };
}
pub(crate) use message;

/// Defines a status of one byte. Other bytes are malformed.
macro_rules! status {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $byte:tt,)+ }) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            bincode::Encode, bincode::Decode, serde::Serialize, serde::Deserialize,
        )]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_meta])* $variant = $byte,)+
        }

        impl $crate::offline::field::Field for $name {
            const BYTES_MAX: usize = 1;

            fn write(&self, writer: &mut $crate::offline::encoding::Writer) {
                writer.byte(*self as u8);
            }

            fn read(
                reader: &mut $crate::offline::encoding::Reader<'_>,
            ) -> Result<Self, $crate::offline::encoding::Malformed> {
                match reader.byte()? {
                    $($byte => Ok(Self::$variant),)+
                    other => Err($crate::offline::encoding::Malformed::Status(other)),
                }
            }
        }
    };
}
pub(crate) use status;

/// An amount of 0 moves nothing, and no message is about it.
fn check_not_zero(amount: crate::money::Amount) -> Result<(), super::encoding::Malformed> {
    if amount.is_zero() {
        return Err(super::encoding::Malformed::AmountZero);
    }
    Ok(())
}

/// Each item once, in order.
fn check_ascending<T: Ord>(items: &[T]) -> Result<(), super::encoding::Malformed> {
    if items.is_sorted_by(|one, next| one < next) {
        Ok(())
    } else {
        Err(super::encoding::Malformed::NotAscending)
    }
}
