//! What the validators and this program take of the machine between two readings.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::Context;
use serde::Serialize;

use super::usage::{self, Usage};
use crate::observer::Observer;

/// Payloads between validators, in bytes, by direction and lane.
const NETWORK_BYTES: &str = "causeway_network_bytes_total";

/// Where to read.
pub struct Gauge {
    pub observer: Observer,
    pub validators: u16,
    /// Of their processes: one for each, in order, or one for all.
    pub pids: Vec<u32>,
}

/// At one moment.
pub struct Reading {
    at: Instant,
    validators: u16,
    nodes: Vec<Usage>,
    own: Usage,
    network_bytes: f64,
}

/// Between two moments. What is said per payment is of one validator, on average.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Used {
    /// Of each process of validators, in cores.
    pub node_cores: Vec<f64>,
    /// Of this program, in cores.
    pub generator_cores: f64,
    pub node_cpu_us_per_payment: f64,
    /// The same by kinds of threads.
    pub threads_us_per_payment: BTreeMap<String, f64>,
    /// Sent to other validators, without what encryption and framing add.
    pub network_bytes_per_payment: f64,
    /// Handed to the file system, which is more than stays.
    pub written_bytes_per_payment: f64,
}

impl Gauge {
    pub async fn read(&self) -> anyhow::Result<Reading> {
        let of = |pid: &u32| Usage::of(*pid).with_context(|| format!("process {pid} cannot be looked at"));
        let nodes = self.pids.iter().map(of).collect::<Result<_, _>>()?;
        let (own, at) = (of(&std::process::id())?, Instant::now());
        let mut network_bytes = 0.0;
        for validator in 0..self.validators {
            let metrics = self.observer.metrics(validator).await;
            let metrics = metrics.with_context(|| format!("validator {validator} gives no metrics"))?;
            network_bytes += metrics.sum_of(NETWORK_BYTES, "direction", "out").unwrap_or(0.0);
        }
        Ok(Reading {
            at,
            validators: self.validators,
            nodes,
            own,
            network_bytes,
        })
    }

    /// The most memory that any process of validators has had, in bytes.
    pub fn peak_bytes(&self) -> u64 {
        let peaks = self.pids.iter().filter_map(|pid| usage::peak_bytes(*pid));
        peaks.max().unwrap_or(0)
    }

    pub fn forget_peaks(&self) -> anyhow::Result<()> {
        for pid in &self.pids {
            usage::forget_peak(*pid).with_context(|| format!("the peak of process {pid} cannot be reset"))?;
        }
        Ok(())
    }
}

impl Reading {
    /// `payments` were finalized since `before`.
    pub fn since(&self, before: &Self, payments: u64) -> Used {
        let time = (self.at - before.at).as_secs_f64();
        let used: Vec<_> = self
            .nodes
            .iter()
            .zip(&before.nodes)
            .map(|(now, then)| now.since(then))
            .collect();
        let per_payment = |all: f64| all / f64::from(self.validators) / payments.max(1) as f64;
        let cpu: Duration = used.iter().map(|used| used.cpu).sum();
        let mut threads = BTreeMap::<_, Duration>::new();
        for (kind, cpu) in used.iter().flat_map(|used| &used.threads) {
            *threads.entry(kind.clone()).or_default() += *cpu;
        }
        let threads = threads.into_iter();
        let written: u64 = used.iter().map(|used| used.written_bytes).sum();
        Used {
            node_cores: used.iter().map(|used| used.cpu.as_secs_f64() / time).collect(),
            generator_cores: self.own.since(&before.own).cpu.as_secs_f64() / time,
            node_cpu_us_per_payment: per_payment(cpu.as_secs_f64() * 1e6),
            threads_us_per_payment: threads
                .map(|(kind, cpu)| (kind, per_payment(cpu.as_secs_f64() * 1e6)))
                .collect(),
            network_bytes_per_payment: per_payment(self.network_bytes - before.network_bytes),
            written_bytes_per_payment: per_payment(written as f64),
        }
    }
}
