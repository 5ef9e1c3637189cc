//! Writes codes of our own: one application, with its chip data.

use base64::{Engine, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

use super::{
    AID, APPLICATION, APPLICATION_CHIP_DATA, BYTES_MAX, Code, FORMAT, NUMBER, StructureError, TRACK_2, VERSION,
    Violation, chip_data,
};
use crate::{
    emv::{
        applet,
        tlv::{Tag, TlvError, Writer},
    },
    pan::Pan,
};

/// What says which card it is: a device's number, never that of the card itself.
pub enum Number<'a> {
    /// 5A.
    Pan(&'a Pan),
    /// 57, as chips have it.
    Track2(&'a [u8]),
}

/// Why a code is not written.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("its chip data is no row of objects, each once")]
    ChipData(#[source] TlvError),
    #[error("{0} bytes, a code has at most {BYTES_MAX}")]
    TooLong(usize),
    #[error("what was written cannot be read")]
    Structure(#[from] StructureError),
    #[error("it would break rules, at {} first: {}", .0[0].place, .0[0].message)]
    Violations(Vec<Violation>),
}

/// The text of a code of [our application](applet::AID), with chip data in the given order: the cryptogram and what
/// the issuer needs to check it.
pub fn build(number: &Number<'_>, chip: &[(Tag, &[u8])]) -> Result<Zeroizing<String>, BuildError> {
    let mut data = Writer::new();
    for (tag, value) in chip {
        data.primitive(*tag, value);
    }
    let data = data.into_bytes();
    let mut writer = Writer::new();
    writer.primitive(FORMAT, VERSION);
    writer.constructed(APPLICATION, |application| {
        application.primitive(AID, &applet::AID);
        match number {
            Number::Pan(pan) => application.primitive(NUMBER, &compressed(pan)),
            Number::Track2(track) => application.primitive(TRACK_2, track),
        };
        application.primitive(APPLICATION_CHIP_DATA, &data);
    });
    let bytes = Zeroizing::new(writer.into_bytes());
    if bytes.len() > BYTES_MAX {
        return Err(BuildError::TooLong(bytes.len()));
    }
    chip_data(&data).map_err(BuildError::ChipData)?;
    let violations = Code::read(&bytes)?.violations();
    if violations.is_empty() {
        Ok(Zeroizing::new(BASE64_STANDARD.encode(&*bytes)))
    } else {
        Err(BuildError::Violations(violations))
    }
}

/// Two digits a byte, filled with F.
fn compressed(pan: &Pan) -> Zeroizing<Vec<u8>> {
    let pairs = pan.digits().chunks(2);
    let byte = |pair: &[u8]| (pair[0] - b'0') << 4 | pair.get(1).map_or(15, |digit| digit - b'0');
    Zeroizing::new(pairs.map(byte).collect())
}
