//! What a service is run with: a file, read once into values that cannot be wrong.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use causeway_contracts::{
    block::Height,
    genesis::Genesis,
    identity::{AccountId, Address, AddressPrefix, ParticipantId},
    keys::SecretKey,
    money::{
        Amount, Currency,
        text::{AmountTextError, parse_amount},
    },
};
use serde::Deserialize;

use super::{client::IssuerLimits, rules::ServiceKeys};
use crate::{
    durable::{self, FileError},
    home::{self, GenesisFileError},
    keyfile::{self, KeyFileError},
};

/// More is no configuration.
const CONFIG_BYTES_MAX: u64 = 64 * 1024;

const OPERATORS_MAX: usize = 16;

/// The ledger takes no grant that lives longer: a year.
const LOT_HOURS_MAX: u32 = 366 * 24;

/// As it is written; paths are relative to the file's folder.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerFile {
    /// On loopback.
    listen: SocketAddr,
    genesis: PathBuf,
    nodes: Vec<String>,
    currency: Currency,
    /// That brings to the ledger what is signed.
    account: Address,
    account_key: PathBuf,
    certificate_key: PathBuf,
    grant_key: PathBuf,
    beacon_key: PathBuf,
    /// A folder.
    state: PathBuf,
    #[serde(rename = "operator")]
    operators: Vec<OperatorText>,
    #[serde(default)]
    limits: LimitsText,
    /// Rounded up to whole hours.
    #[serde(default = "one_hour")]
    beacon_seconds: u32,
    #[serde(default = "one_day")]
    lot_proof_hours: u32,
    /// Where to begin without a cursor: no later than the block that opened the currency for purses.
    #[serde(default)]
    from_height: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OperatorText {
    id: ParticipantId,
    key: PathBuf,
}

/// Amounts are in major units, such as 12.50.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsText {
    payment: String,
    balance: String,
    merchant_balance: String,
    out: String,
    payments: u32,
    certificate_hours: u32,
    lot_hours: u32,
}

fn one_hour() -> u32 {
    3_600
}

fn one_day() -> u32 {
    24
}

impl Default for LimitsText {
    fn default() -> Self {
        Self {
            payment: "500".to_owned(),
            balance: "2000".to_owned(),
            merchant_balance: "100000".to_owned(),
            out: "2000".to_owned(),
            payments: 50,
            certificate_hours: 14 * 24,
            lot_hours: 30 * 24,
        }
    }
}

/// For whom purses are registered.
#[derive(Clone)]
pub struct Operator {
    pub id: ParticipantId,
    pub key: SecretKey,
}

pub struct Config {
    pub listen: SocketAddr,
    pub genesis: Genesis,
    pub nodes: Vec<String>,
    pub currency: Currency,
    pub account: AccountId,
    pub account_key: SecretKey,
    pub keys: ServiceKeys,
    pub state: PathBuf,
    /// At least one.
    pub operators: Vec<Operator>,
    pub limits: LimitsText,
    pub beacon_hours: u32,
    pub lot_proof_hours: u32,
    pub from_height: Height,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(transparent)]
    Read(#[from] FileError),
    #[error("{} is not the configuration of an issuer's service: {source}", path.display())]
    Parse {
        path: PathBuf,
        #[source]
        source: Box<toml::de::Error>,
    },
    #[error(transparent)]
    Genesis(#[from] GenesisFileError),
    #[error("{name}: {source}")]
    Key {
        name: &'static str,
        #[source]
        source: KeyFileError,
    },
    #[error("listen is {0}, and must be an address of this machine alone, such as 127.0.0.1:31500")]
    NotLoopback(SocketAddr),
    #[error("account is an address of another network; addresses of this one begin with {}1", .0.as_str())]
    OtherNetwork(AddressPrefix),
    #[error("{0} operators; name 1 to {OPERATORS_MAX}, each in a table [[operator]] with id and key")]
    Operators(usize),
    #[error("operator {0} is there twice")]
    OperatorTwice(ParticipantId),
    #[error("{one} and {other} are the same key; a key has one role")]
    SameKey { one: &'static str, other: &'static str },
    #[error("limits.{name}: {source}")]
    Amount {
        name: &'static str,
        #[source]
        source: AmountTextError,
    },
    #[error("{name} is {actual}, and must be {min} to {max}")]
    Range {
        name: &'static str,
        actual: u64,
        min: u64,
        max: u64,
    },
}

fn in_range(name: &'static str, actual: u64, min: u64, max: u64) -> Result<(), ConfigError> {
    if (min..=max).contains(&actual) {
        Ok(())
    } else {
        Err(ConfigError::Range { name, actual, min, max })
    }
}

impl LimitsText {
    /// In a currency with so many digits after the point.
    pub fn resolve(&self, exponent: u8) -> Result<IssuerLimits, ConfigError> {
        let amount = |name, text: &str| -> Result<Amount, ConfigError> {
            let amount = parse_amount(text, exponent).map_err(|source| ConfigError::Amount { name, source })?;
            in_range(name, amount.0, 1, u64::MAX)?;
            Ok(amount)
        };
        let Self {
            payments,
            certificate_hours,
            lot_hours,
            ..
        } = *self;
        in_range("limits.payments", payments.into(), 1, u32::MAX.into())?;
        in_range(
            "limits.certificate_hours",
            certificate_hours.into(),
            1,
            LOT_HOURS_MAX.into(),
        )?;
        in_range("limits.lot_hours", lot_hours.into(), 1, LOT_HOURS_MAX.into())?;
        Ok(IssuerLimits {
            payment: amount("payment", &self.payment)?,
            balance: amount("balance", &self.balance)?,
            merchant_balance: amount("merchant_balance", &self.merchant_balance)?,
            out: amount("out", &self.out)?,
            payments,
            certificate_hours,
            lot_hours,
        })
    }
}

impl IssuerFile {
    fn check(&self) -> Result<(), ConfigError> {
        if !self.listen.ip().is_loopback() {
            return Err(ConfigError::NotLoopback(self.listen));
        }
        let count = self.operators.len();
        if !(1..=OPERATORS_MAX).contains(&count) {
            return Err(ConfigError::Operators(count));
        }
        for (at, operator) in self.operators.iter().enumerate() {
            if self.operators[..at].iter().any(|other| other.id == operator.id) {
                return Err(ConfigError::OperatorTwice(operator.id));
            }
        }
        in_range("beacon_seconds", self.beacon_seconds.into(), 1, 7 * 24 * 3_600)?;
        in_range("lot_proof_hours", self.lot_proof_hours.into(), 0, 30 * 24)
    }
}

/// A key known under two ids would be refused by the ledger, or serve for what it is not for.
fn check_different(keys: &ServiceKeys) -> Result<(), ConfigError> {
    let named = [
        ("certificate_key", &keys.certificate),
        ("grant_key", &keys.grant),
        ("beacon_key", &keys.beacon),
    ];
    for (at, (other, key)) in named.iter().enumerate() {
        let same = named[..at]
            .iter()
            .find(|(_, before)| before.public_key() == key.public_key());
        if let Some((one, _)) = same {
            return Err(ConfigError::SameKey { one, other });
        }
    }
    Ok(())
}

impl Config {
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = durable::read_text(path, CONFIG_BYTES_MAX)?;
        let file: IssuerFile = toml::from_str(&text).map_err(|source| ConfigError::Parse {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        file.check()?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let genesis = home::read_genesis(&folder.join(&file.genesis))?;
        if file.account.prefix != genesis.address_prefix {
            return Err(ConfigError::OtherNetwork(genesis.address_prefix));
        }
        let key =
            |name, path: &Path| keyfile::read(&folder.join(path)).map_err(|source| ConfigError::Key { name, source });
        let keys = ServiceKeys {
            certificate: key("certificate_key", &file.certificate_key)?,
            grant: key("grant_key", &file.grant_key)?,
            beacon: key("beacon_key", &file.beacon_key)?,
        };
        check_different(&keys)?;
        let operators = file.operators.iter().map(|operator| {
            Ok(Operator {
                id: operator.id,
                key: key("operator.key", &operator.key)?,
            })
        });
        Ok(Self {
            listen: file.listen,
            genesis,
            nodes: file.nodes,
            currency: file.currency,
            account: file.account.account,
            account_key: key("account_key", &file.account_key)?,
            keys,
            state: folder.join(&file.state),
            operators: operators.collect::<Result<_, ConfigError>>()?,
            limits: file.limits,
            beacon_hours: file.beacon_seconds.div_ceil(3_600),
            lot_proof_hours: file.lot_proof_hours,
            from_height: Height(file.from_height),
        })
    }
}

#[cfg(test)]
mod tests;
