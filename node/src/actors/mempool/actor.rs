//! The loop around [`super::intake`] and the pure [`causeway_consensus::Exchange`].

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{
    Actor, AsyncContext, Context, Handler, MessageResult, Recipient, ResponseFuture, WrapFuture, fut::ActorFutureExt,
};
use causeway_consensus::{
    BatchFault, BatchMisconduct, CheckedBatch, Exchange, ExchangeAction, Gathered, Moment, Question, Wanted, WhyDropped,
};
use causeway_contracts::{
    block::{
        Batch, BatchDigest, GenesisHash, HashedBatch, TimeMs,
        batch::{BATCH_BYTES_MAX, BATCH_VERSION},
    },
    codec::{self, Bounded},
    committee::ValidatorId,
    keys::SecretKey,
    ledger::rejection::Skip,
    protocol::Versions,
    transaction::{TransactionError, TxId},
};
use tokio::sync::{oneshot, watch};

use super::{
    company::Company,
    intake::{Answers, Entry, Intake},
    message::{BatchWaiting, Capacity, Gather, GatherError, GetCapacity, IsPending, Ordered, Ready, Refusal, Submit},
    metrics::MempoolMetrics,
    verifier::{Call, SIGNATURES_MAX, Verifier},
};
use crate::{
    actors::{
        budget::{BudgetRates, SpenderBudgets},
        ledger::{
            Membership,
            message::{Admit, Candidate, Spenders},
        },
        network::message::{Destination, Fetch, Lane, PeerFault, Received, Send},
        penalty::Penalties,
    },
    config::Limits,
    store::{Reader, Store, StoredBatch},
};

/// Messages that wait in the mailbox.
pub const MAILBOX: usize = 1024;

/// Batches of before a restart that are looked at again.
const LOADED_MAX: usize = 4096;

/// Writes of peers' batches that wait for the disk at once; while there are so many, nothing more is checked.
const PUTS_MAX: usize = 4;

/// How often due questions are looked for.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// Whom the mempool talks to.
pub struct Connections {
    pub ledger: Recipient<Admit>,
    pub consensus: Recipient<BatchWaiting>,
    pub send: Recipient<Send>,
    pub fetch: Recipient<Fetch>,
    pub faults: Recipient<PeerFault>,
}

/// What the mempool is made with.
pub struct Setup {
    pub genesis: GenesisHash,
    pub key: SecretKey,
    pub members: watch::Receiver<Membership>,
    pub versions: Versions,
    pub limits: Limits,
    pub budgets: BudgetRates,
    /// How long the ledger remembers an ordered batch, in seconds of block time.
    pub validity_seconds_max: u32,
    pub verifier: Verifier,
    pub store: Store,
    pub disk_low: watch::Receiver<bool>,
    pub metrics: MempoolMetrics,
}

pub struct Mempool {
    setup: Setup,
    connections: Connections,
    reader: Reader,
    author: ValidatorId,
    exchange: Exchange<oneshot::Sender<Gathered>>,
    /// When the exchange's clock began.
    began: Instant,
    intake: Intake,
    budgets: SpenderBudgets,
    penalties: Penalties,
    company: Company,
    check_timer: Option<Instant>,
    ask_timer: bool,
    checks_under_way: usize,
    candidates_under_way: bool,
    /// Of peers' batches that were checked.
    puts_under_way: usize,
    seal_timer: Option<Instant>,
    /// Transactions of sealed batches that are on their way to the disk, and not yet in the pool.
    sealing: HashSet<TxId>,
    /// When each held batch of this validator's own was sealed.
    sealed: HashMap<BatchDigest, Instant>,
}

impl Mempool {
    pub fn new(setup: Setup, connections: Connections) -> Self {
        let author = ValidatorId::of(&setup.key.public_key());
        let authors = setup.members.borrow().authors.clone();
        Self {
            author,
            exchange: Exchange::new(author, authors, setup.versions, setup.limits.author_batch_bytes_max),
            began: Instant::now(),
            reader: setup.store.reader(),
            intake: Intake::default(),
            budgets: SpenderBudgets::new(&setup.budgets),
            penalties: Penalties::default(),
            company: Company::default(),
            check_timer: None,
            ask_timer: false,
            checks_under_way: 0,
            candidates_under_way: false,
            puts_under_way: 0,
            seal_timer: None,
            sealing: HashSet::new(),
            sealed: HashMap::new(),
            setup,
            connections,
        }
    }

    /// Starts what checks are due, as many as there are threads.
    fn advance(&mut self, context: &mut Context<Self>) {
        while self.checks_under_way < self.setup.verifier.threads() && self.puts_under_way < PUTS_MAX {
            let candidates_wait = self.intake.is_waiting() && !self.candidates_under_way;
            if !candidates_wait && !self.exchange.has_arrivals() {
                self.company.nothing_waits();
                break;
            }
            let waiting = self.exchange.arrivals_signatures() + if candidates_wait { self.intake.waiting() } else { 0 };
            let due = self.company.due(waiting, Instant::now());
            if let Some(at) = due.filter(|_| !self.exchange.is_waited_for()) {
                self.arm_check_timer(at, context);
                break;
            }
            self.company.begins(waiting, Instant::now());
            if candidates_wait {
                // Once the ledger has admitted them they go with what has come from peers, unless that is due before.
                self.admit(context);
            } else {
                self.check(Vec::new(), Vec::new(), context);
            }
        }
        self.arm_seal_timer(context);
        self.setup
            .metrics
            .pending_transactions
            .set((self.intake.count() + self.exchange.transactions()) as i64);
        self.setup.metrics.held_batches.set(self.exchange.batches() as i64);
    }

    fn arm_check_timer(&mut self, at: Instant, context: &mut Context<Self>) {
        if self.check_timer.is_some_and(|armed| armed <= at) {
            return;
        }
        self.check_timer = Some(at);
        context.run_later(at.saturating_duration_since(Instant::now()), move |mempool, context| {
            if mempool.check_timer == Some(at) {
                mempool.check_timer = None;
            }
            mempool.advance(context);
        });
    }

    /// Has candidates admitted by the ledger, and then checked.
    fn admit(&mut self, context: &mut Context<Self>) {
        let group = self.intake.next_group(SIGNATURES_MAX);
        let candidates: Vec<Candidate> = group.iter().map(|entry| entry.candidate.clone()).collect();
        self.candidates_under_way = true;
        self.setup.metrics.verify_signatures.observe(candidates.len() as f64);
        let admission = self.connections.ledger.send(Admit(candidates)).into_actor(self);
        context.spawn(admission.map(|admitted, mempool, context| {
            let charged = match admitted {
                Ok(admitted) => mempool.charge(&group, admitted),
                Err(_) => vec![Err(Refusal::Busy); group.len()],
            };
            mempool.check(group, charged, context);
            mempool.advance(context);
        }));
    }

    /// Checks the signatures of candidates, and what has come from peers, in one call.
    fn check(&mut self, group: Vec<Entry>, charged: Vec<Result<Spenders, Refusal>>, context: &mut Context<Self>) {
        self.refresh_authors();
        let paid = group.iter().zip(&charged).filter(|(_, charged)| charged.is_ok());
        let batches = self.exchange.next_arrivals();
        let names = batches.iter().map(|raw| (raw.from, raw.bytes.digest())).collect();
        let check = self.setup.verifier.check(Call {
            candidates: paid.map(|(entry, _)| entry.candidate.clone()).collect(),
            batches,
            authors: self.exchange.authors().clone(),
            versions: self.exchange.versions(),
        });
        self.checks_under_way += 1;
        let check = async move { check.await.unwrap_or_default() }.into_actor(self);
        context.spawn(check.map(|answers, mempool, context| {
            mempool.checks_under_way -= 1;
            if !group.is_empty() {
                mempool.candidates_under_way = false;
                mempool.candidates_checked(group, charged, answers.candidates, context);
            }
            mempool.arrivals_checked(names, answers.batches, context);
            mempool.advance(context);
        }));
    }

    /// Puts on disk what is good, and holds it then.
    fn arrivals_checked(
        &mut self,
        names: Vec<(ValidatorId, BatchDigest)>,
        results: Vec<Result<CheckedBatch, BatchFault>>,
        context: &mut Context<Self>,
    ) {
        if names.is_empty() {
            return;
        }
        self.puts_under_way += 1;
        let store = self.setup.store.clone();
        let batches = results.iter().flatten().map(for_store).collect();
        let put = async move { store.put_batches(batches).await }.into_actor(self);
        context.spawn(put.map(|(), mempool, context| {
            mempool.puts_under_way -= 1;
            let now = mempool.now();
            mempool.exchange.checked(names, results, now);
            mempool.perform(context);
            mempool.advance(context);
        }));
    }

    /// Before the signatures are checked, each is paid for from the budgets of those whom it names.
    fn charge(&mut self, group: &[Entry], admitted: Vec<Result<Spenders, Skip>>) -> Vec<Result<Spenders, Refusal>> {
        let now = Instant::now();
        let charge = |(entry, admitted): (&Entry, Result<Spenders, Skip>)| {
            let spenders = admitted?;
            self.budgets.spend(&spenders, entry.work, now)?;
            Ok(spenders)
        };
        group.iter().zip(admitted).map(charge).collect()
    }

    /// `signatures` has an answer for each that was paid for, in order, or is empty.
    fn candidates_checked(
        &mut self,
        group: Vec<Entry>,
        charged: Vec<Result<Spenders, Refusal>>,
        signatures: Vec<Result<(), TransactionError>>,
        context: &mut Context<Self>,
    ) {
        let now = Instant::now();
        let mut signatures = signatures.into_iter();
        for (entry, charged) in group.into_iter().zip(charged) {
            let answer = charged.and_then(|spenders| {
                let checked = match signatures.next() {
                    Some(checked) => checked.map_err(Refusal::Invalid),
                    None => Err(Refusal::Busy),
                };
                checked.inspect_err(|_| self.budgets.give_back(&spenders, entry.work))
            });
            match answer {
                Ok(()) => {
                    if let Some(full) = self.intake.verified(entry, now) {
                        self.seal(full, context);
                    }
                }
                Err(Refusal::Skip(Skip::AlreadyKnown)) => self.intake.known(&entry),
                Err(refusal) => {
                    if matches!(refusal, Refusal::Invalid(TransactionError::BadSignature { .. })) {
                        self.penalties.invalid(entry.client, now);
                    }
                    self.count_refused(&refusal);
                    self.intake.refuse(&entry, refusal);
                }
            }
        }
    }

    fn arm_seal_timer(&mut self, context: &mut Context<Self>) {
        let busy = self.candidates_under_way || self.intake.is_waiting();
        let Some(at) = self.intake.seal_at(busy) else { return };
        if self.seal_timer.is_some_and(|armed| armed <= at) {
            return;
        }
        self.seal_timer = Some(at);
        context.run_later(at.saturating_duration_since(Instant::now()), move |mempool, context| {
            if mempool.seal_timer == Some(at) {
                mempool.seal_timer = None;
            }
            let busy = mempool.candidates_under_way || mempool.intake.is_waiting();
            if mempool.intake.seal_at(busy).is_some_and(|due| due <= Instant::now()) {
                let sealed = mempool.intake.seal();
                mempool.seal(sealed, context);
            }
            mempool.advance(context);
        });
    }

    fn seal(&mut self, candidates: Vec<Candidate>, context: &mut Context<Self>) {
        let transactions = candidates
            .into_iter()
            .map(|c| Arc::unwrap_or_clone(c.transaction))
            .collect();
        let batch = HashedBatch::new(Batch {
            version: BATCH_VERSION,
            genesis: self.setup.genesis,
            author: self.author,
            transactions: Bounded::new(transactions).expect("intake seals at most as many as fit"),
        });
        let (digest, ids) = (batch.digest(), batch.ids().clone());
        self.setup.metrics.sealed.inc();
        self.setup.metrics.sealed_transactions.observe(ids.len() as f64);
        let signed = batch.seal(&self.setup.key);
        let payload: Arc<[u8]> = codec::encode(&signed).into();
        assert!(
            payload.len() <= BATCH_BYTES_MAX,
            "intake seals at most as many bytes as fit"
        );
        let checked = CheckedBatch {
            batch,
            wire: payload.clone(),
        };
        self.sealing.extend(ids.iter().copied());
        let store = self.setup.store.clone();
        let batches = vec![for_store(&checked)];
        let put = async move { store.put_batches(batches).await };
        let sealed_at = Instant::now();
        context.spawn(put.into_actor(self).map(move |(), mempool, context| {
            for id in ids.iter() {
                mempool.sealing.remove(id);
            }
            mempool.exchange.hold_own(checked);
            mempool.perform(context);
            if mempool.exchange.holds(&digest) {
                mempool.sealed.insert(digest, sealed_at);
            }
            mempool.advance(context);
        }));
        let send = Send {
            to: Destination::All,
            lane: Lane::Batches,
            payload,
        };
        if self.connections.send.try_send(send).is_err() {
            // Validators that lack it when a block names it fetch it.
            self.setup
                .metrics
                .batches_dropped
                .with_label_values(&["not_sent"])
                .inc();
        }
    }

    /// Takes over who is a validator after the ledger's last block.
    fn refresh_authors(&mut self) {
        if self.setup.members.has_changed().unwrap_or(false) {
            let authors = self.setup.members.borrow_and_update().authors.clone();
            self.exchange.set_authors(authors);
        }
    }

    fn now(&self) -> Moment {
        Moment(self.began.elapsed())
    }

    /// Does what the exchange asks for.
    fn perform(&mut self, context: &mut Context<Self>) {
        for action in self.exchange.take_actions() {
            match action {
                ExchangeAction::Ask(question) => self.ask(question, context),
                // Whoever has gone away wants no answer.
                ExchangeAction::Answer(request, gathered) => drop(request.send(gathered)),
                // A full mailbox holds other reasons to look at the pool.
                ExchangeAction::Waiting => drop(self.connections.consensus.try_send(BatchWaiting)),
                ExchangeAction::Blame(peer, misconduct) => self.blame(peer, &misconduct),
                ExchangeAction::Dropped(why) => {
                    let reason = match why {
                        WhyDropped::Bad => "bad",
                        WhyDropped::NoRoom => "no_room",
                        WhyDropped::AuthorFull => "author_full",
                        WhyDropped::NotInForce => "not_in_force",
                        WhyDropped::NotAValidators => "not_a_validators",
                    };
                    self.setup.metrics.batches_dropped.with_label_values(&[reason]).inc();
                }
            }
        }
        self.arm_ask_timer(context);
    }

    /// While somebody waits for batches, looks at whom to ask for them next. An idle node has no such timer.
    fn arm_ask_timer(&mut self, context: &mut Context<Self>) {
        if self.ask_timer || !self.exchange.is_waited_for() {
            return;
        }
        self.ask_timer = true;
        context.run_later(ASK_EVERY, |mempool, context| {
            mempool.ask_timer = false;
            let now = mempool.now();
            mempool.exchange.ask_due(now);
            mempool.perform(context);
        });
    }

    fn blame(&self, peer: ValidatorId, misconduct: &BatchMisconduct) {
        match misconduct {
            BatchMisconduct::Batch(..) => tracing::warn!(%peer, "sent {misconduct}"),
            _ => tracing::debug!(%peer, "sent {misconduct}"),
        }
        let fault = misconduct.name();
        // The fault is logged; a full mailbox only spares the peer a point.
        let _ = self.connections.faults.try_send(PeerFault { peer, fault });
    }

    fn ask(&self, question: Question, context: &mut Context<Self>) {
        let fetch = self.connections.fetch.send(Fetch {
            from: question.to,
            request: question.request().encode(),
        });
        context.spawn(fetch.into_actor(self).map(move |answer, mempool, context| {
            let answer = match answer {
                Ok(Ok(bytes)) => Some(bytes),
                Ok(Err(error)) => {
                    tracing::debug!(%error, "could not fetch batches");
                    None
                }
                Err(_) => return,
            };
            let now = mempool.now();
            mempool.exchange.answered(&question, answer.as_deref(), now);
            mempool.perform(context);
            mempool.advance(context);
        }));
    }

    /// A batch that was checked before a restart is on disk, and perhaps no longer in the pool. Gives
    /// what is to be put on disk again: that the batch expired may just be making the store drop it.
    fn load(&mut self, digest: &BatchDigest) -> Option<StoredBatch> {
        match self.reader.batch(digest) {
            Ok(signed) => {
                let checked = CheckedBatch::stored(signed?);
                let stored = for_store(&checked);
                self.exchange.load(checked);
                Some(stored)
            }
            Err(error) => {
                error.stop_if_damaged();
                tracing::error!(%error, %digest, "cannot read a batch");
                None
            }
        }
    }

    /// What was taken before a restart and not ordered is still to be.
    fn load_unordered(&mut self) {
        match self.reader.pending_batches(LOADED_MAX) {
            Ok(batches) => {
                for (_, signed) in batches {
                    self.exchange.resume(CheckedBatch::stored(signed));
                }
            }
            Err(error) => {
                error.stop_if_damaged();
                tracing::error!(%error, "cannot read the batches of before the restart");
            }
        }
    }

    /// What every transaction would be refused with now.
    fn refusing(&self) -> Option<Refusal> {
        if !self.exchange.authors().is_member(&self.author) {
            return Some(Refusal::NotAValidator);
        }
        if *self.setup.disk_low.borrow() {
            return Some(Refusal::DiskLow);
        }
        let room = self.exchange.has_room(&self.author, BATCH_BYTES_MAX);
        let full = self.intake.count() >= self.setup.limits.pending_transactions_max;
        (full || !room).then_some(Refusal::Busy)
    }

    fn count_refused(&self, refusal: &Refusal) {
        let reason = match refusal {
            Refusal::Invalid(_) => "invalid",
            Refusal::Skip(_) => "not_admitted",
            Refusal::Busy => "busy",
            Refusal::OverBudget(over) => over.payer().code(),
            Refusal::Penalized(_) => "penalized",
            Refusal::DiskLow => "disk_low",
            Refusal::NotAValidator => "not_a_validator",
        };
        self.setup.metrics.refused.with_label_values(&[reason]).inc();
    }
}

fn for_store(checked: &CheckedBatch) -> StoredBatch {
    (checked.batch.digest(), checked.wire.clone())
}

impl Actor for Mempool {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Context<Self>) {
        self.load_unordered();
    }
}

impl Handler<Submit> for Mempool {
    type Result = ResponseFuture<Answers>;

    fn handle(&mut self, submit: Submit, context: &mut Context<Self>) -> Self::Result {
        let Submit { transactions, client } = submit;
        let count = transactions.len();
        let waiting = self.penalties.waiting(client, Instant::now()).map(Refusal::Penalized);
        let refuse_all = self.refusing().or(waiting);
        let pending_max = self.setup.limits.pending_transactions_max;
        let (exchange, sealing) = (&self.exchange, &self.sealing);
        let metrics = &self.setup.metrics;
        let answers = self.intake.take(transactions, client, |intake, id| {
            let refusal = if intake.contains(id) || sealing.contains(id) || exchange.is_pending(id) {
                return Some(Ok(*id));
            } else if let Some(refusal) = &refuse_all {
                refusal.clone()
            } else if intake.count() >= pending_max {
                Refusal::Busy
            } else {
                return None;
            };
            let reason = if refusal == Refusal::Busy { "busy" } else { "not_now" };
            metrics.refused.with_label_values(&[reason]).inc();
            Some(Err(refusal))
        });
        self.advance(context);
        Box::pin(async move { answers.await.unwrap_or_else(|_| vec![Err(Refusal::Busy); count]) })
    }
}

impl Handler<IsPending> for Mempool {
    type Result = bool;

    fn handle(&mut self, IsPending(id): IsPending, _: &mut Context<Self>) -> bool {
        self.intake.contains(&id) || self.sealing.contains(&id) || self.exchange.is_pending(&id)
    }
}

impl Handler<GetCapacity> for Mempool {
    type Result = MessageResult<GetCapacity>;

    fn handle(&mut self, _: GetCapacity, _: &mut Context<Self>) -> Self::Result {
        MessageResult(Capacity {
            pending: (self.intake.count() + self.sealing.len() + self.exchange.transactions()) as u64,
            refusing: self.refusing(),
        })
    }
}

impl Handler<Ready> for Mempool {
    type Result = MessageResult<Ready>;

    fn handle(&mut self, ready: Ready, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.exchange.ready(ready.batches_max, ready.transactions_max))
    }
}

impl Handler<Gather> for Mempool {
    type Result = ResponseFuture<Gathered>;

    fn handle(&mut self, gather: Gather, context: &mut Context<Self>) -> Self::Result {
        let Gather {
            digests,
            proposer,
            author,
            in_force,
        } = gather;
        let mut loaded = Vec::new();
        for digest in &digests {
            if !self.exchange.knows(digest) {
                loaded.extend(self.load(digest));
            }
        }
        let store = self.setup.store.clone();
        let (request, gathered) = oneshot::channel();
        let first = digests.first().copied();
        let wanted = Wanted {
            digests,
            proposer,
            author,
            in_force,
        };
        let now = self.now();
        self.refresh_authors();
        self.exchange.gather(request, wanted, now);
        self.perform(context);
        // What it waits for may have come, and not be checked yet.
        self.advance(context);
        Box::pin(async move {
            if !loaded.is_empty() {
                store.put_batches(loaded).await;
            }
            match (gathered.await, first) {
                (Ok(gathered), _) => gathered,
                (Err(_), Some(digest)) => Err(GatherError::Missing(digest)),
                (Err(_), None) => Ok(Vec::new()),
            }
        })
    }
}

impl Handler<Ordered> for Mempool {
    type Result = ();

    fn handle(&mut self, ordered: Ordered, context: &mut Context<Self>) {
        let Ordered {
            time_ms,
            digests,
            yields,
            in_force,
            ..
        } = ordered;
        self.exchange.set_in_force(in_force);
        self.refresh_authors();
        for of in &yields {
            let is_poor = self.exchange.learn(of);
            self.setup.metrics.yielded(of, is_poor);
        }
        let remembered = TimeMs(time_ms.0 + u64::from(self.setup.validity_seconds_max) * 1000);
        let expired = self.exchange.ordered(&digests, time_ms, remembered);
        for sealed_at in digests.iter().filter_map(|digest| self.sealed.remove(digest)) {
            self.setup.metrics.finality.observe(sealed_at.elapsed().as_secs_f64());
        }
        for digest in &expired {
            self.sealed.remove(digest);
        }
        if !expired.is_empty() {
            let store = self.setup.store.clone();
            context.spawn(async move { store.drop_batches(expired).await }.into_actor(self));
        }
        self.advance(context);
    }
}

impl Handler<Received> for Mempool {
    type Result = ();

    fn handle(&mut self, received: Received, context: &mut Context<Self>) {
        self.setup.metrics.batches_received.inc();
        self.exchange.arrive(received.from, received.payload.into());
        self.perform(context);
        self.advance(context);
    }
}
