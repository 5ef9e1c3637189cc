//! Makes sound of frames.

use std::f32::consts::{PI, TAU};

use super::{
    BYTES_TOGETHER, CHUNK, LOWEST_TONE, MARKER_BITS, MARKER_CHUNKS, Speed, TONES_OF_NIBBLE, code, frames::Frame,
    marker_tone,
};

/// Of the largest sample; the rest is left for what loudspeakers add.
const VOLUME: f32 = 0.5;

/// Chunks of silence before, between and after frames, in which a receiver comes to rest: a third of a second.
const SILENT_CHUNKS: usize = 16;

/// Of each sound, at its beginning and at its end, in which it swells and fades.
const RAMP: f32 = 0.15;

/// The samples of frames, from -1 to 1.
pub fn sound(frames: &[Frame], speed: Speed) -> Vec<f32> {
    let silence = [0.0; SILENT_CHUNKS * CHUNK];
    let mut samples = silence.to_vec();
    for frame in frames {
        push_frame(&mut samples, frame, speed);
        samples.extend(silence);
    }
    samples
}

fn push_frame(samples: &mut Vec<f32>, frame: &Frame, speed: Speed) {
    let marker = |at_end| (0..MARKER_BITS).map(move |bit| marker_tone(bit, at_end));
    push_tones(samples, marker(false), MARKER_CHUNKS);
    let mut coded = code::encode(frame);
    coded.resize(coded.len().next_multiple_of(BYTES_TOGETHER), 0);
    for bytes in coded.chunks_exact(BYTES_TOGETHER) {
        // The lower half of a byte has the lower tones.
        let nibbles = bytes.iter().flat_map(|byte| [byte & 15, byte >> 4]);
        let tone = |(place, nibble)| LOWEST_TONE + TONES_OF_NIBBLE * place + usize::from(nibble);
        push_tones(samples, nibbles.enumerate().map(tone), speed.chunks());
    }
    push_tones(samples, marker(true), MARKER_CHUNKS);
}

/// Adds a sound of equally loud tones.
fn push_tones(samples: &mut Vec<f32>, tones: impl Iterator<Item = usize>, chunks: usize) {
    let tones: Vec<_> = tones.collect();
    let wave = |at: usize| -> f32 { tones.iter().map(|&tone| wave_of(tone, at)).sum() };
    let chunk: Vec<_> = (0..CHUNK).map(|at| wave(at) * VOLUME / tones.len() as f32).collect();
    let length = (chunks * CHUNK) as f32;
    let loudness = |at: usize| {
        let from_edge = (at as f32).min(length - at as f32);
        (from_edge / (RAMP * length)).min(1.0)
    };
    // Tones have whole waves in a chunk, so that chunks join without a step.
    samples.extend((0..chunks * CHUNK).map(|at| chunk[at % CHUNK] * loudness(at)));
}

/// Tones begin at different places of their waves, lest they all be loudest at once.
fn wave_of(tone: usize, at: usize) -> f32 {
    let phase = PI * ((tone - LOWEST_TONE) / 2) as f32 / (8 * BYTES_TOGETHER) as f32;
    // Whole waves are left out first: what remains is exact.
    let turn = (tone * at % CHUNK) as f32 / CHUNK as f32;
    (TAU * turn + phase).sin()
}
