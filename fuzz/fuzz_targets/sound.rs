//! What a microphone may have recorded: a WAV file, or the sound of a frame with noise in it; and frames, whatever
//! they were heard from.

#![no_main]

use std::{io::Cursor, sync::OnceLock};

use causeway_wallet::offline::sound::{
    SAMPLE_RATE, Speed,
    frames::{Assembly, Frame, FrameError, PAYLOAD_BYTES_MAX, split},
    receiver::{LOST_MAX, Receiver},
    transmitter::sound,
    wave::{SECONDS_MAX, read, write},
};
use libfuzzer_sys::fuzz_target;

/// As long as a frame of a few bytes: looking through all of a long recording takes seconds.
const SAMPLES_MAX: usize = 3 * SAMPLE_RATE as usize;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    match kind % 3 {
        0 => recording(bytes),
        1 => noise(bytes),
        _ => frames(bytes),
    }
});

fn recording(file: &[u8]) {
    let Ok(samples) = read(Cursor::new(file)) else {
        return;
    };
    assert!(samples.len() <= (SECONDS_MAX * SAMPLE_RATE) as usize);
    assert!(samples.iter().all(|sample| (-1.0..=1.0).contains(sample)));
    hear(&samples[..samples.len().min(SAMPLES_MAX)]);
    let mut again = Cursor::new(Vec::new());
    write(&mut again, &samples).expect("it can be written");
    again.set_position(0);
    assert_eq!(read(again).expect("its own file").len(), samples.len());
}

/// Each four bytes are a place, a length and a loudness.
fn noise(bytes: &[u8]) {
    static CLEAN: OnceLock<Vec<f32>> = OnceLock::new();
    let clean = CLEAN.get_or_init(|| sound(&split(b"payment").expect("it is short"), Speed::Fastest));
    let mut samples = clean.clone();
    for burst in bytes.chunks_exact(4).take(64) {
        let from = usize::from(u16::from_be_bytes([burst[0], burst[1]])) * 2 % samples.len();
        let length = usize::from(burst[2]) * 64;
        let loudness = f32::from(burst[3]) / 255.0;
        for (at, sample) in samples.iter_mut().enumerate().skip(from).take(length) {
            *sample = (*sample + if at % 7 < 3 { loudness } else { -loudness }).clamp(-1.0, 1.0);
        }
    }
    hear(&samples);
}

fn hear(samples: &[f32]) {
    let mut receiver = Receiver::new(samples);
    let mut assembly = Assembly::default();
    for heard in receiver.by_ref() {
        assert!(heard.end <= samples.len());
        take(&mut assembly, &heard.frame);
    }
    assert!(receiver.lost() <= LOST_MAX);
}

/// A byte that counts, then so many: 254 and 255 stand for frames of one payload, which mutations do not find.
fn frames(mut bytes: &[u8]) {
    let ours = split(&[5; 300]).expect("it is short");
    let mut assembly = Assembly::default();
    while let Some((&count, rest)) = bytes.split_first() {
        let (frame, rest) = if count >= 254 {
            let (&pick, rest) = rest.split_first().unwrap_or((&0, &[]));
            (Some(ours[usize::from(pick) % ours.len()].clone()), rest)
        } else {
            let (frame, rest) = rest.split_at(usize::from(count).min(rest.len()));
            (Frame::new(frame.to_vec()), rest)
        };
        bytes = rest;
        if let Some(frame) = frame {
            take(&mut assembly, &frame);
        }
    }
}

fn take(assembly: &mut Assembly, frame: &Frame) {
    match assembly.take(frame) {
        Ok(Some(payload)) => {
            // Not all that can be put together is sent.
            let sent = (1..=PAYLOAD_BYTES_MAX).contains(&payload.len());
            assert_eq!(split(&payload).is_ok(), sent);
        }
        Ok(None) => assert!(assembly.progress().is_some_and(|(known, count)| known < count)),
        Err(FrameError::Malformed | FrameError::Contradiction | FrameError::Checksum) => {}
    }
}
