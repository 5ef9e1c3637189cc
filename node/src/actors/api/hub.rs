//! Wakes the requests that wait for a receipt when its block is final.
//!
//! One task owns the list of waiters. A request registers first and looks in the store second, and
//! the task takes up all registrations before it looks at a block: so either the request finds the
//! receipt, or its registration is there when the block comes.

use std::collections::HashMap;

use causeway_contracts::{ledger::receipt::Subject, transaction::TxId};
use prometheus::IntGauge;
use tokio::sync::{
    broadcast::{self, error::RecvError},
    mpsc, oneshot,
};
use tokio_util::sync::CancellationToken;

use super::error::ApiError;
use crate::actors::ledger::message::Finalized;

/// Registrations that the task has not yet taken up.
const QUEUE_MAX: usize = 1024;

/// Why a waiting request is woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    /// The receipt is in the store.
    Final,
    /// The hub has missed blocks. The receipt may be in the store; if not, register again.
    Missed,
    /// Too many requests wait already.
    Full,
}

#[derive(Debug)]
struct Wait {
    id: TxId,
    wake: oneshot::Sender<Wake>,
}

#[derive(Debug, Clone)]
pub(super) struct Hub {
    waits: mpsc::Sender<Wait>,
}

impl Hub {
    /// The hub, and the task that must run for it to work.
    pub fn new(
        finalized: broadcast::Receiver<Finalized>,
        waiters_max: usize,
        gauge: IntGauge,
        stopping: CancellationToken,
    ) -> (Self, impl Future<Output = ()>) {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let waiters = Waiters {
            by_id: HashMap::new(),
            count: 0,
            max: waiters_max,
            gauge,
        };
        (Self { waits: sender }, async move {
            let run = run(receiver, finalized, waiters);
            stopping.run_until_cancelled(run).await;
        })
    }

    /// Look in the store after this and before waiting.
    pub fn register(&self, id: TxId) -> Result<oneshot::Receiver<Wake>, ApiError> {
        let (wake, woken) = oneshot::channel();
        match self.waits.try_send(Wait { id, wake }) {
            Ok(()) => Ok(woken),
            Err(mpsc::error::TrySendError::Full(_)) => Err(ApiError::TooManyWaiters),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(ApiError::Stopping),
        }
    }
}

async fn run(mut waits: mpsc::Receiver<Wait>, mut finalized: broadcast::Receiver<Finalized>, mut waiters: Waiters) {
    loop {
        tokio::select! {
            wait = waits.recv() => match wait {
                Some(wait) => waiters.add(wait),
                None => return,
            },
            event = finalized.recv() => {
                while let Ok(wait) = waits.try_recv() {
                    waiters.add(wait);
                }
                match event {
                    Ok(block) => waiters.wake(&block),
                    Err(RecvError::Lagged(_)) => waiters.wake_all(),
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }
}

struct Waiters {
    by_id: HashMap<TxId, Vec<oneshot::Sender<Wake>>>,
    count: usize,
    max: usize,
    gauge: IntGauge,
}

impl Waiters {
    fn add(&mut self, Wait { id, wake }: Wait) {
        if self.count >= self.max {
            self.forget_the_gone();
        }
        if self.count >= self.max {
            tell(wake, Wake::Full);
            return;
        }
        self.by_id.entry(id).or_default().push(wake);
        self.count += 1;
        self.note_count();
    }

    fn wake(&mut self, block: &Finalized) {
        for receipt in block.receipts.iter() {
            let Subject::Transaction(id) = receipt.subject else {
                continue;
            };
            for wake in self.by_id.remove(&id).unwrap_or_default() {
                self.count -= 1;
                tell(wake, Wake::Final);
            }
        }
        self.forget_the_gone();
        self.note_count();
    }

    fn wake_all(&mut self) {
        for (_, wakes) in self.by_id.drain() {
            for wake in wakes {
                tell(wake, Wake::Missed);
            }
        }
        self.count = 0;
        self.note_count();
    }

    /// Requests that found their receipt when they looked, whose time was up, or whose clients have
    /// gone.
    fn forget_the_gone(&mut self) {
        self.by_id.retain(|_, wakes| {
            wakes.retain(|wake| !wake.is_closed());
            !wakes.is_empty()
        });
        self.count = self.by_id.values().map(Vec::len).sum();
    }

    fn note_count(&self) {
        self.gauge.set(i64::try_from(self.count).unwrap_or(i64::MAX));
    }
}

fn tell(waiter: oneshot::Sender<Wake>, wake: Wake) {
    // The request may have gone; then nobody needs to know.
    waiter.send(wake).ok();
}
