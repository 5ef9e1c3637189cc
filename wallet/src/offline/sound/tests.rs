use std::io::Cursor;

use proptest::{collection::vec, prelude::*};

use super::{
    frames::{Assembly, Frame, FrameError, PAYLOAD_BYTES_MAX, SendError, split},
    receiver::Receiver,
    transmitter::sound,
    *,
};

/// What is understood of a recording.
fn payloads(samples: &[f32]) -> Vec<Vec<u8>> {
    let mut assembly = Assembly::default();
    let taken = Receiver::new(samples).map(|heard| assembly.take(&heard.frame));
    taken.filter_map(|taken| taken.expect("a frame of ours")).collect()
}

/// Noise of equal power at all tones, `amplitude` at most, from a small generator of its own.
fn with_noise(mut samples: Vec<f32>, amplitude: f32) -> Vec<f32> {
    let mut state = 0x9e37_79b9_u32;
    for sample in &mut samples {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *sample += ((state >> 8) as f32 / 8_388_608.0 - 1.0) * amplitude;
    }
    samples
}

#[test]
fn what_is_sent_is_heard_at_every_speed() {
    for speed in Speed::ALL {
        for bytes in [1, 134, 135, 300] {
            let payload: Vec<_> = (0..bytes).map(|at| (at * 7 % 251) as u8).collect();
            let samples = sound(&split(&payload).expect("short"), speed);
            assert_eq!(payloads(&samples), [payload], "{bytes} bytes, {speed:?}");
        }
    }
}

#[test]
fn a_payload_is_heard_through_noise_of_four_times_its_power() {
    let payload: Vec<_> = (0..140).collect();
    let samples = sound(&split(&payload).expect("short"), Speed::Normal);
    let power = |samples: &[f32]| samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32;
    let noise = with_noise(vec![0.0; samples.len()], 0.6);
    assert!(power(&noise) > 4.0 * power(&samples));
    assert_eq!(payloads(&with_noise(samples, 0.6)), [payload]);
}

#[test]
fn a_recording_may_begin_anywhere_before_a_frame_and_end_after_it() {
    let payload = vec![0x42; 10];
    let samples = sound(&split(&payload).expect("short"), Speed::Fast);
    for cut in [0, 1, 511, 1023, 5000] {
        assert_eq!(payloads(&samples[cut..]), [payload.as_slice()], "{cut}");
    }
    // Without its end it is no frame.
    assert_eq!(payloads(&samples[..samples.len() - 40 * CHUNK]), [[0_u8; 0]; 0]);
}

#[test]
fn noise_silence_and_one_tone_hold_no_frames() {
    let check = |samples: Vec<f32>| assert_eq!(Receiver::new(&samples).count(), 0);
    check(Vec::new());
    check(vec![0.0; 10 * CHUNK]);
    check(with_noise(vec![0.0; 500 * CHUNK], 1.0));
    check((0..200 * CHUNK).map(|at| (at as f32 * 0.25).sin()).collect());
}

/// Every chunk is a marker of a beginning, or not one: what begins and comes to nothing is searched in vain.
#[test]
fn a_recording_that_is_all_beginnings_is_given_up() {
    let marker = |at: usize| {
        (0..MARKER_BITS)
            .map(|bit| wave_at(marker_tone(bit, false), at))
            .sum::<f32>()
            / 16.0
    };
    let wave = |at: usize| if (at / CHUNK) % 24 < 12 { marker(at) } else { 0.0 };
    let samples: Vec<_> = (0..2400 * CHUNK).map(wave).collect();
    let mut receiver = Receiver::new(&samples);
    assert!(receiver.next().is_none());
    assert_eq!(receiver.lost(), receiver::LOST_MAX);
}

fn wave_at(tone: usize, at: usize) -> f32 {
    (std::f32::consts::TAU * ((tone * at) % CHUNK) as f32 / CHUNK as f32).sin()
}

#[test]
fn attack_42_a_payload_that_is_too_long_is_the_senders_error() {
    let split_of = |bytes| split(&vec![1; bytes]);
    assert!(matches!(split_of(0), Err(SendError::Empty)));
    assert!(matches!(split_of(PAYLOAD_BYTES_MAX + 1), Err(SendError::TooLong(727))));
    let frames = split_of(PAYLOAD_BYTES_MAX).expect("it fits");
    let lengths: Vec<_> = frames.iter().map(|frame| frame.bytes().len()).collect();
    assert_eq!(lengths, [140, 140, 140, 140, 140, 62]);
    // What ggwave would cut off cannot be made a frame of.
    assert_eq!(Frame::new(vec![1; 141]), None);
}

#[test]
fn frames_of_two_messages_do_not_merge() {
    let (one, other) = (vec![1; 200], vec![2; 200]);
    let (ones, others) = (split(&one).expect("short"), split(&other).expect("short"));
    let mut assembly = Assembly::default();
    assert_eq!(assembly.take(&ones[0]), Ok(None));
    assert_eq!(assembly.take(&others[1]), Ok(None));
    assert_eq!(assembly.progress(), Some((1, 2)));
    assert_eq!(assembly.take(&ones[1]), Ok(Some(one)));
    assert_eq!(assembly.take(&others[0]), Ok(Some(other)));
}

#[test]
fn frames_that_cannot_be_are_refused() {
    let frame = |header: [u8; 6], part: usize| Frame::new([header.to_vec(), vec![0; part]].concat()).expect("short");
    let check = |header, part, expected| {
        let mut assembly = Assembly::default();
        assert_eq!(assembly.take(&frame([0, 0, 0, 0, 0, 2], 134)), Ok(None));
        assert_eq!(assembly.take(&frame(header, part)), Err(expected));
    };
    check([1, 1, 1, 1, 0, 0], 1, FrameError::Malformed);
    check([1, 1, 1, 1, 2, 2], 1, FrameError::Malformed);
    check([1, 1, 1, 1, 0, 17], 134, FrameError::Malformed);
    check([1, 1, 1, 1, 0, 2], 133, FrameError::Malformed);
    check([1, 1, 1, 1, 1, 2], 0, FrameError::Malformed);
    check([0, 0, 0, 0, 1, 3], 134, FrameError::Contradiction);
    check([0, 0, 0, 0, 1, 2], 5, FrameError::Checksum);
    let short = Frame::new(vec![0; 5]).expect("short");
    assert_eq!(Assembly::default().take(&short), Err(FrameError::Malformed));
}

#[test]
fn recordings_of_other_kinds_are_refused_with_what_would_do() {
    let file = |channels, sample_rate, seconds: u32| {
        let spec = hound::WavSpec {
            channels,
            sample_rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = Cursor::new(Vec::new());
        hound::WavWriter::new(&mut file, spec)
            .and_then(hound::WavWriter::finalize)
            .expect("written");
        let mut file = file.into_inner();
        // The header alone says how long it is.
        let bytes = seconds * sample_rate * u32::from(channels) * 2;
        let at = file.len() - 4;
        file[at..].copy_from_slice(&bytes.to_le_bytes());
        Cursor::new(file)
    };
    let check = |file, expected: &str| {
        let error = wave::read(file).expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(file(1, 44_100, 1), "44100 samples in a second; only 48000");
    check(file(3, 48_000, 1), "3 channels");
    check(file(1, 48_000, 301), "301 s; at most 300 s");
    check(file(1, 48_000, 1), "no WAV file");
    check(Cursor::new(b"RIFF".to_vec()), "no WAV file");
}

#[test]
fn a_file_holds_what_was_written_to_it() {
    let samples: Vec<_> = (0..1000).map(|at| (at as f32 * 0.1).sin() * 0.9).collect();
    let mut file = Cursor::new(Vec::new());
    wave::write(&mut file, &samples).expect("written");
    file.set_position(0);
    let read = wave::read(file).expect("read");
    assert_eq!(read.len(), samples.len());
    assert!(read.iter().zip(&samples).all(|(a, b)| (a - b).abs() < 1e-4));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn invariant_half_as_many_wrong_bytes_as_were_added_are_put_right(
        bytes in vec(any::<u8>(), 1..=140),
        wrong in vec((any::<prop::sample::Index>(), 1_u8..), 0..40),
    ) {
        let frame = Frame::new(bytes).expect("short");
        let mut coded = code::encode(&frame)[code::LENGTH_BYTES..].to_vec();
        let correctable = (coded.len() - frame.bytes().len()) / 2;
        for (at, flip) in wrong.iter().take(correctable) {
            let at = at.index(coded.len());
            coded[at] ^= flip;
        }
        prop_assert_eq!(code::decode(&coded, frame.bytes().len()), Some(frame));
    }

    #[test]
    fn invariant_no_bytes_panic(coded in vec(any::<u8>(), 0..210), bytes in 1_usize..=140) {
        let _ = code::decode(&coded, bytes);
        if let Some(length) = coded.first_chunk() {
            prop_assert!(code::decode_length(length).is_none_or(|length| (1..=140).contains(&length)));
        }
    }

    #[test]
    fn invariant_frames_in_any_order_and_number_give_the_payload(
        payload in vec(any::<u8>(), 1..=PAYLOAD_BYTES_MAX),
        order in vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let frames = split(&payload).expect("short");
        let mut assembly = Assembly::default();
        let order = order.iter().map(|index| index.index(frames.len())).chain(0..frames.len());
        let found = order.filter_map(|index| assembly.take(&frames[index]).expect("a frame")).next();
        prop_assert_eq!(found, Some(payload));
    }
}
