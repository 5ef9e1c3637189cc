use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    sync::Arc,
};

use causeway_consensus::{
    Ed25519, Effect, Input, LogEntry, Message, Replica, Setup, Signed, Signing, Subject, Timer, Verdict,
};
use causeway_contracts::{
    block::{Block, BlockId, CommitCertificate, Height, TimeMs, genesis_block_id, proposal_message},
    committee::rotation::Rotation,
    keys::Domain,
};
use sha2::{Digest, Sha256};

use super::{
    chance::Chance,
    disk::Disk,
    toy::{self, Draft, GENESIS, REFUSED},
};

const MS: u64 = 1_000;

/// Virtual time 0 on the wall.
const EPOCH_MS: u64 = 1_800_000_000_000;

/// Heights that every correct replica must gain once faults have stopped.
const PROGRESS: u64 = 5;

#[derive(Clone)]
pub struct Plan {
    seed: u64,
    replicas: usize,
    /// Until then messages are lost, replicas crash and the network splits.
    faulty_us: u64,
    silent: Option<usize>,
    equivocator: Option<usize>,
    wrong_clock: Option<usize>,
    syncs: bool,
}

impl Plan {
    pub fn faulty(seed: u64) -> Self {
        Self {
            seed,
            replicas: 4,
            faulty_us: 10_000 * MS,
            silent: None,
            equivocator: None,
            wrong_clock: None,
            syncs: true,
        }
    }

    pub fn with_silent(self) -> Self {
        let silent = Some(self.seed as usize % self.replicas);
        Self { silent, ..self }
    }

    pub fn with_equivocator(self) -> Self {
        let equivocator = Some(self.seed as usize % self.replicas);
        Self { equivocator, ..self }
    }

    /// A minute off: every block of this replica is untimely to the others, and theirs to it.
    pub fn with_wrong_clock(self) -> Self {
        let wrong_clock = Some(self.seed as usize % self.replicas);
        Self { wrong_clock, ..self }
    }

    pub fn without_sync(self) -> Self {
        Self { syncs: false, ..self }
    }
}

#[derive(Debug, Default)]
pub struct Outcome {
    pub seed: u64,
    pub trace: [u8; 32],
    pub crashes: u64,
    pub replayed: u64,
    pub caught_up: u64,
    pub later_rounds: u64,
    pub evidence: u64,
    pub double_signs: u64,
    pub disagreements: u64,
    pub stuck: bool,
    pub faults_of_correct: u64,
}

impl Outcome {
    pub fn assert_good(&self) {
        assert_eq!(self.disagreements, 0, "seed {}: two blocks at one height", self.seed);
        assert_eq!(
            self.double_signs, 0,
            "seed {}: a correct replica signed twice",
            self.seed
        );
        assert!(
            !self.stuck,
            "seed {}: no progress after the faults had stopped",
            self.seed
        );
        assert_eq!(
            self.faults_of_correct, 0,
            "seed {}: a correct replica was blamed",
            self.seed
        );
    }
}

#[derive(Clone)]
enum Packet {
    Message(Vec<u8>),
    Status(Height),
    Fetch(Height),
    Block(Arc<Block>, CommitCertificate),
}

enum Event {
    Deliver {
        to: usize,
        from: usize,
        packet: Packet,
    },
    Input {
        to: usize,
        life: u32,
        input: Input,
    },
    Timer {
        to: usize,
        life: u32,
        shot: u64,
        timer: Timer,
    },
    Start {
        to: usize,
        life: u32,
        height: Height,
    },
    Restart(usize),
    Status(usize),
    Split,
}

struct Node {
    replica: Option<Replica>,
    /// Counts restarts: what was meant for an earlier life is dropped.
    life: u32,
    disk: Disk,
    timers: BTreeMap<Timer, u64>,
    rotation: Rotation,
    trace: Sha256,
}

pub struct World {
    plan: Plan,
    chance: Chance,
    now: u64,
    sequence: u64,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, Event>,
    nodes: Vec<Node>,
    /// The replicas on one side of a split.
    side: BTreeSet<usize>,
    /// Heights to come to once faults have stopped.
    goal: Option<Height>,
    decided: BTreeMap<Height, BlockId>,
    signed: BTreeMap<(usize, Height, causeway_consensus::Step), Subject>,
    outcome: Outcome,
}

impl World {
    pub fn new(plan: Plan) -> Self {
        let node = || Node {
            replica: None,
            life: 0,
            disk: Disk::default(),
            timers: BTreeMap::new(),
            rotation: Rotation::default(),
            trace: Sha256::new(),
        };
        let mut world = Self {
            chance: Chance::new(plan.seed),
            now: 0,
            sequence: 0,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            nodes: std::iter::repeat_with(node).take(plan.replicas).collect(),
            side: BTreeSet::new(),
            goal: None,
            decided: BTreeMap::new(),
            signed: BTreeMap::new(),
            outcome: Outcome {
                seed: plan.seed,
                ..Outcome::default()
            },
            plan,
        };
        for node in 0..world.plan.replicas {
            let delay = world.chance.below(50 * MS);
            world.at(delay, Event::Restart(node));
            let delay = world.chance.below(300 * MS);
            world.at(delay, Event::Status(node));
        }
        world.at(500 * MS, Event::Split);
        world
    }

    pub fn run(mut self) -> Outcome {
        let limit = self.plan.faulty_us + 300_000 * MS;
        while let Some(Reverse((time, sequence))) = self.queue.pop() {
            self.now = time;
            if self.now > limit {
                self.outcome.stuck = true;
                break;
            }
            if !self.is_faulty() {
                self.side.clear();
                let highest = self.correct().map(|node| self.nodes[node].disk.height().0).max();
                let goal = *self.goal.get_or_insert(Height(highest.unwrap_or(0) + PROGRESS));
                if self.correct().all(|node| self.nodes[node].disk.height() >= goal) {
                    break;
                }
            }
            let event = self.events.remove(&sequence).expect("queued with it");
            self.step(event);
        }
        let mut trace = Sha256::new();
        for node in &self.nodes {
            trace.update(node.trace.clone().finalize());
        }
        self.outcome.trace = trace.finalize().into();
        self.outcome
    }

    fn at(&mut self, delay: u64, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse((self.now + delay, self.sequence)));
        self.events.insert(self.sequence, event);
    }

    fn is_faulty(&self) -> bool {
        self.now < self.plan.faulty_us
    }

    fn is_correct(&self, node: usize) -> bool {
        self.plan.equivocator != Some(node)
    }

    /// Replicas whose progress is asked for.
    fn correct(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.plan.replicas).filter(|&node| self.is_correct(node) && self.plan.silent != Some(node))
    }

    fn clock(&self, node: usize) -> TimeMs {
        let skew = if self.plan.wrong_clock == Some(node) { 60_000 } else { 0 };
        TimeMs(EPOCH_MS + self.now / MS + skew)
    }

    fn parent(&self, node: usize) -> BlockId {
        match self.nodes[node].disk.chain.last() {
            Some((block, _)) => block.id(),
            None => genesis_block_id(&GENESIS),
        }
    }

    fn setup(&self, node: usize) -> Setup {
        let node = &self.nodes[node];
        toy::setup(node.disk.height().next(), self.plan.replicas, node.rotation.clone())
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Split => {
                if self.is_faulty() {
                    self.side.clear();
                    if self.chance.per_mille(500) {
                        let mask = self.chance.below(1 << self.plan.replicas);
                        self.side = (0..self.plan.replicas).filter(|node| mask >> node & 1 == 1).collect();
                    }
                    let delay = 300 * MS + self.chance.below(2_000 * MS);
                    self.at(delay, Event::Split);
                }
            }
            Event::Restart(node) => self.restart(node),
            Event::Status(node) => {
                if self.nodes[node].replica.is_some() {
                    let height = self.nodes[node].disk.height();
                    self.broadcast(node, Packet::Status(height));
                }
                self.at(300 * MS, Event::Status(node));
            }
            Event::Input { to, life, input } => {
                if self.nodes[to].life == life {
                    self.handle(to, input);
                }
            }
            Event::Timer { to, life, shot, timer } => {
                if self.nodes[to].life == life && self.nodes[to].timers.get(&timer) == Some(&shot) {
                    self.nodes[to].timers.remove(&timer);
                    self.handle(to, Input::Timer(timer));
                }
            }
            Event::Start { to, life, height } => {
                if self.nodes[to].life == life && self.nodes[to].disk.height().next() == height {
                    self.start(to);
                }
            }
            Event::Deliver { to, from, packet } => self.deliver(to, from, packet),
        }
    }

    fn restart(&mut self, node: usize) {
        let record = self.nodes[node].disk.read_record();
        let mut replica = Replica::new(
            GENESIS,
            toy::key(node),
            Arc::new(Ed25519),
            record,
            Signing::From(Height(1)),
        );
        let log = self.nodes[node].disk.read_log();
        self.outcome.replayed += log.len() as u64;
        let input = Input::Recover(self.setup(node), log);
        self.trace(node, &input);
        let effects = replica.handle(input);
        self.nodes[node].replica = Some(replica);
        self.perform(node, effects);
    }

    fn trace(&mut self, node: usize, what: &impl std::fmt::Debug) {
        self.nodes[node].trace.update(format!("{} {what:?}\n", self.now));
    }

    fn handle(&mut self, node: usize, input: Input) {
        self.trace(node, &input);
        if let Some(replica) = &mut self.nodes[node].replica {
            let effects = replica.handle(input);
            self.perform(node, effects);
        }
    }

    fn start(&mut self, node: usize) {
        let setup = self.setup(node);
        let running = self.nodes[node]
            .replica
            .as_ref()
            .is_some_and(|r| r.round().is_some() && r.height() >= setup.height);
        if self.nodes[node].replica.is_some() && !running {
            self.nodes[node].disk.reset_log();
            self.handle(node, Input::Start(setup));
        }
    }

    fn crash(&mut self, node: usize) {
        let crashed = &mut self.nodes[node];
        crashed.replica = None;
        crashed.life += 1;
        crashed.timers.clear();
        crashed.disk.lose_unsynced();
        self.outcome.crashes += 1;
        let delay = 50 * MS + self.chance.below(1_500 * MS);
        self.at(delay, Event::Restart(node));
    }

    fn sync(&mut self, node: usize) -> bool {
        if !self.plan.syncs {
            return true;
        }
        self.nodes[node].disk.sync_log();
        if self.is_faulty() && self.chance.per_mille(2) {
            self.crash(node);
            return false;
        }
        self.nodes[node].disk.sync_record();
        true
    }

    fn perform(&mut self, node: usize, effects: Vec<Effect>) {
        for effect in effects {
            self.trace(node, &effect);
            if self.is_faulty() && self.chance.per_mille(3) {
                self.crash(node);
                return;
            }
            let life = self.nodes[node].life;
            match effect {
                Effect::Persist(entry) => self.nodes[node].disk.append_log(&entry),
                Effect::Record(signed) => self.nodes[node].disk.append_record(&signed),
                Effect::Send(message) => {
                    if !self.sync(node) {
                        return;
                    }
                    self.check_signed(node, &message);
                    self.send(node, message);
                }
                Effect::SetTimer(timer, after) => {
                    let shot = self.sequence;
                    self.nodes[node].timers.insert(timer, shot);
                    let after = u64::try_from(after.as_micros()).expect("seconds");
                    self.at(
                        after,
                        Event::Timer {
                            to: node,
                            life,
                            shot,
                            timer,
                        },
                    );
                }
                Effect::CancelTimer(timer) => {
                    self.nodes[node].timers.remove(&timer);
                }
                Effect::CancelTimers => self.nodes[node].timers.clear(),
                Effect::NeedValue { height, round } => {
                    let block = Arc::new(toy::block(Draft {
                        height,
                        parent: self.parent(node),
                        time: self.clock(node),
                        proposer: toy::id(node),
                        salt: self.chance.next(),
                        transactions: 0,
                    }));
                    let input = Input::ValueReady { height, round, block };
                    let delay = self.chance.below(10 * MS);
                    self.at(delay, Event::Input { to: node, life, input });
                }
                Effect::Execute { height, id, block, .. } => {
                    let missing = self.is_faulty() && self.chance.per_mille(50);
                    let verdict = if missing {
                        Verdict::Unknown
                    } else {
                        toy::execute(&block, self.parent(node))
                    };
                    let input = Input::Executed {
                        height,
                        block: id,
                        verdict,
                    };
                    let delay = self.chance.below(20 * MS);
                    self.at(delay, Event::Input { to: node, life, input });
                }
                Effect::Begun(height) => self.at(25 * MS, Event::Start { to: node, life, height }),
                Effect::Committed { block, certificate } => {
                    if !self.sync(node) {
                        return;
                    }
                    self.outcome.later_rounds += u64::from(certificate.round > 0);
                    self.commit(node, block, certificate);
                }
                Effect::Evidence(evidence) => {
                    let validators = self.setup(node).validators;
                    assert_eq!(evidence.verify(&GENESIS, &validators), Ok(()), "it convicts");
                    self.outcome.evidence += 1;
                }
                Effect::PeerFault { peer, .. } => {
                    let blamed = (0..self.plan.replicas).find(|&other| toy::id(other) == peer);
                    self.outcome.faults_of_correct += u64::from(blamed.is_some_and(|b| self.is_correct(b)));
                }
                // Replaying a log that lost what was sent may come to another end; that is a double
                // sign found in time.
                Effect::Halt(_) if !self.plan.syncs => self.outcome.double_signs += 1,
                Effect::Halt(halt) => panic!("seed {}: replica {node}: {halt}", self.plan.seed),
            }
        }
    }

    /// A block is final here: checks it, stores it, and goes on to the next height.
    fn commit(&mut self, node: usize, block: Arc<Block>, certificate: CommitCertificate) {
        let setup = self.setup(node);
        if certificate.height != setup.height {
            return;
        }
        certificate
            .verify(&GENESIS, &setup.validators)
            .unwrap_or_else(|error| panic!("seed {}: {error}", self.plan.seed));
        assert_eq!(block.id(), certificate.block);
        assert_eq!(
            toy::execute(&block, self.parent(node)),
            Verdict::Valid,
            "seed {}",
            self.plan.seed
        );
        if self.is_correct(node) {
            let before = *self.decided.entry(setup.height).or_insert(certificate.block);
            self.outcome.disagreements += u64::from(before != certificate.block);
        }
        let author = block.header.proposer;
        let committed = &mut self.nodes[node];
        committed.rotation = committed.rotation.after(&setup.validators, setup.height, &author);
        committed.disk.chain.push((block, certificate));
        let next = self.setup(node);
        let (life, height) = (self.nodes[node].life, next.height);
        let pause = 25 * MS + self.chance.below(200 * MS);
        self.at(pause, Event::Start { to: node, life, height });
        self.handle(node, Input::Await(next));
    }

    fn deliver(&mut self, to: usize, from: usize, packet: Packet) {
        if self.nodes[to].replica.is_none() {
            return;
        }
        let height = self.nodes[to].disk.height();
        match packet {
            Packet::Message(bytes) => {
                let message = Message::decode(&bytes).expect("only decodable messages are sent");
                let (from, arrived) = (toy::id(from), self.clock(to));
                self.handle(to, Input::Message { from, message, arrived });
            }
            Packet::Status(theirs) if theirs > height => self.route(to, from, Packet::Fetch(height.next())),
            Packet::Status(_) => {}
            Packet::Fetch(wanted) => {
                let place = usize::try_from(wanted.0 - 1).expect("small");
                if let Some((block, certificate)) = self.nodes[to].disk.chain.get(place).cloned() {
                    self.route(to, from, Packet::Block(block, certificate));
                }
            }
            Packet::Block(block, certificate) => {
                if certificate.height == height.next() {
                    self.outcome.caught_up += 1;
                    self.commit(to, block, certificate);
                    self.route(to, from, Packet::Fetch(height.next().next()));
                }
            }
        }
    }

    fn broadcast(&mut self, from: usize, packet: Packet) {
        for to in (0..self.plan.replicas).filter(|&to| to != from) {
            self.route(from, to, packet.clone());
        }
    }

    fn route(&mut self, from: usize, to: usize, packet: Packet) {
        if self.plan.silent == Some(from) {
            return;
        }
        if !self.is_faulty() {
            let delay = MS + self.chance.below(20 * MS);
            return self.at(delay, Event::Deliver { to, from, packet });
        }
        if self.chance.per_mille(100) || self.side.contains(&from) != self.side.contains(&to) {
            return;
        }
        if self.chance.per_mille(30) {
            let packet = packet.clone();
            let delay = self.chance.below(500 * MS);
            self.at(delay, Event::Deliver { to, from, packet });
        }
        let late = if self.chance.per_mille(50) { 1_500 * MS } else { 80 * MS };
        let delay = MS + self.chance.below(late);
        self.at(delay, Event::Deliver { to, from, packet });
    }

    fn send(&mut self, from: usize, message: Message) {
        if self.plan.equivocator != Some(from) {
            return self.broadcast(from, Packet::Message(message.encode()));
        }
        for to in (0..self.plan.replicas).filter(|&to| to != from) {
            let lie = self.lie(from, &message);
            let truth = Packet::Message(message.encode());
            match (self.chance.below(10), lie) {
                (0, _) => {}
                (1..=3, Some(lie)) => self.route(from, to, Packet::Message(lie.encode())),
                (4..=5, Some(lie)) => {
                    self.route(from, to, truth);
                    self.route(from, to, Packet::Message(lie.encode()));
                }
                _ => self.route(from, to, truth),
            }
        }
    }

    /// Another message for the same step, under this replica's good signature.
    fn lie(&mut self, from: usize, message: &Message) -> Option<Message> {
        match message {
            Message::Vote(vote) if vote.validator == toy::id(from) => {
                let mut lie = vote.clone();
                lie.block = match lie.block {
                    Some(_) if self.chance.per_mille(500) => None,
                    _ => Some(BlockId([self.chance.below(3) as u8; 32])),
                };
                lie.signature = toy::key(from).sign(Domain::Vote, &lie.signed_bytes(&GENESIS));
                Some(Message::Vote(lie))
            }
            Message::Proposal(proposal) if proposal.validator == toy::id(from) && proposal.lock_round.is_none() => {
                let mut lie = proposal.clone();
                lie.block.header.state_hash.0[31] = 1 + self.chance.below(5) as u8;
                if self.chance.per_mille(300) {
                    lie.block.header.transaction_count = REFUSED;
                }
                let bytes = proposal_message(&GENESIS, lie.height, lie.round, None, &lie.block.id());
                lie.signature = toy::key(from).sign(Domain::Proposal, &bytes);
                Some(Message::Proposal(lie))
            }
            _ => None,
        }
    }

    /// What a correct replica signs it signs once for each step, and has on disk by then.
    fn check_signed(&mut self, node: usize, message: &Message) {
        let entry = match message {
            Message::Vote(vote) if vote.validator == toy::id(node) => LogEntry::Vote(vote.clone()),
            Message::Proposal(proposal) if proposal.validator == toy::id(node) => LogEntry::Proposal(proposal.clone()),
            _ => return,
        };
        let signed = Signed::of(&entry).expect("signed");
        if self.plan.syncs {
            let disk = &self.nodes[node].disk;
            assert!(
                disk.is_synced(&signed),
                "seed {}: sent before the record was synced",
                self.plan.seed
            );
            assert!(
                disk.is_logged(&entry),
                "seed {}: sent before it was logged",
                self.plan.seed
            );
        }
        let before = *self
            .signed
            .entry((node, signed.height, signed.step))
            .or_insert(signed.subject);
        self.outcome.double_signs += u64::from(before != signed.subject);
    }
}
