//! Codes as pictures: drawn as PNG and SVG, and read from PNG.
//!
//! Each is a QR code of level M, of which a seventh may be dirty or torn, with its quiet zone; the smallest that takes
//! the text. Levels above would not take all texts in a code that phones read.

use std::fmt::Write;

use super::CHARACTERS_MAX;
use crate::offline::qr::{
    Symbol, SymbolError,
    picture::{Grey, PictureError},
    reader::Reader,
};

/// Pixels on each side of an SVG's module, where nothing else gives its size.
const MODULE_PIXELS: usize = 6;

/// Why a code is not drawn.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    #[error("there is no text to draw")]
    Empty,
    #[error("the text has {0} characters; codes have at most {CHARACTERS_MAX}")]
    TooLong(usize),
    #[error("the text's {0} bytes are too many for a QR code of level M and version 20; at most 666 fit")]
    TooManyBytes(usize),
    #[error(transparent)]
    Symbol(#[from] SymbolError),
    #[error(transparent)]
    Picture(#[from] PictureError),
}

/// Why a picture gives no text.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error("the QR code in the picture holds no text (UTF-8), so that it is no merchant's payment code")]
    NotText,
}

/// The code's modules.
pub fn symbol(text: &str) -> Result<Symbol, DrawError> {
    match text.chars().count() {
        0 => Err(DrawError::Empty),
        length if length > CHARACTERS_MAX => Err(DrawError::TooLong(length)),
        _ => Symbol::of_bytes_at_m(text.as_bytes())?.ok_or(DrawError::TooManyBytes(text.len())),
    }
}

/// The bytes of a PNG file, grey.
pub fn png(text: &str) -> Result<Vec<u8>, DrawError> {
    Ok(Grey::of(&symbol(text)?).to_png()?)
}

/// An SVG image, black on white, in which a module is one unit: a path of the runs of dark modules.
pub fn svg(text: &str) -> Result<String, DrawError> {
    let symbol = symbol(text)?;
    let side = symbol.side();
    let pixels = side * MODULE_PIXELS;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{pixels}\" height=\"{pixels}\" \
         viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path d=\"{}\" fill=\"#000\"/></svg>\n",
        path(&symbol)
    ))
}

/// A rectangle for each run of dark modules in a row.
fn path(symbol: &Symbol) -> String {
    let mut path = String::new();
    for y in 0..symbol.side() {
        let mut x = 0;
        while x < symbol.side() {
            let length = (x..symbol.side()).take_while(|&x| symbol.is_dark(x, y)).count();
            if length > 0 {
                write!(path, "M{x} {y}h{length}v1h-{length}z").expect("a string takes all");
            }
            x += length + 1;
        }
    }
    path
}

/// What the first code in a PNG file says that can be read; nothing about it is checked.
pub fn scan(reader: &Reader, png: &[u8]) -> Result<String, ScanError> {
    String::from_utf8(reader.read(png)?).map_err(|_| ScanError::NotText)
}

#[cfg(test)]
mod blotches;
#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::offline::qr::reader;

    const ORDER: &str = include_str!("golden/order.txt");

    fn found(picture: &Grey) -> String {
        let content = reader::find(picture).expect("a code");
        String::from_utf8(content).expect("text")
    }

    /// The picture of an SVG's path, drawn with other means than it was written with.
    fn drawn(svg: &str) -> Grey {
        const PIXELS: usize = 4;
        let side = svg
            .split_once("viewBox=\"0 0 ")
            .and_then(|(_, rest)| rest.split_once(' '));
        let side: usize = side.and_then(|(side, _)| side.parse().ok()).expect("a side");
        let path = svg.split_once(" d=\"").and_then(|(_, rest)| rest.split_once('"'));
        let (width, mut pixels) = (side * PIXELS, vec![255; (side * PIXELS).pow(2)]);
        for run in path.expect("a path").0.split_terminator('z') {
            let numbers: Vec<usize> = run
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|digits| digits.parse().ok())
                .collect();
            let [x, y, length, 1, back] = numbers[..] else {
                panic!("{run}")
            };
            assert_eq!(length, back, "{run}");
            for row in y * PIXELS..(y + 1) * PIXELS {
                pixels[row * width + x * PIXELS..][..length * PIXELS].fill(0);
            }
        }
        Grey {
            width,
            height: width,
            pixels,
        }
    }

    #[test]
    fn a_code_is_of_level_m_with_a_quiet_zone() {
        let picture = Grey::of_png(&png(ORDER.trim_end()).expect("drawn")).expect("a picture");
        let pixel = |x, y| picture.pixels[y * picture.width + x];
        let quiet = 4 * 6;
        let is_quiet = |at: usize| at < quiet || at >= picture.width - quiet;
        for (x, y) in (0..picture.width).flat_map(|x| (0..picture.width).map(move |y| (x, y))) {
            assert!(!(is_quiet(x) || is_quiet(y)) || pixel(x, y) == 255, "{x} {y}");
        }
        assert_eq!(pixel(quiet, quiet), 0);
        let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(picture.width, picture.height, pixel);
        let (meta, text) = prepared.detect_grids()[0].decode().expect("read");
        // ISO/IEC 18004 table 12: 00 is M.
        assert_eq!((meta.ecc_level, text.as_str()), (0, ORDER.trim_end()));
    }

    #[test]
    fn what_does_not_fit_is_not_drawn() {
        assert!(matches!(svg(""), Err(DrawError::Empty)));
        assert!(matches!(png(&"x".repeat(513)), Err(DrawError::TooLong(513))));
        let text = "\u{4e2d}".repeat(222);
        assert_eq!(symbol(&text).expect("it fits").version(), 20);
        assert!(matches!(png(&format!("{text}x")), Err(DrawError::TooManyBytes(667))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn invariant_what_is_drawn_is_read_again(text in "\\PC{1,150}") {
            let picture = Grey::of_png(&png(&text).expect("drawn")).expect("a picture");
            prop_assert_eq!(found(&picture), text.clone());
            prop_assert_eq!(found(&drawn(&svg(&text).expect("drawn"))), text);
        }
    }
}
