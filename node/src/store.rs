//! The durable copy of everything final: blocks with their certificates, receipts, the state after
//! the last block, and batches, ordered or not.
//!
//! One block is one atomic write, on disk before anyone is told of it: after a kill at any moment the
//! database holds whole blocks only, and every one that was acknowledged. Nothing is ever taken back,
//! and final data stays. All writes happen on one thread, behind a bounded queue that makes callers
//! wait; a write that fails ends the process ([`ExitStatus::SafetyWrite`](crate::exit::ExitStatus)).
//! Reads go to RocksDB from any thread.
//!
//! Batches are written when they arrive, without a sync: [`Store::sync`] comes before a vote that
//! depends on them.
//!
//! The consensus log and the sign record are not here, and no backup or restore of this folder
//! touches them.

pub mod adopt;
pub mod backup;
mod beside;
mod books;
pub mod check;
pub mod chunks;
mod database;
pub mod error;
mod folder;
mod format;
pub mod halted;
mod handovers;
mod ids;
pub mod kept;
mod open;
mod purses;
mod reader;
pub mod snapshot;
mod swap;
mod writer;

use std::{path::Path, sync::Arc, thread, time::Duration};

use causeway_contracts::{block::BatchDigest, genesis::Genesis};
use tokio::sync::{mpsc, oneshot};

pub use self::{
    books::StoredBooks,
    database::OPEN_FILES_MAX,
    database::wait_until_closed,
    error::StoreError,
    folder::free_bytes,
    format::{FORMAT_VERSION, Location, StoredBlock},
    open::{Expect, Opened, renew},
    reader::{Reader, StoredContract},
    writer::{BlockCommit, StoredBatch},
};
use self::{
    database::{Database, Mode},
    writer::{Request, Writer},
};
use crate::exit::{self, ExitStatus};

/// Requests that wait for the store thread; one more makes its sender wait.
const REQUESTS_MAX: usize = 64;

/// A handle to the store thread. When the last clone is dropped, the thread ends what it has begun,
/// and the drop waits for it. The database closes when the last [`Reader`] is gone too.
#[derive(Clone)]
pub struct Store {
    requests: mpsc::Sender<Request>,
    thread: Arc<StoreThread>,
}

impl Store {
    /// Opens the database in the folder `path`, or creates it there from the genesis.
    ///
    /// Blocks, for seconds if there are a million accounts.
    pub fn open(path: &Path, genesis: &Genesis, expect: Expect) -> Result<(Self, Opened), StoreError> {
        let (database, opened) = open::open(path, genesis, expect)?;
        let database = Arc::new(database);
        let (requests, receiver) = mpsc::channel(REQUESTS_MAX);
        let writer = Writer::new(database.clone(), opened.ledger.tip().clone());
        let handle = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(receiver))
            .map_err(|source| folder::folder_error(error::Attempt::Open, path, source))?;
        let thread = Arc::new(StoreThread {
            handle: Some(handle),
            database,
        });
        Ok((Self { requests, thread }, opened))
    }

    pub fn reader(&self) -> Reader {
        Reader::new(self.thread.database.clone())
    }

    /// Writes verified batches. Those that are there already stay as they are.
    /// After the answer they survive this process, but the machine only after [`Self::sync`].
    pub async fn put_batches(&self, batches: Vec<StoredBatch>) {
        self.send(|done| Request::Put { batches, done }).await.wait().await;
    }

    /// Removes batches that can never be ordered, their transactions having expired. Those that a
    /// block names stay.
    pub async fn drop_batches(&self, digests: Vec<BatchDigest>) {
        self.send(|done| Request::Drop { digests, done }).await.wait().await;
    }

    /// All batches put before are on disk when this returns.
    pub async fn sync(&self) {
        self.begin_sync().await.wait().await;
    }

    /// Has a sync queued when this returns, so that the caller can do other work beside it.
    pub async fn begin_sync(&self) -> Pending<()> {
        self.send(|done| Request::Sync { done }).await
    }

    /// Makes a block durable, synced, in one write; gives it back then.
    pub async fn commit(&self, commit: Box<BlockCommit>) -> Box<BlockCommit> {
        self.send(|done| Request::Commit { commit, done }).await.wait().await
    }

    async fn send<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Pending<T> {
        let (done, answer) = oneshot::channel();
        match self.requests.send(request(done)).await {
            Ok(()) => Pending(answer),
            Err(_) => stop_orphaned(),
        }
    }
}

/// Makes a database that no node uses as small as it can be: for measurements. A node's own background work
/// comes to the same in time.
///
/// # Errors
/// If there is no database in the folder `path`, a node has it open, or it cannot be written.
pub fn compact(path: &Path) -> Result<(), StoreError> {
    folder::check_unused(path)?;
    Database::open(path, Mode::Existing)?.compact()
}

/// An answer that the store thread owes.
pub struct Pending<T>(oneshot::Receiver<T>);

impl<T> Pending<T> {
    pub async fn wait(self) -> T {
        self.0.await.unwrap_or_else(|_| stop_orphaned())
    }
}

/// The thread runs as long as there are handles. It drops a request that it cannot carry out just before
/// it ends the process, saying why; let it. If it does not, it has panicked.
fn stop_orphaned() -> ! {
    thread::sleep(Duration::from_secs(5));
    exit::stop(ExitStatus::Bug, "the store thread is gone; see the panic above")
}

struct StoreThread {
    handle: Option<thread::JoinHandle<()>>,
    database: Arc<Database>,
}

impl Drop for StoreThread {
    fn drop(&mut self) {
        self.database.close_soon();
        let handle = self.handle.take().expect("taken only here");
        // A panic there has been reported there.
        handle.join().ok();
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod trial;
