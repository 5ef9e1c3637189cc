//! Where a remittance stands, and what can become of it from there.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a remittance stands. The last six are ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing is set aside yet: the money may be lacking, or the other operator has not answered.
    AwaitingFunds,
    /// Somebody's name is like one on a list, and the operator of that side has to decide.
    ComplianceHold,
    /// All money is held on the ledger, and the beneficiary's operator has to decide.
    Reserved,
    /// Held, and the beneficiary's operator has asked something.
    InfoRequired,
    /// The hold is paid; the beneficiary has not got it yet.
    PayingOut,
    Completed,
    /// It could not be paid out, and was sent back by a new payment.
    Returned,
    /// By the sender.
    Cancelled,
    /// By time: of the quote, or of the hold, which the ledger voided.
    Expired,
    /// Before anything was reserved.
    Failed,
    /// The beneficiary's operator refused it, and all went back whole.
    Refunded,
}

impl State {
    pub const ALL: [Self; 11] = [
        Self::AwaitingFunds,
        Self::ComplianceHold,
        Self::Reserved,
        Self::InfoRequired,
        Self::PayingOut,
        Self::Completed,
        Self::Returned,
        Self::Cancelled,
        Self::Expired,
        Self::Failed,
        Self::Refunded,
    ];

    pub fn is_end(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Returned | Self::Cancelled | Self::Expired | Self::Failed | Self::Refunded
        )
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingFunds => "awaiting_funds",
            Self::ComplianceHold => "compliance_hold",
            Self::Reserved => "reserved",
            Self::InfoRequired => "info_required",
            Self::PayingOut => "paying_out",
            Self::Completed => "completed",
            Self::Returned => "returned",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Refunded => "refunded",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whose operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Sender,
    Beneficiary,
}

/// A state, and if it is a compliance hold, whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Standing {
    pub state: State,
    pub held_by: Option<Side>,
}

impl Standing {
    pub const fn at(state: State) -> Self {
        Self { state, held_by: None }
    }

    pub const fn held(side: Side) -> Self {
        Self {
            state: State::ComplianceHold,
            held_by: Some(side),
        }
    }

    /// Whether nothing has been held on the ledger yet, and may still be.
    pub fn is_unreserved(self) -> bool {
        self.state == State::AwaitingFunds || self == Self::held(Side::Sender)
    }

    /// Whether money of it is held on the ledger.
    pub fn is_reserved(self) -> bool {
        matches!(self.state, State::Reserved | State::InfoRequired) || self == Self::held(Side::Beneficiary)
    }
}

/// What can happen to a remittance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// A name is like one on a list.
    Held(Side),
    /// It is another's name.
    Released(Side),
    /// All money is held, by a final block.
    Reserved,
    /// The ledger, the other operator or compliance refused before that.
    Failed,
    InfoAsked,
    InfoGiven,
    /// The hold was paid, by a final block.
    Posted,
    /// The sender took it back: before it was reserved, or by a void in a final block.
    Cancelled,
    /// The beneficiary's operator gave it back, by a void in a final block.
    Refused,
    /// The quote's time is over, or the ledger ended the hold.
    Expired,
    PaidOut,
    /// A payment back is final.
    Returned,
}

impl Change {
    pub const ALL: [Self; 14] = [
        Self::Held(Side::Sender),
        Self::Held(Side::Beneficiary),
        Self::Released(Side::Sender),
        Self::Released(Side::Beneficiary),
        Self::Reserved,
        Self::Failed,
        Self::InfoAsked,
        Self::InfoGiven,
        Self::Posted,
        Self::Cancelled,
        Self::Refused,
        Self::Expired,
        Self::PaidOut,
        Self::Returned,
    ];
}

impl Standing {
    /// `None` if that cannot happen from here.
    pub fn after(self, change: Change) -> Option<Self> {
        use Side::{Beneficiary, Sender};
        const AWAITING: Standing = Standing::at(State::AwaitingFunds);
        let unreserved = self.is_unreserved();
        let reserved = self.is_reserved();
        let next = match change {
            Change::Held(Sender) if self == AWAITING => Self::held(Sender),
            Change::Released(Sender) if self == Self::held(Sender) => AWAITING,
            Change::Reserved if self == AWAITING => Self::at(State::Reserved),
            Change::Failed if unreserved => Self::at(State::Failed),
            Change::Held(Beneficiary) if self.state == State::Reserved => Self::held(Beneficiary),
            Change::Released(Beneficiary) if self == Self::held(Beneficiary) => Self::at(State::Reserved),
            Change::InfoAsked if self.state == State::Reserved => Self::at(State::InfoRequired),
            Change::InfoGiven if self.state == State::InfoRequired => Self::at(State::Reserved),
            // What the ledger says is so, whatever was thought.
            Change::Posted if reserved => Self::at(State::PayingOut),
            Change::Refused if reserved => Self::at(State::Refunded),
            Change::Cancelled if reserved || unreserved => Self::at(State::Cancelled),
            Change::Expired if reserved || unreserved => Self::at(State::Expired),
            Change::PaidOut if self.state == State::PayingOut => Self::at(State::Completed),
            Change::Returned if self.state == State::PayingOut => Self::at(State::Returned),
            _ => return None,
        };
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    impl Standing {
        pub fn all() -> Vec<Self> {
            let plain = State::ALL.into_iter().filter(|state| *state != State::ComplianceHold);
            let held = [Side::Sender, Side::Beneficiary].map(Self::held);
            plain.map(Self::at).chain(held).collect()
        }
    }

    /// As a table, to be read beside the design.
    #[test]
    fn every_edge_and_no_other() {
        let name = |standing: Standing| match standing.held_by {
            Some(Side::Sender) => "compliance_hold of the sender".to_owned(),
            Some(Side::Beneficiary) => "compliance_hold of the beneficiary".to_owned(),
            None => standing.state.to_string(),
        };
        let mut edges = BTreeSet::new();
        for standing in Standing::all() {
            for change in Change::ALL {
                if let Some(next) = standing.after(change) {
                    edges.insert(format!("{} -> {}", name(standing), name(next)));
                }
            }
        }
        let expected = "\
awaiting_funds -> cancelled
awaiting_funds -> compliance_hold of the sender
awaiting_funds -> expired
awaiting_funds -> failed
awaiting_funds -> reserved
compliance_hold of the beneficiary -> cancelled
compliance_hold of the beneficiary -> expired
compliance_hold of the beneficiary -> paying_out
compliance_hold of the beneficiary -> refunded
compliance_hold of the beneficiary -> reserved
compliance_hold of the sender -> awaiting_funds
compliance_hold of the sender -> cancelled
compliance_hold of the sender -> expired
compliance_hold of the sender -> failed
info_required -> cancelled
info_required -> expired
info_required -> paying_out
info_required -> refunded
info_required -> reserved
paying_out -> completed
paying_out -> returned
reserved -> cancelled
reserved -> compliance_hold of the beneficiary
reserved -> expired
reserved -> info_required
reserved -> paying_out
reserved -> refunded";
        assert_eq!(edges.into_iter().collect::<Vec<_>>().join("\n"), expected);
    }

    #[test]
    fn an_end_is_one_and_everything_else_can_end() {
        for standing in Standing::all() {
            let leads_on = Change::ALL.iter().any(|change| standing.after(*change).is_some());
            assert_eq!(leads_on, !standing.state.is_end(), "{standing:?}");
        }
    }

    #[test]
    fn texts_are_those_of_json() {
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }
}
