//! Which module a gateway uses: `hsm` in its configuration.

use std::path::{Path, PathBuf};

use causeway_wallet::durable::{self, FileError};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Hsm, HsmError, Pkcs11Hsm, SoftwareHsm};

/// More than a key in hexadecimal or a PIN has.
const SECRET_BYTES_MAX: u64 = 256;

/// Either `{ kind = "software", file = …, key_file = … }`, whose key is 64 hexadecimal digits, or
/// `{ kind = "pkcs11", module = …, slot_label = …, pin_file = … }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum HsmConfig {
    Software {
        /// Made with the first key.
        file: PathBuf,
        key_file: PathBuf,
    },
    Pkcs11 {
        /// The module, a shared library.
        module: PathBuf,
        /// The token's.
        slot_label: String,
        pin_file: PathBuf,
    },
}

/// Why a gateway's module could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum HsmConfigError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{} must have 64 hexadecimal digits, which are the 32 random bytes that seal the keys", path.display())]
    KeyFile { path: PathBuf },
    #[error("{} must have the token's PIN", path.display())]
    PinFile { path: PathBuf },
    #[error(transparent)]
    Hsm(#[from] HsmError),
}

impl HsmConfig {
    /// With paths that are relative to a folder, that of the configuration.
    pub fn within(self, folder: &Path) -> Self {
        let within = |path| folder.join(path);
        match self {
            Self::Software { file, key_file } => Self::Software {
                file: within(file),
                key_file: within(key_file),
            },
            Self::Pkcs11 {
                module,
                slot_label,
                pin_file,
            } => Self::Pkcs11 {
                module: within(module),
                slot_label,
                pin_file: within(pin_file),
            },
        }
    }

    /// # Errors
    /// A file that cannot be read or has something else in it, or a module that does not open.
    pub fn open(&self) -> Result<Box<dyn Hsm>, HsmConfigError> {
        match self {
            Self::Software { file, key_file } => {
                let text = secret(key_file)?;
                let mut key = Zeroizing::new([0; 32]);
                hex::decode_to_slice(text.trim(), key.as_mut_slice())
                    .map_err(|_| HsmConfigError::KeyFile { path: key_file.clone() })?;
                Ok(Box::new(SoftwareHsm::open(file, key)?))
            }
            Self::Pkcs11 {
                module,
                slot_label,
                pin_file,
            } => {
                let text = secret(pin_file)?;
                let pin = text.trim_end_matches(['\r', '\n']);
                if pin.is_empty() {
                    return Err(HsmConfigError::PinFile { path: pin_file.clone() });
                }
                Ok(Box::new(Pkcs11Hsm::open(module, slot_label, &pin.into())?))
            }
        }
    }
}

fn secret(path: &Path) -> Result<Zeroizing<String>, FileError> {
    durable::read_text(path, SECRET_BYTES_MAX).map(Zeroizing::new)
}
