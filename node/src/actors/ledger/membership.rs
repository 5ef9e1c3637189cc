//! Who is who on the network, as of the last block: told to all who go by it whenever a block changes it.

use causeway_consensus::Authors;
use causeway_contracts::{
    api::Role,
    committee::{ValidatorId, ValidatorSet, change::FormerValidators},
    keys::PublicKey,
    ledger::{Execution, Ledger, StateKey},
    registry::{Node, Registry},
};

#[derive(Debug, Clone)]
pub struct Membership {
    pub authors: Authors,
    pub nodes: Registry,
    validators: ValidatorSet,
    next_validators: ValidatorSet,
    former: FormerValidators,
}

impl Membership {
    pub fn of(ledger: &Ledger) -> Self {
        Self {
            authors: Authors::of(ledger),
            nodes: ledger.nodes().clone(),
            validators: ledger.validators().clone(),
            next_validators: ledger.next_validators().clone(),
            former: ledger.former_validators().clone(),
        }
    }

    /// Whether the block changes any of it.
    pub fn changes_with(execution: &Execution) -> bool {
        let mut keys = execution.changes.iter().rev().map(|(key, _)| key);
        keys.any(|key| {
            matches!(
                key,
                StateKey::Validators | StateKey::NextValidators | StateKey::Nodes | StateKey::FormerValidators
            )
        })
    }

    pub fn role(&self, id: &ValidatorId) -> Role {
        if self.validators.by_id(id).is_some() {
            return Role::Validator;
        }
        if self.next_validators.by_id(id).is_some() {
            return Role::Joining;
        }
        match self.former.get(id) {
            Some(former) => Role::Removed { last: former.last },
            None => Role::Observer,
        }
    }

    /// By which name the other actors know a node: the validator that it is or is about to be, else its first
    /// key's, which for an observer is its network key.
    pub fn peer_id(&self, node: &Node) -> ValidatorId {
        let ids = || node.validator_keys.iter().map(ValidatorId::of);
        let in_set = |set: &ValidatorSet| ids().find(|id| set.by_id(id).is_some());
        in_set(&self.validators)
            .or_else(|| in_set(&self.next_validators))
            .or_else(|| ids().next())
            .unwrap_or_else(|| ValidatorId::of(&node.network_key))
    }

    /// Whether a key may read all blocks as they come: a validator's, or an observer's network key.
    pub fn may_stream(&self, key: &PublicKey) -> bool {
        let observes = |node: &Node| node.validator_keys.is_empty();
        self.validators.by_id(&ValidatorId::of(key)).is_some() || self.nodes.of_network_key(key).is_some_and(observes)
    }

    /// What a validator is called, where it is registered still.
    pub fn name(&self, id: &ValidatorId) -> Option<&str> {
        self.nodes.of_validator(id).map(|node| &*node.name)
    }
}
