//! Any message: which types there are, and several in a row.

use super::{
    encoding::{Malformed, Reader},
    ids::MessageId,
    messages::{
        Beacon, Certificate, Grant, LoadRequest, Receipt, Redeem, Request, RevocationDelta, SYNC_ANSWER, SyncAnswer,
        SyncUpload, Transfer, Void,
    },
    signed::Signed,
};

/// A message's first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MessageType {
    Certificate = 1,
    Grant,
    Request,
    Transfer,
    Receipt,
    Void,
    Beacon,
    RevocationDelta,
    Redeem,
    LoadRequest,
    Sync,
}

impl MessageType {
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match reader.byte()? {
            1 => Self::Certificate,
            2 => Self::Grant,
            3 => Self::Request,
            4 => Self::Transfer,
            5 => Self::Receipt,
            6 => Self::Void,
            7 => Self::Beacon,
            8 => Self::RevocationDelta,
            9 => Self::Redeem,
            10 => Self::LoadRequest,
            11 => Self::Sync,
            other => return Err(Malformed::UnknownType(other)),
        })
    }
}

/// Defines [`Message`] and what is the same for each of its variants.
macro_rules! any_message {
    ($($(#[$meta:meta])* $name:ident,)+) => {
        /// A message of any type, with its signature.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Message {
            $($(#[$meta])* $name(Signed<$name>),)+
        }

        impl Message {
            pub fn id(&self) -> MessageId {
                match self {
                    $(Self::$name(signed) => signed.id(),)+
                }
            }

            pub fn to_bytes(&self) -> Vec<u8> {
                match self {
                    $(Self::$name(signed) => signed.to_bytes(),)+
                }
            }
        }

        $(impl From<Signed<$name>> for Message {
            fn from(signed: Signed<$name>) -> Self {
                Self::$name(signed)
            }
        })+
    };
}

any_message! {
    Certificate,
    Grant,
    Request,
    Transfer,
    Receipt,
    Void,
    Beacon,
    RevocationDelta,
    Redeem,
    LoadRequest,
    SyncUpload,
    SyncAnswer,
}

impl Message {
    /// Reads the next message, of whatever type it is.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut ahead = reader.clone();
        Ok(match MessageType::read(&mut ahead)? {
            MessageType::Certificate => Self::Certificate(Signed::read(reader)?),
            MessageType::Grant => Self::Grant(Signed::read(reader)?),
            MessageType::Request => Self::Request(Signed::read(reader)?),
            MessageType::Transfer => Self::Transfer(Signed::read(reader)?),
            MessageType::Receipt => Self::Receipt(Signed::read(reader)?),
            MessageType::Void => Self::Void(Signed::read(reader)?),
            MessageType::Beacon => Self::Beacon(Signed::read(reader)?),
            MessageType::RevocationDelta => Self::RevocationDelta(Signed::read(reader)?),
            MessageType::Redeem => Self::Redeem(Signed::read(reader)?),
            MessageType::LoadRequest => Self::LoadRequest(Signed::read(reader)?),
            MessageType::Sync => Self::read_sync(reader, ahead)?,
        })
    }

    fn read_sync(reader: &mut Reader<'_>, mut ahead: Reader<'_>) -> Result<Self, Malformed> {
        let _version = ahead.byte()?;
        Ok(match ahead.byte()? {
            SYNC_ANSWER => Self::SyncAnswer(Signed::read(reader)?),
            // Whatever else it is, the reader of that says so.
            _ => Self::SyncUpload(Signed::read(reader)?),
        })
    }

    /// Reads messages that fill `bytes`, which are at most `bytes_max`.
    pub fn read_all(bytes: &[u8], bytes_max: usize) -> Result<Vec<Self>, Malformed> {
        let mut reader = Reader::new(bytes, bytes_max)?;
        let mut messages = Vec::new();
        while !reader.is_at_end() {
            messages.push(Self::read(&mut reader)?);
        }
        Ok(messages)
    }

    /// Several in a row, nothing between them.
    pub fn concatenate<'a>(messages: impl IntoIterator<Item = &'a Self>) -> Vec<u8> {
        messages.into_iter().flat_map(Self::to_bytes).collect()
    }
}
