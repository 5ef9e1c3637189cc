//! Requests for a block's batches that wait for some of them. Pure.

use std::{collections::BTreeSet, time::Duration};

use causeway_contracts::{
    block::{BatchDigest, HashedBatch},
    committee::ValidatorId,
};

use crate::moment::Moment;

/// A validator that has not answered by then is not waited for before the next is asked.
pub const ASK_EVERY: Duration = Duration::from_millis(250);
/// Each that is asked may send all of the batches, so no more than this are asked at once.
const AT_ONCE_MAX: usize = 3;
/// After this the request fails; by then the round that wanted it is long over.
const GIVE_UP: Duration = Duration::from_secs(10);
/// More requests than this are not kept; the oldest fails.
const GATHERS_MAX: usize = 16;

pub type Gathered = Result<Vec<HashedBatch>, GatherError>;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatherError {
    #[error("batch {0} could not be had from any validator in time")]
    Missing(BatchDigest),
    #[error("batch {0} holds a transaction that no honest validator seals")]
    Invalid(BatchDigest),
}

/// A request and its answer.
pub type Answer<R> = (R, Gathered);

#[derive(Debug)]
struct Gather<R> {
    digests: Vec<BatchDigest>,
    missing: BTreeSet<BatchDigest>,
    /// Whom to ask: some at once, the others in turns.
    sources: Sources,
    asked: usize,
    ask_at: Moment,
    until: Moment,
    request: R,
}

/// Whom to ask for batches, each once. Not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    order: Vec<ValidatorId>,
    at_once: usize,
}

impl Sources {
    /// `likely` are asked together, the others after them. `None` if there is nobody but `me`.
    pub fn new(
        me: &ValidatorId,
        likely: impl IntoIterator<Item = ValidatorId>,
        others: impl IntoIterator<Item = ValidatorId>,
    ) -> Option<Self> {
        let mut order = Vec::new();
        let add = |order: &mut Vec<ValidatorId>, source| {
            if source != *me && !order.contains(&source) {
                order.push(source);
            }
        };
        likely.into_iter().for_each(|source| add(&mut order, source));
        let at_once = order.len().clamp(1, AT_ONCE_MAX);
        others.into_iter().for_each(|source| add(&mut order, source));
        (!order.is_empty()).then_some(Self { order, at_once })
    }

    /// Whom to ask when this many have been asked.
    fn next(&self, asked: usize) -> impl Iterator<Item = ValidatorId> {
        let count = if asked == 0 { self.at_once } else { 1 };
        (asked..asked + count).map(|turn| self.order[turn % self.order.len()])
    }
}

/// A question to put to a validator.
#[derive(Debug, PartialEq, Eq)]
pub struct Question {
    pub to: ValidatorId,
    pub digests: Vec<BatchDigest>,
}

/// `R` names a request to whoever made it.
#[derive(Debug)]
pub struct Gathers<R> {
    waiting: Vec<Gather<R>>,
}

impl<R> Default for Gathers<R> {
    fn default() -> Self {
        Self { waiting: Vec::new() }
    }
}

impl<R> Gathers<R> {
    /// Gives an older request that fails for want of room.
    pub fn wait(
        &mut self,
        request: R,
        digests: Vec<BatchDigest>,
        missing: BTreeSet<BatchDigest>,
        sources: Sources,
        now: Moment,
    ) -> Option<Answer<R>> {
        let failed = (self.waiting.len() == GATHERS_MAX).then(|| self.waiting.remove(0).fail());
        self.waiting.push(Gather {
            digests,
            missing,
            sources,
            asked: 0,
            ask_at: now,
            until: now + GIVE_UP,
            request,
        });
        failed
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn wants(&self, digest: &BatchDigest) -> bool {
        self.waiting.iter().any(|gather| gather.missing.contains(digest))
    }

    /// Requests that took too long.
    pub fn late(&mut self, now: Moment) -> Vec<Answer<R>> {
        self.take(|gather| now >= gather.until)
            .into_iter()
            .map(Gather::fail)
            .collect()
    }

    /// Questions that are due. `under_way` says which digests have arrived and are being checked.
    pub fn due(&mut self, now: Moment, under_way: impl Fn(&BatchDigest) -> bool) -> Vec<Question> {
        let mut questions = Vec::new();
        for gather in &mut self.waiting {
            let digests: Vec<_> = gather
                .missing
                .iter()
                .filter(|digest| !under_way(digest))
                .copied()
                .collect();
            if now < gather.ask_at || digests.is_empty() {
                continue;
            }
            gather.ask_at = now + ASK_EVERY;
            for to in gather.sources.next(gather.asked) {
                gather.asked += 1;
                let digests = digests.clone();
                questions.push(Question { to, digests });
            }
        }
        questions
    }

    /// A validator answered, and did not have these, or could not be asked: the next is, at once.
    pub fn ask_next(&mut self, digests: &[BatchDigest], now: Moment) {
        for gather in &mut self.waiting {
            if digests.iter().any(|digest| gather.missing.contains(digest)) && gather.asked < gather.sources.order.len()
            {
                gather.ask_at = now;
            }
        }
    }

    /// A batch is held now: gives the requests that waited only for it. `get` finds held batches.
    pub fn arrived(
        &mut self,
        digest: &BatchDigest,
        get: impl Fn(&BatchDigest) -> Option<HashedBatch>,
    ) -> Vec<Answer<R>> {
        for gather in &mut self.waiting {
            gather.missing.remove(digest);
        }
        let complete = self.take(|gather| gather.missing.is_empty()).into_iter();
        let answer = |gather: Gather<R>| {
            // A batch may have been ordered or expired meanwhile; then nobody needs this block.
            let batches: Option<Vec<_>> = gather.digests.iter().map(&get).collect();
            (gather.request, batches.ok_or(GatherError::Missing(*digest)))
        };
        complete.map(answer).collect()
    }

    /// Whatever has this digest is no batch of an honest validator: gives the requests for it.
    pub fn invalid(&mut self, digest: &BatchDigest) -> Vec<Answer<R>> {
        let failed = self.take(|gather| gather.missing.contains(digest)).into_iter();
        failed
            .map(|gather| (gather.request, Err(GatherError::Invalid(*digest))))
            .collect()
    }

    fn take(&mut self, which: impl Fn(&Gather<R>) -> bool) -> Vec<Gather<R>> {
        let (taken, kept) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|gather| which(gather));
        self.waiting = kept;
        taken
    }
}

impl<R> Gather<R> {
    fn fail(self) -> Answer<R> {
        let missing = *self
            .missing
            .first()
            .expect("a request waits while something is missing");
        (self.request, Err(GatherError::Missing(missing)))
    }
}
