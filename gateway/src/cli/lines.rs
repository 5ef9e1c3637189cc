//! Values one a line, in bounded memory.

use std::io::{self, BufRead, Read};

/// Calls `each` with every line that is not blank, without the space around it. A line longer than `bytes_max` is cut.
pub fn for_each<E>(
    source: &mut impl BufRead,
    bytes_max: u64,
    unread: impl Fn(io::Error) -> E,
    mut each: impl FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    let mut line = Vec::new();
    while read(source, bytes_max, &mut line).map_err(&unread)? {
        let text = String::from_utf8_lossy(&line);
        let value = text.trim_matches([' ', '\t', '\r', '\n', '\u{feff}']);
        if !value.is_empty() {
            each(value)?;
        }
    }
    Ok(())
}

fn read(source: &mut impl BufRead, bytes_max: u64, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut limited = source.take(bytes_max);
    let read = limited.read_until(b'\n', line)?;
    if limited.limit() == 0 && !line.ends_with(b"\n") {
        source.skip_until(b'\n')?;
    }
    Ok(read > 0)
}
