//! `bench`: how many payments a second a network on this machine finalizes, how long they take, and how
//! near that is to what the machine could do at best.
//!
//! Payments are due at a rate, whether or not the network keeps up, and a payment's latency counts from when
//! it was due until its receipt is proved: so what waits shows, also what waits to be sent. They are signed
//! before the clock starts, go to all validators' APIs many in a request, and the generator checks of their
//! receipts what it must: a certificate a block, and a hash a receipt.
//!
//! Validators and generator share the machine.

pub mod accounts;
pub mod gauge;
pub mod parallel;
pub mod payments;
pub mod plot;
pub mod receipts;
pub mod report;
pub mod search;
pub mod sender;
pub mod signature;
pub mod step;
pub mod usage;
pub mod wan;

#[cfg(test)]
pub(crate) mod trial;

use std::{
    future::pending,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use causeway_contracts::codec;
use causeway_node::{
    actors::budget::{BudgetRates, Rate},
    store,
};
use tokio::{sync::mpsc::Receiver, time::sleep};

use self::{
    accounts::Accounts,
    gauge::Gauge,
    payments::{Payments, Wanted},
    receipts::{Receipts, Verified},
    report::{Report, Setting, Taken},
    search::Search,
    step::{Load, Pace, Step},
};
use crate::{
    fleet::{self, Fleet, Lifetime, node_binary},
    folder::{self, Folder, Trial},
    genesis::Seed,
    network::{Arrangement, Checkpoints, Making, Network, Plan},
    ports::BasePort,
    progress,
};

/// Where free ports are looked for: past those of every other command.
const BASE_PORT: u16 = 28_900;

/// As the ledger's own default: none is due in most runs.
const CHECKPOINTS: Checkpoints = Checkpoints {
    period_seconds: 3600,
    age_seconds: 0,
};

/// The first payments of a network are slower than others.
const FIRST: Pace = Pace {
    rate: 200,
    warm_up: Duration::ZERO,
    measured: Duration::from_secs(2),
};

/// The first rate that a search tries.
const SEARCH_FROM: u64 = 1000;

/// How often the long run is made, each time at a rate a tenth lower.
const TRIES: u32 = 3;

/// For what an overloaded network has taken on to be done.
const SETTLING_MAX: Duration = Duration::from_secs(120);

#[derive(Debug, Clone)]
pub struct Options {
    pub validators: u16,
    pub accounts: u32,
    /// Whether validators are in four regions of the world.
    pub wan: bool,
    /// Whether all validators are in one process, which is easier to profile.
    pub single_process: bool,
    /// Payments a second; without it, the highest that is borne is looked for.
    pub rate: Option<u64>,
    /// Of each step of the search, its warm-up of a quarter included.
    pub step: Duration,
    pub warm_up: Duration,
    pub measured: Duration,
    /// A rate is borne if 99 of 100 payments take less than this.
    pub p99_max: Duration,
    /// What the accounts' keys are made from.
    pub seed: u64,
    pub base_port: Option<u16>,
    /// Where `latest.json` and `latest.svg` are written.
    pub out: PathBuf,
    /// A file that gets a line with the figures at its end.
    pub record: Option<PathBuf>,
    /// What the report says it is about.
    pub commit: String,
}

/// Whether the rate was borne.
pub async fn run(folder: &Folder, options: Options) -> anyhow::Result<bool> {
    let _lock = folder.lock()?;
    fleet::clear(folder, Trial::Bench).await?;
    let cost_before = signature::cost().await?;
    println!(
        "{} validators, {} accounts, {} cores, {:.1} us a signature",
        options.validators,
        options.accounts,
        parallel::cores(),
        cost_before.as_secs_f64() * 1e6
    );
    let line = progress::line("making the network");
    let mut network = network(folder, &options)?;
    let relay = match options.wan {
        true => Some(wan::relay(&network).await?),
        false => None,
    };
    network.arrangement.dial = relay
        .as_ref()
        .map(|relay| relay.addresses().clone())
        .unwrap_or_default();
    let accounts = Accounts::new(&network, options.accounts);
    line.finish_and_clear();
    let before = {
        // Made from the genesis, and then as small as they can be.
        let fleet = start(&network).await?;
        accounts.open_rest(&network).await?;
        fleet.stop().await?;
        data_bytes(&network)?
    };
    let fleet = start(&network).await?;
    let (blocks, verified) = receipts::queue();
    let following = Receipts::open(&network, 0).await?.follow(blocks);
    let mut bench = Bench {
        gauge: gauge(&fleet)?,
        urls: network.api_urls().into(),
        network: network.clone(),
        accounts,
        blocks: verified,
        payments: 0,
        finalized: 0,
    };
    let Measured { steps, half, rss_bytes } = tokio::select! {
        measured = bench.measure(&options) => measured?,
        ended = following => {
            ended?;
            bail!("the stream of blocks ended");
        }
    };
    fleet.stop().await?;
    drop(relay);
    let line = progress::line("compacting");
    let taken = Taken {
        rss_bytes,
        grown_bytes: data_bytes(&network)?.saturating_sub(before),
        payments: bench.finalized,
    };
    line.finish_and_clear();
    let problem = steps.last().context("a rate was measured")?.problem(options.p99_max);
    // A machine that others share is not as fast at all times.
    let cost = (cost_before + signature::cost().await?) / 2;
    let setting = Setting {
        commit: options.commit.clone(),
        validators: options.validators,
        wan: options.wan,
        single_process: options.single_process,
        accounts: options.accounts,
        cores: parallel::cores(),
        signature_us: cost.as_secs_f64() * 1e6,
    };
    let report = Report::new(setting, &taken, steps, half, problem);
    println!("\n{}", report::steps_table(&report.steps));
    print!("{}", report.table());
    let path = options.out.join("latest.json");
    folder::write(&path, &serde_json::to_string_pretty(&report)?)?;
    println!("written to {}", path.display());
    let drawing = options.out.join("latest.svg");
    folder::write(&drawing, &plot::svg(&report.steps, options.p99_max))?;
    println!("drawn in {}", drawing.display());
    if let Some(record) = &options.record {
        report.append_to(record)?;
    }
    if let Some(problem) = report.half.as_ref().and_then(|half| half.problem(options.p99_max)) {
        println!("at half the rate: {problem}");
    }
    if let Some(problem) = &report.problem {
        println!("not borne: {problem}");
    }
    Ok(report.problem.is_none())
}

fn network(folder: &Folder, options: &Options) -> anyhow::Result<Network> {
    let seed = codec::hash("causeway-devnet/bench/1", &[&options.seed.to_be_bytes()]);
    let seed = Seed::from_bytes(seed);
    let making = Making {
        checkpoints: CHECKPOINTS,
        accounts: accounts::in_genesis(&seed, options.accounts),
        seed: Some(seed),
    };
    let plan = Plan {
        validators: options.validators,
        base_port: BasePort::chosen(options.base_port, BASE_PORT, options.validators)?,
    };
    let mut network = Network::create_with(folder.network_of(Trial::Bench), plan, making)?;
    // All payments come from one address, and from customers of one operator.
    let much = Rate::new(1_000_000, 1_000_000)?;
    let budgets = BudgetRates {
        connection: much,
        operator: much,
        ..BudgetRates::default()
    };
    network.arrangement = Arrangement {
        budgets,
        single_process: options.single_process,
        ..Arrangement::default()
    };
    Ok(network)
}

async fn start(network: &Network) -> anyhow::Result<Fleet> {
    Fleet::start(network.clone(), node_binary()?, Lifetime::Ours, pending()).await
}

fn gauge(fleet: &Fleet) -> anyhow::Result<Gauge> {
    let validators = fleet.network().plan.validators;
    let processes = if fleet.network().arrangement.single_process {
        1
    } else {
        validators
    };
    let pids = (0..processes).map(|validator| fleet.pid(validator).context("it runs"));
    Ok(Gauge {
        observer: fleet.observer().clone(),
        validators,
        pids: pids.collect::<Result<_, _>>()?,
    })
}

/// Of all validators' data folders, compacted. None of them may be running.
fn data_bytes(network: &Network) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for validator in 0..network.plan.validators {
        let folder = network.folder.validator(validator);
        store::compact(&folder.database())?;
        bytes += folder_bytes(&folder.data())?;
    }
    Ok(bytes)
}

fn folder_bytes(path: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let of = entry.metadata()?;
        bytes += if of.is_dir() {
            folder_bytes(&entry.path())?
        } else {
            of.len()
        };
    }
    Ok(bytes)
}

/// A network that runs, and what was offered to it so far.
struct Bench {
    network: Network,
    accounts: Accounts,
    gauge: Gauge,
    urls: Arc<[String]>,
    blocks: Receiver<Verified>,
    payments: u64,
    finalized: u64,
}

/// What a run came to.
struct Measured {
    /// The last is the one that counts.
    steps: Vec<Step>,
    /// At half the rate that was found, if one was looked for.
    half: Option<Step>,
    /// The most memory that a validator took in the step that counts.
    rss_bytes: u64,
}

impl Bench {
    async fn measure(&mut self, options: &Options) -> anyhow::Result<Measured> {
        self.step(FIRST).await?;
        let mut steps = Vec::new();
        let mut rate = match options.rate {
            Some(rate) => rate,
            None => self.search(options, &mut steps).await?,
        };
        for tries_left in (0..TRIES).rev() {
            self.gauge.forget_peaks()?;
            let pace = Pace {
                rate,
                warm_up: options.warm_up,
                measured: options.measured,
            };
            let step = self.step(pace).await?;
            let is_borne = step.problem(options.p99_max).is_none();
            steps.push(step);
            if is_borne || options.rate.is_some() || tries_left == 0 {
                break;
            }
            // What is borne for seconds may not be for long.
            rate = (rate * 9 / 10).max(1);
        }
        let rss_bytes = self.gauge.peak_bytes();
        let half = match options.rate {
            Some(_) => None,
            None => {
                let pace = Pace {
                    rate: (rate / 2).max(1),
                    warm_up: options.warm_up,
                    measured: options.measured,
                };
                Some(self.step(pace).await?)
            }
        };
        Ok(Measured { steps, half, rss_bytes })
    }

    /// The highest rate that is borne for the time of a step.
    async fn search(&mut self, options: &Options, steps: &mut Vec<Step>) -> anyhow::Result<u64> {
        let mut search = Search::default();
        while let Some(rate) = search.next(SEARCH_FROM) {
            let warm_up = options.step / 4;
            let pace = Pace {
                rate,
                warm_up,
                measured: options.step - warm_up,
            };
            let step = self.step(pace).await?;
            let problem = step.problem(options.p99_max);
            search.learn(rate, problem.is_none());
            println!("{rate} payments/s: {}", problem.unwrap_or_else(|| "borne".to_owned()));
            steps.push(step);
        }
        search.best().context("no rate is borne, however low")
    }

    async fn step(&mut self, pace: Pace) -> anyhow::Result<Step> {
        let line = progress::line(format!("{} payments/s: signing them", pace.rate));
        let numbers = self.payments..self.payments + pace.payments();
        self.payments = numbers.end;
        let wanted = Wanted {
            numbers,
            validators: self.network.plan.validators,
            valid_seconds: (pace.warm_up + pace.measured).as_secs() + 60,
        };
        let payments = Payments::sign(&self.network.genesis.hash(), &self.accounts, &wanted);
        line.set_message(format!("{} payments/s", pace.rate));
        let mut load = Load {
            gauge: &self.gauge,
            blocks: &mut self.blocks,
            urls: self.urls.clone(),
        };
        let step = load.run(pace, payments).await?;
        line.set_message("waiting for the last payments");
        self.finalized += step.applied + self.settle().await?;
        line.finish_and_clear();
        Ok(step)
    }

    /// Until nothing waits any more. How many receipts came meanwhile.
    async fn settle(&mut self) -> anyhow::Result<u64> {
        let until = Instant::now() + SETTLING_MAX;
        let mut receipts = 0;
        loop {
            let statuses = self.gauge.observer.statuses().await;
            let waiting = |status: &Option<_>| {
                status
                    .as_ref()
                    .is_none_or(|it: &causeway_contracts::api::Status| it.pending_transactions > 0)
            };
            let is_quiet = !statuses.iter().any(waiting);
            while let Ok(block) = self.blocks.try_recv() {
                receipts += block.receipts.len() as u64;
            }
            if is_quiet {
                return Ok(receipts);
            }
            if Instant::now() > until {
                bail!("the network does not come to rest");
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}
