//! Where a validator keeps what it must not forget: a folder of its own on the disk.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use causeway_consensus::Folder;
pub use causeway_consensus::{Absent, Recovered};

/// The consensus log and the sign record.
pub type Files = causeway_consensus::Files<DiskFolder>;
pub type FilesError = causeway_consensus::FilesError<FolderError>;
pub type JournalError = causeway_consensus::JournalError<FolderError>;

#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("cannot {doing} {path}: {source}")]
    Io {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("{path} is {bytes} bytes long, and no program of this network writes more than {bytes_max}")]
    TooLong { path: PathBuf, bytes: u64, bytes_max: u64 },
}

#[derive(Debug)]
pub struct DiskFolder {
    path: PathBuf,
    /// Those that have been written to.
    open: BTreeMap<String, File>,
}

impl DiskFolder {
    /// Makes it if it is not there.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        fs::create_dir_all(path).map_err(|source| FolderError::Io {
            doing: "make the folder",
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            open: BTreeMap::new(),
        })
    }

    fn failed(&self, doing: &'static str, name: &str) -> impl FnOnce(io::Error) -> FolderError + use<> {
        let path = self.path(name);
        move |source| FolderError::Io { doing, path, source }
    }

    fn file(&mut self, name: &str) -> io::Result<&File> {
        if !self.open.contains_key(name) {
            let file = OpenOptions::new().write(true).open(self.path.join(name))?;
            self.open.insert(name.to_owned(), file);
        }
        Ok(&self.open[name])
    }

    /// Makes a file's name durable.
    fn rename_durably(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))?;
        File::open(&self.path)?.sync_all()
    }

    fn write_anew(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = format!("{name}.new");
        let mut file = File::create(self.path.join(&temporary))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        self.rename_durably(&temporary, name)?;
        self.open.insert(name.to_owned(), file);
        Ok(())
    }

    #[cfg(test)]
    fn put(&mut self, name: &str, file: File) {
        self.open.insert(name.to_owned(), file);
    }
}

impl Folder for DiskFolder {
    type Error = FolderError;

    fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn read(&self, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, FolderError> {
        let path = self.path(name);
        let bytes = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("read", name)(error)),
        };
        if bytes > bytes_max {
            return Err(FolderError::TooLong { path, bytes, bytes_max });
        }
        fs::read(&path).map(Some).map_err(self.failed("read", name))
    }

    fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        self.write_anew(name, bytes).map_err(self.failed("write", name))
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), FolderError> {
        let failed = self.failed("write", name);
        let write = |file: &File| file.write_all_at(bytes, offset).and_then(|()| file.sync_data());
        self.file(name).and_then(write).map_err(failed)
    }

    fn truncate(&mut self, name: &str, length: u64) -> Result<(), FolderError> {
        let failed = self.failed("truncate", name);
        let cut = |file: &File| file.set_len(length).and_then(|()| file.sync_all());
        self.file(name).and_then(cut).map_err(failed)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), FolderError> {
        self.rename_durably(from, to).map_err(self.failed("rename", from))?;
        if let Some(file) = self.open.remove(from) {
            self.open.insert(to.to_owned(), file);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
