//! What an operator takes for its service.

use causeway_contracts::money::Amount;
use serde::{Deserialize, Serialize};

use crate::maker::pricing::BasisPoints;

/// A fixed part, and a share of the amount: of a remittance, in the sender's currency; of what a merchant is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fee {
    pub fixed: Amount,
    pub share: BasisPoints,
}

impl Fee {
    /// Rounded down, so that it is never above what the share says.
    pub fn of(self, amount: Amount) -> Option<Amount> {
        let share = u128::from(amount.0) * u128::from(self.share.get()) / 10_000;
        u64::try_from(share)
            .ok()
            .and_then(|share| self.fixed.0.checked_add(share))
            .map(Amount)
    }
}
