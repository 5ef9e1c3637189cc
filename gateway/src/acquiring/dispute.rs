//! A payer's bank asks for money of an order back: what becomes of that, purely.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a dispute stands. All but the first are ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DisputeState)]
pub enum State {
    Opened,
    /// The merchant bears it. The amount of a chargeback goes back.
    Accepted,
    /// The payment stands.
    Rejected,
    /// Who had opened it does not ask any more.
    Withdrawn,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// That the payment be taken back by the network's own reversal, which the ledger shows: accepting it sends nothing.
    Reversal,
    /// That the acquirer sends it back at the merchant's cost.
    Chargeback,
}

/// What can happen to one that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    Accept,
    Reject,
    Withdraw,
}

/// It has ended, otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the dispute is {0}, and ends once")]
pub struct Ended(pub State);

impl State {
    pub const ALL: [Self; 4] = [Self::Opened, Self::Accepted, Self::Rejected, Self::Withdrawn];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The same decision again changes nothing.
    pub fn after(self, decision: Decision) -> Result<Self, Ended> {
        let next = match decision {
            Decision::Accept => Self::Accepted,
            Decision::Reject => Self::Rejected,
            Decision::Withdraw => Self::Withdrawn,
        };
        if self == Self::Opened || self == next {
            Ok(next)
        } else {
            Err(Ended(self))
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dispute_ends_once() {
        let decisions = [Decision::Accept, Decision::Reject, Decision::Withdraw];
        for (at, decision) in decisions.into_iter().enumerate() {
            let end = State::Opened.after(decision).expect("it is open");
            assert_eq!(end, State::ALL[at + 1]);
            for other in decisions {
                let expected = if other == decision { Ok(end) } else { Err(Ended(end)) };
                assert_eq!(end.after(other), expected);
            }
        }
    }
}
