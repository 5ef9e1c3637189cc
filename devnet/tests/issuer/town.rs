//! A network, its service and its people.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use causeway_contracts::{
    codec::Text,
    identity::{ParticipantId, Tier},
    keys::{PublicKey, SecretKey},
    ledger::receipt::Outcome,
    money::{Amount, Currency},
    offline::{
        action::OfflineAction,
        ids::Nonce16,
        issuer::{IssuerKey, IssuerKeys, KeyRole},
        registration::{PurseClass, RegistrationTerms},
    },
    transaction::Action,
};
use causeway_devnet::{
    fleet::Fleet,
    network::Network,
    ports::RANGE,
    teller::{Customer, Teller},
};
use causeway_wallet::{
    client::Client,
    clock,
    offline::issuer::client::{IssuerClient, Registration},
    payment,
};
use indicatif::ProgressBar;

use crate::common;

/// From where on the next town looks for free ports. Tests of one program run at the same time, and a town takes its
/// ports later than it finds them.
static NEXT_PORT: Mutex<u16> = Mutex::new(31_500);

/// What takes longer will not come: a busy machine needs seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whose accounts there are; `desk` is the service's.
const PEOPLE: [&str; 4] = ["anna", "bert", "desk", "fund"];

pub async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < until, "not yet, and never: {what}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

pub fn nonce() -> Nonce16 {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("random bytes");
    Nonce16(bytes)
}

fn euro() -> Currency {
    Currency::new("EUR").expect("a code")
}

fn banka() -> ParticipantId {
    ParticipantId::new("BANKA").expect("an id")
}

fn network(dir: &Path) -> Network {
    let mut next = NEXT_PORT.lock().unwrap_or_else(PoisonError::into_inner);
    let (_, network) = common::network(dir, *next);
    *next = network.plan.base_port.get() + RANGE;
    network
}

pub struct Town {
    dir: tempfile::TempDir,
    pub network: Network,
    port: u16,
    fleet: Option<Fleet>,
    service: Option<Child>,
    customers: Vec<Customer>,
    client: Client,
    pub issuer: IssuerClient,
}

impl Drop for Town {
    fn drop(&mut self) {
        if self.service.is_some() {
            self.kill_service();
        }
    }
}

impl Town {
    pub async fn make() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let network = network(dir.path());
        let client = Client::new(network.genesis.clone(), network.api_urls()).expect("a client");
        let port = network.plan.base_port.issuer(0).port();
        let customer = |name| Customer::new(&network, name, banka(), Tier(2));
        let mut town = Self {
            customers: PEOPLE.map(customer).to_vec(),
            fleet: None,
            service: None,
            client,
            issuer: IssuerClient::new(&format!("http://127.0.0.1:{port}")).expect("an address"),
            network,
            port,
            dir,
        };
        town.start_validators().await;
        let teller = Teller::new(&town.network, &town.client);
        let bar = ProgressBar::hidden();
        let opened = teller.open_with(&town.customers, euro(), Amount(100_000), &bar);
        opened.await.expect("accounts");
        town.write_config(port);
        town
    }

    pub fn customer(&self, name: &str) -> &Customer {
        let at = PEOPLE.iter().position(|person| *person == name);
        &self.customers[at.expect("one of the people")]
    }

    fn participant(&self, name: &str) -> SecretKey {
        self.network.seed.key(name)
    }

    pub fn service_secret(role: KeyRole) -> SecretKey {
        SecretKey::from_seed(&[60 + role as u8; 32])
    }

    pub fn service_key(&self, role: KeyRole) -> PublicKey {
        Self::service_secret(role).public_key()
    }

    fn write_config(&self, port: u16) {
        let key = |name: &str, digits: String| {
            let path = self.dir.path().join(format!("{name}.key"));
            fs::write(&path, digits).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
        };
        key("account", hex::encode(Customer::seed_of(&self.network.seed, "desk")));
        key("BANKA", hex::encode(self.network.seed.key_seed("BANKA")));
        for (name, role) in [
            ("certificate", KeyRole::Certificate),
            ("grant", KeyRole::Grant),
            ("beacon", KeyRole::Beacon),
        ] {
            key(name, hex::encode([60 + role as u8; 32]));
        }
        let text = format!(
            r#"
listen = "127.0.0.1:{port}"
genesis = "{genesis}"
nodes = {nodes:?}
currency = "EUR"
account = "{account}"
account_key = "account.key"
certificate_key = "certificate.key"
grant_key = "grant.key"
beacon_key = "beacon.key"
state = "state"

[[operator]]
id = "BANKA"
key = "BANKA.key"
"#,
            genesis = self.network.folder.genesis().display(),
            nodes = self.network.api_urls(),
            account = self.customer("desk").id.address(self.client.prefix()),
        );
        fs::write(self.dir.path().join("issuer.toml"), text).expect("written");
    }

    /// Of the service.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub async fn start_service(&mut self) {
        let child = Command::new(common::program("causeway"))
            .args(["offline", "issuer", "--config"])
            .arg(self.dir.path().join("issuer.toml"))
            .stdout(Stdio::null())
            .spawn();
        self.service = Some(child.expect("the service starts"));
        let is_there = async || match self.issuer.about().await {
            Err(error) if error.is_unreachable() => None,
            _ => Some(()),
        };
        eventually("the service listens", is_there).await;
    }

    /// As a power cut would.
    pub fn kill_service(&mut self) {
        let mut child = self.service.take().expect("it runs");
        child.kill().expect("killed");
        child.wait().expect("gone");
    }

    pub async fn start_validators(&mut self) {
        self.fleet = Some(common::start(&self.network).await);
    }

    pub async fn stop_validators(&mut self) {
        let fleet = self.fleet.take().expect("they run");
        fleet.stop().await.expect("they stop");
    }

    pub async fn stop(mut self) {
        self.kill_service();
        self.stop_validators().await;
    }

    /// Has the ledger do it.
    pub async fn act(&self, action: OfflineAction, keys: &[SecretKey]) {
        let action = Action::Offline(Box::new(action));
        let tx = payment::sign_together(self.client.genesis(), action, Text::default(), keys).expect("signed");
        let (_, verified) = self.client.submit(&tx).await.expect("final");
        assert_eq!(verified.outcome, Outcome::Applied);
    }

    /// By its issuer: with a fund, and the service's keys.
    pub async fn open_currency(&self) {
        let (issuer, fund) = (self.participant("CBEUR"), self.customer("fund"));
        let open = OfflineAction::OpenCurrency {
            currency: euro(),
            fund: fund.id,
        };
        self.act(open, &[issuer.clone(), fund.key.clone()]).await;
        for role in [KeyRole::Certificate, KeyRole::Grant, KeyRole::Beacon] {
            let action = OfflineAction::SetServiceKey {
                currency: euro(),
                key: self.service_key(role),
                role,
            };
            self.act(action, std::slice::from_ref(&issuer)).await;
        }
    }

    /// The issuer makes another grant key known, which the service signs with once it is started again.
    pub async fn replace_grant_key(&mut self) {
        let seed = [90; 32];
        let action = OfflineAction::SetServiceKey {
            currency: euro(),
            key: SecretKey::from_seed(&seed).public_key(),
            role: KeyRole::Grant,
        };
        self.act(action, &[self.participant("CBEUR")]).await;
        self.kill_service();
        fs::write(self.dir.path().join("grant.key"), hex::encode(seed)).expect("written");
        self.start_service().await;
        eventually("the service is ready", async || self.issuer.about().await.ok()).await;
    }

    /// The issuer's keys, by the ledger's word.
    pub async fn keys(&self) -> IssuerKeys {
        let view = self
            .client
            .purse_currency(euro())
            .await
            .expect("an answer")
            .expect("open");
        let keys = view.keys.iter().map(|entry| IssuerKey {
            key: entry.key,
            role: entry.role,
            currency: view.index,
        });
        IssuerKeys::new(keys.collect()).expect("sound keys")
    }

    /// Of a purse for `owner`, whose seed comes with it, with the account's signature by `signer`.
    pub fn registration(&self, owner: &str, class: PurseClass, signer: &str) -> ([u8; 32], Registration) {
        let seed = self.network.seed.key_seed(&format!("purse of {owner}"));
        let key = SecretKey::from_seed(&seed);
        let terms = RegistrationTerms {
            genesis: *self.client.genesis(),
            currency: euro(),
            account: self.customer(owner).id,
            public_key: key.public_key(),
            class,
            time_ms: clock::now_ms(),
        };
        let account_key = &self.customer(signer).key;
        (
            seed,
            Registration::sign(&terms, self.client.prefix(), account_key, &key),
        )
    }
}
