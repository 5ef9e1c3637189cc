//! A purse's memory on a disk: a header in the open, then units that only the passphrase opens.
//!
//! The header is JSON, filled up with spaces and ended with a newline to 512 bytes: the version, the
//! number of units, and what [`crate::keystore::passphrase`] needs. Each unit is a nonce of 24 bytes,
//! 256 of ciphertext and a tag of 16 (XChaCha20-Poly1305), whose associated data are the SHA-256 of
//! the header and the unit's number (4 bytes, big-endian). A unit that does not open was torn, or
//! tampered with: which of both, [`super::store`] decides.
//!
//! The file is locked while it is open, so that two processes never use one purse. A copy of it is
//! another purse in nobody's eyes but the ledger's; whoever pays from both loses what it guarantees.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use chacha20poly1305::{
    XChaCha20Poly1305,
    aead::{Aead, Payload},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Memory, MemoryError, UNIT_BYTES, Unit};
use crate::{
    durable::{self, FileError},
    keystore::passphrase::{Cipher, Hex, Kdf, KdfError},
};

/// The only version there is.
const VERSION: u16 = 1;

const HEADER_BYTES: usize = 512;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const SEALED_BYTES: usize = NONCE_BYTES + UNIT_BYTES + TAG_BYTES;

/// Two slots of the largest payload, and the cells.
const UNITS_MAX: u32 = 16 * 1024;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    purse_memory: u16,
    units: u32,
    kdf: Kdf,
    cipher: Cipher,
    /// SHA-256 over the second half of what the passphrase gives.
    passphrase_check: Hex,
}

/// Why a purse's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PurseFileError {
    #[error("there is a purse in {} already", path.display())]
    Exists { path: PathBuf },
    #[error("there is no purse in {}", path.display())]
    NotThere { path: PathBuf },
    #[error("the purse in {} is in use by another process; wait until that has ended", path.display())]
    InUse { path: PathBuf },
    #[error("{} is not a purse's file: {source}", path.display())]
    Header {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("version {0} of purses' files is not known; this program knows version {VERSION}")]
    Version(u16),
    #[error("{} has {bytes} bytes, and its {units} units take {expected}: it was cut or overwritten", path.display())]
    Length {
        path: PathBuf,
        units: usize,
        bytes: u64,
        expected: u64,
    },
    #[error("a purse has 1 to {UNITS_MAX} units, not {0}")]
    Units(usize),
    #[error("wrong passphrase")]
    WrongPassphrase,
    #[error("the passphrase must not be empty")]
    EmptyPassphrase,
    #[error("{}: {source}", path.display())]
    Kdf {
        path: PathBuf,
        #[source]
        source: KdfError,
    },
    #[error("no random bytes from the system: {0}")]
    Random(#[from] getrandom::Error),
    #[error(transparent)]
    File(#[from] FileError),
}

/// An open, locked file.
pub struct FileMemory {
    file: File,
    path: PathBuf,
    units: usize,
    seal: Seal,
}

/// What opens and closes the units of one file.
struct Seal {
    cipher: XChaCha20Poly1305,
    header_hash: [u8; 32],
}

impl FileMemory {
    /// Makes the file of a new purse, readable by its owner only; all of it, or nothing. `content` is
    /// what [`super::store::format`] gave.
    pub fn create(path: &Path, passphrase: &str, content: &[Unit]) -> Result<(), PurseFileError> {
        if passphrase.is_empty() {
            return Err(PurseFileError::EmptyPassphrase);
        }
        let units = u32::try_from(content.len())
            .ok()
            .filter(|units| (1..=UNITS_MAX).contains(units));
        let kdf = Kdf::fresh()?;
        let derived = kdf.derive(passphrase).map_err(in_file(path))?;
        let header = Header {
            purse_memory: VERSION,
            units: units.ok_or(PurseFileError::Units(content.len()))?,
            kdf,
            cipher: Cipher::XChaCha20Poly1305,
            passphrase_check: derived.check(),
        };
        let mut bytes = header.to_bytes();
        let seal = Seal::new(derived.cipher(), &bytes);
        for (index, unit) in content.iter().enumerate() {
            bytes.extend(seal.close(index, unit)?);
        }
        durable::create(path, &bytes).map_err(|error| {
            if error.is_already_there() {
                PurseFileError::Exists { path: path.to_owned() }
            } else {
                error.into()
            }
        })
    }

    /// Locks the file until it is dropped, or fails at once if another has it.
    pub fn open(path: &Path, passphrase: &str) -> Result<Self, PurseFileError> {
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(|source| {
            let error = FileError::new("open", path)(source);
            if error.is_not_found() {
                PurseFileError::NotThere { path: path.to_owned() }
            } else {
                error.into()
            }
        })?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => PurseFileError::InUse { path: path.to_owned() },
            TryLockError::Error(source) => FileError::new("lock", path)(source).into(),
        })?;
        let mut bytes = [0; HEADER_BYTES];
        file.read_exact_at(&mut bytes, 0)
            .map_err(FileError::new("read", path))?;
        let header = Header::from_bytes(&bytes, path)?;
        let units = header.units as usize;
        let length = file.metadata().map_err(FileError::new("read", path))?.len();
        if length != offset(units) {
            return Err(PurseFileError::Length {
                path: path.to_owned(),
                units,
                bytes: length,
                expected: offset(units),
            });
        }
        let derived = header.kdf.derive(passphrase).map_err(in_file(path))?;
        if derived.check() != header.passphrase_check {
            return Err(PurseFileError::WrongPassphrase);
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            units,
            seal: Seal::new(derived.cipher(), &bytes),
        })
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(io::Error) -> MemoryError {
        let error = FileError::new(action, &self.path);
        move |source| error(source).into()
    }
}

impl Memory for FileMemory {
    fn units(&self) -> usize {
        self.units
    }

    fn read(&self, unit: usize) -> Result<Option<Unit>, MemoryError> {
        assert!(unit < self.units, "unit {unit} of {}", self.units);
        let mut sealed = [0; SEALED_BYTES];
        self.file
            .read_exact_at(&mut sealed, offset(unit))
            .map_err(self.failed("read"))?;
        Ok(self.seal.open(unit, &sealed))
    }

    fn write(&mut self, unit: usize, content: &Unit) -> Result<(), MemoryError> {
        assert!(unit < self.units, "unit {unit} of {}", self.units);
        let sealed = self.seal.close(unit, content)?;
        self.file
            .write_all_at(&sealed, offset(unit))
            .map_err(self.failed("write"))
    }

    fn sync(&mut self) -> Result<(), MemoryError> {
        self.file.sync_data().map_err(self.failed("sync"))
    }
}

impl Seal {
    fn new(cipher: XChaCha20Poly1305, header: &[u8]) -> Self {
        Self {
            cipher,
            header_hash: Sha256::digest(header).into(),
        }
    }

    fn close(&self, index: usize, unit: &Unit) -> Result<Vec<u8>, getrandom::Error> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        let payload = Payload {
            msg: unit,
            aad: &self.associated(index),
        };
        let sealed = self.cipher.encrypt((&nonce).into(), payload);
        let sealed = sealed.expect("the message is far below the cipher's limit");
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn open(&self, index: usize, sealed: &[u8; SEALED_BYTES]) -> Option<Unit> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE_BYTES>().expect("it is longer");
        let aad = &self.associated(index);
        let unit = self.cipher.decrypt(nonce.into(), Payload { msg, aad }).ok()?;
        Some(unit.try_into().expect("a unit was sealed"))
    }

    fn associated(&self, index: usize) -> [u8; 36] {
        let mut associated = [0; 36];
        associated[..32].copy_from_slice(&self.header_hash);
        associated[32..].copy_from_slice(&u32::try_from(index).expect("a file has fewer").to_be_bytes());
        associated
    }
}

impl Header {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("a header has a JSON form");
        assert!(bytes.len() < HEADER_BYTES, "every field has its length");
        bytes.resize(HEADER_BYTES - 1, b' ');
        bytes.push(b'\n');
        bytes
    }

    fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, PurseFileError> {
        let header: Self = serde_json::from_slice(bytes).map_err(|source| PurseFileError::Header {
            path: path.to_owned(),
            source,
        })?;
        if header.purse_memory != VERSION {
            return Err(PurseFileError::Version(header.purse_memory));
        }
        if !(1..=UNITS_MAX).contains(&header.units) {
            return Err(PurseFileError::Units(header.units as usize));
        }
        Ok(header)
    }
}

fn in_file(path: &Path) -> impl FnOnce(KdfError) -> PurseFileError {
    let path = path.to_owned();
    move |source| PurseFileError::Kdf { path, source }
}

/// Where a unit begins.
fn offset(unit: usize) -> u64 {
    (HEADER_BYTES + unit * SEALED_BYTES) as u64
}

#[cfg(test)]
mod tests;
