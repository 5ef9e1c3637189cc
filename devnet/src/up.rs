//! `up`: a network that runs in the foreground with one live status line, or is left running.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::ProgressBar;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    fleet::{self, Fleet, Lifetime, node_binary},
    folder::Folder,
    metrics::Metrics,
    network::{Network, Plan},
    observer::Observer,
    ports::{BASE_PORT, BasePort},
    progress,
    services::{
        self, Programs, Service, Services,
        configs::{QUOTE_SECONDS, Settings},
    },
};

/// How many validators a new network has unless told otherwise: the fewest that outlive a fault.
pub const VALIDATORS: u16 = 4;

/// From admission by a validator to finality there, in seconds.
const FINALITY: &str = "causeway_finality_seconds";
const FINALIZED: &str = "causeway_transactions_finalized_total";

/// What `up` was told; absent is as before, or the default for a new network.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub validators: Option<u16>,
    pub base_port: Option<u16>,
    pub detach: bool,
}

/// Interrupt or termination.
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

pub async fn run(folder: Folder, options: Options) -> anyhow::Result<()> {
    let mut signals = StopSignals::listen()?;
    let lock = folder.lock()?;
    let network = open(&folder, options)?;
    let lifetime = if options.detach {
        Lifetime::Detached
    } else {
        Lifetime::Ours
    };
    let programs = (node_binary()?, Programs::find()?);
    let fleet = Fleet::start(network, programs.0, lifetime, signals.received()).await?;
    let settings = Settings {
        services: Service::ALL.to_vec(),
        ..Settings::default()
    };
    let started = Services::start(fleet.network(), programs.1, lifetime, &settings, signals.received()).await;
    let services = match started {
        Ok(services) => services,
        Err(error) => match fleet.stop().await {
            Ok(_) => return Err(error),
            Err(left) => return Err(error.context(format!("validators may be left running ({left:#})"))),
        },
    };
    // `down` in another terminal may stop what runs now.
    drop(lock);
    announce(fleet.network());
    if options.detach {
        println!("\nLeft running; `causeway-devnet status` shows it, `causeway-devnet down` stops it.");
        return Ok(());
    }
    println!("\nCtrl-C stops all of them; a second start goes on from the same state.");
    watch(fleet, services, &mut signals).await
}

fn open(folder: &Folder, options: Options) -> anyhow::Result<Network> {
    let base_port = options.base_port.map(BasePort::new).transpose()?;
    let files = folder.network();
    if !files.is_complete() {
        let plan = Plan {
            validators: options.validators.unwrap_or(VALIDATORS),
            base_port: base_port.map_or_else(|| BasePort::new(BASE_PORT), Ok)?,
        };
        // Before anything is written, so that a second try can simply name other ports.
        plan.base_port.check_free(plan.validators)?;
        plan.base_port.check_free_for_services()?;
        return Network::create(files, plan);
    }
    let mut network = Network::load(files)?;
    fleet::refuse_running(&network.folder, network.plan)?;
    services::refuse_running(&network.folder)?;
    if let Some(asked) = options.validators.filter(|&asked| asked != network.plan.validators) {
        anyhow::bail!(
            "the devnet in {} has {} validators, not {asked}; `causeway-devnet reset` deletes it, or choose another --dir",
            folder.path().display(),
            network.plan.validators
        );
    }
    if let Some(base_port) = base_port.filter(|&asked| asked != network.plan.base_port) {
        network.move_to(base_port)?;
    }
    Ok(network)
}

fn announce(network: &Network) {
    println!("genesis  {}", network.genesis.hash());
    println!("folder   {}", network.folder.path().display());
    for validator in 0..network.plan.validators {
        let ports = network.plan.base_port;
        println!(
            "validator-{validator}  api http://{}  metrics http://{}/metrics",
            ports.api(validator),
            ports.metrics(validator)
        );
    }
    for service in Service::ALL {
        let (name, url) = (service.name(), service.url(network.plan.base_port));
        match service {
            Service::Maker(_) => println!("{name}  quotes {url}/v1/quotes"),
            Service::Issuer(_) => println!("{name}  purses {url}"),
            Service::Gateway(_) | Service::Instance(_) => {
                println!("{name}  api {url}  docs {url}/docs");
                let folder = network.folder.service(service);
                println!(
                    "{name}  clients client.json and admin.json in {}",
                    folder.path().display()
                );
                if folder.merchant().exists() {
                    println!(
                        "{name}  a merchant, its store and terminal in {}",
                        folder.merchant().display()
                    );
                }
            }
        }
    }
    println!(
        "cards of BANKA are asked for at {} by ISO 8583",
        network.plan.base_port.cards()
    );
    println!("webhooks may go to http://{}", network.plan.base_port.webhooks());
    println!("makers begin to quote in {QUOTE_SECONDS} s");
}

async fn watch(mut fleet: Fleet, mut services: Services, signals: &mut StopSignals) -> anyhow::Result<()> {
    let line = progress::line("");
    let mut pulse = Pulse::new(fleet.observer().clone(), fleet.network().plan);
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    let mut up = fleet.network().plan.validators;
    while up > 0 {
        tokio::select! {
            _ = ticks.tick() => {}
            () = signals.received() => break,
        }
        if let Some(ended) = fleet.ended()? {
            up -= 1;
            show(&line, &ended.to_string(), true);
        }
        if let Some(ended) = services.ended()? {
            show(&line, &ended, true);
        }
        let text = pulse.read().await;
        show(&line, &text, false);
    }
    line.finish_and_clear();
    println!("stopping");
    let mut wrong = services.stop().await?;
    wrong.extend(fleet.stop().await?);
    match wrong.as_slice() {
        [] => println!("all validators and services stopped cleanly"),
        wrong => println!("did not stop as they should: {}", wrong.join(", ")),
    }
    Ok(())
}

fn show(line: &ProgressBar, text: &str, lasting: bool) {
    if !std::io::stderr().is_terminal() {
        // A log wants events, not a line that changes each second.
        if lasting {
            println!("{text}");
        }
    } else if lasting {
        line.println(text);
    } else {
        line.set_message(text.to_owned());
    }
}

/// What the live line says, from one reading to the next.
struct Pulse {
    observer: Observer,
    plan: Plan,
    before: Option<(Instant, Vec<Option<Metrics>>)>,
}

impl Pulse {
    fn new(observer: Observer, plan: Plan) -> Self {
        Self {
            observer,
            plan,
            before: None,
        }
    }

    async fn read(&mut self) -> String {
        let statuses = self.observer.statuses().await;
        let scrapes = (0..self.plan.validators).map(|validator| self.observer.metrics(validator));
        let metrics = futures::future::join_all(scrapes).await;
        let now = Instant::now();
        let height = statuses.iter().flatten().map(|status| status.height.0).max();
        let up = statuses.iter().flatten().count();
        let mut rate = None;
        let mut finality = None;
        if let Some((then, before)) = &self.before {
            let pairs = || {
                before
                    .iter()
                    .zip(&metrics)
                    .filter_map(|(a, b)| a.as_ref().zip(b.as_ref()))
            };
            let seconds = (now - *then).as_secs_f64();
            let finalized =
                |(before, after): (&Metrics, &Metrics)| Some(after.sum(FINALIZED)? - before.sum(FINALIZED)?);
            rate = pairs()
                .filter_map(finalized)
                .map(|count| count / seconds)
                .max_by(f64::total_cmp);
            finality = pairs()
                .filter_map(|(before, after)| after.quantile_since(before, FINALITY, 0.5))
                .max_by(f64::total_cmp);
        }
        self.before = Some((now, metrics));
        format!(
            "height {} · {} payments/s · finality p50 {} · validators {up}/{} up",
            height.map_or("-".to_owned(), |height| height.to_string()),
            rate.map_or("-".to_owned(), |rate| format!("{rate:.0}")),
            finality.map_or("-".to_owned(), at_most),
            self.plan.validators
        )
    }
}

/// A bound in seconds, for people.
fn at_most(seconds: f64) -> String {
    if seconds.is_infinite() {
        "slower than is counted".to_owned()
    } else if seconds < 1.0 {
        format!("<= {:.0} ms", seconds * 1e3)
    } else {
        format!("<= {seconds} s")
    }
}
