//! `instances`: two processes of one operator's gateway on one PostgreSQL. A hundred clients send the same requests to both
//! and do not give up, also while one of the two is killed with remittances under way; then all that there is of them is
//! counted, in both processes' answers, on the ledger, among events and webhooks.

mod crowd;
mod door;
mod effects;
mod leases;

use std::{future::pending, sync::Arc};

use anyhow::{Context, bail, ensure};
use causeway_gateway::store::{Location, Store, StoreError};
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::process::Command;

use self::{
    crowd::{Crowd, Request},
    door::Door,
    effects::Effects,
    leases::Watch,
};
use crate::{
    crash::{
        orders::{self, BENEFICIARIES, Orders, Party},
        receiver::Receiver,
        remittances::settle,
    },
    fleet::{self, Fleet, Lifetime, node_binary},
    folder::{Folder, Trial},
    network::{Network, Plan},
    ports::BasePort,
    progress,
    services::{
        Programs, Service, Services,
        api::{Api, text},
        configs::{Settings, Shared},
    },
};

/// Names the PostgreSQL, by a URL.
const DATABASE: &str = "CAUSEWAY_TEST_DATABASE";

/// Where free ports are looked for: past those of other trials.
const BASE_PORT: u16 = 29_800;

const VALIDATORS: u16 = 4;

/// Short, so that what is ignored expires while the trial runs.
const HOLD_SECONDS: u32 = 30;

/// The two processes.
const INSTANCES: [Service; 2] = [Service::Gateway(0), Service::Instance(0)];

/// The place of the address before both, among those of gateways.
const DOOR: u16 = 3;

/// Customers, quotes and remittances that are ordered while both run, by all clients at the same moment each.
const CALM: u64 = 8;

/// Remittances that are ordered around each kill.
const RUSH: u64 = 24;

/// The killed one has begun so many of its remittances' steps, or more.
const BEGUN_MIN: usize = 4;

/// In cents. Each remittance is of another amount, for whoever reads the ledger.
const CENTS: u64 = 1_000;

/// An error if something does not hold.
pub async fn run(folder: &Folder, base_port: Option<u16>) -> anyhow::Result<()> {
    let url = std::env::var(DATABASE).with_context(|| {
        format!("${DATABASE} is to be the URL of a PostgreSQL; scripts/postgres-trial runs a command beside one")
    })?;
    let database = schema(&url).await?;
    let store = Store::open(&database.parse()?)?;
    let _lock = folder.lock()?;
    fleet::clear(folder, Trial::Instances).await?;
    let plan = Plan {
        validators: VALIDATORS,
        base_port: BasePort::chosen(base_port, BASE_PORT, VALIDATORS)?,
    };
    let network = Network::create(folder.network_of(Trial::Instances), plan)?;
    let fleet = Fleet::start(network.clone(), node_binary()?, Lifetime::Ours, pending()).await?;
    let receiver = Receiver::start(plan.base_port.webhooks())?;
    let door = Door::open(
        plan.base_port.gateway(DOOR),
        INSTANCES.map(|one| one.listen(plan.base_port)),
    )
    .await?;
    let settings = Settings {
        hold_seconds: HOLD_SECONDS,
        shared: Some(Shared {
            database,
            address: door.address,
        }),
        ..Settings::default()
    };
    let services = Services::start(&network, Programs::find()?, Lifetime::Ours, &settings, pending()).await?;
    let parties = Party::both(&network, &receiver).await?;
    orders::wait_for_quotes(&parties[0]).await?;
    let credentials = network.folder.service(Service::Gateway(0)).client();
    let open = async |one: Service| Api::at(&credentials, one.url(plan.base_port)).await;
    let instances = [open(INSTANCES[0]).await?, open(INSTANCES[1]).await?].map(Arc::new);
    let mut trial = Instances {
        store,
        crowd: Crowd::new(instances),
        orders: Orders::default(),
        network,
        services,
        parties,
        receiver,
    };
    trial.calm().await?;
    // Whichever of the two follows the ledger is killed once.
    for (round, victim) in INSTANCES.into_iter().rev().enumerate() {
        trial.kill(round, victim).await?;
    }
    trial.end().await?;
    let wrong = trial.services.stop().await?;
    ensure!(wrong.is_empty(), "did not stop as they should: {}", wrong.join(", "));
    fleet.stop().await?;
    Ok(())
}

/// The URL of a schema of the trial's own: a database may have been used before.
async fn schema(url: &str) -> anyhow::Result<String> {
    let location: Location = url.parse().with_context(|| format!("${DATABASE}"))?;
    ensure!(
        matches!(location, Location::Postgres(_)),
        "${DATABASE} is no PostgreSQL's"
    );
    let name = format!("instances_{:016x}", getrandom::u64()?);
    let create = format!("CREATE SCHEMA {name}");
    Store::open(&location)?
        .write::<_, StoreError, _>(move |sql| sql.script(&create))
        .await?;
    let joined = if url.contains('?') { '&' } else { '?' };
    Ok(format!("{url}{joined}options=-c%20search_path%3D{name}"))
}

struct Instances {
    network: Network,
    services: Services,
    parties: [Party; 2],
    receiver: Receiver,
    orders: Orders,
    crowd: Crowd,
    /// The one that the two processes share.
    store: Store,
}

impl Instances {
    /// While both run.
    async fn calm(&self) -> anyhow::Result<()> {
        let bar = progress::bar("requests that all clients send to both", 3 * CALM);
        let account = &self.parties[0].account;
        for number in 0..CALM {
            let request = |path, body| Request {
                path,
                body,
                key: format!("calm-{number}"),
            };
            let named = |name: String| request("/v1/customers", json!({ "party": { "name": name } }));
            let name = crowd::customer(number);
            self.crowd.once(&named(name.clone()), &named(name + " again")).await?;
            bar.inc(1);
            let quoted = |cents| request("/v1/quotes", orders::quote(account, cents));
            let quote = self.crowd.once(&quoted(CENTS + number), &quoted(CENTS - 1)).await?;
            bar.inc(1);
            let quote = text(&quote, "/id")?;
            let ordered = |to| request("/v1/remittances", orders::order(quote, to));
            let [to, another] = [BENEFICIARIES[0], BENEFICIARIES[1]];
            let made = self.crowd.once(&ordered(to), &ordered(another)).await?;
            self.orders.add(text(&made, "/id")?.to_owned());
            bar.inc(1);
        }
        bar.finish_and_clear();
        settle(&self.parties, &self.orders, &self.receiver).await?;
        let effects = self.effects().await?;
        effects.customers(CALM)?;
        effects.webhooks_came_once()?;
        println!(
            "- {} requests of {} clients to both instances, each answered alike: {effects}",
            3 * CALM,
            crowd::CLIENTS
        );
        Ok(())
    }

    /// Kills one that has remittances under way, and starts it again when the other has taken them over.
    async fn kill(&mut self, round: usize, victim: Service) -> anyhow::Result<()> {
        let mut requests = Vec::new();
        for number in 0..RUSH {
            let quote = orders::quote(&self.parties[0].account, CENTS + number);
            let quote = self.parties[0].api.post("/v1/quotes", &quote).await?;
            let beneficiary = BENEFICIARIES[number as usize % BENEFICIARIES.len()];
            requests.push(Request {
                path: "/v1/remittances",
                body: orders::order(text(&quote, "/id")?, beneficiary),
                key: format!("rush-{round}-{number}"),
            });
        }
        let first = usize::from(victim == INSTANCES[1]);
        let mut watch = Watch::new(self.store.clone());
        // While the other stands still, whoever begins something is the victim.
        let other = INSTANCES[1 - first];
        self.services.signal(other, Signal::SIGSTOP)?;
        let sent = self.crowd.rush(first, requests);
        watch.wait_for(BEGUN_MIN).await?;
        self.services.kill(victim).await?;
        watch.killed().await?;
        self.services.signal(other, Signal::SIGCONT)?;
        println!("- {} is killed: {}", victim.name(), watch.taken_over().await?);
        for answer in sent.await? {
            // Of some the quote may have run out while nobody worked on them: then all are told that.
            if answer.status == 201 {
                self.orders
                    .add(text(&serde_json::from_str(&answer.text)?, "/id")?.to_owned());
            } else {
                ensure!(answer.status == 409, "a remittance came to {}", answer.text);
            }
        }
        self.services.restart(victim)?;
        self.services.wait_healthy().await?;
        Ok(())
    }

    /// When all have come to their end, there is one story.
    async fn end(&self) -> anyhow::Result<()> {
        let books = settle(&self.parties, &self.orders, &self.receiver).await?;
        let verdict = books.verdict()?;
        println!("{verdict}");
        ensure!(verdict.holds(), "what clients were told and what there is differ");
        println!("- {}", self.effects().await?);
        for service in INSTANCES.into_iter().chain([Service::Gateway(1)]) {
            self.reconcile(service).await?;
        }
        Ok(())
    }

    async fn effects(&self) -> anyhow::Result<Effects> {
        Effects::count(&self.network, &self.crowd.instances, &self.parties, &self.receiver).await
    }

    async fn reconcile(&self, service: Service) -> anyhow::Result<()> {
        let folder = self.network.folder.service(service);
        let mut command = Command::new(Programs::find()?.of(service));
        command.arg("reconcile").arg("--config").arg(folder.config());
        command.arg("--passphrase-file").arg(self.network.folder.passphrase());
        let output = command.output().await?;
        let (said, why) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        if !output.status.success() {
            bail!(
                "reconcile of {} ended with {}: {said}{why}",
                service.name(),
                output.status
            );
        }
        println!("- reconcile of {}: {}", service.name(), said.trim());
        Ok(())
    }
}
