//! Batches on their way from validator to validator and into a block.
//!
//! A validator sends a batch once to every other. A receiver checks it in full: one that holds anything
//! no honest validator seals is dropped, and whoever sent it blamed. A checked batch is put on disk and
//! held here until a block orders it or it expires. What a block names and this node lacks is asked for.
//!
//! A batch that needs a later version of the protocol than the next block's is not taken, and nobody is
//! blamed: its author may be ahead. It is not stored nor handed on either, since there are programs that
//! could not read it, and would blame us.
//!
//! What is full drops: a batch can be fetched later.
//!
//! An [`Exchange`] leaves in [`Exchange::take_actions`] what is to be done, in order.

mod authors;
mod check;
mod gather;
mod pool;
mod turned_away;
mod yields;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    sync::Arc,
};

use causeway_contracts::{
    block::{BatchDigest, HashedBatch, TimeMs},
    codec::{self, Bounded},
    committee::ValidatorId,
    protocol::{ProtocolVersion, Versions},
    transaction::TxId,
};

pub use self::{
    authors::Authors,
    check::{BatchFault, CheckedBatch, RawBatch, Signatures, check_batches},
    gather::{GatherError, Gathered, Question},
    yields::{Yield, yields},
};
use self::{
    gather::{Gathers, Sources},
    pool::{Claim, Insert, NAMED_BYTES_MAX, Pool},
    turned_away::TurnedAway,
};
use crate::{
    moment::Moment,
    wire::{FetchRequest, FetchResponse},
};

/// Bytes of peers' batches that wait to be checked; more are dropped and fetched when a block needs them.
const ARRIVALS_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The same with those that a block names: one that a faulty proposer made up may name more.
const WANTED_ARRIVALS_BYTES_MAX: usize = ARRIVALS_BYTES_MAX + NAMED_BYTES_MAX;

/// About so long is a transfer with one signature.
const TRANSFER_BYTES: usize = 250;

/// What is checked in one call: about as many signatures as one wants.
const CHECK_BYTES_MAX: usize = 1024 * TRANSFER_BYTES;

/// `R` names a request for batches to whoever made it.
#[derive(Debug)]
pub struct Exchange<R> {
    me: ValidatorId,
    authors: Authors,
    versions: Versions,
    pool: Pool,
    gathers: Gathers<R>,
    turned_away: TurnedAway,
    arrivals: VecDeque<RawBatch>,
    arrivals_bytes: usize,
    /// Digests that wait in `arrivals` or are being checked.
    under_way: HashSet<BatchDigest>,
    actions: Vec<ExchangeAction<R>>,
}

#[derive(Debug)]
pub enum ExchangeAction<R> {
    /// Put a question to a validator and give its answer to [`Exchange::answered`].
    Ask(Question),
    /// All batches that were asked for, or why not.
    Answer(R, Gathered),
    /// There is something to order.
    Waiting,
    Blame(ValidatorId, BatchMisconduct),
    /// A batch was not kept, for this reason.
    Dropped(WhyDropped),
}

/// What no honest validator sends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchMisconduct {
    #[error("a payload too long or too short for a batch")]
    Length,
    #[error("batch {0}, which is bad: {1}")]
    Batch(BatchDigest, #[source] BatchFault),
    #[error("an answer that cannot be read, or to another question")]
    FetchResponse,
    #[error("a batch that was not asked for")]
    Unasked,
}

impl BatchMisconduct {
    /// For logs and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Length => "bad_batch_length",
            Self::Batch(..) => "bad_batch",
            Self::FetchResponse => "bad_fetch_response",
            Self::Unasked => "unasked_batch",
        }
    }
}

/// Why a batch was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyDropped {
    /// It is not one that an honest validator seals.
    Bad,
    /// Too much waits to be checked, or its sender's share is full.
    NoRoom,
    /// Its author's share is full.
    AuthorFull,
    /// It needs a version of the protocol that is not in force yet.
    NotInForce,
    /// Its sender or its author is not a validator, by the last block here.
    NotAValidators,
}

/// Which batches of a block are wanted, and who should have them.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub digests: Vec<BatchDigest>,
    /// Who proposed the block, or sent it.
    pub proposer: ValidatorId,
    /// Who made it; another may have proposed it again.
    pub author: ValidatorId,
    /// The version in force for its height, by the state before it, whatever its header says.
    pub in_force: ProtocolVersion,
}

impl<R> Exchange<R> {
    /// Each author's unordered batches take at most `author_bytes_max` bytes of memory, and those that
    /// blocks name as much again as the largest block does.
    pub fn new(me: ValidatorId, authors: impl Into<Authors>, versions: Versions, author_bytes_max: usize) -> Self {
        Self {
            me,
            authors: authors.into(),
            versions,
            pool: Pool::new(author_bytes_max),
            gathers: Gathers::default(),
            turned_away: TurnedAway::default(),
            arrivals: VecDeque::new(),
            arrivals_bytes: 0,
            under_way: HashSet::new(),
            actions: Vec::new(),
        }
    }

    pub fn take_actions(&mut self) -> Vec<ExchangeAction<R>> {
        std::mem::take(&mut self.actions)
    }

    pub fn authors(&self) -> &Authors {
        &self.authors
    }

    /// After a block has changed them.
    pub fn set_authors(&mut self, authors: Authors) {
        self.authors = authors;
    }

    /// For [`check_batches`].
    pub fn versions(&self) -> Versions {
        self.versions
    }

    /// A block is final after which this version is in force.
    pub fn set_in_force(&mut self, version: ProtocolVersion) {
        // What is asked for a block may tell before the block's parent does.
        self.versions.in_force = self.versions.in_force.max(version);
    }

    /// Takes in what a peer sent as a batch, unless it is known or there is no room. What is from no validator
    /// that this node knows of is dropped: it may be one of a later height, and then a block will name its
    /// batch.
    pub fn arrive(&mut self, from: ValidatorId, payload: Arc<[u8]>) {
        if self.authors.key(&from).is_none() {
            return self.actions.push(ExchangeAction::Dropped(WhyDropped::NotAValidators));
        }
        match RawBatch::new(from, payload) {
            Some(raw) => self.take_in(raw),
            None => self.blame(from, BatchMisconduct::Length),
        }
    }

    fn take_in(&mut self, raw: RawBatch) {
        let (digest, bytes) = (raw.bytes.digest(), raw.bytes.count());
        let wanted = self.gathers.wants(&digest);
        if self.pool.knows(&digest) || self.under_way.contains(&digest) {
            return;
        }
        let has_room = match wanted {
            // What is dropped is asked for again.
            true => self.arrivals_bytes + bytes <= WANTED_ARRIVALS_BYTES_MAX,
            false => self.pool.has_room(&raw.from, bytes) && self.arrivals_bytes + bytes <= ARRIVALS_BYTES_MAX,
        };
        if !has_room {
            self.turned_away.add(digest, raw.from);
            self.actions.push(ExchangeAction::Dropped(WhyDropped::NoRoom));
            return;
        }
        self.under_way.insert(digest);
        self.arrivals_bytes += bytes;
        if wanted {
            self.arrivals.push_front(raw);
        } else {
            self.arrivals.push_back(raw);
        }
    }

    /// About how many signatures wait to be checked.
    pub fn arrivals_signatures(&self) -> usize {
        self.arrivals_bytes / TRANSFER_BYTES
    }

    /// Whether somebody waits for the batches of a block.
    pub fn is_waited_for(&self) -> bool {
        !self.gathers.is_empty()
    }

    pub fn has_arrivals(&self) -> bool {
        !self.arrivals.is_empty()
    }

    /// What is to be checked next; the results go to [`Self::checked`], once what is good is on its way
    /// to the disk.
    pub fn next_arrivals(&mut self) -> Vec<RawBatch> {
        let (mut group, mut bytes) = (Vec::new(), 0);
        while let Some(raw) = self.arrivals.front() {
            if !group.is_empty() && bytes + raw.bytes.count() > CHECK_BYTES_MAX {
                break;
            }
            bytes += raw.bytes.count();
            let next = self.arrivals.pop_front();
            group.extend(next.map(|raw| RawBatch {
                named: self.gathers.wants(&raw.bytes.digest()),
                ..raw
            }));
        }
        self.arrivals_bytes -= bytes;
        group
    }

    /// `names` has sender and digest of each that was checked. No results at all: it could not be done.
    pub fn checked(
        &mut self,
        names: Vec<(ValidatorId, BatchDigest)>,
        results: Vec<Result<CheckedBatch, BatchFault>>,
        now: Moment,
    ) {
        for (_, digest) in &names {
            self.under_way.remove(digest);
        }
        for ((from, digest), result) in names.into_iter().zip(results) {
            match result {
                Ok(checked) => self.hold(checked),
                Err(BatchFault::UnknownAuthor(_)) => self.stranger(from, digest, now),
                Err(BatchFault::NotInForce(needs)) => self.early(from, digest, needs, now),
                Err(fault) => self.bad(from, digest, fault, now),
            }
        }
    }

    fn bad(&mut self, from: ValidatorId, digest: BatchDigest, fault: BatchFault, now: Moment) {
        self.actions.push(ExchangeAction::Dropped(WhyDropped::Bad));
        if fault.is_of_content() {
            let failed = self.gathers.invalid(&digest);
            self.answer(failed);
        } else {
            // Another answer with the same digest was ignored meanwhile; others have a good one.
            self.gathers.ask_next(&[digest], now);
        }
        self.blame(from, BatchMisconduct::Batch(digest, fault));
    }

    /// Whether a block may name it, the set that this node knows may not tell: the block may be final, and the
    /// set one of before it. So a request for it goes on, and fails when nobody's copy is good in time.
    fn stranger(&mut self, from: ValidatorId, digest: BatchDigest, now: Moment) {
        self.actions.push(ExchangeAction::Dropped(WhyDropped::NotAValidators));
        self.turned_away.add(digest, from);
        self.gathers.ask_next(&[digest], now);
    }

    /// A block of the next height that names it is invalid.
    fn early(&mut self, from: ValidatorId, digest: BatchDigest, needs: ProtocolVersion, now: Moment) {
        self.actions.push(ExchangeAction::Dropped(WhyDropped::NotInForce));
        self.turned_away.add(digest, from);
        if needs <= self.versions.in_force {
            // While it was being checked.
            self.gathers.ask_next(&[digest], now);
        } else {
            let failed = self.gathers.invalid(&digest);
            self.answer(failed);
        }
    }

    /// Keeps a batch that this validator has sealed. There is room: its transactions have been taken, and
    /// how many may wait is bounded where they are.
    pub fn hold_own(&mut self, sealed: CheckedBatch) {
        self.keep(sealed, Claim::Own);
    }

    /// Keeps a checked batch that the disk has been given: a sync after this makes it durable.
    fn hold(&mut self, checked: CheckedBatch) {
        let digest = checked.batch.digest();
        let author = checked.batch.batch().author;
        if self.gathers.wants(&digest) {
            self.keep(checked, Claim::Named);
        } else if self.authors.is_member(&author) {
            self.keep(checked, Claim::Offered);
        } else {
            // It has left, and the block that named this is not asked for any more.
            self.turned_away.add(digest, author);
            self.actions.push(ExchangeAction::Dropped(WhyDropped::NotAValidators));
        }
    }

    fn keep(&mut self, checked: CheckedBatch, claim: Claim) {
        let (digest, author) = (checked.batch.digest(), checked.batch.batch().author);
        match self.pool.insert(checked, claim) {
            Insert::Held => self.actions.push(ExchangeAction::Waiting),
            Insert::Known => {}
            Insert::AuthorFull => {
                self.turned_away.add(digest, author);
                self.actions.push(ExchangeAction::Dropped(WhyDropped::AuthorFull));
                return;
            }
        }
        self.arrived(&digest);
    }

    /// A batch is held, in whatever way it came: requests may have waited for it.
    fn arrived(&mut self, digest: &BatchDigest) {
        let pool = &self.pool;
        let answered = self.gathers.arrived(digest, |digest| pool.get(digest));
        self.answer(answered);
    }

    /// Takes up a batch of before a restart that is still to be ordered.
    pub fn resume(&mut self, stored: CheckedBatch) {
        self.pool.insert(stored, Claim::Offered);
    }

    /// Takes up a batch from the disk that a block names.
    pub fn load(&mut self, stored: CheckedBatch) {
        let digest = stored.batch.digest();
        self.pool.insert(stored, Claim::Named);
        self.arrived(&digest);
    }

    /// Whether a batch is held, or was ordered lately. Of one that a block names and that is not known,
    /// the disk may still have a copy, for [`Self::load`].
    pub fn knows(&self, digest: &BatchDigest) -> bool {
        self.pool.knows(digest)
    }

    pub fn holds(&self, digest: &BatchDigest) -> bool {
        self.pool.get(digest).is_some()
    }

    /// Answers with a block's batches, at once if all are held.
    pub fn gather(&mut self, request: R, wanted: Wanted, now: Moment) {
        let Wanted {
            digests,
            proposer,
            author,
            in_force,
        } = wanted;
        self.set_in_force(in_force);
        let held: Vec<Option<HashedBatch>> = digests.iter().map(|digest| self.pool.get(digest)).collect();
        let lacked = digests.iter().zip(&held).filter(|(_, held)| held.is_none());
        let missing: BTreeSet<_> = lacked.map(|(digest, _)| *digest).collect();
        let Some(&first) = missing.first() else {
            let all = held.into_iter().flatten().collect();
            self.actions.push(ExchangeAction::Answer(request, Ok(all)));
            return;
        };
        let others = self.authors.members().iter().copied();
        // Whoever sent a batch that found no room here is known, and has it.
        let turned_away = missing.iter().filter_map(|digest| self.turned_away.sender(digest));
        let likely = [proposer, author].into_iter().chain(turned_away);
        let Some(sources) = Sources::new(&self.me, likely, others) else {
            let missing = Err(GatherError::Missing(first));
            self.actions.push(ExchangeAction::Answer(request, missing));
            return;
        };
        let failed = self.gathers.wait(request, digests, missing, sources, now);
        self.answer(failed);
        self.ask_due(now);
    }

    /// Puts the questions that are due; to be called every 50 milliseconds or so.
    pub fn ask_due(&mut self, now: Moment) {
        let late = self.gathers.late(now);
        self.answer(late);
        let under_way = &self.under_way;
        let due = self.gathers.due(now, |digest| under_way.contains(digest));
        self.actions.extend(due.into_iter().map(ExchangeAction::Ask));
    }

    /// What a validator answered; none if nothing came.
    pub fn answered(&mut self, question: &Question, answer: Option<&[u8]>, now: Moment) {
        let Some(bytes) = answer else {
            self.gathers.ask_next(&question.digests, now);
            return;
        };
        let from = question.to;
        let Ok(FetchResponse::Batches(batches)) = FetchResponse::decode(bytes) else {
            self.blame(from, BatchMisconduct::FetchResponse);
            self.gathers.ask_next(&question.digests, now);
            return;
        };
        let mut left: BTreeSet<_> = question.digests.iter().copied().collect();
        for batch in &batches {
            match RawBatch::new(from, codec::encode(batch).into()) {
                Some(raw) if left.remove(&raw.bytes.digest()) => self.take_in(raw),
                _ => {
                    self.blame(from, BatchMisconduct::Unasked);
                    self.gathers.ask_next(&question.digests, now);
                    return;
                }
            }
        }
        if !left.is_empty() {
            self.gathers.ask_next(&left.into_iter().collect::<Vec<_>>(), now);
        }
    }

    /// A block with these batches is final, and the ledger remembers them until `remembered_until`.
    /// Gives the batches that can never be ordered any more, having expired.
    pub fn ordered(&mut self, digests: &[BatchDigest], time: TimeMs, remembered_until: TimeMs) -> Vec<BatchDigest> {
        self.pool.ordered(digests, time, remembered_until)
    }

    /// What became of an author's batches in a block. Gives whether it gives way to others from now on.
    pub fn learn(&mut self, of: &Yield) -> bool {
        self.pool.learn(of);
        self.pool.is_poor(&of.author)
    }

    /// Batches to order next: the oldest first, but for an author of whose transactions many are skipped.
    /// They stay within both bounds; at least one, if there is any.
    pub fn ready(&self, batches_max: usize, transactions_max: usize) -> Vec<HashedBatch> {
        self.pool.ready(batches_max, transactions_max)
    }

    /// Whether an author's share of memory has room for so many bytes more.
    pub fn has_room(&self, author: &ValidatorId, bytes: usize) -> bool {
        self.pool.has_room(author, bytes)
    }

    /// Whether a held batch carries this transaction.
    pub fn is_pending(&self, id: &TxId) -> bool {
        self.pool.is_pending(id)
    }

    /// In held batches.
    pub fn transactions(&self) -> usize {
        self.pool.transactions()
    }

    /// How many are held.
    pub fn batches(&self) -> usize {
        self.pool.batches()
    }

    fn blame(&mut self, peer: ValidatorId, misconduct: BatchMisconduct) {
        self.actions.push(ExchangeAction::Blame(peer, misconduct));
    }

    fn answer(&mut self, answers: impl IntoIterator<Item = (R, Gathered)>) {
        let answers = answers.into_iter();
        self.actions
            .extend(answers.map(|(request, gathered)| ExchangeAction::Answer(request, gathered)));
    }
}

impl Question {
    /// For the wire.
    pub fn request(&self) -> FetchRequest {
        FetchRequest::Batches {
            digests: Bounded::new(self.digests.clone()).expect("a block names no more batches than that"),
        }
    }
}
