use crate::names::Name;

const BUCKETS: usize = 32;

/// How often which characters are in a name, told apart by the last five bits of their numbers. Tells without
/// comparing them that two names are not similar, which most are not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Profile {
    counts: [u16; BUCKETS],
    /// The sum of the counts, at least 1.
    characters: u16,
    /// The first characters, which Jaro-Winkler counts twice: of the name in order, then sorted.
    prefixes: [[char; PREFIX]; 2],
}

/// Of Jaro-Winkler, and how much each equal character of it adds.
const PREFIX: usize = 4;
const PREFIX_WEIGHT: f64 = 0.1;

/// More than what rounding makes of a similarity.
const ROUNDING: f64 = 1e-9;

/// What stands for a character of a name that is shorter than a prefix. No name has it: it is no letter.
const NONE: char = '\0';

impl Profile {
    pub fn of(name: &Name) -> Self {
        let mut counts = [0; BUCKETS];
        let mut characters = 0;
        for character in name.in_order().chars() {
            // A name comes in at most 2048 bytes, each of which becomes at most eight characters.
            counts[character as usize % BUCKETS] += 1;
            characters += 1;
        }
        let prefix = |text: &str| {
            let mut prefix = [NONE; PREFIX];
            prefix.iter_mut().zip(text.chars()).for_each(|(to, from)| *to = from);
            prefix
        };
        Self {
            counts,
            characters,
            prefixes: [prefix(name.in_order()), prefix(name.sorted())],
        }
    }

    /// Whether the similarity of the two names could be `wanted`; `false` only if it is less.
    ///
    /// Jaro's similarity is a third of m/|a| + m/|b| + (m - t)/m. Its m is at most the number of characters that both
    /// have, and that number at most the one of those in equal buckets; the last term is at most 1. Winkler adds
    /// to it a tenth of what is missing to 1 for each of the first four characters up to the first that differs,
    /// which grows with what it is added to. The two orders of parts have the same characters.
    pub fn may_reach(&self, other: &Self, wanted: f64) -> bool {
        let common = self
            .counts
            .iter()
            .zip(&other.counts)
            .map(|(one, other)| *one.min(other));
        // Without a check of overflow, the processor does eight at a time. The sum is at most `characters`.
        let common = f64::from(common.fold(0, u16::wrapping_add));
        let jaro = (common / f64::from(self.characters) + common / f64::from(other.characters) + 1.0) / 3.0;
        let with_prefix = |prefix: usize| jaro + PREFIX_WEIGHT * prefix as f64 * (1.0 - jaro);
        if with_prefix(PREFIX) + ROUNDING < wanted {
            return false;
        }
        with_prefix(self.equal_prefix(other)) + ROUNDING >= wanted
    }

    fn equal_prefix(&self, other: &Self) -> usize {
        let prefixes = self.prefixes.iter().zip(&other.prefixes);
        let equal = prefixes.map(|(one, other)| {
            let pairs = one.iter().zip(other);
            pairs.take_while(|(one, other)| one == other && **one != NONE).count()
        });
        equal.max().unwrap_or(0)
    }
}
