//! When an escrow may be released or refunded: a small closed expression over ledger time and what a
//! claim carries.

use bincode::{Decode, Encode, de::Decoder, error::DecodeError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    block::TimeMs,
    codec::{self, Bounded, hex_newtype},
    keys::{KeyError, PublicKey},
    transaction::UnixSeconds,
};

/// How deep a condition may be nested: a leaf alone is 1 deep.
pub const CONDITION_DEPTH_MAX: usize = 4;

/// How many conditions that are no `All`, `Any` or `AtLeast` there may be in one.
pub const CONDITION_LEAVES_MAX: usize = 16;

/// Canonical bytes of an escrow's two conditions together: 4,096 escrows must fit a chunk of a snapshot.
pub const CONDITIONS_BYTES_MAX: usize = 1200;

hex_newtype!(
    /// What proves knowledge of a [`PreimageHash`]: 32 bytes, so that every ledger can take them.
    Preimage,
    32
);

hex_newtype!(
    /// The plain SHA-256 of a [`Preimage`], without a domain, as other ledgers' hash time-locks have it.
    PreimageHash,
    32
);

impl Preimage {
    pub fn hash(&self) -> PreimageHash {
        PreimageHash(Sha256::digest(self.0).into())
    }
}

/// True or false for a claim in a block of some time.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(no_recursion))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// The block's time is at or past this.
    After(UnixSeconds),
    /// The block's time is before this.
    Before(UnixSeconds),
    /// At least `threshold` of these keys signed the transaction that claims.
    SignedBy {
        /// 1 to 16, ascending, each once.
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<PublicKey>, min_items = 1, max_items = 16))]
        keys: Bounded<PublicKey, 16>,
        threshold: u8,
    },
    /// The claim carries a preimage of this.
    Preimage(PreimageHash),
    /// All of these, of which there is at least one.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Condition>))]
    All(Bounded<Condition, CONDITION_LEAVES_MAX>),
    /// At least one of these.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Condition>))]
    Any(Bounded<Condition, CONDITION_LEAVES_MAX>),
    /// At least `count` of these.
    AtLeast {
        count: u8,
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<Condition>))]
        of: Bounded<Condition, CONDITION_LEAVES_MAX>,
    },
    /// In an escrow that has ended, in the place of a hash: the preimage that its claim carried, for who has
    /// another to claim with it. In no escrow that is opened.
    Revealed(Preimage),
}

/// Why a condition can be in no escrow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    #[error("a condition is nested at most {CONDITION_DEPTH_MAX} deep")]
    TooDeep,
    #[error("a condition has at most {CONDITION_LEAVES_MAX} leaves, and this one has {0}")]
    TooManyLeaves(usize),
    #[error("{actual} bytes for the two conditions of an escrow, and at most {CONDITIONS_BYTES_MAX} are allowed")]
    TooLong { actual: usize },
    #[error("a secret is in no condition, only its hash is")]
    Revealed,
    #[error("a condition of no parts")]
    Empty,
    #[error("{needed} are needed, and there are {count}: nobody could meet it, or everybody does")]
    Threshold { needed: u8, count: usize },
    #[error("keys must be in ascending order, each once")]
    KeyOrder,
    #[error("key {key}: {source}")]
    Key { key: PublicKey, source: KeyError },
}

/// What a claim is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The block's.
    pub time: TimeMs,
    /// Those whose signatures the transaction has, checked.
    pub signers: &'a [PublicKey],
    /// Of the preimages that the claim carries.
    pub hashes: &'a [PreimageHash],
}

impl Condition {
    pub fn is_met(&self, facts: &Facts<'_>) -> bool {
        let met = |parts: &[Self]| parts.iter().filter(|part| part.is_met(facts)).count();
        match self {
            Self::After(time) => time.is_past(facts.time),
            Self::Before(time) => !time.is_past(facts.time),
            Self::SignedBy { keys, threshold } => {
                let signed = keys.iter().filter(|key| facts.signers.contains(key)).count();
                signed >= usize::from(*threshold)
            }
            Self::Preimage(hash) => facts.hashes.contains(hash),
            Self::All(parts) => met(parts) == parts.len(),
            Self::Any(parts) => met(parts) > 0,
            Self::AtLeast { count, of } => met(of) >= usize::from(*count),
            Self::Revealed(preimage) => facts.hashes.contains(&preimage.hash()),
        }
    }

    /// With these preimages in the places of their hashes.
    pub fn reveal(&self, preimages: &[Preimage]) -> Self {
        self.map(&|leaf| match leaf {
            Self::Preimage(hash) => preimages
                .iter()
                .find(|it| it.hash() == *hash)
                .map(|it| Self::Revealed(*it)),
            _ => None,
        })
    }

    /// The preimages that it shows.
    pub fn revealed(&self) -> Vec<Preimage> {
        match self {
            Self::Revealed(preimage) => vec![*preimage],
            other => other.parts().iter().flat_map(Self::revealed).collect(),
        }
    }

    /// The same, with those leaves replaced for which there is something else.
    fn map(&self, replace: &impl Fn(&Self) -> Option<Self>) -> Self {
        let of = |parts: &Bounded<Self, CONDITION_LEAVES_MAX>| {
            let parts = parts.iter().map(|part| part.map(replace)).collect();
            Bounded::new(parts).expect("as many as before")
        };
        match self {
            Self::All(parts) => Self::All(of(parts)),
            Self::Any(parts) => Self::Any(of(parts)),
            Self::AtLeast { count, of: parts } => Self::AtLeast {
                count: *count,
                of: of(parts),
            },
            leaf => replace(leaf).unwrap_or_else(|| leaf.clone()),
        }
    }

    /// The parts that it is made of, one level down.
    fn parts(&self) -> &[Self] {
        match self {
            Self::All(parts) | Self::Any(parts) | Self::AtLeast { of: parts, .. } => parts,
            _ => &[],
        }
    }

    fn is_leaf(&self) -> bool {
        !matches!(self, Self::All(_) | Self::Any(_) | Self::AtLeast { .. })
    }

    fn depth(&self) -> usize {
        1 + self.parts().iter().map(Self::depth).max().unwrap_or(0)
    }

    fn leaves(&self) -> usize {
        usize::from(self.is_leaf()) + self.parts().iter().map(Self::leaves).sum::<usize>()
    }

    /// Whether it names this key anywhere.
    pub fn names(&self, key: &PublicKey) -> bool {
        match self {
            Self::SignedBy { keys, .. } => keys.contains(key),
            other => other.parts().iter().any(|part| part.names(key)),
        }
    }

    /// Every way in which it is not well made, whatever the state.
    pub fn check(&self) -> Result<(), ConditionError> {
        if self.depth() > CONDITION_DEPTH_MAX {
            return Err(ConditionError::TooDeep);
        }
        let leaves = self.leaves();
        if leaves > CONDITION_LEAVES_MAX {
            return Err(ConditionError::TooManyLeaves(leaves));
        }
        self.check_parts()
    }

    fn check_parts(&self) -> Result<(), ConditionError> {
        let within = |needed: u8, count: usize| match usize::from(needed) {
            at_least if (1..=count).contains(&at_least) => Ok(()),
            _ => Err(ConditionError::Threshold { needed, count }),
        };
        match self {
            Self::After(_) | Self::Before(_) | Self::Preimage(_) => {}
            Self::Revealed(_) => return Err(ConditionError::Revealed),
            Self::SignedBy { keys, threshold } => {
                within(*threshold, keys.len())?;
                if !keys.is_sorted_by(|a, b| a < b) {
                    return Err(ConditionError::KeyOrder);
                }
                for key in keys {
                    key.check()
                        .map_err(|source| ConditionError::Key { key: *key, source })?;
                }
            }
            Self::All(parts) | Self::Any(parts) if parts.is_empty() => return Err(ConditionError::Empty),
            Self::All(_) | Self::Any(_) => {}
            Self::AtLeast { count, of } => within(*count, of.len())?,
        }
        self.parts().iter().try_for_each(Self::check_parts)
    }

    /// Reads one that is `depth` levels down: what is nested deeper than may be is refused before it is
    /// followed, since bytes from outside could go as deep as they are long.
    fn decode_at<D: Decoder>(decoder: &mut D, depth: usize) -> Result<Self, DecodeError> {
        if depth > CONDITION_DEPTH_MAX {
            return Err(DecodeError::Other("a condition that is nested too deep"));
        }
        let variant = u32::decode(decoder)?;
        Ok(match variant {
            0 => Self::After(UnixSeconds::decode(decoder)?),
            1 => Self::Before(UnixSeconds::decode(decoder)?),
            2 => Self::SignedBy {
                keys: Bounded::decode(decoder)?,
                threshold: u8::decode(decoder)?,
            },
            3 => Self::Preimage(PreimageHash::decode(decoder)?),
            4 => Self::All(Self::decode_parts(decoder, depth)?),
            5 => Self::Any(Self::decode_parts(decoder, depth)?),
            6 => Self::AtLeast {
                count: u8::decode(decoder)?,
                of: Self::decode_parts(decoder, depth)?,
            },
            7 => Self::Revealed(Preimage::decode(decoder)?),
            _ => return Err(DecodeError::Other("a condition of an unknown kind")),
        })
    }

    fn decode_parts<D: Decoder>(
        decoder: &mut D,
        depth: usize,
    ) -> Result<Bounded<Self, CONDITION_LEAVES_MAX>, DecodeError> {
        let count = codec::decode_count(decoder, CONDITION_LEAVES_MAX)?;
        let parts = (0..count).map(|_| Self::decode_at(decoder, depth + 1));
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        Ok(Bounded::new(parts).expect("as many as were allowed"))
    }
}

impl<C> Decode<C> for Condition {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Self::decode_at(decoder, 1)
    }
}

bincode::impl_borrow_decode!(Condition);

#[cfg(test)]
mod tests;
