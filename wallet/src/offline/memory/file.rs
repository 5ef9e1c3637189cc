//! A purse's memory on a disk: a header in the open, then units that only the passphrase opens.
//!
//! The file has blocks of 4,096 bytes. The first is the header: JSON, filled up with spaces and ended with
//! a newline: the version, the number of units, and what [`crate::keystore::passphrase`] needs. Each copy of
//! the generation cell and each slot begins a block of its own, since a disk may lose the whole sector that it
//! was writing; their units follow each other, and zeros fill the last block. Each unit is a nonce of 24 bytes,
//! 256 of ciphertext and a tag of 16 (XChaCha20-Poly1305), whose associated data are the SHA-256 of
//! the header and the unit's number (4 bytes, big-endian). A unit that does not open or cannot be read was
//! torn, or tampered with: which of both, [`super::store`] decides.
//!
//! The file is locked while it is open, so that two processes never use one purse. A copy of it is
//! another purse in nobody's eyes but the ledger's; whoever pays from both loses what it guarantees.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use chacha20poly1305::{
    XChaCha20Poly1305,
    aead::{Aead, Payload},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Memory, MemoryError, UNIT_BYTES, Unit, slots::Layout};
use crate::{
    durable::{self, FileError},
    keystore::passphrase::{Cipher, Hex, Kdf, KdfError},
};

/// The only version there is.
const VERSION: u16 = 1;

/// What disks and page caches write as a whole; of theirs, none is longer that is in use.
const BLOCK_BYTES: usize = 4096;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const SEALED_BYTES: usize = NONCE_BYTES + UNIT_BYTES + TAG_BYTES;

/// Linux, for a sector that the disk cannot read.
const EIO: i32 = 5;

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
    #[error("{0} units are not the memory of a purse")]
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
    places: Places,
    seal: Seal,
}

/// Where in a file the units are.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Places {
    /// Of units, each with the first block.
    parts: [(Range<usize>, usize); 4],
    blocks: usize,
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
        let places = Places::of(content.len())?;
        let kdf = Kdf::fresh()?;
        let derived = kdf.derive(passphrase).map_err(in_file(path))?;
        let header = Header {
            purse_memory: VERSION,
            units: u32::try_from(content.len()).expect("the number is known"),
            kdf,
            cipher: Cipher::XChaCha20Poly1305,
            passphrase_check: derived.check(),
        };
        let mut bytes = header.to_bytes();
        let seal = Seal::new(derived.cipher(), &bytes);
        bytes.resize(places.blocks * BLOCK_BYTES, 0);
        for (index, unit) in content.iter().enumerate() {
            bytes[places.at(index)].copy_from_slice(&seal.close(index, unit)?);
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
        let mut bytes = [0; BLOCK_BYTES];
        file.read_exact_at(&mut bytes, 0)
            .map_err(FileError::new("read", path))?;
        let header = Header::from_bytes(&bytes, path)?;
        let units = header.units as usize;
        let places = Places::of(units)?;
        let length = file.metadata().map_err(FileError::new("read", path))?.len();
        let expected = (places.blocks * BLOCK_BYTES) as u64;
        if length != expected {
            return Err(PurseFileError::Length {
                path: path.to_owned(),
                units,
                bytes: length,
                expected,
            });
        }
        let derived = header.kdf.derive(passphrase).map_err(in_file(path))?;
        if derived.check() != header.passphrase_check {
            return Err(PurseFileError::WrongPassphrase);
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            places,
            seal: Seal::new(derived.cipher(), &bytes),
        })
    }

    /// Writes what cannot be read as a whole, since it could not be changed in part.
    fn renew_blocks(&self, bytes: Range<usize>) -> io::Result<()> {
        for block in bytes.start / BLOCK_BYTES..bytes.end.div_ceil(BLOCK_BYTES) {
            let offset = (block * BLOCK_BYTES) as u64;
            match self.file.read_exact_at(&mut [0; BLOCK_BYTES], offset) {
                Err(error) if is_unreadable(&error) => self.file.write_all_at(&[0; BLOCK_BYTES], offset)?,
                other => other?,
            }
        }
        Ok(())
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(io::Error) -> MemoryError {
        let error = FileError::new(action, &self.path);
        move |source| error(source).into()
    }
}

impl Memory for FileMemory {
    fn units(&self) -> usize {
        self.places.units()
    }

    fn read(&self, unit: usize) -> Result<Option<Unit>, MemoryError> {
        let mut sealed = [0; SEALED_BYTES];
        let offset = self.places.at(unit).start as u64;
        match self.file.read_exact_at(&mut sealed, offset) {
            Ok(()) => Ok(self.seal.open(unit, &sealed)),
            // Some disks leave a sector so that they were writing when the power failed.
            Err(error) if is_unreadable(&error) => Ok(None),
            Err(error) => Err(self.failed("read")(error)),
        }
    }

    fn write(&mut self, unit: usize, content: &Unit) -> Result<(), MemoryError> {
        let sealed = self.seal.close(unit, content)?;
        let place = self.places.at(unit);
        let write = || self.file.write_all_at(&sealed, place.start as u64);
        let written = write().or_else(|error| {
            if is_unreadable(&error) {
                self.renew_blocks(place.clone())?;
                write()
            } else {
                Err(error)
            }
        });
        written.map_err(self.failed("write"))
    }

    fn sync(&mut self) -> Result<(), MemoryError> {
        self.file.sync_data().map_err(self.failed("sync"))
    }
}

impl Places {
    fn of(units: usize) -> Result<Self, PurseFileError> {
        let layout = Layout::of(units).ok_or(PurseFileError::Units(units))?;
        // After the header.
        let mut blocks = 1;
        let parts = layout.parts().map(|part| {
            let first = blocks;
            blocks += (part.len() * SEALED_BYTES).div_ceil(BLOCK_BYTES);
            (part, first)
        });
        Ok(Self { parts, blocks })
    }

    fn units(&self) -> usize {
        self.parts.iter().map(|(part, _)| part.len()).sum()
    }

    /// The bytes of a unit.
    fn at(&self, unit: usize) -> Range<usize> {
        let mut parts = self.parts.iter();
        let part = parts.find(|(part, _)| part.contains(&unit));
        let (part, first) = part.unwrap_or_else(|| panic!("unit {unit} of {}", self.units()));
        let start = first * BLOCK_BYTES + (unit - part.start) * SEALED_BYTES;
        start..start + SEALED_BYTES
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
        let unit = Zeroizing::new(self.cipher.decrypt(nonce.into(), Payload { msg, aad }).ok()?);
        Some(unit.as_slice().try_into().expect("a unit was sealed"))
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
        assert!(bytes.len() < BLOCK_BYTES, "every field has its length");
        bytes.resize(BLOCK_BYTES - 1, b' ');
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
        Ok(header)
    }
}

fn in_file(path: &Path) -> impl FnOnce(KdfError) -> PurseFileError {
    let path = path.to_owned();
    move |source| PurseFileError::Kdf { path, source }
}

fn is_unreadable(error: &io::Error) -> bool {
    error.raw_os_error() == Some(EIO)
}

#[cfg(test)]
mod tests;
