//! A network for tests that is made and not run.

use tempfile::TempDir;

use crate::{
    bench::accounts,
    folder::{Folder, Trial},
    genesis::Seed,
    network::{Making, Network, Plan},
    ports::BasePort,
};

/// With so many accounts in its genesis. Its folder is deleted with the first.
pub fn network(accounts: u32) -> (TempDir, Network) {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open_or_create(place.path()).unwrap();
    let plan = Plan {
        validators: 1,
        base_port: BasePort::new(27_100).unwrap(),
    };
    let seed = Seed::from_bytes([7; 32]);
    let making = Making {
        accounts: accounts::in_genesis(&seed, accounts),
        seed: Some(seed),
        ..Making::default()
    };
    let network = Network::create_with(folder.network_of(Trial::Bench), plan, making).unwrap();
    (place, network)
}
