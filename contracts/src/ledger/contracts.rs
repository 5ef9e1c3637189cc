//! The committed contracts, with the order in which they fall due.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    block::TimeMs,
    settlement::{Contract, ContractId},
    transaction::UnixSeconds,
};

#[derive(Debug, Default)]
pub(super) struct Contracts {
    rows: BTreeMap<ContractId, Contract>,
    /// Each contract by the time at which the ledger next acts on it by itself.
    due: BTreeSet<(UnixSeconds, ContractId)>,
}

impl Contracts {
    pub(super) fn rows(&self) -> &BTreeMap<ContractId, Contract> {
        &self.rows
    }

    /// Gives what was there.
    pub(super) fn insert(&mut self, id: ContractId, contract: Contract) -> Option<Contract> {
        let due = contract.due();
        let old = self.rows.insert(id, contract);
        match &old {
            Some(old) if old.due() == due => {}
            Some(old) => {
                self.due.remove(&(old.due(), id));
                self.due.insert((due, id));
            }
            None => {
                self.due.insert((due, id));
            }
        }
        old
    }

    pub(super) fn remove(&mut self, id: &ContractId) {
        if let Some(old) = self.rows.remove(id) {
            self.due.remove(&(old.due(), *id));
        }
    }

    /// Those on which the ledger must act in a block of this time, by time and then by id.
    pub(super) fn due_at(&self, time: TimeMs) -> impl Iterator<Item = (ContractId, &Contract)> {
        let due = self.due.iter().take_while(move |(due, _)| due.is_past(time));
        due.map(|(_, id)| (*id, &self.rows[id]))
    }
}
