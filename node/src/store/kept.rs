//! The snapshots that a node keeps as files: those of the last two checkpoints, so that the one before is there
//! while the last is not certified yet, or is just being fetched.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use causeway_contracts::block::Height;

use super::folder::free_bytes;

const KEPT_MAX: usize = 2;

const EXTENSION: &str = "snapshot";

/// The folder of them.
#[derive(Debug, Clone)]
pub struct KeptSnapshots {
    folder: Arc<Path>,
    /// With less free disk space than this, none is kept anew.
    disk_free_bytes_min: u64,
}

impl KeptSnapshots {
    pub fn new(folder: &Path, disk_free_bytes_min: u64) -> Self {
        Self {
            folder: folder.into(),
            disk_free_bytes_min,
        }
    }

    /// Where the snapshot of a height is, or would be.
    pub fn path(&self, height: Height) -> PathBuf {
        // Names sort as heights do.
        self.folder.join(format!("{:020}.{EXTENSION}", height.0))
    }

    /// Removes what an earlier process has begun and not ended.
    pub fn clean(&self) -> io::Result<()> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            if !is_whole(&path) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// So much disk space is left free.
    pub fn disk_free_bytes_min(&self) -> u64 {
        self.disk_free_bytes_min
    }

    /// Makes room for one more and gives where it is to be written; `None` where there is no place for it, or
    /// it is there already.
    pub fn begin(&self, height: Height) -> Option<PathBuf> {
        match self.make_room(height) {
            Ok(path) => path,
            Err(error) => {
                tracing::warn!(folder = %self.folder.display(), %error, "this node keeps no snapshot for others");
                None
            }
        }
    }

    fn make_room(&self, height: Height) -> io::Result<Option<PathBuf>> {
        fs::create_dir_all(&self.folder)?;
        let path = self.path(height);
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let other = entry?.path();
            if is_whole(&other) {
                kept.push(other);
            }
        }
        kept.sort_unstable();
        if kept.contains(&path) {
            return Ok(None);
        }
        let surplus = (kept.len() + 1).saturating_sub(KEPT_MAX);
        for old in &kept[..surplus] {
            fs::remove_file(old)?;
        }
        if free_bytes(&self.folder)? < self.disk_free_bytes_min {
            tracing::warn!("disk space is low: this node keeps no snapshot for others");
            return Ok(None);
        }
        Ok(Some(path))
    }
}

fn is_whole(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == EXTENSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_two_and_nothing_half_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = KeptSnapshots::new(folder.path(), 0);
        let names = || {
            let mut names: Vec<_> = fs::read_dir(folder.path())
                .expect("readable")
                .map(|entry| entry.expect("readable").file_name().into_string().expect("ASCII"))
                .collect();
            names.sort_unstable();
            names
        };
        for height in [9, 10, 11] {
            let path = kept.begin(Height(height)).expect("there is room");
            fs::write(&path, b"a snapshot").expect("writable");
            fs::write(path.with_extension("snapshot.partial"), b"half").expect("writable");
        }
        assert_eq!(kept.begin(Height(11)), None, "it is there");
        kept.clean().expect("removable");
        assert_eq!(
            names(),
            ["00000000000000000010.snapshot", "00000000000000000011.snapshot"]
        );
        let cramped = KeptSnapshots::new(folder.path(), u64::MAX);
        assert_eq!(cramped.begin(Height(12)), None, "there is no room");
    }
}
