//! A validator's configuration file, parsed and checked once.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::actors::budget::BudgetRates;

/// `node.toml`. Relative paths are relative to the file. An unknown key is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The network's genesis file.
    pub genesis: PathBuf,
    /// Where the database, the consensus log and the sign record live.
    pub data: PathBuf,
    pub keys: KeyFiles,
    pub network: NetworkConfig,
    pub api: ApiConfig,
    pub metrics: MetricsConfig,
    #[serde(default)]
    pub limits: Limits,
    /// How much work clients can make for this node.
    #[serde(default)]
    pub budgets: BudgetRates,
    /// A filter as of the `tracing` crates, such as `info,causeway_node=debug`.
    #[serde(default = "default_log")]
    pub log: String,
}

/// Files that hold a 32-byte ed25519 seed as 64 hexadecimal digits, readable by their owner only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFiles {
    /// Signs votes, proposals, batches and statements.
    pub validator: PathBuf,
    /// Names this node to its peers.
    pub network: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// A libp2p multiaddress such as `/ip4/127.0.0.1/tcp/27100`.
    pub listen: String,
    /// Addresses to dial validators at instead of those in the genesis file, by validator name.
    #[serde(default)]
    pub dial: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiConfig {
    pub listen: SocketAddr,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsConfig {
    pub listen: SocketAddr,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// With less free disk space than this, the node takes no transactions and proposes nothing.
    pub disk_free_bytes_min: u64,
    /// Client transactions waiting to be sealed; one more is refused with 429.
    pub pending_transactions_max: usize,
    /// Bytes of unordered batches of one author kept in memory.
    pub author_batch_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            disk_free_bytes_min: 256 * 1024 * 1024,
            pending_transactions_max: 16_384,
            author_batch_bytes_max: 64 * 1024 * 1024,
        }
    }
}

/// The consensus core tells every vote at `info`.
fn default_log() -> String {
    "info,arc_malachitebft_core_consensus=warn".to_owned()
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}: {source}")]
    Parse {
        path: PathBuf,
        source: Box<toml::de::Error>,
    },
}

impl Config {
    /// Reads a file and makes its paths absolute or relative to the working directory.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        let mut config: Self = toml::from_str(&text).map_err(|source| ConfigError::Parse {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for relative in [
            &mut config.genesis,
            &mut config.data,
            &mut config.keys.validator,
            &mut config.keys.network,
        ] {
            *relative = folder.join(&*relative);
        }
        Ok(config)
    }
}
