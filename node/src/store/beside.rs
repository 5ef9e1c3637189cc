//! Opening a database to read it while a node writes to it.
//!
//! RocksDB lists the logs and then reads them. A node that writes what a log holds to a table meanwhile removes the
//! log: the opening fails for want of it, or, worse, does not miss it and shows a state without it. So the logs are
//! listed before and after, and an opening during which one went away is done again.

use std::{collections::BTreeSet, ffi::OsString, fs, path::Path, thread, time::Duration};

use super::{
    error::{Attempt, StoreError},
    folder::folder_error,
};

/// A node removes a log once in some 60 MB of blocks, so a second opening rarely meets that again.
const TRIES: u32 = 10;

const PAUSE: Duration = Duration::from_millis(100);

/// Opens the database at `path` by `open`, at a moment at which no log goes away.
pub(super) fn open_beside<T>(path: &Path, open: impl FnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
    settled(path, || logs(path), open)
}

fn settled<T>(
    path: &Path,
    mut logs: impl FnMut() -> Result<BTreeSet<OsString>, StoreError>,
    mut open: impl FnMut() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    for attempt in 1..=TRIES {
        let before = logs()?;
        let opened = open();
        let went_away = !before.is_subset(&logs()?);
        match opened {
            Ok(opened) if !went_away => return Ok(opened),
            // A table that was merged into another goes away as a log does.
            Err(error) if !went_away && (attempt == TRIES || !is_missing_file(&error)) => return Err(error),
            _ => {}
        }
        thread::sleep(PAUSE);
    }
    Err(StoreError::Changing { path: path.to_owned() })
}

fn is_missing_file(error: &StoreError) -> bool {
    matches!(error, StoreError::Database { cause, .. } if cause.as_ref().contains("No such file or directory"))
}

/// None if there is no folder.
fn logs(path: &Path) -> Result<BTreeSet<OsString>, StoreError> {
    let probe = |source| folder_error(Attempt::Probe, path, source);
    let entries = match fs::read_dir(path) {
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        entries => entries.map_err(probe)?,
    };
    let names = entries.map(|entry| Ok(entry.map_err(probe)?.file_name()));
    names
        .filter(|name| !matches!(name, Ok(name) if Path::new(name).extension().is_none_or(|it| it != "log")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> BTreeSet<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    /// What each listing shows, what each opening gives, and what comes of it and of how many openings.
    fn check(listings: &[&str], gives: &[Result<u32, &str>], expected: Result<u32, &str>, openings: usize) {
        let path = Path::new("db");
        let mut listed = listings.iter().cycle();
        let mut given = gives.iter().cycle();
        let mut count = 0;
        let opened = settled(
            path,
            || Ok(names(listed.next().expect("some"))),
            || {
                count += 1;
                given.next().expect("some").map_err(|text| StoreError::Folder {
                    attempt: Attempt::Open,
                    path: path.to_owned(),
                    cause: std::io::Error::other(text.to_owned()),
                })
            },
        );
        match (opened, expected) {
            (Ok(opened), Ok(expected)) => assert_eq!(opened, expected),
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (opened, expected) => panic!("{opened:?}, not {expected:?}"),
        }
        assert_eq!(count, openings, "{listings:?}");
    }

    #[test]
    fn an_opening_during_which_a_log_went_away_is_done_again() {
        check(&["1.log", "1.log"], &[Ok(1)], Ok(1), 1);
        // One that came holds nothing that was final when the opening began.
        check(&["1.log", "1.log 2.log"], &[Ok(1)], Ok(1), 1);
        check(&["1.log", "2.log", "2.log", "2.log"], &[Ok(1), Ok(2)], Ok(2), 2);
        check(&["1.log", "2.log", "2.log", "2.log"], &[Err("gone"), Ok(2)], Ok(2), 2);
        check(&["1.log", "1.log"], &[Err("damaged")], Err("damaged"), 1);
        check(&["1.log", "2.log"], &[Ok(1)], Err("try again"), TRIES as usize);
    }

    #[test]
    fn only_logs_count() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        for name in ["000004.log", "000005.sst", "LOG", "LOCK"] {
            fs::write(path.join(name), "").expect("written");
        }
        assert_eq!(logs(path).expect("listed"), names("000004.log"));
        assert_eq!(logs(&path.join("nowhere")).expect("listed"), names(""));
    }
}
