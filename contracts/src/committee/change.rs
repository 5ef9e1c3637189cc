//! Changes of the validator set, and who has left it.
//!
//! A change that is applied in block h is in the state after it, named by the header of h + 1, and in force
//! from h + 2 on. So at any time a ledger knows two sets: the one that decides the next block, and the one that
//! decides the block after it.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{VALIDATORS_MAX, Validator, ValidatorId, ValidatorSet, ValidatorSetError};
use crate::{block::Height, codec::Bounded, keys::PublicKey};

/// One act of the council names at most this many validators to remove, and as many to set. Fixed.
pub const CHANGES_MAX: usize = 32;

/// What becomes of a set: first those named are removed, then those named are added, or get another power. A
/// key is replaced by removing its validator and setting the new one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ValidatorChange {
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<ValidatorId>, max_items = 32))]
    pub remove: Bounded<ValidatorId, CHANGES_MAX>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Validator>, max_items = 32))]
    pub set: Bounded<Validator, CHANGES_MAX>,
}

impl ValidatorChange {
    /// The set with the changes made. Who is removed and not in it does not matter here.
    pub fn applied_to(&self, set: &ValidatorSet) -> Result<ValidatorSet, ValidatorSetError> {
        let mut members: BTreeMap<_, _> = set.iter().map(|(id, validator)| (*id, validator.clone())).collect();
        for id in &self.remove {
            members.remove(id);
        }
        for validator in &self.set {
            members.insert(validator.id(), validator.clone());
        }
        ValidatorSet::new(members.into_values().collect())
    }
}

impl ValidatorSet {
    /// Whether those who are in both sets, with the same power, are more than two thirds of each. Then
    /// whoever trusts one has reason to trust the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        let unchanged = self.iter().filter(|(id, validator)| other.by_id(id) == Some(validator));
        let power = unchanged.map(|(_, validator)| validator.power).sum();
        self.is_quorum(power) && other.is_quorum(power)
    }
}

/// A key that has left the set.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormerValidator {
    pub key: PublicKey,
    /// The last height that it took part in deciding.
    pub last: Height,
}

/// The keys that have left the set, ascending by validator id: what they signed while they were in it may
/// still convict them. As many as a set may have; the one that left first makes room.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FormerValidators(Bounded<FormerValidator, VALIDATORS_MAX>);

impl FormerValidators {
    pub fn iter(&self) -> impl Iterator<Item = &FormerValidator> {
        self.0.iter()
    }

    pub fn get(&self, id: &ValidatorId) -> Option<&FormerValidator> {
        self.iter().find(|former| ValidatorId::of(&former.key) == *id)
    }

    /// When `next` takes over from `set`, which has decided blocks up to and with `last`. Those who left
    /// more than `kept` heights ago are forgotten.
    pub fn after(&self, set: &ValidatorSet, next: &ValidatorSet, last: Height, kept: u64) -> Self {
        let left = set
            .iter()
            .filter(|(id, _)| next.by_id(id).is_none())
            .map(|(id, validator)| {
                (
                    *id,
                    FormerValidator {
                        key: validator.key,
                        last,
                    },
                )
            });
        let mut former: BTreeMap<_, _> = self
            .iter()
            .map(|former| (ValidatorId::of(&former.key), former.clone()))
            .filter(|(id, former)| next.by_id(id).is_none() && former.last.0.saturating_add(kept) >= last.0)
            .chain(left)
            .collect();
        while former.len() > VALIDATORS_MAX {
            let first = former.iter().min_by_key(|(id, former)| (former.last, **id));
            let id = *first.expect("there are some").0;
            former.remove(&id);
        }
        Self(Bounded::new(former.into_values().collect()).expect("at most as many as a set may have"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::list;

    fn key(name: &str) -> PublicKey {
        let seed = crate::codec::hash("test key", &[name.as_bytes()]);
        crate::keys::SecretKey::from_seed(&seed).public_key()
    }

    fn validator(name: &str, power: u64) -> Validator {
        Validator { key: key(name), power }
    }

    fn set(members: &[(&str, u64)]) -> ValidatorSet {
        ValidatorSet::new(members.iter().map(|(name, power)| validator(name, *power)).collect()).unwrap()
    }

    #[test]
    fn a_change_removes_and_then_sets() {
        let change = ValidatorChange {
            remove: list(vec![validator("a", 1).id(), validator("b", 1).id()]),
            set: list(vec![validator("b", 2), validator("c", 3)]),
        };
        let before = set(&[("a", 1), ("b", 1), ("d", 1)]);
        assert_eq!(change.applied_to(&before), Ok(set(&[("b", 2), ("c", 3), ("d", 1)])));
        let nobody = ValidatorChange {
            remove: list(vec![validator("a", 1).id()]),
            set: list(Vec::new()),
        };
        assert_eq!(nobody.applied_to(&set(&[("a", 1)])), Err(ValidatorSetError::Count(0)));
    }

    #[test]
    fn unchanged_members_are_more_than_two_thirds_of_both_sets() {
        let four = set(&[("a", 1), ("b", 1), ("c", 1), ("d", 1)]);
        let check = |other: &[(&str, u64)], expected| {
            assert_eq!(four.overlaps(&set(other)), expected, "{other:?}");
            assert_eq!(set(other).overlaps(&four), expected, "{other:?}");
        };
        check(&[("a", 1), ("b", 1), ("c", 1), ("d", 1)], true);
        check(&[("a", 1), ("b", 1), ("c", 1)], true);
        check(&[("a", 1), ("b", 1), ("c", 1), ("e", 1)], true);
        check(&[("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1)], true);
        check(&[("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 2)], false);
        check(&[("a", 1), ("b", 1), ("c", 1), ("d", 2)], false);
        check(&[("a", 1), ("b", 1)], false);
        check(&[("a", 1), ("b", 1), ("e", 1), ("f", 1)], false);
    }

    #[test]
    fn who_left_is_remembered_for_as_long_as_it_can_be_convicted() {
        let [one, two, three] = [&[("a", 1), ("b", 1)], &[("a", 1), ("c", 1)], &[("a", 1), ("b", 1)]].map(|it| set(it));
        let after = FormerValidators::default().after(&one, &two, Height(7), 10);
        let b = FormerValidator {
            key: key("b"),
            last: Height(7),
        };
        assert_eq!(after.iter().collect::<Vec<_>>(), [&b]);
        assert_eq!(after.get(&ValidatorId::of(&key("b"))), Some(&b));
        // Back again.
        let after = after.after(&two, &three, Height(9), 10);
        assert_eq!(after.get(&ValidatorId::of(&key("b"))), None);
        let c = ValidatorId::of(&key("c"));
        assert_eq!(after.get(&c).map(|former| former.last), Some(Height(9)));
        assert!(after.after(&three, &three, Height(19), 10).get(&c).is_some());
        assert!(after.after(&three, &three, Height(20), 10).get(&c).is_none());
    }
}
