//! Values one a line, in bounded memory.

use std::io::{self, BufRead, Read};

pub enum Line<'a> {
    /// Without the space around it.
    Whole(&'a str),
    /// Of more bytes than a line may have.
    TooLong,
}

/// Calls `each` with every line that is not blank.
pub fn for_each<E>(
    source: &mut impl BufRead,
    bytes_max: u64,
    unread: impl Fn(io::Error) -> E,
    mut each: impl FnMut(Line<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut line = Vec::new();
    while let Some(is_whole) = read(source, bytes_max, &mut line).map_err(&unread)? {
        if !is_whole {
            each(Line::TooLong)?;
            continue;
        }
        let text = String::from_utf8_lossy(&line);
        let value = text.trim_matches([' ', '\t', '\r', '\n', '\u{feff}']);
        if !value.is_empty() {
            each(Line::Whole(value))?;
        }
    }
    Ok(())
}

/// Whether the next line is whole, if there is one.
fn read(source: &mut impl BufRead, bytes_max: u64, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let mut limited = source.take(bytes_max);
    let read = limited.read_until(b'\n', line)?;
    let is_cut = limited.limit() == 0 && !line.ends_with(b"\n");
    // What ends with its last byte is whole.
    let is_whole = !is_cut || source.skip_until(b'\n')? == 0;
    Ok((read > 0).then_some(is_whole))
}
