//! Where the files are.

use std::{error::Error, path::PathBuf};

/// A folder of files: a node's on a disk, or a simulator's, which loses what a disk may lose.
pub trait Folder {
    type Error: Error;

    /// For messages.
    fn path(&self, name: &str) -> PathBuf;

    /// All of a file; none if it is not there. One that is longer than `bytes_max` is an error.
    fn read(&self, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Writes a file anew. A crash leaves it as it was before or as it is after this; after this it is
    /// durable.
    fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Writes at the end of a file, which is `offset`. A crash may leave any of it; after this it is
    /// durable.
    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Cuts a file off, durably.
    fn truncate(&mut self, name: &str, length: u64) -> Result<(), Self::Error>;

    /// Gives a file another name, durably.
    fn rename(&mut self, from: &str, to: &str) -> Result<(), Self::Error>;
}
