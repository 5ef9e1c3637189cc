//! The gateways of a network's operators, two liquidity providers, and the service that signs for purses: their processes.
//!
//! `up` and `demo` start all of them beside the validators; what else has a network of its own starts those that it needs.

pub mod accounts;
pub mod api;
pub mod cards;
pub mod clients;
pub mod configs;
pub mod issuers;
pub mod merchant;
pub mod service;
pub mod wallets;

use std::{
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail};
use causeway_wallet::client::Client;
use futures::future::try_join_all;
use nix::sys::signal::Signal;
use tokio::process::{Child, Command};

pub use self::service::{GATEWAYS, ISSUERS, MAKERS, Programs, Service};
use self::{cards::Mandates, configs::Settings};
use crate::{
    daemon::{self, Lifetime, last_words},
    fleet::STOP_BOUND,
    folder::NetworkFolder,
    network::Network,
    process::ProcessId,
    progress,
};

/// From start to healthy. Includes opening the wallet's keys, which takes its time on purpose.
const HEALTHY_BOUND: Duration = Duration::from_secs(60);

/// The processes that this process started.
pub struct Services {
    network: Network,
    programs: Programs,
    lifetime: Lifetime,
    log: Option<&'static str>,
    children: Vec<(Service, Child)>,
}

impl Services {
    /// Makes what is not there yet, and starts all of them on a network that runs. If that fails, or `stop` comes
    /// first, none of them is left running.
    pub async fn start(
        network: &Network,
        programs: Programs,
        lifetime: Lifetime,
        settings: &Settings,
        stop: impl Future<Output = ()>,
    ) -> anyhow::Result<Self> {
        for service in settings.all() {
            if let Some(id) = process(&network.folder, service)? {
                return Err(runs(service, &id));
            }
            network.plan.base_port.check_free_for(service)?;
        }
        let mut services = Self {
            network: network.clone(),
            programs,
            lifetime,
            log: settings.log,
            children: Vec::new(),
        };
        let started = tokio::select! {
            started = services.start_all(settings) => started,
            () = stop => Err(anyhow!("stopped while starting")),
        };
        match started {
            Ok(()) => Ok(services),
            Err(error) => match services.stop().await {
                Ok(_) => Err(error),
                Err(left) => Err(error.context(format!("services may be left running ({left:#})"))),
            },
        }
    }

    async fn start_all(&mut self, settings: &Settings) -> anyhow::Result<()> {
        let line = progress::line("wallets, keys and accounts of services");
        let all = settings.all();
        wallets::make(&self.network, &all)?;
        let client = Client::new(self.network.genesis.clone(), self.network.api_urls())?;
        let mandates = match settings.has_gateway(Settings::has_cards) {
            true => cards::mandates(&self.network, &client).await?,
            false => Mandates::new(),
        };
        configs::write(&self.network, settings, &mandates)?;
        accounts::prepare(&self.network, &client, &all).await?;
        issuers::open(&self.network, &client, &all).await?;
        clients::make(&self.network, settings).await?;
        line.finish_and_clear();
        for service in all {
            self.spawn(service)?;
        }
        self.wait_healthy().await?;
        merchant::register(&self.network, settings).await
    }

    fn spawn(&mut self, service: Service) -> anyhow::Result<()> {
        let folder = self.network.folder.service(service);
        let mut command = Command::new(self.programs.of(service));
        command.args(service.command()).arg("--config").arg(folder.config());
        if service.has_wallet() {
            command.arg("--passphrase-file").arg(self.network.folder.passphrase());
        }
        command.envs(self.log.map(|log| ("RUST_LOG", log)));
        let child = daemon::spawn(command, &folder.log(), self.lifetime)?;
        let pid = child.id();
        // Before anything else can fail: what is not in here is not stopped.
        self.children.push((service, child));
        if let Some(pid) = pid {
            ProcessId::of(pid)?.save(&folder.process())?;
        }
        Ok(())
    }

    /// Until each that was started answers.
    pub async fn wait_healthy(&mut self) -> anyhow::Result<()> {
        let bar = progress::bar("starting services", self.children.len() as u64);
        let http = reqwest::Client::builder().no_proxy().timeout(HEALTHY_BOUND).build()?;
        let until = Instant::now() + HEALTHY_BOUND;
        let started: Vec<_> = self.children.iter().map(|(service, _)| *service).collect();
        for service in started {
            let url = format!("{}/health", service.url(self.network.plan.base_port));
            while !http
                .get(&url)
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                if let Some(ended) = self.ended()? {
                    bail!("{ended}");
                }
                if Instant::now() >= until {
                    let log = self.network.folder.service(service).log();
                    bail!(
                        "{} is not healthy after {} s; {}",
                        service.name(),
                        HEALTHY_BOUND.as_secs(),
                        last_words(&log)
                    );
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(())
    }

    pub fn signal(&self, service: Service, signal: Signal) -> anyhow::Result<()> {
        let running = self.children.iter().filter(|(running, _)| *running == service);
        for pid in running.filter_map(|(_, child)| child.id()) {
            ProcessId::of(pid)?.signal(signal)?;
        }
        Ok(())
    }

    /// Of those that have not been seen to end.
    pub fn pids(&self) -> impl Iterator<Item = (Service, u32)> {
        self.children
            .iter()
            .filter_map(|(service, child)| Some((*service, child.id()?)))
    }

    /// Ends one at once, without a chance to tidy up. An error if it had ended by itself.
    pub async fn kill(&mut self, service: Service) -> anyhow::Result<()> {
        let log = self.network.folder.service(service).log();
        for (running, child) in &mut self.children {
            if *running == service {
                daemon::kill(child, &service.name(), &log).await?;
            }
        }
        self.children.retain(|(running, _)| *running != service);
        Ok(())
    }

    /// Starts one that was killed. It may not be healthy yet.
    pub fn restart(&mut self, service: Service) -> anyhow::Result<()> {
        self.spawn(service)
    }

    /// A gateway's own check of its books against the ledger: what its program has said, and its status. It may be running.
    pub async fn reconcile(&self, gateway: Service) -> anyhow::Result<Output> {
        let mut command = Command::new(&self.programs.gateway);
        let config = self.network.folder.service(gateway).config();
        command.arg("reconcile").arg("--config").arg(config);
        command.arg("--passphrase-file").arg(self.network.folder.passphrase());
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
        output.context("cannot start the gateway's program")
    }

    /// One that has ended without being asked to, if there is one, and what it said last.
    pub fn ended(&mut self) -> anyhow::Result<Option<String>> {
        for place in 0..self.children.len() {
            let (service, child) = &mut self.children[place];
            if let Some(status) = child.try_wait()? {
                let log = self.network.folder.service(*service).log();
                let why = format!("{} ended ({status}); {}", service.name(), last_words(&log));
                self.children.remove(place);
                return Ok(Some(why));
            }
        }
        Ok(None)
    }

    /// An error if one has ended that nobody killed.
    pub fn check_running(&mut self) -> anyhow::Result<()> {
        self.ended()?
            .map_or(Ok(()), |ended| bail!("nobody has killed it: {ended}"))
    }

    /// Asks all to stop, and kills those that have not after a while. Names of those that had to be, and of those that ended
    /// with an error, each with what it was.
    pub async fn stop(mut self) -> anyhow::Result<Vec<String>> {
        for (_, child) in &self.children {
            if let Some(pid) = child.id() {
                ProcessId::of(pid).map_or(Ok(()), |id| id.signal(Signal::SIGTERM))?;
            }
        }
        let until = tokio::time::Instant::now() + STOP_BOUND;
        let mut wrong = Vec::new();
        for (service, child) in &mut self.children {
            let why = daemon::stopped(child, until).await?;
            wrong.extend(why.map(|why| format!("{} ({why})", service.name())));
        }
        Ok(wrong)
    }
}

/// What a gateway's check of its books has found, in words; `None` if they agree with the ledger.
pub fn differences(gateway: Service, checked: &Output) -> Option<String> {
    let said = [&checked.stdout, &checked.stderr].map(|said| String::from_utf8_lossy(said));
    let what = || {
        format!(
            "the books of {} and the ledger differ: {}",
            gateway.name(),
            said.concat().trim()
        )
    };
    (!checked.status.success()).then(what)
}

/// Those of a network that run now, whoever started them.
pub fn running(folder: &NetworkFolder) -> anyhow::Result<Vec<(Service, ProcessId)>> {
    let mut running = Vec::new();
    for service in Service::ALL.into_iter().chain([Service::Instance(0)]) {
        running.extend(process(folder, service)?.map(|id| (service, id)));
    }
    Ok(running)
}

/// That of a service, if it runs.
fn process(folder: &NetworkFolder, service: Service) -> anyhow::Result<Option<ProcessId>> {
    let id = ProcessId::load(&folder.service(service).process())?;
    Ok(id.filter(ProcessId::is_running))
}

/// An error if any of them runs: two processes must not share a folder.
pub fn refuse_running(folder: &NetworkFolder) -> anyhow::Result<()> {
    match running(folder)?.first() {
        Some((service, id)) => Err(runs(*service, id)),
        None => Ok(()),
    }
}

fn runs(service: Service, id: &ProcessId) -> anyhow::Error {
    anyhow!(
        "{} of this devnet is running already (process {}); `causeway-devnet down` stops it",
        service.name(),
        id.pid()
    )
}

/// Stops those of a network, whoever started them. How many there were, and which of them had to be killed.
pub async fn stop_running(folder: &NetworkFolder) -> anyhow::Result<(usize, Vec<String>)> {
    let running = running(folder)?;
    let stopped = try_join_all(running.iter().map(|(_, id)| id.stop(STOP_BOUND))).await?;
    let forced = running.iter().zip(stopped).filter(|(_, by_itself)| !by_itself);
    Ok((running.len(), forced.map(|((service, _), _)| service.name()).collect()))
}
