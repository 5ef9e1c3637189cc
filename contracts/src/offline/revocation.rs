//! The list of purses and keys that are not believed any more, as a device keeps it.

use super::{
    ids::{Epoch, KeyId, ListVersion, PurseId, RevocationEntry},
    messages::{Beacon, RevocationDelta},
};
use crate::merkle::{self, Root};

/// How many entries a purse keeps at most.
pub const REVOCATIONS_MAX: usize = 4_096;

/// All entries up to a version, ascending. Deltas only add, and nothing is taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RevocationList {
    version: ListVersion,
    epoch: Epoch,
    entries: Vec<RevocationEntry>,
}

/// Why a delta, or what was stored, is no list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RevocationError {
    #[error("the list has version {actual}, and the delta is for version {expected}")]
    NotNext { actual: ListVersion, expected: ListVersion },
    #[error("the list is of hour {list}, and the delta of hour {delta}")]
    Earlier { list: Epoch, delta: Epoch },
    #[error("{0} entries, and at most {REVOCATIONS_MAX} are allowed")]
    Full(usize),
    #[error("the entries are not in ascending order, each once")]
    NotAscending,
}

impl RevocationList {
    /// From what was stored.
    pub fn new(version: ListVersion, epoch: Epoch, entries: Vec<RevocationEntry>) -> Result<Self, RevocationError> {
        if entries.len() > REVOCATIONS_MAX {
            return Err(RevocationError::Full(entries.len()));
        }
        if !entries.is_sorted_by(|one, next| one < next) {
            return Err(RevocationError::NotAscending);
        }
        Ok(Self {
            version,
            epoch,
            entries,
        })
    }

    /// Adds what a delta has, whose signature the caller has checked. If it fails the list is as it was.
    pub fn apply(&mut self, delta: &RevocationDelta) -> Result<(), RevocationError> {
        if delta.previous != self.version {
            return Err(RevocationError::NotNext {
                actual: self.version,
                expected: delta.previous,
            });
        }
        if delta.epoch < self.epoch {
            return Err(RevocationError::Earlier {
                list: self.epoch,
                delta: delta.epoch,
            });
        }
        let is_new = |entry: &&RevocationEntry| !self.contains(entry);
        let new: Vec<_> = delta.entries.iter().filter(is_new).copied().collect();
        let count = self.entries.len() + new.len();
        if count > REVOCATIONS_MAX {
            return Err(RevocationError::Full(count));
        }
        self.entries.extend(new);
        self.entries.sort_unstable();
        self.version = delta.version;
        self.epoch = delta.epoch;
        Ok(())
    }

    fn contains(&self, entry: &RevocationEntry) -> bool {
        self.entries.binary_search(entry).is_ok()
    }

    pub fn has_purse(&self, purse: PurseId) -> bool {
        self.contains(&RevocationEntry::purse(purse))
    }

    pub fn has_key(&self, key: KeyId) -> bool {
        self.contains(&RevocationEntry::key(key))
    }

    pub fn version(&self) -> ListVersion {
        self.version
    }

    /// Of the last delta.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub fn entries(&self) -> &[RevocationEntry] {
        &self.entries
    }

    /// Hours since the last delta, at the latest hour that is known.
    pub fn age(&self, now: Epoch) -> u32 {
        now.0.saturating_sub(self.epoch.0)
    }

    pub fn root(&self) -> Root {
        merkle::root(self.entries.iter().map(|entry| merkle::leaf(&entry.0)).collect())
    }

    /// Whether a beacon is about this list: `None` if about another version, and false if that version has other
    /// entries, so that somebody gave this device another list than the issuer's.
    pub fn is_of(&self, beacon: &Beacon) -> Option<bool> {
        (beacon.list_version == self.version).then(|| beacon.list_root == self.root())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        example::list,
        offline::example::{HOUR, after, beacon, delta, issuer_id, purse},
        offline::issuer::KeyRole,
    };

    fn step(version: u32, entries: &[u8]) -> RevocationDelta {
        let entries = entries.iter().map(|&number| RevocationEntry::purse(purse(number)));
        RevocationDelta {
            version: ListVersion(version),
            previous: ListVersion(version - 1),
            epoch: after(version),
            entries: list(entries.collect()),
            ..delta(0)
        }
    }

    #[test]
    fn deltas_are_applied_in_order_and_only_add() {
        let mut list = RevocationList::default();
        assert_eq!(list.apply(&step(1, &[3])), Ok(()));
        let not_next = RevocationError::NotNext {
            actual: ListVersion(1),
            expected: ListVersion(2),
        };
        assert_eq!(list.apply(&step(3, &[2])), Err(not_next));
        assert_eq!(list.apply(&step(2, &[1, 3])), Ok(()));
        assert_eq!(
            list.entries(),
            [1, 3].map(|number| RevocationEntry::purse(purse(number)))
        );
        assert!(list.has_purse(purse(1)) && list.has_purse(purse(3)) && !list.has_purse(purse(2)));
        // One that is older, or comes again.
        assert!(list.apply(&step(2, &[1, 3])).is_err());
        let earlier = RevocationDelta {
            epoch: HOUR,
            ..step(3, &[])
        };
        let expected = RevocationError::Earlier {
            list: after(2),
            delta: HOUR,
        };
        assert_eq!(list.apply(&earlier), Err(expected));
        assert_eq!((list.version(), list.epoch()), (ListVersion(2), after(2)));
    }

    #[test]
    fn a_lists_age_is_counted_from_its_last_delta() {
        let mut list = RevocationList::default();
        list.apply(&step(1, &[])).unwrap();
        assert_eq!(list.age(HOUR), 0);
        assert_eq!(list.age(after(169)), 168);
        list.apply(&step(2, &[])).unwrap();
        assert_eq!(list.age(after(169)), 167);
    }

    #[test]
    fn a_key_is_no_purse() {
        let key = issuer_id(KeyRole::Grant);
        let delta = RevocationDelta {
            entries: crate::example::list(vec![RevocationEntry::key(key)]),
            ..step(1, &[])
        };
        let mut list = RevocationList::default();
        list.apply(&delta).unwrap();
        assert!(list.has_key(key));
        assert!(!list.has_key(issuer_id(KeyRole::Beacon)));
    }

    #[test]
    fn a_beacon_knows_the_list_of_its_version() {
        let mut list = RevocationList::default();
        list.apply(&step(1, &[1, 2, 3])).unwrap();
        let of = |version, list_root| Beacon {
            list_version: ListVersion(version),
            list_root,
            ..beacon()
        };
        assert_eq!(list.is_of(&of(1, list.root())), Some(true));
        assert_eq!(list.is_of(&of(1, Root([0; 32]))), Some(false));
        assert_eq!(list.is_of(&of(2, list.root())), None);
    }

    #[test]
    fn a_full_list_takes_no_more_and_stays_as_it_was() {
        let entry = |number: usize| RevocationEntry(u64::try_from(number).unwrap().to_be_bytes());
        let entries = |count: usize| (1..=count).map(entry).collect::<Vec<_>>();
        let new = |entries| RevocationList::new(ListVersion(0), HOUR, entries);
        assert_eq!(new(entries(4_097)), Err(RevocationError::Full(4_097)));
        assert_eq!(new(vec![entry(2), entry(1)]), Err(RevocationError::NotAscending));
        assert_eq!(new(vec![entry(1), entry(1)]), Err(RevocationError::NotAscending));
        let mut full = new(entries(4_095)).unwrap();
        let before = full.clone();
        assert_eq!(full.apply(&step(1, &[1, 2])), Err(RevocationError::Full(4_097)));
        assert_eq!(full, before);
        assert_eq!(full.apply(&step(1, &[1])), Ok(()));
    }

    proptest! {
        #[test]
        fn invariant_a_list_is_the_same_however_it_was_cut_into_deltas(
            numbers in prop::collection::vec(any::<u8>(), 0..40),
            cuts in prop::collection::vec(0..40_usize, 0..4),
        ) {
            let apply = |cuts: &[usize]| {
                let mut list = RevocationList::default();
                let mut version = 0;
                let mut bounds: Vec<_> = cuts.iter().map(|cut| (*cut).min(numbers.len())).collect();
                bounds.extend([0, numbers.len()]);
                bounds.sort_unstable();
                for bound in bounds.windows(2) {
                    let mut part = numbers[bound[0]..bound[1]].to_vec();
                    part.sort_unstable();
                    part.dedup();
                    version += 1;
                    list.apply(&step(version, &part)).expect("the next");
                }
                (list.root(), list.entries().to_vec())
            };
            prop_assert_eq!(apply(&cuts), apply(&[]));
        }
    }
}
