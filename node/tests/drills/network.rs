//! Four validators, each in a folder of its own.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use causeway_contracts::{
    block::TimeMs,
    codec::{Bounded, Text},
    genesis::{GENESIS_VERSION, Genesis, GenesisValidator, OpeningAccount, OpeningBalance},
    governance::{CurrencyRecord, Parameters},
    identity::{AddressPrefix, IdentityCommitment, KeyPolicy, Participant, ParticipantId, Salt, Tier},
    keys::SecretKey,
    money::{Amount, Currency},
};
use causeway_node::{
    actors::{budget::BudgetRates, network::TcpAddress},
    config::{ApiConfig, Config, KeyFiles, Limits, MetricsConfig, NetworkConfig, SyncConfig},
    keyfile,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use super::client::now_ms;
use crate::ports::free_port;

/// On a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub fn payer() -> SecretKey {
    SecretKey::from_seed(&[50; 32])
}

pub fn payee() -> SecretKey {
    SecretKey::from_seed(&[51; 32])
}

pub fn council() -> SecretKey {
    SecretKey::from_seed(&[61; 32])
}

pub fn bank() -> ParticipantId {
    ParticipantId::new("BANKA").unwrap()
}

pub fn currency() -> Currency {
    Currency::new("EUR").unwrap()
}

fn list<T, const MAX: usize>(items: Vec<T>) -> Bounded<T, MAX> {
    Bounded::new(items).unwrap()
}

const KEYS: [&str; 2] = ["validator.key", "network.key"];

pub struct Network {
    folder: TempDir,
    pub genesis: Genesis,
    pub members: Vec<Member>,
}

/// A validator's folder.
#[derive(Clone)]
pub struct Member {
    pub name: String,
    pub path: PathBuf,
    network_port: u16,
    api_port: u16,
    metrics_port: u16,
}

pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Network {
    /// Four validators that have not run yet.
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// The same, of a genesis that differs.
    pub fn with(change: impl FnOnce(&mut Genesis)) -> Self {
        let folder = TempDir::new().unwrap();
        let members: Vec<_> = (1..=4).map(|number| Member::new(folder.path(), number)).collect();
        let mut genesis = genesis(members.iter().map(Member::entry).collect());
        change(&mut genesis);
        let network = Self {
            folder,
            genesis,
            members,
        };
        fs::write(network.genesis_file(), network.genesis.to_toml()).unwrap();
        for member in &network.members {
            member.configure(&network.genesis_file());
            member.must(&["init"]);
        }
        network
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn genesis_file(&self) -> PathBuf {
        self.path().join("genesis.toml")
    }
}

fn genesis(validators: Vec<GenesisValidator>) -> Genesis {
    let opening = |key: SecretKey, amount| OpeningAccount {
        operator: bank(),
        keys: KeyPolicy::single(key.public_key()),
        salt: Salt([0; 16]),
        tier: Tier(0),
        identity: IdentityCommitment([0; 32]),
        balances: list(vec![OpeningBalance {
            currency: currency(),
            amount: Amount(amount),
        }]),
    };
    Genesis {
        version: GENESIS_VERSION,
        continues: None,
        name: Text::new("drill").unwrap(),
        address_prefix: AddressPrefix::Devnet,
        time_ms: TimeMs(now_ms() - 60_000),
        council: KeyPolicy::single(council().public_key()),
        parameters: Parameters::default(),
        validators: list(validators),
        participants: list(vec![Participant {
            id: bank(),
            name: Text::new("A bank").unwrap(),
            keys: KeyPolicy::single(SecretKey::from_seed(&[60; 32]).public_key()),
            operator: true,
            liquidity_provider: false,
        }]),
        currencies: list(vec![CurrencyRecord {
            code: currency(),
            exponent: 2,
            issuer: bank(),
            name: Text::new("Euro").unwrap(),
            issuance_cap: Amount(1_000_000_000),
            frozen: false,
        }]),
        accounts: list(vec![opening(payer(), 1_000_000), opening(payee(), 1)]),
    }
}

impl Member {
    /// With keys and ports of its own, and no configuration yet.
    pub fn new(parent: &Path, number: usize) -> Self {
        let name = format!("validator-{number}");
        let path = parent.join(&name);
        fs::create_dir(&path).unwrap();
        for key in KEYS {
            keyfile::create(&path.join(key)).unwrap();
        }
        Self::at(name, path)
    }

    /// The same validator's folder for another network: its keys, and nothing else.
    pub fn successor(&self, parent: &Path) -> Self {
        let path = parent.join(format!("{}-again", self.name));
        fs::create_dir(&path).unwrap();
        for key in KEYS {
            fs::copy(self.path.join(key), path.join(key)).unwrap();
        }
        Self::at(self.name.clone(), path)
    }

    fn at(name: String, path: PathBuf) -> Self {
        Self {
            name,
            path,
            network_port: free_port(),
            api_port: free_port(),
            metrics_port: free_port(),
        }
    }

    /// As a genesis file names it.
    pub fn entry(&self) -> GenesisValidator {
        let key = |file: &str| keyfile::read(&self.path.join(file)).unwrap().public_key();
        GenesisValidator {
            name: Text::new(self.name.clone()).unwrap(),
            key: key("validator.key"),
            power: 1,
            network_key: key("network.key"),
            address: Text::new(self.network_address().to_string()).unwrap(),
        }
    }

    pub fn network_address(&self) -> TcpAddress {
        format!("/ip4/127.0.0.1/tcp/{}", self.network_port).parse().unwrap()
    }

    pub fn configure(&self, genesis: &Path) {
        self.configure_with(genesis, |_| {});
    }

    pub fn configure_with(&self, genesis: &Path, change: impl FnOnce(&mut Config)) {
        let mut config = Config {
            genesis: genesis.to_owned(),
            data: "data".into(),
            keys: KeyFiles {
                validator: Some("validator.key".into()),
                network: "network.key".into(),
            },
            network: NetworkConfig {
                listen: self.network_address(),
                dial: Default::default(),
            },
            api: ApiConfig {
                listen: ([127, 0, 0, 1], self.api_port).into(),
            },
            metrics: MetricsConfig {
                listen: ([127, 0, 0, 1], self.metrics_port).into(),
            },
            sync: SyncConfig::default(),
            limits: Limits {
                disk_free_bytes_min: 0,
                ..Limits::default()
            },
            budgets: BudgetRates::default(),
            log: "info,arc_malachitebft_core_consensus=warn".parse().unwrap(),
        };
        change(&mut config);
        fs::write(self.config(), toml::to_string(&config).unwrap()).unwrap();
    }

    pub fn config(&self) -> PathBuf {
        self.path.join("node.toml")
    }

    pub fn api(&self) -> String {
        format!("http://127.0.0.1:{}", self.api_port)
    }

    pub fn database(&self) -> PathBuf {
        self.path.join("data/db")
    }

    /// Runs a command of the program to its end, with this validator's configuration.
    pub fn command(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_causeway-node"))
            .args(arguments)
            .arg("--config")
            .arg(self.config())
            .output()
            .unwrap()
    }

    /// The same, and it succeeds; gives what it printed.
    pub fn must(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?} of {}: {errors}", self.name);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts it, and waits until it answers.
    pub async fn start(&self, options: &[&str]) -> Running {
        let mut running = self.spawn(options);
        self.wait(&mut running).await;
        running
    }

    /// Waits until it answers.
    pub async fn wait(&self, running: &mut Running) {
        let begun = Instant::now();
        while reqwest::get(format!("{}/v1/status", self.api())).await.is_err() {
            if let Some(status) = running.exited() {
                panic!("{} exited with {status}:\n{}", self.name, running.log());
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{} is not up:\n{}",
                self.name,
                running.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// One of its figures, as its metrics say now.
    pub async fn metric(&self, name: &str) -> f64 {
        let url = format!("http://127.0.0.1:{}/metrics", self.metrics_port);
        let text = reqwest::get(url).await.unwrap().text().await.unwrap();
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        line.and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap()
    }

    pub fn spawn(&self, options: &[&str]) -> Running {
        let log = self.path.join("log");
        let child = Command::new(env!("CARGO_BIN_EXE_causeway-node"))
            .arg("run")
            .args(options)
            .arg("--config")
            .arg(self.config())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Running { child, log }
    }
}

impl Running {
    pub fn log(&self) -> String {
        let mut text = String::new();
        fs::File::open(&self.log).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    pub fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().unwrap();
    }

    fn exited(&mut self) -> Option<i32> {
        let status = self.child.try_wait().unwrap()?;
        Some(status.code().unwrap_or(-1))
    }

    /// Waits until it ends of itself; gives its exit status and what it wrote.
    pub async fn end(mut self) -> (i32, String) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.exited() {
                return (status, self.log());
            }
            assert!(begun.elapsed() < PATIENCE, "still running:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asks it to stop, and gives its exit status.
    pub async fn stop(self) -> i32 {
        self.signal(Signal::SIGTERM);
        self.end().await.0
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }
}

/// A failed test leaves no process behind.
impl Drop for Running {
    fn drop(&mut self) {
        if self.exited().is_none() {
            self.signal(Signal::SIGKILL);
            self.child.wait().unwrap();
        }
    }
}
