//! How names of persons and companies are compared, for screening and for the confirmation of a payee alike.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Of a name as it comes. ISO 20022 has at most 140 characters, and sanctions lists have some longer ones.
pub const NAME_BYTES_MAX: usize = 2048;

/// From which similarity on, of 0 to 1, two names may be of the same party.
pub const SIMILAR: f64 = 0.92;

/// A name as it is compared: its parts in lower case, of letters and digits alone, with single spaces between them.
/// Legal forms (ltd, gmbh) are parts as others are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    in_order: String,
    sorted: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    #[error("the name is longer than {NAME_BYTES_MAX} bytes in UTF-8")]
    TooLong,
    #[error("the name has neither a letter nor a digit")]
    Empty,
}

impl Name {
    /// Compatibility decomposition (NFKD, Unicode Standard Annex 15), without marks, case folded, and with a space
    /// for whatever is neither letter nor digit.
    pub fn parse(text: &str) -> Result<Self, NameFault> {
        if text.len() > NAME_BYTES_MAX {
            return Err(NameFault::TooLong);
        }
        let letters: String = text
            .nfkd()
            .filter(|character| !is_combining_mark(*character))
            .flat_map(folded)
            // Folding gives a few characters that are decomposed again.
            .nfkd()
            .filter(|character| !is_combining_mark(*character))
            .map(|character| if character.is_alphanumeric() { character } else { ' ' })
            .collect();
        let mut parts: Vec<_> = letters.split_whitespace().collect();
        if parts.is_empty() {
            return Err(NameFault::Empty);
        }
        let in_order = parts.join(" ");
        parts.sort_unstable();
        Ok(Self {
            in_order,
            sorted: parts.join(" "),
        })
    }

    /// Its parts as they came.
    pub fn in_order(&self) -> &str {
        &self.in_order
    }

    /// Its parts in the order of their characters' numbers.
    pub fn sorted(&self) -> &str {
        &self.sorted
    }

    /// 1 for names of the same parts in any order, 0 for names that have nothing in common: the better of the
    /// Jaro-Winkler similarities of the parts as they came and of the parts sorted.
    pub fn similarity(&self, other: &Self) -> f64 {
        let in_order = strsim::jaro_winkler(&self.in_order, &other.in_order);
        let sorted = strsim::jaro_winkler(&self.sorted, &other.sorted);
        in_order.max(sorted)
    }
}

/// Upper and then lower case come to Unicode's full case folding, but for Cherokee; and letters with a stroke and
/// ligatures, which have no decomposition, become the Latin letters that stand for them.
fn folded(character: char) -> impl Iterator<Item = char> {
    let lower = character.to_uppercase().flat_map(char::to_lowercase);
    lower.flat_map(|character| {
        let latin = match character {
            'ł' => "l",
            'ø' => "o",
            'đ' | 'ð' => "d",
            'ħ' => "h",
            'æ' => "ae",
            'œ' => "oe",
            'þ' => "th",
            _ => "",
        };
        let kept = latin.is_empty().then_some(character);
        kept.into_iter().chain(latin.chars())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    #[test]
    fn names_are_compared_by_their_letters_and_digits() {
        let check = |text, expected| assert_eq!(name(text).in_order(), expected, "{text}");
        check("  John\tSMITH ", "john smith");
        check("LOGAN MOREY, Elvis Angus", "logan morey elvis angus");
        check(
            "AIRCRAFT, AVIONICS, PARTS & SUPPORT LTD.",
            "aircraft avionics parts support ltd",
        );
        check("KARADH AL-HASSAN", "karadh al hassan");
        check("O'Neil", "o neil");
        check("José Müller", "jose muller");
        check("Jose\u{301} Mu\u{308}ller", "jose muller");
        check("Straße", "strasse");
        check("STRASSE", "strasse");
        check("ΣΊΣΥΦΟΣ", "σισυφοσ");
        check("σίσυφος", "σισυφοσ");
        check("İstanbul ISPARTA ısparta", "istanbul isparta isparta");
        check(
            "Łódź Đorđević Ægir Þór Œuvre Søren",
            "lodz dordevic aegir thor oeuvre soren",
        );
        check("ＦＵＬＬ　ｗｉｄｔｈ ﬁ №5", "full width fi no5");
        check("محمد", "محمد");
        check("مُحَمَّد", "محمد");
        check("王小明", "王小明");
        check("a\u{202e}b\0c", "a b c");
        assert_eq!(name("Smith, John A.").sorted(), "a john smith");
    }

    /// What screening counts in 16 bits.
    #[test]
    fn no_character_becomes_more_than_eight_for_each_of_its_bytes() {
        for character in '\0'..=char::MAX {
            if let Ok(name) = Name::parse(character.encode_utf8(&mut [0; 4])) {
                let characters = name.in_order().chars().count();
                assert!(characters <= 8 * character.len_utf8(), "{character}: {characters}");
            }
        }
    }

    #[test]
    fn what_cannot_be_compared_is_no_name() {
        let check = |text: &str, expected| assert_eq!(Name::parse(text), Err(expected), "{text}");
        check("", NameFault::Empty);
        check(" -,.!\u{301}", NameFault::Empty);
        check(&"a".repeat(NAME_BYTES_MAX + 1), NameFault::TooLong);
        assert_eq!(name(&"a".repeat(NAME_BYTES_MAX)).in_order().len(), NAME_BYTES_MAX);
    }

    /// The first is an example of Winkler's own (1990).
    #[test]
    fn similarity_is_jaro_winkler_in_the_better_order() {
        let check = |one: &str, other: &str, expected: f64| {
            let found = name(one).similarity(&name(other));
            assert!((found - expected).abs() < 0.0005, "{one} {other}: {found}");
        };
        check("MARTHA", "MARHTA", 0.961);
        check("John Smith", "Smith, John", 1.0);
        check("MADURO MOROS, Nicolas", "Nicolás Maduro Moros", 1.0);
        check("abc", "xyz", 0.0);
    }

    proptest! {
        #[test]
        fn invariant_a_normalised_name_is_normalised(text in "\\PC{0,40}") {
            if let Ok(once) = Name::parse(&text) {
                prop_assert_eq!(Name::parse(once.in_order()), Ok(once.clone()));
                prop_assert_eq!(once.similarity(&once), 1.0);
            }
        }

        /// Of Latin, Cyrillic and today's Greek; an iota below a letter becomes one beside it in upper case.
        #[test]
        fn invariant_case_does_not_matter(text in "[a-zA-ZÀ-ÖØ-ɏА-яΑ-Ωα-ω ,.-]{0,40}") {
            let name = Name::parse(&text);
            prop_assert_eq!(&Name::parse(&text.to_lowercase()), &name);
            prop_assert_eq!(&Name::parse(&text.to_uppercase()), &name);
        }

        #[test]
        fn invariant_order_does_not_matter(parts in proptest::collection::vec("[a-z]{1,8}", 1..6), turn in 0..6_usize) {
            let mut turned = parts.clone();
            turned.rotate_left(turn % parts.len());
            prop_assert_eq!(name(&parts.join(" ")).similarity(&name(&turned.join(", "))), 1.0);
        }
    }
}
