//! The ledger's figures for operators.

use causeway_contracts::{
    block::TimeMs,
    ledger::{
        Ledger,
        receipt::{Outcome, Receipt},
    },
    protocol::ProtocolVersion,
};
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

pub struct LedgerMetrics {
    height: IntGauge,
    evidence: IntGauge,
    protocol: IntGauge,
    protocol_implemented: IntGauge,
    protocol_upcoming: IntGauge,
    protocol_upcoming_height: IntGauge,
    applied: IntCounter,
    rejected: IntCounter,
    block_interval: Histogram,
    pub(super) execute: Histogram,
    pub(super) commit: Histogram,
    pub(super) root: Histogram,
    checkpoint: IntGauge,
}

impl LedgerMetrics {
    /// # Errors
    /// If the registry has one of the names already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let height = IntGauge::new("causeway_height", "Height of the last block on this node's disk.")?;
        let finalized = IntCounterVec::new(
            Opts::new(
                "causeway_transactions_finalized_total",
                "Transactions with a receipt, by outcome, since this node started.",
            ),
            &["outcome"],
        )?;
        let metrics = Self {
            height,
            evidence: IntGauge::new(
                "causeway_evidence_recorded",
                "Records on the ledger of validators that signed twice.",
            )?,
            protocol: IntGauge::new(
                "causeway_protocol_version",
                "Version of the protocol in force for the next block.",
            )?,
            protocol_implemented: IntGauge::new(
                "causeway_protocol_implemented_version",
                "The last version of the protocol that this program implements.",
            )?,
            protocol_upcoming: IntGauge::new(
                "causeway_protocol_upcoming_version",
                "Version that the council has set for a later height; 0 for none. Above the implemented one, the \
                 node stops before that height.",
            )?,
            protocol_upcoming_height: IntGauge::new(
                "causeway_protocol_upcoming_height",
                "The first height of the upcoming version; 0 for none.",
            )?,
            applied: finalized.with_label_values(&["applied"]),
            rejected: finalized.with_label_values(&["rejected"]),
            block_interval: histogram(
                "causeway_block_interval_seconds",
                "Time from one block to the next, by the times that the blocks carry.",
                &[0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0],
            )?,
            root: histogram(
                "causeway_checkpoint_root_seconds",
                "Time to work out the root over the state for a checkpoint, beside all else.",
                &[0.01, 0.1, 0.5, 1.0, 5.0, 20.0, 60.0, 300.0],
            )?,
            checkpoint: IntGauge::new(
                "causeway_checkpoint_height",
                "The last block whose state more than two thirds of the validators have certified.",
            )?,
            execute: histogram("causeway_execute_seconds", "Time to execute a block.", &SHORT)?,
            commit: histogram(
                "causeway_commit_seconds",
                "Time to make a block durable and then its state the committed one.",
                &SHORT,
            )?,
        };
        registry.register(Box::new(metrics.height.clone()))?;
        for gauge in [
            &metrics.evidence,
            &metrics.protocol,
            &metrics.protocol_implemented,
            &metrics.protocol_upcoming,
            &metrics.protocol_upcoming_height,
            &metrics.checkpoint,
        ] {
            registry.register(Box::new(gauge.clone()))?;
        }
        registry.register(Box::new(finalized))?;
        for histogram in [
            &metrics.block_interval,
            &metrics.execute,
            &metrics.commit,
            &metrics.root,
        ] {
            registry.register(Box::new(histogram.clone()))?;
        }
        Ok(metrics)
    }

    pub(super) fn at(&self, ledger: &Ledger) {
        let height = ledger.tip().height;
        self.height.set(i64::try_from(height.0).expect("heights fit 63 bits"));
        self.evidence
            .set(i64::try_from(ledger.evidence_count()).expect("at most 16 a validator"));
        let certified = ledger.checkpoints().certified;
        self.checkpoint
            .set(i64::try_from(certified.0).expect("heights fit 63 bits"));
        self.protocol.set(ledger.next_version().0.into());
        let upcoming = ledger.protocol().upcoming.filter(|it| it.height > height.next());
        let (version, at) = upcoming.map_or((0, 0), |it| (it.version.0, it.height.0));
        self.protocol_upcoming.set(version.into());
        self.protocol_upcoming_height.set(i64::try_from(at).unwrap_or(i64::MAX));
    }

    pub(super) fn known(&self, version: ProtocolVersion) {
        self.protocol_implemented.set(version.0.into());
    }

    /// `before` is the time of the block's parent.
    pub(super) fn finalized(&self, time: TimeMs, before: TimeMs, receipts: &[Receipt]) {
        let applied = receipts
            .iter()
            .filter(|receipt| receipt.outcome == Outcome::Applied)
            .count();
        self.applied.inc_by(applied as u64);
        self.rejected.inc_by((receipts.len() - applied) as u64);
        self.block_interval.observe((time.0 - before.0) as f64 / 1000.0);
    }
}

const SHORT: [f64; 10] = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0];

fn histogram(name: &str, help: &str, buckets: &[f64]) -> Result<Histogram, prometheus::Error> {
    Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))
}
