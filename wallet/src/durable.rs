//! Files that are whole or not there: written beside their place, synced, then put into it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
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

/// Puts a file, readable by its owner only, into its place at once for every reader, but leaves it to
/// the system when it reaches the disk: for what can be had again.
pub fn replace_unsynced(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let beside = name_beside(path);
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(bytes)
    };
    write()
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

/// What is in a folder, by name; nothing if it is not there. Names that are no UTF-8 are left out.
pub fn names(folder: &Path) -> Result<Vec<String>, FileError> {
    let found = match fs::read_dir(folder) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(FileError::new("read", folder)(error)),
    };
    let mut names = Vec::new();
    for item in found {
        let item = item.map_err(FileError::new("read", folder))?;
        names.extend(item.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// Opens a file that is only appended to, for its owner alone, and makes it if it is not there. It
/// is locked for this process; where another holds it, `wait` says whether to wait for that one.
/// `None` if not.
pub fn open_locked(path: &Path, wait: impl FnOnce() -> bool) -> Result<Option<File>, FileError> {
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(FileError::new("open", path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) if wait() => file.lock().map_err(FileError::new("lock", path))?,
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(source)) => return Err(FileError::new("lock", path)(source)),
    }
    let length = file.metadata().map_err(FileError::new("read", path))?.len();
    if length == 0 {
        // What is synced into a file is lost all the same where its name is not on disk. Empty, not
        // new: the process that made it may have died before this.
        sync_folder_of(path).map_err(FileError::new("sync the folder of", path))?;
    }
    Ok(Some(file))
}

/// Reads a file of at most `max` bytes.
pub fn read(path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    let mut file = File::open(path).map_err(FileError::new("read", path))?;
    read_open(&mut file, path, max)
}

/// Reads what is left of an open file of at most `max` bytes.
pub fn read_open(file: &mut File, path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {max} bytes"));
    let mut read = || {
        // By its length first: a file that cannot be taken is not read into memory.
        if file.metadata()?.len() > max {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        file.take(max + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > max {
            return Err(too_large());
        }
        Ok(bytes)
    };
    read().map_err(FileError::new("read", path))
}

/// Reads a text file of at most `max` bytes.
pub fn read_text(path: &Path, max: u64) -> Result<String, FileError> {
    String::from_utf8(read(path, max)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
        .map_err(FileError::new("read", path))
}
