//! The pure core of a batch: from what the journal remembers of a line to what it needs next.
//!
//! One rule keeps a line from being paid twice: it is signed only when no transaction of it can still
//! take effect, which is when it has none, or when the last one is proved dead or never left this machine.

use std::collections::BTreeMap;

use causeway_contracts::{block::Height, ledger::receipt::Outcome, transaction::TxId};

/// What happened to a line, in the order of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// A transaction was signed for it, and may be with validators by now.
    Signed(TxId),
    /// Its transaction is in a final block.
    Final { id: TxId, height: Height, outcome: Outcome },
    /// Its transaction is proved never to take effect.
    Dead { id: TxId, height: Height },
    /// Its transaction never left this machine, and never will.
    Unsent { id: TxId },
}

/// Where a line stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing that could take effect has been signed.
    #[default]
    Open,
    /// This transaction may take effect, or has.
    Live(TxId),
    /// Done, for better or worse.
    Final { id: TxId, height: Height, outcome: Outcome },
}

/// A journal tells something that cannot have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    #[error("line {line} was signed again as {id} though its transaction before that could still take effect")]
    SignedWhileLive { line: u64, id: TxId },
    #[error("line {line}: {id} ended, but it is not the line's last transaction")]
    OtherTransaction { line: u64, id: TxId },
    #[error(
        "line {line} was signed as a payment, and cannot be paid as it stands now; \
         was a contact removed since? Put it back as it was"
    )]
    UnknownLine { line: u64 },
}

#[derive(Debug, Clone)]
pub struct Plan {
    lines: BTreeMap<u64, State>,
}

impl Plan {
    /// All lines open.
    pub fn new(lines: impl IntoIterator<Item = u64>) -> Self {
        Self {
            lines: lines.into_iter().map(|line| (line, State::Open)).collect(),
        }
    }

    pub fn state(&self, line: u64) -> Option<State> {
        self.lines.get(&line).copied()
    }

    pub fn iter(&self) -> impl Iterator<Item = (u64, State)> {
        self.lines.iter().map(|(line, state)| (*line, *state))
    }

    /// Takes in the next fact. Changes nothing if it contradicts those before it.
    pub fn learn(&mut self, line: u64, fact: Fact) -> Result<(), Contradiction> {
        let state = self.lines.get_mut(&line).ok_or(Contradiction::UnknownLine { line })?;
        *state = match (*state, fact) {
            (State::Open, Fact::Signed(id)) => State::Live(id),
            (_, Fact::Signed(id)) => return Err(Contradiction::SignedWhileLive { line, id }),
            (State::Live(live), Fact::Final { id, height, outcome }) if live == id => {
                State::Final { id, height, outcome }
            }
            (State::Live(live), Fact::Dead { id, .. } | Fact::Unsent { id }) if live == id => State::Open,
            (_, Fact::Final { id, .. } | Fact::Dead { id, .. } | Fact::Unsent { id }) => {
                return Err(Contradiction::OtherTransaction { line, id });
            }
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests;
