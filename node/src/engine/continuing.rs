//! What operators and the council do when a network has lost too many validators to go on: another one is made
//! that begins with its state.

use std::{
    fs,
    io::Write,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, anyhow};
use causeway_contracts::{
    block::TimeMs,
    codec::Bounded,
    genesis::{Continues, GENESIS_VERSION, Genesis, GenesisValidator},
};
use serde::Deserialize;

use super::{
    Failure,
    member::{database_folder, load_genesis, read_genesis_text},
};
use crate::{
    config::Config,
    exit::ExitStatus,
    keyfile,
    store::adopt::{self, AdoptError},
};

impl From<AdoptError> for Failure {
    fn from(error: AdoptError) -> Self {
        match error {
            AdoptError::Store(error) => error.into(),
            AdoptError::Other { .. } => Self::genesis(error),
            AdoptError::NoBlock | AdoptError::Occupied(_) => Self {
                status: ExitStatus::Database,
                reason: error.into(),
            },
        }
    }
}

/// The file with the new network's validators, written as in a genesis file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewValidators {
    validators: Bounded<GenesisValidator, 256>,
}

/// Writes the genesis of a network that continues the one of this node, which is not running, from its last
/// block on. The council is still to sign it.
pub fn continue_network(config: &Config, validators: &Path, out: &Path) -> Result<(), Failure> {
    let before = load_genesis(&config.genesis)?;
    let text = fs::read_to_string(validators)
        .with_context(|| format!("cannot read the new validators from {}", validators.display()))
        .map_err(Failure::config)?;
    let NewValidators { validators } = toml::from_str(&text)
        .with_context(|| format!("{} is no list of validators", validators.display()))
        .map_err(Failure::config)?;
    let (ledger, last) = adopt::last(&database_folder(config), &before)?;
    let tip = ledger.tip();
    let genesis = Genesis {
        version: GENESIS_VERSION,
        name: before.name,
        address_prefix: before.address_prefix,
        time_ms: now().max(tip.time_ms),
        council: ledger.council().clone(),
        parameters: ledger.parameters().clone(),
        validators,
        participants: Bounded::default(),
        currencies: Bounded::default(),
        accounts: Bounded::default(),
        continues: Some(Continues {
            origin: ledger.origin(),
            genesis: ledger.genesis(),
            height: tip.height,
            block: tip.block,
            state_root: ledger.state_root(),
            certificate: last.certificate,
            signatures: Bounded::default(),
        }),
    };
    let text = genesis.to_toml();
    Genesis::parse_unsigned(&text)
        .with_context(|| "the new genesis cannot be used")
        .map_err(Failure::genesis)?;
    fs::File::create_new(out)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .with_context(|| format!("cannot write {}", out.display()))
        .map_err(Failure::config)?;
    println!("wrote         {}", out.display());
    println!("continues     {}", ledger.genesis());
    println!("from height   {}, block {}", tip.height, tip.block);
    println!("state root    {}", ledger.state_root());
    println!("genesis hash  {}", genesis.hash());
    println!("Compare heights with every other survivor before anyone signs it: the highest block counts.");
    Ok(())
}

/// Adds the signature of a member of the council to a genesis that continues a network.
pub fn sign_genesis(file: &Path, key: &Path) -> Result<(), Failure> {
    let mut genesis = parse_unsigned(file)?;
    let key = keyfile::read(key).map_err(Failure::config)?;
    genesis.sign(&key).map_err(Failure::genesis)?;
    let temporary = file.with_extension("new");
    fs::write(&temporary, genesis.to_toml())
        .and_then(|()| fs::rename(&temporary, file))
        .with_context(|| format!("cannot write {}", file.display()))
        .map_err(Failure::config)?;
    println!("signed genesis {}", genesis.hash());
    match genesis.check() {
        Ok(()) => println!("the council has signed with enough keys"),
        Err(error) => println!("not whole yet: {error}"),
    }
    Ok(())
}

/// The hash of a genesis, whether or not it has the signatures that it needs.
pub fn genesis_hash(file: &Path) -> Result<String, Failure> {
    Ok(parse_unsigned(file)?.hash().to_string())
}

fn parse_unsigned(file: &Path) -> Result<Genesis, Failure> {
    Genesis::parse_unsigned(&read_genesis_text(file)?)
        .with_context(|| format!("the genesis file {} cannot be used", file.display()))
        .map_err(Failure::genesis)
}

/// Makes this node's database from one of the network that its genesis continues.
pub fn adopt_database(config: &Config, old_genesis: &Path, old_database: &Path) -> Result<(), Failure> {
    let genesis = load_genesis(&config.genesis)?;
    if genesis.continues.is_none() {
        let reason = anyhow!("{} continues no network", config.genesis.display());
        return Err(Failure::genesis(reason));
    }
    let before = load_genesis(old_genesis)?;
    let folder = database_folder(config);
    fs::create_dir_all(&config.data)
        .with_context(|| format!("cannot make the data folder {}", config.data.display()))
        .map_err(Failure::config)?;
    let tip = adopt::adopt(&folder, &genesis, old_database, &before)?;
    println!("{} goes on from height {}", folder.display(), tip.height);
    Ok(())
}

fn now() -> TimeMs {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimeMs(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}
