//! An entry of an account statement, and what is said where there can be none.

use causeway_contracts::{
    block::{Height, TimeMs},
    codec::Text,
    identity::AccountId,
    money::{Amount, Currency},
    settlement::ContractId,
    transaction::TxId,
};
use serde::{Deserialize, Serialize};

/// Money that came to an account or left it. Account, height, index and part name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub account: AccountId,
    pub currency: Currency,
    pub height: Height,
    /// The receipt's place in its block.
    pub index: u32,
    /// Which of the account's entries by this receipt it is, counted from 0.
    pub part: u16,
    /// The block's time.
    pub time_ms: TimeMs,
    pub direction: Direction,
    /// Above zero.
    pub amount: Amount,
    pub kind: Kind,
    /// Who had the money before, or has it now; `None` where it was taken of or given to a book.
    pub counterparty: Option<AccountId>,
    /// `None` if the ledger did it by itself.
    pub transaction: Option<TxId>,
    /// The contract that paid; of an exchange at once, its quote's mark.
    pub contract: Option<ContractId>,
    /// The transaction's.
    pub memo: Text<140>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The account has more.
    Credit,
    Debit,
}

/// What an entry came of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Transfer,
    Issue,
    Redeem,
    /// A side of an exchange by quote, at once or held and posted.
    Exchange,
    /// Of an exchange: the quote's, or one that goes to others.
    Fee,
    HoldPosted,
    Split,
    /// An escrow was released.
    Escrow,
    /// A request was paid.
    Request,
    /// Drawn by a mandate.
    Collection,
    /// Spent of an allowance.
    Spend,
    /// What was taken of a book when an offer was placed.
    Offer,
    /// A payment through books.
    Path,
    /// What the ledger has beyond the entries of a [`Touched`] account. Booked by whoever asks the ledger, never here.
    Other,
}

/// More may have been booked for the account than the entries say: the ledger is to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Touched {
    pub account: AccountId,
    /// `None`: any of its currencies.
    pub currency: Option<Currency>,
}
