//! `demo`: the main jobs on real processes, with a validator killed on the way and everything checked.

pub mod acquiring;
pub mod audit;
pub mod offline;
pub mod payroll;
mod printed;
mod reader;
pub mod remittance;
pub mod report;
pub mod settlement;
pub mod wallet;

use std::{
    collections::BTreeMap,
    future::pending,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail};
use causeway_contracts::{
    identity::{AccountId, ParticipantId, ReasonCode},
    money::{Amount, Currency},
    transaction::{Action, FreezeScope},
};
use causeway_wallet::client::Client;
use serde_json::Value;
use tokio::time::timeout;

use self::{
    audit::{Books, Paid},
    payroll::{Line, PAYROLL, Person, Standing},
    report::{Report, Validator},
    wallet::{Event, Finished, Wallet},
};
use crate::{
    fleet::{self, Fleet, Lifetime, node_binary},
    folder::{self, Folder, Trial},
    genesis::{OPERATORS, validator_name},
    load::{self, ACCOUNTS, Loader, Offer},
    network::{Network, Plan},
    ports::BasePort,
    progress,
    services::{
        Programs, Service, Services,
        configs::{CardRoute, Settings},
    },
    teller::{Customer, Teller},
    up::VALIDATORS,
};

/// Where free ports are looked for: past those of a devnet that may be running.
const BASE_PORT: u16 = 27_400;

/// The validator that is killed.
const VICTIM: u16 = 1;

/// How long money is held for the beneficiary's operator to decide: the least that a gateway is content with, since one
/// remittance is left to expire.
const HOLD_SECONDS: u32 = 30;

/// Any wait for the network ends after this.
const PATIENCE: Duration = Duration::from_secs(60);

const POLL: Duration = Duration::from_millis(50);

/// The company's money: 20 million of each currency, and the operator through which it gets it.
const FUNDS: [(&str, &str, Amount); 2] = [
    ("BANKA", "CNY", Amount(2_000_000_000)),
    ("BANKB", "HKD", Amount(2_000_000_000)),
];

const FROZEN_FOR: ReasonCode = ReasonCode(7);

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub base_port: Option<u16>,
    pub offer: Offer,
}

/// An error is the first that did not hold, or what kept the demo from being begun or written down.
pub async fn run(folder: &Folder, options: Options) -> anyhow::Result<()> {
    let _lock = folder.lock()?;
    let started = Instant::now();
    fleet::clear(folder, Trial::Demo).await?;
    let mut report = Report::default();
    if let Err(error) = (Demo { folder, options }).stages(&mut report).await {
        report.fail(format!("{error:#}"));
    }
    report.seconds = started.elapsed().as_secs_f64();
    report.ok = report.failed.is_empty();
    let path = folder.of(Trial::Demo).join("demo.json");
    folder::write(&path, &serde_json::to_string_pretty(&report)?)?;
    println!("\n{}", report.table());
    println!("written to {}", path.display());
    for why in &report.failed {
        println!("does not hold: {why}");
    }
    match report.failed.into_iter().next() {
        None => Ok(()),
        Some(why) => Err(anyhow!(why)),
    }
}

struct Demo<'a> {
    folder: &'a Folder,
    options: Options,
}

/// The company that pays, with the wallet that it pays from.
struct Company {
    wallet: Wallet,
    account: AccountId,
}

const LABEL: &str = "payroll";

impl Demo<'_> {
    async fn stages(&self, report: &mut Report) -> anyhow::Result<()> {
        let network = self.network()?;
        report.genesis = network.genesis.hash().to_string();
        say("four validators, each its own process, folder and configuration");
        let programs = Programs::find()?;
        let mut fleet = Fleet::start(network.clone(), node_binary()?, Lifetime::Ours, pending()).await?;
        say("the gateways of two operators, and two liquidity providers");
        let settings = Settings {
            hold_seconds: HOLD_SECONDS,
            card_route: CardRoute {
                acquirer_ms: acquiring::ANSWER_MS,
                ..CardRoute::default()
            },
            log: Some(acquiring::LOG),
            ..Settings::default()
        };
        let mut services = Services::start(&network, programs.clone(), Lifetime::Ours, &settings, pending()).await?;
        let client = Client::new(network.genesis.clone(), network.api_urls())?;

        let people = payroll::people()?;
        say("accounts at two operators, and money from two central banks");
        let customers = self.open_accounts(&network, &client, &people, report).await?;
        let company = self.company(&network, &client, &people, &customers).await?;

        let loader = Loader::prepare(&network, ACCOUNTS).await?;
        say(&format!(
            "finality at {} payments/s, all validators up",
            self.options.offer.rate
        ));
        report.all_up = Some(self.measure(&loader, "payments, all validators up").await?);

        all_run(&mut fleet)?;
        say("the payroll; one validator gets SIGKILL half-way");
        let payroll = network_lines(&network)?;
        let paid = self.pay(&company, &payroll, &mut fleet, report).await?;

        say(&format!(
            "finality at {} payments/s, one validator down",
            self.options.offer.rate
        ));
        report.one_down = Some(self.measure(&loader, "payments, one validator down").await?);
        all_run(&mut fleet)?;
        for (what, found) in [("all validators up", &report.all_up), ("one down", &report.one_down)] {
            if let Some(found) = found.as_ref().filter(|found| !found.is_complete()) {
                let why = format!(
                    "of the payments offered with {what}, not all were made: {}",
                    found.losses().join(", ")
                );
                report.failed.push(why);
            }
        }

        say("abroad by quote and through a book, an escrow that two of three release, a netting cycle");
        settlement::run(&company.wallet, &network, &client, report).await?;

        say(&format!("{} comes back", validator_name(VICTIM)));
        self.bring_back(&mut fleet, report).await?;

        say("from a bank in Germany to one in Thailand, by their gateways");
        remittance::run(&network, &client, &company.wallet, report).await?;

        say("orders of a merchant: paid by a wallet, a code, a phone and a card; refunded, reversed, and settled");
        let place = self.folder.of(Trial::Demo).join("acquiring");
        let cards = acquiring::run(&network, &client, &services, place, report).await?;

        say("from purse to purse with all validators stopped, by cards and QR codes; and a purse that is copied");
        let settings = Settings {
            services: Service::OFFLINE.to_vec(),
            ..Settings::default()
        };
        // It reads every block, and so not while finality is measured.
        let mut issuer = Services::start(&network, programs, Lifetime::Ours, &settings, pending()).await?;
        let place = self.folder.of(Trial::Demo).join("offline");
        offline::run(&mut fleet, &client, place, report).await?;
        if let Some(ended) = issuer.ended()?.or(services.ended()?) {
            bail!("{ended}");
        }
        let mut wrong = issuer.stop().await?;
        wrong.extend(services.stop().await?);

        say("every receipt, offline, against the genesis file alone");
        let books = Books {
            genesis_file: network.folder.genesis(),
            receipts: self.receipts(),
            company: company.account,
            people: people
                .iter()
                .map(|person| person.name.as_str())
                .zip(&customers)
                .collect(),
        };
        audit::receipts(&books, &payroll, &paid, report)?;
        self.foreseen(&network, &people, &payroll, &paid, report)?;
        audit::company_balance(&client, &network, &books, &payroll, &paid, report).await?;

        say("state hashes, then every balance on every validator's disk");
        converge(&mut fleet, report).await?;
        wrong.extend(fleet.stop().await?);
        report.check(wrong.is_empty(), || {
            format!("did not stop as they should: {}", wrong.join(", "))
        });
        let codes = FUNDS.map(|(_, code, _)| code);
        audit::disks(&network, &node_binary()?, &codes, report).await?;
        say("cards' numbers, PINs and keys in all that the demo has left");
        acquiring::search_again(&cards, &network, report)
    }

    fn network(&self) -> anyhow::Result<Network> {
        let base_port = BasePort::chosen(self.options.base_port, BASE_PORT, VALIDATORS)?;
        let plan = Plan {
            validators: VALIDATORS,
            base_port,
        };
        Network::create(self.folder.network_of(Trial::Demo), plan)
    }

    fn receipts(&self) -> PathBuf {
        self.folder.of(Trial::Demo).join("receipts")
    }

    /// Opens the people's accounts; then closes and freezes those that were by payday.
    async fn open_accounts(
        &self,
        network: &Network,
        client: &Client,
        people: &[Person],
        report: &mut Report,
    ) -> anyhow::Result<Vec<Customer>> {
        let customer = |person: &Person| Customer::new(network, &person.name, person.operator, person.tier);
        let customers: Vec<_> = people.iter().map(customer).collect();
        let with = |wanted: fn(Standing) -> bool| {
            let pairs = people.iter().zip(&customers);
            pairs
                .filter(move |(person, _)| wanted(person.standing))
                .map(|(_, customer)| customer)
        };
        let opened: Vec<_> = with(|standing| standing != Standing::Unopened).cloned().collect();
        let teller = Teller::new(network, client);
        let bar = progress::bar("opening accounts", opened.len() as u64);
        teller.open(&opened, &bar).await?;
        report.accounts_opened = opened.len() as u64;
        for (operator, _) in OPERATORS {
            let operator = ParticipantId::new(operator)?;
            let own = |customer: &&Customer| customer.operator == operator;
            let close = |customer: &Customer| Action::CloseAccount {
                operator,
                account: customer.id,
            };
            let freeze = |customer: &Customer| Action::Freeze {
                by: operator,
                account: customer.id,
                scope: FreezeScope::Account,
                reason: FROZEN_FOR,
            };
            let closing = with(|standing| standing == Standing::Closed).filter(own).map(close);
            let freezing = with(|standing| standing == Standing::Frozen).filter(own).map(freeze);
            let actions: Vec<_> = closing.chain(freezing).collect();
            teller.act(operator, &actions, &bar).await?;
        }
        bar.finish_and_clear();
        Ok(customers)
    }

    /// A company at the first operator, its wallet made by the wallet's own commands, with money.
    async fn company(
        &self,
        network: &Network,
        client: &Client,
        people: &[Person],
        customers: &[Customer],
    ) -> anyhow::Result<Company> {
        let wallet = Wallet::new(self.folder.of(Trial::Demo).join("wallet"))?;
        wallet.init(network).await?;
        let address = wallet.open_account(network, OPERATORS[0].0, LABEL).await?;

        let mut contacts = "name,address\n".to_owned();
        for (person, customer) in people.iter().zip(customers) {
            let address = customer.id.address(network.genesis.address_prefix);
            contacts.push_str(&format!("{},{address}\n", person.name));
        }
        let file = self.folder.of(Trial::Demo).join("contacts.csv");
        folder::write(&file, &contacts)?;
        wallet.run(&["contacts", "import", path(&file)?]).await?;

        let teller = Teller::new(network, client);
        let bar = progress::bar("issuing money", 2 * FUNDS.len() as u64);
        for (operator, currency, amount) in FUNDS {
            let operator = ParticipantId::new(operator)?;
            teller
                .fund(operator, Currency::new(currency)?, &[address.account], amount, &bar)
                .await?;
        }
        bar.finish_and_clear();
        Ok(Company {
            wallet,
            account: address.account,
        })
    }

    async fn measure(&self, loader: &Loader, what: &'static str) -> anyhow::Result<load::Report> {
        let Offer { rate, seconds } = self.options.offer;
        let bar = progress::bar(what, rate * seconds);
        let report = loader.run(self.options.offer, &bar).await?;
        bar.finish_and_clear();
        Ok(report)
    }

    /// Pays all lines, and kills a validator when half of them are final.
    async fn pay(
        &self,
        company: &Company,
        lines: &[Line],
        fleet: &mut Fleet,
        report: &mut Report,
    ) -> anyhow::Result<Vec<Paid>> {
        let rate = self.options.offer.rate;
        // Beside the file stands its journal, so the file is a copy of the demo's own.
        let file = self.folder.of(Trial::Demo).join("payroll.csv");
        folder::write(&file, PAYROLL)?;
        report.payroll.lines = lines.len() as u64;
        report.payroll.rate = rate;
        report.fault.validator = validator_name(VICTIM);
        let started = Instant::now();
        let log = self.folder.of(Trial::Demo).join("wallet.log");
        let mut batch = company.wallet.pay_batch(&file, LABEL, rate, &self.receipts(), log)?;
        let bar = progress::bar("payroll", lines.len() as u64);
        let mut paid = Vec::with_capacity(lines.len());
        let mut latencies = crate::latency::Latencies::default();
        let mut summary = None;
        while let Some(event) = batch.next().await? {
            let Finished {
                line,
                id,
                outcome,
                reason,
                latency_ms,
            } = match event {
                Event::Finished(finished) => finished,
                Event::Summary { summary: last } => {
                    summary = Some(last);
                    continue;
                }
            };
            let outcome = match (outcome.as_str(), reason) {
                ("applied", _) => Ok(()),
                ("rejected", Some(reason)) => Err(serde_json::from_value(Value::String(reason))?),
                (_, reason) => bail!("line {line} has no receipt: {}", reason.unwrap_or_default()),
            };
            bar.inc(1);
            match &outcome {
                Ok(()) => report.payroll.applied += 1,
                Err(reason) => *report.payroll.refused.entry(*reason).or_default() += 1,
            }
            report.payroll.finalized += 1;
            latencies.extend(latency_ms.map(|ms| Duration::from_secs_f64(ms / 1e3)));
            paid.push(Paid { line, id, outcome });
            if paid.len() == lines.len() / 2 {
                report.fault.height_when_killed = height(fleet).await?;
                fleet.kill(VICTIM).await?;
                report.fault.killed_after_lines = paid.len() as u64;
            }
        }
        bar.finish_and_clear();
        report.payroll.seconds = started.elapsed().as_secs_f64();
        report.payroll.finality = latencies.percentiles();
        let (status, said) = batch.end().await?;
        // 0: all applied; 3: some were refused by the ledger, as they should be.
        if !matches!(status.code(), Some(0 | 3)) || summary.is_none() {
            bail!("`causeway pay --batch` ended with {status}: {}", said.trim());
        }
        Ok(paid)
    }

    async fn bring_back(&self, fleet: &mut Fleet, report: &mut Report) -> anyhow::Result<()> {
        let target = height(fleet).await?;
        report.fault.height_when_restarted = target;
        let started = Instant::now();
        fleet.restart(VICTIM).await?;
        report.fault.restart_seconds = started.elapsed().as_secs_f64();
        let line = progress::line(format!("{} catches up to height {target}", validator_name(VICTIM)));
        let caught_up = async {
            loop {
                let status = fleet.observer().status(VICTIM).await;
                if status.is_some_and(|status| status.height.0 >= target && status.behind == 0) {
                    return;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        let in_time = timeout(PATIENCE, caught_up).await.is_ok();
        line.finish_and_clear();
        report.fault.catch_up_seconds = started.elapsed().as_secs_f64();
        if !in_time {
            bail!(
                "{} has not caught up after {} s",
                validator_name(VICTIM),
                PATIENCE.as_secs()
            );
        }
        Ok(())
    }

    /// Each line's outcome must be the one that the rules foresee.
    fn foreseen(
        &self,
        network: &Network,
        people: &[Person],
        lines: &[Line],
        paid: &[Paid],
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let mut funds = BTreeMap::new();
        for (_, currency, amount) in FUNDS {
            funds.insert(Currency::new(currency)?, amount);
        }
        let expected = payroll::expected(lines, people, &network.genesis.parameters, &funds)?;
        let outcomes: BTreeMap<_, _> = paid.iter().map(|paid| (paid.line, &paid.outcome)).collect();
        for (line, expected) in lines.iter().zip(expected) {
            match outcomes.get(&line.number) {
                Some(outcome) if **outcome == expected => {}
                Some(outcome) => report.fail(format!(
                    "line {} of the payroll must be {expected:?}, and was {outcome:?}",
                    line.number
                )),
                None => report.fail(format!("line {} of the payroll has no receipt", line.number)),
            }
        }
        Ok(())
    }
}

/// Waits until all validators are at one height, where their state hashes must be equal.
pub async fn converge(fleet: &mut Fleet, report: &mut Report) -> anyhow::Result<()> {
    let line = progress::line("waiting until all validators are at one height");
    let settled = timeout(PATIENCE, fleet.observer().at_one_height()).await;
    line.finish_and_clear();
    all_run(fleet)?;
    let statuses = settled.context("the validators do not come to one height")?;
    for (validator, status) in (0..).zip(&statuses) {
        report.validators.push(Validator {
            name: validator_name(validator),
            height: status.height.0,
            state_hash: status.state_hash.to_string(),
            memory_bytes: fleet.resident_bytes(validator).unwrap_or_default(),
        });
    }
    let equal = statuses.windows(2).all(|pair| pair[0].state_hash == pair[1].state_hash);
    report.check(equal, || "the validators' state hashes differ".to_owned());
    Ok(())
}

fn network_lines(network: &Network) -> anyhow::Result<Vec<Line>> {
    payroll::lines(PAYROLL, |code| {
        network.genesis.currency(code).map(|record| record.exponent)
    })
}

fn path(path: &std::path::Path) -> anyhow::Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is not text in UTF-8", path.display()))
}

/// The highest that any validator says.
async fn height(fleet: &Fleet) -> anyhow::Result<u64> {
    let statuses = fleet.observer().statuses().await;
    let heights = statuses.iter().flatten().map(|status| status.height.0);
    heights.max().context("no validator answers")
}

/// An error if a validator has ended that was not killed on purpose.
fn all_run(fleet: &mut Fleet) -> anyhow::Result<()> {
    match fleet.ended()? {
        Some(ended) => bail!("{ended}"),
        None => Ok(()),
    }
}

/// What comes next.
fn say(what: &str) {
    println!("- {what}");
}
