use std::fs;

use causeway_contracts::ledger::Ledger;

use super::{assert_same, content, filled, open, open_error, run};
use crate::{
    exit::ExitStatus,
    store::{Expect, Store, StoreError, error::Evidence, free_bytes, halted, renew, trial::Trial},
};

#[test]
fn a_new_database_holds_the_genesis_state() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(10);
    let (store, opened) = Store::open(&folder.path().join("db"), &trial.genesis, Expect::NewOrExisting).expect("opens");
    assert!(opened.created);
    assert_same(&opened.ledger, &Ledger::from_genesis(&trial.genesis, 1));
    assert_eq!(store.reader().tip().expect("a tip"), *opened.ledger.tip());
}

#[test]
fn invariant_a_restart_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let trial = Trial::new(10);
    let mut model = Ledger::from_genesis(&trial.genesis, 1);
    // Long enough for ids to be forgotten between restarts.
    for round in 0..6 {
        let (store, mut ledger) = open(&path, &trial);
        assert_same(&ledger, &model);
        for payments in [0, 1, 30] {
            run(trial.advance(&store, &mut ledger, payments + round));
            model.commit(trial.step(&model, payments + round).commit.execution);
            assert_same(&ledger, &model);
        }
    }
    let (_, reopened) = open(&path, &trial);
    assert_same(&reopened, &model);
    let forgotten = model.tip().height.0 * 30;
    assert!((model.recent_ids() as u64) < forgotten, "some ids were forgotten");
    assert!(model.recent_ids() > 0);
    assert_ne!(content(&model), content(&Ledger::from_genesis(&trial.genesis, 1)));
}

#[test]
fn a_database_of_another_network_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let (ours, theirs) = (Trial::new(2), Trial::new(3));
    filled(&path, &theirs, 1);
    let error = open_error(&path, &ours);
    assert_eq!(error.exit_status(), ExitStatus::Genesis);
    match error {
        StoreError::OtherGenesis { expected, found, .. } => {
            assert_eq!((expected, found), (ours.genesis.hash(), theirs.genesis.hash()));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_lost_database_is_not_taken_for_a_new_node() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let trial = Trial::new(2);
    filled(&path, &trial, 1);
    fs::remove_dir_all(&path).expect("removed");
    let error = open_error(&path, &trial);
    assert_eq!(error.exit_status(), ExitStatus::Database);
    assert!(
        matches!(
            error,
            StoreError::Missing {
                evidence: Evidence::Marker,
                ..
            }
        ),
        "{error}"
    );
    assert!(!path.exists(), "nothing was created");
    // An empty folder, such as a volume that was not mounted, is no better.
    fs::create_dir(&path).expect("created");
    assert!(matches!(open_error(&path, &trial), StoreError::Missing { .. }));
}

#[test]
fn the_callers_word_counts_where_the_marker_is_lost_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let trial = Trial::new(2);
    match Store::open(&path, &trial.genesis, Expect::Existing) {
        Err(error) => assert!(
            matches!(
                error,
                StoreError::Missing {
                    evidence: Evidence::Caller,
                    ..
                }
            ),
            "{error}"
        ),
        Ok(_) => panic!("it opened"),
    }
    assert!(!path.exists(), "nothing was created");
}

#[test]
fn what_a_kill_left_of_a_creation_is_in_nobodys_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let building = folder.path().join("db.new");
    fs::create_dir(&building).expect("created");
    fs::write(building.join("CURRENT"), "half").expect("written");
    let trial = Trial::new(2);
    let (_, ledger) = open(&path, &trial);
    assert_same(&ledger, &Ledger::from_genesis(&trial.genesis, 1));
    assert!(!building.exists());
}

#[test]
fn a_marker_that_a_kill_prevented_is_written_at_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let marker = folder.path().join("db.created");
    let trial = Trial::new(2);
    filled(&path, &trial, 1);
    fs::remove_file(&marker).expect("it was there");
    open(&path, &trial);
    assert_eq!(
        fs::read_to_string(&marker).expect("it is there"),
        format!("{}\n", trial.genesis.hash())
    );
}

#[test]
fn free_space_is_that_of_the_file_system() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(free_bytes(folder.path()).expect("a file system") > 0);
    let nowhere = free_bytes(&folder.path().join("nowhere")).expect_err("no such folder");
    assert_eq!(nowhere.kind(), std::io::ErrorKind::NotFound);
}

/// A supervisor starts it again and again.
#[test]
fn a_node_whose_state_was_wrong_starts_on_another_database_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let trial = Trial::new(2);
    filled(&path, &trial, 2);
    halted::remember(folder.path(), "the state after block 2 is another").expect("written");
    for _ in 0..2 {
        let error = open_error(&path, &trial);
        assert_eq!(error.exit_status(), ExitStatus::Divergence);
        let text = error.to_string();
        for part in ["the state after block 2 is another", "db renew", "halted"] {
            assert!(text.contains(part), "{text}");
        }
    }
    renew(&path, &trial.genesis).expect("renewed").expect("there was one");
    let (_, ledger) = open(&path, &trial);
    assert_same(&ledger, &Ledger::from_genesis(&trial.genesis, 1));
}

#[test]
fn a_renewed_database_begins_again_and_keeps_the_old_one_aside() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let trial = Trial::new(2);
    let old = filled(&path, &trial, 2);
    fs::write(path.join("CURRENT"), "damaged").expect("written");
    open_error(&path, &trial);
    let aside = renew(&path, &trial.genesis).expect("renewed").expect("there was one");
    assert_eq!(aside, folder.path().join("db.old-1"));
    assert!(aside.join("CURRENT").exists());

    let opened = Store::open(&path, &trial.genesis, Expect::Existing).expect("it is there");
    let (store, mut ledger) = (opened.0, opened.1.ledger);
    assert_same(&ledger, &Ledger::from_genesis(&trial.genesis, 1));
    for _ in 0..2 {
        run(trial.advance(&store, &mut ledger, 20));
    }
    assert_same(&ledger, &old);
    drop(store);

    fs::remove_dir_all(&path).expect("removed");
    assert_eq!(renew(&path, &trial.genesis).expect("renewed"), None);
    Store::open(&path, &trial.genesis, Expect::Existing).expect("it is there");
}
