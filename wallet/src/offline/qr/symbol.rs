//! One QR code (ISO/IEC 18004) as a grid of dark and light modules.

use qrcode::{Color, EcLevel, QrCode, Version, bits::Bits, render::unicode::Dense1x2, types::QrError};

/// The largest code that a telephone reads from another's screen without being held still.
const VERSION_MAX: i16 = 20;

/// Light modules on every side, ISO/IEC 18004 section 9.1.
const QUIET_MODULES: usize = 4;

/// A code could not be made.
#[derive(Debug, thiserror::Error)]
#[error("no QR code can be made: {0}")]
pub struct SymbolError(#[from] QrError);

pub struct Symbol {
    code: QrCode,
}

impl Symbol {
    /// `bytes` as they are, in the smallest code of level M, or of L if none of M takes them. `None` if
    /// they are too long for version 20: above 858.
    pub fn of_bytes(bytes: &[u8]) -> Result<Option<Self>, SymbolError> {
        Self::smallest(&[EcLevel::M, EcLevel::L], |bits| bits.push_byte_data(bytes))
    }

    /// The same of level M alone, which takes at most 666 bytes.
    pub fn of_bytes_at_m(bytes: &[u8]) -> Result<Option<Self>, SymbolError> {
        Self::smallest(&[EcLevel::M], |bits| bits.push_byte_data(bytes))
    }

    /// Text of digits, capital letters and ` $%*+-./:`, two characters in 11 bits.
    pub(super) fn of_alphanumeric(text: &str) -> Result<Option<Self>, SymbolError> {
        Self::smallest(&[EcLevel::M, EcLevel::L], |bits| {
            bits.push_alphanumeric_data(text.as_bytes())
        })
    }

    fn smallest(
        levels: &[EcLevel],
        push: impl Fn(&mut Bits) -> Result<(), QrError>,
    ) -> Result<Option<Self>, SymbolError> {
        for &level in levels {
            for version in 1..=VERSION_MAX {
                let mut bits = Bits::new(Version::Normal(version));
                match push(&mut bits).and_then(|()| bits.push_terminator(level)) {
                    Ok(()) => {
                        let code = QrCode::with_bits(bits, level)?;
                        return Ok(Some(Self { code }));
                    }
                    Err(QrError::DataTooLong) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(None)
    }

    /// From 1 to 20; a code has 17 + 4 x version modules on each side.
    pub fn version(&self) -> i16 {
        match self.code.version() {
            Version::Normal(version) | Version::Micro(version) => version,
        }
    }

    /// Modules on each side, with the quiet zone.
    pub fn side(&self) -> usize {
        self.code.width() + 2 * QUIET_MODULES
    }

    /// Whether the module at column `x` and row `y`, counted with the quiet zone, is dark.
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        let inside = QUIET_MODULES..QUIET_MODULES + self.code.width();
        inside.contains(&x) && inside.contains(&y) && self.code[(x - QUIET_MODULES, y - QUIET_MODULES)] == Color::Dark
    }

    /// Half blocks, two rows of modules in a line, for a terminal of light text on a dark ground.
    pub fn to_terminal(&self) -> String {
        let mut renderer = self.code.render::<Dense1x2>();
        renderer.dark_color(Dense1x2::Light).light_color(Dense1x2::Dark);
        renderer.build()
    }
}
