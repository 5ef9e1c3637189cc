use std::{fs, path::Path};

use causeway_contracts::{
    codec::Bounded,
    committee::{Validator, ValidatorSet},
    keys::PublicKey,
};

use super::*;
use crate::{
    exit::ExitStatus,
    store::{
        Opened,
        trial::{Trial, forge_handover},
    },
};

/// A node that has taken another key, with two blocks, and the record of the key before. Gives the new key.
fn node(folder: &Path) -> (Config, PublicKey) {
    let trial = Trial::new(2);
    fs::write(folder.join("genesis.toml"), trial.genesis.to_toml()).expect("written");
    let key = keyfile::create(&folder.join("validator.key"))
        .expect("written")
        .public_key();
    keyfile::create(&folder.join("network.key")).expect("written");
    let config = r#"
        genesis = "genesis.toml"
        data = "data"
        keys = { validator = "validator.key", network = "network.key" }
        network = { listen = "/ip4/127.0.0.1/tcp/1" }
        api = { listen = "127.0.0.1:1" }
        metrics = { listen = "127.0.0.1:1" }
    "#;
    fs::write(folder.join("node.toml"), config).expect("written");
    let config = Config::load(&folder.join("node.toml")).expect("a configuration");
    fs::create_dir_all(log_folder(&config, &trial.validator(0))).expect("made");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let database = database_folder(&config);
    let (store, Opened { mut ledger, .. }) =
        Store::open(&database, &trial.genesis, Expect::NewOrExisting).expect("it opens");
    runtime.block_on(async {
        for _ in 0..2 {
            trial.advance(&store, &mut ledger, 1).await;
        }
    });
    (config, key)
}

#[test]
fn a_key_that_is_new_to_the_network_gets_an_empty_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, key) = node(folder.path());
    assert!(init(&config).is_ok());
    assert!(log_folder(&config, &ValidatorId::of(&key)).exists());
}

/// The state does not remember it any more, and what it signed then may be on another machine.
#[test]
fn a_key_that_was_a_validators_long_ago_gets_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, key) = node(folder.path());
    let once = ValidatorSet::new(vec![Validator { key, power: 1 }]).expect("a good set");
    forge_handover(&database_folder(&config), once.to_list());
    let failure = init(&config).expect_err("it has signed");
    assert_eq!(failure.status, ExitStatus::Config);
    assert!(!log_folder(&config, &ValidatorId::of(&key)).exists());
    // Others' changes do not matter.
    forge_handover(&database_folder(&config), Bounded::default());
    assert!(init(&config).is_ok());
}
