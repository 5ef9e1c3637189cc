//! Files that are whole or not there: written beside their place, synced, then put into it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// A file or folder could not be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct FileError {
    pub action: &'static str,
    pub path: PathBuf,
    #[source]
    pub source: io::Error,
}

impl FileError {
    pub fn new(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }

    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    pub fn is_already_there(&self) -> bool {
        self.source.kind() == io::ErrorKind::AlreadyExists
    }
}

/// Replaces the file at `path`, readable by its owner only. After a crash it is the old or the new one.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    put(path, bytes, |from, to| fs::rename(from, to))
}

/// As [`replace`], but fails if something is there.
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    put(path, bytes, |from, to| {
        fs::hard_link(from, to)?;
        fs::remove_file(from)
    })
}

fn put(path: &Path, bytes: &[u8], place: impl FnOnce(&Path, &Path) -> io::Result<()>) -> Result<(), FileError> {
    let beside = name_beside(path);
    let written = write_synced(&beside, bytes)
        .and_then(|()| place(&beside, path))
        .and_then(|()| sync_folder_of(path));
    written.map_err(|source| {
        // The error that is reported is the first one; the leftover file is harmless.
        let _ = fs::remove_file(&beside);
        FileError {
            action: "write",
            path: path.to_owned(),
            source,
        }
    })
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Puts a file into its place at once for every reader, but leaves it to the system when it reaches
/// the disk: for what can be had again.
pub fn replace_unsynced(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let beside = name_beside(path);
    fs::write(&beside, bytes)
        .and_then(|()| fs::rename(&beside, path))
        .map_err(FileError::new("write", path))
}

fn name_beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

/// Makes a new name in a folder survive a crash.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

/// Reads a file of at most `max` bytes.
pub fn read(path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(max + 1).read_to_end(&mut bytes))
        .and_then(|length| {
            if length as u64 > max {
                return Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    format!("it is longer than {max} bytes"),
                ));
            }
            Ok(())
        })
        .map_err(FileError::new("read", path))?;
    Ok(bytes)
}

/// Reads a text file of at most `max` bytes.
pub fn read_text(path: &Path, max: u64) -> Result<String, FileError> {
    String::from_utf8(read(path, max)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
        .map_err(FileError::new("read", path))
}
