//! `remit`: how many remittances a second go from one gateway to the other, how long each takes, what the gateway itself
//! takes for a request, and how much processor time each process takes for a remittance.

pub mod cpu;

use std::{
    collections::BTreeMap,
    future::pending,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use causeway_contracts::{
    identity::{Address, ParticipantId},
    money::{Amount, Currency},
};
use causeway_wallet::client::Client;
use futures::future::try_join_all;
use serde_json::{Value, json};
use tokio::time::{interval, sleep};

use self::cpu::{Meter, Taken};
use crate::{
    crash::receiver::Receiver,
    fleet::{self, Fleet, Lifetime, node_binary},
    folder::{Folder, Trial},
    network::{Network, Plan},
    ports::BasePort,
    progress,
    services::{
        Programs, Service, Services,
        api::{Api, text},
        configs::Settings,
    },
    teller::Teller,
};

/// Where free ports are looked for: past those of other trials.
const BASE_PORT: u16 = 29_500;

/// A liquidity provider has at most a hundred open quotes for each.
const SENDERS: usize = 100;

/// What each has, and what each remittance sends, in cents.
const FUNDS: Amount = Amount(1_000_000);
const SENT: &str = "1.00";

/// What is sent when the trial ends has this long to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub rate: u64,
    pub seconds: u64,
    pub validators: u16,
    pub base_port: Option<u16>,
}

/// When a request was made, by the remittance.
#[derive(Default)]
struct Sent {
    at: Mutex<BTreeMap<String, Instant>>,
    /// How long the gateway took to answer each kind of request.
    answers: Mutex<BTreeMap<&'static str, Vec<Duration>>>,
}

impl Sent {
    fn answered(&self, what: &'static str, took: Duration) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.entry(what).or_default().push(took);
    }
}

/// Prints what was measured. An error is a remittance that did not come to its end.
pub async fn run(folder: &Folder, options: Options) -> anyhow::Result<()> {
    let _lock = folder.lock()?;
    fleet::clear(folder, Trial::Remit).await?;
    let plan = Plan {
        validators: options.validators,
        base_port: BasePort::chosen(options.base_port, BASE_PORT, options.validators)?,
    };
    let network = Network::create(folder.network_of(Trial::Remit), plan)?;
    let fleet = Fleet::start(network.clone(), node_binary()?, Lifetime::Ours, pending()).await?;
    let receiver = Receiver::start(plan.base_port.webhooks())?;
    let settings = Settings::default();
    let services = Services::start(&network, Programs::find()?, Lifetime::Ours, &settings, pending()).await?;
    let [sender, beneficiary] = [0, 1].map(|index| network.folder.service(Service::Gateway(index)).client());
    let (sender, beneficiary) = (Arc::new(Api::open(&sender).await?), Api::open(&beneficiary).await?);
    let payee = json!({ "party": { "name": "Somchai" }, "aliases": [{ "kind": "merchant", "value": "SHOP" }] });
    beneficiary.post("/v1/customers", &payee).await?;
    let accounts = Arc::new(accounts(&network, &sender).await?);
    let hook = json!({ "url": receiver.url("sender"), "events": ["remittance.completed"] });
    let webhook = sender.post("/v1/webhooks", &hook).await?;
    receiver.expect("sender", text(&webhook, "/secret")?)?;
    while sender.post("/v1/quotes", &quote(&accounts[0])).await.is_err() {
        sleep(Duration::from_millis(500)).await;
    }
    let sent = Arc::new(Sent::default());
    let count = options.rate * options.seconds;
    let bar = progress::bar("remittances", count);
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(options.rate)?);
    let mut under_way = tokio::task::JoinSet::new();
    let meter = Meter::start(&fleet, plan.validators, &services)?;
    let started = Instant::now();
    for number in 0..count {
        ticks.tick().await;
        let (api, accounts, sent) = (Arc::clone(&sender), Arc::clone(&accounts), Arc::clone(&sent));
        under_way.spawn(async move {
            let account = &accounts[number as usize % accounts.len()];
            send(&api, account, &sent).await
        });
        bar.inc(1);
    }
    let mut refused = 0;
    while let Some(done) = under_way.join_next().await {
        if let Err(error) = done? {
            refused += 1;
            if refused == 1 {
                println!("  the first that was refused: {error:#}");
            }
        }
    }
    bar.finish_and_clear();
    let offered = started.elapsed();
    let expected = sent.at.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let until = Instant::now() + PATIENCE;
    while receiver.times("sender").len() < expected.len() && Instant::now() < until {
        sleep(Duration::from_millis(20)).await;
    }
    let taken = meter.read()?;
    report(&expected, &receiver.times("sender"), &sent, refused, offered, &taken)?;
    services.stop().await?;
    fleet.stop().await?;
    Ok(())
}

fn quote(account: &str) -> Value {
    json!({
        "account": account,
        "source": { "currency": "EUR", "value": SENT },
        "target": { "currency": "THB" },
    })
}

async fn accounts(network: &Network, api: &Api) -> anyhow::Result<Vec<String>> {
    let line = progress::line("accounts of senders");
    let opened = (0..SENDERS).map(|number| async move {
        let customer = json!({ "party": { "name": format!("Sender {number}") } });
        let made = api.post("/v1/customers", &customer).await?;
        let address: Address = text(&made, "/accounts/0/address")?.parse()?;
        anyhow::Ok((text(&made, "/accounts/0/id")?.to_owned(), address.account))
    });
    let (ids, accounts): (Vec<_>, Vec<_>) = try_join_all(opened).await?.into_iter().unzip();
    let client = Client::new(network.genesis.clone(), network.api_urls())?;
    let (operator, currency) = (ParticipantId::new("BANKA")?, Currency::new("EUR")?);
    let bar = indicatif::ProgressBar::hidden();
    Teller::new(network, &client)
        .fund(operator, currency, &accounts, FUNDS, &bar)
        .await?;
    line.finish_and_clear();
    Ok(ids)
}

async fn send(api: &Api, account: &str, sent: &Sent) -> anyhow::Result<()> {
    let quoted = Instant::now();
    let quote = api.post("/v1/quotes", &quote(account)).await?;
    sent.answered("POST /v1/quotes, with its provider", quoted.elapsed());
    let order = json!({
        "quote": text(&quote, "/id")?,
        "beneficiary": { "party": { "name": "Somchai" }, "account": { "merchant": "SHOP" }, "operator": "BANKB" },
    });
    let ordered = Instant::now();
    let made = api.post("/v1/remittances", &order).await?;
    sent.answered("POST /v1/remittances, with the other gateway", ordered.elapsed());
    let id = text(&made, "/id")?.to_owned();
    sent.at
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(id.clone(), ordered);
    let read = Instant::now();
    api.get(&format!("/v1/remittances/{id}")).await?;
    sent.answered("GET /v1/remittances/{id}", read.elapsed());
    Ok(())
}

/// Of sorted times.
fn percentile(times: &[Duration], percent: usize) -> Duration {
    let place = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(place).copied().unwrap_or_default()
}

fn line(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let ms = |percent| percentile(times, percent).as_secs_f64() * 1000.0;
    println!("  {what:<46} p50 {:>8.1} ms, p99 {:>8.1} ms", ms(50), ms(99));
}

fn report(
    expected: &BTreeMap<String, Instant>,
    completed: &BTreeMap<String, Instant>,
    sent: &Sent,
    refused: usize,
    offered: Duration,
    taken: &[Taken],
) -> anyhow::Result<()> {
    let mut answers = sent.answers.lock().unwrap_or_else(PoisonError::into_inner);
    for (what, times) in answers.iter_mut() {
        line(what, times);
    }
    let took = expected
        .iter()
        .filter_map(|(id, at)| Some(completed.get(id)?.duration_since(*at)));
    let mut took: Vec<_> = took.collect();
    line("from the order to the webhook of its completion", &mut took);
    let first = expected.values().min().context("nothing was sent")?;
    let last = completed.values().max().context("nothing was completed")?;
    let seconds = last.duration_since(*first).as_secs_f64();
    println!(
        "remit: {} sent in {:.1} s, {refused} refused, {} completed, {:.0} a second",
        expected.len(),
        offered.as_secs_f64(),
        took.len(),
        took.len() as f64 / seconds,
    );
    println!("remit: processor time for each, by process and by its busiest threads");
    for line in cpu::lines(taken, took.len()) {
        println!("{line}");
    }
    ensure!(
        took.len() == expected.len(),
        "{} are not completed",
        expected.len() - took.len()
    );
    Ok(())
}
