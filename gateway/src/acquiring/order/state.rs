//! Where an order stands, and what can become of it from there.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where an order stands. From the last four nothing comes any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OrderState)]
pub enum State {
    /// Nobody has paid yet.
    Created,
    /// The money is held on the ledger, and the merchant decides.
    Authorized,
    /// The money is there: sent by the payer, or captured.
    Paid,
    /// Some of it went back.
    PartiallyRefunded,
    /// All of it went back.
    Refunded,
    /// The card's issuer took the payment back.
    Reversed,
    /// By the merchant, before it was paid.
    Cancelled,
    /// Nobody paid in time.
    Expired,
    /// What was held went back whole.
    Voided,
}

impl State {
    pub const ALL: [Self; 9] = [
        Self::Created,
        Self::Authorized,
        Self::Paid,
        Self::PartiallyRefunded,
        Self::Refunded,
        Self::Reversed,
        Self::Cancelled,
        Self::Expired,
        Self::Voided,
    ];

    pub fn is_end(self) -> bool {
        matches!(self, Self::Reversed | Self::Cancelled | Self::Expired | Self::Voided)
    }

    /// Whether nobody needs to wait for the payment any more.
    pub fn is_settled(self) -> bool {
        !matches!(self, Self::Created | Self::Authorized)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Authorized => "authorized",
            Self::Paid => "paid",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
            Self::Reversed => "reversed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Voided => "voided",
        }
    }

    /// `None` where that cannot happen.
    pub fn after(self, change: Change) -> Option<Self> {
        match (self, change) {
            (Self::Created, Change::Authorized) => Some(Self::Authorized),
            (Self::Created, Change::Paid) | (Self::Authorized, Change::Captured) => Some(Self::Paid),
            (Self::Created, Change::Cancelled) => Some(Self::Cancelled),
            (Self::Created, Change::Expired) => Some(Self::Expired),
            (Self::Authorized, Change::Voided) => Some(Self::Voided),
            (Self::Paid | Self::PartiallyRefunded, Change::RefundedInPart) => Some(Self::PartiallyRefunded),
            (Self::Paid | Self::PartiallyRefunded, Change::RefundedWhole) => Some(Self::Refunded),
            (Self::Paid | Self::PartiallyRefunded | Self::Refunded, Change::Reversed) => Some(Self::Reversed),
            _ => None,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What can happen to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// The money is held, by a final block.
    Authorized,
    /// What was held is paid, by a final block.
    Captured,
    /// A payment of just this is final.
    Paid,
    /// A refund that leaves something is final.
    RefundedInPart,
    /// The refund of what was left is final.
    RefundedWhole,
    /// What was paid by card was drawn back by its issuer, by a final block.
    Reversed,
    Cancelled,
    Expired,
    /// The hold was ended without paying it.
    Voided,
}

impl Change {
    pub const ALL: [Self; 9] = [
        Self::Authorized,
        Self::Captured,
        Self::Paid,
        Self::RefundedInPart,
        Self::RefundedWhole,
        Self::Reversed,
        Self::Cancelled,
        Self::Expired,
        Self::Voided,
    ];
}
