//! The committed rows about purses, with the order in which loads fall due.

use std::collections::{BTreeMap, BTreeSet};

use crate::offline::{
    ids::{Epoch, LoadCounter, PurseId},
    record::{Load, OfflineKey, OfflineRow},
};

#[derive(Debug, Default)]
pub(super) struct Purses {
    /// In boxes, since rows are larger than keys and a tree moves both.
    rows: BTreeMap<OfflineKey, Box<OfflineRow>>,
    /// Each load that has not ended, by the hour from which on nobody can claim of it.
    due: BTreeSet<(Epoch, PurseId, LoadCounter)>,
}

fn due(key: &OfflineKey, row: &OfflineRow) -> Option<(Epoch, PurseId, LoadCounter)> {
    match (key, row) {
        (OfflineKey::Load(purse, counter), OfflineRow::Load(load)) if !load.is_ended => {
            Some((load.due, *purse, LoadCounter(u32::from_be_bytes(*counter))))
        }
        _ => None,
    }
}

impl Purses {
    pub(super) fn rows(&self) -> &BTreeMap<OfflineKey, Box<OfflineRow>> {
        &self.rows
    }

    /// Gives what was there.
    pub(super) fn insert(&mut self, key: OfflineKey, row: Box<OfflineRow>) -> Option<Box<OfflineRow>> {
        let after = due(&key, &row);
        let old = self.rows.insert(key, row);
        self.replace_due(old.as_ref().and_then(|old| due(&key, old)), after);
        old
    }

    pub(super) fn remove(&mut self, key: &OfflineKey) {
        let old = self.rows.remove(key);
        self.replace_due(old.as_ref().and_then(|old| due(key, old)), None);
    }

    fn replace_due(
        &mut self,
        before: Option<(Epoch, PurseId, LoadCounter)>,
        after: Option<(Epoch, PurseId, LoadCounter)>,
    ) {
        if before != after {
            if let Some(before) = before {
                self.due.remove(&before);
            }
            self.due.extend(after);
        }
    }

    /// The loads of which nobody can claim from this hour on, by that hour.
    pub(super) fn due_at(&self, hour: Epoch) -> impl Iterator<Item = (PurseId, LoadCounter, &Load)> {
        let due = self.due.iter().take_while(move |(due, ..)| hour.has_reached(*due));
        due.map(|(_, purse, counter)| {
            let key = OfflineKey::Load(*purse, counter.0.to_be_bytes());
            match &*self.rows[&key] {
                OfflineRow::Load(load) => (*purse, *counter, load),
                other => unreachable!("a row of another kind: {other:?}"),
            }
        })
    }
}
