use std::{convert::Infallible, fs, os::unix::fs::PermissionsExt};

use zeroize::Zeroizing;

use super::*;
use crate::offline::memory::store::{self, Staged, State, Store};

#[derive(Debug, Clone, PartialEq, Eq)]
struct Bytes(Vec<u8>);

impl State for Bytes {
    type Error = Infallible;

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.clone())
    }

    fn decode(bytes: &[u8]) -> Result<Self, Infallible> {
        Ok(Self(bytes.to_vec()))
    }

    fn may_follow(&self, _: &Self) -> bool {
        true
    }
}

const PASSPHRASE: &str = "four words of mine";
const SECRET: &[u8] = b"a seed that nobody else should read";

struct Purse {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Purse {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("main.purse");
        let content = store::format(&Bytes(SECRET.to_vec()), 600).expect("it fits");
        FileMemory::create(&path, PASSPHRASE, &content).expect("a new file");
        Self { _folder: folder, path }
    }

    fn memory(&self) -> Result<FileMemory, PurseFileError> {
        FileMemory::open(&self.path, PASSPHRASE)
    }

    fn store(&self) -> Store<FileMemory, Bytes> {
        Store::open(self.memory().expect("it opens")).expect("nothing is damaged")
    }

    fn error(&self) -> PurseFileError {
        self.memory().err().expect("it is refused")
    }

    fn change(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(&self.path).expect("it is there");
        change(&mut bytes);
        fs::write(&self.path, bytes).expect("it is ours");
    }
}

#[test]
fn a_state_outlives_the_process() {
    let purse = Purse::new();
    let mut store = purse.store();
    assert_eq!(store.state().0, SECRET);
    for length in [0, 1, 240, 241, 600] {
        let next = Bytes(vec![7; length]);
        assert_eq!(
            store.commit(Staged::new(next.clone(), length)).expect("it is written"),
            length
        );
        drop(store);
        store = purse.store();
        assert_eq!(*store.state(), next);
    }
}

#[test]
fn the_file_is_its_owners_and_shows_nothing() {
    let purse = Purse::new();
    let bytes = fs::read(&purse.path).expect("it is there");
    assert!(
        !bytes
            .windows(8)
            .any(|window| SECRET.windows(8).any(|secret| secret == window))
    );
    let mode = fs::metadata(&purse.path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let error = FileMemory::create(&purse.path, PASSPHRASE, &[[0; UNIT_BYTES]; 4]).expect_err("there is one");
    assert!(matches!(error, PurseFileError::Exists { .. }), "{error}");
    assert_eq!(fs::read(&purse.path).expect("it is there"), bytes);
}

#[test]
fn only_one_has_it_at_a_time() {
    let purse = Purse::new();
    let store = purse.store();
    assert!(matches!(purse.error(), PurseFileError::InUse { .. }));
    drop(store);
    purse.memory().expect("it is free");
}

#[test]
fn only_its_passphrase_opens_it() {
    let purse = Purse::new();
    let error = FileMemory::open(&purse.path, "four words of yours")
        .err()
        .expect("refused");
    assert!(matches!(error, PurseFileError::WrongPassphrase), "{error}");
    let error = FileMemory::create(&purse.path.with_extension("b"), "", &[[0; UNIT_BYTES]; 4]).expect_err("refused");
    assert!(matches!(error, PurseFileError::EmptyPassphrase), "{error}");
}

#[test]
fn files_that_are_none_say_what_is_wrong() {
    let purse = Purse::new();
    let whole = fs::read(&purse.path).expect("it is there");
    purse.change(|bytes| {
        bytes.pop();
    });
    assert!(matches!(
        purse.error(),
        PurseFileError::Length {
            units: 8,
            bytes: 20_479,
            expected: 20_480,
            ..
        }
    ));
    purse.change(|bytes| bytes.truncate(100));
    assert!(matches!(purse.error(), PurseFileError::File(_)));
    let edit = |from: &str, to: &str| {
        let text = String::from_utf8(whole[..BLOCK_BYTES].to_vec()).expect("JSON");
        let mut edited = text.replacen(from, to, 1).into_bytes();
        assert_ne!(edited, whole[..BLOCK_BYTES]);
        edited.resize(BLOCK_BYTES, b' ');
        fs::write(&purse.path, [&edited, &whole[BLOCK_BYTES..]].concat()).expect("it is ours");
        purse.error()
    };
    assert!(matches!(
        edit("\"purse_memory\":1", "\"purse_memory\":2"),
        PurseFileError::Version(2)
    ));
    assert!(matches!(edit("\"units\":8", "\"units\":0"), PurseFileError::Units(0)));
    assert!(matches!(
        edit("\"units\":8", "\"units\":4000000000"),
        PurseFileError::Units(4_000_000_000)
    ));
    assert!(matches!(
        edit("\"memory_kib\":65536", "\"memory_kib\":4000000"),
        PurseFileError::Kdf { .. }
    ));
    assert!(matches!(
        edit("\"lanes\":1", "\"tails\":1"),
        PurseFileError::Header { .. }
    ));
    fs::remove_file(&purse.path).expect("it is ours");
    assert!(matches!(purse.error(), PurseFileError::NotThere { .. }));
}

/// A unit that is torn, changed or in another's place is no unit.
#[test]
fn what_was_not_written_there_does_not_open() {
    let purse = Purse::new();
    let places = Places::of(8).expect("a purse's");
    purse.change(|bytes| {
        bytes[places.at(1).start + 30] ^= 1;
        bytes.copy_within(places.at(2), places.at(3).start);
    });
    let memory = purse.memory().expect("the header is whole");
    let is_whole: Vec<_> = (0..8)
        .map(|unit| memory.read(unit).expect("it is read").is_some())
        .collect();
    assert_eq!(is_whole, [true, false, true, false, true, true, true, true]);
    drop(memory);
    // Whoever can change a header cannot make another's units fit it.
    purse.change(|bytes| {
        let spaces = bytes.iter().position(|byte| *byte == b' ').expect("it is filled up");
        bytes[spaces] = b'\n';
    });
    let memory = purse.memory().expect("it means the same");
    assert!((0..8).all(|unit| memory.read(unit).expect("it is read").is_none()));
}

/// What a disk tears with a sector is one of them, and never the header.
#[test]
fn copies_of_the_cell_and_slots_share_no_block_with_another() {
    for slot_units in [1, 3, 13, 14, 15, 4097] {
        let units = 2 + 2 * slot_units;
        let places = Places::of(units).expect("a purse's");
        let blocks_of = |units: Range<usize>| {
            let bytes = places.at(units.start).start..places.at(units.end - 1).end;
            assert!(bytes.len() >= units.len() * SEALED_BYTES);
            bytes.start / BLOCK_BYTES..bytes.end.div_ceil(BLOCK_BYTES)
        };
        let mut next = 1;
        for part in [0..1, 1..2, 2..2 + slot_units, 2 + slot_units..units] {
            let blocks = blocks_of(part);
            assert_eq!(blocks.start, next);
            next = blocks.end;
        }
        assert_eq!(places.blocks, next);
    }
}

/// Linux reads nothing at addresses that a process does not have, as from a broken sector.
#[test]
fn a_unit_that_the_disk_cannot_read_is_torn() {
    let purse = Purse::new();
    let mut memory = purse.memory().expect("it opens");
    memory.file = File::open("/proc/self/mem").expect("Linux has it");
    assert_eq!(memory.read(1).expect("torn"), None);
    memory.file = File::open("/dev/null").expect("Linux has it");
    assert!(matches!(memory.read(1), Err(MemoryError::File(_))));
}

/// Written by version 1, and two commits after: whatever comes must open it.
#[test]
fn golden_file_opens() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("golden.purse");
    fs::write(&path, include_bytes!("golden.purse")).expect("it is ours");
    let memory = FileMemory::open(&path, PASSPHRASE).expect("it opens");
    let store = Store::<_, Bytes>::open(memory).expect("nothing is damaged");
    assert_eq!(store.state().0, b"the third state");
    assert_eq!(store.generation().0, 3);
}

#[test]
#[ignore = "writes the golden file, when its format is changed on purpose"]
fn write_golden_file() {
    let purse = Purse::new();
    let mut store = purse.store();
    for state in [b"the second state".as_slice(), b"the third state"] {
        store
            .commit(Staged::new(Bytes(state.to_vec()), ()))
            .expect("it is written");
    }
    fs::copy(
        &purse.path,
        concat!(env!("CARGO_MANIFEST_DIR"), "/src/offline/memory/file/golden.purse"),
    )
    .expect("a checkout of ours");
}
