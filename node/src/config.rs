//! A validator's configuration file, parsed and checked once.

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use tracing_subscriber::{EnvFilter, filter::ParseError};

use crate::actors::{budget::BudgetRates, network::TcpAddress};

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
    pub sync: SyncConfig,
    #[serde(default)]
    pub limits: Limits,
    /// How much work clients can make for this node.
    #[serde(default)]
    pub budgets: BudgetRates,
    /// A filter as of the `tracing` crates, such as `info,causeway_node=debug`.
    #[serde(default)]
    pub log: LogFilter,
}

/// Files that hold a 32-byte ed25519 seed as 64 hexadecimal digits, readable by their owner only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFiles {
    /// Signs votes, proposals, batches and statements. Without it this node observes: it follows the chain and
    /// answers for reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validator: Option<PathBuf>,
    /// Names this node to its peers.
    pub network: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    pub listen: TcpAddress,
    /// Addresses to dial validators at instead of those in the genesis file, by validator name.
    #[serde(default)]
    pub dial: BTreeMap<String, TcpAddress>,
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

/// How a node comes to the network's state that has the genesis alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SyncConfig {
    pub from: SyncFrom,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncFrom {
    /// By the last certified snapshot, if the others have one: fast, and without the history before it.
    #[default]
    Snapshot,
    /// By all blocks from the first on, which is what a node needs that is to have the whole history.
    Blocks,
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

/// What is logged, as text that the `tracing` crates understand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogFilter(String);

#[derive(Debug, thiserror::Error)]
#[error(
    "'{text}' is not a filter for the log ({source}); write a level, or levels of parts, as info,causeway_node=debug"
)]
pub struct LogFilterError {
    text: String,
    source: ParseError,
}

impl LogFilter {
    pub fn to_filter(&self) -> EnvFilter {
        EnvFilter::try_new(&self.0).expect("parsed when it was made")
    }
}

impl Default for LogFilter {
    /// The consensus core tells every vote at `info`.
    fn default() -> Self {
        Self("info,arc_malachitebft_core_consensus=warn".to_owned())
    }
}

impl FromStr for LogFilter {
    type Err = LogFilterError;
    fn from_str(text: &str) -> Result<Self, LogFilterError> {
        let text = text.to_owned();
        match EnvFilter::try_new(&text) {
            Ok(_) => Ok(Self(text)),
            Err(source) => Err(LogFilterError { text, source }),
        }
    }
}

impl TryFrom<String> for LogFilter {
    type Error = LogFilterError;
    fn try_from(text: String) -> Result<Self, LogFilterError> {
        text.parse()
    }
}

impl From<LogFilter> for String {
    fn from(filter: LogFilter) -> Self {
        filter.0
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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
        for relative in [&mut config.genesis, &mut config.data, &mut config.keys.network]
            .into_iter()
            .chain(&mut config.keys.validator)
        {
            *relative = folder.join(&*relative);
        }
        Ok(config)
    }
}
