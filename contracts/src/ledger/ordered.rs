//! Rows in the order of their keys, some of which a block adds, changes or removes.
//!
//! For tables in which rows come and go and order matters; what only grows is in a [`super::table`].

use std::collections::BTreeMap;

/// What a block makes of the rows of one table.
///
/// A transaction's changes are kept or taken back as one: old values go into a journal.
#[derive(Debug)]
pub(super) struct OrderedLayer<K, V> {
    /// Of the rows that were touched; `None`: it is removed, or was never there.
    rows: BTreeMap<K, Option<V>>,
    /// What was in `rows` before each change.
    journal: Vec<(K, Option<Option<V>>)>,
}

impl<K, V> Default for OrderedLayer<K, V> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            journal: Vec::new(),
        }
    }
}

impl<K: Copy + Ord, V: Clone + PartialEq> OrderedLayer<K, V> {
    pub(super) fn get<'a>(&'a self, base: &'a BTreeMap<K, V>, key: &K) -> Option<&'a V> {
        match self.rows.get(key) {
            Some(row) => row.as_ref(),
            None => base.get(key),
        }
    }

    /// The rows from this key on, in order. Ends when so many rows were looked at, those included that are gone.
    pub(super) fn from<'a>(
        &'a self,
        base: &'a BTreeMap<K, V>,
        key: K,
        mut looks: usize,
    ) -> impl Iterator<Item = (K, &'a V)> {
        let mut touched = self.rows.range(key..).peekable();
        let mut base = base.range(key..).peekable();
        std::iter::from_fn(move || {
            loop {
                looks = looks.checked_sub(1)?;
                let is_touched = match (touched.peek(), base.peek()) {
                    (Some((row, _)), Some((other, _))) => row <= other,
                    (Some(_), None) => true,
                    (None, _) => false,
                };
                if !is_touched {
                    return base.next().map(|(key, value)| (*key, value));
                }
                let (key, row) = touched.next()?;
                if base.peek().is_some_and(|(other, _)| *other == key) {
                    base.next();
                }
                if let Some(value) = row {
                    return Some((*key, value));
                }
            }
        })
    }

    /// Adds, replaces or (with `None`) removes a row.
    pub(super) fn set(&mut self, key: K, value: Option<V>) {
        let old = self.rows.insert(key, value);
        self.journal.push((key, old));
    }

    pub(super) fn keep(&mut self) {
        self.journal.clear();
    }

    pub(super) fn take_back(&mut self) {
        while let Some((key, old)) = self.journal.pop() {
            match old {
                Some(row) => drop(self.rows.insert(key, row)),
                None => drop(self.rows.remove(&key)),
            }
        }
    }

    /// The rows that are now other than in `base`, ascending by key.
    pub(super) fn into_changed(self, base: &BTreeMap<K, V>) -> impl Iterator<Item = (K, Option<V>)> {
        assert!(self.journal.is_empty(), "every transaction was kept or taken back");
        self.rows.into_iter().filter(|(key, row)| base.get(key) != row.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a map that is copied before each transaction.
        #[test]
        fn is_a_map_with_transactions(
            base in prop::collection::btree_map(0..16u8, 0..4u8, 0..16),
            transactions in prop::collection::vec(
                (prop::collection::vec((0..16u8, prop::option::of(0..4u8)), 0..8), any::<bool>()),
                0..8,
            ),
        ) {
            let mut model = base.clone();
            let mut layer = OrderedLayer::default();
            for (changes, keep) in transactions {
                let before = model.clone();
                for (key, value) in changes {
                    layer.set(key, value);
                    match value {
                        Some(value) => drop(model.insert(key, value)),
                        None => drop(model.remove(&key)),
                    }
                    prop_assert_eq!(layer.get(&base, &key), model.get(&key));
                }
                if keep {
                    layer.keep();
                } else {
                    layer.take_back();
                    model = before;
                }
                for key in 0..16 {
                    prop_assert_eq!(layer.get(&base, &key), model.get(&key));
                }
            }
            let rows: Vec<_> = layer.from(&base, 5, usize::MAX).map(|(key, value)| (key, *value)).collect();
            let expected: Vec<_> = model.range(5..).map(|(key, value)| (*key, *value)).collect();
            prop_assert_eq!(rows, expected);
            let mut after = base.clone();
            for (key, value) in layer.into_changed(&base) {
                prop_assert_ne!(base.get(&key), value.as_ref());
                match value {
                    Some(value) => drop(after.insert(key, value)),
                    None => drop(after.remove(&key)),
                }
            }
            prop_assert_eq!(after, model);
        }
    }
}
