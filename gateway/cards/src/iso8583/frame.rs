//! Messages in a stream: two bytes of length, big-endian, which do not count themselves, then the message.

use super::FRAME_BYTES_MAX;

const LENGTH_BYTES: usize = 2;

/// What a frame holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A length of zero: the line is alive.
    KeepAlive,
    Message(Vec<u8>),
}

/// A frame says that it is longer than any message. The stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {0} bytes: at most {FRAME_BYTES_MAX} are allowed")]
pub struct FrameTooLong(pub usize);

/// Frames of a stream, from pieces of any length. Holds at most what is pushed and a frame not yet whole: whoever
/// pushes a piece takes all frames of it before the next.
#[derive(Default)]
pub struct Frames {
    bytes: Vec<u8>,
    at: usize,
}

impl Frames {
    pub fn push(&mut self, piece: &[u8]) {
        if self.at > 0 {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        self.bytes.extend_from_slice(piece);
    }

    /// The next frame, if all of it is there.
    ///
    /// # Errors
    /// [`FrameTooLong`], as soon as the length is read, and from then on always.
    pub fn take(&mut self) -> Result<Option<Frame>, FrameTooLong> {
        let waiting = &self.bytes[self.at..];
        let Some((length, rest)) = waiting.split_first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_be_bytes(*length));
        if length > FRAME_BYTES_MAX {
            return Err(FrameTooLong(length));
        }
        let Some(message) = rest.get(..length) else {
            return Ok(None);
        };
        let frame = if length == 0 {
            Frame::KeepAlive
        } else {
            Frame::Message(message.to_vec())
        };
        self.at += LENGTH_BYTES + length;
        Ok(Some(frame))
    }

    /// Whether the stream stopped within a frame.
    pub fn is_within(&self) -> bool {
        self.at < self.bytes.len()
    }
}

/// Appends a frame: its length, then what `write` appends.
///
/// # Errors
/// Those of `write`, and [`FrameTooLong`]; `stream` is then as it was.
pub fn frame<E: From<FrameTooLong>>(
    stream: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let start = stream.len();
    stream.extend_from_slice(&[0; LENGTH_BYTES]);
    let written = write(stream).and_then(|()| {
        let length = stream.len() - start - LENGTH_BYTES;
        let short = u16::try_from(length).ok().filter(|_| length <= FRAME_BYTES_MAX);
        let short = short.ok_or(FrameTooLong(length))?;
        stream[start..start + LENGTH_BYTES].copy_from_slice(&short.to_be_bytes());
        Ok(())
    });
    written.inspect_err(|_| stream.truncate(start))
}
