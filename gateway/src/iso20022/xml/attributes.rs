//! What stands in a tag after the name of its element.

use super::{
    XmlFault, characters,
    limits::{ATTRIBUTE_BYTES_MAX, ATTRIBUTES_MAX},
};

/// An attribute as written: its name may have a prefix.
pub struct Written<'a> {
    pub name: &'a str,
    pub value: String,
}

/// XML 1.0, productions 40 and 41; values are normalised by 3.3.3.
pub fn attributes(tag: &str) -> Result<Vec<Written<'_>>, XmlFault> {
    let mut found: Vec<Written<'_>> = Vec::new();
    let mut rest = tag;
    loop {
        let next = rest.trim_start_matches(characters::is_space);
        if next.is_empty() {
            return Ok(found);
        }
        if next.len() == rest.len() {
            return Err(XmlFault::AttributeForm);
        }
        if found.len() == ATTRIBUTES_MAX {
            return Err(XmlFault::TooManyAttributes);
        }
        let (name, after) = next.split_once('=').ok_or(XmlFault::AttributeForm)?;
        let name = name.trim_end_matches(characters::is_space);
        let after = after.trim_start_matches(characters::is_space);
        let quote = after.chars().next().filter(|quote| matches!(quote, '"' | '\''));
        let quoted = quote.and_then(|quote| after[1..].split_once(quote));
        let (value, after) = quoted.ok_or(XmlFault::AttributeForm)?;
        if found.iter().any(|other| other.name == name) {
            return Err(XmlFault::AttributeTwice { name: name.to_owned() });
        }
        found.push(Written {
            name,
            value: normalised(value)?,
        });
        rest = after;
    }
}

fn normalised(value: &str) -> Result<String, XmlFault> {
    if value.len() > ATTRIBUTE_BYTES_MAX {
        return Err(XmlFault::AttributeTooLong);
    }
    if value.contains('<') {
        return Err(XmlFault::AttributeForm);
    }
    let mut normalised = String::with_capacity(value.len());
    let mut parts = value.split('&');
    let spaced = |part: &str| part.replace("\r\n", " ").replace(['\t', '\n', '\r'], " ");
    normalised.push_str(&spaced(parts.next().unwrap_or_default()));
    for part in parts {
        let (name, text) = part.split_once(';').ok_or(XmlFault::AttributeForm)?;
        let character = characters::referenced(name).ok_or_else(|| XmlFault::entity(name))?;
        normalised.push(character);
        normalised.push_str(&spaced(text));
    }
    Ok(normalised)
}
