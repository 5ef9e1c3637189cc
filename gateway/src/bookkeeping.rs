//! What was booked in and out of an operator's accounts, from final blocks: the entries of account statements.
//!
//! A [`Bookkeeper`] takes the blocks in order, each with its receipts and the transactions that they are about, and
//! gives an [`Entry`] for each time that money came to or left a watched account. Booked is what is available and
//! held together: money that a contract sets aside has not left, and is no entry until it is paid. So an account's
//! entries add up to the change of that sum, which the ledger knows too. What becomes of holds that may pay such an account is
//! told beside them ([`HoldNews`]).
//!
//! # What a block does not say
//! A later payment names only the contract. So the contracts that are open and may pay a watched account, or out of one,
//! are remembered, up to a bound ([`WEIGHT_MAX`]). What takes from a book names no maker, and what a netting cycle
//! comes to is in no receipt: makers with offers in that book, and the participants, are [`Touched`]. Then the ledger
//! is asked for the balance, and what the entries do not explain is an entry of kind [`Kind::Other`]. The same holds
//! for what did not fit into the memory, so that it is never wrong, only less exact.
//!
//! # Replaying
//! Equal blocks give equal entries, and account, height, index and part name one. Whoever keeps a Bookkeeper only now
//! and then takes the blocks since again, and writes what is there already once more.
//!
//! Pure: reads no clock, disk, network or random source.

mod action;
mod agreed;
mod booking;
mod entry;
mod hold;
mod memory;
mod standing;

use std::collections::BTreeSet;

use causeway_contracts::{
    block::{GenesisHash, Header, Height},
    identity::{AccountId, ParticipantId},
    ledger::receipt::{Outcome, Receipt, Subject},
    money::Currency,
    settlement::{ContractId, Ending, Terms},
    transaction::Transaction,
};
use serde::{Deserialize, Serialize};

use self::{agreed::Agreed, booking::Booking, memory::Memory};
pub use self::{
    booking::Booked,
    entry::{Direction, Entry, Kind, Touched},
    hold::{HoldChange, HoldNews},
    memory::WEIGHT_MAX,
};

/// Why a block cannot be booked. It changes nothing then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    #[error("block {actual} is not the next one to be booked, which is block {expected}")]
    Height { expected: Height, actual: Height },
    #[error("{actual} transactions came with block {height}, and its receipts are about {expected}")]
    Transactions {
        height: Height,
        expected: usize,
        actual: usize,
    },
}

/// Books the blocks from a height on, for the accounts that it watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bookkeeper {
    next: Height,
    accounts: BTreeSet<AccountId>,
    memory: Memory,
}

impl Bookkeeper {
    /// Begins with the block of this height. `origin` is the hash that ids of accounts are made from; `issuers` are
    /// those of the currencies that there are then. Of later ones it learns from blocks.
    pub fn new(
        next: Height,
        origin: GenesisHash,
        issuers: impl IntoIterator<Item = (Currency, ParticipantId)>,
    ) -> Self {
        Self {
            next,
            accounts: BTreeSet::new(),
            memory: Memory::new(origin, issuers, WEIGHT_MAX),
        }
    }

    /// Remembers at most so much, in place of [`WEIGHT_MAX`].
    pub fn with_weight_max(mut self, weight_max: u64) -> Self {
        self.memory.weight_max = weight_max;
        self
    }

    /// The block that it takes next.
    pub fn next(&self) -> Height {
        self.next
    }

    /// Gives entries for this account from the next block on. One that is not open yet can be watched, and should be
    /// from before the block that opens it. Of an older one, its contracts are to be given with [`Self::remember`].
    pub fn watch(&mut self, account: AccountId) {
        self.accounts.insert(account);
    }

    pub fn watches(&self, account: &AccountId) -> bool {
        self.accounts.contains(account)
    }

    /// A contract that was open before the next block, with its terms as of then, as the ledger gives them for an
    /// account. Other than open ones are not to be given. That a hold came of an exchange is not in its terms: what
    /// it pays is then of kind [`Kind::HoldPosted`].
    pub fn remember(&mut self, id: ContractId, terms: &Terms) {
        match terms {
            Terms::Offer(state) => self.memory.stand(&state.offer, &self.accounts),
            terms => {
                if let Some(opened) = Agreed::of_terms(terms) {
                    self.memory.keep(id, opened, &self.accounts);
                }
            }
        }
    }

    /// What the next block booked. `transactions` are those that its receipts are about, in their order. All must have
    /// been verified: nothing here looks for lies.
    pub fn book(
        &mut self,
        header: &Header,
        receipts: &[Receipt],
        transactions: &[Transaction],
    ) -> Result<Booked, BookError> {
        self.check(header, receipts, transactions)?;
        self.memory.pass(header.time_ms);
        let mut booking = Booking::new(&self.accounts, header);
        let mut transactions = transactions.iter();
        for receipt in receipts {
            match receipt.subject {
                Subject::System { contract, how } => {
                    booking.turn_to(receipt.index, None);
                    end(&mut self.memory, &mut booking, contract, how);
                }
                Subject::Transaction(id) => {
                    let transaction = transactions.next().expect("as many as receipts about them");
                    booking.turn_to(receipt.index, Some((id, &transaction.memo)));
                    if receipt.outcome == Outcome::Applied {
                        action::book_all(&mut self.memory, &mut booking, id, transaction, receipt);
                    }
                }
            }
        }
        self.next = header.height.next();
        Ok(booking.finish())
    }

    fn check(&self, header: &Header, receipts: &[Receipt], transactions: &[Transaction]) -> Result<(), BookError> {
        if header.height != self.next {
            return Err(BookError::Height {
                expected: self.next,
                actual: header.height,
            });
        }
        let is_about_one = |receipt: &&Receipt| matches!(receipt.subject, Subject::Transaction(_));
        let expected = receipts.iter().filter(is_about_one).count();
        if transactions.len() != expected {
            return Err(BookError::Transactions {
                height: header.height,
                expected,
                actual: transactions.len(),
            });
        }
        Ok(())
    }
}

/// A contract that the ledger ended by itself, or a queue that it settled: that moves positions, and no money.
fn end(memory: &mut Memory, booking: &mut Booking<'_>, id: ContractId, how: Ending) {
    match how {
        Ending::Netted => {}
        Ending::Released => memory.release(booking, id),
        Ending::Closed => memory.close(booking, id),
        Ending::Expired => memory.end_hold(booking, id, HoldChange::Expired),
        _ => memory.forget(&id),
    }
}

#[cfg(test)]
mod tests;
