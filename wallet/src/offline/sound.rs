//! Payloads as sound, from a loudspeaker to a microphone.
//!
//! The sound is that of ggwave (<https://github.com/ggerganov/ggwave>, audible protocols, payloads of
//! variable length), so that its libraries hear us and we hear them: [`code`] adds what errors are
//! corrected by, [`transmitter`] makes tones of it, [`receiver`] finds it in a recording. ggwave carries
//! at most 140 bytes at once and silently cuts longer ones off; [`frames`] divides payloads before
//! that, and puts them together.

mod code;
pub mod frames;
pub mod receiver;
mod spectrum;
pub mod transmitter;
pub mod wave;

/// Samples in a second, of every recording.
pub const SAMPLE_RATE: u32 = 48_000;

/// Sound is made and looked at in chunks of so many samples; tones lie so many hertz apart that each
/// has a whole number of waves in a chunk.
const CHUNK: usize = 1024;

/// Chunks of the sound that begins a frame, and of that which ends it.
const MARKER_CHUNKS: usize = 16;

/// Of 1,875 Hz, in waves a chunk: the lowest tone.
const LOWEST_TONE: usize = 40;

/// Bytes that sound together, each as two tones out of 16.
const BYTES_TOGETHER: usize = 3;
const TONES_OF_NIBBLE: usize = 16;

/// Bits of a marker, each one of two neighbouring tones.
const MARKER_BITS: usize = 16;

/// How long three bytes sound. The slower, the more noise it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    /// 192 ms; 14 s for a full frame.
    Normal,
    /// 128 ms; 9 s.
    Fast,
    /// 64 ms; 5 s.
    Fastest,
}

impl Speed {
    pub const ALL: [Self; 3] = [Self::Normal, Self::Fast, Self::Fastest];

    /// For which three bytes sound.
    const fn chunks(self) -> usize {
        match self {
            Self::Normal => 9,
            Self::Fast => 6,
            Self::Fastest => 3,
        }
    }
}

/// The tone, in waves a chunk, of a marker's bit. The marker at the end has the other of the two.
const fn marker_tone(bit: usize, at_end: bool) -> usize {
    let upper = (bit % 2 == 1) != at_end;
    LOWEST_TONE + 2 * bit + upper as usize
}

#[cfg(test)]
mod tests;
