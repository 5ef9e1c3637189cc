//! Codes of level H with a blotch on them: 15 % of the code's area, clear of its finder and alignment patterns,
//! and no more than 2.6 times as long as wide.

use qrcode::{Color, EcLevel, QrCode, Version};
use sha2::{Digest, Sha256};

use crate::offline::qr::{picture::Grey, reader};

const MODULE_PIXELS: usize = 6;
const QUIET_MODULES: usize = 4;

/// Numbers that a seed gives, the same on every machine.
struct Numbers {
    seed: u64,
    drawn: u64,
}

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.drawn += 1;
        let hash = Sha256::digest([self.seed.to_be_bytes(), self.drawn.to_be_bytes()].concat());
        let number = u64::from_be_bytes(*hash.first_chunk().expect("32 bytes"));
        (number % end as u64) as usize
    }
}

/// Modules from `x` and `y` on.
#[derive(Debug, Clone, Copy)]
struct Blotch {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

impl Blotch {
    fn covers(&self, x: usize, y: usize) -> bool {
        (self.x..self.x + self.width).contains(&x) && (self.y..self.y + self.height).contains(&y)
    }

    fn area(&self) -> usize {
        self.width * self.height
    }
}

/// Bytes at level H, of versions 4 to 10 (ISO/IEC 18004, table 7). Of smaller codes so much is patterns that 15 % of the
/// area can be more of the data than level H mends.
const CAPACITY: [usize; 7] = [34, 44, 58, 64, 84, 98, 119];

/// ISO/IEC 18004, annex E: where alignment patterns have their middle, for versions 1 to 10.
const ALIGNMENT: [&[usize]; 10] = [
    &[],
    &[6, 18],
    &[6, 22],
    &[6, 26],
    &[6, 30],
    &[6, 34],
    &[6, 22, 38],
    &[6, 24, 42],
    &[6, 26, 46],
    &[6, 28, 50],
];

/// Whether the module is one of a finder pattern with its separator, or of an alignment pattern.
fn is_pattern(version: usize, x: usize, y: usize) -> bool {
    let side = 17 + 4 * version;
    let (left, top) = (x < 8, y < 8);
    let (right, bottom) = (x >= side - 8, y >= side - 8);
    let is_finder = top && (left || right) || left && bottom;
    let is_in_finder = |x: usize, y: usize| {
        let (near, far) = (6, side - 7);
        [(near, near), (near, far), (far, near)].contains(&(x, y))
    };
    let centres = ALIGNMENT[version - 1];
    let is_alignment = centres.iter().flat_map(|&cx| centres.iter().map(move |&cy| (cx, cy)));
    is_finder
        || is_alignment
            .filter(|&(cx, cy)| !is_in_finder(cx, cy))
            .any(|(cx, cy)| x.abs_diff(cx) <= 2 && y.abs_diff(cy) <= 2)
}

/// A rectangle of at least 15 % of the area, and of no more modules than that needs, that is clear of patterns.
fn blotch(version: usize, numbers: &mut Numbers) -> Blotch {
    let side = 17 + 4 * version;
    let least = (side * side * 15).div_ceil(100);
    loop {
        let width = 6 + numbers.below(side - 6);
        let height = least.div_ceil(width);
        let (x, y) = (numbers.below(side - width + 1), numbers.below(side));
        // Longer stripes touch more codewords than level H mends.
        if 5 * width.max(height) > 13 * width.min(height) {
            continue;
        }
        let is_clear = || (y..y + height).all(|y| (x..x + width).all(|x| !is_pattern(version, x, y)));
        if y + height <= side && is_clear() {
            return Blotch { x, y, width, height };
        }
    }
}

/// What is on the code: dark, light, grey, or anything.
fn stain(kind: usize, numbers: &mut Numbers) -> u8 {
    match kind {
        0 => 0,
        1 => 255,
        2 => 128,
        _ => numbers.below(256) as u8,
    }
}

fn drawn(code: &QrCode, blotch: Blotch, kind: usize, numbers: &mut Numbers) -> Grey {
    let modules = code.width() + 2 * QUIET_MODULES;
    let side = modules * MODULE_PIXELS;
    let mut pixels = vec![255; side * side];
    for (x, y) in (0..code.width()).flat_map(|x| (0..code.width()).map(move |y| (x, y))) {
        let value = match (blotch.covers(x, y), code[(x, y)]) {
            (true, _) => stain(kind, numbers),
            (false, Color::Dark) => 0,
            (false, Color::Light) => 255,
        };
        for row in 0..MODULE_PIXELS {
            let at = ((y + QUIET_MODULES) * MODULE_PIXELS + row) * side + (x + QUIET_MODULES) * MODULE_PIXELS;
            pixels[at..at + MODULE_PIXELS].fill(value);
        }
    }
    Grey {
        width: side,
        height: side,
        pixels,
    }
}

#[test]
fn forty_of_forty_codes_with_a_blotch_are_read() {
    let mut unread = Vec::new();
    for seed in 0..40 {
        let mut numbers = Numbers { seed, drawn: 0 };
        let version = 4 + (seed as usize) % 7;
        let text: String = (0..CAPACITY[version - 4])
            .map(|_| char::from(b'a' + numbers.below(26) as u8))
            .collect();
        let code = QrCode::with_version(&text, Version::Normal(version as i16), EcLevel::H).expect("it fits");
        let blotch = blotch(version, &mut numbers);
        assert!(blotch.area() * 100 >= code.width().pow(2) * 15);
        let picture = drawn(&code, blotch, (seed as usize / 10) % 4, &mut numbers);
        if reader::find(&picture).as_deref() != Some(text.as_bytes()) {
            unread.push((seed, version, blotch));
        }
    }
    assert!(unread.is_empty(), "{} unread: {unread:?}", unread.len());
}
