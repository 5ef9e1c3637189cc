//! How loud each tone is in a chunk.

use std::f32::consts::TAU;

use super::CHUNK;

/// A fast Fourier transform of [`CHUNK`] samples (Cooley and Tukey, radix 2), with its tables.
pub struct Spectrum {
    /// Cosine and negative sine of each part of the first half of a turn.
    turns: Vec<(f32, f32)>,
    real: Vec<f32>,
    imaginary: Vec<f32>,
}

impl Spectrum {
    pub fn new() -> Self {
        let turn = |part: usize| TAU * part as f32 / CHUNK as f32;
        Self {
            turns: (0..CHUNK / 2)
                .map(|part| (turn(part).cos(), -turn(part).sin()))
                .collect(),
            real: vec![0.0; CHUNK],
            imaginary: vec![0.0; CHUNK],
        }
    }

    /// The power of each tone, by waves a chunk, in the sum of `chunks` chunks from the first sample on: what
    /// goes on through all of them adds up, and noise does not. `samples` has at least as many.
    pub fn of(&mut self, samples: &[f32], chunks: usize) -> Vec<f32> {
        let bits = CHUNK.trailing_zeros();
        for at in 0..CHUNK {
            let sum = (0..chunks).map(|chunk| samples[chunk * CHUNK + at]).sum();
            self.real[at.reverse_bits() >> (usize::BITS - bits)] = sum;
        }
        self.imaginary.fill(0.0);
        let mut half = 1;
        while half < CHUNK {
            self.combine(half);
            half *= 2;
        }
        let power = |(real, imaginary): (&f32, &f32)| real * real + imaginary * imaginary;
        self.real
            .iter()
            .zip(&self.imaginary)
            .take(CHUNK / 2)
            .map(power)
            .collect()
    }

    /// Makes transforms of twice `half` samples from two of `half` each.
    fn combine(&mut self, half: usize) {
        for begin in (0..CHUNK).step_by(2 * half) {
            for place in 0..half {
                let (cosine, sine) = self.turns[place * (CHUNK / 2 / half)];
                let (even, odd) = (begin + place, begin + place + half);
                let real = self.real[odd] * cosine - self.imaginary[odd] * sine;
                let imaginary = self.real[odd] * sine + self.imaginary[odd] * cosine;
                self.real[odd] = self.real[even] - real;
                self.imaginary[odd] = self.imaginary[even] - imaginary;
                self.real[even] += real;
                self.imaginary[even] += imaginary;
            }
        }
    }
}
