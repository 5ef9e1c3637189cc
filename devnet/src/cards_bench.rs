//! `cards-bench`: how long an issuer takes to authorise payments by card at a rate that does not wait for it, each with its
//! hold on the ledger, beside how long plain payments take to be final in the same seconds.

mod cards;
mod holds;
mod line;

use std::{collections::BTreeMap, future::pending};

use anyhow::ensure;
use indicatif::ProgressBar;

use self::{holds::Holds, line::Answer};
use crate::{
    fleet::{self, Fleet, Lifetime, node_binary},
    folder::{Folder, Trial},
    latency::{Latencies, Percentiles},
    load::{self, Loader, Offer},
    network::{Network, Plan},
    ports::BasePort,
    remit::cpu::{self, Meter, Taken},
    services::{Programs, Service, Services, configs::Settings},
    table::Table,
};

/// Where free ports are looked for: past those of other trials.
const BASE_PORT: u16 = 30_400;

/// Before anything is measured.
const WARM_UP_SECONDS: u64 = 3;

/// Accounts of plain payments.
const ACCOUNTS: u32 = 64;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Authorisations a second.
    pub rate: u64,
    /// Plain payments a second.
    pub transfers: u64,
    pub seconds: u64,
    pub validators: u16,
    /// By so much the answers' p99 may be above that of finality.
    pub beyond_ms: f64,
    pub base_port: Option<u16>,
}

/// Whether all were approved, and soon enough. Prints what was measured.
pub async fn run(folder: &Folder, options: Options) -> anyhow::Result<bool> {
    let _lock = folder.lock()?;
    fleet::clear(folder, Trial::CardsBench).await?;
    let plan = Plan {
        validators: options.validators,
        base_port: BasePort::chosen(options.base_port, BASE_PORT, options.validators)?,
    };
    let network = Network::create(folder.network_of(Trial::CardsBench), plan)?;
    let mut fleet = Fleet::start(network.clone(), node_binary()?, Lifetime::Ours, pending()).await?;
    let settings = Settings {
        services: vec![Service::Gateway(0)],
        ..Settings::default()
    };
    let mut services = Services::start(&network, Programs::find()?, Lifetime::Ours, &settings, pending()).await?;
    let found = trial(&network, &fleet, &services, options).await;
    // Who has ended is why, whatever came of it.
    services.check_running()?;
    fleet.check_running()?;
    let report = found?;
    print!("{}", report.text(options));
    let mut wrong = services.stop().await?;
    wrong.extend(fleet.stop().await?);
    ensure!(wrong.is_empty(), "did not stop as they should: {}", wrong.join(", "));
    Ok(report.holds(options))
}

async fn trial(network: &Network, fleet: &Fleet, services: &Services, options: Options) -> anyhow::Result<Report> {
    let loader = Loader::prepare(network, ACCOUNTS).await?;
    let holders = cards::holders(network).await?;
    let mut messages = cards::prepare(network, &holders, options.rate * (WARM_UP_SECONDS + options.seconds)).await?;
    let measured = messages.split_off(usize::try_from(options.rate * WARM_UP_SECONDS)?);
    let first = cards::FIRST + messages.len();
    let (warmed, _) = measure(network, &loader, (messages, cards::FIRST), options).await?;
    let meter = Meter::start(fleet, options.validators, services)?;
    let (answers, finality) = measure(network, &loader, (measured, first), options).await?;
    let taken = meter.read()?;
    let approved = warmed.iter().chain(&answers).filter(|answer| answer.is_approved());
    let holds = Holds::read(network, &holders.accounts, approved.count() as u64).await?;
    Ok(Report::of(&answers, &finality, taken, holds))
}

/// Both at the same time.
async fn measure(
    network: &Network,
    loader: &Loader,
    (messages, first): (Vec<Vec<u8>>, usize),
    options: Options,
) -> anyhow::Result<(Vec<Answer>, load::Report)> {
    let transfers = Offer {
        rate: options.transfers,
        seconds: messages.len() as u64 / options.rate,
    };
    let bar = ProgressBar::hidden();
    let address = network.plan.base_port.cards();
    futures::try_join!(
        line::offer(address, messages, first, options.rate),
        loader.run(transfers, &bar)
    )
}

struct Report {
    asked: usize,
    /// By response code.
    codes: BTreeMap<String, usize>,
    answers: Option<Percentiles>,
    finality: Option<Percentiles>,
    losses: Vec<String>,
    taken: Vec<Taken>,
    /// Of the warm-up too.
    holds: Holds,
}

impl Report {
    fn of(answers: &[Answer], finality: &load::Report, taken: Vec<Taken>, holds: Holds) -> Self {
        let mut codes = BTreeMap::new();
        for answer in answers {
            *codes.entry(answer.code.clone()).or_default() += 1;
        }
        let latencies: Latencies = answers.iter().filter_map(|answer| answer.took).collect();
        Self {
            asked: answers.len(),
            codes,
            answers: latencies.percentiles(),
            finality: finality.finality,
            losses: finality.losses(),
            taken,
            holds,
        }
    }

    fn approved(&self) -> usize {
        self.codes.get(line::APPROVED).copied().unwrap_or_default()
    }

    /// By how much the p99 of answers is above that of finality.
    fn beyond_ms(&self) -> Option<f64> {
        Some(self.answers?.p99_ms - self.finality?.p99_ms)
    }

    fn holds(&self, options: Options) -> bool {
        let is_soon = self.beyond_ms().is_some_and(|beyond| beyond <= options.beyond_ms);
        is_soon && self.approved() == self.asked && self.losses.is_empty() && self.holds.is_right()
    }

    fn text(&self, options: Options) -> String {
        let mut table = Table::new(["ms", "p50", "p90", "p99", "p99.9", "max"]);
        for (what, found) in [("answer", self.answers), ("finality", self.finality)] {
            let found = found.map_or([f64::NAN; 5], |it| {
                [it.p50_ms, it.p90_ms, it.p99_ms, it.p999_ms, it.max_ms]
            });
            let cells = found.map(|ms| format!("{ms:.1}"));
            let [p50, p90, p99, p999, max] = cells;
            table.row([what.to_owned(), p50, p90, p99, p999, max]);
        }
        let codes: Vec<_> = self
            .codes
            .iter()
            .map(|(code, count)| format!("{count} {code}"))
            .collect();
        let beyond = self.beyond_ms().unwrap_or(f64::NAN);
        let mut lines = cpu::lines(&self.taken, self.asked);
        lines.extend(self.losses.iter().map(|loss| format!("  plain payments: {loss}")));
        format!(
            "cards-bench: {} authorisations at {}/s, answered {}; beside {} plain payments a second\n{table}\
             cards-bench: processor time for each, by process and by its busiest threads\n{}\n\
             on the ledger {} minor units are held, for {} that were approved, the warm-up's too: {} expected\n\
             authorisations {}, approved {}; p99 {beyond:+.1} ms from finality's; ok to {:+.1}\n",
            self.asked,
            options.rate,
            codes.join(", "),
            options.transfers,
            lines.join("\n"),
            self.holds.held,
            self.holds.approved,
            self.holds.expected(),
            self.asked,
            self.approved(),
            options.beyond_ms,
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use causeway_contracts::money::Amount;

    use super::*;

    #[test]
    fn all_are_to_be_approved_and_soon_enough() {
        let options = Options {
            rate: 1,
            transfers: 1,
            seconds: 1,
            validators: 1,
            beyond_ms: 30.0,
            base_port: None,
        };
        let finality = |ms| load::Report {
            finality: [Duration::from_millis(ms)]
                .into_iter()
                .collect::<Latencies>()
                .percentiles(),
            ..load::Report::default()
        };
        let check_held = |code: &str, took, finality: &load::Report, held, expected| {
            let answer = Answer {
                code: code.to_owned(),
                took,
            };
            let holds = Holds {
                approved: 2,
                held: Amount(held),
            };
            let report = Report::of(&[answer], finality, Vec::new(), holds);
            assert_eq!(report.holds(options), expected, "{}", report.text(options));
        };
        let check = |code: &str, took, finality: &load::Report, expected| {
            check_held(code, took, finality, 2 * cards::CENTS, expected);
        };
        let took = Some(Duration::from_millis(130));
        check("00", took, &finality(100), true);
        check("00", took, &finality(99), false);
        check("91", took, &finality(100), false);
        check("none", None, &finality(100), false);
        let refused = load::Report {
            unsent: 1,
            ..finality(100)
        };
        check("00", took, &refused, false);
        check_held("00", took, &finality(100), cards::CENTS, false);
        check_held("00", took, &finality(100), 3 * cards::CENTS, false);
    }
}
