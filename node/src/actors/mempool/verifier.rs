//! The process's one pool of threads that check signatures, many in one call.

use std::sync::{Arc, Mutex, mpsc};

use causeway_contracts::{
    block::{
        BatchBytes, GenesisHash, HashedBatch,
        batch::{BATCH_COST_MAX, BATCH_VERSION},
    },
    codec::DecodeError,
    committee::{ValidatorId, ValidatorSet},
    keys::{self, Signature, Signed},
    transaction::TransactionError,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tokio::sync::oneshot;

use super::pool::CheckedBatch;
use crate::actors::ledger::message::Candidate;

/// A call to check signatures holds about this many: past it, a batch check gets no cheaper.
pub const SIGNATURES_MAX: usize = 1024;

/// A batch as it came from a peer.
#[derive(Debug)]
pub struct RawBatch {
    pub from: ValidatorId,
    pub bytes: BatchBytes,
}

impl RawBatch {
    /// `None` if the payload is too short or too long to be a batch.
    pub fn new(from: ValidatorId, payload: Arc<[u8]>) -> Option<Self> {
        let bytes = BatchBytes::new(payload)?;
        Some(Self { from, bytes })
    }
}

/// What no honest validator sends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchFault {
    #[error("not a batch: {0}")]
    Decode(#[from] DecodeError),
    #[error("version {0} is not known")]
    Version(u16),
    #[error("made for another network")]
    OtherGenesis,
    #[error("its author {0} is not a validator")]
    UnknownAuthor(ValidatorId),
    #[error("its author's signature is not good")]
    AuthorSignature,
    #[error("it has no transactions")]
    Empty,
    #[error("it costs {0}, and at most {BATCH_COST_MAX} are allowed")]
    TooCostly(u64),
    #[error("transaction {index}: {source}")]
    Transaction { index: usize, source: TransactionError },
}

impl BatchFault {
    /// Whether whatever has this digest is no batch of an honest validator. Only the author's
    /// signature is outside the digest: another copy may carry a good one.
    pub fn is_of_content(&self) -> bool {
        *self != Self::AuthorSignature
    }
}

enum Job {
    Candidates(Vec<Candidate>, oneshot::Sender<Vec<Result<(), TransactionError>>>),
    Batches(
        Vec<RawBatch>,
        ValidatorSet,
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
        validators: ValidatorSet,
    ) -> oneshot::Receiver<Vec<Result<CheckedBatch, BatchFault>>> {
        let (reply, answer) = oneshot::channel();
        let _ = self.jobs.try_send(Job::Batches(batches, validators, reply));
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
            Job::Batches(batches, validators, reply) => drop(reply.send(self.batches(batches, &validators))),
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

    fn batches(&mut self, batches: Vec<RawBatch>, validators: &ValidatorSet) -> Vec<Result<CheckedBatch, BatchFault>> {
        let read: Vec<_> = batches
            .into_iter()
            .map(|raw| ReadBatch::read(raw, &self.genesis, validators))
            .collect();
        let mut all = Vec::with_capacity(SIGNATURES_MAX);
        for batch in read.iter().flatten() {
            all.extend(batch.signed());
        }
        if keys::all_good(&all, &mut self.rng) {
            return read
                .into_iter()
                .map(|result| result.map(ReadBatch::into_checked))
                .collect();
        }
        read.into_iter().map(|result| self.alone(result?)).collect()
    }

    fn alone(&mut self, batch: ReadBatch) -> Result<CheckedBatch, BatchFault> {
        let all: Vec<_> = batch.signed().collect();
        if keys::all_good(&all, &mut self.rng) {
            return Ok(batch.into_checked());
        }
        batch
            .author_signature()
            .verify()
            .map_err(|_| BatchFault::AuthorSignature)?;
        let mut transactions = batch.batch.batch().transactions.iter().enumerate();
        transactions.try_for_each(|(index, signed)| {
            signed
                .verify_signatures()
                .map_err(|source| BatchFault::Transaction { index, source })
        })?;
        Ok(batch.into_checked())
    }
}

/// A decoded batch whose signatures are still to be checked.
struct ReadBatch {
    batch: HashedBatch,
    signature: Signature,
    author_key: keys::PublicKey,
    bytes: usize,
}

impl ReadBatch {
    fn read(raw: RawBatch, genesis: &GenesisHash, validators: &ValidatorSet) -> Result<Self, BatchFault> {
        let (hashed, signature) = raw.bytes.decode()?;
        let batch = hashed.batch();
        if batch.version != BATCH_VERSION {
            return Err(BatchFault::Version(batch.version));
        }
        if batch.genesis != *genesis {
            return Err(BatchFault::OtherGenesis);
        }
        let author = validators
            .by_id(&batch.author)
            .ok_or(BatchFault::UnknownAuthor(batch.author))?;
        if batch.transactions.is_empty() {
            return Err(BatchFault::Empty);
        }
        let cost = hashed.cost();
        if cost > BATCH_COST_MAX {
            return Err(BatchFault::TooCostly(cost));
        }
        for (index, signed) in batch.transactions.iter().enumerate() {
            signed
                .check(genesis)
                .map_err(|source| BatchFault::Transaction { index, source })?;
        }
        Ok(Self {
            author_key: author.key,
            bytes: raw.bytes.count(),
            batch: hashed,
            signature,
        })
    }

    fn author_signature(&self) -> Signed<'_> {
        self.batch.signed(self.author_key, self.signature)
    }

    fn signed(&self) -> impl Iterator<Item = Signed<'_>> {
        let transactions = self.batch.batch().transactions.iter().zip(self.batch.ids().iter());
        transactions
            .flat_map(|(transaction, id)| transaction.signed(id))
            .chain(std::iter::once(self.author_signature()))
    }

    fn into_checked(self) -> CheckedBatch {
        CheckedBatch {
            batch: self.batch,
            signature: self.signature,
            bytes: self.bytes,
        }
    }
}
