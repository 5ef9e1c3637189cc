//! Results of blocks that may become the next, kept so that no block is executed twice.

use std::collections::VecDeque;

use causeway_contracts::{block::BlockId, ledger::Execution};

/// One or two blocks compete for a height as a rule; the oldest makes room for a ninth.
const EXECUTIONS_MAX: usize = 8;

/// What executing a block gave: its effects, or why every honest validator refuses it.
pub(super) type Outcome = Result<Execution, String>;

#[derive(Debug, Default)]
pub(super) struct Executions(VecDeque<(BlockId, Outcome)>);

impl Executions {
    pub fn get(&self, id: &BlockId) -> Option<&Outcome> {
        self.0.iter().find(|(known, _)| known == id).map(|(_, outcome)| outcome)
    }

    pub fn insert(&mut self, id: BlockId, outcome: Outcome) {
        if self.get(&id).is_some() {
            return;
        }
        if self.0.len() == EXECUTIONS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((id, outcome));
    }

    /// Takes one out and drops the others: the height is decided.
    pub fn take_last(&mut self, id: &BlockId) -> Option<Outcome> {
        let taken = std::mem::take(&mut self.0).into_iter().find(|(known, _)| known == id);
        taken.map(|(_, outcome)| outcome)
    }
}
