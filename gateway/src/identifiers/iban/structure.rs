//! What an account number is made of, country by country.
//!
//! The notation is that of the IBAN registry: `4!n` four digits, `4!a` four capitals, `4!c` four of
//! either. Facts from the SWIFT IBAN registry as schwifty publishes them (MIT), see
//! `shared/vectors/SOURCES.md`. Territories whose accounts are French, Finnish or British numbers
//! have no IBANs of their own and are not here.

use super::Country;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Digit,
    Letter,
    Either,
}

impl Class {
    fn holds(self, character: char) -> bool {
        match self {
            Self::Digit => character.is_ascii_digit(),
            Self::Letter => character.is_ascii_uppercase(),
            Self::Either => character.is_ascii_digit() || character.is_ascii_uppercase(),
        }
    }

    pub fn describe(self) -> &'static str {
        match self {
            Self::Digit => "a digit",
            Self::Letter => "a capital letter",
            Self::Either => "a digit or a capital letter",
        }
    }
}

/// The account number of one country, without country and check digits.
#[derive(Debug, Clone, Copy)]
pub struct Structure(&'static str);

impl Structure {
    pub fn of(country: Country) -> Option<Self> {
        [REGISTERED, IN_USE].into_iter().find_map(|table| {
            let found = table.binary_search_by_key(&country.as_str(), |(country, _)| country);
            found.ok().map(|at| Self(table[at].1))
        })
    }

    fn groups(self) -> impl Iterator<Item = (usize, Class)> {
        self.0.split_inclusive(['n', 'a', 'c']).map(|group| {
            let (length, class) = group.split_once('!').expect("the tables are well written");
            let class = match class {
                "n" => Class::Digit,
                "a" => Class::Letter,
                _ => Class::Either,
            };
            (length.parse().expect("the tables are well written"), class)
        })
    }

    /// In characters.
    pub fn length(self) -> usize {
        self.groups().map(|(length, _)| length).sum()
    }

    /// The first character that should be another, counted from 0, and what should be there.
    pub fn mismatch(self, account: &str) -> Option<(usize, char, Class)> {
        let classes = self
            .groups()
            .flat_map(|(length, class)| std::iter::repeat_n(class, length));
        account
            .chars()
            .zip(classes)
            .enumerate()
            .find(|(_, (character, class))| !class.holds(*character))
            .map(|(at, (character, class))| (at, character, class))
    }
}

/// By country.
#[rustfmt::skip]
const REGISTERED: &[(&str, &str)] = &[
    ("AD", "4!n4!n12!c"),
    ("AE", "3!n16!n"),
    ("AL", "8!n16!c"),
    ("AT", "5!n11!n"),
    ("AZ", "4!a20!c"),
    ("BA", "3!n3!n8!n2!n"),
    ("BE", "3!n7!n2!n"),
    ("BG", "4!a4!n2!n8!c"),
    ("BH", "4!a14!c"),
    ("BI", "5!n5!n11!n2!n"),
    ("BR", "8!n5!n10!n1!a1!c"),
    ("BY", "4!c4!n16!c"),
    ("CH", "5!n12!c"),
    ("CR", "4!n14!n"),
    ("CY", "3!n5!n16!c"),
    ("CZ", "4!n6!n10!n"),
    ("DE", "8!n10!n"),
    ("DJ", "5!n5!n11!n2!n"),
    ("DK", "4!n9!n1!n"),
    ("DO", "4!c20!n"),
    ("EE", "2!n2!n11!n1!n"),
    ("EG", "4!n4!n17!n"),
    ("ES", "4!n4!n1!n1!n10!n"),
    ("FI", "3!n11!n"),
    ("FK", "2!a12!n"),
    ("FO", "4!n9!n1!n"),
    ("FR", "5!n5!n11!c2!n"),
    ("GB", "4!a6!n8!n"),
    ("GE", "2!a16!n"),
    ("GI", "4!a15!c"),
    ("GL", "4!n9!n1!n"),
    ("GR", "3!n4!n16!c"),
    ("GT", "4!c20!c"),
    ("HR", "7!n10!n"),
    ("HU", "3!n4!n1!n15!n1!n"),
    ("IE", "4!a6!n8!n"),
    ("IL", "3!n3!n13!n"),
    ("IQ", "4!a3!n12!n"),
    ("IS", "4!n2!n6!n10!n"),
    ("IT", "1!a5!n5!n12!c"),
    ("JO", "4!a4!n18!c"),
    ("KW", "4!a22!c"),
    ("KZ", "3!n13!c"),
    ("LB", "4!n20!c"),
    ("LC", "4!a24!c"),
    ("LI", "5!n12!c"),
    ("LT", "5!n11!n"),
    ("LU", "3!n13!c"),
    ("LV", "4!a13!c"),
    ("LY", "3!n3!n15!n"),
    ("MC", "5!n5!n11!c2!n"),
    ("MD", "2!c18!c"),
    ("ME", "3!n13!n2!n"),
    ("MK", "3!n10!c2!n"),
    ("MN", "4!n12!n"),
    ("MR", "5!n5!n11!n2!n"),
    ("MT", "4!a5!n18!c"),
    ("MU", "4!a2!n2!n12!n3!n3!a"),
    ("NI", "4!a20!n"),
    ("NL", "4!a10!n"),
    ("NO", "4!n6!n1!n"),
    ("OM", "3!n16!c"),
    ("PK", "4!a16!c"),
    ("PL", "8!n16!n"),
    ("PS", "4!a21!c"),
    ("PT", "4!n4!n11!n2!n"),
    ("QA", "4!a21!c"),
    ("RO", "4!a16!c"),
    ("RS", "3!n13!n2!n"),
    ("RU", "9!n5!n15!c"),
    ("SA", "2!n18!c"),
    ("SC", "4!a2!n2!n16!n3!a"),
    ("SD", "2!n12!n"),
    ("SE", "3!n16!n1!n"),
    ("SI", "5!n8!n2!n"),
    ("SK", "4!n6!n10!n"),
    ("SM", "1!a5!n5!n12!c"),
    ("SO", "4!n3!n12!n"),
    ("ST", "4!n4!n11!n2!n"),
    ("SV", "4!a20!n"),
    ("TL", "3!n14!n2!n"),
    ("TN", "2!n3!n13!n2!n"),
    ("TR", "5!n1!n16!c"),
    ("UA", "6!n19!c"),
    ("VA", "3!n15!n"),
    ("VG", "4!a16!n"),
    ("XK", "4!n10!n2!n"),
];

/// Not in the registry, but banks of these countries give such numbers. By country.
#[rustfmt::skip]
const IN_USE: &[(&str, &str)] = &[
    ("AO", "21!n"),
    ("BF", "2!c22!n"),
    ("BJ", "2!c22!n"),
    ("CF", "23!n"),
    ("CG", "23!n"),
    ("CI", "2!a22!n"),
    ("CM", "23!n"),
    ("CV", "21!n"),
    ("DZ", "22!n"),
    ("GA", "23!n"),
    ("GQ", "23!n"),
    ("GW", "2!c19!n"),
    ("HN", "4!a20!n"),
    ("IR", "22!n"),
    ("KM", "23!n"),
    ("MA", "24!n"),
    ("MG", "23!n"),
    ("ML", "2!c22!n"),
    ("MZ", "21!n"),
    ("NE", "2!a22!n"),
    ("SN", "2!a22!n"),
    ("TD", "23!n"),
    ("TG", "2!a3!n5!n12!n2!n"),
    ("YE", "4!a4!n18!c"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identifiers::iban::IBAN_CHARACTERS_MAX;

    #[test]
    fn the_tables_are_sorted_and_well_written() {
        for table in [REGISTERED, IN_USE] {
            assert!(table.is_sorted_by(|a, b| a.0 < b.0));
            for (country, structure) in table {
                country.parse::<Country>().expect("a country");
                let length = Structure(structure).length();
                assert!((1..=IBAN_CHARACTERS_MAX - 4).contains(&length), "{country}");
            }
        }
    }
}
