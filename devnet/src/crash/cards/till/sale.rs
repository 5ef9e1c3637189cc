//! An order, and what its till was told of it.

use causeway_gateway::acquiring::order::Capture;

pub(in crate::crash::cards) struct Sale {
    pub order: String,
    pub cents: u64,
    pub capture: Capture,
    /// Of each try by card.
    pub told: Vec<Told>,
    /// What is to become of what is held.
    pub decision: Option<Decision>,
    pub refunds: Vec<Refund>,
}

pub(in crate::crash::cards) struct Told {
    pub attempt: String,
    pub outcome: String,
    /// The response code.
    pub code: String,
}

/// A capture, or a void.
pub(in crate::crash::cards) struct Decision {
    pub advice: String,
    /// In cents; `None`: it is voided.
    pub captured: Option<u64>,
}

/// One that the till was told is on its way.
pub(in crate::crash::cards) struct Refund {
    pub id: String,
    pub cents: u64,
}

impl Sale {
    pub fn new(order: String, cents: u64, capture: Capture) -> Self {
        Self {
            order,
            cents,
            capture,
            told: Vec::new(),
            decision: None,
            refunds: Vec::new(),
        }
    }

    /// What it brings, in cents, if its card is approved.
    pub fn brings(&self) -> u64 {
        match self.capture {
            Capture::Automatic => self.cents,
            Capture::Manual => self
                .decision
                .as_ref()
                .and_then(|decision| decision.captured)
                .unwrap_or_default(),
        }
    }

    /// Whether the till has given back what was held.
    pub fn is_voided(&self) -> bool {
        self.decision
            .as_ref()
            .is_some_and(|decision| decision.captured.is_none())
    }
}
