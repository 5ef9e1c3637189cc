use std::{fs, path::Path};

use causeway_contracts::{
    block::Height,
    codec::{self, Bounded},
    committee::ValidatorId,
    ledger::{Ledger, StateKey, StateValue, receipt::Subject},
    merkle::Root,
    proof::{CertifiedHeader, Handover},
    snapshot::{Manifest, cut},
};

use rocksdb::WriteBatch;

use super::{assert_same, filled, open, open_error, run};
use crate::{
    exit::ExitStatus,
    store::{
        Expect, Store, StoreError,
        backup::{self, Origin},
        check::check,
        database::{Database, Mode},
        error::Damage,
        format::{Column, StoredBlock, handover_key, height_key},
        kept::KeptSnapshots,
        snapshot::{self, Broken, SnapshotError, SnapshotFile},
        trial::Trial,
    },
};

fn manifest(trial: &Trial, ledger: &Ledger) -> Manifest {
    cut(trial.genesis.hash(), ledger.tip().height, ledger.snapshot()).1
}

/// Blocks that have receipts, a snapshot of the last of them, and the state that it is of.
fn exported(folder: &Path, trial: &Trial, blocks: u64) -> Ledger {
    let ledger = filled(&folder.join("db"), trial, blocks);
    let contents = backup::export(&folder.join("db"), &trial.genesis, &folder.join("it")).expect("it is written");
    let manifest = manifest(trial, &ledger);
    assert_eq!(
        (contents.height, contents.root, contents.entries),
        (ledger.tip().height, manifest.root(), manifest.entries)
    );
    ledger
}

#[test]
fn a_node_goes_on_from_a_snapshot_as_if_it_had_been_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(5_000);
    let mut ledger = exported(folder.path(), &trial, 12);
    let other = folder.path().join("other");
    let (contents, moved) =
        backup::import(&other, &trial.genesis, &folder.path().join("it"), None).expect("it is taken");
    assert_eq!((contents.height, moved), (ledger.tip().height, None));
    let summary = check(&other, &trial.genesis).expect("it can be read");
    assert!(summary.is_sound(), "{summary}");
    assert_eq!(summary.beginning, Height(12));

    let (store, mut restored) = open(&other, &trial);
    assert_same(&restored, &ledger);
    assert_eq!(store.reader().beginning().expect("it is read"), Height(12));
    for _ in 0..9 {
        run(trial.advance(&store, &mut restored, 20));
        ledger.commit(trial.step(&ledger, 20).commit.execution);
    }
    assert_same(&restored, &ledger);
    drop(store);
    let summary = check(&other, &trial.genesis).expect("it can be read");
    assert!(summary.is_sound(), "{summary}");
    assert_eq!((summary.blocks, summary.beginning), (10, Height(12)));
}

#[test]
fn what_was_remembered_before_a_snapshot_is_remembered_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(10);
    let ledger = exported(folder.path(), &trial, 3);
    let other = folder.path().join("other");
    backup::import(&other, &trial.genesis, &folder.path().join("it"), None).expect("it is taken");
    let (_store, restored) = open(&other, &trial);
    let (digest, batch) = trial.payments(3, 20);
    assert!(ledger.remembers(&digest) && restored.remembers(&digest));
    for signed in &batch.batch.transactions {
        let skip = ledger.admit(signed, &signed.id());
        assert!(skip.is_err(), "it has a receipt");
        assert_eq!(restored.admit(signed, &signed.id()), skip);
    }
}

#[test]
fn a_database_is_made_of_chunks_and_a_kept_snapshot_is_the_state_of_its_moment() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, other) = (folder.path().join("db"), folder.path().join("other"));
    let trial = Trial::new(5_000);
    let (store, mut ledger) = open(&path, &trial);
    for _ in 0..3 {
        run(trial.advance(&store, &mut ledger, 20));
    }
    // The root is of this moment, whatever is committed while it is worked out.
    let snapshots = KeptSnapshots::new(&folder.path().join("kept"), 0);
    let (file, reader) = (snapshots.path(ledger.tip().height), store.reader());
    let root = reader.root_beside(trial.genesis.hash(), snapshots);
    let (chunks, manifest) = cut(trial.genesis.hash(), ledger.tip().height, ledger.snapshot());
    let before = Ledger::from_snapshot(
        trial.genesis.hash(),
        ledger.tip().clone(),
        ledger.snapshot().into_iter(),
        1,
    );
    let before = before.expect("it was a ledger's");
    run(trial.advance(&store, &mut ledger, 20));
    assert_eq!(run(root).expect("it is told").expect("it is read"), manifest.root());
    let mut kept = SnapshotFile::open(&file).expect("it is whole");
    assert_eq!(*kept.manifest(), manifest);
    assert!(chunks.len() > 1);
    for (index, chunk) in (0..).zip(&chunks) {
        assert_eq!(kept.chunk(index).expect("it is good").0, *chunk);
    }
    // A file that cannot be written costs nothing but the file.
    fs::write(folder.path().join("no-folder"), b"a file").expect("writable");
    let nowhere = KeptSnapshots::new(&folder.path().join("no-folder"), 0);
    let root = run(reader.root_beside(trial.genesis.hash(), nowhere));
    assert_eq!(
        root.expect("it is told").expect("it is read"),
        self::manifest(&trial, &ledger).root()
    );

    // Nor does one for which there is no room, and nothing is left of it.
    let cramped = folder.path().join("cramped");
    let view = reader.view();
    let refused = snapshot::write(&view, &trial.genesis.hash(), &cramped, u64::MAX).expect_err("there is no room");
    assert_eq!(refused.exit_status(), ExitStatus::SafetyWrite, "{refused}");
    drop(view);
    let left = fs::read_dir(folder.path())
        .expect("readable")
        .map(|entry| entry.expect("readable").file_name());
    assert!(
        !left
            .into_iter()
            .any(|name| name.to_string_lossy().starts_with("cramped"))
    );

    drop(open(&other, &trial));
    let origin = Origin {
        block: kept.block().clone(),
        handovers: Vec::new(),
    };
    let some = chunks[..1].iter().cloned().map(Ok);
    let missing = some.chain([Err(SnapshotError::NoBlock)]);
    let failed = backup::begin_with(&other, &trial.genesis, &origin, missing);
    assert!(matches!(failed, Err(SnapshotError::NoBlock)), "{failed:?}");
    let (genesis_store, at_genesis) = open(&other, &trial);
    assert_eq!(
        at_genesis.tip().height,
        Height::GENESIS,
        "what was there is still there"
    );
    drop(genesis_store);
    backup::begin_with(&other, &trial.genesis, &origin, chunks.into_iter().map(Ok)).expect("it is made");
    let (_store, restored) = open(&other, &trial);
    assert_same(&restored, &before);
    let left: Vec<_> = fs::read_dir(folder.path()).expect("readable").collect();
    assert!(
        left.iter().all(|entry| !entry
            .as_ref()
            .expect("readable")
            .path()
            .to_string_lossy()
            .contains("old-")),
        "the genesis state is not kept"
    );
}

#[test]
fn an_export_and_a_copy_can_be_made_while_the_node_writes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let trial = Trial::new(10);
    let (store, mut ledger) = open(&path, &trial);
    for round in 0..4 {
        run(trial.advance(&store, &mut ledger, 20));
        let file = folder.path().join(format!("{round}.snapshot"));
        let contents = backup::export(&path, &trial.genesis, &file).expect("it is written");
        assert_eq!(contents.root, manifest(&trial, &ledger).root());
        let copied = folder.path().join(format!("copy-{round}"));
        let tip = backup::copy(&path, &trial.genesis, &copied).expect("it is copied");
        assert_eq!(tip, *ledger.tip());
        let summary = check(&copied, &trial.genesis).expect("it can be read");
        assert!(summary.is_sound(), "{summary}");
        assert_eq!(summary.blocks, round + 1);
    }
}

#[test]
fn a_copy_that_is_put_back_is_the_database_it_was_made_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, copied) = (folder.path().join("db"), folder.path().join("copy"));
    let trial = Trial::new(10);
    let ledger = filled(&path, &trial, 3);
    backup::copy(&path, &trial.genesis, &copied).expect("it is copied");
    let (store, mut later) = open(&path, &trial);
    run(trial.advance(&store, &mut later, 20));
    drop(store);
    let (tip, moved) = backup::restore(&path, &trial.genesis, &copied).expect("it is put back");
    assert_eq!(tip, *ledger.tip());
    assert!(moved.expect("there was one").exists());
    let (_store, restored) = open(&path, &trial);
    assert_same(&restored, &ledger);
}

fn refused(folder: &Path, trial: &Trial, root: Option<Root>) -> SnapshotError {
    let other = folder.join("other");
    match backup::import(&other, &trial.genesis, &folder.join("it"), root) {
        Ok(_) => panic!("it was taken"),
        Err(error) => {
            assert!(!other.exists(), "nothing is left where a database would be");
            error
        }
    }
}

#[test]
fn a_snapshot_that_was_changed_anywhere_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("it");
    let trial = Trial::new(2_100);
    exported(folder.path(), &trial, 2);
    let whole = fs::read(&path).expect("it was written");
    let places = SnapshotFile::open(&path).expect("it is whole").manifest().chunks.len();
    assert_eq!(places, 2);
    for at in (0..whole.len()).step_by(whole.len() / 97) {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        fs::write(&path, changed).expect("it can be changed");
        let error = refused(folder.path(), &trial, None);
        assert!(matches!(error, SnapshotError::Broken { .. }), "byte {at}: {error}");
        assert_eq!(error.exit_status(), ExitStatus::Database);
    }
    for length in [0, 10, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).expect("it can be cut");
        match refused(folder.path(), &trial, None) {
            SnapshotError::Broken {
                problem: Broken::Magic, ..
            } => {}
            other => panic!("{length} bytes: {other}"),
        }
    }
}

#[test]
fn a_snapshot_of_another_network_or_root_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(3);
    let ledger = exported(folder.path(), &trial, 2);
    let other = refused(folder.path(), &Trial::new(4), None);
    assert!(matches!(other, SnapshotError::OtherGenesis { .. }), "{other}");
    assert_eq!(other.exit_status(), ExitStatus::Genesis);
    let root = manifest(&trial, &ledger).root();
    match refused(folder.path(), &trial, Some(Root([1; 32]))) {
        SnapshotError::OtherRoot { expected, actual, .. } => {
            assert_eq!((expected, actual), (Root([1; 32]), root));
        }
        other => panic!("{other}"),
    }
    let other = folder.path().join("other");
    backup::import(&other, &trial.genesis, &folder.path().join("it"), Some(root)).expect("it is the one");
}

/// From a set to itself, for want of others' keys.
fn renewals(folder: &Path, trial: &Trial, count: u64) -> Vec<Handover> {
    let path = folder.join("db");
    filled(&path, trial, count);
    let set = trial.genesis.validator_set().expect("a good set");
    let database = Database::open(&path, Mode::Existing).expect("it opens");
    let mut piece = WriteBatch::default();
    let mut made = Vec::new();
    for height in (1..=count).map(Height) {
        let stored: StoredBlock = database
            .view()
            .get(Column::Blocks, &height_key(height))
            .expect("read")
            .expect("there");
        let handover = Handover {
            last: CertifiedHeader {
                header: stored.block.header,
                certificate: stored.certificate,
            },
            next: set.to_list(),
        };
        let meta = database.column(Column::Meta);
        piece.put_cf(meta, handover_key(height), codec::encode(&handover));
        made.push(handover);
    }
    database.write(piece, true).expect("written");
    made
}

#[test]
fn more_changes_of_validators_than_a_proof_holds_are_read_in_pages_and_imported() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, file) = (folder.path().join("db"), folder.path().join("it"));
    let trial = Trial::new(2);
    let made = renewals(folder.path(), &trial, 300);
    let (store, _) = open(&path, &trial);
    let reader = store.reader();
    assert_eq!(reader.handovers(Height(u64::MAX)).expect("read").to_vec(), made[44..]);
    assert_eq!(reader.handovers(Height(100)).expect("read").to_vec(), made[..99]);
    assert_eq!(reader.handovers_from(Height(1)).expect("read").to_vec(), made[..256]);
    assert_eq!(reader.handovers_from(Height(257)).expect("read").to_vec(), made[256..]);
    assert_eq!(reader.handovers_from(Height(301)).expect("read").to_vec(), []);
    let paid = reader.receipts(Height(298)).expect("read").expect("there");
    let Subject::Transaction(id) = paid[0].subject else {
        panic!("of a transaction");
    };
    for (validator, expected) in [(trial.validator(2), true), (ValidatorId([9; 20]), false)] {
        assert_eq!(reader.has_been_validator(&validator).expect("read"), expected);
    }
    let carried = |from| {
        let proof = reader.proof(&id, Height(from)).expect("read").expect("there");
        proof.handovers.into_vec()
    };
    assert_eq!(carried(0), made[41..297]);
    assert_eq!(carried(296), made[295..297]);
    assert_eq!(carried(298), []);
    drop((reader, store));

    backup::export(&path, &trial.genesis, &file).expect("it is written");
    let other = folder.path().join("other");
    backup::import(&other, &trial.genesis, &file, None).expect("it is taken");
    let (store, _) = open(&other, &trial);
    assert_eq!(
        store.reader().handovers_from(Height(1)).expect("read").to_vec(),
        made[..256]
    );
}

#[test]
fn a_snapshot_whose_changes_of_validators_do_not_ascend_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, file) = (folder.path().join("db"), folder.path().join("it"));
    let trial = Trial::new(2);
    renewals(folder.path(), &trial, 3);
    backup::export(&path, &trial.genesis, &file).expect("it is written");
    let mut snapshot = SnapshotFile::open(&file).expect("it is whole");
    snapshot.swap_handovers(0, 1);
    match backup::check_origin(&snapshot, &trial.genesis, &trial.genesis.hash()) {
        Err(SnapshotError::Broken {
            problem: Broken::Handover(height),
            ..
        }) => assert_eq!(height, Height(1), "it comes after that of 2"),
        other => panic!("{other:?}"),
    }
}

/// All of it is what its root says, and its block is final, and yet others would decide.
#[test]
fn a_snapshot_with_other_validators_than_its_block_names_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, file) = (folder.path().join("db"), folder.path().join("it"));
    let trial = Trial::new(3);
    let ledger = filled(&path, &trial, 2);
    let mut others = ledger.validators().to_list().into_vec();
    others[0].power += 1;
    let mut piece = WriteBatch::default();
    let database = Database::open(&path, Mode::Existing).expect("it opens");
    piece.put_cf(
        database.column(Column::State),
        codec::encode(&StateKey::Validators),
        codec::encode(&StateValue::Validators(Bounded::new(others).expect("as many"))),
    );
    database.write(piece, true).expect("written");
    drop(database);
    backup::export(&path, &trial.genesis, &file).expect("it is written");
    let error = refused(folder.path(), &trial, None);
    let SnapshotError::State(source) = error else {
        panic!("{error}");
    };
    assert_eq!(source, Damage::Handover(Height(2)));
    // Nor does a node start from it.
    match open_error(&path, &trial) {
        StoreError::Damaged { damage, .. } => assert_eq!(damage, Damage::Handover(Height(2))),
        other => panic!("{other}"),
    }
}

#[test]
fn there_is_nothing_to_export_before_the_first_block_and_nothing_is_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, file) = (folder.path().join("db"), folder.path().join("it"));
    let trial = Trial::new(3);
    drop(Store::open(&path, &trial.genesis, Expect::NewOrExisting).expect("it opens"));
    let error = backup::export(&path, &trial.genesis, &file).expect_err("there is no block");
    assert!(matches!(error, SnapshotError::NoBlock), "{error}");
    fs::write(&file, "precious").expect("a file");
    let error = backup::export(&path, &trial.genesis, &file).expect_err("there is a file");
    assert!(matches!(error, SnapshotError::Exists { .. }), "{error}");
    assert_eq!(fs::read(&file).expect("it is there"), b"precious");
}

/// As docs/format.md describes it. A change makes snapshots that exist unreadable: it is a new magic.
#[test]
fn the_file_of_a_snapshot_is_fixed() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(2);
    let ledger = exported(folder.path(), &trial, 1);
    let (chunks, manifest) = cut(trial.genesis.hash(), Height(1), ledger.snapshot());
    let chunk = chunks[0].encode();
    let (store, _) = open(&folder.path().join("db"), &trial);
    let stored = store
        .reader()
        .block(Height(1))
        .expect("it is read")
        .expect("it is there");
    let places: Bounded<u64, 1> = Bounded::new(vec![16]).expect("one");
    let handovers: Bounded<Handover, 1> = Bounded::default();
    let trailer = codec::encode(&((stored.block, stored.certificate), handovers, manifest, places));
    let length = u32::try_from(chunk.len()).expect("short");
    let place = 16 + 4 + u64::from(length);
    let expected = [
        b"causeway-snap/1\n",
        &length.to_be_bytes()[..],
        &chunk,
        &trailer,
        &place.to_be_bytes(),
        &codec::hash("causeway/snapshot-file/1", &[&trailer]),
        b"causeway-snap/1\n",
    ];
    let written = fs::read(folder.path().join("it")).expect("it was written");
    assert!(written == expected.concat(), "{}", hex::encode(written));
}
