//! Frames of a payload that no single code holds: a fountain of parts, of which nearly any will do.
//!
//! A frame is `ur:causeway-offline/<seqNum>-<seqLen>/<bytewords>`. The first `seqLen` frames are the
//! message in parts of equal length; every later one is the exclusive or of some of them. The crate
//! `ur` reserves what a frame announces and keeps what it was given, so that everything is checked
//! before it sees a frame.

use std::collections::BTreeSet;

use super::{
    Symbol, SymbolError,
    cbor::{self, Part},
};

/// Ours alone: nothing else reads what is in it.
pub const TYPE: &str = "causeway-offline";

const SCHEME: &[u8] = b"ur:";

/// What a frame carries of the message, at most; its code is then of version 13.
const PART_BYTES_MAX: usize = 200;

/// The longest message that is put together, CBOR and all.
pub const MESSAGE_BYTES_MAX: usize = 4096;
pub const PARTS_MAX: usize = 64;

/// The longest text that a QR code of version 40 holds in its alphanumeric mode.
const FRAME_CHARS_MAX: usize = 4296;

/// Each is kept until the message is complete. A reader that loses every second frame needs fewer than
/// a tenth of these.
const FRAMES_MAX: usize = 1024;

/// Why a frame is refused.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("the code is empty")]
    Empty,
    #[error("it is no frame of a payment, which begins with ur:{TYPE}/")]
    OtherType,
    #[error("the frame has {0} characters; frames have at most {FRAME_CHARS_MAX}")]
    FrameTooLong(usize),
    #[error("the frame says that there are {0} parts; a message has 1 to {PARTS_MAX}")]
    Parts(u64),
    #[error("the frame says that its message has {0} bytes; a message has 1 to {MESSAGE_BYTES_MAX}")]
    MessageTooLong(u64),
    #[error("the frame contradicts itself: {0}")]
    Contradiction(&'static str),
    #[error("the frame is of another message than those before")]
    OtherMessage,
    #[error("the {FRAMES_MAX} frames that were read make no message; begin again")]
    TooMany,
    #[error("the frames that were read do not make the message that they announce; begin again")]
    Checksum,
    #[error("the frame cannot be read: {0}")]
    Encoding(ur::ur::Error),
}

impl From<ur::ur::Error> for FrameError {
    fn from(error: ur::ur::Error) -> Self {
        Self::Encoding(error)
    }
}

/// Whether what a code says is meant as a frame.
pub fn is_frame(content: &[u8]) -> bool {
    let scheme = content.get(..SCHEME.len());
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
}

/// A payload's frames, without end.
pub struct Frames {
    encoder: ur::Encoder<'static>,
}

impl Frames {
    /// Of 1 to [`PAYLOAD_BYTES_MAX`](super::PAYLOAD_BYTES_MAX) bytes.
    pub fn new(payload: &[u8]) -> Result<Self, FrameError> {
        let message = cbor::byte_string(payload);
        if payload.is_empty() || message.len() > MESSAGE_BYTES_MAX {
            return Err(FrameError::MessageTooLong(message.len() as u64));
        }
        let encoder = ur::Encoder::new(&message, PART_BYTES_MAX, TYPE)?;
        Ok(Self { encoder })
    }

    /// How many frames a reader needs that loses none.
    pub fn parts(&self) -> usize {
        self.encoder.fragment_count()
    }

    /// The next frame, in capital letters, which QR codes hold in less room.
    pub fn next_text(&mut self) -> Result<String, FrameError> {
        Ok(self.encoder.next_part()?.to_ascii_uppercase())
    }

    pub fn next_symbol(&mut self) -> Result<Symbol, super::ShowError> {
        let symbol = Symbol::of_alphanumeric(&self.next_text()?)?;
        let too_long = SymbolError::from(qrcode::types::QrError::DataTooLong);
        Ok(symbol.ok_or(too_long)?)
    }
}

/// What all frames of one message have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Message {
    parts: usize,
    message_bytes: u64,
    checksum: u64,
    part_bytes: usize,
}

/// Puts the frames of one message together, in any order. The first frame says which message it is.
#[derive(Default)]
pub struct Collector {
    decoder: ur::Decoder,
    message: Option<Message>,
    /// By number.
    seen: BTreeSet<u64>,
}

impl Collector {
    /// Takes a frame; gives the payload when that is complete, and forgets it. Frames that came before change
    /// nothing.
    pub fn take(&mut self, frame: &[u8]) -> Result<Option<Vec<u8>>, FrameError> {
        let (text, sequence, message) = check(frame)?;
        if self.message.is_some_and(|known| known != message) {
            return Err(FrameError::OtherMessage);
        }
        if self.seen.contains(&sequence) {
            return Ok(None);
        }
        if self.seen.len() == FRAMES_MAX {
            return Err(FrameError::TooMany);
        }
        self.decoder.receive(text)?;
        self.message = Some(message);
        self.seen.insert(sequence);
        if !self.decoder.complete() {
            return Ok(None);
        }
        let payload = self.payload();
        *self = Self::default();
        payload.map(Some)
    }

    fn payload(&self) -> Result<Vec<u8>, FrameError> {
        let message = self.decoder.message().map_err(|_| FrameError::Checksum)?;
        let message = message.ok_or(FrameError::Checksum)?;
        match cbor::last_byte_string(&message) {
            Ok([]) => Err(FrameError::Empty),
            Ok(payload) => Ok(payload.to_vec()),
            Err(cbor::NotExpected) => Err(FrameError::Contradiction("its message is no byte string of CBOR")),
        }
    }

    pub fn progress(&self) -> Option<(usize, usize)> {
        Some((self.decoder.resolved_fragment_count()?, self.decoder.fragment_count()))
    }
}

/// Reads a frame's number and what it says of its message, without reserving anything for that.
fn check(frame: &[u8]) -> Result<(&str, u64, Message), FrameError> {
    if frame.len() > FRAME_CHARS_MAX {
        return Err(FrameError::FrameTooLong(frame.len()));
    }
    let text = str::from_utf8(frame).ok().filter(|text| text.is_ascii());
    let text = text.ok_or(FrameError::OtherType)?;
    let mut fields = text.split('/');
    let (scheme, sequence, body) = (fields.next(), fields.next(), fields.next());
    let kind = scheme.and_then(|scheme| scheme.get(SCHEME.len()..));
    if !is_frame(frame) || !kind.is_some_and(|kind| kind.eq_ignore_ascii_case(TYPE)) {
        return Err(FrameError::OtherType);
    }
    let (Some(sequence), Some(_), None) = (sequence, body, fields.next()) else {
        return Err(FrameError::Contradiction(
            "it is not made of a type, a number and a part",
        ));
    };
    let (sequence, parts) = sequence_of(sequence)?;

    let (_, bytes) = ur::decode(text)?;
    let malformed = |cbor::NotExpected| FrameError::Contradiction("its part is not the CBOR that it has to be");
    let part = Part::read(&bytes).map_err(malformed)?;
    if (part.sequence, part.parts) != (sequence, parts) {
        return Err(FrameError::Contradiction("its number is not that of its part"));
    }
    if !(1..=MESSAGE_BYTES_MAX as u64).contains(&part.message_bytes) {
        return Err(FrameError::MessageTooLong(part.message_bytes));
    }
    // Only the last part is filled up.
    if part.data.is_empty() || part.message_bytes.div_ceil(part.data.len() as u64) != parts {
        return Err(FrameError::Contradiction("its parts do not make up its message"));
    }
    let message = Message {
        parts: usize::try_from(parts).expect("at most 64"),
        message_bytes: part.message_bytes,
        checksum: part.checksum,
        part_bytes: part.data.len(),
    };
    Ok((text, sequence, message))
}

/// `seqNum-seqLen`. That seqNum is above seqLen is how a fountain goes on.
fn sequence_of(text: &str) -> Result<(u64, u64), FrameError> {
    let number = |text: &str| text.parse::<u32>().ok().map(u64::from);
    let numbers = text.split_once('-').and_then(|(a, b)| number(a).zip(number(b)));
    let (sequence, parts) = numbers.ok_or(FrameError::Contradiction("its number is not two of at most 32 bits"))?;
    if !(1..=PARTS_MAX as u64).contains(&parts) {
        return Err(FrameError::Parts(parts));
    }
    if sequence == 0 {
        return Err(FrameError::Contradiction("frames count from 1"));
    }
    Ok((sequence, parts))
}
