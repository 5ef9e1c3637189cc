//! `attack`: a network of real validators whose APIs are attacked in one way after another, while honest
//! clients go on paying at a rate that it bears easily.
//!
//! Honest clients come from 127.0.0.1, attackers from other addresses of the loopback network. Seconds with
//! an attack and seconds without it take turns, since what else the machine does changes.

pub mod attackers;
pub mod http;
pub mod kind;
pub mod open_files;
pub mod report;
pub mod targets;

use std::{
    future::pending,
    time::{Duration, Instant},
};

use indicatif::ProgressBar;

use self::{
    attackers::Attackers,
    kind::Kind,
    report::{Found, Honest, Node, Report},
    targets::Targets,
};
use crate::{
    fleet::{self, Fleet, Lifetime, node_binary},
    folder::{self, Folder, Trial},
    load::{ACCOUNTS, Loader, Offer},
    metrics::Metrics,
    network::{Network, Plan},
    ports::BasePort,
    progress,
};

/// Where free ports are looked for: past those of a devnet, of a demo and of chaos.
const BASE_PORT: u16 = 28_300;

/// Until an attack has its connections, and until what it left is gone.
const SETTLING: Duration = Duration::from_secs(3);

/// How often the nodes' memory is looked at.
const SAMPLE_EVERY: Duration = Duration::from_millis(500);

/// Descriptors of this program beside attackers' connections: those of honest clients.
const OWN_FILES: u64 = 1024;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Honest payments, and how long each is measured.
    pub offer: Offer,
    /// Requests of attackers, a second.
    pub requests: u64,
    /// Idle connections.
    pub connections: usize,
    /// How often each attack is made, and measured against the seconds just before it.
    pub rounds: u64,
    pub validators: u16,
    pub base_port: Option<u16>,
}

/// Whether the API held. The last line printed is the verdict; an error came before there was one.
pub async fn run(folder: &Folder, options: Options) -> anyhow::Result<bool> {
    let _lock = folder.lock()?;
    fleet::clear(folder, Trial::Attack).await?;
    open_files::raise(options.connections as u64 + OWN_FILES)?;
    let network = network(folder, options)?;
    println!(
        "{} validators, {} honest payments/s, each attack {} times for {} s",
        options.validators, options.offer.rate, options.rounds, options.offer.seconds
    );
    let fleet = Fleet::start(network.clone(), node_binary()?, Lifetime::Ours, pending()).await?;
    let loader = Loader::prepare(&network, ACCOUNTS).await?;
    let mut attack = Attack { fleet, loader, options };
    let mut report = Report {
        genesis: network.genesis.hash().to_string(),
        validators: options.validators,
        rate: options.offer.rate,
        seconds: options.offer.seconds,
        rounds: options.rounds,
        ..Report::default()
    };
    let attacked = attack.all(&mut report).await;
    let path = folder.of(Trial::Attack).join("attack.json");
    folder::write(&path, &serde_json::to_string_pretty(&report)?)?;
    println!("\n{}", report.table());
    println!("written to {}", path.display());
    attacked?;
    for name in attack.fleet.stop().await? {
        report.not_stopped.push(name);
    }
    for why in report.failures() {
        println!("does not hold: {why}");
    }
    println!("{}", report.last_line());
    Ok(report.failures().is_empty())
}

fn network(folder: &Folder, options: Options) -> anyhow::Result<Network> {
    let base_port = BasePort::chosen(options.base_port, BASE_PORT, options.validators)?;
    let plan = Plan {
        validators: options.validators,
        base_port,
    };
    Network::create(folder.network_of(Trial::Attack), plan)
}

struct Attack {
    fleet: Fleet,
    loader: Loader,
    options: Options,
}

impl Attack {
    async fn all(&mut self, report: &mut Report) -> anyhow::Result<()> {
        // The first payments of a network are slower than others.
        self.pay().await?;
        for kind in Kind::ALL {
            let line = progress::line("");
            let mut found = Found::new(kind);
            for round in 0..self.options.rounds {
                self.one(&mut found, round, &line).await?;
                if let Some(ended) = self.fleet.ended()? {
                    anyhow::bail!("under {}: {ended}", kind.label());
                }
            }
            line.finish_and_clear();
            println!("{found}");
            report.found.push(found);
        }
        Ok(())
    }

    async fn one(&self, found: &mut Found, round: u64, line: &ProgressBar) -> anyhow::Result<()> {
        let kind = found.kind;
        line.set_message(format!("before {}", kind.label()));
        found.without.add(&self.pay().await?);
        let (then, memory) = (self.metrics().await, self.memory());
        // Made anew, since payments expire.
        let targets = Targets::new(self.fleet.network(), &self.loader)?;
        let attackers = Attackers::start(kind, targets, self.options, round)?;
        line.set_message(format!("waiting for {}", kind.label()));
        tokio::time::sleep(SETTLING).await;
        line.set_message(kind.label());
        attackers.tally().measure();
        let (paid, peak) = tokio::join!(self.pay(), self.peak());
        found.with.add(&paid?);
        found.attackers.add(&attackers.tally().taken());
        let now = self.metrics().await;
        line.set_message("letting go");
        attackers.stop().await?;
        tokio::time::sleep(SETTLING).await;
        found.node.add(&Node {
            memory_bytes: memory.iter().copied().max().unwrap_or(0),
            memory_bytes_max: peak.iter().copied().max().unwrap_or(0),
            memory_growth_bytes: growth(&memory, &peak),
            connections_closed: sum(&now, &then, "causeway_http_connections_closed_total"),
            connections_open: open(&now),
            refused: sum(&now, &then, "causeway_mempool_refused_total"),
        });
        Ok(())
    }

    async fn pay(&self) -> anyhow::Result<Honest> {
        let start = Instant::now();
        let report = self.loader.run(self.options.offer, &ProgressBar::hidden()).await?;
        Ok(Honest::of(&report, start.elapsed()))
    }

    async fn metrics(&self) -> Vec<Option<Metrics>> {
        let all = (0..self.options.validators).map(|validator| self.fleet.observer().metrics(validator));
        futures::future::join_all(all).await
    }

    fn memory(&self) -> Vec<u64> {
        let network = self.fleet.network();
        let running = fleet::running(&network.folder, network.plan).unwrap_or_default();
        let of = |validator| {
            running
                .iter()
                .find(|(index, _)| *index == validator)?
                .1
                .resident_bytes()
        };
        (0..self.options.validators)
            .map(|validator| of(validator).unwrap_or(0))
            .collect()
    }

    /// The most that each node takes while payments are measured.
    async fn peak(&self) -> Vec<u64> {
        let until = Instant::now() + Duration::from_secs(self.options.offer.seconds);
        let mut peak = self.memory();
        while Instant::now() < until {
            tokio::time::sleep(SAMPLE_EVERY).await;
            for (most, now) in peak.iter_mut().zip(self.memory()) {
                *most = now.max(*most);
            }
        }
        peak
    }
}

/// Of the node that grew most.
fn growth(then: &[u64], peak: &[u64]) -> u64 {
    let grown = then.iter().zip(peak).map(|(then, now)| now.saturating_sub(*then));
    grown.max().unwrap_or(0)
}

/// How much a counter has grown on all nodes together.
fn sum(now: &[Option<Metrics>], then: &[Option<Metrics>], name: &str) -> u64 {
    let total = |all: &[Option<Metrics>]| {
        all.iter()
            .flatten()
            .filter_map(|metrics| metrics.sum(name))
            .sum::<f64>()
    };
    (total(now) - total(then)).max(0.0) as u64
}

fn open(now: &[Option<Metrics>]) -> u64 {
    let open = now
        .iter()
        .flatten()
        .filter_map(|metrics| metrics.sum("causeway_http_connections"));
    open.fold(0.0, f64::max) as u64
}
