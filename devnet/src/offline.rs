//! `offline`: the demo's act of the purses alone, on a network of its own.

use std::{collections::BTreeMap, future::pending, time::Instant};

use anyhow::anyhow;
use causeway_wallet::client::Client;
use serde::Serialize;

use crate::{
    demo::{
        self, audit,
        report::{Report, Validator},
    },
    fleet::{self, Fleet, Lifetime, node_binary},
    folder::{self, Folder, Trial},
    network::{Network, Plan},
    ports::BasePort,
    services::{ISSUERS, Programs, Service, Services, configs::Settings},
    table::Table,
    up::VALIDATORS,
};

/// Where free ports are looked for: past those of the other commands.
const BASE_PORT: u16 = 30_100;

/// `offline.json`: what of the demo's report is there without its other acts.
#[derive(Serialize)]
struct Written<'a> {
    ok: bool,
    failed: &'a [String],
    genesis: &'a str,
    seconds: f64,
    offline: Option<&'a demo::offline::Offline>,
    validators: &'a [Validator],
    currency_sums: &'a BTreeMap<String, Vec<String>>,
}

/// An error is the first that did not hold, or what kept the act from being begun or written down.
pub async fn run(folder: &Folder, base_port: Option<u16>) -> anyhow::Result<()> {
    let _lock = folder.lock()?;
    let started = Instant::now();
    fleet::clear(folder, Trial::Offline).await?;
    let plan = Plan {
        validators: VALIDATORS,
        base_port: BasePort::chosen(base_port, BASE_PORT, VALIDATORS)?,
    };
    let network = Network::create(folder.network_of(Trial::Offline), plan)?;
    let mut report = Report {
        genesis: network.genesis.hash().to_string(),
        ..Report::default()
    };
    if let Err(error) = act(folder, network, &mut report).await {
        report.fail(format!("{error:#}"));
    }
    report.seconds = started.elapsed().as_secs_f64();
    let path = folder.of(Trial::Offline).join("offline.json");
    let written = Written {
        ok: report.failed.is_empty(),
        failed: &report.failed,
        genesis: &report.genesis,
        seconds: report.seconds,
        offline: report.offline.as_ref(),
        validators: &report.validators,
        currency_sums: &report.currency_sums,
    };
    folder::write(&path, &serde_json::to_string_pretty(&written)?)?;
    let mut table = Table::new(["", ""]);
    for (name, value) in report.offline.iter().flat_map(demo::offline::Offline::rows) {
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

async fn act(folder: &Folder, network: Network, report: &mut Report) -> anyhow::Result<()> {
    println!("- four validators, and the service that signs for purses");
    let programs = Programs::find()?;
    let mut fleet = Fleet::start(network.clone(), node_binary()?, Lifetime::Ours, pending()).await?;
    let settings = Settings {
        services: Service::OFFLINE.to_vec(),
        ..Settings::default()
    };
    let mut services = Services::start(&network, programs, Lifetime::Ours, &settings, pending()).await?;
    let client = Client::new(network.genesis.clone(), network.api_urls())?;
    println!("- three people with wallets and purses");
    let place = folder.of(Trial::Offline).join("offline");
    demo::offline::run(&mut fleet, &client, place, report).await?;
    if let Some(ended) = services.ended()? {
        report.fail(ended);
    }
    let mut forced = services.stop().await?;
    demo::converge(&mut fleet, report).await?;
    forced.extend(fleet.stop().await?);
    report.check(forced.is_empty(), || {
        format!("killed, since they did not stop: {}", forced.join(", "))
    });
    println!("- every balance on every validator's disk");
    audit::disks(&network, &node_binary()?, &[ISSUERS[0].currency], report).await
}
