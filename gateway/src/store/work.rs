//! Work for the threads that have a database, and how it is told what came of it.

use std::sync::{Arc, Mutex, PoisonError, mpsc};

use tokio::sync::oneshot;

use super::{StoreError, sql::Sql};

/// Of work that waits; more is refused.
pub(super) const WAITING_MAX: usize = 4096;

type Step = Box<dyn FnOnce(Result<&mut dyn Sql, StoreError>) -> Ended + Send>;

/// One transaction to be made.
pub(super) struct Work(Step);

/// Work that is done, and not yet known to be kept.
pub(super) struct Ended {
    good: bool,
    tell: Box<dyn FnOnce(Option<StoreError>)>,
}

impl Ended {
    /// Whether what it did is to be kept.
    pub fn is_good(&self) -> bool {
        self.good
    }

    /// Whether it was kept, after which the asker knows.
    pub fn told(self, failure: Option<StoreError>) {
        (self.tell)(failure);
    }
}

impl Work {
    pub fn new<R, E, F>(work: F) -> (Self, oneshot::Receiver<Result<R, E>>)
    where
        R: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut dyn Sql) -> Result<R, E> + Send + 'static,
    {
        let (answer, asked) = oneshot::channel();
        let step = Box::new(move |sql: Result<&mut dyn Sql, StoreError>| {
            let result = sql.map_err(E::from).and_then(work);
            Ended {
                good: result.is_ok(),
                tell: Box::new(move |failure| {
                    let told = match (result, failure) {
                        (Ok(_), Some(failure)) => Err(failure.into()),
                        (result, _) => result,
                    };
                    // Who asked may have gone.
                    drop(answer.send(told));
                }),
            }
        });
        (Self(step), asked)
    }

    pub fn run(self, sql: &mut dyn Sql) -> Ended {
        (self.0)(Ok(sql))
    }

    pub fn not_run(self, error: StoreError) {
        (self.0)(Err(error)).told(None);
    }

    pub fn run_in(
        self,
        begin: impl FnOnce() -> Result<(), StoreError>,
        sql: &mut dyn Sql,
        end: impl FnOnce(bool) -> Result<(), StoreError>,
    ) {
        if let Err(error) = begin() {
            self.not_run(error);
            return;
        }
        let ended = self.run(sql);
        let failure = end(ended.is_good()).err();
        ended.told(failure);
    }
}

/// Where threads take work from.
#[derive(Clone)]
pub(super) struct Queue(Arc<Mutex<mpsc::Receiver<Work>>>);

impl Queue {
    pub fn new() -> (mpsc::SyncSender<Work>, Self) {
        let (sender, receiver) = mpsc::sync_channel(WAITING_MAX);
        (sender, Self(Arc::new(Mutex::new(receiver))))
    }

    /// `None` when nobody can give any more.
    pub fn next(&self) -> Option<Work> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
    }

    /// What waits, at least one and at most `max`.
    pub fn next_group(&self, max: usize) -> Option<Vec<Work>> {
        let receiver = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut group = vec![receiver.recv().ok()?];
        group.extend(receiver.try_iter().take(max - 1));
        Some(group)
    }
}
