//! Key files of services, as nodes have them: a 32-byte Ed25519 seed as 64 hexadecimal digits, readable by its owner
//! only. A service starts without anybody who types a passphrase.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use causeway_contracts::keys::SecretKey;
use zeroize::Zeroizing;

use crate::durable::{self, FileError};

const FILE_BYTES_MAX: u64 = 100;

#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the key file {} is not 64 hexadecimal digits", path.display())]
    NotAKey { path: PathBuf },
    #[error("the key file {} can be read by others (mode {mode:o}); run: chmod 600 {}", path.display(), path.display())]
    Readable { path: PathBuf, mode: u32 },
}

pub fn read(path: &Path) -> Result<SecretKey, KeyFileError> {
    let metadata = fs::metadata(path).map_err(FileError::new("read", path))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Readable {
            path: path.to_owned(),
            mode,
        });
    }
    let text = Zeroizing::new(durable::read_text(path, FILE_BYTES_MAX)?);
    let mut seed = Zeroizing::new([0; 32]);
    let not_a_key = |_| KeyFileError::NotAKey { path: path.to_owned() };
    hex::decode_to_slice(text.trim(), seed.as_mut_slice()).map_err(not_a_key)?;
    Ok(SecretKey::from_seed(&seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_digits_that_nobody_else_reads() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.key");
        let write = |text: &str, mode| {
            fs::write(&path, text).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
        };
        assert!(matches!(read(&path), Err(KeyFileError::File(error)) if error.is_not_found()));
        write(&format!("{}\n", "07".repeat(32)), 0o600);
        let key = read(&path).expect("a key");
        assert_eq!(key.public_key(), SecretKey::from_seed(&[7; 32]).public_key());
        write(&"07".repeat(31), 0o600);
        assert!(matches!(read(&path), Err(KeyFileError::NotAKey { .. })));
        write(&"07".repeat(32), 0o640);
        assert!(matches!(read(&path), Err(KeyFileError::Readable { mode: 0o640, .. })));
    }
}
