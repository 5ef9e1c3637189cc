//! Puts a database that was built beside its place into it, so that a kill at any moment leaves a whole one there,
//! or one that the next start puts there.
//!
//! What was there is kept under a name with a number. Where the system can exchange two names at once, the new
//! database gets that name first, and then the two are exchanged. Where it cannot, the new one is named ready,
//! the old one is renamed, and the new one put in its place: whoever finds one ready and none in place goes on.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::{
    error::{Attempt, StoreError},
    folder::{folder_error, is_occupied, remove_if_there, sync_parent},
};

/// Where a whole database waits to be put in place.
fn ready_path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".ready");
    PathBuf::from(name)
}

/// Puts `building` in the place of whatever is at `path`; gives where that is now.
pub(super) fn swap(building: &Path, path: &Path) -> Result<Option<PathBuf>, StoreError> {
    if !is_occupied(path)? {
        put_in_place(building, path)?;
        return Ok(None);
    }
    let aside = free_name(path)?;
    rename(building, &aside)?;
    match exchange(&aside, path) {
        Ok(()) => {}
        Err(cause) if cannot_exchange(&cause) => {
            rename(&aside, &ready_path(path))?;
            rename(path, &aside)?;
            rename(&ready_path(path), path)?;
        }
        Err(cause) => return Err(folder_error(Attempt::Rename, path, cause)),
    }
    sync(path)?;
    Ok(Some(aside))
}

/// Puts a database where there is none.
pub(super) fn put_in_place(building: &Path, path: &Path) -> Result<(), StoreError> {
    // An empty folder may be in the way; one with something in it is not taken for a new node's.
    if !is_occupied(path)? {
        remove_if_there(path)?;
    }
    rename(building, path)
}

/// Ends what a kill has left of a [`swap`].
pub(super) fn finish(path: &Path) -> Result<(), StoreError> {
    let ready = ready_path(path);
    if !ready.exists() {
        return Ok(());
    }
    if is_occupied(path)? {
        // The old one has not been moved, so nothing has been replaced.
        return remove_if_there(&ready);
    }
    tracing::warn!(
        "a command that replaced the database at {} was interrupted; this goes on from the new one",
        path.display()
    );
    put_in_place(&ready, path)
}

/// The first name with a number that is free.
fn free_name(database: &Path) -> Result<PathBuf, StoreError> {
    let mut names = (1..=ASIDE_MAX).map(|number: u32| database.with_extension(format!("old-{number}")));
    names
        .find(|name| !name.exists())
        .ok_or_else(|| folder_error(Attempt::Rename, database, ErrorKind::AlreadyExists.into()))
}

/// So many damaged databases are kept; a person has to look at them before there are more.
const ASIDE_MAX: u32 = 9;

fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(|source| folder_error(Attempt::Rename, from, source))?;
    sync(to)
}

fn sync(path: &Path) -> Result<(), StoreError> {
    sync_parent(path).map_err(|source| folder_error(Attempt::Sync, path, source))
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
    Ok(renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE)?)
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// The system or the file system knows no exchange of names.
fn cannot_exchange(cause: &io::Error) -> bool {
    matches!(cause.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(path: &Path, content: &str) {
        fs::create_dir(path).expect("a folder");
        fs::write(path.join("it"), content).expect("a file");
    }

    fn content(path: &Path) -> Option<String> {
        fs::read_to_string(path.join("it")).ok()
    }

    #[test]
    fn what_was_there_is_kept_under_the_next_number() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, building) = (folder.path().join("db"), folder.path().join("db.new"));
        for number in 0..=3_u32 {
            folder_with(&building, &number.to_string());
            let aside = swap(&building, &path).expect("it is put in place");
            assert_eq!(content(&path), Some(number.to_string()));
            let expected = (number > 0).then(|| folder.path().join(format!("db.old-{number}")));
            assert_eq!(aside, expected);
            assert_eq!(
                aside.and_then(|it| content(&it)),
                number.checked_sub(1).map(|it| it.to_string())
            );
            assert!(!building.exists() && !ready_path(&path).exists());
        }
    }

    #[test]
    fn a_kill_between_two_renames_is_made_up_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, aside) = (folder.path().join("db"), folder.path().join("db.old-1"));
        let ready = ready_path(&path);
        finish(&path).expect("nothing to do");
        assert!(!path.exists());

        // Before the old one was moved: it counts.
        folder_with(&path, "old");
        folder_with(&ready, "new");
        finish(&path).expect("tidied");
        assert_eq!((content(&path), content(&ready)), (Some("old".into()), None));

        // After that: the new one is put in place.
        fs::rename(&path, &aside).expect("moved");
        folder_with(&ready, "new");
        finish(&path).expect("finished");
        assert_eq!((content(&path), content(&ready)), (Some("new".into()), None));
        assert_eq!(content(&aside), Some("old".into()));
    }

    #[test]
    fn a_database_that_came_meanwhile_is_not_replaced_by_a_new_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, building) = (folder.path().join("db"), folder.path().join("db.new"));
        folder_with(&path, "theirs");
        folder_with(&building, "ours");
        put_in_place(&building, &path).expect_err("there is one");
        assert_eq!(content(&path), Some("theirs".into()));
    }
}
