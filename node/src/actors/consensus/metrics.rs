//! Consensus in figures.

use prometheus::{IntCounter, IntGauge, Registry};

#[derive(Clone)]
pub struct ConsensusMetrics {
    pub(super) evidence_detected: IntCounter,
    pub(super) validator: IntGauge,
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
        let validator = IntGauge::new(
            "causeway_validator",
            "1 while this node's key is in the validator set, and 0 while it follows without voting.",
        )?;
        registry.register(Box::new(validator.clone()))?;
        Ok(Self {
            evidence_detected,
            validator,
        })
    }
}
