//! What a card has told in one tap.

use zeroize::Zeroizing;

use super::Failure;
use crate::emv::{
    tags::named as tags,
    tlv::{Limits, Node, Tag, read_tree},
};

/// What is kept of a card's answers, and the least and most bytes of each. Nothing else is, and nothing of the
/// terminal's own.
const KEPT: [(Tag, usize, usize); 13] = [
    (tags::TRACK_2, 8, 19),
    (tags::INTERCHANGE_PROFILE, 2, 2),
    (tags::CDOL1, 1, 252),
    (tags::FILE_LOCATOR, 0, 252),
    (tags::EXPIRY, 3, 3),
    (tags::SEQUENCE, 1, 1),
    (tags::ISSUER_DATA, 1, 32),
    (tags::CRYPTOGRAM, 8, 8),
    (tags::CRYPTOGRAM_KIND, 1, 1),
    (tags::COUNTER, 2, 2),
    (tags::CARD_QUALIFIERS, 2, 2),
    (tags::FORM_FACTOR, 1, 32),
    (tags::PDOL, 0, 252),
];

pub(super) const LIMITS: Limits = Limits {
    bytes_max: crate::emv::apdu::ANSWER_BYTES_MAX,
    levels_max: 6,
    objects_max: 64,
    ..Limits::STANDARD
};

#[derive(Default)]
pub(super) struct CardData {
    kept: Vec<(Tag, Zeroizing<Vec<u8>>)>,
}

impl CardData {
    pub fn get(&self, tag: Tag) -> Option<&[u8]> {
        self.kept
            .iter()
            .find(|(kept, _)| *kept == tag)
            .map(|(_, value)| value.as_slice())
    }

    pub fn need(&self, tag: Tag) -> Result<&[u8], Failure> {
        self.get(tag).ok_or(Failure::Missing(tag))
    }

    /// Reads an answer whose one template is `template`.
    pub fn read(&mut self, answer: &[u8], template: Tag) -> Result<(), Failure> {
        let nodes = read_tree(answer, LIMITS).map_err(Failure::Format)?;
        match nodes.as_slice() {
            [node] if node.object.tag == template => self.keep(&node.children),
            _ => Err(Failure::Missing(template)),
        }
    }

    fn keep(&mut self, nodes: &[Node<'_>]) -> Result<(), Failure> {
        nodes
            .iter()
            .try_for_each(|node| self.put(node.object.tag, node.object.value))
    }

    /// Keeps one object if it is of use. One that is told twice is refused (EMV Book 3, 10.2).
    pub fn put(&mut self, tag: Tag, value: &[u8]) -> Result<(), Failure> {
        let Some((_, least, most)) = KEPT.iter().find(|(kept, ..)| *kept == tag) else {
            return Ok(());
        };
        if self.get(tag).is_some() {
            return Err(Failure::Twice(tag));
        }
        if !(*least..=*most).contains(&value.len()) {
            return Err(Failure::Length(tag));
        }
        self.kept.push((tag, Zeroizing::new(value.to_vec())));
        Ok(())
    }
}

/// Tag 57 as text for field 35: digits, `D`, digits; 37 characters at most.
pub(super) fn track_2_text(value: &[u8]) -> Option<Zeroizing<String>> {
    let nibbles = value.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    let mut text = Zeroizing::new(String::with_capacity(2 * value.len()));
    text.extend(nibbles.map(|nibble| char::from_digit(nibble.into(), 16).map_or('f', |it| it.to_ascii_uppercase())));
    if text.ends_with('F') {
        text.pop();
    }
    let (number, rest) = text.split_once('D')?;
    let are_digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    let is_track = (8..=19).contains(&number.len()) && rest.len() >= 7 && are_digits(number) && are_digits(rest);
    (is_track && text.len() <= 37).then_some(text)
}

/// Tag 94: the records to read, each a file and a number, at most `records_max` of them.
pub(super) fn records(locator: &[u8], records_max: usize) -> Result<Vec<(u8, u8)>, Failure> {
    let wrong = Failure::Length(tags::FILE_LOCATOR);
    let mut records = Vec::new();
    for entry in locator.chunks(4) {
        let &[file, first, last, offline] = entry else {
            return Err(wrong);
        };
        let is_file = (1..=30).contains(&(file >> 3)) && file & 7 == 0;
        if !is_file || first == 0 || last < first || offline > last - first + 1 {
            return Err(Failure::Locator);
        }
        records.extend((first..=last).map(|record| (file >> 3, record)));
        if records.len() > records_max {
            return Err(Failure::TooManyRecords);
        }
    }
    Ok(records)
}
