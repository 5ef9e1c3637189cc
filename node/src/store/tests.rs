mod backups;
mod child;
mod damage;
mod formats;
mod opening;
mod reading;

use std::{collections::BTreeMap, path::Path};

use causeway_contracts::{codec, ledger::Ledger};

use super::{Expect, Opened, Store, StoreError, trial::Trial};

/// A runtime for the store's asynchronous handle.
fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(future)
}

fn open(path: &Path, trial: &Trial) -> (Store, Ledger) {
    let (store, Opened { ledger, .. }) = Store::open(path, &trial.genesis, Expect::NewOrExisting).expect("it opens");
    (store, ledger)
}

fn open_error(path: &Path, trial: &Trial) -> StoreError {
    match Store::open(path, &trial.genesis, Expect::NewOrExisting) {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

/// Creates a database with some blocks and closes it.
fn filled(path: &Path, trial: &Trial, blocks: u64) -> Ledger {
    let (store, mut ledger) = open(path, trial);
    for _ in 0..blocks {
        run(trial.advance(&store, &mut ledger, 20));
    }
    ledger
}

/// Everything that a ledger is, but for what it remembers.
fn content(ledger: &Ledger) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let entries = ledger.entries();
    entries
        .map(|(key, value)| (codec::encode(&key), codec::encode(&value)))
        .collect()
}

fn assert_same(one: &Ledger, other: &Ledger) {
    assert_eq!(one.tip(), other.tip());
    assert!(
        one.snapshot() == other.snapshot(),
        "state, ids and digests are the same"
    );
}
