//! Whether a streamed block is the next one, and final, and whether what came with it is what its header says.

use causeway_contracts::{
    api::StreamedBlock,
    block::{BlockId, Header, Height},
    ledger::receipt::{Receipt, Subject, receipts_root},
    proof::{CertifiedHeader, ProofError, TrustedSet},
    transaction::{Transaction, TxId},
};

/// A final block, with all that its header commits to and a statement is written from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedBlock {
    pub id: BlockId,
    pub header: Header,
    pub receipts: Vec<Receipt>,
    /// What was signed, of each receipt that is about a transaction, in the receipts' order. Not the signatures: a
    /// transaction's id does not cover them, so that those which a node sends show nothing.
    pub transactions: Vec<Transaction>,
}

/// Why a block is not taken from a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockFault {
    #[error("block {actual} in the place of block {expected}")]
    Height { expected: Height, actual: Height },
    #[error("block {height} follows {actual}, and the one before it was {expected}")]
    Parent {
        height: Height,
        expected: BlockId,
        actual: BlockId,
    },
    #[error("block {height}: {source}")]
    Certificate { height: Height, source: ProofError },
    #[error("the receipts of block {0} are not those that its header commits to")]
    Receipts(Height),
    #[error("block {height} came with {actual} transactions, and its receipts are about {expected}")]
    TransactionCount {
        height: Height,
        expected: usize,
        actual: usize,
    },
    #[error("block {height} came with transaction {actual} in the place of {expected}")]
    OtherTransaction {
        height: Height,
        expected: TxId,
        actual: TxId,
    },
}

impl BlockFault {
    /// Whether those who decided it may be trusted after all, by changes of validators that were not followed yet.
    pub(super) fn is_of_other_validators(&self) -> bool {
        let source = ProofError::OtherValidators;
        matches!(self, Self::Certificate { source: actual, .. } if *actual == source)
    }
}

/// How far the chain has been followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub next: Height,
    /// The id of the block before it, if that is known.
    pub parent: Option<BlockId>,
}

impl Place {
    pub fn after(block: &VerifiedBlock) -> Self {
        Self {
            next: block.header.height.next(),
            parent: Some(block.id),
        }
    }

    /// Whether this is the next block, final by the trusted validators, and comes with its own receipts and
    /// transactions. `has_verified` as in [`TrustedSet::check_once`].
    pub fn check(
        &self,
        block: &StreamedBlock,
        trusted: &TrustedSet,
        has_verified: impl FnOnce(&CertifiedHeader) -> bool,
    ) -> Result<BlockId, BlockFault> {
        let header = &block.header;
        let height = header.height;
        if height != self.next {
            return Err(BlockFault::Height {
                expected: self.next,
                actual: height,
            });
        }
        if let Some(expected) = self.parent.filter(|parent| *parent != header.parent) {
            return Err(BlockFault::Parent {
                height,
                expected,
                actual: header.parent,
            });
        }
        let certified = CertifiedHeader {
            header: header.clone(),
            certificate: block.certificate.clone(),
        };
        let id = trusted
            .check_once(&certified, has_verified)
            .map_err(|source| BlockFault::Certificate { height, source })?;
        if receipts_root(&block.receipts) != header.receipts_root {
            return Err(BlockFault::Receipts(height));
        }
        check_transactions(block)?;
        Ok(id)
    }
}

fn check_transactions(block: &StreamedBlock) -> Result<(), BlockFault> {
    let height = block.header.height;
    let subjects: Vec<_> = block.receipts.iter().filter_map(about).collect();
    if subjects.len() != block.transactions.len() {
        return Err(BlockFault::TransactionCount {
            height,
            expected: subjects.len(),
            actual: block.transactions.len(),
        });
    }
    let mut buffer = Vec::new();
    for (expected, signed) in subjects.into_iter().zip(&block.transactions) {
        let actual = signed.transaction.id_with(&mut buffer);
        if actual != expected {
            return Err(BlockFault::OtherTransaction {
                height,
                expected,
                actual,
            });
        }
    }
    Ok(())
}

fn about(receipt: &Receipt) -> Option<TxId> {
    match receipt.subject {
        Subject::Transaction(id) => Some(id),
        Subject::System { .. } => None,
    }
}

impl VerifiedBlock {
    /// Of a block that was checked.
    pub(super) fn new(id: BlockId, block: StreamedBlock) -> Self {
        Self {
            id,
            header: block.header,
            receipts: block.receipts,
            transactions: block.transactions.into_iter().map(|it| it.transaction).collect(),
        }
    }
}
