//! The file that says that this node's state was found to be another than the certified one.
//!
//! A supervisor starts a node again whatever it ended with. From a state that more than two thirds of the power
//! contradict it must not go on to sign, so the file keeps it from starting until its database is replaced.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{
    error::{Attempt, StoreError},
    folder::{self, folder_error, sync_parent},
};

/// In the data folder, which the database is in.
const NAME: &str = "halted";

/// Keeps the node with this data folder from starting again on its database. Durable when it returns.
pub fn remember(data: &Path, why: &str) -> io::Result<()> {
    let path = data.join(NAME);
    let mut file = File::create(&path)?;
    writeln!(file, "{why}")?;
    file.sync_all()?;
    sync_parent(&path)
}

/// Fails if the node must not start on this database.
pub(super) fn check(database: &Path) -> Result<(), StoreError> {
    let path = path_for(database);
    match fs::read_to_string(&path) {
        Ok(why) => Err(StoreError::Halted {
            path,
            why: why.trim_end().to_owned(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(folder_error(Attempt::Read, &path, source)),
    }
}

/// The database has been replaced.
pub(super) fn forget(database: &Path) -> Result<(), StoreError> {
    let path = path_for(database);
    let removed = match fs::remove_file(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        removed => removed.and_then(|()| sync_parent(&path)),
    };
    removed.map_err(|source| folder_error(Attempt::Remove, &path, source))
}

fn path_for(database: &Path) -> PathBuf {
    folder::parent(database).join(NAME)
}
