//! `load`: payments at a rate that does not wait for the network, each to a verified receipt.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use causeway_contracts::{
    codec::Text,
    identity::{ParticipantId, Tier},
    ledger::{receipt::Outcome, rejection::Rejection},
    money::{Amount, Currency},
    transaction::Action,
};
use causeway_wallet::{
    client::{Client, ClientError},
    payment,
};
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    genesis::OPERATORS,
    latency::{Latencies, Percentiles},
    network::Network,
    progress,
    table::Table,
    teller::{Customer, Teller},
};

/// Accounts that pay each other round robin, unless told otherwise.
pub const ACCOUNTS: u32 = 64;
/// In minor units. Ten million accounts have a tenth of what a central bank may issue.
pub const FUNDS: Amount = Amount(10_000_000);
const PAYMENT: Amount = Amount(1);

/// Beyond this many unanswered payments, further ones are counted as not sent: the network is lost.
const IN_FLIGHT_MAX: usize = 16_384;

/// How often payments that are due are sent.
const TICK: Duration = Duration::from_millis(2);

#[derive(Debug, Clone, Copy)]
pub struct Offer {
    /// Payments a second.
    pub rate: u64,
    pub seconds: u64,
}

/// What became of an offer.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    pub rate: u64,
    pub seconds: u64,
    pub offered: u64,
    /// With a verified receipt, whatever its outcome.
    pub finalized: u64,
    pub rejected: BTreeMap<Rejection, u64>,
    /// Without a receipt, and why.
    pub failed: BTreeMap<String, u64>,
    /// Not sent, since too many were unanswered.
    pub unsent: u64,
    /// From when a payment was due until its receipt was verified.
    pub finality: Option<Percentiles>,
}

impl Report {
    /// Whether every payment was made.
    pub fn is_complete(&self) -> bool {
        self.finalized == self.rate * self.seconds && self.rejected.is_empty()
    }

    /// How many payments were not made, by why.
    pub fn losses(&self) -> Vec<String> {
        let refused = self
            .rejected
            .iter()
            .map(|(reason, count)| format!("{count} refused: {reason}"));
        let failed = self.failed.iter().map(|(why, count)| format!("{count} {why}"));
        let unsent = (self.unsent > 0).then(|| format!("{} not sent", self.unsent));
        refused.chain(failed).chain(unsent).collect()
    }

    pub fn table(&self) -> Table {
        let offered = format!("{} at {}/s for {} s", self.offered, self.rate, self.seconds);
        let mut table = Table::new(["offered", &offered]);
        let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
        row("finalized", self.finalized.to_string());
        row("refused", self.rejected.values().sum::<u64>().to_string());
        row("failed", self.failed.values().sum::<u64>().to_string());
        row("not sent", self.unsent.to_string());
        let finality = self.finality.map_or("-".to_owned(), |found| {
            format!(
                "p50 {:.0} ms, p90 {:.0} ms, p99 {:.0} ms, max {:.0} ms",
                found.p50_ms, found.p90_ms, found.p99_ms, found.max_ms
            )
        });
        row("finality", finality);
        table
    }
}

/// Accounts with money, and a client.
pub struct Loader {
    client: Arc<Client>,
    payers: Arc<[Customer]>,
    currency: Currency,
}

enum Ending {
    Applied,
    Rejected(Rejection),
    Failed(&'static str),
}

/// Failures by kind; their details would be as many as there are payments.
pub fn kind(error: &ClientError) -> &'static str {
    match error {
        ClientError::Unreachable { .. } => "no validator reachable",
        ClientError::Refused { .. } => "refused by every validator",
        ClientError::Unconfirmed { .. } => "not confirmed in time",
        ClientError::Dead { .. } => "expired without effect",
        ClientError::Proof(_) => "proof not valid",
        _ => "another error",
    }
}

impl Loader {
    /// Opens and funds this many accounts, but for those that an earlier load has.
    pub async fn prepare(network: &Network, accounts: u32) -> anyhow::Result<Self> {
        let client = Client::new(network.genesis.clone(), network.api_urls())?;
        let (operator, _) = OPERATORS[0];
        let operator = ParticipantId::new(operator)?;
        let currency = Currency::new("CNY")?;
        let payers: Vec<_> = (0..accounts)
            .map(|index| Customer::new(network, &format!("load-{index}"), operator, Tier(1)))
            .collect();
        let teller = Teller::new(network, &client);
        let bar = progress::bar("opening and funding accounts", u64::from(accounts));
        teller.open_with(&payers, currency, FUNDS, &bar).await?;
        bar.finish_and_clear();
        Ok(Self {
            client: Arc::new(client),
            payers: payers.into(),
            currency,
        })
    }

    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    pub fn payers(&self) -> &[Customer] {
        &self.payers
    }

    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// Sends payment `n` at `n / rate` seconds, whether or not those before it are final.
    pub async fn run(&self, offer: Offer, bar: &ProgressBar) -> anyhow::Result<Report> {
        let total = offer.rate * offer.seconds;
        let start = Instant::now();
        let mut report = Report {
            rate: offer.rate,
            seconds: offer.seconds,
            ..Report::default()
        };
        let mut latencies = Latencies::default();
        let mut tasks = JoinSet::new();
        let slots = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
        let mut ticks = tokio::time::interval(TICK);
        let mut due = 0;
        while due < total || !tasks.is_empty() {
            tokio::select! {
                _ = ticks.tick(), if due < total => {
                    let reached = start.elapsed().as_nanos() * u128::from(offer.rate) / 1_000_000_000;
                    while due < total && u128::from(due) <= reached {
                        let at = start + Duration::from_nanos(due * 1_000_000_000 / offer.rate);
                        match slots.clone().try_acquire_owned() {
                            Ok(slot) => {
                                report.offered += 1;
                                let payment = self.payment(due);
                                tasks.spawn(async move {
                                    let ending = payment.await;
                                    drop(slot);
                                    (at.elapsed(), ending)
                                });
                            }
                            Err(_) => report.unsent += 1,
                        }
                        due += 1;
                    }
                }
                Some(ended) = tasks.join_next() => {
                    let (latency, ending) = ended.context("a payment's task panicked")?;
                    bar.inc(1);
                    match ending {
                        Ending::Applied => {
                            report.finalized += 1;
                            latencies.extend([latency]);
                        }
                        Ending::Rejected(reason) => {
                            report.finalized += 1;
                            latencies.extend([latency]);
                            *report.rejected.entry(reason).or_default() += 1;
                        }
                        Ending::Failed(why) => *report.failed.entry(why.to_owned()).or_default() += 1,
                    }
                }
            }
        }
        report.finality = latencies.percentiles();
        Ok(report)
    }

    fn payment(&self, number: u64) -> impl Future<Output = Ending> + use<> {
        let payer = (number % self.payers.len() as u64) as usize;
        let payee = (payer + 1) % self.payers.len();
        let (client, payers) = (self.client.clone(), self.payers.clone());
        let currency = self.currency;
        async move {
            let transfer = Action::Transfer {
                from: payers[payer].id,
                to: payers[payee].id,
                currency,
                amount: PAYMENT,
            };
            let Ok(transaction) = payment::sign(client.genesis(), transfer, Text::default(), &payers[payer].key) else {
                return Ending::Failed("not signed");
            };
            match client.submit(&transaction).await {
                Ok((_, verified)) => match verified.outcome {
                    Outcome::Applied => Ending::Applied,
                    Outcome::Rejected { reason, .. } => Ending::Rejected(reason),
                },
                Err(error) => Ending::Failed(kind(&error)),
            }
        }
    }
}
