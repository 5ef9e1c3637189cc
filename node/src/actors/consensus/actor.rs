use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Display,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, MailboxError, Recipient, SpawnHandle,
    WrapFuture,
};
use causeway_consensus::{
    Action, Alarm, Beginning, Ed25519, Event, Halt, Misconduct, Moment, Reports, Signing, Status, Stop, Validator,
    Verdict,
};
use causeway_contracts::{
    block::{
        BATCHES_MAX, BatchDigest, Block, BlockId, CheckpointCertificate, CommitCertificate, GenesisHash, HashedBatch,
        Height, TimeMs,
    },
    committee::ValidatorId,
    evidence::Evidence,
    keys::SecretKey,
    protocol::ProtocolVersion,
};
use nix::sys::statvfs::statvfs;
use tokio::sync::watch;

use super::metrics::ConsensusMetrics;
use crate::{
    actors::{
        ledger::message::{Commit, CommitDone, Committed, Draft, Execute, TakeRoot},
        mempool::message::{BatchWaiting, Gather, GatherError, Ordered, Ready, Submit},
        network::message::{Destination, Fetch, Lane, PeerFault, Received, Send},
    },
    exit::{self, ExitStatus},
    log::{Files, Recovered},
    store::halted,
};

/// After a batch of a final block could not be had, it is asked for again.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// Memory for what waits to be written with the next vote.
const PENDING_BYTES_MAX: usize = 64 * 1024;

/// A draft takes waiting batches of at most this many transactions; the ledger leaves out what does not
/// fit in a block.
const DRAFT_TRANSACTIONS_MAX: usize = 16 * 1024;

/// Executed blocks of a height whose batches are kept at hand. A height takes one as a rule.
const EXECUTED_MAX: usize = 8;

/// Whom the mempool takes reports from: no client has this address.
const THIS_NODE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The other actors.
#[derive(Clone)]
pub struct Ports {
    pub send: Recipient<Send>,
    pub fetch: Recipient<Fetch>,
    pub fault: Recipient<PeerFault>,
    pub ready: Recipient<Ready>,
    pub gather: Recipient<Gather>,
    pub ordered: Recipient<Ordered>,
    pub submit: Recipient<Submit>,
    pub draft: Recipient<Draft>,
    pub execute: Recipient<Execute>,
    pub commit: Recipient<Commit>,
    pub root: Recipient<TakeRoot>,
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
    pub metrics: ConsensusMetrics,
    /// The last version of the protocol that this program implements.
    pub known: ProtocolVersion,
}

pub struct ConsensusActor {
    me: ValidatorId,
    validator: Validator,
    files: Files,
    ports: Ports,
    data: PathBuf,
    disk_free_bytes_min: u64,
    /// When the validator's clock began.
    began: Instant,
    /// Batches of the next height's executed blocks, the latest last; of others they are gathered again.
    batches: VecDeque<(BlockId, Vec<HashedBatch>)>,
    timers: BTreeMap<Alarm, SpawnHandle>,
    reports: Reports,
    metrics: ConsensusMetrics,
    status: watch::Sender<Status>,
}

impl ConsensusActor {
    pub fn new(start: Start) -> (Self, watch::Receiver<Status>) {
        let Start {
            genesis,
            key,
            tip,
            mut files,
            mut recovered,
            data,
            disk_free_bytes_min,
            ports,
            metrics,
            known,
        } = start;
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
        let (status, watched) = watch::channel(Status::default());
        let actor = Self {
            me: ValidatorId::of(&key.public_key()),
            reports: Reports::new(genesis, key.clone(), Arc::new(Ed25519)),
            metrics,
            validator: Validator::new(Beginning {
                genesis,
                key,
                scheme: Arc::new(Ed25519),
                tip,
                log: recovered.log,
                record: recovered.record,
                signing,
                known,
            }),
            files,
            ports,
            data,
            disk_free_bytes_min,
            began: Instant::now(),
            batches: VecDeque::new(),
            timers: BTreeMap::new(),
            status,
        };
        (actor, watched)
    }

    /// The only place where the validator is handled.
    fn handle_event(&mut self, event: Event, ctx: &mut Context<Self>) {
        let now = Moment(self.began.elapsed());
        for action in self.validator.handle(event, now) {
            self.perform(action, ctx);
        }
        let now = self.validator.status();
        self.status
            .send_if_modified(|status| std::mem::replace(status, now) != now);
    }

    fn perform(&mut self, action: Action, ctx: &mut Context<Self>) {
        match action {
            Action::Persist(entry) => {
                self.files.persist(&entry);
                if self.files.pending_bytes() > PENDING_BYTES_MAX {
                    stop_unless_written(self.files.sync());
                }
            }
            Action::Record(signed) => self.files.record(&signed),
            Action::Sync => stop_unless_written(self.files.sync()),
            Action::BeginHeight(height) => stop_unless_written(self.files.begin(height)),
            Action::ConfirmRecord { first } => {
                stop_unless_written(self.files.confirm());
                tracing::warn!(%first, "signs again");
            }
            Action::SendMessage(payload) => self.send(Lane::Consensus, payload),
            Action::SendStatus(payload) => self.send(Lane::Sync, payload),
            Action::SetTimer(alarm, after) => {
                let ring = ctx.run_later(after, move |actor, ctx| {
                    actor.timers.remove(&alarm);
                    actor.handle_event(Event::Alarm(alarm), ctx);
                });
                if let Some(before) = self.timers.insert(alarm, ring) {
                    ctx.cancel_future(before);
                }
            }
            Action::CancelTimer(alarm) => {
                if let Some(ring) = self.timers.remove(&alarm) {
                    ctx.cancel_future(ring);
                }
            }
            Action::CancelConsensusTimers => {
                for (alarm, ring) in std::mem::take(&mut self.timers) {
                    if matches!(alarm, Alarm::Consensus(_)) {
                        ctx.cancel_future(ring);
                    } else {
                        self.timers.insert(alarm, ring);
                    }
                }
            }
            Action::Draft {
                height,
                round,
                checkpoint,
            } => self.draft(height, round, checkpoint, ctx),
            Action::TakeRoot { height } => self.take_root(height, ctx),
            Action::Execute {
                height,
                id,
                block,
                proposer,
            } => self.execute(height, id, block, proposer, ctx),
            Action::Commit {
                block,
                certificate,
                source,
            } => self.commit(block.as_ref().clone(), certificate, source, ctx),
            Action::Fetch { from, request } => self.fetch(from, request, ctx),
            Action::Report(evidence) => self.report(*evidence, ctx),
            Action::Blame(peer, misconduct) => self.blame(peer, &misconduct),
            Action::Stop(stop) => stop_now(&stop, &self.data),
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

    fn blame(&self, peer: ValidatorId, misconduct: &Misconduct) {
        match misconduct {
            Misconduct::NotFinal(_) => tracing::warn!(%peer, "sent {misconduct}"),
            _ => tracing::debug!(%peer, "sent {misconduct}"),
        }
        self.report_fault(peer, misconduct.name());
    }

    fn report_fault(&self, peer: ValidatorId, fault: &'static str) {
        if let Err(error) = self.ports.fault.try_send(PeerFault { peer, fault }) {
            tracing::debug!(%error, "peer fault not reported");
        }
    }

    /// Says it, counts it, and has the ledger record it, unless that was done before. If the transaction is
    /// lost, others report the same.
    fn report(&mut self, evidence: Evidence, ctx: &mut Context<Self>) {
        self.metrics.evidence_detected.inc();
        tracing::error!(
            validator = %evidence.validator,
            height = %evidence.height,
            round = evidence.round,
            signed = evidence.kind(),
            "a validator has signed twice: its key is in two places, or in wrong hands"
        );
        // The ledger takes a validator's word alone; they have seen the same.
        if !self.validator.is_validator() {
            return;
        }
        let Some(report) = self.reports.report(evidence, now()) else {
            return;
        };
        let id = report.id();
        let submitting = self.ports.submit.send(Submit {
            transactions: vec![report],
            client: THIS_NODE,
        });
        ctx.spawn(submitting.into_actor(self).map(move |answer, actor, ctx| match answer {
            Ok(answers) => match answers.into_iter().next() {
                Some(Err(refusal)) => tracing::warn!(%id, %refusal, "the report of it is not taken"),
                _ => tracing::info!(%id, "reported it"),
            },
            Err(error) => actor.abandoned(error, ctx),
        }));
    }

    /// The ledger handles it before the next block that is committed.
    fn take_root(&mut self, height: Height, ctx: &mut Context<Self>) {
        let taking = self.ports.root.send(TakeRoot { height });
        ctx.spawn(taking.into_actor(self).map(move |answer, actor, ctx| match answer {
            Ok(Some(root)) => {
                tracing::info!(%height, %root, "signs the root of its state for a checkpoint");
                actor.handle_event(Event::Root { height, root }, ctx);
            }
            Ok(None) => tracing::warn!(%height, "has no root of its state for a checkpoint"),
            Err(error) => actor.abandoned(error, ctx),
        }));
    }

    fn draft(
        &mut self,
        height: Height,
        round: u32,
        checkpoint: Option<CheckpointCertificate>,
        ctx: &mut Context<Self>,
    ) {
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
            let draft = Draft(causeway_consensus::Draft {
                height,
                now: now(),
                proposer,
                batches: batches.clone(),
                checkpoint,
            });
            Ok::<_, MailboxError>((ports.draft.send(draft).await?, batches))
        };
        ctx.spawn(drafting.into_actor(self).map(move |answer, actor, ctx| match answer {
            Ok((Ok(block), batches)) => {
                let held = |digest: &BatchDigest| batches.iter().find(|stored| stored.digest() == *digest).cloned();
                let drafted: Option<Vec<_>> = block.batches.iter().map(held).collect();
                let drafted = drafted.expect("a draft orders batches that it was given");
                actor.remember(block.id(), drafted);
                let block = Arc::new(block);
                actor.handle_event(Event::Drafted { height, round, block }, ctx);
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
        let in_force = self.validator.tip().next_version();
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
                        in_force,
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
                    tracing::warn!(%digest, %id, %proposer, "a proposed block has a batch that no honest validator seals for it");
                    return Ok((Verdict::Invalid, Vec::new()));
                }
            };
            let block = block.as_ref().clone();
            let execute = Execute {
                block,
                batches: batches.clone(),
            };
            let verdict = match ports.execute.send(execute).await? {
                Ok(Ok(())) => Verdict::Valid,
                Ok(Err(why)) => {
                    tracing::warn!(%height, %id, %proposer, %why, "a proposed block is invalid");
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
                if verdict == Verdict::Valid && height == actor.validator.tip().height.next() {
                    actor.remember(id, batches);
                }
                let block = id;
                actor.handle_event(Event::Executed { height, block, verdict }, ctx);
            }
            Err(error) => actor.abandoned(error, ctx),
        }));
    }

    fn remember(&mut self, id: BlockId, batches: Vec<HashedBatch>) {
        if self.batches.len() == EXECUTED_MAX {
            self.batches.pop_front();
        }
        self.batches.push_back((id, batches));
    }

    /// Its batches exist: more than two thirds of the power vouch for them.
    fn commit(&mut self, block: Block, certificate: CommitCertificate, source: ValidatorId, ctx: &mut Context<Self>) {
        let held = self.batches.iter().position(|(id, _)| *id == certificate.block);
        let held = held.and_then(|place| self.batches.swap_remove_back(place));
        let digests = block.batches.to_vec();
        let ports = self.ports.clone();
        let in_force = self.validator.tip().next_version();
        let committing = async move {
            let batches = match held {
                Some((_, batches)) => batches,
                None => gather(&ports.gather, &block, source, in_force).await?,
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
                let ordered = Ordered {
                    height: committed.height,
                    time_ms: committed.time_ms,
                    digests,
                    yields,
                    in_force: committed.next_version(),
                };
                actor.committed(committed, ordered, ctx);
            }
            // Only this actor commits, one block at a time.
            Ok(Err(wrong)) => exit::stop(ExitStatus::Bug, &format!("the ledger and consensus disagree: {wrong}")),
            Err(error) => actor.abandoned(error, ctx),
        }));
    }

    fn committed(&mut self, committed: Committed, ordered: Ordered, ctx: &mut Context<Self>) {
        self.batches.clear();
        let voted = self.validator.is_validator();
        self.handle_event(Event::Committed(Box::new(committed)), ctx);
        self.note_role(voted);

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
            Ok(true) => actor.handle_event(Event::BatchWaiting, ctx),
            Ok(false) => {}
            Err(error) => actor.abandoned(error, ctx),
        }));
    }

    /// Says so when this node begins to vote, or ends.
    fn note_role(&mut self, voted: bool) {
        let votes = self.validator.is_validator();
        self.metrics.validator.set(i64::from(votes));
        let last = self.validator.tip().height;
        match (voted, votes) {
            (true, false) => tracing::warn!(
                validator = %self.me,
                %last,
                "the council has taken this node's key out of the validator set: `last` is the last height that it \
                 helped to decide. It neither votes nor proposes nor takes transactions any more, and follows the chain"
            ),
            (false, true) => tracing::info!(
                validator = %self.me,
                first = %last.next(),
                "this node's key is in the validator set: it votes from height `first` on"
            ),
            (true, true) | (false, false) => {}
        }
    }

    fn fetch(&mut self, from: ValidatorId, request: Vec<u8>, ctx: &mut Context<Self>) {
        let asking = self.ports.fetch.send(Fetch { from, request });
        ctx.spawn(asking.into_actor(self).map(move |answer, actor, ctx| {
            let answer = match answer {
                Ok(Ok(bytes)) => Some(bytes),
                Ok(Err(error)) => {
                    tracing::debug!(%error, "fetching blocks failed");
                    None
                }
                Err(error) => return actor.abandoned(error, ctx),
            };
            actor.handle_event(Event::Fetched { from, answer }, ctx);
        }));
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
        let votes = self.validator.is_validator();
        self.metrics.validator.set(i64::from(votes));
        if !votes {
            tracing::info!(
                validator = %self.me,
                height = %self.validator.tip().height,
                "this node's key is not in the validator set: it follows the chain, and votes once it is"
            );
        }
        self.handle_event(Event::Begin, ctx);
    }
}

impl Handler<Received> for ConsensusActor {
    type Result = ();

    fn handle(&mut self, received: Received, ctx: &mut Self::Context) {
        let Received {
            from,
            lane,
            payload,
            arrived,
        } = received;
        match lane {
            Lane::Consensus => self.handle_event(Event::Message { from, payload, arrived }, ctx),
            Lane::Sync => self.handle_event(Event::Status { from, payload }, ctx),
            Lane::Batches => self.report_fault(from, "batch_in_wrong_lane"),
        }
    }
}

impl Handler<BatchWaiting> for ConsensusActor {
    type Result = ();

    fn handle(&mut self, BatchWaiting: BatchWaiting, ctx: &mut Self::Context) {
        self.handle_event(Event::BatchWaiting, ctx);
    }
}

/// The batches of a final block, however long it takes.
async fn gather(
    port: &Recipient<Gather>,
    block: &Block,
    source: ValidatorId,
    in_force: ProtocolVersion,
) -> Result<Vec<HashedBatch>, MailboxError> {
    if block.batches.is_empty() {
        return Ok(Vec::new());
    }
    loop {
        let gather = Gather {
            digests: block.batches.to_vec(),
            proposer: source,
            author: block.header.proposer,
            in_force,
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

/// A vote that is not remembered must never leave.
fn stop_unless_written(written: Result<(), impl Display>) {
    if let Err(error) = written {
        exit::stop(ExitStatus::SafetyWrite, &error.to_string());
    }
}

fn stop_now(stop: &Stop, data: &Path) -> ! {
    if let Stop::OtherState { .. } = stop
        && let Err(error) = halted::remember(data, &stop.to_string())
    {
        tracing::error!(%error, "cannot write that this node must not be started again on this database");
    }
    let status = match stop {
        Stop::Halt(Halt::Core(_)) => ExitStatus::Bug,
        Stop::Halt(Halt::ReplayDivergence { .. }) | Stop::TwoBlocks { .. } | Stop::OtherState { .. } => {
            ExitStatus::Divergence
        }
        Stop::NeedsVersion { .. } => ExitStatus::Outdated,
    };
    exit::stop(status, &stop.to_string())
}
