//! The wallet's folder: which network it is for, whom it asks, and what it knows.

use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use causeway_contracts::{
    block::CertificateError,
    genesis::{GENESIS_BYTES_MAX, Genesis, GenesisError},
    identity::Address,
};
use serde::{Deserialize, Serialize};

use crate::{
    client::{Client, ClientError, check_node_address},
    clock,
    durable::{self, FileError},
    keystore::Keystore,
    offline::purses::Purses,
    payee::{Contacts, ContactsError},
    trust::{self, TrustError},
};

const SETTINGS_BYTES_MAX: u64 = 1024 * 1024;

/// `wallet.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The genesis file, relative to the folder.
    genesis: PathBuf,
    /// Base addresses of validators' APIs.
    nodes: Vec<String>,
}

/// One of the accounts that this wallet can pay from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountEntry {
    pub label: String,
    pub address: Address,
    /// The name of its key in the keystore.
    pub key: String,
}

#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    #[error("there is no wallet in {}; make one with `causeway init --genesis FILE --node URL`", root.display())]
    NotThere { root: PathBuf },
    #[error("the wallet in {} is for another network; use another folder with --home", root.display())]
    OtherNetwork { root: PathBuf },
    #[error(
        "the genesis file continues this wallet's network, but from a block that is not final by the validators that the wallet trusts: {0}"
    )]
    NotContinued(CertificateError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}: {source}", path.display())]
    Settings {
        path: PathBuf,
        #[source]
        source: Box<toml::de::Error>,
    },
    #[error(transparent)]
    Genesis(#[from] GenesisFileError),
    #[error("accounts.json: {0}")]
    Accounts(#[from] serde_json::Error),
    #[error("no account '{wanted}' in this wallet; `causeway account list` shows those there are")]
    UnknownAccount { wanted: String },
    #[error("this wallet has no account yet; an operator opens one with `causeway account open`")]
    NoAccount,
    #[error("this wallet has {count} accounts; say which with --from")]
    WhichAccount { count: usize },
    #[error("this wallet has an account called '{label}' already; choose another label")]
    LabelTaken { label: String },
    #[error(transparent)]
    Client(#[from] Box<ClientError>),
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// A genesis file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GenesisFileError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}: {source}", path.display())]
    Content {
        path: PathBuf,
        #[source]
        source: Box<GenesisError>,
    },
}

pub fn read_genesis(path: &Path) -> Result<Genesis, GenesisFileError> {
    let text = durable::read_text(path, GENESIS_BYTES_MAX as u64)?;
    Genesis::parse(&text).map_err(|source| GenesisFileError::Content {
        path: path.to_owned(),
        source: Box::new(source),
    })
}

/// An existing wallet folder.
#[derive(Debug)]
pub struct Home {
    root: PathBuf,
    genesis: Genesis,
    nodes: Vec<String>,
}

impl Home {
    /// Makes a wallet in `root`, trusting the genesis validators as of now. Where there is one for
    /// the same network already, or for one that this network continues, its nodes and its trust are renewed
    /// and all else is kept.
    pub fn init(root: &Path, genesis_file: &Path, nodes: Vec<String>) -> Result<Self, HomeError> {
        for node in &nodes {
            check_node_address(node).map_err(Box::new)?;
        }
        let genesis = read_genesis(genesis_file)?;
        let trusted = trust::vouched(&genesis, clock::now_ms()).map_err(TrustError::from)?;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(root)
            .map_err(FileError::new("make the folder", root))?;
        let home = Self {
            root: root.to_owned(),
            genesis,
            nodes,
        };
        let copy = root.join(GENESIS_FILE);
        if copy.exists() {
            home.check_same_network(&read_genesis(&copy)?)?;
        }
        durable::replace(&copy, home.genesis.to_toml().as_bytes())?;
        trust::save(&home.trust_path(), &trusted)?;
        let settings = Settings {
            genesis: GENESIS_FILE.into(),
            nodes: home.nodes.clone(),
        };
        let text = toml::to_string_pretty(&settings).expect("settings have a TOML form");
        // Last: a folder without it is not a wallet yet, and init can be run again.
        durable::replace(&root.join(SETTINGS_FILE), text.as_bytes())?;
        Ok(home)
    }

    /// The wallet's network is that of the genesis, or is continued by it from a block that the validators whom
    /// this wallet trusts have made final. That its council has signed it was checked when it was read.
    fn check_same_network(&self, before: &Genesis) -> Result<(), HomeError> {
        let hash = before.hash();
        if hash == self.genesis.hash() {
            return Ok(());
        }
        match &self.genesis.continues {
            Some(continues) if continues.genesis == hash && continues.origin == before.origin() => {
                let trusted = trust::load(&self.trust_path(), hash)?;
                let certificate = &continues.certificate;
                certificate
                    .verify(&hash, &trusted.validators)
                    .map_err(HomeError::NotContinued)
            }
            _ => Err(HomeError::OtherNetwork {
                root: self.root.clone(),
            }),
        }
    }

    pub fn open(root: &Path) -> Result<Self, HomeError> {
        let path = root.join(SETTINGS_FILE);
        let text = durable::read_text(&path, SETTINGS_BYTES_MAX).map_err(|error| {
            if error.is_not_found() {
                HomeError::NotThere { root: root.to_owned() }
            } else {
                error.into()
            }
        })?;
        let settings: Settings = toml::from_str(&text).map_err(|source| HomeError::Settings {
            path,
            source: Box::new(source),
        })?;
        Ok(Self {
            genesis: read_genesis(&root.join(settings.genesis))?,
            root: root.to_owned(),
            nodes: settings.nodes,
        })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The fewest nodes whose word together is believed: of the most powerful validators, as many as
    /// have more than f of the power.
    pub fn nodes_needed(&self) -> Result<usize, HomeError> {
        let validators = self.genesis.validator_set().map_err(TrustError::from)?;
        let mut powers: Vec<_> = validators.iter().map(|(_, validator)| validator.power).collect();
        powers.sort_by(|a, b| b.cmp(a));
        let mut power = 0;
        let believed = powers.iter().position(|next| {
            power += next;
            validators.has_honest(power)
        });
        Ok(believed.expect("all of the power is more than f of it") + 1)
    }

    pub fn keystore(&self) -> Keystore {
        Keystore::new(self.root.join("keys"))
    }

    pub fn history_path(&self) -> PathBuf {
        self.root.join("history")
    }

    pub fn trust_path(&self) -> PathBuf {
        self.root.join("trust.json")
    }

    pub fn contacts(&self) -> Result<Contacts, ContactsError> {
        Contacts::load(self.root.join("contacts.json"), self.genesis.address_prefix)
    }

    pub fn client(&self) -> Result<Client, HomeError> {
        let trusted = trust::load(&self.trust_path(), self.genesis.hash())?;
        let client = Client::with_trust(trusted, self.genesis.address_prefix, self.nodes.clone());
        Ok(client.map_err(Box::new)?)
    }

    /// Keeps what the client has learned of the validators.
    pub fn keep_trust(&self, client: &Client) -> Result<(), HomeError> {
        let pinned = trust::load(&self.trust_path(), self.genesis.hash())?;
        let learned = client.trusted();
        if learned.is_later_than(&pinned) {
            trust::save(&self.trust_path(), &learned)?;
        }
        Ok(())
    }

    pub fn purses(&self) -> Purses {
        Purses::new(self.root.join("purses"))
    }

    /// What an issuer has given this phone to pay with.
    pub fn device_path(&self) -> PathBuf {
        self.root.join("device.json")
    }

    pub fn accounts(&self) -> Result<Vec<AccountEntry>, HomeError> {
        match durable::read(&self.accounts_path(), SETTINGS_BYTES_MAX) {
            Ok(json) => Ok(serde_json::from_slice(&json)?),
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    pub fn add_account(&self, entry: AccountEntry) -> Result<(), HomeError> {
        let mut accounts = self.accounts()?;
        self.check_label(&entry.label)?;
        accounts.push(entry);
        let json = serde_json::to_vec_pretty(&accounts).expect("accounts have a JSON form");
        Ok(durable::replace(&self.accounts_path(), &json)?)
    }

    pub fn check_label(&self, label: &str) -> Result<(), HomeError> {
        if self.accounts()?.iter().any(|account| account.label == label) {
            return Err(HomeError::LabelTaken {
                label: label.to_owned(),
            });
        }
        Ok(())
    }

    /// The account of this label or address; without either, the only one.
    pub fn account(&self, wanted: Option<&str>) -> Result<AccountEntry, HomeError> {
        let accounts = self.accounts()?;
        let Some(wanted) = wanted else {
            return match <[AccountEntry; 1]>::try_from(accounts) {
                Ok([only]) => Ok(only),
                Err(accounts) if accounts.is_empty() => Err(HomeError::NoAccount),
                Err(accounts) => Err(HomeError::WhichAccount { count: accounts.len() }),
            };
        };
        let address = wanted.parse::<Address>().ok();
        accounts
            .into_iter()
            .find(|account| account.label == wanted || Some(account.address) == address)
            .ok_or_else(|| HomeError::UnknownAccount {
                wanted: wanted.chars().take(100).collect(),
            })
    }

    fn accounts_path(&self) -> PathBuf {
        self.root.join("accounts.json")
    }
}

const GENESIS_FILE: &str = "genesis.toml";
const SETTINGS_FILE: &str = "wallet.toml";

#[cfg(test)]
mod tests;
