//! A file system in memory under one validator's data, which can be full at will: its size is brought
//! down to what is used. It takes the right to mount.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sys::statvfs::statvfs,
};

/// What it may hold while it is not full; it takes memory for what it does hold alone.
const SIZE_BYTES: u64 = 4 << 30;

/// Unmounted when it is dropped.
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Over a new or empty folder.
    pub fn mount(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let options = format!("size={SIZE_BYTES}");
        mount(Some("tmpfs"), path, Some("tmpfs"), MsFlags::empty(), Some(&*options))?;
        Ok(Self { path: path.to_owned() })
    }

    /// Ends one that an earlier run left behind, if there is one.
    pub fn clear(path: &Path) {
        // There is nothing to unmount, mostly.
        umount2(path, MntFlags::MNT_DETACH).ok();
    }

    /// Takes away what is free now. Files that are shortened or deleted later make room again.
    pub fn take_room(&self) -> io::Result<()> {
        let found = statvfs(&self.path)?;
        let used = (found.blocks() - found.blocks_free()) * found.fragment_size();
        match self.resize(used) {
            // Something was written since.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            resized => resized,
        }
    }

    pub fn give_room(&self) -> io::Result<()> {
        self.resize(SIZE_BYTES)
    }

    fn resize(&self, size: u64) -> io::Result<()> {
        let options = format!("size={size}");
        mount(
            None::<&str>,
            &self.path,
            None::<&str>,
            MsFlags::MS_REMOUNT,
            Some(&*options),
        )?;
        Ok(())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Detached: a validator that is being killed may still hold its files for a moment.
        umount2(&self.path, MntFlags::MNT_DETACH).ok();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Needs the right to mount; without it, says so and checks nothing.
    #[test]
    fn a_disk_without_room_takes_nothing_until_it_has_some_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        let Ok(disk) = SmallDisk::mount(&path) else {
            eprintln!("skipped: this user may not mount a small file system");
            return;
        };
        let mut file = fs::File::create(path.join("file")).unwrap();
        file.write_all(&[1; 8192]).unwrap();
        disk.take_room().unwrap();
        let error = file.write_all(&[1; 8192]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        disk.give_room().unwrap();
        file.write_all(&[1; 8192]).unwrap();
        drop(disk);
        assert!(!path.join("file").exists());
    }
}
