//! Making transactions: what is random in them is drawn here.

use causeway_contracts::{
    block::GenesisHash,
    codec::{Bounded, Text},
    identity::AccountId,
    keys::SecretKey,
    money::{Amount, Currency},
    transaction::{Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, TransactionError},
};

use crate::clock;

/// How long a payment may wait to be ordered, in seconds, unless its maker says otherwise.
pub const VALID_SECONDS: u64 = 60;

/// Money from one account to another, as a person means it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    pub from: AccountId,
    pub to: AccountId,
    pub currency: Currency,
    pub amount: Amount,
    pub memo: Text<140>,
}

/// A memo does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the memo is {actual} bytes long, and at most 140 are allowed")]
pub struct MemoTooLong {
    pub actual: usize,
}

pub fn memo(text: String) -> Result<Text<140>, MemoTooLong> {
    Text::new(text).map_err(|too_many| MemoTooLong {
        actual: too_many.actual,
    })
}

#[derive(Debug, thiserror::Error)]
pub enum SignError {
    #[error("no random bytes from the system: {0}")]
    Random(#[from] getrandom::Error),
    #[error(transparent)]
    Transaction(#[from] TransactionError),
}

impl Payment {
    pub fn action(&self) -> Action {
        Action::Transfer {
            from: self.from,
            to: self.to,
            currency: self.currency,
            amount: self.amount,
        }
    }

    /// Whether a transaction makes exactly this payment.
    pub fn is_made_by(&self, transaction: &Transaction) -> bool {
        *transaction.actions == [self.action()] && transaction.memo == self.memo
    }

    pub fn sign(&self, genesis: &GenesisHash, key: &SecretKey) -> Result<SignedTransaction, SignError> {
        sign(genesis, self.action(), self.memo.clone(), key)
    }
}

/// A transaction of one action, valid for the next [`VALID_SECONDS`].
pub fn sign(
    genesis: &GenesisHash,
    action: Action,
    memo: Text<140>,
    key: &SecretKey,
) -> Result<SignedTransaction, SignError> {
    sign_together(genesis, action, memo, std::slice::from_ref(key))
}

/// The same, signed by each of these keys, which must be different.
pub fn sign_together(
    genesis: &GenesisHash,
    action: Action,
    memo: Text<140>,
    keys: &[SecretKey],
) -> Result<SignedTransaction, SignError> {
    Ok(transaction(genesis, action, memo, VALID_SECONDS)?.sign(keys)?)
}

/// A transaction of one action, that may wait for so many seconds.
pub fn transaction(
    genesis: &GenesisHash,
    action: Action,
    memo: Text<140>,
    valid_seconds: u64,
) -> Result<Transaction, SignError> {
    Ok(Transaction {
        version: TRANSACTION_VERSION,
        genesis: genesis.prefix(),
        valid_until: clock::seconds_from_now(valid_seconds),
        nonce: Nonce(getrandom::u64()?),
        actions: Bounded::new(vec![action]).expect("one of at most 64"),
        memo,
    })
}
