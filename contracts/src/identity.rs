//! Who takes part: participants with roles, accounts with key policies and tiers, and addresses.

use std::{fmt, str::FromStr};

use bech32::{
    Bech32m, Hrp,
    primitives::decode::{CheckedHrpstring, CheckedHrpstringError},
};
use bincode::{
    Decode, Encode,
    de::{BorrowDecoder, Decoder},
    error::DecodeError,
};
use serde::{Deserialize, Serialize};

use crate::{
    block::{GenesisHash, TimeMs},
    codec::{self, Bounded, Text, hex_newtype, json_as_text},
    keys::{KeyError, PublicKey},
    money::{is_code_character, padded_str},
};

/// The short name of a central bank, bank or payment provider: 2 to 12 characters of A-Z and 0-9, so
/// that a BIC (ISO 9362) fits. Stored left-aligned, padded with zero bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
pub struct ParticipantId([u8; 12]);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a participant id has 2 to 12 characters of A-Z and 0-9")]
pub struct NotAParticipantId;

impl ParticipantId {
    pub fn new(text: &str) -> Result<Self, NotAParticipantId> {
        let text = text.as_bytes();
        if !(2..=12).contains(&text.len()) || !text.iter().all(|&b| is_code_character(b)) {
            return Err(NotAParticipantId);
        }
        let mut bytes = [0; 12];
        bytes[..text.len()].copy_from_slice(text);
        Ok(Self(bytes))
    }

    pub fn as_str(&self) -> &str {
        padded_str(&self.0)
    }
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ParticipantId {
    type Err = NotAParticipantId;
    fn from_str(text: &str) -> Result<Self, NotAParticipantId> {
        Self::new(text)
    }
}

impl<C> Decode<C> for ParticipantId {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        const FORM: DecodeError = DecodeError::Other("a participant id has 2 to 12 characters of A-Z and 0-9");
        let bytes = <[u8; 12]>::decode(decoder)?;
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(12);
        let text = std::str::from_utf8(&bytes[..end]).map_err(|_| FORM)?;
        match Self::new(text) {
            Ok(id) if id.0 == bytes => Ok(id),
            _ => Err(FORM),
        }
    }
}

impl<'de, C> bincode::BorrowDecode<'de, C> for ParticipantId {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Self::decode(decoder)
    }
}

json_as_text!(ParticipantId);

/// A participant as the ledger knows it. Its own account is [`AccountId::of_participant`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Participant {
    pub id: ParticipantId,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: Text<64>,
    pub keys: KeyPolicy,
    /// Serves customers: opens, re-tiers, freezes and closes their accounts.
    #[serde(default)]
    pub operator: bool,
    /// Quotes exchange rates and holds several currencies to settle them.
    #[serde(default)]
    pub liquidity_provider: bool,
}

/// A key and how much its signature counts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WeightedKey {
    pub key: PublicKey,
    pub weight: u16,
}

/// Who may act for an account, a participant or the council: signatures whose weights reach the
/// threshold. One key of weight 1 with threshold 1 is the plain case.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyPolicy {
    pub threshold: u32,
    /// 1 to 16, ascending by key, each once.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<WeightedKey>, min_items = 1, max_items = 16))]
    pub keys: Bounded<WeightedKey, 16>,
}

/// What is wrong with a key policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("a key policy needs at least one key")]
    NoKeys,
    #[error("keys must be in ascending order, each once")]
    KeysNotAscending,
    #[error("a key of weight 0 can never count")]
    ZeroWeight,
    #[error("the threshold is {threshold}; it must be from 1 to the sum of the weights, {sum}")]
    Threshold { threshold: u32, sum: u32 },
    #[error("key {key}: {source}")]
    Key { key: PublicKey, source: KeyError },
}

impl KeyPolicy {
    /// One key that acts alone.
    pub fn single(key: PublicKey) -> Self {
        let keys = Bounded::new(vec![WeightedKey { key, weight: 1 }]).expect("one of at most 16");
        Self { threshold: 1, keys }
    }

    pub fn check(&self) -> Result<(), PolicyError> {
        if self.keys.is_empty() {
            return Err(PolicyError::NoKeys);
        }
        if !self.keys.is_sorted_by(|a, b| a.key < b.key) {
            return Err(PolicyError::KeysNotAscending);
        }
        let mut sum = 0;
        for WeightedKey { key, weight } in &self.keys {
            if *weight == 0 {
                return Err(PolicyError::ZeroWeight);
            }
            key.check().map_err(|source| PolicyError::Key { key: *key, source })?;
            sum += u32::from(*weight);
        }
        if self.threshold == 0 || self.threshold > sum {
            return Err(PolicyError::Threshold {
                threshold: self.threshold,
                sum,
            });
        }
        Ok(())
    }

    pub fn contains(&self, key: &PublicKey) -> bool {
        self.keys.iter().any(|entry| entry.key == *key)
    }

    /// Whether these keys' weights reach the threshold. `signed` holds each key at most once.
    pub fn is_met_by<'a>(&self, signed: impl IntoIterator<Item = &'a PublicKey>) -> bool {
        let mut weight = 0;
        for key in signed {
            if let Some(entry) = self.keys.iter().find(|entry| entry.key == *key) {
                weight += u32::from(entry.weight);
            }
        }
        weight >= self.threshold
    }
}

hex_newtype!(
    /// An account: the first 20 bytes of a hash of what it was opened with.
    AccountId,
    20
);

hex_newtype!(
    /// Distinguishes accounts that one operator opens for the same keys.
    Salt,
    16
);

hex_newtype!(
    /// A salted hash of what an operator knows about a customer; the ledger holds no names.
    IdentityCommitment,
    32
);

impl AccountId {
    pub fn derive(genesis: &GenesisHash, operator: ParticipantId, keys: &KeyPolicy, salt: &Salt) -> Self {
        let hash = codec::hash(
            "causeway/account/1",
            &[genesis.as_bytes(), &codec::encode(&(operator, keys, salt))],
        );
        Self(hash[..20].try_into().expect("a hash has 32 bytes"))
    }

    /// The account that a participant owns itself; an issuer's may go below zero in its currency.
    pub fn of_participant(genesis: &GenesisHash, id: ParticipantId) -> Self {
        let hash = codec::hash(
            "causeway/participant-account/1",
            &[genesis.as_bytes(), &codec::encode(&id)],
        );
        Self(hash[..20].try_into().expect("a hash has 32 bytes"))
    }

    /// The address on the network of this prefix: bech32m (BIP-350).
    pub fn address(&self, prefix: AddressPrefix) -> Address {
        Address { prefix, account: *self }
    }
}

/// The human-readable part of addresses, different for each kind of network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AddressPrefix {
    #[serde(rename = "cw")]
    Main,
    #[serde(rename = "cwdev")]
    Devnet,
}

impl AddressPrefix {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Main => "cw",
            Self::Devnet => "cwdev",
        }
    }
}

/// An account id in the form that people copy: `cw1...` or, on a devnet, `cwdev1...`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address {
    pub prefix: AddressPrefix,
    pub account: AccountId,
}

/// 20 bytes are exactly 32 characters of five bits: none is left over, so that each account has one
/// address.
const ADDRESS_DATA: usize = 32;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("not an address, or one with a typing error: {0}")]
    Checksum(#[from] CheckedHrpstringError),
    #[error("'{0}' is not a prefix of this network's addresses; they begin with cw1 or cwdev1")]
    Prefix(String),
    #[error("an address has {ADDRESS_DATA} characters between prefix and checksum, and this one {0}")]
    Length(usize),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hrp = Hrp::parse_unchecked(self.prefix.as_str());
        bech32::encode_to_fmt::<Bech32m, _>(f, hrp, self.account.as_bytes()).map_err(|_| fmt::Error)
    }
}

impl FromStr for Address {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let parsed = CheckedHrpstring::new::<Bech32m>(text)?;
        let hrp = parsed.hrp().to_lowercase();
        let prefix = [AddressPrefix::Main, AddressPrefix::Devnet]
            .into_iter()
            .find(|prefix| prefix.as_str() == hrp)
            .ok_or(AddressError::Prefix(hrp))?;
        let length = parsed.data_part_ascii_no_checksum().len();
        if length != ADDRESS_DATA {
            return Err(AddressError::Length(length));
        }
        let mut account = [0; 20];
        for (byte, decoded) in account.iter_mut().zip(parsed.byte_iter()) {
            *byte = decoded;
        }
        Ok(Self {
            prefix,
            account: AccountId(account),
        })
    }
}

json_as_text!(Address);

/// How much an account may do. 0 is uncapped, for operators and companies; the higher the number,
/// the less is known of the holder and the lower the caps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Tier(pub u8);

/// Why an account or a currency in it is frozen; the codes are the freezing party's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct ReasonCode(pub u16);

/// Who froze, when (block time), and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Freeze {
    pub by: ParticipantId,
    pub at: TimeMs,
    pub reason: ReasonCode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    Active,
    /// Refuses debits, accepts credits.
    Frozen(Freeze),
    /// Refuses both, for good.
    Closed,
}

#[cfg(test)]
mod tests;
