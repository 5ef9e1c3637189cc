//! Handles one message at a time: none is looked at while a block is on its way to the disk, so
//! every answer is of one committed state.

use std::{sync::Arc, time::SystemTime};

use actix::{
    Actor, ActorFutureExt, Addr, ArbiterHandle, AtomicResponse, Context, Handler, MessageResult, ResponseFuture,
    WrapFuture,
};
use causeway_consensus::{Chain, yields};
use causeway_contracts::{
    block::{Block, BlockId, HashedBatch, Height, TimeMs},
    committee::ValidatorId,
    ledger::{Execution, InvalidBlock, Ledger, StateKey, StateValue},
    merkle::Root,
    protocol::ProtocolVersion,
};
use tokio::sync::{broadcast, watch};

use super::{
    LedgerMetrics, Membership,
    listing::page,
    message::{
        Admit, Candidate, Commit, CommitDone, Committed, ContractsOf, Draft, Execute, Finalized, TakeRoot, Tip,
        WrongHeight,
    },
    spenders::spenders,
    upgrade,
};
use crate::{
    exit::{self, ExitStatus},
    store::{BlockCommit, Store, kept::KeptSnapshots},
};

/// Messages that wait; a sender of one more waits, or is told with `try_send`.
const MAILBOX_MESSAGES_MAX: usize = 256;

pub struct LedgerActor {
    chain: Chain,
    store: Store,
    finalized: broadcast::Sender<Finalized>,
    members: watch::Sender<Membership>,
    metrics: LedgerMetrics,
    known: ProtocolVersion,
    snapshots: KeptSnapshots,
}

/// What the actor starts with.
pub struct Start {
    /// What opening the store gave.
    pub ledger: Ledger,
    pub store: Store,
    /// Each committed block is published here,
    pub finalized: broadcast::Sender<Finalized>,
    /// and here what a block changes of who is who.
    pub members: watch::Sender<Membership>,
    pub metrics: LedgerMetrics,
    /// The last version of the protocol that this program implements.
    pub known: ProtocolVersion,
    /// Where the state of a checkpoint is kept.
    pub snapshots: KeptSnapshots,
}

impl LedgerActor {
    /// Starts it on an arbiter of its own.
    pub fn start_in(arbiter: &ArbiterHandle, start: Start) -> Addr<Self> {
        let Start {
            ledger,
            store,
            finalized,
            members,
            metrics,
            known,
            snapshots,
        } = start;
        metrics.at(&ledger);
        metrics.known(known);
        upgrade::tell(&ledger, known);
        Self::start_in_arbiter(arbiter, move |context: &mut Context<Self>| {
            context.set_mailbox_capacity(MAILBOX_MESSAGES_MAX);
            Self {
                chain: Chain::new(ledger),
                store,
                finalized,
                members,
                metrics,
                known,
                snapshots,
            }
        })
    }

    fn draft(&mut self, draft: &causeway_consensus::Draft) -> Result<Block, WrongHeight> {
        let _timer = self.metrics.execute.start_timer();
        self.chain.draft(draft)
    }

    fn execute(&mut self, block: &Block, batches: &[HashedBatch]) -> Result<Result<(), InvalidBlock>, WrongHeight> {
        let _timer = (!self.chain.has_executed(&block.id())).then(|| self.metrics.execute.start_timer());
        self.chain.check(block, batches)
    }

    /// The effects of a certified block. More than two thirds of the power vouch for its results: if
    /// ours differ, it is this node that is wrong, in its memory, its disk or its program.
    fn certified(&mut self, block: &Block, batches: &[HashedBatch]) -> Execution {
        let id = block.id();
        let timer = (!self.chain.has_executed(&id)).then(|| self.metrics.execute.start_timer());
        let outcome = self.chain.certified(block, batches);
        drop(timer);
        outcome.unwrap_or_else(|why| stop_diverged(block.header.height, &id, &why))
    }

    /// After the block is on disk: nothing here may fail.
    fn apply(&mut self, commit: BlockCommit) -> Committed {
        let BlockCommit {
            block,
            certificate,
            execution,
        } = commit;
        let before = self.chain.ledger().tip().time_ms;
        let receipts: Arc<[_]> = execution.receipts.as_slice().into();
        warn_of_evidence(&execution);
        let scheduled = self.chain.ledger().protocol().upcoming;
        let changes_members = Membership::changes_with(&execution);
        self.chain.commit(execution);
        if changes_members {
            self.members.send_replace(Membership::of(self.chain.ledger()));
        }
        self.metrics.at(self.chain.ledger());
        upgrade::tell_again(self.chain.ledger(), scheduled, self.known);
        self.metrics.finalized(block.header.time_ms, before, &receipts);
        // Fails if nobody listens, which is no fault.
        self.finalized
            .send(Finalized {
                block: Arc::new(block),
                certificate: Arc::new(certificate),
                receipts,
            })
            .ok();
        self.chain.tip()
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
            self.chain
                .ledger()
                .admit_at(transaction, id, now)
                .map(|()| spenders(self.chain.ledger(), transaction))
        });
        MessageResult(admitted.collect())
    }
}

impl Handler<Draft> for LedgerActor {
    type Result = AtomicResponse<Self, Result<Block, WrongHeight>>;

    fn handle(&mut self, Draft(draft): Draft, _: &mut Context<Self>) -> Self::Result {
        self.beside_sync(move |actor| actor.draft(&draft))
    }
}

impl Handler<Execute> for LedgerActor {
    type Result = AtomicResponse<Self, Result<Result<(), InvalidBlock>, WrongHeight>>;

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
        if let Err(wrong) = self.chain.check_height(block.header.height) {
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

impl Handler<TakeRoot> for LedgerActor {
    type Result = ResponseFuture<Option<Root>>;

    fn handle(&mut self, TakeRoot { height }: TakeRoot, _: &mut Context<Self>) -> Self::Result {
        if self.chain.ledger().tip().height != height {
            return Box::pin(async { None });
        }
        // On disk is what is committed, and nothing is committed before this returns.
        let root = self
            .store
            .reader()
            .root_beside(self.chain.ledger().genesis(), self.snapshots.clone());
        let timer = self.metrics.root.start_timer();
        Box::pin(async move {
            let root = root.await.ok()?;
            timer.observe_duration();
            match root {
                Ok(root) => Some(root),
                Err(error) => {
                    error.stop_if_damaged();
                    tracing::error!(%error, %height, "cannot read the state for a checkpoint");
                    None
                }
            }
        })
    }
}

impl Handler<Tip> for LedgerActor {
    type Result = MessageResult<Tip>;

    fn handle(&mut self, Tip: Tip, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.chain.tip())
    }
}

impl Handler<ContractsOf> for LedgerActor {
    type Result = MessageResult<ContractsOf>;

    fn handle(&mut self, asked: ContractsOf, _: &mut Context<Self>) -> Self::Result {
        MessageResult(page(self.chain.ledger(), &asked))
    }
}

/// By this node's clock. Only what it takes from clients depends on it, never what it makes of a block.
fn now() -> TimeMs {
    let since_1970 = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    TimeMs(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}

/// Evidence has nearly the last keys of all.
fn warn_of_evidence(execution: &Execution) {
    let last = execution.changes.iter().rev();
    for (_, value) in last.take_while(|(key, _)| *key >= StateKey::Evidence(ValidatorId([0; 20]), 0)) {
        let Some(StateValue::Evidence(record)) = value else {
            continue;
        };
        tracing::warn!(
            validator = %record.evidence.validator,
            height = %record.evidence.height,
            round = record.evidence.round,
            signed = record.evidence.kind(),
            reporter = %record.reporter,
            transaction = %record.transaction,
            "it is on the ledger that a validator has signed twice"
        );
    }
}

fn stop_diverged(height: Height, id: &BlockId, why: &InvalidBlock) -> ! {
    exit::stop(
        ExitStatus::Divergence,
        &format!(
            "block {height} ({id}) is final, and this node's result differs: {why}. Do not start this node again on \
             this data; keep the folder for examination, compare program versions with the other validators, and run \
             causeway-node db check"
        ),
    )
}
