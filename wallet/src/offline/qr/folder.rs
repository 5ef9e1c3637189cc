//! Frames as numbered PNG files in a folder: `0001.png`, `0002.png` and so on.
//!
//! A file is written beside its place and then renamed, so that whoever looks while frames are still
//! being written sees whole pictures only.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use super::picture::PICTURE_BYTES_MAX;
use crate::durable::{self, FileError};

/// Files of a folder that are looked at; the names of more are not kept.
pub const FILES_MAX: usize = 4096;

const ENDING: &str = "png";

/// Why frames are not written into a folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("there are pictures in {} already, which a reader would take for frames; give an empty folder", .0.display())]
    NotEmpty(PathBuf),
    #[error(transparent)]
    File(#[from] FileError),
}

/// Makes the folder if it is not there.
pub fn prepare(folder: &Path) -> Result<(), FolderError> {
    fs::create_dir_all(folder).map_err(FileError::new("make the folder", folder))?;
    if pictures(folder)?.is_empty() {
        Ok(())
    } else {
        Err(FolderError::NotEmpty(folder.to_owned()))
    }
}

/// Puts a frame's picture into its place; they count from 1.
pub fn write(folder: &Path, number: usize, png: &[u8]) -> Result<(), FileError> {
    durable::replace_unsynced(&folder.join(format!("{number:04}.{ENDING}")), png)
}

/// The pictures of a folder by name, hidden files left out.
pub fn pictures(folder: &Path) -> Result<BTreeSet<PathBuf>, FileError> {
    let read = || -> io::Result<BTreeSet<PathBuf>> {
        let mut pictures = BTreeSet::new();
        for entry in fs::read_dir(folder)?.take(FILES_MAX) {
            let path = entry?.path();
            let is_hidden = path
                .file_name()
                .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
            if !is_hidden
                && path
                    .extension()
                    .is_some_and(|ending| ending.eq_ignore_ascii_case(ENDING))
            {
                pictures.insert(path);
            }
        }
        Ok(pictures)
    };
    read().map_err(FileError::new("read the folder", folder))
}

/// The bytes of one picture.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    durable::read(path, PICTURE_BYTES_MAX as u64)
}
