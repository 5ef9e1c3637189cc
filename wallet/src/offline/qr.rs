//! Payloads as QR codes, from the screen of one device to the camera of another.
//!
//! A payload that fits a code of version 20 is one code that holds its bytes as they are. A longer one,
//! or one that could be taken for a frame, is a moving picture: frames of Uniform Resources
//! (BCR-2020-005, BCR-2024-001), of which a reader needs about as many as there are parts, whichever
//! those are. The message of a resource is CBOR: a byte string with the payload.
//!
//! What is read comes from a stranger's screen. [`picture`] looks at a picture's size before it
//! unpacks it, [`reader`] gives up on one that takes too long, and [`frames`] refuses a frame before
//! anything is reserved for what it announces.

mod cbor;
pub mod folder;
pub mod frames;
pub mod picture;
pub mod reader;
mod symbol;

use self::frames::{Collector, FrameError, Frames};
pub use self::symbol::{Symbol, SymbolError};

/// What can be shown: with its three bytes of CBOR the longest message that a reader takes.
pub const PAYLOAD_BYTES_MAX: usize = frames::MESSAGE_BYTES_MAX - 3;

/// What a payload is shown as.
pub enum Shown {
    One(Symbol),
    /// Boxed for its size; begins with the parts themselves.
    Moving(Box<Frames>),
}

/// Why a payload cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    #[error("there is nothing to show")]
    Empty,
    #[error("{0} bytes are too long for QR codes, which take at most {PAYLOAD_BYTES_MAX}")]
    TooLong(usize),
    #[error(transparent)]
    Symbol(#[from] SymbolError),
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Decides how to show `payload`, of 1 to [`PAYLOAD_BYTES_MAX`] bytes.
pub fn show(payload: &[u8]) -> Result<Shown, ShowError> {
    if payload.is_empty() {
        return Err(ShowError::Empty);
    }
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(ShowError::TooLong(payload.len()));
    }
    if !frames::is_frame(payload)
        && let Some(symbol) = Symbol::of_bytes(payload)?
    {
        return Ok(Shown::One(symbol));
    }
    Ok(Shown::Moving(Box::new(Frames::new(payload)?)))
}

/// Puts together what codes say, until they make one payload.
#[derive(Default)]
pub struct Scan {
    frames: Collector,
}

impl Scan {
    /// Takes what one code says; gives the payload when it is complete. After an error it is as it was before,
    /// but for one about a message that was complete: then it has forgotten its frames.
    pub fn take(&mut self, content: &[u8]) -> Result<Option<Vec<u8>>, FrameError> {
        if frames::is_frame(content) {
            self.frames.take(content)
        } else if content.is_empty() {
            Err(FrameError::Empty)
        } else {
            Ok(Some(content.to_vec()))
        }
    }

    /// How many parts are known, and of how many; `None` before the first frame.
    pub fn progress(&self) -> Option<(usize, usize)> {
        self.frames.progress()
    }
}

#[cfg(test)]
mod tests;
