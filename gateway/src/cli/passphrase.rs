//! Where the passphrase of a wallet's keys comes from: a file, or else the environment.

use std::path::Path;

use causeway_wallet::durable::{self, FileError};
use zeroize::Zeroizing;

const VARIABLE: &str = "CAUSEWAY_PASSPHRASE";

/// No passphrase is longer.
const PASSPHRASE_BYTES_MAX: u64 = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    #[error("the passphrase")]
    Read(#[source] FileError),
    #[error("there is no passphrase for the wallet's keys; set {VARIABLE}, or give --passphrase-file")]
    None,
}

pub fn passphrase(file: Option<&Path>) -> Result<Zeroizing<String>, PassphraseError> {
    if let Some(path) = file {
        let text = durable::read_text(path, PASSPHRASE_BYTES_MAX).map_err(PassphraseError::Read)?;
        let text = Zeroizing::new(text);
        return Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()));
    }
    std::env::var(VARIABLE)
        .map(Zeroizing::new)
        .map_err(|_| PassphraseError::None)
}
