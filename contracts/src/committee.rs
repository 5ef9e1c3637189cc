//! The validators that decide, and whose turn it is to propose.

pub mod change;
pub mod rotation;

use std::sync::Arc;

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    codec::{self, Bounded, hex_newtype},
    keys::{KeyError, PublicKey},
    merkle::Root,
};

/// A set has at most this many validators. Fixed.
pub const VALIDATORS_MAX: usize = 256;

/// Total power is at most this, so that thresholds, which multiply it by three, cannot overflow.
pub const TOTAL_POWER_MAX: u64 = u64::MAX / 3;

hex_newtype!(
    /// A validator: the first 20 bytes of SHA-256 over `causeway/validator/1` and its encoded public key.
    ValidatorId,
    20
);

impl ValidatorId {
    pub fn of(key: &PublicKey) -> Self {
        let hash = codec::hash("causeway/validator/1", &[&codec::encode(key)]);
        Self(hash[..20].try_into().expect("a hash has 32 bytes"))
    }
}

/// A member of a [`ValidatorSet`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Validator {
    pub key: PublicKey,
    pub power: u64,
}

impl Validator {
    pub fn id(&self) -> ValidatorId {
        ValidatorId::of(&self.key)
    }
}

/// Validators with their powers, in ascending order of their ids. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidatorSet {
    members: Arc<[(ValidatorId, Validator)]>,
    /// One round of turns to propose, as places in `members`.
    turns: Arc<[u16]>,
    total_power: u64,
}

/// What is wrong with a validator set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValidatorSetError {
    #[error("a validator set has 1 to {VALIDATORS_MAX} members, and this one {0}")]
    Count(usize),
    #[error("key {0} appears more than once")]
    Duplicate(PublicKey),
    #[error("validator {0} has no power")]
    NoPower(PublicKey),
    #[error("the powers add up to more than {TOTAL_POWER_MAX}")]
    TooMuchPower,
    #[error("key {key}: {source}")]
    Key { key: PublicKey, source: KeyError },
}

impl ValidatorSet {
    pub fn new(validators: Vec<Validator>) -> Result<Self, ValidatorSetError> {
        if validators.is_empty() || validators.len() > VALIDATORS_MAX {
            return Err(ValidatorSetError::Count(validators.len()));
        }
        let mut total_power = 0u64;
        for Validator { key, power } in &validators {
            key.check()
                .map_err(|source| ValidatorSetError::Key { key: *key, source })?;
            if *power == 0 {
                return Err(ValidatorSetError::NoPower(*key));
            }
            total_power = total_power
                .checked_add(*power)
                .filter(|&total| total <= TOTAL_POWER_MAX)
                .ok_or(ValidatorSetError::TooMuchPower)?;
        }
        let mut members: Vec<_> = validators
            .into_iter()
            .map(|validator| (validator.id(), validator))
            .collect();
        members.sort_by_key(|(id, _)| *id);
        if let Some(pair) = members.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(ValidatorSetError::Duplicate(pair[0].1.key));
        }
        let powers: Vec<_> = members.iter().map(|(_, validator)| validator.power).collect();
        Ok(Self {
            members: members.into(),
            turns: rotation::turns(&powers).into(),
            total_power,
        })
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Always false; a set has at least one member.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub fn total_power(&self) -> u64 {
        self.total_power
    }

    /// The member at a place, as certificates name signers.
    pub fn get(&self, index: u16) -> Option<&Validator> {
        self.members.get(usize::from(index)).map(|(_, validator)| validator)
    }

    pub fn index_of(&self, id: &ValidatorId) -> Option<u16> {
        let index = self.members.binary_search_by_key(id, |(id, _)| *id).ok()?;
        Some(u16::try_from(index).expect("a set has at most 256 members"))
    }

    pub fn by_id(&self, id: &ValidatorId) -> Option<&Validator> {
        self.get(self.index_of(id)?)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&ValidatorId, &Validator)> {
        self.members.iter().map(|(id, validator)| (id, validator))
    }

    /// More than two thirds of the power.
    pub fn is_quorum(&self, power: u64) -> bool {
        u128::from(power) * 3 > u128::from(self.total_power) * 2
    }

    /// The most power that may be faulty with all promises kept: f, the largest number below a third.
    pub fn faulty_power_max(&self) -> u64 {
        (self.total_power - 1) / 3
    }

    /// More than f of the power: at least one of them is honest.
    pub fn has_honest(&self, power: u64) -> bool {
        power > self.faulty_power_max()
    }

    /// What headers carry: SHA-256 over `causeway/validators/1` and the encoded members in order.
    pub fn hash(&self) -> Root {
        Root(codec::hash("causeway/validators/1", &[&codec::encode(&self.to_list())]))
    }

    pub fn to_list(&self) -> ValidatorList {
        let members = self.members.iter().map(|(_, validator)| validator.clone()).collect();
        Bounded::new(members).expect("checked when the set was made")
    }
}

/// A validator set as it is written; unchecked until made a [`ValidatorSet`].
pub type ValidatorList = Bounded<Validator, VALIDATORS_MAX>;

impl TryFrom<ValidatorList> for ValidatorSet {
    type Error = ValidatorSetError;
    fn try_from(list: ValidatorList) -> Result<Self, ValidatorSetError> {
        Self::new(list.into_vec())
    }
}

#[cfg(test)]
mod tests;
