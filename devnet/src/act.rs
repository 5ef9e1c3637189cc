//! `offline` and `acquiring`: one of the demo's acts alone, on a network of its own.

use std::{collections::BTreeMap, future::pending, path::PathBuf, time::Instant};

use anyhow::anyhow;
use causeway_wallet::client::Client;
use serde::Serialize;

use crate::{
    demo::{
        self, acquiring, audit, offline,
        report::{Report, Validator},
    },
    fleet::{self, Fleet, Lifetime, node_binary},
    folder::{self, Folder, Trial},
    network::{Network, Plan},
    ports::BasePort,
    services::{
        ISSUERS, Programs, Service, Services,
        configs::{CardRoute, Settings},
    },
    table::Table,
    up::VALIDATORS,
};

/// Where free ports are looked for: past those of the other commands.
const BASE_PORT: u16 = 30_100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// From purse to purse.
    Offline,
    /// From order to settlement.
    Acquiring,
}

/// What of the demo's report is there without its other acts: `offline.json`, `acquiring.json`.
#[derive(Serialize)]
struct Written<'a> {
    ok: bool,
    failed: &'a [String],
    genesis: &'a str,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    offline: Option<&'a offline::Offline>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acquiring: Option<&'a acquiring::Acquiring>,
    validators: &'a [Validator],
    currency_sums: &'a BTreeMap<String, Vec<String>>,
}

/// An error is the first that did not hold, or what kept the act from being begun or written down.
pub async fn run(folder: &Folder, act: Act, base_port: Option<u16>) -> anyhow::Result<()> {
    let _lock = folder.lock()?;
    let started = Instant::now();
    let trial = act.trial();
    fleet::clear(folder, trial).await?;
    let plan = Plan {
        validators: VALIDATORS,
        base_port: BasePort::chosen(base_port, BASE_PORT, VALIDATORS)?,
    };
    let network = Network::create(folder.network_of(trial), plan)?;
    let mut report = Report {
        genesis: network.genesis.hash().to_string(),
        ..Report::default()
    };
    let place = folder.of(trial).join(trial.name());
    if let Err(error) = act.play(network, place, &mut report).await {
        report.fail(format!("{error:#}"));
    }
    report.seconds = started.elapsed().as_secs_f64();
    let path = folder.of(trial).join(format!("{}.json", trial.name()));
    folder::write(&path, &serde_json::to_string_pretty(&written(&report))?)?;
    let mut table = Table::new(["", ""]);
    let offline = report.offline.iter().flat_map(offline::Offline::rows);
    let acquiring = report.acquiring.iter().flat_map(acquiring::Acquiring::rows);
    for (name, value) in offline.chain(acquiring) {
        table.row([name.to_owned(), value]);
    }
    table.row(["time taken".to_owned(), format!("{:.0} s", report.seconds)]);
    println!("\n{table}\nwritten to {}", path.display());
    for why in &report.failed {
        println!("does not hold: {why}");
    }
    match report.failed.into_iter().next() {
        None => Ok(()),
        Some(why) => Err(anyhow!(why)),
    }
}

fn written(report: &Report) -> Written<'_> {
    Written {
        ok: report.failed.is_empty(),
        failed: &report.failed,
        genesis: &report.genesis,
        seconds: report.seconds,
        offline: report.offline.as_ref(),
        acquiring: report.acquiring.as_ref(),
        validators: &report.validators,
        currency_sums: &report.currency_sums,
    }
}

impl Act {
    const fn trial(self) -> Trial {
        match self {
            Self::Offline => Trial::Offline,
            Self::Acquiring => Trial::Acquiring,
        }
    }

    /// In which it moves money.
    const fn currency(self) -> &'static str {
        match self {
            Self::Offline => ISSUERS[0].currency,
            Self::Acquiring => acquiring::CURRENCY,
        }
    }

    fn settings(self) -> Settings {
        match self {
            Self::Offline => Settings {
                services: Service::OFFLINE.to_vec(),
                ..Settings::default()
            },
            Self::Acquiring => Settings {
                services: vec![Service::Gateway(0), Service::Gateway(1)],
                card_route: CardRoute {
                    acquirer_ms: acquiring::ANSWER_MS,
                    ..CardRoute::default()
                },
                log: Some(acquiring::LOG),
                ..Settings::default()
            },
        }
    }

    async fn play(self, network: Network, place: PathBuf, report: &mut Report) -> anyhow::Result<()> {
        let (programs, settings) = (Programs::find()?, self.settings());
        let names: Vec<_> = settings.services.iter().map(|service| service.name()).collect();
        println!("- four validators, and {}", names.join(" and "));
        let mut fleet = Fleet::start(network.clone(), node_binary()?, Lifetime::Ours, pending()).await?;
        let mut services = Services::start(&network, programs, Lifetime::Ours, &settings, pending()).await?;
        let client = Client::new(network.genesis.clone(), network.api_urls())?;
        let cards = match self {
            Self::Offline => {
                println!("- three people with wallets and purses");
                offline::run(&mut fleet, &client, place, report).await?;
                None
            }
            Self::Acquiring => {
                println!("- a merchant and four customers");
                Some(acquiring::run(&network, &client, &services, place, report).await?)
            }
        };
        if let Some(ended) = services.ended()? {
            report.fail(ended);
        }
        let mut wrong = services.stop().await?;
        demo::converge(&mut fleet, report).await?;
        wrong.extend(fleet.stop().await?);
        report.check(wrong.is_empty(), || {
            format!("did not stop as they should: {}", wrong.join(", "))
        });
        println!("- every balance on every validator's disk");
        audit::disks(&network, &node_binary()?, &[self.currency()], report).await?;
        match cards {
            Some(cards) => acquiring::search_again(&cards, &network, report),
            None => Ok(()),
        }
    }
}
