//! Handles one message at a time: none is looked at while a block is on its way to the disk, so
//! every answer is of one committed state.

use std::{sync::Arc, time::SystemTime};

use actix::{Actor, ActorFutureExt, Addr, ArbiterHandle, AtomicResponse, Context, Handler, MessageResult, WrapFuture};
use causeway_contracts::{
    block::{Block, BlockId, HashedBatch, Height, TimeMs},
    ledger::{Execution, Ledger},
};
use tokio::sync::broadcast;

use super::{
    LedgerMetrics,
    executions::{Executions, Outcome},
    message::{Admit, Candidate, Commit, CommitDone, Committed, Draft, Execute, Finalized, Tip, Verdict, WrongHeight},
    spenders::spenders,
    yields::yields,
};
use crate::{
    exit::{self, ExitStatus},
    store::{BlockCommit, Store},
};

/// Messages that wait; a sender of one more waits, or is told with `try_send`.
const MAILBOX_MESSAGES_MAX: usize = 256;

pub struct LedgerActor {
    ledger: Ledger,
    store: Store,
    executions: Executions,
    finalized: broadcast::Sender<Finalized>,
    metrics: LedgerMetrics,
}

impl LedgerActor {
    /// Starts it on an arbiter of its own. `ledger` is what opening the store gave; each committed
    /// block is published to `finalized`.
    pub fn start_in(
        arbiter: &ArbiterHandle,
        ledger: Ledger,
        store: Store,
        finalized: broadcast::Sender<Finalized>,
        metrics: LedgerMetrics,
    ) -> Addr<Self> {
        metrics.at(ledger.tip().height);
        Self::start_in_arbiter(arbiter, move |context: &mut Context<Self>| {
            context.set_mailbox_capacity(MAILBOX_MESSAGES_MAX);
            Self {
                ledger,
                store,
                executions: Executions::default(),
                finalized,
                metrics,
            }
        })
    }

    fn check_height(&self, asked: Height) -> Result<(), WrongHeight> {
        let next = self.ledger.tip().height.next();
        if asked == next {
            Ok(())
        } else {
            Err(WrongHeight { asked, next })
        }
    }

    fn draft(&mut self, draft: &Draft) -> Result<Block, WrongHeight> {
        self.check_height(draft.height)?;
        let timer = self.metrics.execute.start_timer();
        let (block, execution) = self.ledger.draft(draft.now, draft.proposer, &draft.batches);
        timer.observe_duration();
        self.executions.insert(block.id(), Ok(execution));
        Ok(block)
    }

    fn execute(&mut self, block: &Block, batches: &[HashedBatch]) -> Result<Verdict, WrongHeight> {
        self.check_height(block.header.height)?;
        let id = block.id();
        if self.executions.get(&id).is_none() {
            let outcome = self.outcome(block, batches);
            self.executions.insert(id, outcome);
        }
        Ok(match self.executions.get(&id).expect("just inserted") {
            Ok(_) => Verdict::Valid,
            Err(why) => Verdict::Invalid(why.clone()),
        })
    }

    fn outcome(&self, block: &Block, batches: &[HashedBatch]) -> Outcome {
        let timer = self.metrics.execute.start_timer();
        let outcome = self.ledger.check(block, batches);
        timer.observe_duration();
        outcome.map_err(|invalid| invalid.to_string())
    }

    /// The effects of a certified block. More than two thirds of the power vouch for its results: if
    /// ours differ, it is this node that is wrong, in its memory, its disk or its program.
    fn certified(&mut self, block: &Block, batches: &[HashedBatch]) -> Execution {
        let id = block.id();
        let outcome = self
            .executions
            .take_last(&id)
            .unwrap_or_else(|| self.outcome(block, batches));
        outcome.unwrap_or_else(|why| stop_diverged(block.header.height, &id, &why))
    }

    /// After the block is on disk: nothing here may fail.
    fn apply(&mut self, commit: BlockCommit) -> Committed {
        let BlockCommit {
            block,
            certificate,
            execution,
        } = commit;
        let before = self.ledger.tip().time_ms;
        let receipts: Arc<[_]> = execution.receipts.as_slice().into();
        self.ledger.commit(execution);
        self.metrics.at(block.header.height);
        self.metrics.finalized(block.header.time_ms, before, &receipts);
        // Fails if nobody listens, which is no fault.
        self.finalized
            .send(Finalized {
                block: Arc::new(block),
                certificate: Arc::new(certificate),
                receipts,
            })
            .ok();
        self.committed()
    }

    fn committed(&self) -> Committed {
        let tip = self.ledger.tip();
        Committed {
            height: tip.height,
            time_ms: tip.time_ms,
            block: tip.block,
            state_hash: tip.state_hash,
            validators: self.ledger.validators().clone(),
            rotation: self.ledger.rotation().clone(),
        }
    }

    /// Runs `work` while the store syncs, and answers when both are done: what the answer lets others
    /// depend on is then on disk.
    fn beside_sync<T: 'static>(&self, work: impl FnOnce(&mut Self) -> T + 'static) -> AtomicResponse<Self, T> {
        let store = self.store.clone();
        let synced = async move { store.begin_sync().await }
            .into_actor(self)
            .map(|synced, actor: &mut Self, _| (work(actor), synced))
            .then(|(done, synced), actor, _| {
                async move {
                    synced.wait().await;
                    done
                }
                .into_actor(actor)
            });
        AtomicResponse::new(Box::pin(synced))
    }
}

impl Actor for LedgerActor {
    type Context = Context<Self>;
}

impl Handler<Admit> for LedgerActor {
    type Result = MessageResult<Admit>;

    fn handle(&mut self, Admit(candidates): Admit, _: &mut Context<Self>) -> Self::Result {
        let now = now();
        let admitted = candidates.iter().map(|Candidate { id, transaction }| {
            self.ledger
                .admit_at(transaction, id, now)
                .map(|()| spenders(&self.ledger, transaction))
        });
        MessageResult(admitted.collect())
    }
}

impl Handler<Draft> for LedgerActor {
    type Result = AtomicResponse<Self, Result<Block, WrongHeight>>;

    fn handle(&mut self, draft: Draft, _: &mut Context<Self>) -> Self::Result {
        self.beside_sync(move |actor| actor.draft(&draft))
    }
}

impl Handler<Execute> for LedgerActor {
    type Result = AtomicResponse<Self, Result<Verdict, WrongHeight>>;

    fn handle(&mut self, Execute { block, batches }: Execute, _: &mut Context<Self>) -> Self::Result {
        self.beside_sync(move |actor| actor.execute(&block, &batches))
    }
}

impl Handler<Commit> for LedgerActor {
    type Result = AtomicResponse<Self, Result<CommitDone, WrongHeight>>;

    fn handle(&mut self, commit: Commit, _: &mut Context<Self>) -> Self::Result {
        let Commit {
            block,
            certificate,
            batches,
        } = commit;
        if let Err(wrong) = self.check_height(block.header.height) {
            return AtomicResponse::new(Box::pin(async move { Err(wrong) }.into_actor(self)));
        }
        let execution = self.certified(&block, &batches);
        let counts = batches.iter().map(|it| (it.batch().author, it.ids().len()));
        let yields = yields(counts, &execution.skips);
        let timer = self.metrics.commit.start_timer();
        let commit = Box::new(BlockCommit {
            block,
            certificate,
            execution,
        });
        let store = self.store.clone();
        let done = async move { store.commit(commit).await }
            .into_actor(self)
            .map(|commit, actor: &mut Self, _| {
                let committed = actor.apply(*commit);
                timer.observe_duration();
                Ok(CommitDone { committed, yields })
            });
        AtomicResponse::new(Box::pin(done))
    }
}

impl Handler<Tip> for LedgerActor {
    type Result = MessageResult<Tip>;

    fn handle(&mut self, Tip: Tip, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.committed())
    }
}

/// By this node's clock. Only what it takes from clients depends on it, never what it makes of a block.
fn now() -> TimeMs {
    let since_1970 = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    TimeMs(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}

fn stop_diverged(height: Height, id: &BlockId, why: &str) -> ! {
    exit::stop(
        ExitStatus::Divergence,
        &format!(
            "block {height} ({id}) is final, and this node's result differs: {why}. Do not start this node again on \
             this data; keep the folder for examination, compare program versions with the other validators, and run \
             causeway-node db check"
        ),
    )
}
