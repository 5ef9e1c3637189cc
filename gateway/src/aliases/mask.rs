use unicode_normalization::char::is_combining_mark;

/// As ISO 20022's Max140Text, in which names travel; of a longer name the rest is left out.
pub const MASKED_CHARACTERS_MAX: usize = 140;

const MASK: char = '*';

/// A payee's name as a payer may see it: of each word the first letter or digit, and a star for every character
/// after it. Whoever knows the payee recognises the name; whoever tries numbers does not learn it.
///
/// A letter stays with its marks, and a word of one character is masked whole.
pub fn masked(name: &str) -> String {
    let mut masked = String::new();
    let bounded: String = name.chars().take(MASKED_CHARACTERS_MAX).collect();
    for word in bounded.split_whitespace() {
        if !masked.is_empty() {
            masked.push(' ');
        }
        mask(word, &mut masked);
    }
    masked
}

fn mask(word: &str, masked: &mut String) {
    let letters = word.chars().filter(|character| !is_combining_mark(*character)).count();
    let mut characters = word.chars().peekable();
    let mut shown = 0;
    if let Some(first) = characters.next_if(|first| letters > 1 && first.is_alphanumeric()) {
        masked.push(first);
        shown = 1;
        while let Some(mark) = characters.next_if(|next| is_combining_mark(*next)) {
            masked.push(mark);
        }
    }
    // A word of marks alone is something, too.
    let hidden = letters.max(1) - shown;
    masked.extend(std::iter::repeat_n(MASK, hidden));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_shown_by_the_first_letters_of_their_words() {
        let check = |name, expected| assert_eq!(masked(name), expected, "{name}");
        check("John Smith", "J*** S****");
        check("  John \t Smith\n", "J*** S****");
        check("Anne-Marie O'Neil", "A********* O*****");
        check("Émile Łoś", "É**** Ł**");
        check("E\u{301}mile", "E\u{301}****");
        check("J. R. Li", "J* R* L*");
        check("J R Li", "* * L*");
        check("王小明", "王**");
        check("王", "*");
        check("(Bob)", "*****");
        check("\u{202e}Bob", "****");
        check("\u{301}", "*");
        check("4 Seasons", "* S******");
        check("", "");
        check(" ", "");
        check(&"a".repeat(1000), &format!("a{}", "*".repeat(139)));
    }

    proptest! {
        #[test]
        fn invariant_a_masked_name_shows_one_letter_of_a_word_and_no_short_word(name in "\\PC{0,200}") {
            let masked = masked(&name);
            prop_assert!(masked.chars().count() <= MASKED_CHARACTERS_MAX);
            let bounded: String = name.chars().take(MASKED_CHARACTERS_MAX).collect();
            prop_assert_eq!(masked.split(' ').filter(|word| !word.is_empty()).count(), bounded.split_whitespace().count());
            for word in masked.split_whitespace() {
                let letters: Vec<_> = word.chars().filter(|character| !is_combining_mark(*character)).collect();
                prop_assert!(letters.iter().skip(1).all(|character| *character == MASK), "{}", word);
                prop_assert!(letters.len() > 1 || letters == [MASK], "{}", word);
            }
        }
    }
}
