//! Finds frames in a recording.
//!
//! A marker is seen from far: all its tones sound for a third of a second. Where exactly its frame begins
//! is tried out, and taken for found when the corrected bytes fit and the marker of the end is where their
//! length says.

use super::{
    BYTES_TOGETHER, CHUNK, LOWEST_TONE, MARKER_BITS, MARKER_CHUNKS, Speed, TONES_OF_NIBBLE,
    code::{self, LENGTH_BYTES},
    frames::{FRAME_BYTES_MIN, Frame},
    marker_tone,
    spectrum::Spectrum,
};

/// Chunks of a marker that are looked at together.
const LOOK_CHUNKS: usize = 8;

/// Of noise, one look in some ten thousands is as clear.
const CLEAR: f32 = 0.6;

/// At the end it is known where to look.
const CLEAR_AT_END: f32 = 0.3;

/// How far a frame may begin from where its marker seems to end, and in which steps that is tried.
const SEARCH_SAMPLES: usize = 3 * CHUNK;
const SEARCH_STEP: usize = CHUNK / 16;

/// Frames that may begin and come to nothing: each costs as much as many that are good.
pub const LOST_MAX: usize = 64;

/// A frame, and where in the recording it ends.
pub struct Heard {
    pub frame: Frame,
    pub end: usize,
}

/// Listens to a recording, of samples from -1 to 1.
pub struct Receiver<'a> {
    samples: &'a [f32],
    at: usize,
    spectrum: Spectrum,
    /// Frames that began, and could not be understood.
    lost: usize,
}

impl<'a> Receiver<'a> {
    pub fn new(samples: &'a [f32]) -> Self {
        Self {
            samples,
            at: 0,
            spectrum: Spectrum::new(),
            lost: 0,
        }
    }

    pub fn lost(&self) -> usize {
        self.lost
    }

    /// From 1, only the tones of a marker at a beginning, to -1, only those of one at an end. `None` beyond the
    /// recording.
    fn marker(&mut self, at: usize) -> Option<f32> {
        let samples = self.samples.get(at..at + LOOK_CHUNKS * CHUNK)?;
        let power = self.spectrum.of(samples, LOOK_CHUNKS);
        let bit = |bit| {
            let (begin, end) = (power[marker_tone(bit, false)], power[marker_tone(bit, true)]);
            let both = begin + end;
            if both > 0.0 { (begin - end) / both } else { 0.0 }
        };
        Some((0..MARKER_BITS).map(bit).sum::<f32>() / MARKER_BITS as f32)
    }

    /// The three bytes that sound from a sample on.
    fn bytes(&mut self, at: usize, speed: Speed) -> Option<[u8; BYTES_TOGETHER]> {
        let samples = self.samples.get(at..at + speed.chunks() * CHUNK)?;
        let power = self.spectrum.of(samples, speed.chunks());
        let loudest = |place: usize| {
            let tones = &power[LOWEST_TONE + TONES_OF_NIBBLE * place..][..TONES_OF_NIBBLE];
            let loudest = (0..TONES_OF_NIBBLE).max_by(|a, b| tones[*a].total_cmp(&tones[*b]));
            loudest.expect("there are 16") as u8
        };
        Some(std::array::from_fn(|byte| {
            loudest(2 * byte) | loudest(2 * byte + 1) << 4
        }))
    }

    /// A frame whose first byte sounds from a sample on.
    fn frame(&mut self, at: usize, speed: Speed) -> Option<Heard> {
        const { assert!(LENGTH_BYTES == BYTES_TOGETHER) };
        let length = code::decode_length(&self.bytes(at, speed)?)?;
        if length < FRAME_BYTES_MIN {
            return None;
        }
        let sounds = code::coded_bytes(length).div_ceil(BYTES_TOGETHER);
        let end = at + sounds * speed.chunks() * CHUNK;
        let middle_of_end = end + (MARKER_CHUNKS - LOOK_CHUNKS) / 2 * CHUNK;
        if self.marker(middle_of_end)? > -CLEAR_AT_END {
            return None;
        }
        let mut coded = Vec::new();
        for sound in 1..sounds {
            coded.extend(self.bytes(at + sound * speed.chunks() * CHUNK, speed)?);
        }
        let frame = code::decode(&coded, length)?;
        Some(Heard { frame, end })
    }

    /// A frame that begins near a sample; the nearest places first.
    fn search(&mut self, near: usize) -> Option<Heard> {
        let distances = (0..=SEARCH_SAMPLES).step_by(SEARCH_STEP);
        let places = distances.flat_map(|distance| [near + distance, near.saturating_sub(distance)]);
        for at in places {
            for speed in Speed::ALL {
                if let Some(heard) = self.frame(at, speed) {
                    return Some(heard);
                }
            }
        }
        None
    }
}

impl Iterator for Receiver<'_> {
    type Item = Heard;

    /// `None` also after [`LOST_MAX`] frames that came to nothing.
    fn next(&mut self) -> Option<Heard> {
        while self.lost < LOST_MAX {
            while self.marker(self.at)? < CLEAR {
                self.at += CHUNK;
            }
            let first = self.at;
            while self.marker(self.at).is_some_and(|clear| clear >= CLEAR) {
                self.at += CHUNK;
            }
            // It is as clear before its middle as after it.
            let middle = (first + self.at - CHUNK + LOOK_CHUNKS * CHUNK) / 2;
            match self.search(middle + MARKER_CHUNKS / 2 * CHUNK) {
                Some(heard) => {
                    self.at = heard.end;
                    return Some(heard);
                }
                None => self.lost += 1,
            }
        }
        None
    }
}
