//! Pictures of QR codes: PNG files, written as grey ones and read as whatever a stranger made.

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, DecodingError, EncodingError, Limits, Transformations};

use super::Symbol;

/// Of a file.
pub const PICTURE_BYTES_MAX: usize = 8 << 20;

/// As many as a screen has; a code of version 20 is readable in a hundredth of these.
pub const PIXELS_MAX: u64 = 1 << 22;

/// Pixels on each side of a module.
const MODULE_PIXELS: usize = 6;

/// Beyond the pixels themselves, what the PNG decoder may reserve.
const DECODER_BYTES_MAX: usize = 1 << 20;

/// Why a picture cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    #[error("the picture's file has {0} bytes; at most {PICTURE_BYTES_MAX} are read")]
    FileTooLong(usize),
    #[error("the picture has {width} x {height} pixels; at most {PIXELS_MAX} are read, so make it smaller")]
    TooManyPixels { width: u32, height: u32 },
    #[error("it is no PNG picture that can be read: {0}")]
    Decoding(#[from] DecodingError),
    #[error("the picture cannot be written: {0}")]
    Encoding(#[from] EncodingError),
    #[error("no QR code in the picture can be read; take it again, sharper and straight from the front")]
    NoCode,
    #[error("finding a code in the picture takes longer than {0:?}; take it again, with nothing in it but the code")]
    TakesTooLong(std::time::Duration),
    #[error(
        "the process that reads QR codes failed on the picture ({0}); take it again, with nothing in it but the code"
    )]
    ReaderFailed(std::process::ExitStatus),
    #[error("the process that reads QR codes cannot be used: {0}")]
    Process(#[source] std::io::Error),
}

/// Brightness, row by row from the top left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grey {
    pub width: usize,
    pub height: usize,
    /// `width * height`, 0 for black to 255 for white.
    pub pixels: Vec<u8>,
}

impl Grey {
    pub fn of(symbol: &Symbol) -> Self {
        let side = symbol.side() * MODULE_PIXELS;
        let pixel = |x, y| {
            if symbol.is_dark(x / MODULE_PIXELS, y / MODULE_PIXELS) {
                0
            } else {
                255
            }
        };
        Self {
            width: side,
            height: side,
            pixels: (0..side).flat_map(|y| (0..side).map(move |x| pixel(x, y))).collect(),
        }
    }

    /// Half as wide and half as high: each pixel is the mean of four. A last row or column that is odd is left out.
    pub fn half(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            let (upper, lower) = self.pixels[2 * y * self.width..].split_at(self.width);
            let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
            pixels.extend(pairs.take(width).map(|(upper, lower)| {
                let sum: u16 = upper.iter().chain(lower).copied().map(u16::from).sum();
                (sum / 4) as u8
            }));
        }
        Self { width, height, pixels }
    }

    /// The bytes of a PNG file.
    pub fn to_png(&self) -> Result<Vec<u8>, PictureError> {
        let side = |pixels: usize| u32::try_from(pixels).expect("pictures are smaller");
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, side(self.width), side(self.height));
        encoder.set_color(ColorType::Grayscale);
        encoder.set_depth(BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.pixels)?;
        writer.finish()?;
        Ok(file)
    }

    /// Reads a PNG file of any kind. Nothing is unpacked before its size is known to be within bounds, and
    /// nothing but the first picture in it.
    pub fn of_png(file: &[u8]) -> Result<Self, PictureError> {
        if file.len() > PICTURE_BYTES_MAX {
            return Err(PictureError::FileTooLong(file.len()));
        }
        let limits = Limits {
            bytes: DECODER_BYTES_MAX + PIXELS_MAX as usize * 8,
        };
        let mut decoder = Decoder::new_with_limits(Cursor::new(file), limits);
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        decoder.set_transformations(Transformations::normalize_to_color8());
        let (width, height) = decoder.read_header_info()?.size();
        let too_many = PictureError::TooManyPixels { width, height };
        if u64::from(width) * u64::from(height) > PIXELS_MAX {
            return Err(too_many);
        }
        let mut reader = decoder.read_info()?;
        let mut samples = vec![0; reader.output_buffer_size().ok_or(too_many)?];
        let frame = reader.next_frame(&mut samples)?;
        samples.truncate(frame.buffer_size());
        Ok(Self {
            width: width as usize,
            height: height as usize,
            pixels: brightness(&samples, frame.color_type),
        })
    }
}

/// Of samples of eight bits, on white where they are transparent.
fn brightness(samples: &[u8], kind: ColorType) -> Vec<u8> {
    let on_white = |grey: u8, alpha: u8| {
        let (grey, alpha) = (u32::from(grey), u32::from(alpha));
        ((grey * alpha + 255 * (255 - alpha)) / 255) as u8
    };
    // ITU-R BT.601.
    let luma = |red: u8, green: u8, blue: u8| {
        ((299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue)) / 1000) as u8
    };
    let pixels = samples.chunks_exact(kind.samples());
    match kind {
        ColorType::Grayscale | ColorType::Indexed => samples.to_vec(),
        ColorType::GrayscaleAlpha => pixels.map(|pixel| on_white(pixel[0], pixel[1])).collect(),
        ColorType::Rgb => pixels.map(|pixel| luma(pixel[0], pixel[1], pixel[2])).collect(),
        ColorType::Rgba => pixels
            .map(|pixel| on_white(luma(pixel[0], pixel[1], pixel[2]), pixel[3]))
            .collect(),
    }
}
