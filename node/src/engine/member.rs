//! Which node of which network a process is: its genesis, its keys and its folders.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use causeway_contracts::{
    api::Role,
    codec,
    committee::ValidatorId,
    genesis::{GENESIS_BYTES_MAX, Genesis, GenesisValidator},
    keys::SecretKey,
};

use super::Failure;
use crate::{
    actors::{ledger::Membership, network::TcpAddress},
    config::Config,
    keyfile,
    log::{Absent, DiskFolder, Files},
    store::{Expect, Store},
};

/// Which node of which network a configuration makes this process.
pub struct Member {
    pub id: ValidatorId,
    pub genesis: Genesis,
    /// Of an observer it is of no meaning: no set has it, and nobody believes what it signs.
    pub(super) key: SecretKey,
    pub(super) is_observer: bool,
    pub(super) network_seed: [u8; 32],
}

impl Member {
    /// In the genesis, which may not have it.
    pub fn name(&self) -> &str {
        let own = |entry: &&GenesisValidator| ValidatorId::of(&entry.key) == self.id;
        match self.genesis.validators.iter().find(own) {
            Some(entry) => &entry.name,
            None if self.is_observer => "an observer",
            None => "not in the genesis",
        }
    }
}

pub fn load_genesis(path: &Path) -> Result<Genesis, Failure> {
    Genesis::parse(&read_genesis_text(path)?)
        .with_context(|| format!("the genesis file {} cannot be used", path.display()))
        .map_err(Failure::genesis)
}

pub(super) fn read_genesis_text(path: &Path) -> Result<String, Failure> {
    let length = fs::metadata(path).with_context(|| format!("cannot read the genesis file {}", path.display()));
    if length.map_err(Failure::genesis)?.len() > GENESIS_BYTES_MAX as u64 {
        let reason = anyhow!(
            "the genesis file {} is longer than {GENESIS_BYTES_MAX} bytes",
            path.display()
        );
        return Err(Failure::genesis(reason));
    }
    fs::read_to_string(path)
        .with_context(|| format!("cannot read the genesis file {}", path.display()))
        .map_err(Failure::genesis)
}

/// Reads the genesis and the keys. That they belong together can be told of those in the genesis only; of
/// others the registry decides, as of the block that this node has come to.
pub fn identify(config: &Config) -> Result<Member, Failure> {
    let genesis = load_genesis(&config.genesis)?;
    let network_seed = keyfile::read_seed(&config.keys.network).map_err(Failure::config)?;
    let key = match &config.keys.validator {
        Some(file) => keyfile::read(file).map_err(Failure::config)?,
        None => observers_key(&network_seed),
    };
    let network_key = SecretKey::from_seed(&network_seed).public_key();
    let public = key.public_key();
    if let Some(entry) = genesis.validators.iter().find(|entry| entry.key == public)
        && entry.network_key != network_key
    {
        let reason = anyhow!(
            "the key {network_key} in {} is not the network key of validator {}, whose validator key is in use here",
            config.keys.network.display(),
            entry.name
        );
        return Err(Failure::config(reason));
    }
    for entry in &genesis.validators {
        let (name, file) = (&entry.name, config.genesis.display());
        if !config.network.dial.contains_key(&**name) {
            let address: Result<TcpAddress, _> = entry.address.parse();
            address
                .with_context(|| format!("the address of validator {name} in {file}, which network.dial can replace"))
                .map_err(Failure::genesis)?;
        }
    }
    Ok(Member {
        id: ValidatorId::of(&public),
        key,
        is_observer: config.keys.validator.is_none(),
        network_seed,
        genesis,
    })
}

/// No two nodes have the same, and only its own can know it.
fn observers_key(network_seed: &[u8; 32]) -> SecretKey {
    SecretKey::from_seed(&codec::hash("causeway/observer/1", &[network_seed]))
}

pub(super) fn database_folder(config: &Config) -> PathBuf {
    config.data.join("db")
}

/// Each key has a consensus log and a sign record of its own: what one has signed must not be forgotten
/// when another takes its place.
pub(super) fn log_folder(config: &Config, id: &ValidatorId) -> PathBuf {
    config.data.join("consensus").join(id.to_string())
}

/// Makes the data folder of a validator whose key has signed nothing yet: an empty sign record, without
/// which it would sign nothing. A node that takes another key has its database, and the records of its other
/// keys, already; they stay as they are. Gives the folder.
pub fn init(config: &Config) -> Result<&Path, Failure> {
    let member = identify(config)?;
    let data = &config.data;
    let log = log_folder(config, &member.id);
    let database = database_folder(config);
    let used = if log.exists() {
        Some(log.clone())
    } else if database.exists() && !is_new_key(config, &member)? {
        Some(database)
    } else {
        None
    };
    if let Some(used) = used {
        let reason = anyhow!(
            "{} is there already: this validator has run, here or elsewhere, and what it has signed must not be \
             forgotten. Bring its folder in data/consensus along if another node has it; then just run causeway-node \
             run, which signs nothing before it has caught up",
            used.display()
        );
        return Err(Failure::config(reason));
    }
    fs::create_dir_all(&log)
        .with_context(|| format!("cannot make the data folder {}", log.display()))
        .map_err(Failure::config)?;
    let folder = DiskFolder::open(&log)?;
    Files::open(folder, member.genesis.hash(), member.id, Absent::Create)?;
    Ok(data)
}

/// Whether this node has run with other keys only: by the chain that it has, this one was in no set.
fn is_new_key(config: &Config, member: &Member) -> Result<bool, Failure> {
    let others = fs::read_dir(config.data.join("consensus")).is_ok_and(|mut folders| folders.next().is_some());
    if !others {
        return Ok(false);
    }
    let (store, opened) = Store::open(&database_folder(config), &member.genesis, Expect::Existing)?;
    let role = Membership::of(&opened.ledger).role(&member.id);
    // The state remembers for a while only who has left; one who returns has signed before.
    let began_with = member
        .genesis
        .validators
        .iter()
        .any(|entry| ValidatorId::of(&entry.key) == member.id);
    let is_known = began_with || store.reader().has_been_validator(&member.id)?;
    Ok(matches!(role, Role::Observer | Role::Joining) && !is_known)
}

#[cfg(test)]
mod tests;
