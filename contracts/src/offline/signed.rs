//! Messages with their signatures.

use std::{fmt, str::FromStr};

use bincode::{
    BorrowDecode, Decode, Encode,
    de::{BorrowDecoder, Decoder, read::Reader as _},
    enc::{Encoder, write::Writer as _},
    error::{DecodeError, EncodeError},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{
    encoding::{Malformed, Reader, Writer},
    field::Field,
    ids::MessageId,
    message::MessageType,
};
use crate::{
    codec::{self, decode_count},
    keys::{BadSignature, Domain, PublicKey, SecretKey, Signature},
};

/// The version of every message, its second byte.
pub const VERSION: u8 = 1;

/// What a message says, without its signature.
///
/// Its bytes are the type, [`VERSION`], and its fields. Signed is `dofp/1/` and these bytes.
pub trait Body: Sized {
    const TYPE: MessageType;
    /// The most bytes that a message of this type has, without its signature.
    const BYTES_MAX: usize;

    fn write_fields(&self, writer: &mut Writer);
    /// Reads what the types of the fields allow.
    fn read_fields(reader: &mut Reader<'_>) -> Result<Self, Malformed>;
    /// What the types of the fields leave open, such as that an amount is not 0.
    fn check(&self) -> Result<(), Malformed>;

    /// The canonical bytes: what is hashed and signed, after `dofp/1/`.
    fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(256.min(Self::BYTES_MAX));
        writer.byte(Self::TYPE as u8);
        writer.byte(VERSION);
        self.write_fields(&mut writer);
        writer.into_bytes()
    }

    fn id(&self) -> MessageId {
        MessageId(codec::hash(Domain::Offline.tag(), &[&self.to_bytes()]))
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let found = MessageType::read(reader)?;
        if found != Self::TYPE {
            return Err(Malformed::Type {
                expected: Self::TYPE,
                found,
            });
        }
        match reader.byte()? {
            VERSION => {}
            other => return Err(Malformed::Version(other)),
        }
        let body = Self::read_fields(reader)?;
        body.check()?;
        Ok(body)
    }
}

/// A message and a signature that nobody has checked yet: see [`Signed::verify`].
///
/// As bytes the body, then the signature's 64. Within the ledger's own encoding these bytes after their count; as
/// text their hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<M> {
    pub body: M,
    pub signature: Signature,
}

impl<M: Body> Signed<M> {
    pub const BYTES_MAX: usize = M::BYTES_MAX + Signature::BYTES_MAX;

    /// Signs what would be read back; anything else is refused, and never signed.
    pub fn sign(body: M, key: &SecretKey) -> Result<Self, Malformed> {
        body.check()?;
        let signature = key.sign(Domain::Offline, &body.to_bytes());
        Ok(Self { body, signature })
    }

    /// By the ledger's one rule.
    pub fn verify(&self, key: &PublicKey) -> Result<(), BadSignature> {
        let signed = crate::keys::Signed {
            key: *key,
            domain: Domain::Offline,
            message: &self.body.to_bytes(),
            signature: self.signature,
        };
        signed.verify()
    }

    /// The message's, which the signature is no part of.
    pub fn id(&self) -> MessageId {
        self.body.id()
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.body.to_bytes();
        bytes.extend_from_slice(&self.signature.0);
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, Self::BYTES_MAX)?;
        let signed = Self::read(&mut reader)?;
        reader.end()?;
        Ok(signed)
    }

    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let body = M::read(reader)?;
        let signature = Signature::read(reader)?;
        Ok(Self { body, signature })
    }
}

impl<M: Body> Encode for Signed<M> {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        let bytes = self.to_bytes();
        (bytes.len() as u64).encode(encoder)?;
        encoder.writer().write(&bytes)
    }
}

impl<C, M: Body> Decode<C> for Signed<M> {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let count = decode_count(decoder, Self::BYTES_MAX)?;
        decoder.claim_bytes_read(count)?;
        let mut bytes = vec![0; count];
        decoder.reader().read(&mut bytes)?;
        Self::from_bytes(&bytes).map_err(|error| DecodeError::OtherString(error.to_string()))
    }
}

impl<'de, C, M: Body> BorrowDecode<'de, C> for Signed<M> {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Self::decode(decoder)
    }
}

impl<M: Body> fmt::Display for Signed<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.to_bytes()))
    }
}

/// Why text is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAMessage {
    #[error("a message is written as hexadecimal digits, at most {0} of them")]
    NotHex(usize),
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl<M: Body> FromStr for Signed<M> {
    type Err = NotAMessage;
    fn from_str(text: &str) -> Result<Self, NotAMessage> {
        let digits_max = 2 * Self::BYTES_MAX;
        if text.len() > digits_max {
            return Err(NotAMessage::NotHex(digits_max));
        }
        let bytes = hex::decode(text).map_err(|_| NotAMessage::NotHex(digits_max))?;
        Ok(Self::from_bytes(&bytes)?)
    }
}

impl<M: Body> Serialize for Signed<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, M: Body> Deserialize<'de> for Signed<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
