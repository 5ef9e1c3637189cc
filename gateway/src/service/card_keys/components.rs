//! Components of a wrapping key, in files.

use std::{fs, io, path::PathBuf};

use causeway_wallet::durable::{self, FileError};
use zeroize::Zeroizing;

use super::{CardKeysError, TEXT_BYTES_MAX};
use crate::acquiring::hsm::HsmError;

pub(super) const BYTES: usize = 32;

pub(super) type Components = Vec<Zeroizing<Vec<u8>>>;

pub(super) fn read(files: &[PathBuf]) -> Result<Components, CardKeysError> {
    let component = |path: &PathBuf| {
        let text = Zeroizing::new(durable::read_text(path, TEXT_BYTES_MAX)?);
        let bytes = hex::decode(text.trim()).map(Zeroizing::new);
        bytes.map_err(|_| CardKeysError::Component { path: path.clone() })
    };
    files.iter().map(component).collect()
}

/// Random ones, each in its file; `written` are those files that may be there then.
pub(super) fn make(files: &[PathBuf], written: &mut Vec<PathBuf>) -> Result<Components, CardKeysError> {
    let component = |path: &PathBuf| {
        let mut component = Zeroizing::new(vec![0; BYTES]);
        getrandom::fill(&mut component).map_err(HsmError::from)?;
        let text = Zeroizing::new(hex::encode_upper(&component) + "\n");
        let created = durable::create(path, text.as_bytes());
        if !created.as_ref().is_err_and(FileError::is_already_there) {
            written.push(path.clone());
        }
        created?;
        Ok(component)
    };
    files.iter().map(component).collect()
}

/// Removes them: they are in clear, and would be in the way of the next try. Why there is no key, or which of them is still there.
pub(super) fn removed(written: &[PathBuf], failed: CardKeysError) -> CardKeysError {
    let kept = |path: &PathBuf| match fs::remove_file(path) {
        Err(kept) if kept.kind() != io::ErrorKind::NotFound => Some((path.clone(), kept)),
        _ => None,
    };
    let kept: Vec<_> = written.iter().filter_map(kept).collect();
    match kept.into_iter().next() {
        Some((path, kept)) => CardKeysError::ComponentLeft {
            path,
            kept,
            source: Box::new(failed),
        },
        None => failed,
    }
}
