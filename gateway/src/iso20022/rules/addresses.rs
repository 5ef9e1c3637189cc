//! Addresses: *structured* in elements, *unstructured* in lines, or *hybrid* in both.
//!
//! In 2025 all three are allowed. From 2026 on, town and country are mandatory, which is a restriction
//! of the schema and so in `restrictions`.

use super::{Breach, Case, Kind, RuleYear, Told, value};
use crate::iso20022::xml::Node;

const LINES_MAX: usize = 2;
const UNSTRUCTURED_CHARACTERS_MAX: usize = 35;

/// A town such as Ho may be in a street's name; what is so short is not looked for.
const REPEATED_CHARACTERS_MIN: usize = 3;

/// The schema allows 7. Comparing all with all, of as many as a document can have, would never end.
const COMPARED_LINES_MAX: usize = 7;

pub fn check(case: &Case<'_, '_>, told: &mut Told<'_>) {
    if !case.kind.is_interbank() && case.kind != Kind::CreditTransferInitiation {
        return;
    }
    for address in case.body.descendants().filter(|node| node.name() == "PstlAdr") {
        if case.year == RuleYear::Y2025 {
            grace_period(address, told);
        }
        repeated(address, told);
    }
}

fn grace_period(address: Node<'_>, told: &mut Told<'_>) {
    let lines = address.find("AdrLine");
    let others = address.children().any(|child| child.name() != "AdrLine");
    let placed = address.has("TwnNm") && address.has("Ctry");
    if lines.is_empty() && !placed {
        told.tell(address, &Breach::AddressStructured);
    }
    if !lines.is_empty() && others {
        if !placed {
            told.tell(address, &Breach::AddressHybrid);
        }
        if lines.len() > LINES_MAX {
            told.tell(address, &Breach::AddressLines { found: lines.len() });
        }
    }
    if !others {
        for line in lines {
            let found = value(line).chars().count();
            if found > UNSTRUCTURED_CHARACTERS_MAX {
                told.tell(line, &Breach::AddressLineLength { found });
            }
        }
    }
}

fn repeated(address: Node<'_>, told: &mut Told<'_>) {
    let mut lines = address.find("AdrLine");
    lines.truncate(COMPARED_LINES_MAX);
    for element in address
        .children()
        .filter(|child| child.name() != "AdrLine" && !child.has_children())
    {
        let found = value(element);
        if found.chars().count() >= REPEATED_CHARACTERS_MIN && lines.iter().any(|line| has_words(value(*line), found)) {
            let (name, found) = (element.name().to_owned(), found.to_owned());
            told.tell(element, &Breach::AddressRepeated { name, found });
        }
    }
}

/// Whether `words` are in a line, not as part of longer words.
fn has_words(line: &str, words: &str) -> bool {
    line.match_indices(words).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + words.len()..].chars().next();
        let ends = |beside: Option<char>| beside.is_none_or(|character| !character.is_ascii_alphanumeric());
        ends(before) && ends(after)
    })
}
