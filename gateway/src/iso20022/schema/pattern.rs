//! Patterns of XML Schema (part 2, appendix F), which always mean the whole value.

use regex::{Regex, RegexBuilder};

/// More than enough for those of ISO 20022, of which the longest takes 80 characters.
const PATTERN_BYTES_MAX: usize = 1024;
const COMPILED_BYTES_MAX: usize = 4 * 1024 * 1024;

#[derive(Debug)]
pub struct Pattern {
    written: String,
    regex: Regex,
}

#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    #[error("a pattern is longer than {PATTERN_BYTES_MAX} bytes")]
    TooLong,
    #[error("the escape \\{escape} in a pattern is not supported")]
    Escape { escape: char },
    #[error("a class of characters minus another is not supported")]
    Subtraction,
    #[error("a pattern ends within an escape or a class")]
    Unfinished,
    #[error("a pattern cannot be compiled")]
    Compile(#[from] regex::Error),
}

impl Pattern {
    pub fn new(written: &str) -> Result<Self, PatternError> {
        if written.len() > PATTERN_BYTES_MAX {
            return Err(PatternError::TooLong);
        }
        let regex = RegexBuilder::new(&format!(r"\A(?:{})\z", translated(written)?))
            .size_limit(COMPILED_BYTES_MAX)
            .build()?;
        Ok(Self {
            written: written.to_owned(),
            regex,
        })
    }

    pub fn matches(&self, value: &str) -> bool {
        self.regex.is_match(value)
    }

    pub fn as_str(&self) -> &str {
        &self.written
    }
}

/// The notations are close. They differ in what is an operator: XML Schema has no anchors, and no
/// `&&`, `--` or `~~` in classes; its dot is neither of the ends of a line.
fn translated(written: &str) -> Result<String, PatternError> {
    let mut translated = String::new();
    let mut in_class = false;
    let mut characters = written.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let escape = characters.next().ok_or(PatternError::Unfinished)?;
                match escape {
                    'n' | 'r' | 't' | 'd' | 'D' => {}
                    _ if escape.is_ascii_punctuation() => {}
                    _ => return Err(PatternError::Escape { escape }),
                }
                translated.extend(['\\', escape]);
            }
            '[' if in_class => return Err(PatternError::Subtraction),
            '[' => {
                in_class = true;
                translated.push('[');
                if characters.next_if_eq(&'^').is_some() {
                    translated.push('^');
                }
            }
            ']' => {
                in_class = false;
                translated.push(']');
            }
            '&' | '~' | '^' if in_class => translated.extend(['\\', character]),
            '^' | '$' => translated.extend(['\\', character]),
            '.' if !in_class => translated.push_str(r"[^\n\r]"),
            _ => translated.push(character),
        }
    }
    if in_class {
        return Err(PatternError::Unfinished);
    }
    Ok(translated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_value_must_match() {
        let check = |pattern: &str, value: &str, expected: bool| {
            let compiled = Pattern::new(pattern).expect(pattern);
            assert_eq!(compiled.matches(value), expected, "{pattern} {value:?}");
        };
        check("[A-Z]{3,3}", "EUR", true);
        check("[A-Z]{3,3}", "EURO", false);
        check("[A-Z]{3,3}", "EUR\n", false);
        check("a|b", "ab", false);
        check("a^b$", "a^b$", true);
        check("[&&a]+", "&a", true);
        check("[^a]", "b", true);
        check(".*Z", "12Z", true);
        check(".*Z", "1\nZ", false);
        check(r"\+[0-9]{1,3}-[0-9()+\-]{1,30}", "+49-30(0)1", true);
        check(
            r##"[0-9a-zA-Z/\-\?:\(\)\.,'\+ !#$%&\*=^_`\{\|\}~";<>@\[\\\]]+"##,
            r"a^&~[\]@",
            true,
        );
        check(
            r##"[0-9a-zA-Z/\-\?:\(\)\.,'\+ !#$%&\*=^_`\{\|\}~";<>@\[\\\]]+"##,
            "ä",
            false,
        );
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        for pattern in [
            r"\i\c*",
            r"\p{IsBasicLatin}",
            "[a-z-[aeiou]]",
            "[a",
            "a\\",
            "a{2",
            "(",
            "a{1000}{1000}{1000}",
        ] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
        assert!(matches!(Pattern::new(&"a".repeat(2000)), Err(PatternError::TooLong)));
    }
}
