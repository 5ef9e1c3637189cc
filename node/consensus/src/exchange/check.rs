//! Everything that a batch from a peer must pass before it is held.

use std::sync::Arc;

use causeway_contracts::{
    block::{
        BatchBytes, GenesisHash, HashedBatch, SignedBatch,
        batch::{BATCH_COST_MAX, BATCH_VERSION},
    },
    codec::{self, DecodeError},
    committee::ValidatorId,
    keys::{PublicKey, Signature, Signed},
    protocol::{ProtocolVersion, Versions},
    transaction::TransactionError,
};

use super::authors::Authors;

/// A batch as it came from a peer.
#[derive(Debug)]
pub struct RawBatch {
    pub from: ValidatorId,
    pub bytes: BatchBytes,
    /// A block names it, so that it may be one of an author who has left since.
    pub named: bool,
}

impl RawBatch {
    /// `None` if the payload is too short or too long to be a batch.
    pub fn new(from: ValidatorId, payload: Arc<[u8]>) -> Option<Self> {
        let bytes = BatchBytes::new(payload)?;
        let named = false;
        Some(Self { from, bytes, named })
    }
}

/// Why a batch is not taken. No honest validator sends one that has such a fault, but for
/// [`Self::UnknownAuthor`] and [`Self::NotInForce`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchFault {
    #[error("not a batch: {0}")]
    Decode(#[from] DecodeError),
    #[error("version {0} is not known")]
    Version(u16),
    #[error("made for another network")]
    OtherGenesis,
    /// By the last block here; its author may be of a later one. One who has left is none either, unless a block
    /// names the batch.
    #[error("its author {0} is not a validator")]
    UnknownAuthor(ValidatorId),
    #[error("its author's signature is not good")]
    AuthorSignature,
    #[error("it has no transactions")]
    Empty,
    #[error("it costs {0}, and at most {BATCH_COST_MAX} are allowed")]
    TooCostly(u64),
    #[error("transaction {index}: {source}")]
    Transaction { index: usize, source: TransactionError },
    /// Its author may only be ahead.
    #[error("it needs protocol version {0}, which is not in force for the next block here")]
    NotInForce(ProtocolVersion),
}

impl BatchFault {
    /// Whether whatever has this digest is no batch of an honest validator. Only the author's
    /// signature is outside the digest: another copy may carry a good one.
    pub fn is_of_content(&self) -> bool {
        *self != Self::AuthorSignature
    }
}

/// A batch that passed every check but its author's share of memory.
#[derive(Debug, Clone)]
pub struct CheckedBatch {
    pub batch: HashedBatch,
    /// The canonical bytes of the [`SignedBatch`].
    pub wire: Arc<[u8]>,
}

impl CheckedBatch {
    /// As it was stored after it had been checked.
    pub fn stored(signed: SignedBatch) -> Self {
        Self {
            wire: codec::encode(&signed).into(),
            batch: HashedBatch::new(signed.batch),
        }
    }
}

/// Checks signatures, many at once or one alone; both by the same rule.
pub trait Signatures {
    fn all_good(&mut self, all: &[Signed<'_>]) -> bool;

    fn is_good(&mut self, signed: &Signed<'_>) -> bool;
}

/// Checks batches in full. One answer for each, in order. All signatures are checked together; only if
/// one is bad is its batch looked for.
pub fn check_batches(
    batches: Vec<RawBatch>,
    genesis: &GenesisHash,
    authors: &Authors,
    versions: Versions,
    signatures: &mut impl Signatures,
) -> Vec<Result<CheckedBatch, BatchFault>> {
    let read: Vec<_> = batches
        .into_iter()
        .map(|raw| ReadBatch::read(raw, genesis, authors, versions))
        .collect();
    let all: Vec<_> = read.iter().flatten().flat_map(ReadBatch::signed).collect();
    if signatures.all_good(&all) {
        return read
            .into_iter()
            .map(|result| result.map(ReadBatch::into_checked))
            .collect();
    }
    read.into_iter().map(|result| result?.check_alone(signatures)).collect()
}

/// A decoded batch whose signatures are still to be checked.
struct ReadBatch {
    batch: HashedBatch,
    signature: Signature,
    author_key: PublicKey,
    wire: Arc<[u8]>,
}

impl ReadBatch {
    fn read(raw: RawBatch, genesis: &GenesisHash, authors: &Authors, versions: Versions) -> Result<Self, BatchFault> {
        let (hashed, signature) = raw.bytes.decode()?;
        let batch = hashed.batch();
        if batch.version != BATCH_VERSION {
            return Err(BatchFault::Version(batch.version));
        }
        if batch.genesis != *genesis {
            return Err(BatchFault::OtherGenesis);
        }
        let author_key = *authors
            .key(&batch.author)
            .filter(|_| raw.named || authors.is_member(&batch.author))
            .ok_or(BatchFault::UnknownAuthor(batch.author))?;
        if batch.transactions.is_empty() {
            return Err(BatchFault::Empty);
        }
        let cost = hashed.cost();
        if cost > BATCH_COST_MAX {
            return Err(BatchFault::TooCostly(cost));
        }
        for (index, signed) in batch.transactions.iter().enumerate() {
            signed
                .check_known(versions.known)
                .and_then(|()| signed.check(genesis))
                .map_err(|source| BatchFault::Transaction { index, source })?;
        }
        if hashed.needs() > versions.in_force {
            return Err(BatchFault::NotInForce(hashed.needs()));
        }
        Ok(Self {
            author_key,
            wire: raw.bytes.wire().clone(),
            batch: hashed,
            signature,
        })
    }

    fn author_signature(&self) -> Signed<'_> {
        self.batch.signed(self.author_key, self.signature)
    }

    fn signed(&self) -> impl Iterator<Item = Signed<'_>> {
        let transactions = self.batch.batch().transactions.iter().zip(self.batch.ids().iter());
        transactions
            .flat_map(|(transaction, id)| transaction.signed(id))
            .chain(std::iter::once(self.author_signature()))
    }

    fn check_alone(self, signatures: &mut impl Signatures) -> Result<CheckedBatch, BatchFault> {
        let all: Vec<_> = self.signed().collect();
        if signatures.all_good(&all) {
            return Ok(self.into_checked());
        }
        if !signatures.is_good(&self.author_signature()) {
            return Err(BatchFault::AuthorSignature);
        }
        let transactions = self.batch.batch().transactions.iter().zip(self.batch.ids().iter());
        for (index, (transaction, id)) in transactions.enumerate() {
            if let Some(bad) = transaction.signed(id).find(|signed| !signatures.is_good(signed)) {
                let source = TransactionError::BadSignature { key: bad.key };
                return Err(BatchFault::Transaction { index, source });
            }
        }
        Ok(self.into_checked())
    }

    fn into_checked(self) -> CheckedBatch {
        CheckedBatch {
            batch: self.batch,
            wire: self.wire,
        }
    }
}
