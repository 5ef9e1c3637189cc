//! What tests of a network of one validator begin with.

use std::{
    future::pending,
    path::{Path, PathBuf},
};

use causeway_devnet::{
    fleet::{Fleet, Lifetime},
    folder::Folder,
    network::{Network, Plan},
    ports::BasePort,
};

/// The programs are built beside this project's own; `cargo test --workspace` builds them all.
pub fn program(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_causeway-devnet")).with_file_name(name);
    assert!(path.is_file(), "{} is not built; use --workspace", path.display());
    path
}

/// In a folder of its own in `dir`, at the first free ports from `base_port` on.
pub fn network(dir: &Path, base_port: u16) -> (Folder, Network) {
    let folder = Folder::open_or_create(&dir.join("net")).expect("a folder");
    let ports = BasePort::new(base_port).and_then(|port| port.first_free(1));
    let plan = Plan {
        validators: 1,
        base_port: ports.expect("free ports"),
    };
    let network = Network::create(folder.network(), plan).expect("a network");
    (folder, network)
}

pub async fn start(network: &Network) -> Fleet {
    let fleet = Fleet::start(network.clone(), program("causeway-node"), Lifetime::Ours, pending());
    fleet.await.expect("a validator")
}
