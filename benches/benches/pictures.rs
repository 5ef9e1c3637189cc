//! Reading merchants' codes from photographs: PNG files of 1920 x 1080, every other one grey and in colour, of a code of
//! versions 1 to 10 on a card that is turned a little, out of focus, lit unevenly, and with a sensor's noise. Each is
//! another picture. What is timed is what `causeway scan` does: the file is unpacked, and a process of its own looks for
//! the code.

use std::{
    env, io,
    process::ExitCode,
    time::{Duration, Instant},
};

use causeway_wallet::{
    codes::picture::{scan, symbol},
    exit::Exit,
    offline::qr::{
        Symbol,
        reader::{self, Reader, TIME_MAX},
    },
};
use criterion::{Criterion, SamplingMode};
use png::{BitDepth, ColorType, Compression, Encoder};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

const WIDTH: usize = 1_920;
const HEIGHT: usize = 1_080;
/// At least so many different pictures are read.
const PICTURES: usize = 200;
/// Bytes of level M in version 10 (ISO/IEC 18004, table 7).
const TEXT_BYTES_MAX: u64 = 213;
/// With this argument, this program looks at a picture on its standard input.
const LOOK: &str = "look";

struct Scene {
    symbol: Symbol,
    module_pixels: f32,
    /// Radians.
    turn: f32,
    centre: (f32, f32),
    /// Pixels on each side that one is mixed with.
    blur: usize,
    /// Where the light is brightest, and how much of it is lost at a screen's width from there.
    light: (f32, f32),
    falloff: f32,
}

/// Evenly from `least` to `most`.
fn between(rng: &mut ChaCha8Rng, least: f32, most: f32) -> f32 {
    least + (most - least) * (rng.next_u32() as f32 / u32::MAX as f32)
}

impl Scene {
    fn new(text: &str, rng: &mut ChaCha8Rng) -> Self {
        let symbol = symbol(text).expect("it fits version 10");
        assert!(symbol.version() <= 10);
        let most = 900.0 / symbol.side() as f32;
        Self {
            module_pixels: between(rng, most.min(6.0), most.min(14.0)),
            symbol,
            turn: between(rng, -8.0, 8.0).to_radians(),
            centre: (between(rng, 760.0, 1_160.0), between(rng, 530.0, 550.0)),
            blur: 1 + (rng.next_u32() % 2) as usize,
            light: (between(rng, 0.0, WIDTH as f32), between(rng, 0.0, HEIGHT as f32)),
            falloff: between(rng, 0.2, 0.6),
        }
    }

    /// How much light what is at a pixel throws back, of 255.
    fn reflected(&self, x: usize, y: usize) -> f32 {
        let (x, y) = (x as f32 - self.centre.0, y as f32 - self.centre.1);
        let (sin, cos) = self.turn.sin_cos();
        let half = self.symbol.side() as f32 / 2.0;
        let column = (x * cos + y * sin) / self.module_pixels + half;
        let row = (y * cos - x * sin) / self.module_pixels + half;
        let side = 0.0..self.symbol.side() as f32;
        if !side.contains(&column) || !side.contains(&row) {
            // The table that the card is on.
            return 110.0;
        }
        if self.symbol.is_dark(column as usize, row as usize) {
            35.0
        } else {
            235.0
        }
    }

    /// Brightness of all pixels, without noise.
    fn exposed(&self) -> Vec<f32> {
        let sharp = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| self.reflected(x, y)));
        let across = blurred(&sharp.collect::<Vec<_>>(), WIDTH, 1, self.blur);
        let mut pixels = blurred(&across, WIDTH, WIDTH, self.blur);
        for (at, pixel) in pixels.iter_mut().enumerate() {
            let (x, y) = ((at % WIDTH) as f32, (at / WIDTH) as f32);
            let distance = (x - self.light.0).hypot(y - self.light.1) / WIDTH as f32;
            *pixel *= (1.0 - self.falloff * distance).max(0.2);
        }
        pixels
    }
}

/// The mean of each pixel and its neighbours, `step` from one to the next; past the picture's edge there are none.
fn blurred(pixels: &[f32], width: usize, step: usize, radius: usize) -> Vec<f32> {
    let line = if step == 1 { width } else { pixels.len() };
    let mean = |at: usize| {
        let start = at / line * line;
        let around = (0..=2 * radius).filter_map(|n| (at + n * step).checked_sub(radius * step));
        let (sum, count) = around
            .filter(|near| (start..start + line).contains(near))
            .fold((0.0, 0.0), |(sum, count), near| (sum + pixels[near], count + 1.0));
        sum / count
    };
    (0..pixels.len()).map(mean).collect()
}

/// A picture, and what its code says.
fn photograph(seed: u64) -> (Vec<u8>, String) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let length = 1 + rng.next_u64() % TEXT_BYTES_MAX;
    let text: String = (0..length)
        .map(|_| char::from(b' ' + (rng.next_u32() % 95) as u8))
        .collect();
    let exposed = Scene::new(&text, &mut rng).exposed();
    let kind = [ColorType::Grayscale, ColorType::Rgb][(seed % 2) as usize];
    (file(&exposed, kind, &mut rng), text)
}

/// A PNG file, with noise in each sample: of 7 levels' standard deviation, from the sum of four bytes.
fn file(exposed: &[f32], kind: ColorType, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let samples = exposed.iter().flat_map(|pixel| vec![*pixel; kind.samples()]);
    let noisy = samples.map(|sample| {
        let sum: u16 = rng.next_u32().to_be_bytes().into_iter().map(u16::from).sum();
        (sample + (f32::from(sum) - 510.0) / 21.0) as u8
    });
    let noisy: Vec<u8> = noisy.collect();
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, WIDTH as u32, HEIGHT as u32);
    encoder.set_color(kind);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Balanced);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&noisy).expect("pixels");
    writer.finish().expect("an end");
    bytes
}

/// What reading each picture took, and how many were not read.
#[derive(Default)]
struct Readings {
    took: Vec<Duration>,
    unread: usize,
    file_bytes: usize,
}

impl Readings {
    fn read(&mut self, reader: &Reader) -> Duration {
        let (file, text) = photograph(self.took.len() as u64);
        let start = Instant::now();
        let read = scan(reader, &file);
        let took = start.elapsed();
        self.file_bytes += file.len();
        match read {
            Ok(read) => assert_eq!(read, text),
            Err(_) => self.unread += 1,
        }
        self.took.push(took);
        took
    }

    fn print(mut self) {
        self.took.sort_unstable();
        let count = self.took.len();
        let [p50, p99] = [50, 99].map(|percent| self.took[(count * percent).div_ceil(100) - 1].as_secs_f64() * 1e3);
        let (unread, mib) = (self.unread, self.file_bytes as f64 / count as f64 / f64::from(1 << 20));
        println!(
            "{count} pictures of {mib:.1} MiB on average: p50 {p50:.1} ms, p99 {p99:.1} ms; {unread} were not read"
        );
    }
}

fn measure(criterion: &mut Criterion) {
    let program = env::current_exe().expect("its path");
    let reader = Reader::with_arguments(program, &[LOOK], TIME_MAX);
    let mut readings = Readings::default();
    let mut group = criterion.benchmark_group("pictures");
    group.sampling_mode(SamplingMode::Flat);
    group.sample_size(PICTURES);
    group.warm_up_time(Duration::from_secs(1));
    group.measurement_time(Duration::from_secs(1));
    group.bench_function("scan", |b| {
        b.iter_custom(|count| (0..count).map(|_| readings.read(&reader)).sum());
    });
    group.finish();
    if !readings.took.is_empty() {
        readings.print();
    }
}

fn look() -> ExitCode {
    let found = reader::look(io::stdin().lock()).expect("a picture");
    let Some(content) = found else {
        return ExitCode::from(Exit::Input as u8);
    };
    io::Write::write_all(&mut io::stdout(), &content).expect("somebody reads it");
    ExitCode::SUCCESS
}

fn main() -> ExitCode {
    if env::args().nth(1).as_deref() == Some(LOOK) {
        return look();
    }
    let mut criterion = Criterion::default().configure_from_args();
    measure(&mut criterion);
    criterion.final_summary();
    ExitCode::SUCCESS
}
