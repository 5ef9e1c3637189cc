//! Transactions that were signed and stored before they were sent.

use causeway_contracts::{
    codec,
    transaction::{SignedTransaction, TRANSACTION_BYTES_MAX},
};

use crate::store::StoreError;

/// A transaction may wait this long to be ordered. Only when it is over can another be signed in its place.
pub(super) const VALID_SECONDS: u64 = 30;

/// From hexadecimal, as a column of that number has it.
pub(super) fn stored(hexadecimal: &str, column: usize) -> Result<SignedTransaction, StoreError> {
    let bytes = hex::decode(hexadecimal).ok();
    let signed = bytes.and_then(|bytes| codec::decode(&bytes, TRANSACTION_BYTES_MAX).ok());
    signed.ok_or(StoreError::Column { column })
}
