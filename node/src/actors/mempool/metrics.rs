//! Figures of the mempool.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use causeway_consensus::Yield;

#[derive(Clone)]
pub struct MempoolMetrics {
    pub pending_transactions: IntGauge,
    pub held_batches: IntGauge,
    pub refused: IntCounterVec,
    pub sealed: IntCounter,
    pub sealed_transactions: Histogram,
    pub batches_received: IntCounter,
    pub batches_dropped: IntCounterVec,
    pub verify_signatures: Histogram,
    pub finality: Histogram,
    author_transactions: IntCounterVec,
    author_skipped: IntCounterVec,
    author_share_reduced: IntGaugeVec,
}

impl MempoolMetrics {
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counts = || vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];
        let metrics = Self {
            pending_transactions: IntGauge::new(
                "causeway_pending_transactions",
                "Transactions taken and not yet in a final block, those in other validators' batches included",
            )?,
            held_batches: IntGauge::new("causeway_mempool_batches", "Checked batches that no block has ordered")?,
            refused: IntCounterVec::new(
                Opts::new(
                    "causeway_mempool_refused_total",
                    "Client transactions refused, by reason",
                ),
                &["reason"],
            )?,
            sealed: IntCounter::new("causeway_batches_sealed_total", "Batches sealed by this validator")?,
            sealed_transactions: Histogram::with_opts(
                HistogramOpts::new("causeway_batch_transactions", "Transactions in a sealed batch").buckets(counts()),
            )?,
            batches_received: IntCounter::new("causeway_batches_received_total", "Batches that came from peers")?,
            batches_dropped: IntCounterVec::new(
                Opts::new("causeway_batches_dropped_total", "Peers' batches not kept, by reason"),
                &["reason"],
            )?,
            verify_signatures: Histogram::with_opts(
                HistogramOpts::new(
                    "causeway_verify_call_transactions",
                    "Client transactions checked in one call",
                )
                .buckets(counts()),
            )?,
            finality: Histogram::with_opts(
                HistogramOpts::new(
                    "causeway_finality_seconds",
                    "From sealing a batch to the durable block that orders it, for this validator's own batches",
                )
                .buckets(vec![
                    0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 30.0,
                ]),
            )?,
            author_transactions: IntCounterVec::new(
                Opts::new(
                    "causeway_author_transactions_total",
                    "Transactions in final blocks, by the author of their batch",
                ),
                &["author"],
            )?,
            author_skipped: IntCounterVec::new(
                Opts::new(
                    "causeway_author_skipped_total",
                    "Of those, the skipped ones, which had no effect",
                ),
                &["author"],
            )?,
            author_share_reduced: IntGaugeVec::new(
                Opts::new(
                    "causeway_author_share_reduced",
                    "1 while over 5 % of an author's recent transactions are skipped, and it gives way to others",
                ),
                &["author"],
            )?,
        };
        registry.register(Box::new(metrics.author_transactions.clone()))?;
        registry.register(Box::new(metrics.author_skipped.clone()))?;
        registry.register(Box::new(metrics.author_share_reduced.clone()))?;
        registry.register(Box::new(metrics.pending_transactions.clone()))?;
        registry.register(Box::new(metrics.held_batches.clone()))?;
        registry.register(Box::new(metrics.refused.clone()))?;
        registry.register(Box::new(metrics.sealed.clone()))?;
        registry.register(Box::new(metrics.sealed_transactions.clone()))?;
        registry.register(Box::new(metrics.batches_received.clone()))?;
        registry.register(Box::new(metrics.batches_dropped.clone()))?;
        registry.register(Box::new(metrics.verify_signatures.clone()))?;
        registry.register(Box::new(metrics.finality.clone()))?;
        Ok(metrics)
    }

    /// Authors are validators, so their labels are few.
    pub fn yielded(&self, of: &Yield, is_poor: bool) {
        let author = of.author.to_string();
        let label = [author.as_str()];
        self.author_transactions.with_label_values(&label).inc_by(of.ordered);
        self.author_skipped.with_label_values(&label).inc_by(of.skipped);
        self.author_share_reduced.with_label_values(&label).set(is_poor.into());
    }
}
