//! What a bench found: `latest.json`, the tables on the screen, and a line of the record.

use std::{collections::BTreeMap, fmt::Write, io::ErrorKind, path::Path};

use anyhow::Context;
use serde::Serialize;

use super::step::Step;
use crate::{folder, latency::Percentiles, status::mebibytes, table::Table};

const HEADING: &str = "\
# Results of `make bench`

A row for each run, the last at the end; what the columns mean is in [README.md](README.md).

| commit | validators | accounts | cores | offered/s | finalized/s | p50 / p90 / p99 / p99.9 ms | bound/s | efficiency | signature us | node cpu us | memory | disk bytes | network bytes |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
";

#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub commit: String,
    pub offered_per_s: f64,
    pub finalized_per_s: f64,
    /// Of what these cores could do if a validator checked signatures and did nothing else:
    /// cores / (validators x cost of a signature).
    pub bound_per_s: f64,
    pub efficiency: f64,
    pub latency_ms: LatencyMs,
    /// At half the rate that was found; absent where none was looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub half: Option<Step>,
    pub validators: u16,
    /// Whether delays of 25 to 150 ms lay between them.
    pub wan: bool,
    /// Whether all validators were in one process.
    pub single_process: bool,
    pub accounts: u32,
    pub cores: usize,
    /// The most that any process of validators had while it was measured.
    pub rss_bytes: u64,
    /// How much a validator's data folder grew for each payment of the whole run, after compaction.
    pub disk_bytes_per_payment: f64,
    /// Handed to the file system by a validator for each payment, compactions included.
    pub disk_written_bytes_per_payment: f64,
    /// Sent by a validator to the others for each payment, on average.
    pub network_bytes_per_payment: f64,
    /// Processor time of a validator for each payment, on average.
    pub node_cpu_us_per_payment: f64,
    /// The same by kinds of threads, as they are named.
    pub threads_us_per_payment: BTreeMap<String, f64>,
    /// One of 1,024 that are checked together, on one idle core.
    pub signature_us: f64,
    /// In cores, of this program.
    pub generator_cores: f64,
    /// Why the rate is not one that the network bears; absent if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// All that was tried, the last the one that the figures are of.
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct LatencyMs {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
}

impl From<Option<Percentiles>> for LatencyMs {
    fn from(found: Option<Percentiles>) -> Self {
        found.map_or(Self::default(), |found| Self {
            p50: found.p50_ms,
            p90: found.p90_ms,
            p99: found.p99_ms,
            p999: found.p999_ms,
        })
    }
}

/// What is known besides the steps.
pub struct Setting {
    pub commit: String,
    pub validators: u16,
    pub wan: bool,
    pub single_process: bool,
    pub accounts: u32,
    pub cores: usize,
    pub signature_us: f64,
}

/// What the validators' machine gave up to the run.
pub struct Taken {
    pub rss_bytes: u64,
    /// By all data folders together.
    pub grown_bytes: u64,
    /// In the whole run.
    pub payments: u64,
}

impl Report {
    /// `steps` has one at least; the last is the one that counts.
    pub fn new(setting: Setting, taken: &Taken, steps: Vec<Step>, half: Option<Step>, problem: Option<String>) -> Self {
        let last = steps.last().expect("one step at least").clone();
        let validators = f64::from(setting.validators);
        let bound_per_s = setting.cores as f64 / (validators * setting.signature_us / 1e6);
        Self {
            commit: setting.commit,
            offered_per_s: last.offered_per_s,
            finalized_per_s: last.finalized_per_s,
            bound_per_s,
            efficiency: last.finalized_per_s / bound_per_s,
            latency_ms: last.latency.into(),
            half,
            validators: setting.validators,
            wan: setting.wan,
            single_process: setting.single_process,
            accounts: setting.accounts,
            cores: setting.cores,
            rss_bytes: taken.rss_bytes,
            disk_bytes_per_payment: taken.grown_bytes as f64 / validators / taken.payments.max(1) as f64,
            disk_written_bytes_per_payment: last.used.written_bytes_per_payment,
            network_bytes_per_payment: last.used.network_bytes_per_payment,
            node_cpu_us_per_payment: last.used.node_cpu_us_per_payment,
            threads_us_per_payment: last.used.threads_us_per_payment,
            signature_us: setting.signature_us,
            generator_cores: last.used.generator_cores,
            problem,
            steps,
        }
    }

    /// Adds a row to a table in Markdown, which is begun where there is none.
    pub fn append_to(&self, record: &Path) -> anyhow::Result<()> {
        let mut text = match std::fs::read_to_string(record) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => HEADING.to_owned(),
            Err(error) => return Err(error).with_context(|| record.display().to_string()),
        };
        text.push_str(&self.row());
        folder::write(record, &text)?;
        Ok(())
    }

    fn row(&self) -> String {
        let latency = self.latency_ms;
        format!(
            "| {} | {}{}{} | {} | {} | {:.0} | {:.0} | {:.0} / {:.0} / {:.0} / {:.0} | {:.0} | {:.1} % | {:.1} | {:.0} | {} | {:.0} | {:.0} |\n",
            self.commit,
            self.validators,
            if self.wan { " (wan)" } else { "" },
            if self.single_process { " (one process)" } else { "" },
            self.accounts,
            self.cores,
            self.offered_per_s,
            self.finalized_per_s,
            latency.p50,
            latency.p90,
            latency.p99,
            latency.p999,
            self.bound_per_s,
            self.efficiency * 100.0,
            self.signature_us,
            self.node_cpu_us_per_payment,
            mebibytes(self.rss_bytes),
            self.disk_bytes_per_payment,
            self.network_bytes_per_payment,
        )
    }

    pub fn table(&self) -> String {
        let latency = self.latency_ms;
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            writeln!(text, "{name:<22}{value}").expect("memory takes it");
        };
        line("offered", format!("{:.0} payments/s", self.offered_per_s));
        line("finalized", format!("{:.0} payments/s", self.finalized_per_s));
        line(
            "latency",
            format!(
                "p50 {:.0} ms, p90 {:.0} ms, p99 {:.0} ms, p99.9 {:.0} ms",
                latency.p50, latency.p90, latency.p99, latency.p999
            ),
        );
        if let Some(half) = &self.half {
            let latency = LatencyMs::from(half.latency);
            line(
                "at half the rate",
                format!(
                    "p50 {:.0} ms, p99 {:.0} ms at {:.0} payments/s",
                    latency.p50, latency.p99, half.offered_per_s
                ),
            );
        }
        line(
            "bound",
            format!(
                "{:.0} payments/s: {} cores / ({} validators x {:.1} us a signature)",
                self.bound_per_s, self.cores, self.validators, self.signature_us
            ),
        );
        line("efficiency", format!("{:.1} % of it", self.efficiency * 100.0));
        line(
            "cpu of a validator",
            format!("{:.0} us a payment", self.node_cpu_us_per_payment),
        );
        line("of which", shares(&self.threads_us_per_payment));
        line("cpu of the generator", format!("{:.2} cores", self.generator_cores));
        line("memory", format!("{} at most", mebibytes(self.rss_bytes)));
        line(
            "disk",
            format!(
                "{:.0} bytes a payment stay, {:.0} are written",
                self.disk_bytes_per_payment, self.disk_written_bytes_per_payment
            ),
        );
        line(
            "network",
            format!("{:.0} bytes a payment", self.network_bytes_per_payment),
        );
        text
    }
}

/// What takes a tenth of a microsecond at least, the most first.
fn shares(threads: &BTreeMap<String, f64>) -> String {
    let mut shares: Vec<_> = threads.iter().filter(|(_, us)| **us >= 0.1).collect();
    shares.sort_by(|one, other| other.1.total_cmp(one.1));
    let shares: Vec<_> = shares.iter().map(|(kind, us)| format!("{kind} {us:.1}")).collect();
    shares.join(", ")
}

/// All rates that were tried, in order.
pub fn steps_table(steps: &[Step]) -> Table {
    let mut table = Table::new([
        "offered/s",
        "finalized/s",
        "p50",
        "p90",
        "p99",
        "p99.9 ms",
        "node cores",
        "own",
    ]);
    for step in steps {
        table.row(cells(step));
    }
    table
}

pub fn cells(step: &Step) -> [String; 8] {
    let ms = |of: fn(&Percentiles) -> f64| {
        step.latency
            .as_ref()
            .map_or("-".to_owned(), |found| format!("{:.0}", of(found)))
    };
    [
        format!("{:.0}", step.offered_per_s),
        format!("{:.0}", step.finalized_per_s),
        ms(|found| found.p50_ms),
        ms(|found| found.p90_ms),
        ms(|found| found.p99_ms),
        ms(|found| found.p999_ms),
        format!("{:.2}", step.used.node_cores.iter().sum::<f64>()),
        format!("{:.2}", step.used.generator_cores),
    ]
}
