//! What makes a block valid over its parent's state, and how a proposer makes one.

use std::collections::BTreeSet;

use super::{
    Ledger,
    execution::{Batches, Effects, Execution, Setting, execute},
};
use crate::{
    block::{
        BATCHES_MAX, BatchDigest, Block, BlockId, CertificateError, CheckpointCertificate, GenesisHash, HashedBatch,
        Header, Height, StateHash, TimeMs, batches_root,
    },
    codec::Bounded,
    committee::ValidatorId,
    merkle::Root,
    protocol::ProtocolVersion,
};

/// Why every honest validator refuses a block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBlock {
    #[error("version {actual}, and version {expected} is in force for its height")]
    Version {
        expected: ProtocolVersion,
        actual: ProtocolVersion,
    },
    #[error("for the network with genesis {0}")]
    Genesis(GenesisHash),
    #[error("height {actual}, and the next is {expected}")]
    Height { expected: Height, actual: Height },
    #[error("its parent is {actual}, and the last block is {expected}")]
    Parent { expected: BlockId, actual: BlockId },
    #[error("its time is {} ms, not after its parent's {} ms", actual.0, parent.0)]
    Time { parent: TimeMs, actual: TimeMs },
    #[error("its author {0} is not a validator")]
    Author(ValidatorId),
    #[error("decided by validators {actual}, and the state says {expected}")]
    Validators { expected: Root, actual: Root },
    #[error("followed by validators {actual}, and the state says {expected}")]
    NextValidators { expected: Root, actual: Root },
    #[error("its checkpoint root is {actual}, and by its certificate or its parent it is {expected}")]
    Checkpoint { expected: Root, actual: Root },
    #[error("it certifies the state after block {actual}, and {}", due_text(*.due))]
    CheckpointNotDue { due: Option<Height>, actual: Height },
    #[error("its certificate for a checkpoint: {0}")]
    CheckpointCertificate(#[source] CertificateError),
    #[error("it names batch {0} twice")]
    DuplicateBatch(BatchDigest),
    #[error("batch {0} was ordered before")]
    RememberedBatch(BatchDigest),
    #[error("batch {batch} has an action of protocol version {needs}, and version {in_force} is in force")]
    NotInForce {
        batch: BatchDigest,
        needs: ProtocolVersion,
        in_force: ProtocolVersion,
    },
    #[error("{actual} transactions, and at most {max} are allowed")]
    TooManyTransactions { max: u64, actual: u64 },
    #[error("it costs {actual}, and at most {max} are allowed")]
    TooCostly { max: u64, actual: u64 },
    #[error("its batches root is {actual}, and its batches give {expected}")]
    BatchesRoot { expected: Root, actual: Root },
    #[error("it counts {actual} transactions, and its batches hold {expected}")]
    TransactionCount { expected: u32, actual: u32 },
    #[error("its receipts root is {actual}, and executing it gives {expected}")]
    ReceiptsRoot { expected: Root, actual: Root },
    #[error("its changes root is {actual}, and executing it gives {expected}")]
    ChangesRoot { expected: Root, actual: Root },
    #[error("its state hash is {actual}, and executing it gives {expected}")]
    StateHash { expected: StateHash, actual: StateHash },
}

fn due_text(due: Option<Height>) -> String {
    match due {
        Some(due) => format!("that after block {due} is due"),
        None => "none is due".to_owned(),
    }
}

/// Returns early with the error made of both unless they are equal.
macro_rules! expect_equal {
    ($error:ident, $expected:expr, $actual:expr) => {
        let (expected, actual) = ($expected, $actual);
        if expected != actual {
            return Err(InvalidBlock::$error { expected, actual });
        }
    };
}

/// What counts towards a block's limits.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    transactions: u64,
    cost: u64,
}

impl Load {
    /// With a batch more. Cannot overflow: a batch has at most 1,024 transactions, a block 256 batches.
    fn with(self, batch: &HashedBatch) -> Self {
        Self {
            transactions: self.transactions + batch.ids().len() as u64,
            cost: self.cost + batch.cost(),
        }
    }
}

impl Ledger {
    /// Makes the block after this state, and its effects. Its time is `now`, or a millisecond after its
    /// parent's if that is later.
    ///
    /// Takes the candidates in order, leaving out those that were ordered already, appear twice, need a
    /// version that is not in force, or with which the block would be too large or too costly.
    ///
    /// # Panics
    /// If the proposer is not a validator.
    pub fn draft(
        &self,
        now: TimeMs,
        proposer: ValidatorId,
        candidates: Batches<'_>,
        checkpoint: Option<&CheckpointCertificate>,
    ) -> (Block, Execution) {
        assert!(
            self.validators().by_id(&proposer).is_some(),
            "{proposer} proposes and is not a validator"
        );
        let time = now.max(TimeMs(self.tip.time_ms.0 + 1));
        let mut taken = Vec::new();
        let mut named = BTreeSet::new();
        let mut load = Load::default();
        let version = self.next_version();
        for batch in candidates {
            let with = load.with(batch);
            let fits = taken.len() < BATCHES_MAX && batch.needs() <= version && self.excess(&with).is_none();
            let digest = batch.digest();
            if fits && !self.digests.contains(&digest, time) && named.insert(digest) {
                taken.push(batch.clone());
                load = with;
            }
        }
        let checkpoint = checkpoint.filter(|certificate| self.check_checkpoint(certificate).is_ok());
        let setting = Setting {
            time,
            author: &proposer,
            certified: checkpoint.map(|certificate| certificate.height),
        };
        let effects = execute(self, &setting, &taken);
        let results = effects.results();
        let digests: Vec<_> = taken.iter().map(HashedBatch::digest).collect();
        let header = Header {
            version,
            genesis: self.state.genesis,
            height: self.tip.height.next(),
            time_ms: time,
            parent: self.tip.block,
            proposer,
            batches_root: batches_root(&digests, checkpoint),
            transaction_count: u32::try_from(load.transactions).expect("within a block's limits"),
            receipts_root: results.receipts_root,
            changes_root: results.changes_root,
            state_hash: self.tip.state_hash.after(&results.changes_root),
            checkpoint_root: checkpoint.map_or(self.tip.checkpoint_root, |certificate| certificate.root),
            validators_hash: self.validators_hash,
            next_validators_hash: self.next_validators_hash,
        };
        let block = Block {
            header: header.clone(),
            batches: Bounded::new(digests.clone()).expect("within a block's limits"),
            checkpoint: checkpoint.cloned(),
        };
        (block, self.execution(header, digests, effects))
    }

    /// Whether a block may follow this state, and its effects. Says nothing of clocks: whether its time
    /// is plausible is not a matter of validity.
    ///
    /// # Panics
    /// If `batches` are not those that the block names, in its order.
    pub fn check(&self, block: &Block, batches: Batches<'_>) -> Result<Execution, InvalidBlock> {
        let header = &block.header;
        assert!(
            block
                .batches
                .iter()
                .copied()
                .eq(batches.iter().map(HashedBatch::digest)),
            "a block is checked with the batches that it names"
        );
        self.check_header(header)?;
        let certified = match &block.checkpoint {
            Some(certificate) => {
                self.check_checkpoint(certificate)?;
                expect_equal!(Checkpoint, certificate.root, header.checkpoint_root);
                Some(certificate.height)
            }
            None => {
                expect_equal!(Checkpoint, self.tip.checkpoint_root, header.checkpoint_root);
                None
            }
        };
        let load = self.check_batches(header, batches)?;
        expect_equal!(BatchesRoot, block.batches_root(), header.batches_root);
        let count = u32::try_from(load.transactions).expect("within a block's limits");
        expect_equal!(TransactionCount, count, header.transaction_count);
        let setting = Setting {
            time: header.time_ms,
            author: &header.proposer,
            certified,
        };
        let effects = execute(self, &setting, batches);
        let results = effects.results();
        expect_equal!(ReceiptsRoot, results.receipts_root, header.receipts_root);
        expect_equal!(ChangesRoot, results.changes_root, header.changes_root);
        let state_hash = self.tip.state_hash.after(&results.changes_root);
        expect_equal!(StateHash, state_hash, header.state_hash);
        Ok(self.execution(header.clone(), block.batches.to_vec(), effects))
    }

    /// What can be told without the batches.
    fn check_header(&self, header: &Header) -> Result<(), InvalidBlock> {
        let tip = &self.tip;
        if header.genesis != self.state.genesis {
            return Err(InvalidBlock::Genesis(header.genesis));
        }
        expect_equal!(Height, tip.height.next(), header.height);
        expect_equal!(Version, self.next_version(), header.version);
        expect_equal!(Parent, tip.block, header.parent);
        if header.time_ms <= tip.time_ms {
            return Err(InvalidBlock::Time {
                parent: tip.time_ms,
                actual: header.time_ms,
            });
        }
        if self.validators().by_id(&header.proposer).is_none() {
            return Err(InvalidBlock::Author(header.proposer));
        }
        expect_equal!(Validators, self.validators_hash, header.validators_hash);
        expect_equal!(NextValidators, self.next_validators_hash, header.next_validators_hash);
        Ok(())
    }

    /// Whether the next block may carry a certificate for a checkpoint: it is for the block that is due, and by
    /// those who decide the next one.
    pub fn check_checkpoint(&self, certificate: &CheckpointCertificate) -> Result<(), InvalidBlock> {
        let due = self.state.checkpoints.due;
        if due != Some(certificate.height) {
            return Err(InvalidBlock::CheckpointNotDue {
                due,
                actual: certificate.height,
            });
        }
        certificate
            .verify_with(&self.state.genesis, self.validators(), self.is_good)
            .map_err(InvalidBlock::CheckpointCertificate)
    }

    fn check_batches(&self, header: &Header, batches: Batches<'_>) -> Result<Load, InvalidBlock> {
        let mut named = BTreeSet::new();
        let mut load = Load::default();
        let in_force = self.next_version();
        for batch in batches {
            let digest = batch.digest();
            if !named.insert(digest) {
                return Err(InvalidBlock::DuplicateBatch(digest));
            }
            if self.digests.contains(&digest, header.time_ms) {
                return Err(InvalidBlock::RememberedBatch(digest));
            }
            if batch.needs() > in_force {
                return Err(InvalidBlock::NotInForce {
                    batch: digest,
                    needs: batch.needs(),
                    in_force,
                });
            }
            load = load.with(batch);
        }
        match self.excess(&load) {
            Some(excess) => Err(excess),
            None => Ok(load),
        }
    }

    /// What a block with this load has too much of.
    fn excess(&self, load: &Load) -> Option<InvalidBlock> {
        let parameters = self.parameters();
        let transactions_max = u64::from(parameters.block_transactions_max);
        if load.transactions > transactions_max {
            return Some(InvalidBlock::TooManyTransactions {
                max: transactions_max,
                actual: load.transactions,
            });
        }
        if load.cost > parameters.block_cost_max {
            return Some(InvalidBlock::TooCostly {
                max: parameters.block_cost_max,
                actual: load.cost,
            });
        }
        None
    }

    fn execution(&self, header: Header, batches: Vec<BatchDigest>, effects: Effects) -> Execution {
        let kept_ms = u64::from(self.parameters().validity_seconds_max) * 1000;
        let forgotten_at = TimeMs(header.time_ms.0.saturating_add(kept_ms));
        Execution {
            digests: batches.iter().map(|digest| (forgotten_at, *digest)).collect(),
            header,
            batches,
            receipts: effects.receipts,
            locations: effects.locations,
            changes: effects.changes.entries,
            places: effects.changes.places,
            ids: effects.ids,
            skips: effects.skips,
        }
    }
}
