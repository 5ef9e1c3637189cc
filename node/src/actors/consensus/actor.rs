use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, MailboxError, Recipient, SpawnHandle,
    WrapFuture,
};
use causeway_consensus::{Effect, Evidence, Halt, Input, LogEntry, Message, Replica, Setup, Signing, Timer, Verdict};
use causeway_contracts::{
    block::{BATCHES_MAX, BatchDigest, Block, BlockId, CommitCertificate, GenesisHash, Height, TimeMs},
    committee::ValidatorId,
    keys::SecretKey,
};
use nix::sys::statvfs::statvfs;
use tokio::sync::watch;

use super::{
    catch_up::{Fetched, PeerHeights, check},
    message::{ConsensusStatus, PeerStatus},
    pace::Pace,
};
use crate::{
    actors::{
        ledger::message::{self as ledger, Commit, CommitDone, Committed, Draft, Execute},
        mempool::message::{BatchWaiting, Gather, GatherError, Ordered, Ready, StoredBatch},
        network::{
            fetch::{BLOCKS_MAX, FetchRequest, FetchResponse},
            message::{Destination, Fetch, Lane, PeerFault, Received, Send},
        },
    },
    exit::{self, ExitStatus},
    log::{Files, JournalError, Recovered},
};

const STATUS_EVERY: Duration = Duration::from_millis(300);

/// A node that is one block behind for longer than this fetches it.
const PATIENCE: Duration = Duration::from_millis(300);

/// After a batch of a final block could not be had, it is asked for again.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// Memory for what waits to be written with the next vote.
const PENDING_BYTES_MAX: usize = 64 * 1024;

/// A draft takes waiting batches of at most this many transactions; the ledger leaves out what does not
/// fit in a block.
const DRAFT_TRANSACTIONS_MAX: usize = 16 * 1024;

/// The other actors.
#[derive(Clone)]
pub struct Ports {
    pub send: Recipient<Send>,
    pub fetch: Recipient<Fetch>,
    pub fault: Recipient<PeerFault>,
    pub ready: Recipient<Ready>,
    pub gather: Recipient<Gather>,
    pub ordered: Recipient<Ordered>,
    pub draft: Recipient<Draft>,
    pub execute: Recipient<Execute>,
    pub commit: Recipient<Commit>,
}

pub struct Start {
    pub genesis: GenesisHash,
    pub key: SecretKey,
    /// The last block that is durable.
    pub tip: Committed,
    pub files: Files,
    pub recovered: Recovered,
    /// On the disk whose free space is watched.
    pub data: PathBuf,
    pub disk_free_bytes_min: u64,
    pub ports: Ports,
}

pub struct ConsensusActor {
    genesis: GenesisHash,
    me: ValidatorId,
    replica: Replica,
    files: Files,
    /// To be replayed when the actor starts.
    log: Vec<LogEntry>,
    ports: Ports,
    data: PathBuf,
    disk_free_bytes_min: u64,
    tip: Committed,
    /// When `tip` was committed, or this process began.
    progress: Instant,
    /// Batches of this height's executed blocks.
    batches: BTreeMap<BlockId, Vec<StoredBatch>>,
    committing: Option<(Height, BlockId)>,
    timers: BTreeMap<Timer, SpawnHandle>,
    pace: Pace,
    start_timer: Option<SpawnHandle>,
    peers: PeerHeights,
    fetching: bool,
    fetches: usize,
    fetched: Option<Fetched>,
    status: watch::Sender<ConsensusStatus>,
}

impl ConsensusActor {
    pub fn new(start: Start) -> (Self, watch::Receiver<ConsensusStatus>) {
        let Start {
            genesis,
            key,
            tip,
            files,
            recovered,
            data,
            disk_free_bytes_min,
            ports,
        } = start;
        let (mut files, mut recovered) = (files, recovered);
        let signing = match files.settle(&mut recovered, tip.height) {
            Ok(signing) => signing,
            Err(error) => exit::stop(ExitStatus::SafetyWrite, &error.to_string()),
        };
        match signing {
            Signing::From(first) if first == tip.height.next() => {}
            Signing::From(first) => tracing::warn!(%first, "has signed for later heights and signs none before"),
            Signing::Observing => tracing::warn!(
                "the sign record is missing, so it is not known what this validator's key has signed: signs nothing \
                 until it has the blocks that more than two thirds of the others had. For a key that has certainly \
                 never signed, stop this node and run causeway-node init"
            ),
        }
        let me = ValidatorId::of(&key.public_key());
        let (status, watched) = watch::channel(ConsensusStatus::default());
        let actor = Self {
            genesis,
            me,
            replica: Replica::new(genesis, key, recovered.record, signing),
            files,
            log: recovered.log,
            ports,
            data,
            disk_free_bytes_min,
            tip,
            progress: Instant::now(),
            batches: BTreeMap::new(),
            committing: None,
            timers: BTreeMap::new(),
            pace: Pace::default(),
            start_timer: None,
            peers: PeerHeights::default(),
            fetching: false,
            fetches: 0,
            fetched: None,
            status,
        };
        (actor, watched)
    }

    fn setup(&self) -> Setup {
        Setup {
            height: self.tip.height.next(),
            validators: self.tip.validators.clone(),
            rotation: self.tip.rotation.clone(),
        }
    }

    /// The only place where the replica is handled.
    fn input(&mut self, input: Input, ctx: &mut Context<Self>) {
        let effects = self.replica.handle(input);
        self.perform(effects, ctx);
        self.publish();
    }

    fn publish(&self) {
        let now = ConsensusStatus {
            committed: self.tip.height,
            best: self.peers.best(&self.tip.validators).max(self.tip.height),
            round: self.replica.round(),
            signing: match self.replica.signing() {
                Signing::From(first) => first <= self.tip.height.next(),
                Signing::Observing => false,
            },
        };
        self.status
            .send_if_modified(|status| std::mem::replace(status, now) != now);
    }

    fn perform(&mut self, effects: Vec<Effect>, ctx: &mut Context<Self>) {
        // All that is to be remembered goes to disk in one sync before the first thing that others can
        // see: earlier than it must for some, late for none.
        let mut visible = false;
        for effect in &effects {
            match effect {
                Effect::Persist(entry) => self.files.persist(entry),
                Effect::Record(signed) => self.files.record(signed),
                Effect::Send(_) | Effect::Committed { .. } => visible = true,
                _ => {}
            }
        }
        if visible || self.files.pending_bytes() > PENDING_BYTES_MAX {
            stop_unless_written(self.files.sync());
        }
        for effect in effects {
            match effect {
                Effect::Persist(_) | Effect::Record(_) => {}
                Effect::Send(message) => self.send(Lane::Consensus, message.encode()),
                Effect::SetTimer(timer, after) => {
                    let ring = ctx.run_later(after, move |actor, ctx| {
                        actor.timers.remove(&timer);
                        actor.input(Input::Timer(timer), ctx);
                    });
                    if let Some(before) = self.timers.insert(timer, ring) {
                        ctx.cancel_future(before);
                    }
                }
                Effect::CancelTimer(timer) => {
                    if let Some(ring) = self.timers.remove(&timer) {
                        ctx.cancel_future(ring);
                    }
                }
                Effect::CancelTimers => {
                    for (_, ring) in std::mem::take(&mut self.timers) {
                        ctx.cancel_future(ring);
                    }
                }
                Effect::NeedValue { height, round } => self.draft(height, round, ctx),
                Effect::Execute {
                    height,
                    id,
                    block,
                    proposer,
                } => self.execute(height, id, block, proposer, ctx),
                Effect::Begun(_) => {
                    self.pace.want();
                    self.schedule_start(ctx);
                }
                Effect::Committed { block, certificate } => self.decided(block, certificate, ctx),
                Effect::Evidence(evidence) => report(&evidence),
                Effect::PeerFault { peer, fault } => self.blame(peer, fault.name()),
                Effect::Halt(halt) => stop_halted(&halt),
            }
        }
    }

    /// To every other validator. Dropped if the network is busy: all is said again or can be fetched.
    fn send(&self, lane: Lane, payload: Vec<u8>) {
        let message = Send {
            to: Destination::All,
            lane,
            payload: payload.into(),
        };
        if let Err(error) = self.ports.send.try_send(message) {
            tracing::debug!(?lane, %error, "not sent");
        }
    }

    fn blame(&self, peer: ValidatorId, fault: &'static str) {
        tracing::debug!(%peer, fault, "peer fault");
        if let Err(error) = self.ports.fault.try_send(PeerFault { peer, fault }) {
            tracing::debug!(%error, "peer fault not reported");
        }
    }

    fn draft(&mut self, height: Height, round: u32, ctx: &mut Context<Self>) {
        if self.is_disk_low() {
            tracing::warn!(%height, round, "too little disk space is left to propose a block");
            return;
        }
        let ports = self.ports.clone();
        let proposer = self.me;
        let drafting = async move {
            let wanted = Ready {
                batches_max: BATCHES_MAX,
                transactions_max: DRAFT_TRANSACTIONS_MAX,
            };
            let batches = ports.ready.send(wanted).await?;
            let draft = Draft {
                height,
                now: now(),
                proposer,
                batches: batches.clone(),
            };
            Ok::<_, MailboxError>((ports.draft.send(draft).await?, batches))
        };
        ctx.spawn(drafting.into_actor(self).map(move |answer, actor, ctx| match answer {
            Ok((Ok(block), batches)) => {
                let held = |digest: &BatchDigest| batches.iter().find(|stored| stored.digest == *digest).cloned();
                let drafted: Option<Vec<_>> = block.batches.iter().map(held).collect();
                let drafted = drafted.expect("a draft orders batches that it was given");
                actor.batches.insert(block.id(), drafted);
                let block = Arc::new(block);
                actor.input(Input::ValueReady { height, round, block }, ctx);
            }
            Ok((Err(overtaken), _)) => tracing::debug!(%overtaken, "draft is late"),
            Err(error) => actor.abandoned(error, ctx),
        }));
    }

    fn execute(
        &mut self,
        height: Height,
        id: BlockId,
        block: Arc<Block>,
        proposer: ValidatorId,
        ctx: &mut Context<Self>,
    ) {
        let ports = self.ports.clone();
        let executing = async move {
            let digests = block.batches.to_vec();
            let gathered = match digests.is_empty() {
                true => Ok(Vec::new()),
                false => {
                    let author = block.header.proposer;
                    let gather = Gather {
                        digests,
                        proposer,
                        author,
                    };
                    ports.gather.send(gather).await?
                }
            };
            let batches = match gathered {
                Ok(batches) => batches,
                Err(GatherError::Missing(digest)) => {
                    tracing::debug!(%digest, %id, "a proposed block's batch is missing");
                    return Ok((Verdict::Unknown, Vec::new()));
                }
                Err(GatherError::Invalid(digest)) => {
                    tracing::warn!(%digest, %id, %proposer, "a proposed block has a batch that no honest validator seals");
                    return Ok((Verdict::Invalid, Vec::new()));
                }
            };
            let block = block.as_ref().clone();
            let execute = Execute {
                block,
                batches: batches.clone(),
            };
            let verdict = match ports.execute.send(execute).await? {
                Ok(ledger::Verdict::Valid) => Verdict::Valid,
                Ok(ledger::Verdict::Invalid(why)) => {
                    tracing::warn!(%height, %id, %proposer, why, "a proposed block is invalid");
                    Verdict::Invalid
                }
                Err(overtaken) => {
                    tracing::debug!(%overtaken, "execution is late");
                    Verdict::Unknown
                }
            };
            Ok::<_, MailboxError>((verdict, batches))
        };
        ctx.spawn(executing.into_actor(self).map(move |answer, actor, ctx| match answer {
            Ok((verdict, batches)) => {
                if verdict == Verdict::Valid && height == actor.tip.height.next() {
                    actor.batches.insert(id, batches);
                }
                let block = id;
                actor.input(Input::Executed { height, block, verdict }, ctx);
            }
            Err(error) => actor.abandoned(error, ctx),
        }));
    }

    /// The replica has decided.
    fn decided(&mut self, block: Arc<Block>, certificate: CommitCertificate, ctx: &mut Context<Self>) {
        let (height, id) = (certificate.height, certificate.block);
        if height != self.tip.height.next() {
            return;
        }
        if let Some((_, other)) = self.committing {
            // The same block came from a peer a moment ago.
            if other != id {
                let why = format!("blocks {other} and {id} are both certified at height {height}");
                exit::stop(ExitStatus::Divergence, &why);
            }
            return;
        }
        let source = block.header.proposer;
        self.commit(block.as_ref().clone(), certificate, source, ctx);
    }

    /// Makes a block durable whose certificate has been checked. Its batches exist: more than two thirds
    /// of the power vouch for them.
    fn commit(&mut self, block: Block, certificate: CommitCertificate, source: ValidatorId, ctx: &mut Context<Self>) {
        let height = certificate.height;
        self.committing = Some((height, certificate.block));
        let held = self.batches.remove(&certificate.block);
        let digests = block.batches.to_vec();
        let ports = self.ports.clone();
        let committing = async move {
            let batches = match held {
                Some(batches) => batches,
                None => gather(&ports.gather, &block, source).await?,
            };
            let commit = Commit {
                block,
                certificate,
                batches,
            };
            ports.commit.send(commit).await
        };
        ctx.spawn(committing.into_actor(self).map(move |answer, actor, ctx| match answer {
            Ok(Ok(CommitDone { committed, yields })) => {
                assert_eq!(committed.height, height, "the ledger commits what it is told to");
                let ordered = Ordered {
                    height,
                    time_ms: committed.time_ms,
                    digests,
                    yields,
                };
                actor.committed(committed, ordered, ctx);
            }
            // Only this actor commits, one block at a time.
            Ok(Err(wrong)) => exit::stop(ExitStatus::Bug, &format!("the ledger and consensus disagree: {wrong}")),
            Err(error) => actor.abandoned(error, ctx),
        }));
    }

    fn committed(&mut self, committed: Committed, ordered: Ordered, ctx: &mut Context<Self>) {
        self.tip = committed;
        self.progress = Instant::now();
        self.committing = None;
        self.batches.clear();
        self.pace.wait(Instant::now());
        self.input(Input::Await(self.setup()), ctx);
        self.sign_if_safe(ctx);
        self.catch_up(ctx);
        self.schedule_start(ctx);

        let ports = self.ports.clone();
        let more = async move {
            ports.ordered.send(ordered).await?;
            let any = Ready {
                batches_max: 1,
                transactions_max: 1,
            };
            Ok::<_, MailboxError>(!ports.ready.send(any).await?.is_empty())
        };
        ctx.spawn(more.into_actor(self).map(|answer, actor, ctx| match answer {
            Ok(true) => {
                actor.pace.want();
                actor.schedule_start(ctx);
            }
            Ok(false) => {}
            Err(error) => actor.abandoned(error, ctx),
        }));
    }

    fn schedule_start(&mut self, ctx: &mut Context<Self>) {
        if let Some(before) = self.start_timer.take() {
            ctx.cancel_future(before);
        }
        if let Some(due) = self.pace.due() {
            let after = due.saturating_duration_since(Instant::now());
            self.start_timer = Some(ctx.run_later(after, Self::start_height));
        }
    }

    fn start_height(&mut self, ctx: &mut Context<Self>) {
        self.start_timer = None;
        self.pace.started(Instant::now());
        let setup = self.setup();
        stop_unless_written(self.files.begin(setup.height));
        self.input(Input::Start(setup), ctx);
    }

    /// Goes on with what was fetched, or fetches, if this node is behind.
    fn catch_up(&mut self, ctx: &mut Context<Self>) {
        if self.committing.is_some() || self.fetching {
            return;
        }
        if let Some(fetched) = &mut self.fetched {
            let from = fetched.from;
            while let Some(certified) = fetched.blocks.pop_front() {
                let next = self.tip.height.next();
                if certified.block.header.height < next {
                    continue;
                }
                match check(&certified, next, &self.genesis, &self.tip.validators) {
                    Ok(()) => {
                        self.peers.served(&from);
                        self.pace.hold();
                        self.schedule_start(ctx);
                        return self.commit(certified.block, certified.certificate, from, ctx);
                    }
                    Err(error) => {
                        tracing::warn!(%from, %error, "was sent a block that is not final");
                        self.blame(from, "bad_certified_block");
                        self.peers.doubt(&from);
                        break;
                    }
                }
            }
            self.fetched = None;
        }
        let behind = self
            .peers
            .best(&self.tip.validators)
            .0
            .saturating_sub(self.tip.height.0);
        // Then even one peer may have what this node lacks; if none says so, none is asked.
        let late = self.progress.elapsed() > PATIENCE;
        if behind > 1 || late {
            self.fetch(ctx);
        }
    }

    fn fetch(&mut self, ctx: &mut Context<Self>) {
        let Some(from) = self.peers.ahead_of(self.tip.height, self.fetches) else {
            return;
        };
        self.fetching = true;
        self.fetches = self.fetches.wrapping_add(1);
        let request = FetchRequest::Blocks {
            from: self.tip.height.next(),
            count: BLOCKS_MAX as u16,
        };
        let asking = self.ports.fetch.send(Fetch {
            from,
            request: request.encode(),
        });
        ctx.spawn(asking.into_actor(self).map(move |answer, actor, ctx| {
            actor.fetching = false;
            match answer {
                Ok(Ok(bytes)) => match FetchResponse::decode(&bytes) {
                    Ok(FetchResponse::Blocks(blocks)) if !blocks.is_empty() => {
                        let blocks = VecDeque::from(blocks.into_vec());
                        actor.fetched = Some(Fetched { from, blocks });
                        actor.catch_up(ctx);
                    }
                    // It is not as high as it says, or was. It may tell again.
                    Ok(FetchResponse::Blocks(_)) => actor.peers.doubt(&from),
                    Ok(FetchResponse::Batches(_)) | Err(_) => {
                        actor.blame(from, "bad_fetch_response");
                        actor.peers.doubt(&from);
                    }
                },
                Ok(Err(error)) => {
                    tracing::debug!(%error, "fetching blocks failed");
                    actor.peers.doubt(&from);
                }
                Err(error) => actor.abandoned(error, ctx),
            }
            actor.publish();
        }));
    }

    fn heard_status(&mut self, from: ValidatorId, status: PeerStatus, ctx: &mut Context<Self>) {
        self.peers.report(from, status.height);
        self.sign_if_safe(ctx);
        self.catch_up(ctx);
        self.publish();
    }

    /// Ends observing, once it is known from where on.
    fn sign_if_safe(&mut self, ctx: &mut Context<Self>) {
        if self.replica.signing() != Signing::Observing {
            return;
        }
        if let Some(first) = self.peers.sign_from(&self.tip.validators, self.tip.height) {
            tracing::warn!(%first, "signs again");
            self.input(Input::SignFrom(first), ctx);
            stop_unless_written(self.files.confirm());
        }
    }

    fn heard_message(&mut self, received: Received, ctx: &mut Context<Self>) {
        let Received {
            from, payload, arrived, ..
        } = received;
        match Message::decode(&payload) {
            Ok(message) => {
                let below = Height(message.height().0.saturating_sub(1));
                self.peers.at_least(from, below);
                self.input(Input::Message { from, message, arrived }, ctx);
                if below > self.tip.height.next() {
                    self.catch_up(ctx);
                }
            }
            Err(error) => {
                tracing::debug!(%from, %error, "undecodable consensus message");
                self.blame(from, "bad_consensus_message");
            }
        }
    }

    fn is_disk_low(&self) -> bool {
        match statvfs(&self.data) {
            Ok(stat) => stat.blocks_available().saturating_mul(stat.fragment_size()) < self.disk_free_bytes_min,
            Err(error) => {
                tracing::warn!(%error, path = %self.data.display(), "cannot tell how much disk space is left");
                true
            }
        }
    }

    /// Another actor is gone, which it is only while the process stops.
    fn abandoned(&mut self, error: MailboxError, ctx: &mut Context<Self>) {
        tracing::warn!(%error, "consensus stops");
        ctx.stop();
    }
}

impl Actor for ConsensusActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let log = std::mem::take(&mut self.log);
        self.pace.started(Instant::now());
        self.input(Input::Recover(self.setup(), log), ctx);
        ctx.run_interval(STATUS_EVERY, |actor, ctx| {
            let height = actor.tip.height;
            actor.send(Lane::Sync, PeerStatus { height }.encode());
            actor.catch_up(ctx);
        });
    }
}

impl Handler<Received> for ConsensusActor {
    type Result = ();

    fn handle(&mut self, received: Received, ctx: &mut Self::Context) {
        match received.lane {
            Lane::Consensus => self.heard_message(received, ctx),
            Lane::Sync => match PeerStatus::decode(&received.payload) {
                Ok(status) => self.heard_status(received.from, status, ctx),
                Err(_) => self.blame(received.from, "bad_status"),
            },
            Lane::Batches => self.blame(received.from, "batch_in_wrong_lane"),
        }
    }
}

impl Handler<BatchWaiting> for ConsensusActor {
    type Result = ();

    fn handle(&mut self, BatchWaiting: BatchWaiting, ctx: &mut Self::Context) {
        self.pace.want();
        self.schedule_start(ctx);
    }
}

/// The batches of a final block, however long it takes.
async fn gather(
    port: &Recipient<Gather>,
    block: &Block,
    source: ValidatorId,
) -> Result<Vec<StoredBatch>, MailboxError> {
    if block.batches.is_empty() {
        return Ok(Vec::new());
    }
    loop {
        let gather = Gather {
            digests: block.batches.to_vec(),
            proposer: source,
            author: block.header.proposer,
        };
        match port.send(gather).await? {
            Ok(batches) => return Ok(batches),
            Err(error @ GatherError::Missing(_)) => {
                tracing::warn!(height = %block.header.height, %error, "cannot commit a final block yet");
                tokio::time::sleep(RETRY_AFTER).await;
            }
            // More than two thirds of the power vouch for it, and its digest fixes what it holds.
            Err(error @ GatherError::Invalid(_)) => exit::stop(
                ExitStatus::Divergence,
                &format!("block {} is final, and to this node {error}", block.header.height),
            ),
        }
    }
}

/// By this node's clock.
pub fn now() -> TimeMs {
    let since_1970 = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    TimeMs(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}

fn report(evidence: &Evidence) {
    match evidence {
        Evidence::Votes(pair) => tracing::error!(
            validator = %pair.0.validator,
            height = %pair.0.height,
            round = pair.0.round,
            "a validator has voted twice: its key is in two places, or in wrong hands"
        ),
        Evidence::Proposals(pair) => tracing::error!(
            validator = %pair.0.validator,
            height = %pair.0.height,
            round = pair.0.round,
            "a validator has proposed twice: its key is in two places, or in wrong hands"
        ),
    }
}

/// A vote that is not remembered must never leave.
fn stop_unless_written(written: Result<(), JournalError>) {
    if let Err(error) = written {
        exit::stop(ExitStatus::SafetyWrite, &error.to_string());
    }
}

fn stop_halted(halt: &Halt) -> ! {
    let status = match halt {
        Halt::ReplayDivergence { .. } => ExitStatus::Divergence,
        Halt::Core(_) => ExitStatus::Bug,
    };
    exit::stop(status, &halt.to_string())
}
