//! Which characters XML 1.0 (fifth edition) allows where.

/// Production 2, `Char`.
pub fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Production 3, `S`.
pub fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

/// Namespaces in XML 1.0, production 4: a name without a colon.
pub fn is_unprefixed_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(starts_name) && characters.all(continues_name)
}

/// Production 4, `NameStartChar`, without the colon.
fn starts_name(character: char) -> bool {
    matches!(character,
        'A'..='Z' | 'a'..='z' | '_' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
        | '\u{10000}'..='\u{effff}')
}

/// Production 4a, `NameChar`, without the colon.
fn continues_name(character: char) -> bool {
    starts_name(character)
        || matches!(character, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

/// What a reference between `&` and `;` stands for: one of the five names of XML, or a number.
/// `None` for every other, as without a document type nothing else can be declared.
pub fn referenced(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => {
            let number = name.strip_prefix('#')?;
            let (digits, radix) = match number.strip_prefix('x') {
                Some(digits) => (digits, 16),
                None => (number, 10),
            };
            // `from_str_radix` would take a sign.
            if !digits.chars().all(|digit| digit.is_digit(radix)) {
                return None;
            }
            let code = u32::from_str_radix(digits, radix).ok()?;
            char::from_u32(code).filter(|character| is_allowed(*character))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_characters_or_nothing() {
        let check = |name: &str, expected: Option<char>| assert_eq!(referenced(name), expected, "{name}");
        check("amp", Some('&'));
        check("#65", Some('A'));
        check("#x41", Some('A'));
        check("#xE4", Some('ä'));
        check("#0", None);
        check("#x1F", None);
        check("#xD800", None);
        check("#x110000", None);
        check("#99999999999", None);
        check("#+65", None);
        check("#", None);
        check("nbsp", None);
    }

    #[test]
    fn names_have_no_colon() {
        for (name, expected) in [
            ("Ccy", true),
            ("_a-1.b", true),
            ("1a", false),
            ("a:b", false),
            ("", false),
            ("-a", false),
        ] {
            assert_eq!(is_unprefixed_name(name), expected, "{name}");
        }
    }
}
