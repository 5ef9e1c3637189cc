//! What every simulated validator shares: virtual time, the network between them, chance, the trace.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    fmt,
};

use causeway_consensus::{Alarm, RawBatch, Wanted};
use causeway_contracts::{
    block::{Block, BlockId, CheckpointCertificate, CommitCertificate, HashedBatch, Height, TimeMs},
    committee::ValidatorId,
    transaction::SignedTransaction,
};
use sha2::{Digest, Sha256};

use crate::{
    chance::Chance,
    disk::Kept,
    faults::{Faults, Reached},
};

/// A virtual microsecond is the grain of time.
pub const MS: u64 = 1_000;

/// Virtual time 0 on the wall: some seconds before a period of checkpoints begins.
pub const EPOCH: TimeMs = TimeMs(1_800_000_056_000);

/// What one validator sends another.
#[derive(Debug, Clone)]
pub enum Packet {
    Message(Vec<u8>),
    Status(Vec<u8>),
    Batch(Vec<u8>),
    /// A question, and the number that its answer carries.
    Ask(u64, Vec<u8>),
    Answer(u64, Option<Vec<u8>>),
}

/// Why a validator wants a block's batches.
#[derive(Debug, Clone)]
pub enum Request {
    Execute {
        height: Height,
        id: BlockId,
        block: Block,
    },
    Commit {
        block: Block,
        certificate: CommitCertificate,
        source: ValidatorId,
    },
}

/// What a validator has put off.
#[derive(Debug)]
pub enum Wake {
    Alarm(Alarm, u64),
    Tick,
    Seal,
    Draft {
        height: Height,
        round: u32,
        checkpoint: Option<CheckpointCertificate>,
    },
    /// The root over the state has been worked out, and the snapshot is on disk.
    Root(Box<Kept>),
    Execute {
        height: Height,
        id: BlockId,
        block: Block,
        batches: Vec<HashedBatch>,
    },
    Commit {
        block: Block,
        certificate: CommitCertificate,
        batches: Vec<HashedBatch>,
    },
    Check(Vec<RawBatch>),
    Gather(Request, Wanted),
    /// A question was not answered in time.
    Unanswered(u64),
}

#[derive(Debug)]
pub enum Event {
    Deliver {
        to: usize,
        from: usize,
        packet: Packet,
    },
    /// For this life of the validator only.
    Wake {
        node: usize,
        life: u32,
        wake: Box<Wake>,
    },
    Submit {
        to: usize,
        transaction: Box<SignedTransaction>,
    },
    Restart(usize),
    /// A Byzantine validator does what it wants.
    Act(usize),
    /// The clients send something.
    Clients,
    /// The weather changes: partitions, slow nodes, crashes, full disks.
    Weather,
}

/// How the network and the nodes are just now.
#[derive(Debug, Clone, Default)]
pub struct Weather {
    /// From here to there nothing arrives.
    pub cut: BTreeSet<(usize, usize)>,
    pub slow: BTreeSet<usize>,
    pub loss_per_mille: u64,
    pub repeat_per_mille: u64,
    pub late_per_mille: u64,
}

pub enum Trace {
    Digest(Sha256),
    Text(String),
}

pub struct Env {
    pub now: u64,
    pub chance: Chance,
    pub nodes: usize,
    pub weather: Weather,
    pub faults: Faults,
    pub reached: Reached,
    pub trace: Trace,
    sequence: u64,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, Event>,
    line: String,
}

impl Env {
    pub fn new(chance: Chance, nodes: usize, trace: Trace) -> Self {
        Self {
            now: 0,
            chance,
            nodes,
            weather: Weather::default(),
            faults: Faults::default(),
            reached: Reached::default(),
            trace,
            sequence: 0,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            line: String::new(),
        }
    }

    /// A number that is given once.
    pub fn number(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    pub fn at(&mut self, after_us: u64, event: Event) {
        let number = self.number();
        self.queue.push(Reverse((self.now + after_us, number)));
        self.events.insert(number, event);
    }

    /// The next event; time is then when it happens.
    pub fn next(&mut self) -> Option<Event> {
        let Reverse((time, number)) = self.queue.pop()?;
        self.now = time;
        Some(self.events.remove(&number).expect("queued with it"))
    }

    pub fn wall(&self) -> TimeMs {
        TimeMs(EPOCH.0 + self.now / MS)
    }

    pub fn trace(&mut self, node: usize, what: impl fmt::Display) {
        use fmt::Write;
        self.line.clear();
        writeln!(self.line, "{} {node} {what}", self.now).expect("a string takes all");
        match &mut self.trace {
            Trace::Digest(digest) => digest.update(&self.line),
            Trace::Text(text) => text.push_str(&self.line),
        }
    }

    pub fn send(&mut self, from: usize, to: usize, packet: Packet) {
        if self.weather.cut.contains(&(from, to)) {
            self.faults.cut += 1;
            return;
        }
        if self.chance.per_mille(self.weather.loss_per_mille) {
            self.faults.lost += 1;
            return;
        }
        if self.chance.per_mille(self.weather.repeat_per_mille) {
            self.faults.repeated += 1;
            let delay = self.chance.below(1_000 * MS);
            let packet = packet.clone();
            self.at(delay, Event::Deliver { to, from, packet });
        }
        let mut delay = MS + self.chance.below(15 * MS);
        if self.chance.per_mille(self.weather.late_per_mille) {
            self.faults.late += 1;
            delay += self.chance.below(2_000 * MS);
        }
        self.at(delay, Event::Deliver { to, from, packet });
    }

    /// How long a piece of work takes that takes a healthy node so long at most.
    pub fn work(&mut self, node: usize, us_max: u64) -> u64 {
        let work = self.chance.below(us_max);
        if self.weather.slow.contains(&node) {
            work * 30
        } else {
            work
        }
    }
}
