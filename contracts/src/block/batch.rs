//! Batches: client transactions as one validator sealed them, ordered later by their digest.

use std::sync::Arc;

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::GenesisHash;
use crate::{
    codec::{self, Bounded, hex_newtype},
    committee::ValidatorId,
    keys::{Domain, PublicKey, SecretKey, Signature, Signed},
    ledger,
    transaction::SignedTransaction,
};

/// The only version there is.
pub const BATCH_VERSION: u16 = 1;

/// A batch holds at most this many transactions. Fixed.
pub const BATCH_TRANSACTIONS_MAX: usize = 1024;

/// Wire length of a signed batch. Fixed.
pub const BATCH_BYTES_MAX: usize = 256 * 1024;

/// A batch costs at most this much, see the ledger's rules. Fixed. Bytes alone do not bound it: a batch
/// that closes accounts only could cost ten times as much.
pub const BATCH_COST_MAX: u64 = 2_000_000;

hex_newtype!(
    /// SHA-256 over `causeway/batch/1` and the canonical bytes of a [`Batch`], signatures included.
    BatchDigest,
    32
);

/// Every transaction in it has passed its stateless checks, signatures included; one that has not
/// makes the batch invalid as a whole and its author at fault.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    pub version: u16,
    pub genesis: GenesisHash,
    pub author: ValidatorId,
    pub transactions: Bounded<SignedTransaction, BATCH_TRANSACTIONS_MAX>,
}

impl Batch {
    /// What it counts towards `block_cost_max`. Cannot overflow: it has at most 1,024 transactions.
    pub fn cost(&self) -> u64 {
        self.transactions.iter().map(ledger::cost).sum()
    }

    pub fn digest(&self) -> BatchDigest {
        BatchDigest(codec::hash(Domain::Batch.tag(), &[&codec::encode(self)]))
    }
}

/// A batch under its author's signature, so that it can be had from anyone and blamed on its author.
/// Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedBatch {
    pub batch: Arc<Batch>,
    pub signature: Signature,
}

impl SignedBatch {
    pub fn seal(batch: Batch, key: &SecretKey) -> Self {
        let signature = key.sign(Domain::Batch, batch.digest().as_bytes());
        Self {
            batch: Arc::new(batch),
            signature,
        }
    }

    /// The author's signature in the form that batch verification takes; `digest` is this batch's.
    pub fn signed<'a>(&self, author: PublicKey, digest: &'a BatchDigest) -> Signed<'a> {
        Signed {
            key: author,
            domain: Domain::Batch,
            message: digest.as_bytes(),
            signature: self.signature,
        }
    }
}
