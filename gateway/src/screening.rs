//! Whether a party's name is like one on a list of sanctions. A hit holds a payment until a person has looked: two
//! people may have one name, and a name may be written in two ways.
//!
//! Names alone are compared, as [`names`](crate::names) has it. Not compared are dates of birth, addresses and
//! documents; nor are names in different scripts brought together, for which lists have aliases.

mod list;
mod ofac;
mod profile;

pub use list::{EntryId, ListName, ListNameFault, ListedName, NAMES_MAX, SanctionsList, TooManyNames};
pub use ofac::{FILE_BYTES_MAX, File, OfacFault, OfacFiles};

use crate::names::{Name, SIMILAR};
use profile::Profile;

/// All lists, ready to be asked.
#[derive(Debug, Clone)]
pub struct Screening {
    lists: Vec<SanctionsList>,
    /// Of each name of each list, in order.
    index: Vec<Indexed>,
}

#[derive(Debug, Clone, Copy)]
struct Indexed {
    profile: Profile,
    list: usize,
    name: usize,
}

/// The most similar name of all lists.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit<'a> {
    pub list: &'a ListName,
    /// The party on that list.
    pub entry: EntryId,
    /// Its name or alias that is similar, as the list has it.
    pub name: &'a str,
    /// [`SIMILAR`] to 1.
    pub score: f64,
}

impl Screening {
    pub fn new(lists: Vec<SanctionsList>) -> Self {
        let mut index = Vec::with_capacity(lists.iter().map(|list| list.names().len()).sum());
        for (list, names) in lists.iter().enumerate() {
            index.extend(names.names().iter().enumerate().map(|(name, listed)| Indexed {
                profile: Profile::of(listed.normalised()),
                list,
                name,
            }));
        }
        Self { lists, index }
    }

    /// Of equally similar names, the first one of the first list.
    pub fn hit(&self, name: &Name) -> Option<Hit<'_>> {
        let profile = Profile::of(name);
        let mut best: Option<(f64, &Indexed)> = None;
        for indexed in &self.index {
            let wanted = best.map_or(SIMILAR, |(score, _)| score);
            if !indexed.profile.may_reach(&profile, wanted) {
                continue;
            }
            let score = self.listed(indexed).normalised().similarity(name);
            if score >= SIMILAR && best.is_none_or(|(best, _)| score > best) {
                best = Some((score, indexed));
            }
        }
        best.map(|(score, indexed)| Hit {
            list: self.lists[indexed.list].name(),
            entry: self.listed(indexed).entry,
            name: &self.listed(indexed).name,
            score,
        })
    }

    fn listed(&self, indexed: &Indexed) -> &ListedName {
        &self.lists[indexed.list].names()[indexed.name]
    }
}

#[cfg(test)]
mod tests;
