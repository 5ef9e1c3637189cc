//! What every command starts from: the folder, the passphrase, the form of the output.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use causeway_contracts::{keys::SecretKey, money::Currency};
use causeway_wallet::{
    client::Client,
    home::Home,
    keystore::{KeyEntry, Secret},
};
use serde_json::json;

use super::{
    output::{note, say},
    passphrase::Passphrase,
};

pub struct Wallet {
    root: PathBuf,
    pub passphrase: Passphrase,
    pub json: bool,
}

impl Wallet {
    pub fn new(home: Option<PathBuf>, passphrase_file: Option<PathBuf>, json: bool) -> anyhow::Result<Self> {
        let root = match home {
            Some(root) => root,
            None => std::env::home_dir()
                .context("there is no home folder; say where the wallet is with --home")?
                .join(".causeway"),
        };
        Ok(Self {
            root,
            passphrase: Passphrase::new(passphrase_file),
            json,
        })
    }

    pub fn home(&self) -> anyhow::Result<Home> {
        Ok(Home::open(&self.root)?)
    }

    pub fn open_secret(&self, home: &Home, name: &str) -> anyhow::Result<Secret> {
        let keystore = home.keystore();
        // That it is there first: nobody types a passphrase for a key that is not.
        keystore.entry(name)?;
        let passphrase = self.passphrase.for_key(name)?;
        Ok(keystore.open(name, &passphrase)?)
    }

    pub fn open_key(&self, home: &Home, name: &str) -> anyhow::Result<SecretKey> {
        Ok(self.open_secret(home, name)?.signing_key())
    }
}

/// The key of this name; without one, the only key besides `other_than`.
pub fn choose_key(home: &Home, wanted: Option<&str>, other_than: Option<&str>) -> anyhow::Result<KeyEntry> {
    let keystore = home.keystore();
    if let Some(name) = wanted {
        return Ok(keystore.entry(name)?);
    }
    let mut keys = keystore.list()?;
    keys.retain(|key| Some(key.name.as_str()) != other_than);
    match <[KeyEntry; 1]>::try_from(keys) {
        Ok([only]) => Ok(only),
        Err(keys) if keys.is_empty() => bail!("there is no key for it yet; make one with `causeway keys new NAME`"),
        Err(keys) => bail!("there are {} keys; say which with --key", keys.len()),
    }
}

/// The digits after the point of a currency: from the genesis file, or as enough validators agree.
pub async fn exponent(home: &Home, client: &Client, currency: Currency) -> anyhow::Result<u8> {
    if let Some(record) = home.genesis().currency(currency) {
        return Ok(record.exponent);
    }
    match client.currency(currency).await? {
        Some(record) => Ok(record.exponent),
        None => bail!("currency {currency} is not registered on this network"),
    }
}

pub fn init(wallet: &Wallet, genesis: &Path, nodes: Vec<String>) -> anyhow::Result<()> {
    let given = nodes.iter().collect::<BTreeSet<_>>().len();
    let home = Home::init(&wallet.root, genesis, nodes)?;
    let needed = home.nodes_needed()?;
    if given < needed {
        note!(
            "Only {given} of at least {needed} nodes were given that it takes to show an account or to prove that a \
             payment was not made. One is enough to pay, but a payment that it loses then stays unknown; \
             run `causeway init` again with more nodes."
        );
    }
    let hash = home.genesis().hash();
    if wallet.json {
        say!(
            "{}",
            json!({ "home": home.root(), "network": home.genesis().name, "genesis": hash })
        );
    } else {
        say!("A wallet for {} is in {}.", home.genesis().name, home.root().display());
        say!("The network's genesis hash is {hash}; compare it with what others have.");
    }
    Ok(())
}
