//! Makes a network's files once, and its nodes' configuration at every start.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use causeway_contracts::{
    block::TimeMs,
    genesis::{Genesis, OpeningAccount},
};
use causeway_node::{
    actors::{budget::BudgetRates, network::TcpAddress},
    config::{ApiConfig, Config, KeyFiles, Limits, LogFilter, MetricsConfig, NetworkConfig, SyncConfig, SyncFrom},
    engine,
};
use serde::{Deserialize, Serialize};

use crate::{
    folder::{self, NetworkFolder},
    genesis::{CHECKPOINT_PERIOD_SECONDS, Ingredients, Seed, network_key_name, participant_key_names, validator_name},
    ports::BasePort,
};

/// `devnet.toml`: what a start needs to know of the starts before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub validators: u16,
    pub base_port: BasePort,
}

impl Plan {
    pub fn load(folder: &NetworkFolder) -> anyhow::Result<Self> {
        let plan = folder::read(&folder.plan())?;
        toml::from_str(&plan).with_context(|| folder.plan().display().to_string())
    }
}

/// What is otherwise than an operator would have it, so that things can be broken. Not on disk.
#[derive(Clone, Default)]
pub struct Arrangement {
    /// Where a validator dials another instead of where that one listens: by who dials and who is dialed.
    pub dial: BTreeMap<(u16, u16), SocketAddr>,
    /// Goes on until its disk is full to the last byte, rather than refuse work before.
    pub without_reserve: Option<u16>,
    /// So many validators, the first ones, come back with all blocks when they have lost their database.
    pub archives: u16,
    pub budgets: BudgetRates,
    /// All validators run in the first one's process: none of them can be killed or restarted alone.
    pub single_process: bool,
}

/// How a network's checkpoints come.
#[derive(Debug, Clone, Copy)]
pub struct Checkpoints {
    pub period_seconds: u32,
    /// Its genesis time lies so long before its creation. From a period on, its first block is due to be
    /// certified.
    pub age_seconds: u32,
}

impl Default for Checkpoints {
    fn default() -> Self {
        Self {
            period_seconds: CHECKPOINT_PERIOD_SECONDS,
            age_seconds: 0,
        }
    }
}

/// What a network is made with besides its plan.
#[derive(Default)]
pub struct Making {
    pub checkpoints: Checkpoints,
    /// What all keys are made from; drawn, unless given.
    pub seed: Option<Seed>,
    pub accounts: Vec<OpeningAccount>,
}

/// A network whose files are all there.
#[derive(Clone)]
pub struct Network {
    pub folder: NetworkFolder,
    pub plan: Plan,
    pub genesis: Genesis,
    pub seed: Seed,
    pub arrangement: Arrangement,
}

impl Network {
    /// Draws keys and writes everything that stays the same from start to start.
    pub fn create(folder: NetworkFolder, plan: Plan) -> anyhow::Result<Self> {
        Self::create_with(folder, plan, Making::default())
    }

    pub fn create_with(folder: NetworkFolder, plan: Plan, making: Making) -> anyhow::Result<Self> {
        let Making {
            checkpoints,
            seed,
            accounts,
        } = making;
        let seed = match seed {
            Some(seed) => seed,
            None => Seed::draw().context("the operating system gives no random bytes")?,
        };
        let since_1970 = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock is before 1970")?;
        let ingredients = Ingredients {
            seed: &seed,
            time_ms: TimeMs(u64::try_from(since_1970.as_millis())? - u64::from(checkpoints.age_seconds) * 1000),
            checkpoint_period_seconds: checkpoints.period_seconds,
            validators: plan.validators,
            base_port: plan.base_port,
            accounts,
        };
        let genesis = ingredients.genesis()?;
        genesis.check()?;
        folder::write(&folder.genesis(), &genesis.to_toml())?;
        folder::write_secret(&folder.seed(), &hex::encode(seed.as_bytes()))?;
        for name in participant_key_names() {
            folder::write_secret(&folder.key(&format!("{name}.key")), &hex::encode(seed.key_seed(&name)))?;
        }
        for index in 0..plan.validators {
            let own = folder.validator(index);
            let digits = |name: &str| hex::encode(seed.key_seed(name));
            folder::write_secret(&own.validator_key(), &digits(&validator_name(index)))?;
            folder::write_secret(&own.network_key(), &digits(&network_key_name(index)))?;
        }
        let network = Self {
            folder,
            plan,
            genesis,
            seed,
            arrangement: Arrangement::default(),
        };
        network.write_configs()?;
        for index in 0..plan.validators {
            let config = network.folder.validator(index).config();
            engine::init(&Config::load(&config)?).map_err(|failure| failure.reason)?;
        }
        network.write_plan()?;
        Ok(network)
    }

    pub fn load(folder: NetworkFolder) -> anyhow::Result<Self> {
        let plan = Plan::load(&folder)?;
        let genesis = folder::read(&folder.genesis())?;
        let genesis = Genesis::parse(&genesis).with_context(|| folder.genesis().display().to_string())?;
        let mut seed = [0; 32];
        hex::decode_to_slice(folder::read(&folder.seed())?.trim(), &mut seed)
            .with_context(|| folder.seed().display().to_string())?;
        Ok(Self {
            plan,
            genesis,
            seed: Seed::from_bytes(seed),
            arrangement: Arrangement::default(),
            folder,
        })
    }

    /// Moves the network to other ports from the next start on.
    pub fn move_to(&mut self, base_port: BasePort) -> anyhow::Result<()> {
        self.plan.base_port = base_port;
        self.write_plan()
    }

    fn write_plan(&self) -> anyhow::Result<()> {
        folder::write(&self.folder.plan(), &toml::to_string(&self.plan)?)?;
        Ok(())
    }

    pub fn write_configs(&self) -> anyhow::Result<()> {
        for index in 0..self.plan.validators {
            let text = toml::to_string(&self.config(index))?;
            folder::write(&self.folder.validator(index).config(), &text)?;
        }
        Ok(())
    }

    /// Every validator to where every other one listens, by who dials and who is dialed.
    pub fn routes(&self) -> BTreeMap<(u16, u16), SocketAddr> {
        let Plan { validators, base_port } = self.plan;
        let pairs = (0..validators).flat_map(|dialer| (0..validators).map(move |dialed| (dialer, dialed)));
        pairs
            .filter(|(dialer, dialed)| dialer != dialed)
            .map(|pair| (pair, base_port.network(pair.1)))
            .collect()
    }

    /// The `node.toml` of a validator. Where the network has moved from the ports in its genesis
    /// file, or relays stand between validators, it says where to dial the others instead.
    pub fn config(&self, index: u16) -> Config {
        let ports = self.plan.base_port;
        let listen = |index| multiaddress(ports.network(index));
        let mut dial = BTreeMap::new();
        for (other, validator) in (0..self.plan.validators).zip(&self.genesis.validators) {
            let relay = self.arrangement.dial.get(&(index, other));
            let address = relay.map_or_else(|| listen(other), |relay| multiaddress(*relay));
            if other != index && *validator.address != *address.to_string() {
                dial.insert(validator.name.to_string(), address);
            }
        }
        let mut limits = Limits::default();
        if self.arrangement.without_reserve == Some(index) {
            limits.disk_free_bytes_min = 0;
        }
        Config {
            genesis: PathBuf::from("../genesis.toml"),
            data: PathBuf::from("data"),
            keys: KeyFiles {
                validator: Some(PathBuf::from("validator.key")),
                network: PathBuf::from("network.key"),
            },
            network: NetworkConfig {
                listen: listen(index),
                dial,
            },
            api: ApiConfig {
                listen: ports.api(index),
            },
            metrics: MetricsConfig {
                listen: ports.metrics(index),
            },
            sync: SyncConfig {
                from: if index < self.arrangement.archives {
                    SyncFrom::Blocks
                } else {
                    SyncFrom::Snapshot
                },
            },
            limits,
            budgets: self.arrangement.budgets,
            log: LogFilter::default(),
        }
    }

    /// The base URL of a validator's API.
    pub fn api_url(&self, index: u16) -> String {
        format!("http://{}", self.plan.base_port.api(index))
    }

    pub fn api_urls(&self) -> Vec<String> {
        (0..self.plan.validators).map(|index| self.api_url(index)).collect()
    }
}

fn multiaddress(address: SocketAddr) -> TcpAddress {
    let text = format!("/ip4/{}/tcp/{}", address.ip(), address.port());
    text.parse().expect("an IP address and a port")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;

    #[test]
    fn a_network_loads_as_it_was_made_and_its_configs_are_the_nodes_own() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open_or_create(dir.path()).unwrap().network();
        assert!(!folder.is_complete());
        let plan = Plan {
            validators: 4,
            base_port: BasePort::new(27_100).unwrap(),
        };
        let made = Network::create(folder.clone(), plan).unwrap();
        let mut loaded = Network::load(folder.clone()).unwrap();
        assert_eq!((loaded.plan, &loaded.genesis), (plan, &made.genesis));
        assert_eq!(loaded.seed.as_bytes(), made.seed.as_bytes());

        loaded.write_configs().unwrap();
        let config = Config::load(&folder.validator(2).config()).unwrap();
        assert_eq!(config.api.listen.port(), 27_202);
        assert_eq!(config.network.dial, BTreeMap::new());
        assert!(
            config.genesis.exists()
                && config.keys.validator.as_ref().is_some_and(|file| file.exists())
                && config.keys.network.exists()
        );

        loaded.arrangement = Arrangement {
            dial: [((2, 1), ([127, 0, 0, 1], 9001).into())].into(),
            without_reserve: Some(2),
            ..Arrangement::default()
        };
        let arranged = [1, 2].map(|index| loaded.config(index));
        assert_eq!(
            arranged[1].network.dial["validator-1"].to_string(),
            "/ip4/127.0.0.1/tcp/9001"
        );
        assert_eq!(arranged[1].network.dial.len(), 1);
        assert_eq!(arranged[1].limits.disk_free_bytes_min, 0);
        assert_eq!(
            (arranged[0].network.dial.len(), &arranged[0].limits),
            (0, &config.limits)
        );
        loaded.arrangement = Arrangement::default();

        loaded.move_to(BasePort::new(28_000).unwrap()).unwrap();
        loaded.write_configs().unwrap();
        let moved = Config::load(&folder.validator(2).config()).unwrap();
        assert_eq!(moved.network.listen.to_string(), "/ip4/127.0.0.1/tcp/28002");
        assert_eq!(
            moved.network.dial.keys().collect::<Vec<_>>(),
            ["validator-0", "validator-1", "validator-3"]
        );
        assert_eq!(
            moved.network.dial["validator-1"].to_string(),
            "/ip4/127.0.0.1/tcp/28001"
        );
        assert_eq!(Network::load(folder).unwrap().plan, loaded.plan);
    }
}
