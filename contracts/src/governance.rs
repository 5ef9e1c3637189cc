//! What the council decides: currencies, participants, parameters, versions of the protocol, its own keys,
//! validators and nodes.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    block::{
        Height,
        batch::{BATCH_COST_MAX, BATCH_TRANSACTIONS_MAX},
    },
    codec::{Bounded, Text},
    committee::change::ValidatorChange,
    identity::{KeyPolicy, Participant, ParticipantId, Tier},
    money::{Amount, Currency},
    protocol::{PROTOCOL_MIN, ProtocolVersion},
    registry::{Node, NodeName},
};

/// An act of the council, signed under its key policy.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CouncilAction {
    /// Adds a currency. Its issuer must be a registered participant.
    RegisterCurrency(CurrencyRecord),
    /// Changes how far below zero the issuer's account may go. Below what is issued already, it only
    /// stops further issuing.
    SetIssuanceCap { currency: Currency, cap: Amount },
    /// Stops or resumes all movement of a currency but what returns money to its owner.
    SetCurrencyFrozen { currency: Currency, frozen: bool },
    /// Adds a participant and opens its own account, of tier 0.
    RegisterParticipant(Participant),
    /// Gives or takes the role of operator.
    SetOperator { participant: ParticipantId, operator: bool },
    /// Replaces all parameters.
    SetParameters(Parameters),
    /// Sets the next version of the protocol in force from a height on, in place of what was scheduled
    /// before. The height must be at least [`SCHEDULE_AHEAD_MIN`](crate::protocol::SCHEDULE_AHEAD_MIN)
    /// above the block's.
    ScheduleProtocol { version: ProtocolVersion, height: Height },
    /// Takes back what was scheduled and is not in force yet.
    WithdrawProtocol,
    /// Replaces the council's own keys, for later transactions. From version 2 on.
    SetCouncil(KeyPolicy),
    /// Changes the validator set, from the second block after this one on. At most once in a transaction.
    ChangeValidators(ValidatorChange),
    /// Registers a node, or replaces what is registered under its name.
    SetNode(Node),
    /// Takes a node out of the registry: the others no longer talk to it.
    RemoveNode {
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        name: NodeName,
    },
}

impl CouncilAction {
    /// The first version of the protocol that knows it.
    pub fn since(&self) -> ProtocolVersion {
        match self {
            Self::SetCouncil(_) => ProtocolVersion(2),
            _ => PROTOCOL_MIN,
        }
    }
}

/// A currency as the registry knows it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CurrencyRecord {
    pub code: Currency,
    /// Digits after the point, 0 to 8.
    pub exponent: u8,
    pub issuer: ParticipantId,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: Text<64>,
    /// The issuer's account goes at most this far below zero.
    pub issuance_cap: Amount,
    #[serde(default)]
    pub frozen: bool,
}

/// Ledger parameters that the council can change. All validators compute with the same ones.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// `valid_until` lies at most this many seconds after block time.
    pub validity_seconds_max: u32,
    /// A block with more transactions is invalid. At least as many as a batch may hold: a batch that fits
    /// no block would never be ordered.
    pub block_transactions_max: u32,
    /// A block that costs more is invalid; see the cost of each action in the ledger's rules. At least as
    /// much as a batch may cost.
    pub block_cost_max: u64,
    /// The first block of each such period of block time is to be a checkpoint, in seconds.
    pub checkpoint_period_seconds: u32,
    /// What accounts of a tier may do in a currency. No entry, or tier 0: no caps.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<TierLimits>, max_items = 256))]
    pub limits: Bounded<TierLimits, 256>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            validity_seconds_max: 600,
            block_transactions_max: 16_384,
            block_cost_max: 4_000_000,
            checkpoint_period_seconds: 3_600,
            limits: Bounded::default(),
        }
    }
}

/// Caps in minor units of the currency. `None` is no cap.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TierLimits {
    pub tier: Tier,
    pub currency: Currency,
    /// To one payee in one transaction.
    #[serde(default)]
    pub payment_max: Option<Amount>,
    /// Outgoing in one day of block time (UTC).
    #[serde(default)]
    pub day_max: Option<Amount>,
    /// Available and held together.
    #[serde(default)]
    pub balance_max: Option<Amount>,
}

/// What is wrong with parameters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParametersError {
    #[error("{name} is {actual}; it must be from {min} to {max}")]
    OutOfRange {
        name: &'static str,
        actual: u64,
        min: u64,
        max: u64,
    },
    #[error("limits must be in ascending order of tier and currency, each pair once, and not for tier 0")]
    Limits,
}

impl Parameters {
    pub fn check(&self) -> Result<(), ParametersError> {
        let ranges = [
            ("validity_seconds_max", u64::from(self.validity_seconds_max), 60, 86_400),
            (
                "block_transactions_max",
                u64::from(self.block_transactions_max),
                BATCH_TRANSACTIONS_MAX as u64,
                16_384,
            ),
            ("block_cost_max", self.block_cost_max, BATCH_COST_MAX, 100_000_000),
            (
                "checkpoint_period_seconds",
                u64::from(self.checkpoint_period_seconds),
                60,
                86_400,
            ),
        ];
        for (name, actual, min, max) in ranges {
            if !(min..=max).contains(&actual) {
                return Err(ParametersError::OutOfRange { name, actual, min, max });
            }
        }
        let ascending = self
            .limits
            .is_sorted_by(|a, b| (a.tier, a.currency) < (b.tier, b.currency));
        if !ascending || self.limits.iter().any(|entry| entry.tier == Tier(0)) {
            return Err(ParametersError::Limits);
        }
        Ok(())
    }

    pub fn limits_of(&self, tier: Tier, currency: Currency) -> Option<&TierLimits> {
        let at = self
            .limits
            .binary_search_by_key(&(tier, currency), |entry| (entry.tier, entry.currency));
        at.ok().map(|at| &self.limits[at])
    }
}

#[cfg(test)]
mod tests;
