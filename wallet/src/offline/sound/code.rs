//! What is sent of a frame: its length in 3 bytes, then its bytes, both with Reed-Solomon codes.
//!
//! The code is that over GF(256) with the polynomial 0x11d, whose generator has the roots 2^0, 2^1 and so
//! on. Half as many wrong bytes as there are added ones are put right.

use reed_solomon::{Decoder, Encoder};

use super::frames::{FRAME_BYTES_MAX, Frame};

/// The length, and two bytes of its own to correct it by.
pub const LENGTH_BYTES: usize = 3;

/// What ggwave adds to a payload of so many bytes.
const fn added(bytes: usize) -> usize {
    let fifths = 2 * (bytes / 5);
    match bytes {
        ..4 => 2,
        _ if fifths < 4 => 4,
        _ => fifths,
    }
}

/// Bytes that are sent for a frame of so many.
pub const fn coded_bytes(frame_bytes: usize) -> usize {
    LENGTH_BYTES + frame_bytes + added(frame_bytes)
}

pub fn encode(frame: &Frame) -> Vec<u8> {
    let bytes = frame.bytes();
    let length = u8::try_from(bytes.len()).expect("a frame has at most 140 bytes");
    let coded = |data: &[u8], added| Encoder::new(added).encode(data).to_vec();
    [coded(&[length], LENGTH_BYTES - 1), coded(bytes, added(bytes.len()))].concat()
}

/// Reads a length; `None` if it is none.
pub fn decode_length(coded: &[u8; LENGTH_BYTES]) -> Option<usize> {
    let corrected = Decoder::new(LENGTH_BYTES - 1).correct(coded, None).ok()?;
    let length = usize::from(*corrected.data().first()?);
    (1..=FRAME_BYTES_MAX).contains(&length).then_some(length)
}

/// Reads the bytes of a frame of so many, from those after its length; `None` if too many are wrong.
pub fn decode(coded: &[u8], frame_bytes: usize) -> Option<Frame> {
    let coded = coded.get(..frame_bytes + added(frame_bytes))?;
    let corrected = Decoder::new(added(frame_bytes)).correct(coded, None).ok()?;
    Frame::new(corrected.data().to_vec())
}
