//! Chunks of a snapshot that is being fetched, each in a file under its root: a restart goes on with those that
//! are there, of the same snapshot or, where it has the same, of a later one.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use causeway_contracts::snapshot::{CHUNK_BYTES_MAX, Chunk, Manifest};

use super::{error::Attempt, snapshot::SnapshotError};

/// A folder of nothing else.
#[derive(Debug)]
pub struct ChunkFolder {
    path: PathBuf,
}

impl ChunkFolder {
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Whether there is anything, whole or not.
    pub fn has_any(&self) -> bool {
        fs::read_dir(&self.path).is_ok_and(|mut entries| entries.next().is_some())
    }

    /// Which chunks of a snapshot are there. All that is not of it is removed.
    pub fn begin(&self, manifest: &Manifest) -> Result<Vec<u32>, SnapshotError> {
        let names: BTreeSet<_> = manifest
            .chunks
            .iter()
            .map(|root| self.path.join(root.to_string()))
            .collect();
        let clean = || -> io::Result<()> {
            fs::create_dir_all(&self.path)?;
            for entry in fs::read_dir(&self.path)? {
                let path = entry?.path();
                if !names.contains(&path) {
                    fs::remove_file(path)?;
                }
            }
            Ok(())
        };
        clean().map_err(|cause| failed(Attempt::Create, &self.path, cause))?;
        let mut found = Vec::new();
        for index in (0..).take(manifest.chunks.len()) {
            if self.get(manifest, index)?.is_some() {
                found.push(index);
            }
        }
        Ok(found)
    }

    /// Keeps a chunk that was checked. Not synced: it is checked again when it is read.
    pub fn put(&self, manifest: &Manifest, index: u32, chunk: &Chunk) -> Result<(), SnapshotError> {
        let path = self.file(manifest, index);
        fs::write(&path, chunk.encode()).map_err(|cause| failed(Attempt::Write, &path, cause))
    }

    /// A chunk that is there whole: what a crash left half-written is as good as none.
    pub fn get(&self, manifest: &Manifest, index: u32) -> Result<Option<Chunk>, SnapshotError> {
        let path = self.file(manifest, index);
        let read_failed = |cause| failed(Attempt::Read, &path, cause);
        match fs::metadata(&path) {
            Ok(data) if data.len() <= CHUNK_BYTES_MAX as u64 => {}
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(read_failed(error)),
            Ok(_) | Err(_) => return Ok(None),
        }
        let chunk = Chunk::decode(&fs::read(&path).map_err(read_failed)?).ok();
        Ok(chunk.filter(|chunk| manifest.check_chunk(index, chunk).is_ok()))
    }

    /// Every chunk of a snapshot, in order.
    ///
    /// # Errors
    /// Where one is not there, or not whole.
    pub fn all<'f>(&'f self, manifest: &'f Manifest) -> impl Iterator<Item = Result<Chunk, SnapshotError>> + 'f {
        (0..).take(manifest.chunks.len()).map(|index| {
            let missing = || {
                failed(
                    Attempt::Read,
                    &self.file(manifest, index),
                    io::ErrorKind::NotFound.into(),
                )
            };
            self.get(manifest, index)?.ok_or_else(missing)
        })
    }

    pub fn remove(&self) -> Result<(), SnapshotError> {
        match fs::remove_dir_all(&self.path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(failed(Attempt::Remove, &self.path, cause)),
            _ => Ok(()),
        }
    }

    /// # Panics
    /// If the manifest has no such chunk.
    fn file(&self, manifest: &Manifest, index: u32) -> PathBuf {
        self.path.join(manifest.chunks[index as usize].to_string())
    }
}

fn failed(attempt: Attempt, path: &Path, cause: io::Error) -> SnapshotError {
    SnapshotError::File {
        attempt,
        path: path.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use causeway_contracts::{
        block::{GenesisHash, Height},
        snapshot::{self, SnapshotEntry},
        transaction::{TxId, UnixSeconds},
    };

    use super::*;

    fn snapshot(entries: u32) -> (Vec<Chunk>, Manifest) {
        let entry = |number: u32| {
            let mut id = TxId([8; 32]);
            id.0[..4].copy_from_slice(&number.to_be_bytes());
            SnapshotEntry::Id(UnixSeconds(1_800_000_000), id)
        };
        snapshot::cut(GenesisHash([1; 32]), Height(7), (0..entries).map(entry))
    }

    #[test]
    fn goes_on_with_what_is_whole_and_still_wanted() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = ChunkFolder::new(parent.path().join("chunks"));
        let (chunks, manifest) = snapshot(4096 * 3 + 1);
        assert!(folder.begin(&manifest).expect("it begins").is_empty());
        assert!(!folder.has_any());
        for index in [0, 1, 3] {
            folder.put(&manifest, index, &chunks[index as usize]).expect("writable");
        }
        // Half of one, and something else.
        let torn = folder.file(&manifest, 1);
        let half = fs::read(&torn).expect("written")[..1000].to_vec();
        fs::write(&torn, half).expect("writable");
        fs::write(folder.path.join("other"), b"something").expect("writable");
        assert!(folder.has_any());
        assert_eq!(folder.begin(&manifest).expect("it begins"), [0, 3]);
        assert!(!folder.path.join("other").exists());
        assert!(folder.all(&manifest).any(|chunk| chunk.is_err()), "two are missing");
        // A later one has the first two chunks of the first.
        folder.put(&manifest, 1, &chunks[1]).expect("writable");
        let (later_chunks, later) = snapshot(4096 * 2 + 9);
        assert_eq!(folder.begin(&later).expect("it begins"), [0, 1]);
        folder.put(&later, 2, &later_chunks[2]).expect("writable");
        let all: Result<Vec<_>, _> = folder.all(&later).collect();
        assert_eq!(all.expect("all are there"), later_chunks);
        folder.remove().expect("removable");
        folder.remove().expect("nothing is there");
    }
}
