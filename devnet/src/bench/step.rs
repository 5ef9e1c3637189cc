//! Payments at one rate: a warm-up, then a while in which everything is measured.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use causeway_contracts::{
    ledger::receipt::{Outcome, Subject},
    transaction::TxId,
};
use serde::Serialize;
use tokio::{
    sync::mpsc::Receiver,
    time::{interval, sleep_until},
};

use super::{
    gauge::{Gauge, Reading, Used},
    payments::Payments,
    receipts::Verified,
    sender::{Sender, Sent, due},
};
use crate::latency::{Latencies, Percentiles};

/// How long receipts are waited for after the last payment was due.
const PATIENCE: Duration = Duration::from_secs(5);

/// A network that is so far behind is not waited for.
const BEHIND_MAX: Duration = Duration::from_secs(4);

/// Requests that leave later than this, one in a hundred of them, say that this program had no time.
const LATE_MAX: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Payments a second.
    pub rate: u64,
    pub warm_up: Duration,
    pub measured: Duration,
}

impl Pace {
    pub fn payments(self) -> u64 {
        self.rate * (self.warm_up + self.measured).as_millis() as u64 / 1000
    }
}

/// What was measured at one rate.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Step {
    pub rate: u64,
    /// Sent, of those that were due while it was measured.
    pub offered_per_s: f64,
    /// Receipts verified while it was measured.
    pub finalized_per_s: f64,
    /// From when a payment was due until its receipt was verified.
    pub latency: Option<Percentiles>,
    /// 99 of 100 requests left at most so late.
    pub late_ms: f64,
    pub used: Used,
    /// All payments of the step, those of the warm-up included, that were applied.
    pub applied: u64,
    /// The ledger's refusals, in receipts.
    pub rejected: u64,
    /// Nodes' refusals, by why.
    pub refused: BTreeMap<String, u64>,
    pub unsent: u64,
    /// Without a receipt in the end.
    pub unfinished: u64,
    /// It was ended early, since the network fell behind by seconds.
    pub overloaded: bool,
}

impl Step {
    /// Why this is no rate that the network bears with so low a p99; `None` if it is one.
    pub fn problem(&self, p99_max: Duration) -> Option<String> {
        if self.overloaded {
            return Some(format!("fell behind by {} s", BEHIND_MAX.as_secs()));
        }
        if self.late_ms > LATE_MAX.as_secs_f64() * 1e3 {
            return Some(format!(
                "the load generator fell behind by {:.0} ms: it does not count",
                self.late_ms
            ));
        }
        if let Some((why, count)) = self.refused.iter().next() {
            return Some(format!("{count} refused: {why}"));
        }
        for (count, what) in [
            (self.unsent, "not sent"),
            (self.rejected, "refused by the ledger"),
            (self.unfinished, "without a receipt"),
        ] {
            if count > 0 {
                return Some(format!("{count} {what}"));
            }
        }
        let p99_max = p99_max.as_secs_f64() * 1e3;
        match self.latency {
            None => Some("nothing was measured".to_owned()),
            Some(found) if found.p99_ms >= p99_max => {
                Some(format!("p99 is {:.0} ms, not under {p99_max:.0}", found.p99_ms))
            }
            Some(_) => None,
        }
    }
}

/// What receipts say of the payments of a step.
struct Tally {
    /// Payments without a receipt.
    left: HashMap<TxId, u64>,
    pace: Pace,
    start: Instant,
    latencies: Latencies,
    applied: u64,
    rejected: u64,
    in_time: u64,
}

impl Tally {
    fn new(payments: &Payments, pace: Pace, start: Instant) -> Self {
        Self {
            left: payments.ids.iter().copied().zip(0..).collect(),
            pace,
            start,
            latencies: Latencies::default(),
            applied: 0,
            rejected: 0,
            in_time: 0,
        }
    }

    fn from(&self) -> Instant {
        self.start + self.pace.warm_up
    }

    fn until(&self) -> Instant {
        self.from() + self.pace.measured
    }

    fn add(&mut self, block: Verified) {
        let is_in_time = (self.from()..self.until()).contains(&block.at);
        for receipt in block.receipts {
            let Subject::Transaction(id) = receipt.subject else {
                continue;
            };
            // Of an earlier step.
            let Some(number) = self.left.remove(&id) else { continue };
            match receipt.outcome {
                Outcome::Applied => self.applied += 1,
                Outcome::Rejected { .. } => self.rejected += 1,
            }
            self.in_time += u64::from(is_in_time);
            let due = due(self.start, self.pace.rate, number);
            if due >= self.from() {
                self.latencies.extend([block.at.saturating_duration_since(due)]);
            }
        }
    }

    /// Whether more payments wait than were due in a while.
    fn is_behind(&self) -> bool {
        let due = (self.start.elapsed().as_millis() as u64 * self.pace.rate / 1000).min(self.pace.payments());
        let finished = self.applied + self.rejected;
        due.saturating_sub(finished) > self.pace.rate * BEHIND_MAX.as_secs()
    }
}

/// What a step needs of the network.
pub struct Load<'a> {
    pub gauge: &'a Gauge,
    pub blocks: &'a mut Receiver<Verified>,
    pub urls: Arc<[String]>,
}

impl Load<'_> {
    pub async fn run(&mut self, pace: Pace, payments: Payments) -> anyhow::Result<Step> {
        let payments = Arc::new(payments);
        while self.blocks.try_recv().is_ok() {}
        let start = Instant::now() + Duration::from_millis(100);
        let mut tally = Tally::new(&payments, pace, start);
        let sender = Sender {
            payments,
            rate: pace.rate,
            start,
            urls: self.urls.clone(),
        };
        let mut sending = tokio::spawn(sender.run());
        let mut sent: Option<Sent> = None;
        let mut before: Option<Reading> = None;
        let mut after: Option<Reading> = None;
        let mut overloaded = false;
        let mut looks = interval(Duration::from_millis(250));
        let deadline = tally.until() + PATIENCE;
        while !(sent.is_some() && after.is_some() && tally.left.is_empty()) && Instant::now() < deadline {
            tokio::select! {
                block = self.blocks.recv() => tally.add(block.context("the stream of blocks ended")?),
                ended = &mut sending, if sent.is_none() => sent = Some(ended??),
                () = sleep_until(tally.from().into()), if before.is_none() => before = Some(self.gauge.read().await?),
                () = sleep_until(tally.until().into()), if after.is_none() => after = Some(self.gauge.read().await?),
                _ = looks.tick() => if tally.is_behind() {
                    overloaded = true;
                    break;
                },
            }
        }
        sending.abort();
        let sent = sent.unwrap_or_default();
        let (Some(before), Some(after)) = (before, after.or(self.gauge.read().await.ok())) else {
            if overloaded {
                return Ok(Step::lost(pace, &tally));
            }
            bail!("the nodes could not be measured");
        };
        let seconds = pace.measured.as_secs_f64();
        let unsent = sent.unsent + sent.refused.values().sum::<u64>();
        let share = unsent as f64 / pace.payments().max(1) as f64;
        Ok(Step {
            rate: pace.rate,
            offered_per_s: pace.rate as f64 * (1.0 - share),
            finalized_per_s: tally.in_time as f64 / seconds,
            latency: tally.latencies.percentiles(),
            late_ms: late_ms(sent.late),
            used: after.since(&before, tally.in_time),
            applied: tally.applied,
            rejected: tally.rejected,
            refused: sent.refused,
            unsent: sent.unsent,
            unfinished: tally.left.len() as u64,
            overloaded,
        })
    }
}

impl Step {
    fn lost(pace: Pace, tally: &Tally) -> Self {
        Self {
            rate: pace.rate,
            offered_per_s: pace.rate as f64,
            applied: tally.applied,
            rejected: tally.rejected,
            unfinished: tally.left.len() as u64,
            overloaded: true,
            ..Self::default()
        }
    }
}

fn late_ms(late: Vec<Duration>) -> f64 {
    let late: Latencies = late.into_iter().collect();
    late.percentiles().map_or(0.0, |found| found.p99_ms)
}
