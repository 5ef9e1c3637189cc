//! The process's one pool of threads that check signatures, many in one call.

use std::sync::{Arc, Mutex, mpsc};

use causeway_consensus::{Authors, BatchFault, CheckedBatch, RawBatch, Signatures, check_batches};
use causeway_contracts::{
    block::GenesisHash,
    keys::{self, Signed},
    protocol::{PROTOCOL_MIN, Versions},
    transaction::TransactionError,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tokio::sync::oneshot;

use crate::actors::ledger::message::Candidate;

/// A call to check signatures holds about this many: past it, a batch check gets no cheaper.
pub const SIGNATURES_MAX: usize = 1024;

/// What is checked in one call.
pub struct Call {
    pub candidates: Vec<Candidate>,
    pub batches: Vec<RawBatch>,
    /// Whose batches are taken,
    pub authors: Authors,
    /// and with what in them.
    pub versions: Versions,
}

impl Call {
    pub fn of_candidates(candidates: Vec<Candidate>) -> Self {
        Self {
            candidates,
            batches: Vec::new(),
            authors: Authors::default(),
            versions: Versions {
                in_force: PROTOCOL_MIN,
                known: PROTOCOL_MIN,
            },
        }
    }
}

/// One answer for each that was asked about, in order.
#[derive(Debug, Default)]
pub struct Answers {
    pub candidates: Vec<Result<(), TransactionError>>,
    pub batches: Vec<Result<CheckedBatch, BatchFault>>,
}

type Job = (Call, oneshot::Sender<Answers>);

/// A handle to the pool. Jobs wait in a channel that holds one for each thread and one more; callers keep no more
/// than that under way: clients' candidates go as soon as they are admitted, beside what is being checked.
#[derive(Clone)]
pub struct Verifier {
    jobs: mpsc::SyncSender<Job>,
    threads: usize,
}

impl Verifier {
    /// # Errors
    /// If a thread cannot be started, or the system gives no entropy.
    pub fn start(threads: usize, genesis: GenesisHash) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::sync_channel(threads + 1);
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

    /// Checks the signatures of transactions, and batches in full.
    ///
    /// # Errors
    /// The receiver fails if the channel was full.
    pub fn check(&self, call: Call) -> oneshot::Receiver<Answers> {
        let (reply, answers) = oneshot::channel();
        // A job that does not fit is dropped, and its sender with it: the caller sees that.
        let _ = self.jobs.try_send((call, reply));
        answers
    }
}

struct Worker {
    genesis: GenesisHash,
    rng: ChaCha20Rng,
}

impl Worker {
    fn run(&mut self, (call, reply): Job) {
        // A caller that has gone away wants no answer.
        drop(reply.send(self.check(call)));
    }

    fn check(&mut self, call: Call) -> Answers {
        let Call {
            candidates,
            batches,
            authors,
            versions,
        } = call;
        let signed = candidates.iter().flat_map(|it| it.transaction.signed(&it.id)).collect();
        let mut signatures = Together {
            rng: &mut self.rng,
            beside: Some(signed),
            are_beside_good: false,
        };
        let batches = check_batches(batches, &self.genesis, &authors, versions, &mut signatures);
        let candidates = match signatures.are_beside_good {
            true => vec![Ok(()); candidates.len()],
            false => candidates.iter().map(|it| it.transaction.verify_signatures()).collect(),
        };
        Answers { candidates, batches }
    }
}

/// Checks the signatures in batches; and others with them, the first time that all are checked together.
struct Together<'a> {
    rng: &'a mut ChaCha20Rng,
    beside: Option<Vec<Signed<'a>>>,
    are_beside_good: bool,
}

impl Signatures for Together<'_> {
    fn all_good(&mut self, all: &[Signed<'_>]) -> bool {
        let Some(beside) = self.beside.take().filter(|beside| !beside.is_empty()) else {
            return keys::all_good(all, self.rng);
        };
        let both: Vec<_> = beside.iter().chain(all).copied().collect();
        if keys::all_good(&both, self.rng) {
            self.are_beside_good = true;
            return true;
        }
        // Whoever sent one of the two is not to be the other's burden.
        self.are_beside_good = keys::all_good(&beside, self.rng);
        keys::all_good(all, self.rng)
    }

    fn is_good(&mut self, signed: &Signed<'_>) -> bool {
        signed.verify().is_ok()
    }
}
