//! Keys, signatures, signing domains, and the one rule by which a signature is good.
//!
//! Validators fork if one accepts a signature that another refuses, so single and batch verification
//! share the cofactored equation of ZIP-215 (<https://zips.z.cash/zip-0215>) and the same list of
//! refused keys. The key list refuses every encoding of a point of small order: under such a key,
//! signatures exist that fit any message.

use std::{fmt, str::FromStr};

use bincode::{
    Decode, Encode,
    de::{BorrowDecoder, Decoder},
    enc::Encoder,
    error::{DecodeError, EncodeError},
};
use ed25519_dalek::Signer;
use ed25519_zebra::batch;
use rand_core::CryptoRng;

use crate::codec::{hex_newtype, json_as_text};

/// What a signature is for. Its tag begins every signed message, so that a signature made for one
/// purpose fits no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Domain {
    /// A transaction's body; the message is its 32-byte id.
    Transaction,
    /// A prevote or precommit.
    Vote,
    /// A block proposal.
    Proposal,
    /// A sealed batch of transactions; the message is its 32-byte digest.
    Batch,
    /// A client's request to read what is not public.
    Request,
    /// A validator's answer to such a question as "has this transaction a receipt?".
    Statement,
    /// That a council wants a network to be continued by another; the message is the 32-byte hash of its
    /// genesis.
    Continuation,
    /// The root over a validator's state after a block.
    Checkpoint,
    /// A liquidity provider's offer to exchange; the message is its 32-byte hash.
    Quote,
    /// What purses and the service of their issuer sign; the message begins with its type.
    Offline,
    /// An account's wish that a purse be registered as its own.
    Registration,
    /// A merchant's payment code, by the operator who collects for the merchant; the message is its text up to the
    /// signature.
    PaymentCode,
}

impl Domain {
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Transaction => "causeway/tx/1",
            Self::Vote => "causeway/vote/1",
            Self::Proposal => "causeway/proposal/1",
            Self::Batch => "causeway/batch/1",
            Self::Request => "causeway/request/1",
            Self::Statement => "causeway/statement/1",
            Self::Continuation => "causeway/continuation/1",
            Self::Checkpoint => "causeway/checkpoint/1",
            Self::Quote => "causeway/quote/1",
            Self::Offline => "dofp/1/",
            Self::Registration => "causeway/registration/1",
            Self::PaymentCode => "causeway/qr/1",
        }
    }

    /// The bytes that are signed: the tag, then the message.
    fn message(self, message: &[u8]) -> Vec<u8> {
        let tag = self.tag().as_bytes();
        let mut bytes = Vec::with_capacity(tag.len() + message.len());
        bytes.extend_from_slice(tag);
        bytes.extend_from_slice(message);
        bytes
    }
}

/// A public key with its algorithm. Written as the algorithm's byte and the key's bytes; as text,
/// `ed25519:` and hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PublicKey {
    /// Algorithm 1: Ed25519, 32 bytes (RFC 8032, section 5.1.2).
    Ed25519([u8; 32]),
}

const ED25519: u8 = 1;
const P256_RESERVED: u8 = 2;
const SM2_RESERVED: u8 = 3;

/// Why a key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("a public key is written as 'ed25519:' and 64 hexadecimal digits")]
    NotAKey,
    #[error("the bytes are not a point of the curve")]
    NotAPoint,
    #[error("a key of small order fits signatures to any message and is refused")]
    SmallOrder,
}

impl PublicKey {
    pub fn as_bytes(&self) -> &[u8; 32] {
        match self {
            Self::Ed25519(bytes) => bytes,
        }
    }

    /// What registration asks of a key: a point of the curve, not of small order.
    pub fn check(&self) -> Result<(), KeyError> {
        let Self::Ed25519(bytes) = self;
        if is_small_order(bytes) {
            return Err(KeyError::SmallOrder);
        }
        match ed25519_zebra::VerificationKey::try_from(*bytes) {
            Ok(_) => Ok(()),
            Err(_) => Err(KeyError::NotAPoint),
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ed25519:{}", hex::encode(self.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let digits = text.strip_prefix("ed25519:").ok_or(KeyError::NotAKey)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| KeyError::NotAKey)?;
        Ok(Self::Ed25519(bytes))
    }
}

impl Encode for PublicKey {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        ED25519.encode(encoder)?;
        self.as_bytes().encode(encoder)
    }
}

impl<C> Decode<C> for PublicKey {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        match u8::decode(decoder)? {
            ED25519 => <[u8; 32]>::decode(decoder).map(Self::Ed25519),
            P256_RESERVED | SM2_RESERVED => Err(DecodeError::Other(
                "a key algorithm that is reserved and not yet in use",
            )),
            _ => Err(DecodeError::Other("an unknown key algorithm")),
        }
    }
}

impl<'de, C> bincode::BorrowDecode<'de, C> for PublicKey {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Self::decode(decoder)
    }
}

hex_newtype!(
    /// 64 bytes: R, then s (RFC 8032, section 5.1.6).
    Signature,
    64
);

json_as_text!(PublicKey);

/// A signing key. Has no `Debug`, `Display` or serialization; its memory is wiped when it is dropped.
#[derive(Clone)]
pub struct SecretKey(ed25519_dalek::SigningKey);

impl SecretKey {
    /// From the 32-byte seed of RFC 8032, section 5.1.5.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    pub fn public_key(&self) -> PublicKey {
        PublicKey::Ed25519(self.0.verifying_key().to_bytes())
    }

    pub fn sign(&self, domain: Domain, message: &[u8]) -> Signature {
        Signature(self.0.sign(&domain.message(message)).to_bytes())
    }
}

/// The signature is not good for this key, domain and message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not fit the key and the message")]
pub struct BadSignature;

/// One signature to be checked.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    pub key: PublicKey,
    pub domain: Domain,
    pub message: &'a [u8],
    pub signature: Signature,
}

/// The one rule's input, or `None` for a key that the rule refuses whatever the signature.
fn item(key: &PublicKey, message: &[u8], signature: &Signature) -> Option<batch::Item> {
    if is_small_order(key.as_bytes()) {
        return None;
    }
    let signature = ed25519_zebra::Signature::from_bytes(&signature.0);
    Some(((*key.as_bytes()).into(), signature, message).into())
}

impl Signed<'_> {
    fn item(&self) -> Option<batch::Item> {
        item(&self.key, &self.domain.message(self.message), &self.signature)
    }

    /// Checks this signature alone.
    pub fn verify(&self) -> Result<(), BadSignature> {
        let item = self.item().ok_or(BadSignature)?;
        item.verify_single().map_err(|_| BadSignature)
    }
}

/// Checks many signatures at once, for a fraction of the price of each alone.
///
/// Gives the answer of [`Signed::verify`] for each, in order. `rng` makes the coefficients of the
/// batch equation and must not be predictable by who made the signatures; the answers do not depend
/// on it but with a probability of 2^-125 or so. If the batch as a whole is refused, each is checked
/// alone, at full price: charge that to whoever sent the bad one.
pub fn verify_batch(batch: &[Signed<'_>], rng: &mut impl CryptoRng) -> Vec<bool> {
    if all_good(batch, rng) {
        return vec![true; batch.len()];
    }
    batch.iter().map(|signed| signed.verify().is_ok()).collect()
}

/// Whether every one of `batch` is good: [`verify_batch`] for a caller that wants no blame assigned.
pub fn all_good(batch: &[Signed<'_>], rng: &mut impl CryptoRng) -> bool {
    good_together(batch.iter().map(Signed::item), rng)
}

fn good_together(items: impl Iterator<Item = Option<batch::Item>>, rng: &mut impl CryptoRng) -> bool {
    let mut verifier = batch::Verifier::new();
    for item in items {
        match item {
            Some(item) => verifier.queue(item),
            None => return false,
        }
    }
    verifier.verify(rng).is_ok()
}

/// The y coordinates, without the sign bit, of every encoding of the eight points whose order divides
/// eight, the two encodings that are not reduced among them.
const SMALL_ORDER_Y: [[u8; 32]; 7] = [
    y_of(0, 0, 0),
    y_of(1, 0, 0),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    y_of(0xec, 0xff, 0x7f),
    y_of(0xed, 0xff, 0x7f),
    y_of(0xee, 0xff, 0x7f),
];

const fn y_of(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

fn is_small_order(key: &[u8; 32]) -> bool {
    let mut y = *key;
    y[31] &= 0x7f;
    SMALL_ORDER_Y.contains(&y)
}

#[cfg(test)]
mod tests;
