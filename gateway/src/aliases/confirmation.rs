use serde::Serialize;

use crate::names::{Name, SIMILAR};

/// Whether the name that a payer typed is the payee's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NameMatch {
    /// The same parts, in any order.
    Match,
    /// As similar as screening wants it: a slip, a form of a name, or somebody else.
    Close,
    NoMatch,
}

impl NameMatch {
    pub fn of(typed: &Name, payee: &Name) -> Self {
        if typed.sorted() == payee.sorted() {
            return Self::Match;
        }
        if typed.similarity(payee) >= SIMILAR {
            return Self::Close;
        }
        Self::NoMatch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_name_matches_is_close_or_is_another() {
        let check = |typed: &str, payee: &str, expected: &str| {
            let name = |text| Name::parse(text).unwrap();
            let found = NameMatch::of(&name(typed), &name(payee));
            assert_eq!(serde_json::to_value(found).unwrap(), expected, "{typed} {payee}");
            assert_eq!(NameMatch::of(&name(payee), &name(typed)), found, "{payee} {typed}");
        };
        check("John Smith", "John Smith", "match");
        check("smith, john", "John SMITH", "match");
        check("Jose Muller", "José Müller", "match");
        check("ACME Ltd", "Acme Ltd.", "match");
        check("Jon Smith", "John Smith", "close");
        check("John Smyth", "John Smith", "close");
        check("ACME", "Acme Ltd", "no_match");
        check("Jane Doe", "John Smith", "no_match");
        check("John John", "John", "no_match");
        check("JohnSmith", "John Smith", "close");
    }
}
