//! Batches: client transactions as one validator sealed them, ordered later by their digest.

use std::sync::Arc;

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::GenesisHash;
use crate::{
    codec::{self, Bounded, DecodeError, hex_newtype},
    committee::ValidatorId,
    keys::{Domain, PublicKey, SecretKey, Signature, Signed},
    ledger,
    protocol::{PROTOCOL_MIN, ProtocolVersion},
    transaction::{SignedTransaction, TxId},
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

    /// The first version of the protocol that knows all that is in it.
    pub fn needs(&self) -> ProtocolVersion {
        let needs = self.transactions.iter().map(SignedTransaction::needs);
        needs.max().unwrap_or(PROTOCOL_MIN)
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
}

/// A batch with what it fixes: its digest, its transactions' ids, its cost, the version that it needs. Admission works them out,
/// and whoever has the batch from there, the ledger too, need not. They cannot be another batch's: each
/// way to make one hashes. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedBatch {
    digest: BatchDigest,
    ids: Arc<[TxId]>,
    cost: u64,
    needs: ProtocolVersion,
    batch: Arc<Batch>,
}

impl HashedBatch {
    pub fn new(batch: impl Into<Arc<Batch>>) -> Self {
        let batch = batch.into();
        Self::with_digest(batch.digest(), batch)
    }

    fn with_digest(digest: BatchDigest, batch: Arc<Batch>) -> Self {
        let mut buffer = Vec::with_capacity(1024);
        let ids = batch.transactions.iter().map(|it| it.transaction.id_with(&mut buffer));
        Self {
            digest,
            ids: ids.collect(),
            cost: batch.cost(),
            needs: batch.needs(),
            batch,
        }
    }

    pub fn digest(&self) -> BatchDigest {
        self.digest
    }

    pub fn batch(&self) -> &Arc<Batch> {
        &self.batch
    }

    /// Of its transactions, in their order.
    pub fn ids(&self) -> &Arc<[TxId]> {
        &self.ids
    }

    /// As of [`Batch::cost`].
    pub fn cost(&self) -> u64 {
        self.cost
    }

    /// As of [`Batch::needs`].
    pub fn needs(&self) -> ProtocolVersion {
        self.needs
    }

    pub fn seal(&self, key: &SecretKey) -> SignedBatch {
        self.under(key.sign(Domain::Batch, self.digest.as_bytes()))
    }

    /// Under its author's signature as it was read before.
    pub fn under(&self, signature: Signature) -> SignedBatch {
        SignedBatch {
            batch: self.batch.clone(),
            signature,
        }
    }

    /// The author's signature in the form that batch verification takes.
    pub fn signed(&self, author: PublicKey, signature: Signature) -> Signed<'_> {
        Signed {
            key: author,
            domain: Domain::Batch,
            message: self.digest.as_bytes(),
            signature,
        }
    }
}

const SIGNATURE_BYTES: usize = 64;

/// What should be a [`SignedBatch`]'s canonical bytes, with the batch's digest, which is had without
/// decoding. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BatchBytes {
    digest: BatchDigest,
    bytes: Arc<[u8]>,
}

impl BatchBytes {
    /// `None` if they are too few or too many to be a batch.
    pub fn new(bytes: Arc<[u8]>) -> Option<Self> {
        if bytes.len() > BATCH_BYTES_MAX {
            return None;
        }
        let batch = &bytes[..bytes.len().checked_sub(SIGNATURE_BYTES)?];
        let digest = BatchDigest(codec::hash(Domain::Batch.tag(), &[batch]));
        Some(Self { digest, bytes })
    }

    pub fn digest(&self) -> BatchDigest {
        self.digest
    }

    /// As they came.
    pub fn wire(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// How many bytes.
    pub fn count(&self) -> usize {
        self.bytes.len()
    }

    /// Reads the batch and its author's signature.
    ///
    /// # Errors
    /// If they are not the canonical bytes of a [`SignedBatch`].
    pub fn decode(&self) -> Result<(HashedBatch, Signature), DecodeError> {
        let SignedBatch { batch, signature } = codec::decode(&self.bytes, BATCH_BYTES_MAX)?;
        // The one encoding of the batch was hashed: what is not canonical is refused above.
        Ok((HashedBatch::with_digest(self.digest, batch), signature))
    }
}
