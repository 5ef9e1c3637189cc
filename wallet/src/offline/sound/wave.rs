//! Recordings in WAV files.

use std::io::{Read, Seek, Write};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use super::SAMPLE_RATE;

/// Six full frames at the slowest speed take a minute and a half.
pub const SECONDS_MAX: u32 = 300;

/// Why a recording cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WaveError {
    #[error("it is no WAV file that can be read: {0}")]
    File(#[from] hound::Error),
    #[error("the recording has {0} samples in a second; only {SAMPLE_RATE} are read (`sox IN -r {SAMPLE_RATE} OUT`)")]
    Rate(u32),
    #[error("the recording has {0} channels; 1 and 2 are read")]
    Channels(u16),
    #[error("the recording has samples of {bits} bits ({format:?}); 8, 16, 24 and 32 bits and floats are read")]
    Samples { bits: u16, format: SampleFormat },
    #[error("the recording lasts {0} s; at most {SECONDS_MAX} s are read")]
    TooLong(u32),
}

/// Writes samples from -1 to 1 as 16-bit ones of one channel.
pub fn write(file: impl Write + Seek, samples: &[f32]) -> Result<(), WaveError> {
    let spec = WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut writer = WavWriter::new(file, spec)?;
    for sample in samples {
        writer.write_sample((sample * f32::from(i16::MAX)) as i16)?;
    }
    Ok(writer.finalize()?)
}

/// Reads a recording as samples from -1 to 1, the mean of its channels.
pub fn read(file: impl Read) -> Result<Vec<f32>, WaveError> {
    let mut reader = WavReader::new(file)?;
    let spec = reader.spec();
    if spec.sample_rate != SAMPLE_RATE {
        return Err(WaveError::Rate(spec.sample_rate));
    }
    if !(1..=2).contains(&spec.channels) {
        return Err(WaveError::Channels(spec.channels));
    }
    if reader.duration() > SECONDS_MAX * SAMPLE_RATE {
        return Err(WaveError::TooLong(reader.duration() / SAMPLE_RATE));
    }
    let samples = match (spec.sample_format, spec.bits_per_sample) {
        (SampleFormat::Float, 32) => {
            let finite = |sample: f32| {
                if sample.is_finite() {
                    sample.clamp(-1.0, 1.0)
                } else {
                    0.0
                }
            };
            let samples = reader.samples().map(|sample| sample.map(finite));
            samples.collect::<Result<Vec<_>, _>>()?
        }
        (SampleFormat::Int, bits @ (8 | 16 | 24 | 32)) => {
            let largest = (1_u32 << (bits - 1)) as f32;
            let samples = reader
                .samples::<i32>()
                .map(|sample| sample.map(|sample| sample as f32 / largest));
            samples.collect::<Result<Vec<_>, _>>()?
        }
        (format, bits) => return Err(WaveError::Samples { bits, format }),
    };
    let channels = usize::from(spec.channels);
    let mean = |samples: &[f32]| samples.iter().sum::<f32>() / channels as f32;
    Ok(samples.chunks_exact(channels).map(mean).collect())
}
