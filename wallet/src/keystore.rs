//! Keys at rest: one encrypted file for each, made from BIP-39 words (SLIP-0010, ed25519, path
//! `m/44'/17239'/0'/0'/i'`, no BIP-39 passphrase) or imported as a bare seed.

pub mod derivation;
pub mod passphrase;
pub mod sealed;
pub mod secret;

use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use causeway_contracts::keys::PublicKey;

pub use self::{
    sealed::{KeyFile, Origin, SealError},
    secret::{Secret, SecretError, WordCount},
};
use crate::durable::{self, FileError};

const KEY_FILE_BYTES_MAX: u64 = 16 * 1024;

/// A folder of key files, each named by its key: `NAME.key.json`.
#[derive(Debug, Clone)]
pub struct Keystore {
    folder: PathBuf,
}

/// A key as it can be seen without its passphrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEntry {
    pub name: String,
    pub public_key: PublicKey,
    pub origin: Origin,
}

#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    #[error("a key's name has 1 to 64 characters of a-z, A-Z, 0-9, - and _")]
    Name,
    #[error("there is a key named {name} already; choose another name")]
    Exists { name: String },
    #[error("no key named {name}; `causeway keys list` shows those there are")]
    Unknown { name: String },
    #[error("the passphrase must not be empty")]
    EmptyPassphrase,
    #[error("key {name}: {source}")]
    Seal {
        name: String,
        #[source]
        source: SealError,
    },
    #[error("key {name}: not a key file: {source}")]
    Format {
        name: String,
        #[source]
        source: serde_json::Error,
    },
    #[error(transparent)]
    File(#[from] FileError),
}

impl Keystore {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Seals a secret under a name that is free.
    pub fn add(&self, name: &str, secret: &Secret, passphrase: &str) -> Result<PublicKey, KeystoreError> {
        let path = self.path(name)?;
        if passphrase.is_empty() {
            return Err(KeystoreError::EmptyPassphrase);
        }
        if path.exists() {
            return Err(KeystoreError::Exists { name: name.to_owned() });
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(FileError::new("make the folder", &self.folder))?;
        let file = KeyFile::seal(secret, passphrase).map_err(|source| KeystoreError::Seal {
            name: name.to_owned(),
            source,
        })?;
        let mut json = serde_json::to_vec_pretty(&file).expect("a key file has a JSON form");
        json.push(b'\n');
        durable::create(&path, &json).map_err(|error| {
            if error.is_already_there() {
                KeystoreError::Exists { name: name.to_owned() }
            } else {
                error.into()
            }
        })?;
        Ok(file.header.public_key)
    }

    pub fn open(&self, name: &str, passphrase: &str) -> Result<Secret, KeystoreError> {
        self.read(name)?.open(passphrase).map_err(|source| KeystoreError::Seal {
            name: name.to_owned(),
            source,
        })
    }

    pub fn entry(&self, name: &str) -> Result<KeyEntry, KeystoreError> {
        let header = self.read(name)?.header;
        Ok(KeyEntry {
            name: name.to_owned(),
            public_key: header.public_key,
            origin: header.origin,
        })
    }

    /// All keys, by name.
    pub fn list(&self) -> Result<Vec<KeyEntry>, KeystoreError> {
        let name_of = |file: &str| {
            file.strip_suffix(SUFFIX)
                .filter(|name| is_name(name))
                .map(str::to_owned)
        };
        let names = durable::names(&self.folder)?;
        names
            .iter()
            .filter_map(|file| name_of(file))
            .map(|name| self.entry(&name))
            .collect()
    }

    fn read(&self, name: &str) -> Result<KeyFile, KeystoreError> {
        let path = self.path(name)?;
        let json = durable::read(&path, KEY_FILE_BYTES_MAX).map_err(|error| {
            if error.is_not_found() {
                KeystoreError::Unknown { name: name.to_owned() }
            } else {
                error.into()
            }
        })?;
        serde_json::from_slice(&json).map_err(|source| KeystoreError::Format {
            name: name.to_owned(),
            source,
        })
    }

    fn path(&self, name: &str) -> Result<PathBuf, KeystoreError> {
        if !is_name(name) {
            return Err(KeystoreError::Name);
        }
        Ok(Path::new(&self.folder).join(format!("{name}{SUFFIX}")))
    }
}

const SUFFIX: &str = ".key.json";

/// Names are parts of paths, so they hold nothing that means something there.
fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(fits)
}

#[cfg(test)]
mod tests;
