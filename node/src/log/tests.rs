use causeway_consensus::{LogEntry, Signed, Timer, TimerKind};
use causeway_contracts::{
    block::{GenesisHash, Height},
    committee::ValidatorId,
};

use super::*;

const GENESIS: GenesisHash = GenesisHash([7; 32]);
const ME: ValidatorId = ValidatorId([1; 20]);

fn entry(round: u32) -> LogEntry {
    LogEntry::Timeout(Timer {
        height: Height(5),
        round,
        kind: TimerKind::Propose,
    })
}

fn open(path: &Path, absent: Absent) -> (Files, Recovered) {
    let folder = DiskFolder::open(path).expect("opens");
    Files::open(folder, GENESIS, ME, absent).expect("opens")
}

#[test]
fn what_was_synced_is_there_after_a_restart_and_a_torn_tail_is_cut_off() {
    let temporary = tempfile::tempdir().expect("a folder");
    let path = temporary.path().join("consensus");
    let (mut files, recovered) = open(&path, Absent::Create);
    assert_eq!(recovered.log, []);
    for round in 0..3 {
        files.persist(&entry(round));
        files.record(&Signed::closing(Height(5)));
        files.sync().expect("syncs");
    }
    files.persist(&entry(3));
    drop(files);
    let log = path.join("consensus.log");
    let whole = fs::read(&log).expect("reads");
    fs::write(&log, &whole[..whole.len() - 1]).expect("writes");
    let (mut files, recovered) = open(&path, Absent::Observe);
    assert_eq!(recovered.log, [entry(0), entry(1)]);
    assert!(recovered.dropped_bytes > 0 && !recovered.observing);
    files.persist(&entry(4));
    files.sync().expect("syncs");
    drop(files);
    let (_, recovered) = open(&path, Absent::Observe);
    assert_eq!(recovered.log, [entry(0), entry(1), entry(4)]);
    assert_eq!(recovered.dropped_bytes, 0);
    assert_eq!(recovered.record.height(), Height(5));
}

#[test]
fn a_record_is_renamed_when_it_is_confirmed_and_written_to_afterwards() {
    let temporary = tempfile::tempdir().expect("a folder");
    let path = temporary.path();
    let (mut files, recovered) = open(path, Absent::Observe);
    assert!(recovered.observing);
    files.record(&Signed::closing(Height(7)));
    files.confirm().expect("renames");
    files.record(&Signed::closing(Height(8)));
    files.sync().expect("syncs");
    drop(files);
    let (_, recovered) = open(path, Absent::Observe);
    assert!(!recovered.observing);
    assert_eq!(recovered.record.height(), Height(8));
}

#[test]
fn a_failed_write_is_told() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut folder = DiskFolder::open(temporary.path()).expect("opens");
    folder.replace("file", b"x").expect("writes");
    let read_only = File::open(temporary.path().join("file")).expect("opens");
    folder.put("file", read_only);
    let error = folder.write("file", 1, b"y").expect_err("it is read-only");
    assert!(matches!(error, FolderError::Io { doing: "write", .. }), "{error}");
}

#[test]
fn a_file_that_is_too_long_is_not_read() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut folder = DiskFolder::open(temporary.path()).expect("opens");
    folder.replace("file", b"xyz").expect("writes");
    assert_eq!(folder.read("file", 3).expect("reads"), Some(b"xyz".to_vec()));
    assert!(matches!(
        folder.read("file", 2),
        Err(FolderError::TooLong { bytes: 3, .. })
    ));
    assert_eq!(folder.read("other", 2).expect("is not there"), None);
}
