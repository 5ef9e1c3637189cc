//! Whose batches are taken.

use std::{collections::BTreeMap, sync::Arc};

use causeway_contracts::{
    committee::{ValidatorId, ValidatorSet, change::FormerValidator},
    keys::PublicKey,
    ledger::Ledger,
};

/// Validators with their keys: those that may be asked for batches, and those that may have sealed one which
/// a block names. Nobody, by default. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Authors {
    members: Arc<[ValidatorId]>,
    keys: Arc<BTreeMap<ValidatorId, PublicKey>>,
}

impl Authors {
    /// After the ledger's last block: who decides the next block or the one after it, and who has left. A
    /// block may name a batch that its author sealed before leaving; what one who has left offers is not taken.
    pub fn of(ledger: &Ledger) -> Self {
        let sets = [ledger.validators().clone(), ledger.next_validators().clone()];
        Self::new(&sets, ledger.former_validators().iter())
    }

    pub(super) fn new<'a>(sets: &[ValidatorSet], left: impl IntoIterator<Item = &'a FormerValidator>) -> Self {
        let mut keys: BTreeMap<_, _> = sets
            .iter()
            .flat_map(|set| set.iter().map(|(id, validator)| (*id, validator.key)))
            .collect();
        let members = keys.keys().copied().collect();
        for former in left {
            keys.insert(ValidatorId::of(&former.key), former.key);
        }
        Self {
            members,
            keys: Arc::new(keys),
        }
    }

    pub fn key(&self, id: &ValidatorId) -> Option<&PublicKey> {
        self.keys.get(id)
    }

    pub fn is_member(&self, id: &ValidatorId) -> bool {
        self.members.binary_search(id).is_ok()
    }

    /// Those that decide the next block or the one after it, ascending.
    pub fn members(&self) -> &[ValidatorId] {
        &self.members
    }
}

/// Of a set that does not change.
impl From<ValidatorSet> for Authors {
    fn from(set: ValidatorSet) -> Self {
        Self {
            members: set.iter().map(|(id, _)| *id).collect(),
            keys: Arc::new(set.iter().map(|(id, validator)| (*id, validator.key)).collect()),
        }
    }
}
