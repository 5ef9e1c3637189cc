//! Takes server-sent events apart (WHATWG HTML, section 9.2.6), however the bytes are cut up on their way.
//!
//! Lines end with LF, CR or CR LF. Of an event only its name and its data are kept: where to go on is known from
//! the blocks themselves, and when, from the follower's own clock.

/// An event whose data is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// Empty if it has none.
    pub name: Vec<u8>,
    /// The lines of its data, with a line feed between two.
    pub data: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an event longer than {max} bytes, which no block is")]
pub struct EventTooLong {
    max: usize,
}

/// Holds at most `max` bytes of an event that is not whole yet.
#[derive(Debug)]
pub(super) struct SseDecoder {
    max: usize,
    line: Vec<u8>,
    name: Vec<u8>,
    data: Option<Vec<u8>>,
    /// A line feed that follows belongs to this carriage return.
    after_return: bool,
    is_first_line: bool,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl SseDecoder {
    pub fn new(max: usize) -> Self {
        Self {
            max,
            line: Vec::new(),
            name: Vec::new(),
            data: None,
            after_return: false,
            is_first_line: true,
        }
    }

    /// The events that end in this chunk. After an error the rest means nothing any more.
    pub fn feed(&mut self, mut chunk: &[u8]) -> Result<Vec<Event>, EventTooLong> {
        let mut events = Vec::new();
        while let Some(&first) = chunk.first() {
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                chunk = &chunk[1..];
                continue;
            }
            let end = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let part = &chunk[..end.unwrap_or(chunk.len())];
            self.make_room(part.len())?;
            self.line.extend_from_slice(part);
            let Some(end) = end else { break };
            self.after_return = chunk[end] == b'\r';
            events.extend(self.end_line());
            chunk = &chunk[end + 1..];
        }
        Ok(events)
    }

    fn make_room(&self, more: usize) -> Result<(), EventTooLong> {
        let data = self.data.as_ref().map_or(0, Vec::len);
        let held = self.line.len() + self.name.len() + data;
        if more > self.max.saturating_sub(held) {
            return Err(EventTooLong { max: self.max });
        }
        Ok(())
    }

    fn end_line(&mut self) -> Option<Event> {
        let mut line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.is_first_line) && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            return self.data.take().map(|data| Event { name, data });
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let value_at = match colon {
            Some(at) if line.get(at + 1) == Some(&b' ') => at + 2,
            Some(at) => at + 1,
            None => line.len(),
        };
        match &line[..colon.unwrap_or(line.len())] {
            b"event" => self.name = line.split_off(value_at),
            b"data" => {
                line.drain(..value_at);
                match &mut self.data {
                    Some(data) => {
                        data.push(b'\n');
                        data.append(&mut line);
                    }
                    None => self.data = Some(line),
                }
            }
            // A comment, or a field that nothing here depends on.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(text: &[u8], max: usize) -> Result<Vec<Event>, EventTooLong> {
        SseDecoder::new(max).feed(text)
    }

    fn check(text: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, data)| Event {
                name: name.as_bytes().to_vec(),
                data: data.as_bytes().to_vec(),
            })
            .collect();
        assert_eq!(decode(text.as_bytes(), 1000), Ok(expected), "{text:?}");
    }

    #[test]
    fn events_of_the_standard() {
        check("data: one\n\n", &[("", "one")]);
        check("id: 7\nevent: block\ndata: {}\n\n", &[("block", "{}")]);
        check("\u{feff}data: a\n\n", &[("", "a")]);
        // Section 9.2.6 has these three streams as examples.
        check("data: YHOO\ndata: +2\ndata: 10\n\n", &[("", "YHOO\n+2\n10")]);
        check("data\n\ndata\ndata\n\ndata:", &[("", ""), ("", "\n")]);
        check("data:test\n\ndata: test\n\n", &[("", "test"), ("", "test")]);
    }

    #[test]
    fn lines_end_in_three_ways() {
        check(
            "data: a\r\rdata: b\r\n\r\ndata: c\n\r\n",
            &[("", "a"), ("", "b"), ("", "c")],
        );
    }

    #[test]
    fn what_is_not_data_makes_no_event() {
        check(": alive\n\n:\n\nevent: block\n\nretry: 5\n\ndata: a\n\n", &[("", "a")]);
        check("data:  two spaces\nDATA: no\n data: no\n\n", &[("", " two spaces")]);
        check("data: not whole\n", &[]);
    }

    #[test]
    fn no_event_is_longer_than_allowed() {
        let too_long = Err(EventTooLong { max: 10 });
        assert!(decode(b"data: 1234\n\ndata: 5678\n\n", 10).is_ok());
        assert_eq!(decode(b"data: 12345\n\n", 10), too_long);
        assert_eq!(decode(b"data: 1\ndata: 2\ndata: 3\ndata: 4\n\n", 10), too_long);
        assert_eq!(decode(b":comment, too long", 10), too_long);
        // Comments and what came before do not add up.
        assert!(decode(&b":\n\ndata: 1234\n\n".repeat(1000), 10).is_ok());
    }

    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let piece: [&[u8]; 11] = [
            b"data: x",
            b"data",
            b"event: block",
            b":",
            b"\n",
            b"\n",
            b"\r",
            b"\r\n",
            b" ",
            BYTE_ORDER_MARK,
            b"\xff",
        ];
        let piece = prop::sample::select(piece.to_vec());
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        /// However the bytes are cut: in any two places, and one by one.
        #[test]
        fn invariant_chunks_make_no_difference(text in pieces(), max in prop_oneof![4..40usize, Just(1000)]) {
            let whole = decode(&text, max);
            let fed = |chunks: &[&[u8]]| {
                let mut decoder = SseDecoder::new(max);
                let events: Result<Vec<_>, _> = chunks.iter().map(|chunk| decoder.feed(chunk)).collect();
                events.map(|events| events.concat())
            };
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let chunks = [&text[..first], &text[first..second], &text[second..]];
                    prop_assert_eq!(fed(&chunks), whole.clone());
                }
            }
            prop_assert_eq!(fed(&text.chunks(1).collect::<Vec<_>>()), whole);
        }

        /// Of events as nodes write them, each comes out as it went in.
        #[test]
        fn invariant_what_is_written_is_read(
            sent in prop::collection::vec(("[a-z]{0,5}", "[ -~]{1,20}", any::<bool>()), 0..8),
        ) {
            let mut text = String::new();
            let mut expected = Vec::new();
            for (name, data, is_alive) in sent {
                text.push_str(&format!("id: 1\nevent: {name}\ndata: {data}\n\n"));
                if is_alive {
                    text.push_str(":\n\n");
                }
                expected.push(Event { name: name.into_bytes(), data: data.into_bytes() });
            }
            prop_assert_eq!(decode(text.as_bytes(), 1000), Ok(expected));
        }
    }
}
