//! Objects: an id, a length in characters, a value.

use super::TEXT_BYTES_MAX;

/// One object of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object<'a> {
    /// From 0 to 99.
    pub id: u8,
    /// Up to 99 characters.
    pub value: &'a str,
    /// Where in the text the id begins, in bytes.
    pub start: usize,
}

/// Why text is no row of objects. Places count characters of the row from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StructureError {
    #[error("there is nothing in the code")]
    Empty,
    #[error("{0} bytes are too long for a code, which has at most {TEXT_BYTES_MAX}")]
    TooLong(usize),
    #[error("at character {at}: an object begins with two digits for its id and two for its length")]
    Head { at: usize },
    #[error("at character {at}: object {id:02} says that it has {said} characters, and {left} are left")]
    Truncated {
        at: usize,
        id: u8,
        said: usize,
        left: usize,
    },
}

/// Reads objects one after another to the end of the text; empty text has none.
pub fn objects(text: &str) -> Result<Vec<Object<'_>>, StructureError> {
    let mut objects = Vec::new();
    let (mut start, mut at) = (0, 0);
    while start < text.len() {
        let rest = &text[start..];
        let (id, said) = head(rest).ok_or(StructureError::Head { at })?;
        let body = &rest[4..];
        let end = end_of(body, said).map_err(|left| StructureError::Truncated { at, id, said, left })?;
        objects.push(Object {
            id,
            value: &body[..end],
            start,
        });
        start += 4 + end;
        at += 4 + said;
    }
    Ok(objects)
}

fn head(text: &str) -> Option<(u8, usize)> {
    let digits = text.as_bytes().first_chunk::<4>()?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let pair = |at: usize| (digits[at] - b'0') * 10 + digits[at + 1] - b'0';
    Some((pair(0), usize::from(pair(2))))
}

/// How many bytes `characters` take, or how many characters there are if there are fewer.
fn end_of(text: &str, characters: usize) -> Result<usize, usize> {
    let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    match ends.nth(characters) {
        Some(end) => Ok(end),
        None => Err(text.chars().count()),
    }
}

pub fn find<'a>(objects: &[Object<'a>], id: u8) -> Option<&'a str> {
    objects.iter().find(|object| object.id == id).map(|object| object.value)
}
