//! The process's one pool of threads that check signatures, many in one call.

use std::sync::{Arc, Mutex, mpsc};

use causeway_consensus::{Authors, BatchFault, CheckedBatch, RawBatch, Signatures, check_batches};
use causeway_contracts::{
    block::GenesisHash,
    keys::{self, Signed},
    protocol::Versions,
    transaction::TransactionError,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tokio::sync::oneshot;

use crate::actors::ledger::message::Candidate;

/// A call to check signatures holds about this many: past it, a batch check gets no cheaper.
pub const SIGNATURES_MAX: usize = 1024;

enum Job {
    Candidates(Vec<Candidate>, oneshot::Sender<Vec<Result<(), TransactionError>>>),
    Batches(
        Vec<RawBatch>,
        Authors,
        Versions,
        oneshot::Sender<Vec<Result<CheckedBatch, BatchFault>>>,
    ),
}

/// A handle to the pool. Jobs wait in a channel that holds one for each thread; callers keep no more
/// than that under way.
#[derive(Clone)]
pub struct Verifier {
    jobs: mpsc::SyncSender<Job>,
    threads: usize,
}

impl Verifier {
    /// # Errors
    /// If a thread cannot be started, or the system gives no entropy.
    pub fn start(threads: usize, genesis: GenesisHash) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::sync_channel(threads);
        let queue = Arc::new(Mutex::new(queue));
        for index in 0..threads {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).map_err(std::io::Error::other)?;
            let mut worker = Worker {
                genesis,
                rng: ChaCha20Rng::from_seed(seed),
            };
            let queue = queue.clone();
            std::thread::Builder::new()
                .name(format!("verify-{index}"))
                .spawn(move || {
                    loop {
                        let job = queue.lock().expect("no holder panics").recv();
                        match job {
                            Ok(job) => worker.run(job),
                            Err(mpsc::RecvError) => return,
                        }
                    }
                })?;
        }
        Ok(Self { jobs, threads })
    }

    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Checks the signatures of transactions. One answer for each, in order.
    ///
    /// # Errors
    /// The receiver fails if the channel was full.
    pub fn candidates(&self, candidates: Vec<Candidate>) -> oneshot::Receiver<Vec<Result<(), TransactionError>>> {
        let (reply, answer) = oneshot::channel();
        // A job that does not fit is dropped, and its sender with it: the caller sees that.
        let _ = self.jobs.try_send(Job::Candidates(candidates, reply));
        answer
    }

    /// Checks batches in full. One answer for each, in order; errors as of [`Self::candidates`].
    pub fn batches(
        &self,
        batches: Vec<RawBatch>,
        authors: Authors,
        versions: Versions,
    ) -> oneshot::Receiver<Vec<Result<CheckedBatch, BatchFault>>> {
        let (reply, answer) = oneshot::channel();
        let _ = self.jobs.try_send(Job::Batches(batches, authors, versions, reply));
        answer
    }
}

struct Worker {
    genesis: GenesisHash,
    rng: ChaCha20Rng,
}

impl Worker {
    fn run(&mut self, job: Job) {
        // A caller that has gone away wants no answer.
        match job {
            Job::Candidates(candidates, reply) => drop(reply.send(self.candidates(&candidates))),
            Job::Batches(batches, authors, versions, reply) => {
                drop(reply.send(self.batches(batches, &authors, versions)));
            }
        }
    }

    fn candidates(&mut self, candidates: &[Candidate]) -> Vec<Result<(), TransactionError>> {
        let all: Vec<Signed<'_>> = candidates.iter().flat_map(|c| c.transaction.signed(&c.id)).collect();
        if keys::all_good(&all, &mut self.rng) {
            return vec![Ok(()); candidates.len()];
        }
        candidates
            .iter()
            .map(|candidate| candidate.transaction.verify_signatures())
            .collect()
    }

    fn batches(
        &mut self,
        batches: Vec<RawBatch>,
        authors: &Authors,
        versions: Versions,
    ) -> Vec<Result<CheckedBatch, BatchFault>> {
        check_batches(batches, &self.genesis, authors, versions, &mut Together(&mut self.rng))
    }
}

struct Together<'a>(&'a mut ChaCha20Rng);

impl Signatures for Together<'_> {
    fn all_good(&mut self, all: &[Signed<'_>]) -> bool {
        keys::all_good(all, self.0)
    }

    fn is_good(&mut self, signed: &Signed<'_>) -> bool {
        signed.verify().is_ok()
    }
}
