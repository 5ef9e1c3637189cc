//! Consensus in figures.

use prometheus::{IntCounter, Registry};

#[derive(Clone)]
pub struct ConsensusMetrics {
    pub(super) evidence_detected: IntCounter,
}

impl ConsensusMetrics {
    /// # Errors
    /// If the registry has one of the names already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let evidence_detected = IntCounter::new(
            "causeway_evidence_detected_total",
            "How often this node saw two signatures of one validator for one step.",
        )?;
        registry.register(Box::new(evidence_detected.clone()))?;
        Ok(Self { evidence_detected })
    }
}
