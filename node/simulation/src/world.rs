//! One seed: a network, what happens to it, and what came of it.

use std::collections::BTreeSet;

use causeway_contracts::{
    block::Height,
    committee::{Validator, ValidatorId},
    genesis::{Genesis, GenesisValidator},
    governance::CouncilAction,
    identity::KeyPolicy,
    keys::SecretKey,
    protocol::{PROTOCOL_MIN, Protocol, ProtocolVersion, SCHEDULE_AHEAD_MIN},
    transaction::{SignedTransaction, TxId},
};
use sha2::{Digest, Sha256};

use crate::{
    byzantine::KINDS,
    chance::Chance,
    checks::Checks,
    clients::{self, Clients},
    council::Council,
    disk::{DiskError, Files},
    env::{Env, Event, MS, Trace, Weather},
    faults::{Faults, Reached},
    node::{End, Node, Shared},
    signing::Signing,
};

/// Heights that every correct validator gains once faults have stopped.
const PROGRESS: u64 = 5;

/// They do so within this time, or are stuck.
const PROGRESS_TIME_MAX: u64 = 60_000 * MS;

#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    /// Every validator comes at least to this height.
    pub heights: u64,
    /// Real signatures in place of a keyed hash.
    pub real_signatures: bool,
    /// The council sets the next version of the protocol in force, and every validator comes there.
    pub upgrades: bool,
}

impl Plan {
    /// Signatures are real in every 20th seed, and in every 16th the protocol is upgraded.
    pub fn new(seed: u64, heights: u64) -> Self {
        Self {
            seed,
            heights,
            real_signatures: seed.is_multiple_of(20),
            upgrades: seed % 16 == 4,
        }
    }
}

#[derive(Debug)]
pub struct Outcome {
    pub seed: u64,
    pub nodes: usize,
    pub byzantine: Vec<&'static str>,
    pub heights: u64,
    pub transactions: u64,
    /// How often an honest validator found that another signed twice.
    pub evidence_detected: u64,
    /// How much of that the ledger recorded, each once.
    pub evidence_recorded: u64,
    pub virtual_us: u64,
    pub faults: Faults,
    pub reached: Reached,
    pub violations: Vec<String>,
    /// SHA-256 of the trace, or the trace.
    pub trace: String,
}

struct World {
    plan: Plan,
    shared: Shared,
    env: Env,
    nodes: Vec<Node>,
    kinds: Vec<&'static str>,
    checks: Checks,
    clients: Clients,
    signing: Signing,
    faulty_us: u64,
    /// Byzantine, or with a clock that is too wrong: nothing is asked of their progress.
    excused: BTreeSet<usize>,
    goal: Option<u64>,
    council: Option<Council>,
    /// Whose database is lost, once.
    loses_database: Option<usize>,
    /// Paid after faults had stopped.
    last: Option<TxId>,
}

fn members(genesis: &Genesis) -> Vec<Validator> {
    let member = |entry: &GenesisValidator| Validator {
        key: entry.key,
        power: entry.power,
    };
    genesis.validators.iter().map(member).collect()
}

/// Runs one seed to its end. `text` asks for the whole trace.
pub fn run(plan: Plan, text: bool) -> Outcome {
    let mut world = World::new(plan, text);
    world.run();
    world.outcome()
}

impl World {
    fn new(plan: Plan, text: bool) -> Self {
        let mut chance = Chance::new(plan.seed);
        // One comes back without its database while another misleads it: seven can bear both.
        let misleads = chance.per_mille(100);
        let count = if misleads { 7 } else { [4, 4, 4, 5, 7][chance.index(5)] };
        let even = misleads || chance.per_mille(700);
        let powers: Vec<_> = (0..count).map(|_| if even { 1 } else { 1 + chance.below(3) }).collect();
        let genesis = clients::genesis(&powers);
        genesis.check().expect("a genesis that passes");
        let signing = match plan.real_signatures {
            true => Signing::real(chance.next()),
            false => Signing::keyed_hash(),
        };
        let validators = genesis.validator_set().expect("a checked genesis");
        let keys: Vec<SecretKey> = (0..count).map(clients::validator_key).collect();
        let shared = Shared {
            ids: keys.iter().map(|key| ValidatorId::of(&key.public_key())).collect(),
            validators,
            genesis,
        };
        let mut nodes: Vec<_> = keys
            .into_iter()
            .enumerate()
            .map(|(place, key)| Node::new(place, key, &shared, signing.clone(), Files::new(chance.fork())))
            .collect();

        // As many are faulty as may be.
        let mut left = shared.validators.faulty_power_max();
        // One that loses its database signs nothing for a height or two, and no longer has batches that it has
        // vouched for: it counts among the faulty.
        let loses_database = (misleads || chance.per_mille(400)).then(|| chance.index(count));
        let loses_database = loses_database.filter(|&place| powers[place] <= left);
        left -= loses_database.map_or(0, |place| powers[place]);
        let mut excused = BTreeSet::new();
        let mut kinds = Vec::new();
        let mut faults = Faults::default();
        let first = chance.index(count);
        for place in (0..count).map(|at| (first + at) % count) {
            if powers[place] > left || loses_database == Some(place) {
                continue;
            }
            left -= powers[place];
            match chance.below(10) {
                0 if !misleads => {}
                1 if !misleads => {
                    faults.skewed += 1;
                    nodes[place].skew_ms = [-60_000, 60_000][chance.index(2)];
                    excused.insert(place);
                }
                _ => {
                    let of_interest = KINDS.iter().find(|(name, _)| misleads && *name == "lying peer");
                    let (name, make) = of_interest.unwrap_or(&KINDS[chance.index(KINDS.len())]);
                    nodes[place].byzantine = Some(make());
                    kinds.push(*name);
                    excused.insert(place);
                }
            }
        }
        for (place, node) in nodes.iter_mut().enumerate() {
            if !excused.contains(&place) {
                node.skew_ms = chance.below(600) as i64 - 300;
            }
        }
        let honest = nodes.iter().map(Node::is_honest).collect();
        let trace = if text {
            Trace::Text(String::new())
        } else {
            Trace::Digest(Sha256::new())
        };
        // It must have something to lose, and others a snapshot, while there are faults.
        let faulty_us = if misleads { 6_000 * MS } else { 2_000 * MS } + chance.below(8_000 * MS);
        let council = Council::new(plan.seed, &members(&shared.genesis), &excused);
        let mut env = Env::new(chance, count, trace);
        env.faults = faults;
        let mut world = Self {
            checks: Checks::new(shared.genesis.hash(), shared.ids.clone(), honest),
            clients: Clients::new(&shared.genesis),
            plan,
            shared,
            env,
            nodes,
            kinds,
            signing,
            faulty_us,
            excused,
            goal: None,
            council,
            loses_database,
            last: None,
        };
        for place in 0..count {
            let delay = world.env.chance.below(50 * MS);
            world.env.at(delay, Event::Restart(place));
            if !world.nodes[place].is_honest() {
                world.env.at(delay, Event::Act(place));
            }
        }
        world.env.at(0, Event::Weather);
        world.env.at(20 * MS, Event::Clients);
        world
    }

    fn run(&mut self) {
        while let Some(event) = self.env.next() {
            if !self.is_faulty() && self.is_over() {
                break;
            }
            self.step(event);
            if !self.checks.violations.is_empty() {
                break;
            }
        }
        if self.signing.disagreements() > 0 {
            let count = self.signing.disagreements();
            self.checks
                .violated(format!("{count} times signatures were good together and not alone"));
        }
        let databases = self.nodes.iter().filter(|node| node.is_honest());
        self.checks
            .invariant_equal_state(databases.map(|node| (node.place, &node.database)));
    }

    fn is_faulty(&self) -> bool {
        self.env.now < self.faulty_us
    }

    fn correct(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| !self.excused.contains(&node.place))
    }

    /// Whether all that was to be shown has been; checks that it comes in time.
    fn is_over(&mut self) -> bool {
        let goal = match self.goal {
            Some(goal) => goal,
            None => {
                let highest = self.correct().map(Node::height).max().unwrap_or(0);
                let goal = self.plan.heights.max(highest + PROGRESS);
                self.goal = Some(goal);
                self.env.weather = Weather::default();
                goal
            }
        };
        let paid = self.last.is_some_and(|id| self.checks.is_done(&id));
        if self.correct().all(|node| node.height() >= goal) && paid && self.is_upgraded() {
            return true;
        }
        if self.env.now > self.faulty_us + PROGRESS_TIME_MAX {
            let heights: Vec<_> = self.nodes.iter().map(Node::height).collect();
            let what = format!("no progress after faults had stopped: heights {heights:?}, goal {goal}");
            self.checks.violated(what);
        }
        false
    }

    /// Whether the council has changed its keys, in every correct validator's view, if it is to.
    fn is_upgraded(&self) -> bool {
        let in_force = |node: &Node| node.protocol().is_some_and(|it| it.version > PROTOCOL_MIN);
        !self.plan.upgrades || (self.correct().all(in_force) && self.checks.has_later())
    }

    /// What the council does next: it schedules the next version until that is done, and changes its keys,
    /// whether or not it may yet.
    fn govern(&mut self) -> SignedTransaction {
        let protocol = self.nodes.iter().find_map(Node::protocol).unwrap_or_default();
        let act = if protocol == Protocol::default() && self.env.chance.per_mille(700) {
            let ahead = SCHEDULE_AHEAD_MIN + self.env.chance.below(8);
            CouncilAction::ScheduleProtocol {
                version: ProtocolVersion(2),
                height: Height(self.checks.heights() + ahead),
            }
        } else {
            CouncilAction::SetCouncil(KeyPolicy::single(clients::council_key().public_key()))
        };
        let act = self.clients.govern(act, &self.env, &self.signing);
        self.checks.submitted.insert(act.id());
        if act.needs() > PROTOCOL_MIN {
            self.checks.later.insert(act.id());
        }
        act
    }

    fn step(&mut self, event: Event) {
        let (shared, env, checks) = (&self.shared, &mut self.env, &mut self.checks);
        let (place, done) = match event {
            Event::Deliver { to, from, packet } => (to, self.nodes[to].deliver(from, packet, shared, env, checks)),
            Event::Wake { node, life, wake } => {
                if self.nodes[node].life != life || !self.nodes[node].is_running() {
                    return;
                }
                (node, self.nodes[node].wake(*wake, shared, env, checks))
            }
            Event::Submit { to, transaction } => return self.nodes[to].submit(*transaction, shared, env),
            Event::Restart(node) => {
                if self.nodes[node].is_running() {
                    return;
                }
                if self.nodes[node].byzantine.as_ref().is_some_and(|lies| lies.forgets()) && self.nodes[node].life > 0 {
                    self.nodes[node].files.lose();
                    env.faults.lies += 1;
                }
                (node, self.nodes[node].start(shared, env, checks))
            }
            Event::Act(node) => {
                self.nodes[node].act(env);
                let delay = 10 * MS + env.chance.below(80 * MS);
                return env.at(delay, Event::Act(node));
            }
            Event::Clients => return self.pay(),
            Event::Weather => return self.weather(),
        };
        match done {
            Ok(()) => {}
            Err(End::Disk(error)) => {
                match error {
                    DiskError::Crash => self.env.faults.write_crashes += 1,
                    DiskError::Full => self.env.faults.full += 1,
                }
                self.crash(place);
            }
            Err(End::Stopped(why)) if self.nodes[place].is_honest() => {
                self.checks.violated(format!("validator {place} stopped: {why}"));
            }
            Err(End::Stopped(why)) => {
                self.env.trace(place, format_args!("stops: {why}"));
                self.crash(place);
            }
        }
    }

    fn crash(&mut self, place: usize) {
        self.env.trace(place, "crashes");
        self.nodes[place].crash();
        let delay = 50 * MS + self.env.chance.below(1_500 * MS);
        self.env.at(delay, Event::Restart(place));
    }

    /// The council decides by what some honest validator knows, and tells another.
    fn change_validators(&mut self, to: usize) {
        let Some(council) = &mut self.council else { return };
        let mut honest = self.nodes.iter().filter(|node| node.is_honest());
        let Some(act) = honest.find_map(Node::ledger).and_then(|ledger| council.act(ledger)) else {
            return;
        };
        let signed = self.clients.govern(act, &self.env, &self.signing);
        self.checks.submitted.insert(signed.id());
        let transaction = Box::new(signed);
        self.env.at(MS, Event::Submit { to, transaction });
    }

    fn pay(&mut self) {
        let to = self.env.chance.index(self.nodes.len());
        let transaction = if self.env.chance.per_mille(200) {
            self.env.faults.stale_transactions += 1;
            self.clients.again(&mut self.env.chance)
        } else if self.plan.upgrades && self.env.chance.per_mille(250) {
            Some(self.govern())
        } else {
            let new = self.clients.pay(&mut self.env, &self.signing);
            let id = new.id();
            self.checks.submitted.insert(id);
            let honest = !self.excused.contains(&to);
            if !self.is_faulty() && honest && self.nodes[to].is_running() {
                self.last = Some(id);
            }
            Some(new)
        };
        if let Some(transaction) = transaction {
            let transaction = Box::new(transaction);
            if self.env.chance.per_mille(200) {
                // The same bytes to another, as a wallet does that got no answer.
                let other = self.env.chance.index(self.nodes.len());
                let delay = self.env.chance.below(800 * MS);
                let transaction = transaction.clone();
                self.env.at(delay, Event::Submit { to: other, transaction });
            }
            self.env.at(MS, Event::Submit { to, transaction });
        }
        self.change_validators(to);
        let delay = 5 * MS + self.env.chance.below(150 * MS);
        self.env.at(delay, Event::Clients);
    }

    /// Whether it has something to lose, and those who decide the next heights can spare it.
    fn may_lose_database(&self, place: usize) -> bool {
        let node = &self.nodes[place];
        let Some(ledger) = node.ledger().filter(|_| node.height() > 3) else {
            return false;
        };
        let id = self.shared.ids[place];
        [ledger.validators(), ledger.next_validators()].into_iter().all(|set| {
            let power = |id: &ValidatorId| set.by_id(id).map_or(0, |validator| validator.power);
            let faulty: u64 = self.excused.iter().map(|&place| power(&self.shared.ids[place])).sum();
            power(&id) + faulty <= set.faulty_power_max()
        })
    }

    fn weather(&mut self) {
        let faulty = self.is_faulty();
        for node in &self.nodes {
            node.files.with_wear(|wear| {
                wear.crashes_per_mille = if faulty { 3 } else { 0 };
                wear.full = false;
            });
        }
        if !faulty {
            return;
        }
        let env = &mut self.env;
        let count = self.nodes.len();
        let mut weather = Weather {
            loss_per_mille: [0, 20, 150][env.chance.index(3)],
            repeat_per_mille: [0, 50][env.chance.index(2)],
            late_per_mille: [0, 50, 200][env.chance.index(3)],
            ..Weather::default()
        };
        match env.chance.below(6) {
            0 | 1 => {
                env.faults.partitions += 1;
                let mask = env.chance.below(1 << count);
                let side = |node: usize| mask >> node & 1;
                let pairs = (0..count).flat_map(|from| (0..count).map(move |to| (from, to)));
                weather.cut = pairs.filter(|&(from, to)| side(from) != side(to)).collect();
            }
            2 => {
                env.faults.asymmetric += 1;
                for _ in 0..1 + env.chance.below(4) {
                    weather.cut.insert((env.chance.index(count), env.chance.index(count)));
                }
            }
            3 => {
                env.faults.slow += 1;
                weather.slow.insert(env.chance.index(count));
            }
            _ => {}
        }
        env.weather = weather;
        let full = env.chance.per_mille(60).then(|| env.chance.index(count));
        if let Some(full) = full {
            self.nodes[full].files.with_wear(|wear| wear.full = true);
        }
        if let Some(place) = self.loses_database.filter(|&place| self.may_lose_database(place)) {
            self.loses_database = None;
            self.env.faults.lost_databases += 1;
            self.crash(place);
            self.nodes[place].lose_database(&self.shared.genesis);
        }
        let crash = self.env.chance.per_mille(400).then(|| self.env.chance.index(count));
        if let Some(place) = crash.filter(|&place| self.nodes[place].is_running()) {
            self.env.faults.crashes += 1;
            self.crash(place);
        }
        let delay = 100 * MS + self.env.chance.below(1_200 * MS);
        // The last of it clears the sky.
        let delay = delay.min(self.faulty_us - self.env.now);
        self.env.at(delay, Event::Weather);
    }

    fn outcome(mut self) -> Outcome {
        self.env.faults.torn = self
            .nodes
            .iter()
            .map(|node| node.files.with_wear(|wear| wear.torn))
            .sum();
        Outcome {
            seed: self.plan.seed,
            nodes: self.nodes.len(),
            byzantine: self.kinds,
            heights: self.checks.heights(),
            transactions: self.checks.transactions(),
            evidence_detected: self.checks.detected(),
            evidence_recorded: self.checks.recorded(),
            virtual_us: self.env.now,
            faults: self.env.faults,
            reached: self.env.reached,
            violations: self.checks.violations,
            trace: match self.env.trace {
                Trace::Text(text) => text,
                Trace::Digest(digest) => digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
            },
        }
    }
}
