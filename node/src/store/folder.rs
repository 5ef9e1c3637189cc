//! What surrounds the database on disk: its marker, its lock, and the space that is left.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use causeway_contracts::block::GenesisHash;
use nix::{
    fcntl::{FcntlArg, fcntl},
    libc,
    sys::statvfs::statvfs,
};

use super::error::{Attempt, StoreError};

/// Bytes that this process may still write to the file system that holds `path`.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let stat = statvfs(path)?;
    Ok(stat.blocks_available() as u64 * stat.fragment_size() as u64)
}

/// The file beside a database's folder that says that there has been one, and for which network.
/// It survives the folder's deletion, so that a node that lost its database is not taken for a new one.
pub(super) fn marker_path(database: &Path) -> PathBuf {
    database.with_extension("created")
}

/// Where a database is built before it is renamed into place: there is a whole one or none.
pub(super) fn building_path(database: &Path) -> PathBuf {
    // The whole name and more, so that it is nobody else's.
    let mut name = database.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

pub(super) fn write_marker(database: &Path, genesis: &GenesisHash) -> Result<(), StoreError> {
    let path = marker_path(database);
    let write = || {
        let mut file = File::create(&path)?;
        writeln!(file, "{genesis}")?;
        file.sync_all()?;
        sync_parent(&path)
    };
    write().map_err(|source| folder_error(Attempt::Write, &path, source))
}

/// Makes what was created, renamed or removed beside `path` durable.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(parent(path))?.sync_all()
}

pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Whether a folder is there and has something in it.
pub(super) fn is_occupied(path: &Path) -> Result<bool, StoreError> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(folder_error(Attempt::Probe, path, source)),
    }
}

pub(super) fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(folder_error(Attempt::Remove, path, source)),
        _ => Ok(()),
    }
}

/// Fails if another process has the database open. RocksDB's own lock refuses a second writer too,
/// but does not say whose it is, and a reader does not look at it.
pub(super) fn check_unused(database: &Path) -> Result<(), StoreError> {
    match open_lock(database)? {
        Some(file) => check_lock(database, &file),
        None => Ok(()),
    }
}

/// Keeps every other process from opening a database.
pub(super) struct Lock {
    /// The lock is this process's until it closes the file, or any other handle of it.
    _file: File,
}

/// Takes the lock that a node holds while it runs from this database. `None` if there is no database. Until it
/// is dropped, this process must not open the database, nor look whether it is used: either would give the
/// lock away.
pub(super) fn lock(database: &Path) -> Result<Option<Lock>, StoreError> {
    let Some(file) = open_lock(database)? else {
        return Ok(None);
    };
    let taken = fcntl(&file, FcntlArg::F_SETLK(&whole_file()));
    match taken {
        Ok(_) => Ok(Some(Lock { _file: file })),
        Err(errno) => {
            check_lock(database, &file)?;
            Err(folder_error(Attempt::Probe, &database.join(LOCK_FILE), errno.into()))
        }
    }
}

/// RocksDB's.
const LOCK_FILE: &str = "LOCK";

fn open_lock(database: &Path) -> Result<Option<File>, StoreError> {
    let lock = database.join(LOCK_FILE);
    match File::options().read(true).write(true).open(&lock) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(folder_error(Attempt::Open, &lock, source)),
    }
}

fn check_lock(database: &Path, file: &File) -> Result<(), StoreError> {
    let mut held = whole_file();
    fcntl(file, FcntlArg::F_GETLK(&mut held))
        .map_err(|errno| folder_error(Attempt::Probe, &database.join(LOCK_FILE), errno.into()))?;
    if held.l_type == libc::F_UNLCK as libc::c_short {
        return Ok(());
    }
    Err(StoreError::InUse {
        path: database.to_owned(),
        process: held.l_pid,
    })
}

fn whole_file() -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

pub(super) fn folder_error(attempt: Attempt, path: &Path, cause: io::Error) -> StoreError {
    StoreError::Folder {
        attempt,
        path: path.to_owned(),
        cause,
    }
}
