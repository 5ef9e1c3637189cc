//! The block after the last committed one, as the ledger sees it: drafted or checked, and committed.

use std::collections::VecDeque;

use causeway_contracts::{
    block::{Block, BlockId, CheckpointCertificate, HashedBatch, Height, TimeMs},
    committee::ValidatorId,
    ledger::{Execution, InvalidBlock, Ledger},
};

use crate::validator::Committed;

/// One or two blocks compete for a height as a rule; the oldest makes room for a ninth.
const EXECUTIONS_MAX: usize = 8;

/// A committed ledger, and what blocks do that may become the next: none is executed twice.
#[derive(Debug)]
pub struct Chain {
    ledger: Ledger,
    executions: VecDeque<(BlockId, Result<Execution, InvalidBlock>)>,
}

/// The chain has gone past the height, or not yet come to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("asked for height {asked}, and the next is {next}")]
pub struct WrongHeight {
    pub asked: Height,
    pub next: Height,
}

/// What a draft is made of.
#[derive(Debug, Clone)]
pub struct Draft {
    pub height: Height,
    /// By the proposer's clock; the block's time is this, or one more than its parent's.
    pub now: TimeMs,
    pub proposer: ValidatorId,
    /// Those that do not fit are left out.
    pub batches: Vec<HashedBatch>,
    /// Left out if it is not for the block that is due.
    pub checkpoint: Option<CheckpointCertificate>,
}

impl Chain {
    pub fn new(ledger: Ledger) -> Self {
        Self {
            ledger,
            executions: VecDeque::new(),
        }
    }

    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub fn check_height(&self, asked: Height) -> Result<(), WrongHeight> {
        let next = self.ledger.tip().height.next();
        if asked == next {
            Ok(())
        } else {
            Err(WrongHeight { asked, next })
        }
    }

    /// Whether [`Self::check`] or [`Self::draft`] knows what the block does.
    pub fn has_executed(&self, id: &BlockId) -> bool {
        self.executions.iter().any(|(known, _)| known == id)
    }

    pub fn draft(&mut self, draft: &Draft) -> Result<Block, WrongHeight> {
        self.check_height(draft.height)?;
        let (block, execution) =
            self.ledger
                .draft(draft.now, draft.proposer, &draft.batches, draft.checkpoint.as_ref());
        self.keep(block.id(), Ok(execution));
        Ok(block)
    }

    /// Executes a block with the batches that it names, unless it was, and says why every honest
    /// validator refuses it, if they do.
    pub fn check(&mut self, block: &Block, batches: &[HashedBatch]) -> Result<Result<(), InvalidBlock>, WrongHeight> {
        self.check_height(block.header.height)?;
        let id = block.id();
        if let Some((_, known)) = self.executions.iter().find(|(known, _)| *known == id) {
            return Ok(known.as_ref().map(|_| ()).map_err(Clone::clone));
        }
        let outcome = self.ledger.check(block, batches);
        let verdict = outcome.as_ref().map(|_| ()).map_err(Clone::clone);
        self.keep(id, outcome);
        Ok(verdict)
    }

    /// What a certified block does, and forgets all others of its height. More than two thirds of the
    /// power vouch for its results: if ours differ, it is this node that is wrong.
    pub fn certified(&mut self, block: &Block, batches: &[HashedBatch]) -> Result<Execution, InvalidBlock> {
        let id = block.id();
        let mut known = std::mem::take(&mut self.executions).into_iter();
        match known.find(|(known, _)| *known == id) {
            Some((_, outcome)) => outcome,
            None => self.ledger.check(block, batches),
        }
    }

    /// After the block is on disk: nothing here may fail.
    pub fn commit(&mut self, execution: Execution) {
        self.ledger.commit(execution);
    }

    /// The last committed block.
    pub fn tip(&self) -> Committed {
        let tip = self.ledger.tip();
        Committed {
            height: tip.height,
            time_ms: tip.time_ms,
            block: tip.block,
            state_hash: tip.state_hash,
            checkpoint_root: tip.checkpoint_root,
            checkpoints: *self.ledger.checkpoints(),
            validators: self.ledger.validators().clone(),
            next_validators: self.ledger.next_validators().clone(),
            rotation: self.ledger.rotation().clone(),
            protocol: *self.ledger.protocol(),
        }
    }

    fn keep(&mut self, id: BlockId, outcome: Result<Execution, InvalidBlock>) {
        if self.has_executed(&id) {
            return;
        }
        if self.executions.len() == EXECUTIONS_MAX {
            self.executions.pop_front();
        }
        self.executions.push_back((id, outcome));
    }
}
