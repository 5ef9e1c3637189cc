//! A payload in frames of at most 140 bytes: `message 4, index 1, count 1`, then up to 134 of its bytes.
//!
//! `message` is the first four bytes of the payload's SHA-256, so that frames of two payloads are told
//! apart and a payload is known to be whole. `index` counts from 0; all frames but the last are full.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// A transfer of money that had changed hands once before, with what is behind it: 80 s at the slowest.
pub const PAYLOAD_BYTES_MAX: usize = 726;

pub const FRAMES_MAX: usize = 16;

const MESSAGE_BYTES: usize = 4;
const HEADER_BYTES: usize = MESSAGE_BYTES + 2;
const PART_BYTES: usize = 134;

/// What ggwave carries at once.
pub(super) const FRAME_BYTES_MAX: usize = HEADER_BYTES + PART_BYTES;
pub(super) const FRAME_BYTES_MIN: usize = HEADER_BYTES + 1;

/// Why a payload cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("there is nothing to send")]
    Empty,
    #[error("{0} bytes are too long for sound, which takes at most {PAYLOAD_BYTES_MAX}; show them as QR codes")]
    TooLong(usize),
}

/// A piece of a payload, header and all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame(Vec<u8>);

impl Frame {
    /// `None` for more than ggwave carries.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (1..=FRAME_BYTES_MAX).contains(&bytes.len()).then_some(Self(bytes))
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

type Message = [u8; MESSAGE_BYTES];

fn message_of(payload: &[u8]) -> Message {
    *Sha256::digest(payload).first_chunk().expect("it has 32 bytes")
}

/// Divides a payload of 1 to [`PAYLOAD_BYTES_MAX`] bytes.
pub fn split(payload: &[u8]) -> Result<Vec<Frame>, SendError> {
    if payload.is_empty() {
        return Err(SendError::Empty);
    }
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(SendError::TooLong(payload.len()));
    }
    let parts = payload.chunks(PART_BYTES);
    let count = u8::try_from(parts.len()).expect("far fewer");
    let frame = |(index, part): (u8, &[u8])| Frame([&message_of(payload), [index, count].as_slice(), part].concat());
    Ok((0..count).zip(parts).map(frame).collect())
}

/// Why a frame is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("it is not made as frames of payments are")]
    Malformed,
    #[error("it contradicts an earlier frame of its message")]
    Contradiction,
    #[error("it makes its message complete, but that is not the one that was announced")]
    Checksum,
}

/// Frames of messages that are not complete.
#[derive(Default)]
pub struct Assembly {
    messages: BTreeMap<Message, Vec<Option<Vec<u8>>>>,
}

impl Assembly {
    /// Takes a frame; gives the payload that it completes.
    pub fn take(&mut self, frame: &Frame) -> Result<Option<Vec<u8>>, FrameError> {
        let (message, rest) = frame.bytes().split_first_chunk().ok_or(FrameError::Malformed)?;
        let &[index, count, ref part @ ..] = rest else {
            return Err(FrameError::Malformed);
        };
        let (index, count) = (usize::from(index), usize::from(count));
        let is_full = part.len() == PART_BYTES;
        let is_last = index + 1 == count;
        if index >= count || count > FRAMES_MAX || part.is_empty() || !(is_full || is_last) {
            return Err(FrameError::Malformed);
        }
        let parts = self.messages.entry(*message).or_insert_with(|| vec![None; count]);
        if parts.len() != count || parts[index].as_ref().is_some_and(|known| known != part) {
            return Err(FrameError::Contradiction);
        }
        parts[index] = Some(part.to_vec());
        let Some(payload) = parts.iter().cloned().collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        self.messages.remove(message);
        let payload = payload.concat();
        if message_of(&payload) == *message {
            Ok(Some(payload))
        } else {
            Err(FrameError::Checksum)
        }
    }

    /// Of the message of which most is known: how many frames, and of how many.
    pub fn progress(&self) -> Option<(usize, usize)> {
        let known = |parts: &Vec<Option<Vec<u8>>>| (parts.iter().flatten().count(), parts.len());
        self.messages.values().map(known).max()
    }
}
