use std::{collections::BTreeMap, convert::Infallible, path::PathBuf};

use causeway_contracts::block::BlockId;

use super::*;
use crate::{
    log::{Timer, TimerKind},
    record::{Permission, Step, StepKind, Subject},
};

/// Files that outlive whoever wrote them.
#[derive(Debug, Clone, Default)]
struct Memory(BTreeMap<String, Vec<u8>>);

impl Folder for Memory {
    type Error = Infallible;

    fn path(&self, name: &str) -> PathBuf {
        name.into()
    }

    fn read(&self, name: &str, _: u64) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(name).cloned())
    }

    fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), Infallible> {
        let file = self.0.get_mut(name).expect("made before");
        assert_eq!(file.len() as u64, offset);
        file.extend_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, name: &str, length: u64) -> Result<(), Infallible> {
        let length = usize::try_from(length).expect("short");
        self.0.get_mut(name).expect("made before").truncate(length);
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Infallible> {
        let file = self.0.remove(from).expect("made before");
        self.0.insert(to.to_owned(), file);
        Ok(())
    }
}

const GENESIS: GenesisHash = GenesisHash([7; 32]);
const ME: ValidatorId = ValidatorId([1; 20]);

fn entry(height: u64, round: u32) -> LogEntry {
    LogEntry::Timeout(Timer {
        height: Height(height),
        round,
        kind: TimerKind::Propose,
    })
}

fn signed(height: u64, round: u32) -> Signed {
    Signed {
        height: Height(height),
        step: Step {
            round,
            kind: StepKind::Prevote,
        },
        subject: Subject {
            block: Some(BlockId([9; 32])),
            lock_round: None,
        },
    }
}

fn open(folder: &Memory) -> (Files<Memory>, Recovered) {
    Files::open(folder.clone(), GENESIS, ME, Absent::Create).expect("opens")
}

/// Three syncs: two entries, one, one.
fn filled() -> (Memory, Vec<LogEntry>) {
    let (mut files, recovered) = open(&Memory::default());
    assert!(recovered.log.is_empty() && !recovered.observing);
    let entries = [entry(5, 0), entry(5, 1), entry(5, 2), entry(5, 3)];
    files.persist(&entries[0]);
    files.persist(&entries[1]);
    files.record(&signed(5, 0));
    files.sync().expect("syncs");
    files.persist(&entries[2]);
    files.sync().expect("syncs");
    files.persist(&entries[3]);
    files.sync().expect("syncs");
    (files.folder, entries.to_vec())
}

#[test]
fn comes_back_as_synced() {
    let (folder, entries) = filled();
    let (mut files, recovered) = open(&folder);
    assert_eq!(recovered.log, entries);
    assert_eq!(recovered.record.entries().collect::<Vec<_>>(), [signed(5, 0)]);
    files.persist(&entry(5, 4));
    let folder = files.folder;
    assert_eq!(open(&folder).1.log, entries, "what was not synced is not there");
}

#[test]
fn a_torn_tail_is_dropped_at_every_length_and_the_log_goes_on() {
    let (mut folder, entries) = filled();
    let whole = folder.0[LOG].clone();
    let last_frame = whole.len() - (FRAME + entry(5, 3).encode().len());
    for length in last_frame..whole.len() {
        folder.0.insert(LOG.to_owned(), whole[..length].to_vec());
        let (mut files, recovered) = open(&folder);
        assert_eq!(recovered.log, entries[..3], "{length}");
        files.persist(&entry(5, 9));
        files.sync().expect("syncs");
        assert_eq!(open(&files.folder).1.log.last(), Some(&entry(5, 9)), "{length}");
    }
    for spoiled in last_frame..whole.len() {
        let mut bytes = whole.clone();
        bytes[spoiled] ^= 1;
        folder.0.insert(LOG.to_owned(), bytes);
        assert_eq!(open(&folder).1.log, entries[..3], "{spoiled}");
    }
}

/// Length, CRC, height, and the length of the entry.
const FRAME: usize = 4 + 4 + 8 + 4;

#[test]
fn a_bad_record_before_the_tail_halts() {
    let (mut folder, _) = filled();
    let whole = folder.0[LOG].clone();
    let last_frame = whole.len() - (FRAME + entry(5, 3).encode().len());
    for spoiled in 60..last_frame {
        let mut bytes = whole.clone();
        bytes[spoiled] ^= 0x10;
        folder.0.insert(LOG.to_owned(), bytes);
        let error = Files::open(folder.clone(), GENESIS, ME, Absent::Create).expect_err("damaged");
        assert!(
            matches!(error, FilesError::Journal(JournalError::Damaged { .. })),
            "{spoiled}: {error}"
        );
    }
}

#[test]
fn another_networks_or_keys_files_are_refused() {
    let (folder, _) = filled();
    for (genesis, validator) in [(GenesisHash([8; 32]), ME), (GENESIS, ValidatorId([2; 20]))] {
        let error = Files::open(folder.clone(), genesis, validator, Absent::Create).expect_err("foreign");
        assert!(matches!(error, FilesError::Journal(JournalError::Foreign { .. })));
    }
}

#[test]
fn a_missing_sign_record_stays_missing_until_it_is_confirmed() {
    let (mut folder, _) = filled();
    folder.0.remove(RECORD);
    let observe = |folder: &Memory| Files::open(folder.clone(), GENESIS, ME, Absent::Observe).expect("opens");
    let (mut files, recovered) = observe(&folder);
    assert_eq!(recovered.signing(Height(5)), Signing::Observing);
    files.record(&signed(5, 0));
    files.sync().expect("syncs");
    let folder = files.folder;
    let (mut files, recovered) = observe(&folder);
    assert_eq!(recovered.signing(Height(5)), Signing::Observing);
    files.record(&Signed::closing(Height(8)));
    files.confirm().expect("renames");
    files.record(&signed(9, 0));
    files.sync().expect("syncs");
    let (_, recovered) = observe(&files.folder);
    assert_eq!(recovered.record.entries().collect::<Vec<_>>(), [signed(9, 0)]);
    assert_eq!(recovered.signing(Height(7)), Signing::From(Height(10)));
}

#[test]
fn long_files_lose_what_is_over_and_keep_the_rest() {
    let (mut files, _) = open(&Memory::default());
    let mut height = 1;
    while files.log.bytes() <= JOURNAL_BYTES_MAX || files.record.bytes() <= JOURNAL_BYTES_MAX {
        for round in 0..300 {
            files.persist(&entry(height, round));
            files.record(&signed(height, round));
        }
        files.sync().expect("syncs");
        height += 1;
    }
    files.begin(Height(height - 1)).expect("rewrites");
    assert!(files.log.bytes() < JOURNAL_BYTES_MAX && files.record.bytes() < JOURNAL_BYTES_MAX);
    files.persist(&entry(height, 0));
    files.sync().expect("syncs");
    let folder = files.folder;
    let (_, recovered) = open(&folder);
    let expected: Vec<_> = (0..300)
        .map(|round| entry(height - 1, round))
        .chain([entry(height, 0)])
        .collect();
    assert_eq!(recovered.log, expected);
    assert_eq!(recovered.record.height(), Height(height - 1));
    assert_eq!(recovered.record.entries().count(), 300);
}

#[test]
fn signs_only_where_it_knows_what_it_has_signed() {
    let recovered = |log: &[u64], record: Option<u64>| {
        let mut signatures = SignRecord::default();
        if let Some(height) = record {
            signatures.absorb(signed(height, 0));
        }
        Recovered {
            log: log.iter().map(|&height| entry(height, 0)).collect(),
            record: signatures,
            observing: false,
            dropped_bytes: 0,
        }
    };
    for (case, from) in [
        (recovered(&[], None), 6),
        (recovered(&[4, 5], Some(5)), 6),
        (recovered(&[5, 6], Some(6)), 6),
        (recovered(&[6], Some(5)), 6),
        // The log of what was signed at the next height is lost.
        (recovered(&[5], Some(6)), 7),
        // The database is older than the files.
        (recovered(&[9], Some(9)), 10),
        (recovered(&[9], Some(5)), 10),
    ] {
        assert_eq!(case.signing(Height(5)), Signing::From(Height(from)), "{case:?}");
    }
}

#[test]
fn a_lost_log_is_not_forgotten_at_the_second_restart() {
    let (mut folder, _) = filled();
    folder.0.remove(LOG);
    let (mut files, mut recovered) = open(&folder);
    let signing = files.settle(&mut recovered, Height(4)).expect("syncs");
    assert_eq!(signing, Signing::From(Height(6)));
    // The others' votes and time-outs of the height are logged while it stays silent.
    files.persist(&entry(5, 7));
    files.sync().expect("syncs");
    let folder = files.folder;
    let (mut files, mut recovered) = open(&folder);
    files.settle(&mut recovered, Height(4)).expect("syncs");
    // What was signed in round 0 is in the record, and may be signed again.
    for round in 1..9 {
        assert_eq!(
            recovered.record.clone().sign(signed(5, round)),
            Permission::Refused,
            "{round}"
        );
    }
    assert!(matches!(recovered.record.sign(signed(6, 0)), Permission::New(_)));
}

#[test]
fn a_sync_writes_one_height() {
    let (mut files, _) = open(&Memory::default());
    files.persist(&entry(1, 0));
    files.begin(Height(2)).expect("nothing to write");
    files.persist(&entry(2, 0));
    files.sync().expect("syncs");
    let folder = files.folder;
    assert_eq!(open(&folder).1.log, [entry(2, 0)]);
}
