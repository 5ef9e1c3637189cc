//! `chaos`: real validators under load, broken in every way that the schedule draws from a seed, and a
//! checker that knows every payment which a client was told is made.
//!
//! ```text
//! validator-0 ──┐            ┌── validator-2      each dials each other through a port of the relay
//!               ├── relay ───┤
//! validator-1 ──┘            └── validator-3      whose data may lie on a small disk
//! ```

pub mod availability;
pub mod books;
pub mod director;
pub mod disks;
pub mod offering;
pub mod report;
pub mod schedule;
pub mod small_disk;

use std::{
    fs,
    future::pending,
    time::{Duration, Instant},
};

use anyhow::Context;
use causeway_node::{config::Config, engine};
use tokio::{sync::watch, time::timeout};

use self::{
    books::Told,
    director::Director,
    disks::Accounts,
    offering::{Offered, Offering, Pulse},
    report::{Payments, Report, last_line},
    schedule::Schedule,
    small_disk::SmallDisk,
};
use crate::{
    fleet::{self, Fleet, Lifetime, node_binary},
    folder::{self, Folder, Trial},
    load::{ACCOUNTS, Loader},
    network::{Arrangement, Checkpoints, Making, Network, Plan},
    ports::BasePort,
    progress,
    relay::Relay,
};

/// Where free ports are looked for: past those of a devnet and of a demo.
const BASE_PORT: u16 = 27_700;

/// So many validators have the whole history, whatever they lose: the books are checked against it.
const ARCHIVES: u16 = 2;

/// As often as may be, and from the first block on, so that who loses a database finds a snapshot.
const CHECKPOINTS: Checkpoints = Checkpoints {
    period_seconds: 60,
    age_seconds: 120,
};

/// In the end all validators come to one height within this.
const PATIENCE: Duration = Duration::from_secs(90);

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub minutes: u64,
    pub seed: u64,
    pub validators: u16,
    pub base_port: Option<u16>,
    /// Payments a second.
    pub rate: u64,
}

/// Whether everything holds. The last line printed is the verdict; an error came before there was one.
pub async fn run(folder: &Folder, options: Options) -> anyhow::Result<bool> {
    let _lock = folder.lock()?;
    let started = Instant::now();
    clear(folder).await?;
    let mut report = Report {
        seed: options.seed,
        validators: options.validators,
        rate: options.rate,
        ..Report::default()
    };
    let ended = (Chaos { folder, options }).stages(&mut report).await;
    report.seconds = started.elapsed().as_secs_f64();
    if let Err(error) = &ended {
        report.fail(format!("{error:#}"));
    }
    report.ok = report.failed.is_empty() && report.verdict.as_ref().is_some_and(|verdict| verdict.is_good());
    let path = folder.of(Trial::Chaos).join("chaos.json");
    folder::write(&path, &serde_json::to_string_pretty(&report)?)?;
    println!("\n{}", report.table());
    println!("written to {}", path.display());
    for why in &report.failed {
        println!("does not hold: {why}");
    }
    ended?;
    let verdict = report.verdict.context("the disks were read")?;
    for why in &verdict.reasons {
        println!("does not hold: {why}");
    }
    println!("{}", last_line(&verdict));
    Ok(report.ok)
}

/// Deletes what an earlier one left. If it was killed, its validators may still run and its small disk be
/// mounted.
pub async fn clear(folder: &Folder) -> anyhow::Result<()> {
    let earlier = folder.network_of(Trial::Chaos);
    if earlier.is_complete() {
        let plan = Plan::load(&earlier)?;
        fleet::stop_running(&earlier, plan).await?;
        SmallDisk::clear(&earlier.validator(small_disk(plan.validators)).data());
    }
    Ok(folder.clear(Trial::Chaos)?)
}

/// Or why there is none.
type Mounted = Result<SmallDisk, String>;

/// Whose disk is small.
fn small_disk(validators: u16) -> u16 {
    validators - 1
}

struct Chaos<'a> {
    folder: &'a Folder,
    options: Options,
}

impl Chaos<'_> {
    async fn stages(&self, report: &mut Report) -> anyhow::Result<()> {
        let mut network = self.network()?;
        report.genesis = network.genesis.hash().to_string();
        let time = Duration::from_secs(60 * self.options.minutes);
        let powers: Vec<_> = network
            .genesis
            .validators
            .iter()
            .map(|validator| validator.power)
            .collect();
        let small = small_disk(self.options.validators);
        report.planned = Schedule::new(self.options.seed, &powers, small).planned(time);
        println!("the schedule of seed {}:", self.options.seed);
        for episode in &report.planned {
            println!("{episode}");
        }

        println!("\n{} validators, and a relay between them", self.options.validators);
        let disk = mount(&network, small)?;
        let relay = Relay::open(&network.routes()).await.context("cannot open the relay")?;
        network.arrangement = Arrangement {
            dial: relay.addresses().clone(),
            without_reserve: disk.is_ok().then_some(small),
            archives: ARCHIVES,
            ..Arrangement::default()
        };
        let fleet = Fleet::start(network.clone(), node_binary()?, Lifetime::Ours, pending()).await?;
        let loader = Loader::prepare(&network, ACCOUNTS).await?;
        let (customers, currency) = (loader.payers().to_vec(), loader.currency());

        println!("{} payments/s for {} min", self.options.rate, self.options.minutes);
        let start = Instant::now();
        let (stop, stopped) = watch::channel(false);
        let (pulse, watched) = watch::channel(Pulse::default());
        let mut director = Director {
            fleet,
            relay,
            disk,
            pulse: watched,
            start,
            bar: progress::line(""),
        };
        let planned = report.planned.clone();
        let directed = async {
            let directed = director.run(&planned, start + time, report).await;
            let directed = match directed {
                Ok(()) => Ok(()),
                // Whatever happened: what was acknowledged must be there.
                Err(error) => director.restore().context("and not restored").and(Err(error)),
            };
            stop.send_replace(true);
            director.bar.set_message("waiting for the last payments");
            directed
        };
        let offering = Offering::new(loader, self.options.rate).run(stopped, pulse);
        let (directed, offered) = tokio::join!(directed, offering);
        director.bar.finish_and_clear();
        let offered = offered?;
        if let Err(error) = directed {
            report.fail(format!("{error:#}"));
        }
        report.payments = payments(&offered);
        report.availability(&offered.windows, start);

        println!("every receipt and balance on every validator's disk");
        let _disk = self.settle(director, report).await?;
        let customers = Accounts {
            customers: &customers,
            currency,
        };
        let line = progress::line("reading the disks");
        let disks = disks::read(&network, customers).await?;
        line.finish_and_clear();
        report.verdict = Some(offered.books.check(&disks));
        Ok(())
    }

    fn network(&self) -> anyhow::Result<Network> {
        let validators = self.options.validators;
        let base_port = BasePort::chosen(self.options.base_port, BASE_PORT, validators)?;
        let plan = Plan { validators, base_port };
        let making = Making {
            checkpoints: CHECKPOINTS,
            ..Making::default()
        };
        Network::create_with(self.folder.network_of(Trial::Chaos), plan, making)
    }

    /// Lets all validators come to one height, and stops them. The small disk is there until it is dropped.
    async fn settle(&self, mut director: Director, report: &mut Report) -> anyhow::Result<Mounted> {
        let settled = timeout(PATIENCE, director.fleet.observer().at_one_height()).await;
        if settled.is_err() {
            report.fail("the validators do not come to one height");
        }
        if let Some(ended) = director.fleet.ended()? {
            report.fail(ended.to_string());
        }
        let Director { fleet, disk, .. } = director;
        for name in fleet.stop().await? {
            report.fail(format!("did not stop as it should: {name}"));
        }
        Ok(disk)
    }
}

/// Puts a small disk under the data of a validator that has not run yet; or why that cannot be done.
fn mount(network: &Network, validator: u16) -> anyhow::Result<Mounted> {
    let folder = network.folder.validator(validator);
    fs::remove_dir_all(folder.data())?;
    let mounted = SmallDisk::mount(&folder.data());
    engine::init(&Config::load(&folder.config())?).map_err(|failure| failure.reason)?;
    Ok(mounted.map_err(|error| format!("a small file system cannot be mounted ({error})")))
}

fn payments(offered: &Offered) -> Payments {
    let count = |told| offered.books.count(told);
    Payments {
        offered: offered.offered,
        applied: count(Told::Applied),
        refused: count(Told::Rejected),
        dead: count(Told::Dead),
        unknown: count(Told::Nothing),
        unsent: offered.unsent,
        failed: offered.failed.clone(),
        finality: offered.finality,
    }
}
