//! Clients' submissions on their way through admission and signature check to a sealed batch. Pure.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use causeway_contracts::{
    block::batch::{BATCH_BYTES_MAX, BATCH_COST_MAX, BATCH_TRANSACTIONS_MAX},
    codec, ledger,
    transaction::{SignedTransaction, TxId},
};
use tokio::sync::oneshot;

use super::message::Refusal;
use crate::actors::{budget, ledger::message::Candidate};

/// A batch's bytes besides its transactions are fewer than this.
const BATCH_OVERHEAD_BYTES: usize = 256;

/// Budgets are spent for a whole group before any of its signatures is checked: forged ones must not empty
/// anybody's.
const GROUP_WORK_MAX: u64 = 2_048;

/// How long the first verified transaction waits for company.
pub const SEAL_IDLE: Duration = Duration::from_millis(5);
/// The same while more are being verified.
pub const SEAL_BUSY: Duration = Duration::from_millis(50);

pub type Answers = Vec<Result<TxId, Refusal>>;

/// A transaction that waits, and where its answer goes.
#[derive(Debug)]
pub struct Entry {
    pub candidate: Candidate,
    pub client: IpAddr,
    /// What it takes from its payers' budgets.
    pub work: u32,
    bytes: usize,
    cost: u64,
    submission: u64,
    place: usize,
}

#[derive(Debug)]
struct Submission {
    answers: Vec<Option<Result<TxId, Refusal>>>,
    missing: usize,
    reply: oneshot::Sender<Answers>,
}

#[derive(Debug, Default)]
pub struct Intake {
    submissions: HashMap<u64, Submission>,
    next: u64,
    waiting: VecDeque<Entry>,
    /// Ids from the moment they are taken in until they are sealed or refused.
    ids: HashSet<TxId>,
    unsealed: Vec<Candidate>,
    unsealed_bytes: usize,
    unsealed_cost: u64,
    unsealed_since: Option<Instant>,
}

impl Intake {
    /// Transactions taken in and not yet sealed.
    pub fn count(&self) -> usize {
        self.ids.len()
    }

    pub fn contains(&self, id: &TxId) -> bool {
        self.ids.contains(id)
    }

    /// Takes a submission. `answer_now` gives the answers that need no waiting.
    pub fn take(
        &mut self,
        transactions: Vec<SignedTransaction>,
        client: IpAddr,
        mut answer_now: impl FnMut(&Self, &TxId) -> Option<Result<TxId, Refusal>>,
    ) -> oneshot::Receiver<Answers> {
        let (reply, answers) = oneshot::channel();
        let submission = self.next;
        self.next += 1;
        let mut pending = Submission {
            answers: vec![None; transactions.len()],
            missing: transactions.len(),
            reply,
        };
        for (place, transaction) in transactions.into_iter().enumerate() {
            let id = transaction.id();
            if let Some(answer) = answer_now(self, &id) {
                pending.answers[place] = Some(answer);
                pending.missing -= 1;
                continue;
            }
            self.ids.insert(id);
            self.waiting.push_back(Entry {
                bytes: codec::encoded_len(&transaction),
                cost: ledger::cost(&transaction),
                work: budget::work(&transaction),
                candidate: Candidate {
                    id,
                    transaction: Arc::new(transaction),
                },
                client,
                submission,
                place,
            });
        }
        self.submissions.insert(submission, pending);
        self.reply_if_complete(submission);
        answers
    }

    /// How many wait for admission.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The oldest waiting transactions with at most `signatures_max` signatures among them, and of at most
    /// [`GROUP_WORK_MAX`]; at least one, if it has no more signatures.
    pub fn next_group(&mut self, signatures_max: usize) -> Vec<Entry> {
        let (mut left, mut work) = (signatures_max, 0);
        let mut group = Vec::new();
        while let Some(entry) = self.waiting.front() {
            let signatures = entry.candidate.transaction.signatures.len();
            work += u64::from(entry.work);
            if signatures > left || (work > GROUP_WORK_MAX && !group.is_empty()) {
                break;
            }
            left -= signatures;
            group.extend(self.waiting.pop_front());
        }
        group
    }

    pub fn refuse(&mut self, entry: &Entry, refusal: Refusal) {
        self.ids.remove(&entry.candidate.id);
        self.answer(entry, Err(refusal));
    }

    /// Known already, and so as good as taken.
    pub fn known(&mut self, entry: &Entry) {
        self.ids.remove(&entry.candidate.id);
        self.answer(entry, Ok(entry.candidate.id));
    }

    /// Its signatures are good. Returns a full batch's transactions if it did not fit any more.
    pub fn verified(&mut self, entry: Entry, now: Instant) -> Option<Vec<Candidate>> {
        self.answer(&entry, Ok(entry.candidate.id));
        let full = self.unsealed.len() == BATCH_TRANSACTIONS_MAX
            || self.unsealed_bytes + entry.bytes + BATCH_OVERHEAD_BYTES > BATCH_BYTES_MAX
            || self.unsealed_cost + entry.cost > BATCH_COST_MAX;
        let sealed = full.then(|| self.seal());
        self.unsealed_since.get_or_insert(now);
        self.unsealed_bytes += entry.bytes;
        self.unsealed_cost += entry.cost;
        self.unsealed.push(entry.candidate);
        sealed
    }

    /// When what is unsealed must be sealed; `busy` says that more is being verified.
    pub fn seal_at(&self, busy: bool) -> Option<Instant> {
        let since = self.unsealed_since?;
        if self.unsealed.len() == BATCH_TRANSACTIONS_MAX {
            return Some(since);
        }
        Some(since + if busy { SEAL_BUSY } else { SEAL_IDLE })
    }

    /// What is unsealed, in the order in which it was verified.
    pub fn seal(&mut self) -> Vec<Candidate> {
        self.unsealed_since = None;
        self.unsealed_bytes = 0;
        self.unsealed_cost = 0;
        let sealed = std::mem::take(&mut self.unsealed);
        for candidate in &sealed {
            self.ids.remove(&candidate.id);
        }
        sealed
    }

    fn answer(&mut self, entry: &Entry, answer: Result<TxId, Refusal>) {
        let Some(submission) = self.submissions.get_mut(&entry.submission) else {
            return;
        };
        submission.answers[entry.place] = Some(answer);
        submission.missing -= 1;
        self.reply_if_complete(entry.submission);
    }

    fn reply_if_complete(&mut self, key: u64) {
        if self
            .submissions
            .get(&key)
            .is_some_and(|submission| submission.missing == 0)
        {
            let submission = self.submissions.remove(&key).expect("looked up above");
            // A client that has gone away wants no answer; what it sent is taken all the same.
            drop(
                submission
                    .reply
                    .send(submission.answers.into_iter().flatten().collect()),
            );
        }
    }
}
