//! How transactions are submitted together: each in canonical bytes after its length as four bytes, big-endian.

use super::SUBMIT_TRANSACTIONS_MAX;
use crate::{
    codec::{self, DecodeError},
    transaction::{SignedTransaction, TRANSACTION_BYTES_MAX},
};

/// Why a body is not one of transactions. `index` counts from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmissionError {
    #[error("the body is empty; at least one transaction is needed")]
    NoTransactions,
    #[error("more than {SUBMIT_TRANSACTIONS_MAX} transactions in one request")]
    TooMany,
    #[error("transaction {index}, counted from 0: {left} bytes are left where its length should be, of 4")]
    NoLength { index: usize, left: usize },
    #[error(
        "transaction {index}, counted from 0: its length says {claimed} bytes, and {TRANSACTION_BYTES_MAX} are allowed"
    )]
    TooLong { index: usize, claimed: usize },
    #[error("transaction {index}, counted from 0: its length says {claimed} bytes, and {left} are left of the body")]
    Truncated { index: usize, claimed: usize, left: usize },
    #[error("transaction {index}, counted from 0: {source}")]
    Transaction { index: usize, source: DecodeError },
}

/// The transaction of a body of [`super::TRANSACTION_TYPE`]. Nothing that it says is checked yet.
pub fn decode_one(body: &[u8]) -> Result<SignedTransaction, SubmissionError> {
    if body.is_empty() {
        return Err(SubmissionError::NoTransactions);
    }
    decode(0, body)
}

/// The transactions of a body of [`super::TRANSACTIONS_TYPE`], one at least. Nothing that they say is checked yet.
pub fn decode_many(mut body: &[u8]) -> Result<Vec<SignedTransaction>, SubmissionError> {
    if body.is_empty() {
        return Err(SubmissionError::NoTransactions);
    }
    let mut transactions = Vec::new();
    while !body.is_empty() {
        let index = transactions.len();
        if index == SUBMIT_TRANSACTIONS_MAX {
            return Err(SubmissionError::TooMany);
        }
        let (length, rest) = body.split_first_chunk::<4>().ok_or(SubmissionError::NoLength {
            index,
            left: body.len(),
        })?;
        let claimed = u32::from_be_bytes(*length) as usize;
        if claimed > TRANSACTION_BYTES_MAX {
            return Err(SubmissionError::TooLong { index, claimed });
        }
        let (bytes, rest) = rest.split_at_checked(claimed).ok_or(SubmissionError::Truncated {
            index,
            claimed,
            left: rest.len(),
        })?;
        transactions.push(decode(index, bytes)?);
        body = rest;
    }
    Ok(transactions)
}

fn decode(index: usize, bytes: &[u8]) -> Result<SignedTransaction, SubmissionError> {
    codec::decode(bytes, TRANSACTION_BYTES_MAX).map_err(|source| SubmissionError::Transaction { index, source })
}
