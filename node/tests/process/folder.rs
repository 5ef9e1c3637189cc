//! A validator's folder, and the process that runs from it.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
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
    engine, keyfile,
};
use nix::{
    mount::{MsFlags, mount, umount},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use crate::ports::free_port;

const READY_MAX: Duration = Duration::from_secs(60);

fn local(port: u16) -> TcpAddress {
    format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()
}

pub fn payer() -> SecretKey {
    SecretKey::from_seed(&[50; 32])
}

pub fn payee() -> SecretKey {
    SecretKey::from_seed(&[51; 32])
}

pub fn currency() -> Currency {
    Currency::new("EUR").unwrap()
}

pub struct NodeFolder {
    folder: TempDir,
}

pub struct Exit {
    pub code: i32,
    pub stderr: String,
}

pub struct Running {
    child: Child,
    log: PathBuf,
}

/// A small file system that can be filled.
pub struct SmallDisk {
    path: PathBuf,
}

fn opening(key: &SecretKey, amount: u64) -> OpeningAccount {
    OpeningAccount {
        operator: ParticipantId::new("BANKA").unwrap(),
        keys: KeyPolicy::single(key.public_key()),
        salt: Salt([0; 16]),
        tier: Tier(0),
        identity: IdentityCommitment([0; 32]),
        balances: Bounded::new(vec![OpeningBalance {
            currency: currency(),
            amount: Amount(amount),
        }])
        .unwrap(),
    }
}

fn genesis(validator: &SecretKey, network: &SecretKey, port: u16) -> Genesis {
    let bank = Participant {
        id: ParticipantId::new("BANKA").unwrap(),
        name: Text::new("A bank").unwrap(),
        keys: KeyPolicy::single(SecretKey::from_seed(&[60; 32]).public_key()),
        operator: true,
        liquidity_provider: false,
    };
    Genesis {
        version: GENESIS_VERSION,
        continues: None,
        name: Text::new("process test").unwrap(),
        address_prefix: AddressPrefix::Devnet,
        time_ms: TimeMs(1_700_000_000_000),
        council: KeyPolicy::single(SecretKey::from_seed(&[61; 32]).public_key()),
        parameters: Parameters::default(),
        validators: Bounded::new(vec![GenesisValidator {
            name: Text::new("validator-1").unwrap(),
            key: validator.public_key(),
            power: 1,
            network_key: network.public_key(),
            address: Text::new(format!("/ip4/127.0.0.1/tcp/{port}")).unwrap(),
        }])
        .unwrap(),
        currencies: Bounded::new(vec![CurrencyRecord {
            code: currency(),
            exponent: 2,
            issuer: bank.id,
            name: Text::new("Euro").unwrap(),
            issuance_cap: Amount(1_000_000_000),
            frozen: false,
        }])
        .unwrap(),
        participants: Bounded::new(vec![bank]).unwrap(),
        accounts: Bounded::new(vec![opening(&payer(), 1_000_000), opening(&payee(), 1)]).unwrap(),
    }
}

impl NodeFolder {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path();
        let validator = keyfile::create(&path.join("validator.key")).unwrap();
        let network = keyfile::create(&path.join("network.key")).unwrap();
        let [network_port, api_port, metrics_port] = std::array::from_fn(|_| free_port());
        fs::write(
            path.join("genesis.toml"),
            genesis(&validator, &network, network_port).to_toml(),
        )
        .unwrap();
        let config = Config {
            genesis: "genesis.toml".into(),
            data: "data".into(),
            keys: KeyFiles {
                validator: Some("validator.key".into()),
                network: "network.key".into(),
            },
            network: NetworkConfig {
                listen: local(network_port),
                dial: Default::default(),
            },
            api: ApiConfig {
                listen: ([127, 0, 0, 1], api_port).into(),
            },
            metrics: MetricsConfig {
                listen: ([127, 0, 0, 1], metrics_port).into(),
            },
            // Test machines may be short of disk; the tests that are about that set their own.
            sync: SyncConfig::default(),
            limits: Limits {
                disk_free_bytes_min: 0,
                ..Limits::default()
            },
            budgets: BudgetRates::default(),
            log: "info".parse().unwrap(),
        };
        fs::write(path.join("node.toml"), toml::to_string(&config).unwrap()).unwrap();
        let made = Self { folder };
        made.init();
        made
    }

    fn init(&self) {
        let config = Config::load(&self.config()).unwrap();
        assert!(engine::init(&config).is_ok(), "a new folder");
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("node.toml")
    }

    /// Of the only key that this node has had.
    pub fn sign_record(&self) -> PathBuf {
        let mut folders = fs::read_dir(self.path().join("data/consensus")).unwrap();
        folders.next().unwrap().unwrap().path().join("sign.record")
    }

    pub fn database(&self) -> PathBuf {
        self.path().join("data/db")
    }

    pub fn genesis(&self) -> Genesis {
        Genesis::parse(&fs::read_to_string(self.path().join("genesis.toml")).unwrap()).unwrap()
    }

    pub fn api(&self) -> String {
        format!("http://{}", Config::load(&self.config()).unwrap().api.listen)
    }

    fn change(&self, change: impl FnOnce(&mut Config)) {
        let mut config: Config = toml::from_str(&fs::read_to_string(self.config()).unwrap()).unwrap();
        change(&mut config);
        fs::write(self.config(), toml::to_string(&config).unwrap()).unwrap();
    }

    pub fn set_port(&self, key: &str, port: u16) {
        self.change(|config| match key {
            "network" => config.network.listen = local(port),
            "api" => config.api.listen.set_port(port),
            "metrics" => config.metrics.listen.set_port(port),
            other => panic!("no port is called {other}"),
        });
    }

    pub fn set_disk_free_min(&self, bytes: u64) {
        // TOML integers have 63 bits.
        self.change(|config| config.limits.disk_free_bytes_min = bytes.min(i64::MAX as u64));
    }

    pub fn set_budgets(&self, budgets: BudgetRates) {
        self.change(|config| config.budgets = budgets);
    }

    /// Puts the data folder on a file system of so many MiB.
    pub fn mount_small_data(&self, mebibytes: u32) -> Option<SmallDisk> {
        let path = self.path().join("data");
        fs::remove_dir_all(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let options = format!("size={mebibytes}m");
        mount(
            Some("tmpfs"),
            &path,
            Some("tmpfs"),
            MsFlags::empty(),
            Some(options.as_str()),
        )
        .ok()?;
        self.init();
        Some(SmallDisk { path })
    }

    fn command(&self) -> Command {
        Command::new(env!("CARGO_BIN_EXE_causeway-node"))
    }

    fn spawn(&self) -> Running {
        let log = self.path().join("log");
        let child = self
            .command()
            .args(["run", "--config"])
            .arg(self.config())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Running { child, log }
    }

    /// For a node that is not expected to stay up.
    pub fn run_to_exit(&self) -> Exit {
        let mut running = self.spawn();
        let begun = Instant::now();
        loop {
            if let Some(exit) = running.exited() {
                return exit;
            }
            assert!(begun.elapsed() < READY_MAX, "still running; log:\n{}", running.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What `causeway-node init` says and how it ends.
    pub fn run_init(&self) -> Exit {
        self.run_command("init")
    }

    /// What `causeway-node check-config` says and how it ends.
    pub fn run_check_config(&self) -> Exit {
        self.run_command("check-config")
    }

    fn run_command(&self, command: &str) -> Exit {
        let output = self
            .command()
            .args([command, "--config"])
            .arg(self.config())
            .output()
            .unwrap();
        Exit {
            code: output.status.code().unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts the node and waits until it takes transactions.
    pub async fn start(&self) -> Running {
        self.start_until(|status| status == 200).await
    }

    /// Starts the node and waits until it answers, whatever it says.
    pub async fn start_unready(&self) -> Running {
        self.start_until(|_| true).await
    }

    async fn start_until(&self, ready: impl Fn(u16) -> bool) -> Running {
        let mut running = self.spawn();
        let health = format!("{}/health", self.api());
        let begun = Instant::now();
        loop {
            let answer = reqwest::get(&health).await;
            if answer.is_ok_and(|answer| ready(answer.status().as_u16())) {
                return running;
            }
            if let Some(exit) = running.exited() {
                panic!("exited with {}:\n{}", exit.code, exit.stderr);
            }
            assert!(begun.elapsed() < READY_MAX, "not ready; log:\n{}", running.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn check_database(&self) -> Exit {
        self.run_db(&["check"])
    }

    /// What `causeway-node db` says and how it ends, with this node's configuration.
    pub fn run_db(&self, arguments: &[&str]) -> Exit {
        let mut command = self.command();
        command.arg("db").args(arguments).arg("--config").arg(self.config());
        let output = command.output().unwrap();
        Exit {
            code: output.status.code().unwrap_or(-1),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Running {
    pub fn log(&self) -> String {
        let mut text = String::new();
        fs::File::open(&self.log).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn exited(&mut self) -> Option<Exit> {
        let status = self.child.try_wait().unwrap()?;
        Some(Exit {
            code: status.code().unwrap_or(-1),
            stderr: self.log(),
        })
    }

    pub async fn exited_within(&mut self, time: Duration) -> Option<Exit> {
        let begun = Instant::now();
        while begun.elapsed() < time {
            if let Some(exit) = self.exited() {
                return Some(exit);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    }

    /// Asks it to stop, and gives its exit status.
    pub async fn stop(mut self) -> i32 {
        self.signal(Signal::SIGTERM);
        match self.exited_within(READY_MAX).await {
            Some(exit) => exit.code,
            None => panic!("did not stop; log:\n{}", self.log()),
        }
    }

    pub async fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().unwrap();
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }
}

/// A failed test leaves no process behind.
impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            self.signal(Signal::SIGKILL);
            self.child.wait().unwrap();
        }
    }
}

impl SmallDisk {
    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }

    /// Writes until nothing more fits.
    pub fn fill(&self) {
        use std::io::Write;
        let mut file = fs::File::create(self.filler()).unwrap();
        for piece in [vec![0; 64 * 1024], vec![0; 1024], vec![0; 1]] {
            while file.write(&piece).is_ok_and(|written| written > 0) {}
        }
    }

    pub fn empty(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        umount(&self.path).ok();
    }
}
