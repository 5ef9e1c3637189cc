//! Drives a batch: signs what is due, journals it, offers it in groups, and takes in what became of it.
//!
//! A line goes on its way only after its signed bytes are on disk. Lines under way are bounded; with
//! a rate, they start by an open-loop schedule, and a line's latency counts from when it was due.

use std::{
    collections::{BTreeMap, VecDeque},
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use causeway_contracts::{
    block::Height,
    keys::SecretKey,
    ledger::{receipt::Outcome, rejection::Rejection},
    proof::PaymentProof,
    transaction::{SignedTransaction, TransactionError, TxId},
};
use futures::{FutureExt, StreamExt};
use tokio::{
    task::{JoinSet, block_in_place},
    time::{Instant, sleep_until},
};

use super::{
    journal::{Journal, JournalError, Record, Remembered},
    lines::Line,
    plan::{Fact, Plan, State},
};
use crate::{
    client::{Client, ClientError, Delivery, Settled},
    clock,
    durable::{self, FileError},
    payment::SignError,
};

/// At most this many lines are under way at once.
pub const WINDOW: usize = 256;

/// At most this many go into one request.
const GROUP: usize = 64;

/// A line whose transactions keep expiring is left alone after this many in one run.
const SIGNED_AGAIN_MAX: u32 = 3;

/// Proofs of lines that were finished earlier are fetched this many at once.
const FETCHES: usize = 16;

const PROOF_FILE_BYTES_MAX: u64 = causeway_contracts::proof::PROOF_BYTES_MAX as u64;

#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Payments offered per second; as fast as they go if absent.
    pub rate: Option<NonZeroU32>,
    /// Where each proof is written to, as `<txid>.json`.
    pub receipts: Option<PathBuf>,
}

/// What a run tells while it goes.
#[derive(Debug)]
pub enum Event<'a> {
    Finished {
        line: u64,
        id: TxId,
        height: Height,
        outcome: Outcome,
        /// Absent if an earlier run finished it.
        latency: Option<Duration>,
    },
    /// Not finished in this run. Its bytes are journalled, and the next run goes on with them.
    Unfinished {
        line: u64,
        id: TxId,
        error: &'a ClientError,
    },
}

#[derive(Debug, Default)]
pub struct Summary {
    pub lines: usize,
    pub applied: usize,
    pub rejected: BTreeMap<Rejection, usize>,
    /// Lines without an outcome, sent or not.
    pub unfinished: usize,
    /// Of the lines that this run finished, ascending.
    pub latencies: Vec<Duration>,
    /// The first error that left a line unfinished.
    pub failure: Option<ClientError>,
    /// Whether anything that the journal tells of may have left this machine, in whichever run.
    pub sent: bool,
}

impl Summary {
    /// The latency that a share of the lines, from 0 to 100 in a hundred, did not exceed.
    pub fn percentile(&self, percent: usize) -> Option<Duration> {
        let rank = (self.latencies.len() * percent).div_ceil(100).max(1);
        self.latencies.get(rank - 1).copied()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Sign(#[from] SignError),
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the receipt of line {line}: {source}")]
    Receipt {
        line: u64,
        #[source]
        source: ClientError,
    },
    #[error("no validator shows the proof of line {line} ({id}), which is final")]
    NoReceipt { line: u64, id: TxId },
}

/// A line on its way.
struct Work<'a> {
    line: &'a Line,
    /// The journalled transaction, if one may still take effect.
    tx: Option<SignedTransaction>,
    /// Where an earlier run may have left the bytes of `tx`.
    delivery: Delivery,
    signed_again: u32,
    due: Instant,
}

/// A line whose transaction has ended, or is given up for this run.
struct Ended {
    number: u64,
    id: TxId,
    settled: Result<Settled, ClientError>,
    at: Instant,
}

pub struct Run<'a> {
    client: Arc<Client>,
    key: &'a SecretKey,
    journal: Journal,
    plan: Plan,
    options: Options,
    queue: VecDeque<Work<'a>>,
    under_way: BTreeMap<u64, Work<'a>>,
    tasks: JoinSet<Ended>,
    summary: Summary,
    start: Instant,
    issued: u64,
}

impl<'a> Run<'a> {
    pub fn new(
        client: Arc<Client>,
        key: &'a SecretKey,
        lines: &'a [Line],
        (journal, remembered): (Journal, Remembered),
        options: Options,
    ) -> Self {
        let Remembered { plan, mut signed, sent } = remembered;
        let start = Instant::now();
        let queue = lines
            .iter()
            .filter_map(|line| {
                let (tx, delivery) = match plan.state(line.number)? {
                    State::Open => (None, Delivery::Never),
                    State::Live(_) => (signed.remove(&line.number), Delivery::Earlier),
                    State::Final { .. } => return None,
                };
                Some(Work {
                    line,
                    tx,
                    delivery,
                    signed_again: 0,
                    due: start,
                })
            })
            .collect();
        Self {
            client,
            key,
            journal,
            plan,
            options,
            queue,
            under_way: BTreeMap::new(),
            tasks: JoinSet::new(),
            summary: Summary {
                lines: lines.len(),
                sent,
                ..Summary::default()
            },
            start,
            issued: 0,
        }
    }

    /// Runs until every line has ended or nothing more can be done now.
    pub async fn run(mut self, mut tell: impl FnMut(Event)) -> Result<Summary, RunError> {
        self.recall(&mut tell).await?;
        self.start = Instant::now();
        loop {
            self.start_due().await?;
            if self.tasks.is_empty() && (self.queue.is_empty() || self.summary.failure.is_some()) {
                break;
            }
            let next_due = self.next_due();
            tokio::select! {
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    self.take_in(ended, &mut tell)?;
                    // Blocks end many lines at once: together, they make room for a group.
                    while let Some(ended) = self.tasks.try_join_next() {
                        self.take_in(ended, &mut tell)?;
                    }
                }
                () = sleep_until(next_due.unwrap_or(self.start)), if next_due.is_some() => {}
            }
        }
        block_in_place(|| self.journal.sync())?;
        self.summary.unfinished = self
            .plan
            .iter()
            .filter(|(_, state)| !matches!(state, State::Final { .. }))
            .count();
        self.summary.latencies.sort();
        Ok(self.summary)
    }

    /// Tells of the lines that earlier runs finished, and fetches the proofs of theirs that are missing.
    async fn recall(&mut self, tell: &mut impl FnMut(Event)) -> Result<(), RunError> {
        let finished: Vec<_> = self
            .plan
            .iter()
            .filter_map(|(line, state)| match state {
                State::Final { id, height, outcome } => Some((line, id, height, outcome)),
                _ => None,
            })
            .collect();
        if let Some(folder) = &self.options.receipts {
            let missing: Vec<_> = finished
                .iter()
                .filter(|(_, id, ..)| !is_written(folder, id))
                .map(|(line, id, ..)| (*line, *id))
                .collect();
            let client = &self.client;
            let mut fetches = futures::stream::iter(missing)
                .map(|(line, id)| async move { (line, id, client.proof(&id).await) })
                .buffer_unordered(FETCHES);
            while let Some((line, id, fetched)) = fetches.next().await {
                match fetched {
                    Ok(Some((proof, _))) => write_receipt(folder, &id, &proof)?,
                    Ok(None) => return Err(RunError::NoReceipt { line, id }),
                    Err(source) => return Err(RunError::Receipt { line, source }),
                }
            }
        }
        for (line, id, height, outcome) in finished {
            self.count(outcome);
            tell(Event::Finished {
                line,
                id,
                height,
                outcome,
                latency: None,
            });
        }
        Ok(())
    }

    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Applied => self.summary.applied += 1,
            Outcome::Rejected { reason, .. } => *self.summary.rejected.entry(reason).or_default() += 1,
        }
    }

    /// When the next line is due, if lines wait for nothing but the schedule.
    fn next_due(&self) -> Option<Instant> {
        let rate = self.options.rate?;
        let waits = !self.queue.is_empty() && self.under_way.len() < WINDOW && self.summary.failure.is_none();
        waits.then(|| self.due_at(self.issued, rate))
    }

    fn due_at(&self, issued: u64, rate: NonZeroU32) -> Instant {
        let nanos = u128::from(issued) * 1_000_000_000 / u128::from(rate.get());
        self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Puts lines on their way until none is due, or as many are under way as may be.
    async fn start_due(&mut self) -> Result<(), RunError> {
        while self.summary.failure.is_none() {
            let room = WINDOW - self.under_way.len();
            let mut group = Vec::new();
            while group.len() < room.min(GROUP) {
                let due = match self.options.rate {
                    Some(rate) => self.due_at(self.issued, rate),
                    None => Instant::now(),
                };
                if due > Instant::now() {
                    break;
                }
                let Some(mut work) = self.queue.pop_front() else {
                    break;
                };
                work.due = due;
                self.issued += 1;
                group.push(work);
            }
            if group.is_empty() {
                return Ok(());
            }
            self.journal_and_send(group)?;
        }
        Ok(())
    }

    fn journal_and_send(&mut self, mut group: Vec<Work<'a>>) -> Result<(), RunError> {
        let mut records = Vec::new();
        for work in &mut group {
            if work.tx.is_none() {
                let tx = work.line.payment.sign(self.client.genesis(), self.key)?;
                records.push(Record::signed(work.line.number, &tx)?);
                self.learn(work.line.number, Fact::Signed(tx.id()));
                work.tx = Some(tx);
                work.delivery = Delivery::Never;
            }
        }
        if !records.is_empty() {
            block_in_place(|| self.journal.append(&records))?;
        }
        self.send(group);
        Ok(())
    }

    /// One request for all of the group that can still be ordered, then each on its own.
    fn send(&mut self, group: Vec<Work<'a>>) {
        let now = clock::now_ms().0 / 1000;
        let txs: Vec<_> = group.iter().filter_map(|work| work.tx.clone()).collect();
        let fresh: Vec<_> = txs
            .iter()
            .filter(|tx| tx.transaction.valid_until.0 > now)
            .cloned()
            .collect();
        let client = self.client.clone();
        let offer = async move {
            // Each line settles itself, whether this has reached a node or not. An error is one of the
            // bytes, before any was sent.
            let deliveries = match fresh.is_empty() {
                true => Vec::new(),
                false => client.offer(&fresh).await.unwrap_or_default(),
            };
            let ids = fresh.iter().map(SignedTransaction::id);
            Arc::new(ids.zip(deliveries).collect::<BTreeMap<_, _>>())
        };
        let offer = offer.boxed().shared();
        for (work, tx) in group.into_iter().zip(txs) {
            let (client, offer, number) = (self.client.clone(), offer.clone(), work.line.number);
            let before = work.delivery;
            self.tasks.spawn(async move {
                let id = tx.id();
                let now = offer.await.get(&id).copied();
                let settled = client.settle(&tx, now.map_or(before, |now| now.max(before))).await;
                Ended {
                    number,
                    id,
                    settled,
                    at: Instant::now(),
                }
            });
            self.under_way.insert(number, work);
        }
    }

    fn take_in(
        &mut self,
        ended: Result<Ended, tokio::task::JoinError>,
        tell: &mut impl FnMut(Event),
    ) -> Result<(), RunError> {
        let Ended {
            number,
            id,
            settled,
            at,
        } = ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let mut work = self.under_way.remove(&number).expect("a line that ends was under way");
        self.summary.sent |= !matches!(settled, Err(ClientError::Unreachable { .. }));
        match settled {
            Ok(Settled::Final(confirmed)) => {
                let (proof, verified) = *confirmed;
                if let Some(folder) = &self.options.receipts {
                    write_receipt(folder, &id, &proof)?;
                }
                let (height, outcome) = (verified.height, verified.outcome);
                self.learn_and_note(number, Fact::Final { id, height, outcome })?;
                let latency = at.saturating_duration_since(work.due);
                self.summary.latencies.push(latency);
                self.count(outcome);
                tell(Event::Finished {
                    line: number,
                    id,
                    height,
                    outcome,
                    latency: Some(latency),
                });
            }
            Ok(Settled::Dead { height }) => {
                self.learn_and_note(number, Fact::Dead { id, height })?;
                if work.signed_again < SIGNED_AGAIN_MAX {
                    work.signed_again += 1;
                    work.tx = None;
                    self.queue.push_front(work);
                } else {
                    self.give_up(number, id, ClientError::Dead { id, height }, tell);
                }
            }
            Err(error) => {
                if let ClientError::Unreachable { .. } = error {
                    self.learn_and_note(number, Fact::Unsent { id })?;
                }
                self.give_up(number, id, error, tell);
            }
        }
        Ok(())
    }

    /// No further line is begun after one that could not be brought to its end.
    fn give_up(&mut self, line: u64, id: TxId, error: ClientError, tell: &mut impl FnMut(Event)) {
        tell(Event::Unfinished {
            line,
            id,
            error: &error,
        });
        self.summary.failure.get_or_insert(error);
    }

    fn learn(&mut self, line: u64, fact: Fact) {
        self.plan
            .learn(line, fact)
            .expect("the run does only what the plan allows");
    }

    fn learn_and_note(&mut self, line: u64, fact: Fact) -> Result<(), RunError> {
        self.learn(line, fact);
        let record = Record::of(line, fact).expect("how a transaction ended is a record by itself");
        Ok(block_in_place(|| self.journal.note(&[record]))?)
    }
}

pub fn receipt_path(folder: &Path, id: &TxId) -> PathBuf {
    folder.join(format!("{id}.json"))
}

fn write_receipt(folder: &Path, id: &TxId, proof: &PaymentProof) -> Result<(), FileError> {
    let json = serde_json::to_vec(proof).expect("a proof has a JSON form");
    block_in_place(|| durable::replace_unsynced(&receipt_path(folder, id), &json))
}

/// Whether the file there is a proof. A power cut can leave an empty one behind.
fn is_written(folder: &Path, id: &TxId) -> bool {
    durable::read(&receipt_path(folder, id), PROOF_FILE_BYTES_MAX)
        .is_ok_and(|json| serde_json::from_slice::<PaymentProof>(&json).is_ok())
}
