//! The committed contracts, with the order in which they fall due, and those of each account.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use crate::{
    block::TimeMs,
    identity::AccountId,
    settlement::{Contract, ContractId, Terms},
    transaction::UnixSeconds,
};

#[derive(Debug, Default)]
pub(super) struct Contracts {
    rows: BTreeMap<ContractId, Contract>,
    /// Each contract by the time at which the ledger next acts on it by itself.
    due: BTreeSet<(UnixSeconds, ContractId)>,
    /// Each contract under every account that it concerns, which are the same from its beginning to its end. Without
    /// what is remembered of quotes.
    concerned: BTreeSet<(AccountId, ContractId)>,
}

fn concerned(id: ContractId, contract: &Contract) -> impl Iterator<Item = (AccountId, ContractId)> {
    let is_contract = !matches!(contract.terms, Terms::Quote(_));
    let accounts = is_contract.then(|| contract.terms.accounts());
    accounts.into_iter().flatten().map(move |account| (account, id))
}

impl Contracts {
    pub(super) fn rows(&self) -> &BTreeMap<ContractId, Contract> {
        &self.rows
    }

    /// Gives what was there.
    pub(super) fn insert(&mut self, id: ContractId, contract: Contract) -> Option<Contract> {
        let due = contract.due();
        if !self.rows.contains_key(&id) {
            self.concerned.extend(concerned(id, &contract));
        }
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
            for entry in concerned(*id, &old) {
                self.concerned.remove(&entry);
            }
        }
    }

    /// Those of an account, ascending, from the one after this on.
    pub(super) fn of(&self, account: AccountId, after: Option<ContractId>) -> impl Iterator<Item = ContractId> {
        let from = match after {
            Some(after) => Bound::Excluded((account, after)),
            None => Bound::Included((account, ContractId([0; 20]))),
        };
        let entries = self.concerned.range((from, Bound::Unbounded));
        entries.take_while(move |(of, _)| *of == account).map(|(_, id)| *id)
    }

    /// Those on which the ledger must act in a block of this time, by time and then by id.
    pub(super) fn due_at(&self, time: TimeMs) -> impl Iterator<Item = (ContractId, &Contract)> {
        let due = self.due.iter().take_while(move |(due, _)| due.is_past(time));
        due.map(|(_, id)| (*id, &self.rows[id]))
    }
}
