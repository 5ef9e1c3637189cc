use std::{
    fs,
    path::{Path, PathBuf},
};

use causeway_contracts::{
    block::{CertificateError, Height, SignedBatch},
    codec,
    ledger::{Ledger, StateKey, StateValue},
};
use rocksdb::WriteBatch;

use super::{assert_same, filled, open, open_error, run};
use crate::{
    exit::ExitStatus,
    store::{
        StoreError,
        check::{self, CheckError, Problem, Summary},
        database::{Database, Mode},
        error::Damage,
        format::{Column, FORMAT_KEY, IndexEntry, StoredBlock, StoredReceipts, TIP_KEY, height_key, tip_value},
        open::read_tip,
        trial::{Trial, euro},
    },
};

const BLOCKS: u64 = 6;

/// A database whose content is all in tables.
fn in_tables(folder: &Path, trial: &Trial) -> PathBuf {
    let path = folder.join("db");
    filled(&path, trial, BLOCKS);
    let database = Database::open(&path, Mode::Existing).expect("it opens");
    database.flush().expect("flushed");
    path
}

fn files(path: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(path)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries
        .filter(|file| is_wanted(&file.file_name().expect("a name").to_string_lossy()))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).expect("readable");
    bytes[at] ^= 1;
    fs::write(file, bytes).expect("writable");
}

fn assert_refused(path: &Path, trial: &Trial) -> String {
    let error = open_error(path, trial);
    assert_eq!(error.exit_status(), ExitStatus::Database);
    let text = error.to_string();
    assert!(text.contains(&path.display().to_string()), "it says where: {text}");
    text
}

#[test]
fn a_damaged_table_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(5);
    let path = in_tables(folder.path(), &trial);
    for table in files(&path, |name| name.ends_with(".sst")) {
        // In its first block of data.
        flip(&table, 10);
    }
    assert_refused(&path, &trial);
}

#[test]
fn a_missing_table_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(5);
    let path = in_tables(folder.path(), &trial);
    for table in files(&path, |name| name.ends_with(".sst")) {
        let bytes = fs::read(&table).expect("readable");
        fs::remove_file(&table).expect("removed");
        assert_refused(&path, &trial);
        fs::write(&table, bytes).expect("writable");
    }
    open(&path, &trial);
}

#[test]
fn a_damaged_manifest_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(5);
    let path = in_tables(folder.path(), &trial);
    for manifest in files(&path, |name| name.starts_with("MANIFEST")) {
        let middle = fs::metadata(&manifest).expect("there").len() / 2;
        flip(&manifest, middle as usize);
    }
    assert_refused(&path, &trial);
}

#[test]
fn a_damaged_or_missing_pointer_to_the_manifest_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(5);
    let path = in_tables(folder.path(), &trial);
    let current = path.join("CURRENT");
    fs::write(&current, "MANIFEST-999999\n").expect("written");
    assert_refused(&path, &trial);
    fs::write(&current, [0xff; 16]).expect("written");
    assert_refused(&path, &trial);
    fs::remove_file(&current).expect("removed");
    assert_refused(&path, &trial);
    assert!(!current.exists(), "nothing was created in its place");
}

#[test]
fn damage_inside_the_log_is_refused_and_not_taken_for_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let trial = Trial::new(5);
    filled(&path, &trial, BLOCKS);
    let [log] = &files(&path, |name| name.ends_with(".log"))[..] else {
        panic!("one log");
    };
    let middle = fs::metadata(log).expect("there").len() / 2;
    flip(log, middle as usize);
    assert_refused(&path, &trial);
}

#[test]
fn a_torn_end_of_the_log_costs_only_what_was_not_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let trial = Trial::new(5);
    let ledger = filled(&path, &trial, BLOCKS);
    let [log] = &files(&path, |name| name.ends_with(".log"))[..] else {
        panic!("one log");
    };
    let length = fs::metadata(log).expect("there").len();
    let file = fs::File::options().write(true).open(log).expect("writable");
    file.set_len(length - 5).expect("cut");
    // As if the kill had come before the last block's write was done.
    let mut model = Ledger::from_genesis(&trial.genesis, 1);
    while model.tip().height.next() < ledger.tip().height {
        model.commit(trial.step(&model, 20).commit.execution);
    }
    let (store, mut reopened) = open(&path, &trial);
    assert_same(&reopened, &model);
    run(trial.advance(&store, &mut reopened, 20));
    assert_same(&reopened, &ledger);
}

/// Changes what is stored as a bug would, checksums and all.
fn edit(path: &Path, change: impl FnOnce(&Database, &mut WriteBatch)) {
    let database = Database::open(path, Mode::Existing).expect("it opens");
    let mut write = WriteBatch::default();
    change(&database, &mut write);
    assert!(!write.is_empty());
    database.write(write, true).expect("written");
}

#[test]
fn a_state_that_does_not_fit_its_last_block_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let trial = Trial::new(5);
    filled(&path, &trial, BLOCKS);
    edit(&path, |database, write| {
        let mut tip = read_tip(&database.view()).expect("there");
        tip.state_hash.0[0] ^= 1;
        write.put_cf(database.column(Column::Meta), TIP_KEY, codec::encode(&tip_value(&tip)));
    });
    match open_error(&path, &trial) {
        StoreError::Damaged { damage, .. } => assert_eq!(damage, Damage::Tip(Height(BLOCKS))),
        other => panic!("{other}"),
    }
}

#[test]
fn money_from_nowhere_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let trial = Trial::new(5);
    filled(&path, &trial, BLOCKS);
    edit(&path, |database, write| add_money(&trial, database, write));
    match open_error(&path, &trial) {
        StoreError::Damaged { damage, .. } => assert!(damage.to_string().contains("EUR"), "{damage}"),
        other => panic!("{other}"),
    }
}

fn add_money(trial: &Trial, database: &Database, write: &mut WriteBatch) {
    let key = StateKey::Balance(trial.account(0), euro());
    let value: StateValue = database
        .view()
        .get(Column::State, &codec::encode(&key))
        .expect("readable")
        .expect("there");
    let StateValue::Balance(mut record) = value else {
        panic!("a balance");
    };
    record.available.0 += 1;
    let value = codec::encode(&StateValue::Balance(record));
    write.put_cf(database.column(Column::State), codec::encode(&key), value);
}

#[test]
fn another_format_version_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let trial = Trial::new(5);
    filled(&path, &trial, 1);
    for (version, advice) in [
        (1u32, "begin another network"),
        (3, "begin another network"),
        (5, "a newer program"),
    ] {
        edit(&path, |database, write| {
            write.put_cf(database.column(Column::Meta), FORMAT_KEY, version.to_be_bytes());
        });
        let error = open_error(&path, &trial);
        assert!(error.to_string().contains(advice), "{error}");
        assert_eq!(error.exit_status(), ExitStatus::Database);
        match error {
            StoreError::OtherVersion { found, .. } => assert_eq!(found, version),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_check_finds_a_flipped_byte_in_any_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(5);
    let path = in_tables(folder.path(), &trial);
    let tables = files(&path, |name| name.ends_with(".sst"));
    assert!(tables.len() >= 7, "one for each column that has something: {tables:?}");
    for table in tables {
        flip(&table, 10);
        match check::check(&path, &trial.genesis) {
            Ok(summary) => assert!(!summary.is_sound(), "{}: {summary}", table.display()),
            Err(CheckError::Store(error)) => assert_eq!(error.exit_status(), ExitStatus::Database),
            Err(other) => panic!("{other}"),
        }
        flip(&table, 10);
    }
    let summary = check::check(&path, &trial.genesis).expect("readable");
    assert!(summary.is_sound(), "{summary}");
}

/// Makes one change to a sound database and gives what the check says.
fn checked(change: impl FnOnce(&Trial, &Database, &mut WriteBatch)) -> Summary {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let trial = Trial::new(5);
    filled(&path, &trial, BLOCKS);
    edit(&path, |database, write| change(&trial, database, write));
    check::check(&path, &trial.genesis).expect("it can be read")
}

fn assert_finds(expected: &Damage, change: impl FnOnce(&Trial, &Database, &mut WriteBatch)) {
    let summary = checked(change);
    let found = summary.problems.iter().any(|problem| match problem {
        Problem::Damage(damage) | Problem::Unreadable(StoreError::Damaged { damage, .. }) => damage == expected,
        Problem::Unreadable(_) => false,
    });
    assert!(found, "expected: {expected}\n{summary}");
}

fn block(database: &Database, height: u64) -> StoredBlock {
    let block = database.view().get(Column::Blocks, &height_key(Height(height)));
    block.expect("readable").expect("there")
}

fn put_block(database: &Database, write: &mut WriteBatch, height: u64, block: &StoredBlock) {
    write.put_cf(
        database.column(Column::Blocks),
        height_key(Height(height)),
        codec::encode(block),
    );
}

fn receipts(database: &Database, height: u64) -> StoredReceipts {
    let receipts = database.view().get(Column::Receipts, &height_key(Height(height)));
    receipts.expect("readable").expect("there")
}

#[test]
fn a_check_finds_money_from_nowhere() {
    let expected = Damage::Sum {
        currency: euro(),
        sum: 1,
    };
    assert_finds(&expected, add_money);
}

#[test]
fn a_check_finds_a_broken_chain() {
    assert_finds(&Damage::Chain(Height(4)), |_, database, write| {
        write.delete_cf(database.column(Column::Blocks), height_key(Height(3)));
    });
    assert_finds(&Damage::Chain(Height(3)), |trial, database, write| {
        let mut stored = block(database, 3);
        stored.block.header.state_hash.0[0] ^= 1;
        stored.certificate = trial.certify(&stored.block);
        put_block(database, write, 3, &stored);
    });
    assert_finds(&Damage::Tip(Height(BLOCKS)), |_, database, write| {
        write.delete_cf(database.column(Column::Blocks), height_key(Height(BLOCKS)));
    });
}

#[test]
fn a_check_finds_a_bad_certificate() {
    assert_finds(&Damage::OtherCertificate(Height(2)), |_, database, write| {
        let mut stored = block(database, 2);
        stored.certificate = block(database, 3).certificate;
        put_block(database, write, 2, &stored);
    });
    let signer = {
        let folder = tempfile::tempdir().expect("a folder");
        let trial = Trial::new(5);
        let (_, ledger) = open(&folder.path().join("db"), &trial);
        trial.step(&ledger, 1).commit.certificate.signatures[0].signer
    };
    let expected = Damage::Certificate {
        height: Height(2),
        source: CertificateError::BadSignature(signer),
    };
    assert_finds(&expected, |_, database, write| {
        let mut stored = block(database, 2);
        let mut signatures = stored.certificate.signatures.into_vec();
        signatures[0].signature.0[0] ^= 1;
        stored.certificate.signatures = signatures.try_into().expect("as many as before");
        put_block(database, write, 2, &stored);
    });
}

#[test]
fn a_check_finds_receipts_that_are_not_the_blocks() {
    assert_finds(&Damage::Receipts(Height(2)), |_, database, write| {
        let others = receipts(database, 3);
        write.put_cf(
            database.column(Column::Receipts),
            height_key(Height(2)),
            codec::encode(&others),
        );
    });
    assert_finds(&Damage::NoReceipts(Height(2)), |_, database, write| {
        write.delete_cf(database.column(Column::Receipts), height_key(Height(2)));
    });
}

#[test]
fn a_check_finds_an_index_that_leads_elsewhere() {
    let id = |database: &Database| {
        let causeway_contracts::ledger::receipt::Subject::Transaction(id) = receipts(database, 2)[4].subject else {
            panic!("of a transaction");
        };
        id
    };
    let mut moved = None;
    let summary = checked(|_, database, write| {
        let id = id(database);
        moved = Some(id);
        let entry: Option<IndexEntry> = database.view().get(Column::Index, id.as_bytes()).expect("readable");
        let mut entry = entry.expect("there");
        entry.transaction += 1;
        write.put_cf(database.column(Column::Index), id.as_bytes(), codec::encode(&entry));
    });
    let expected = Damage::NotIndexed {
        height: Height(2),
        id: moved.expect("set"),
    };
    assert_eq!(summary.problem_count, 1);
    assert!(
        matches!(&summary.problems[..], [Problem::Damage(damage)] if *damage == expected),
        "{summary}"
    );

    assert_finds(&Damage::Count(Column::Index), |_, database, write| {
        let stray = codec::encode(
            &database
                .view()
                .get::<IndexEntry>(Column::Index, id(database).as_bytes())
                .expect("readable"),
        );
        write.put_cf(database.column(Column::Index), [9; 32], &stray[1..]);
    });
}

#[test]
fn a_check_finds_a_batch_under_anothers_digest() {
    let mut digest = None;
    let summary = checked(|_, database, write| {
        let (two, three) = (block(database, 2).block.batches[0], block(database, 3).block.batches[0]);
        digest = Some(two);
        let other: Option<SignedBatch> = database
            .view()
            .get(Column::Batches, three.as_bytes())
            .expect("readable");
        write.put_cf(
            database.column(Column::Batches),
            two.as_bytes(),
            codec::encode(&other.expect("there")),
        );
    });
    let expected = Damage::OtherBatch(digest.expect("set"));
    let found = summary
        .problems
        .iter()
        .any(|problem| matches!(problem, Problem::Damage(damage) if *damage == expected));
    assert!(found, "{summary}");
}

#[test]
fn a_check_finds_a_wrong_tip() {
    assert_finds(&Damage::Tip(Height(BLOCKS)), |_, database, write| {
        let mut tip = read_tip(&database.view()).expect("there");
        tip.time_ms.0 += 1;
        let value = codec::encode(&tip_value(&tip));
        write.put_cf(database.column(Column::Meta), TIP_KEY, value);
    });
}
