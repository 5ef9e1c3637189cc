//! Key files: a 32-byte ed25519 seed as 64 hexadecimal digits, readable by their owner only.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use causeway_contracts::keys::SecretKey;

#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("cannot read the key file {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write the key file {path}: {source}")]
    Write { path: PathBuf, source: io::Error },
    #[error("the key file {path} is not 64 hexadecimal digits")]
    NotAKey { path: PathBuf },
    #[error("the key file {path} can be read by others (mode {mode:o}); run: chmod 600 {path}")]
    Readable { path: PathBuf, mode: u32 },
    #[error("the system gives no entropy: {0}")]
    Entropy(getrandom::Error),
}

/// The seed in a key file.
pub fn read_seed(path: &Path) -> Result<[u8; 32], KeyFileError> {
    let fail = |source| KeyFileError::Read {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(fail)?;
    let mode = file.metadata().map_err(fail)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Readable {
            path: path.to_owned(),
            mode,
        });
    }
    let mut text = String::new();
    (&mut file).take(100).read_to_string(&mut text).map_err(fail)?;
    let mut seed = [0; 32];
    hex::decode_to_slice(text.trim(), &mut seed).map_err(|_| KeyFileError::NotAKey { path: path.to_owned() })?;
    Ok(seed)
}

pub fn read(path: &Path) -> Result<SecretKey, KeyFileError> {
    read_seed(path).map(|seed| SecretKey::from_seed(&seed))
}

/// Makes a new key and writes it to a file that must not exist yet.
pub fn create(path: &Path) -> Result<SecretKey, KeyFileError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(KeyFileError::Entropy)?;
    write_seed(path, &seed)?;
    Ok(SecretKey::from_seed(&seed))
}

/// Writes a seed to a file that must not exist yet.
pub fn write_seed(path: &Path, seed: &[u8; 32]) -> Result<(), KeyFileError> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        writeln!(file, "{}", hex::encode(seed))?;
        file.sync_all()
    };
    write().map_err(|source| KeyFileError::Write {
        path: path.to_owned(),
        source,
    })
}
