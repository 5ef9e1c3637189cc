//! A validator whole: the programs of the node on virtual disks, network and time.

mod batches;
mod blocks;
mod brief;
mod sync;

use std::{collections::BTreeMap, sync::Arc};

use causeway_consensus::{
    Absent, Action, Alarm, Authors, BatchFault, Beginning, Chain, CheckedBatch, Draft, Event as Input, Exchange,
    ExchangeAction, GatherError, Message, Moment, Question, RawBatch, Reports, Signing as SignsFrom, Validator,
    Verdict, Wanted, WhyDropped, check_batches,
    wire::{BLOCKS_MAX, CertifiedBlock, FetchRequest, FetchResponse},
    yields,
};
use causeway_contracts::{
    block::{
        BATCHES_MAX, Batch, BatchDigest, Block, BlockId, CheckpointCertificate, CommitCertificate, HashedBatch, Height,
        TimeMs,
        batch::{BATCH_BYTES_MAX, BATCH_VERSION},
    },
    codec::{self, Bounded},
    committee::{ValidatorId, ValidatorSet},
    genesis::Genesis,
    keys::{Domain, SecretKey},
    ledger::{Ledger, rejection::Skip},
    merkle::Root,
    protocol::{PROTOCOL_MAX, Protocol, Versions},
    snapshot::{self, Chunk},
    transaction::SignedTransaction,
};

use self::{brief::Brief, sync::Syncing};
use crate::{
    byzantine::{Byzantine, Liar},
    checks::{Checks, Durable},
    disk::{Database, DiskError, Files, Kept},
    env::{Env, Event, MS, Packet, Request, Wake},
    signing::Signing,
};

const FETCH_TIME_MAX: u64 = 3_000 * MS;
const RETRY_AFTER: u64 = 250 * MS;
const TICK: u64 = 50 * MS;
const AUTHOR_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What all validators of a network have in common.
pub struct Shared {
    pub genesis: Genesis,
    /// Of the genesis.
    pub validators: ValidatorSet,
    /// By place in the simulation.
    pub ids: Vec<ValidatorId>,
}

impl Shared {
    fn place(&self, id: &ValidatorId) -> usize {
        self.ids.iter().position(|other| other == id).expect("a validator's")
    }
}

/// Why a process ended.
#[derive(Debug)]
pub enum End {
    Disk(DiskError),
    /// It stopped of itself, which no honest one does here.
    Stopped(String),
}

impl From<DiskError> for End {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

type Done = Result<(), End>;

pub struct Node {
    pub place: usize,
    pub id: ValidatorId,
    key: SecretKey,
    genesis: causeway_contracts::block::GenesisHash,
    signing: Signing,
    pub files: Files,
    pub database: Database,
    pub byzantine: Option<Box<dyn Byzantine>>,
    /// Added to the wall's time.
    pub skew_ms: i64,
    /// Counts restarts: what was meant for an earlier life is dropped.
    pub life: u32,
    process: Option<Process>,
    /// In place of a process while there is no database.
    syncing: Option<Syncing>,
    /// Chunks of a snapshot that is being fetched, on disk.
    kept: BTreeMap<Root, Chunk>,
    durable: Durable,
    /// Its sign record was there once, so a process that does not find it must not sign at once.
    has_run: bool,
}

/// What a crash ends.
struct Process {
    validator: Validator,
    chain: Chain,
    exchange: Exchange<Request>,
    files: causeway_consensus::Files<Files>,
    began: u64,
    timers: BTreeMap<Alarm, u64>,
    questions: BTreeMap<u64, Asked>,
    intake: Vec<SignedTransaction>,
    checking: bool,
    /// Batches of the next height's executed blocks.
    batches: BTreeMap<BlockId, Vec<HashedBatch>>,
    reports: Reports,
}

enum Asked {
    Blocks(ValidatorId),
    Batches(Question),
}

impl Node {
    pub fn new(place: usize, key: SecretKey, shared: &Shared, signing: Signing, files: Files) -> Self {
        Self {
            place,
            id: ValidatorId::of(&key.public_key()),
            key,
            genesis: shared.genesis.hash(),
            signing,
            files,
            database: Database::new(&shared.genesis),
            byzantine: None,
            skew_ms: 0,
            life: 0,
            process: None,
            syncing: None,
            kept: BTreeMap::new(),
            durable: Durable::default(),
            has_run: false,
        }
    }

    pub fn is_honest(&self) -> bool {
        self.byzantine.is_none()
    }

    pub fn is_running(&self) -> bool {
        self.process.is_some() || self.syncing.is_some()
    }

    pub fn height(&self) -> u64 {
        self.database.height()
    }

    /// Its log and sign record stay.
    pub fn lose_database(&mut self, genesis: &Genesis) {
        self.database = Database::new(genesis);
    }

    /// What it knows of versions of the protocol, if it runs.
    pub fn protocol(&self) -> Option<Protocol> {
        self.process.as_ref().map(|process| *process.chain.ledger().protocol())
    }

    fn wall(&self, env: &Env) -> TimeMs {
        let ahead = self.byzantine.as_ref().map_or(0, |lies| lies.clock_ahead_ms());
        TimeMs(env.wall().0.saturating_add_signed(self.skew_ms) + ahead)
    }

    fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("only a running one is called")
    }

    pub fn start(&mut self, shared: &Shared, env: &mut Env, checks: &mut Checks) -> Done {
        if self.has_run && self.height() == 0 {
            self.begin_sync(shared, env, checks)
        } else {
            self.run(shared, env, checks)
        }
    }

    fn run(&mut self, shared: &Shared, env: &mut Env, checks: &mut Checks) -> Done {
        let absent = if self.has_run { Absent::Observe } else { Absent::Create };
        let ledger = match self.database.restore(&shared.genesis) {
            Ok(ledger) => ledger.judging_by(self.signing.is_good),
            Err(error) => return Err(End::Stopped(format!("cannot restore its ledger: {error}"))),
        };
        let chain = Chain::new(ledger);
        let opened = causeway_consensus::Files::open(self.files.clone(), shared.genesis.hash(), self.id, absent);
        let (mut files, mut recovered) = match opened {
            Ok(opened) => opened,
            Err(causeway_consensus::FilesError::Journal(causeway_consensus::JournalError::Folder(error))) => {
                return Err(error.into());
            }
            Err(error) => return Err(End::Stopped(error.to_string())),
        };
        self.has_run = true;
        self.durable.read_back(&recovered.log, &recovered.record);
        let signs = files.settle(&mut recovered, chain.tip().height)?;
        env.trace(self.place, format_args!("starts at {} {signs:?}", chain.tip().height));
        let next = chain.tip().height.next();
        env.reached.observing += u64::from(signs == SignsFrom::Observing);
        env.reached.restored += u64::from(next > Height(1));
        env.reached.replayed += recovered.log.iter().filter(|entry| entry.height() == next).count() as u64;
        let validator = Validator::new(Beginning {
            genesis: shared.genesis.hash(),
            key: self.key.clone(),
            scheme: Arc::clone(&self.signing.scheme),
            tip: chain.tip(),
            log: recovered.log,
            record: recovered.record,
            signing: signs,
            known: PROTOCOL_MAX,
        });
        let versions = Versions {
            in_force: chain.ledger().next_version(),
            known: PROTOCOL_MAX,
        };
        let mut exchange = Exchange::new(self.id, Authors::of(chain.ledger()), versions, AUTHOR_BYTES_MAX);
        for signed in self.database.unordered() {
            exchange.resume(CheckedBatch::stored(signed.clone()));
        }
        self.process = Some(Process {
            validator,
            chain,
            exchange,
            files,
            began: env.now,
            timers: BTreeMap::new(),
            questions: BTreeMap::new(),
            intake: Vec::new(),
            checking: false,
            batches: BTreeMap::new(),
            reports: Reports::new(
                shared.genesis.hash(),
                self.key.clone(),
                Arc::clone(&self.signing.scheme),
            ),
        });
        self.later(env, TICK, Wake::Tick);
        self.input(Input::Begin, shared, env, checks)
    }

    /// Its ledger, while it runs.
    pub fn ledger(&self) -> Option<&Ledger> {
        self.process.as_ref().map(|process| process.chain.ledger())
    }

    /// What was in memory only is gone.
    pub fn crash(&mut self) {
        self.process = None;
        self.syncing = None;
        self.life += 1;
        self.durable.crash();
        self.database.crash();
    }

    fn later(&self, env: &mut Env, after_us: u64, wake: Wake) {
        let (node, life, wake) = (self.place, self.life, Box::new(wake));
        env.at(after_us, Event::Wake { node, life, wake });
    }

    /// Hands something to the network, or lets a Byzantine validator do so in its own way.
    fn send(&mut self, to: usize, packet: Packet, env: &mut Env) {
        let Some(mut lies) = self.byzantine.take() else {
            return env.send(self.place, to, packet);
        };
        let sent = lies.send(&mut self.liar(env), to, packet);
        self.byzantine = Some(lies);
        for packet in sent {
            env.send(self.place, to, packet);
        }
    }

    fn broadcast(&mut self, packet: &Packet, env: &mut Env) {
        let me = self.place;
        for to in (0..env.nodes).filter(|&to| to != me) {
            self.send(to, packet.clone(), env);
        }
    }

    fn liar<'a>(&'a self, env: &'a mut Env) -> Liar<'a> {
        Liar {
            place: self.place,
            id: self.id,
            key: &self.key,
            signing: &self.signing,
            genesis: self.genesis,
            nodes: env.nodes,
            database: &self.database,
            chance: &mut env.chance,
            lies: &mut env.faults.lies,
        }
    }

    /// Once in a while, of a Byzantine validator only.
    pub fn act(&mut self, env: &mut Env) {
        let Some(mut lies) = self.byzantine.take() else { return };
        let sent = lies.act(&mut self.liar(env));
        self.byzantine = Some(lies);
        for (to, packet) in sent {
            env.send(self.place, to, packet);
        }
    }

    pub fn deliver(
        &mut self,
        from: usize,
        packet: Packet,
        shared: &Shared,
        env: &mut Env,
        checks: &mut Checks,
    ) -> Done {
        if let Some(lies) = &mut self.byzantine {
            lies.hear(&packet);
        }
        if self.process.is_none() {
            return match packet {
                Packet::Answer(number, answer) => self.answered_sync(number, answer.as_deref(), shared, env, checks),
                Packet::Ask(number, request) if self.syncing.is_some() => {
                    self.answer_to(from, number, &request, env);
                    Ok(())
                }
                _ => Ok(()),
            };
        }
        let peer = shared.ids[from];
        match packet {
            Packet::Message(payload) => {
                let arrived = self.wall(env);
                let from = peer;
                self.input(Input::Message { from, payload, arrived }, shared, env, checks)
            }
            Packet::Status(payload) => self.input(Input::Status { from: peer, payload }, shared, env, checks),
            Packet::Batch(payload) => {
                self.process().exchange.arrive(peer, payload.into());
                self.exchange(shared, env, checks)
            }
            Packet::Ask(number, request) => {
                self.answer_to(from, number, &request, env);
                Ok(())
            }
            Packet::Answer(number, answer) => self.answered(number, peer, answer, shared, env, checks),
        }
    }

    fn answer_to(&mut self, to: usize, number: u64, request: &[u8], env: &mut Env) {
        let answer = FetchRequest::decode(request).ok().map(|request| self.answer(&request));
        let answer = answer.map(|answer| answer.encode());
        self.send(to, Packet::Answer(number, answer), env);
    }

    fn answer(&self, request: &FetchRequest) -> FetchResponse {
        match request {
            FetchRequest::Blocks { from, count } => {
                let blocks = self.database.chain_from(*from).iter();
                FetchResponse::blocks(blocks.take(usize::from(*count).min(BLOCKS_MAX)).cloned().collect())
            }
            FetchRequest::Batches { digests } => {
                let found = digests.iter().filter_map(|digest| self.database.batch(digest));
                FetchResponse::batches(found.cloned())
            }
            FetchRequest::Snapshot => FetchResponse::snapshot(self.database.offer()),
            FetchRequest::Chunk { height, index } => {
                FetchResponse::Chunk(self.database.kept_chunk(*height, *index).cloned())
            }
        }
    }

    fn answered(
        &mut self,
        number: u64,
        peer: ValidatorId,
        answer: Option<Vec<u8>>,
        shared: &Shared,
        env: &mut Env,
        checks: &mut Checks,
    ) -> Done {
        let process = self.process();
        let expected = match process.questions.get(&number) {
            Some(Asked::Blocks(from)) => *from,
            Some(Asked::Batches(question)) => question.to,
            None => return Ok(()),
        };
        // A stream of its own to one peer: nobody else can answer on it.
        if expected != peer {
            return Ok(());
        }
        match process.questions.remove(&number).expect("looked up above") {
            Asked::Blocks(from) => {
                env.reached.fetched += u64::from(answer.is_some());
                self.input(Input::Fetched { from, answer }, shared, env, checks)
            }
            Asked::Batches(question) => {
                let now = self.moment(env);
                self.process().exchange.answered(&question, answer.as_deref(), now);
                self.exchange(shared, env, checks)
            }
        }
    }

    fn moment(&self, env: &Env) -> Moment {
        let began = self.process.as_ref().map_or(0, |process| process.began);
        Moment(std::time::Duration::from_micros(env.now - began))
    }

    pub fn wake(&mut self, wake: Wake, shared: &Shared, env: &mut Env, checks: &mut Checks) -> Done {
        if self.process.is_none() {
            return match wake {
                Wake::Tick => self.tick_sync(shared, env, checks),
                Wake::Unanswered(number) => self.answered_sync(number, None, shared, env, checks),
                other => unreachable!("nothing else is put off before it runs, such as {other:?}"),
            };
        }
        match wake {
            Wake::Alarm(alarm, shot) => {
                if self.process().timers.get(&alarm) != Some(&shot) {
                    return Ok(());
                }
                self.process().timers.remove(&alarm);
                if alarm != Alarm::Status {
                    env.trace(self.place, format_args!("rings {alarm:?}"));
                }
                self.input(Input::Alarm(alarm), shared, env, checks)
            }
            Wake::Tick => {
                let now = self.moment(env);
                self.process().exchange.ask_due(now);
                self.later(env, TICK, Wake::Tick);
                self.exchange(shared, env, checks)
            }
            Wake::Seal => self.seal(shared, env, checks),
            Wake::Draft {
                height,
                round,
                checkpoint,
            } => self.draft(height, round, checkpoint, shared, env, checks),
            Wake::Root(kept) => {
                let (height, root) = (kept.manifest.height, kept.manifest.root());
                self.database.keep(*kept);
                self.input(Input::Root { height, root }, shared, env, checks)
            }
            Wake::Execute {
                height,
                id,
                block,
                batches,
            } => {
                // A vote vouches for what this node holds.
                self.database.sync();
                let verdict = match self.process().chain.check(&block, &batches) {
                    Ok(Ok(())) => Verdict::Valid,
                    Ok(Err(why)) => {
                        env.trace(self.place, format_args!("refuses {id}: {why}"));
                        Verdict::Invalid
                    }
                    Err(_) => Verdict::Unknown,
                };
                env.trace(self.place, format_args!("finds {id} {verdict:?}"));
                if verdict == Verdict::Valid && height == self.process().validator.tip().height.next() {
                    self.process().batches.insert(id, batches);
                }
                let block = id;
                self.input(Input::Executed { height, block, verdict }, shared, env, checks)
            }
            Wake::Commit {
                block,
                certificate,
                batches,
            } => self.commit(block, certificate, &batches, shared, env, checks),
            Wake::Check(group) => self.check(group, shared, env, checks),
            Wake::Gather(request, wanted) => self.gather(request, wanted, shared, env, checks),
            Wake::Unanswered(number) => match self.process().questions.get(&number) {
                Some(Asked::Blocks(peer)) | Some(Asked::Batches(Question { to: peer, .. })) => {
                    let peer = *peer;
                    self.answered(number, peer, None, shared, env, checks)
                }
                None => Ok(()),
            },
        }
    }

    /// The only place where the validator is handled.
    fn input(&mut self, input: Input, shared: &Shared, env: &mut Env, checks: &mut Checks) -> Done {
        let now = self.moment(env);
        for action in self.process().validator.handle(input, now) {
            // The power may fail between any two.
            let fails = self.files.with_wear(|wear| wear.crashes_per_mille);
            if fails > 0 && env.chance.below(10_000) < fails {
                return Err(End::Disk(DiskError::Crash));
            }
            self.perform(action, shared, env, checks)?;
        }
        Ok(())
    }

    fn perform(&mut self, action: Action, shared: &Shared, env: &mut Env, checks: &mut Checks) -> Done {
        match action {
            Action::Persist(entry) => {
                self.durable.append(&entry);
                self.process().files.persist(&entry);
            }
            Action::Record(signed) => {
                self.durable.record(signed);
                self.process().files.record(&signed);
            }
            Action::Sync => {
                self.process().files.sync()?;
                self.durable.synced(&self.files);
            }
            Action::BeginHeight(height) => self.process().files.begin(height).map_err(|error| match error {
                causeway_consensus::JournalError::Folder(error) => End::Disk(error),
                other => End::Stopped(other.to_string()),
            })?,
            Action::ConfirmRecord { first } => {
                self.process().files.confirm()?;
                self.durable.synced(&self.files);
                env.trace(self.place, format_args!("signs again from {first}"));
            }
            Action::SendMessage(payload) => {
                let message = Message::decode(&payload).expect("its own");
                env.trace(self.place, format_args!("says {}", Brief(&message)));
                // One that has forgotten what it signed must not sign twice either.
                if self.is_honest() || self.byzantine.as_ref().is_some_and(|lies| lies.forgets()) {
                    let me = self.id;
                    let own = |message: &Message| match message {
                        Message::Vote(vote) => vote.validator == me,
                        Message::Proposal(proposal) => proposal.validator == me,
                        Message::Polka(_) | Message::Round(_) => false,
                    };
                    checks.sent(self.place, own, &message, &self.durable);
                }
                self.broadcast(&Packet::Message(payload), env);
            }
            Action::SendStatus(payload) => self.broadcast(&Packet::Status(payload), env),
            Action::SetTimer(alarm, after) => {
                let shot = env.number();
                self.process().timers.insert(alarm, shot);
                let after = u64::try_from(after.as_micros()).expect("seconds");
                self.later(env, after, Wake::Alarm(alarm, shot));
            }
            Action::CancelTimer(alarm) => {
                self.process().timers.remove(&alarm);
            }
            Action::CancelConsensusTimers => self
                .process()
                .timers
                .retain(|alarm, _| !matches!(alarm, Alarm::Consensus(_))),
            Action::TakeRoot { height } => {
                let ledger = self.process().chain.ledger();
                let (chunks, manifest) = snapshot::cut(ledger.genesis(), height, ledger.snapshot());
                let block = self
                    .database
                    .chain()
                    .last()
                    .expect("it has just been committed")
                    .clone();
                let kept = Box::new(Kept {
                    block,
                    manifest,
                    chunks,
                });
                let after = env.work(self.place, 200 * MS);
                self.later(env, after, Wake::Root(kept));
            }
            Action::Draft {
                height,
                round,
                checkpoint,
            } => {
                if self.files.with_wear(|wear| !wear.full) {
                    let after = env.work(self.place, 5 * MS);
                    let draft = Wake::Draft {
                        height,
                        round,
                        checkpoint,
                    };
                    self.later(env, after, draft);
                }
            }
            Action::Execute {
                height,
                id,
                block,
                proposer,
            } => {
                let wanted = Wanted {
                    digests: block.batches.to_vec(),
                    proposer,
                    author: block.header.proposer,
                    in_force: self.process().validator.tip().next_version(),
                };
                let block = block.as_ref().clone();
                return self.gather(Request::Execute { height, id, block }, wanted, shared, env, checks);
            }
            Action::Commit {
                block,
                certificate,
                source,
            } => {
                let block = block.as_ref().clone();
                if let Some(batches) = self.process().batches.remove(&certificate.block) {
                    return self.commit_soon(block, certificate, batches, env);
                }
                let wanted = Wanted {
                    digests: block.batches.to_vec(),
                    proposer: source,
                    author: block.header.proposer,
                    in_force: self.process().validator.tip().next_version(),
                };
                let request = Request::Commit {
                    block,
                    certificate,
                    source,
                };
                return self.gather(request, wanted, shared, env, checks);
            }
            Action::Fetch { from, request } => {
                let number = self.question(Asked::Blocks(from), env);
                self.send(shared.place(&from), Packet::Ask(number, request), env);
            }
            Action::Report(evidence) => {
                env.reached.evidence += 1;
                env.trace(self.place, format_args!("finds {evidence:?}"));
                if self.is_honest() {
                    checks.found(self.place, &evidence);
                }
                let now = self.wall(env);
                if let Some(report) = self.process().reports.report(*evidence, now) {
                    checks.submitted.insert(report.id());
                    self.submit(report, shared, env);
                }
            }
            Action::Blame(peer, misconduct) => self.blame(&peer, &misconduct.to_string(), shared, env, checks),
            Action::Stop(stop) => return Err(End::Stopped(stop.to_string())),
        }
        Ok(())
    }

    fn question(&mut self, asked: Asked, env: &mut Env) -> u64 {
        let number = env.number();
        self.process().questions.insert(number, asked);
        self.later(env, FETCH_TIME_MAX, Wake::Unanswered(number));
        number
    }

    fn blame(&mut self, peer: &ValidatorId, what: &str, shared: &Shared, env: &mut Env, checks: &mut Checks) {
        let peer = shared.place(peer);
        env.trace(self.place, format_args!("blames {peer}: {what}"));
        if !checks.is_honest(peer) {
            env.reached.blamed += 1;
        } else if self.is_honest() {
            checks.violated(format!("validator {} blames the honest {peer}: {what}", self.place));
        }
    }
}
