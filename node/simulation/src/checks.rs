//! What must hold after every step, whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use causeway_consensus::{LogEntry, Message, Scheme, SignRecord, Signed, Step, Subject, wire::CertifiedBlock};
use causeway_contracts::{
    block::{BlockId, GenesisHash, Height, StateHash, TimeMs},
    committee::{ValidatorId, ValidatorSet},
    evidence::Evidence,
    ledger::{Execution, Ledger, StateKey, StateValue},
    money::Currency,
    protocol::{PROTOCOL_MIN, ProtocolVersion},
    transaction::TxId,
};

use crate::disk::{Database, Files};

/// No block's time is further ahead of the wall than an honest validator accepts with a clock that is
/// as wrong as clocks here may be.
const AHEAD_MS_MAX: u64 = 2_000 + 500;

/// What a validator has on disk of its own signatures, as found there.
#[derive(Debug, Default)]
pub struct Durable {
    appended: Vec<Vec<u8>>,
    entries: BTreeSet<Vec<u8>>,
    /// How much of each file has been looked at.
    seen: BTreeMap<String, usize>,
}

impl Durable {
    pub fn append(&mut self, entry: &LogEntry) {
        self.appended.push(entry.encode());
    }

    pub fn record(&mut self, signed: Signed) {
        self.appended.push(signed.encode());
    }

    /// After a sync: what was appended counts if it is there.
    pub fn synced(&mut self, files: &Files) {
        let mut new = Vec::new();
        files.each(|name, bytes| {
            let seen = self.seen.entry(name.to_owned()).or_default();
            // One that was written anew is looked at from its start.
            let from = if *seen > bytes.len() { 0 } else { *seen };
            *seen = bytes.len();
            new.push(bytes[from..].to_vec());
        });
        let is_there = |entry: &Vec<u8>| {
            new.iter()
                .any(|new| new.windows(entry.len()).any(|part| part == entry.as_slice()))
        };
        self.entries.extend(self.appended.drain(..).filter(is_there));
    }

    /// A write that a crash ended may have been whole.
    pub fn read_back(&mut self, log: &[LogEntry], record: &SignRecord) {
        self.entries.extend(log.iter().map(LogEntry::encode));
        self.entries.extend(record.entries().map(|signed| signed.encode()));
    }

    pub fn crash(&mut self) {
        self.appended.clear();
        self.seen.clear();
    }
}

#[derive(Debug)]
pub struct Checks {
    pub genesis: GenesisHash,
    pub violations: Vec<String>,
    /// By place.
    pub honest: Vec<bool>,
    /// All that clients have signed.
    pub submitted: BTreeSet<TxId>,
    /// Of those, the ones that need a later version of the protocol than the first.
    pub later: BTreeSet<TxId>,
    blocks: BTreeMap<Height, (BlockId, StateHash)>,
    /// The transactions of final blocks.
    done: BTreeMap<TxId, Height>,
    signed: BTreeMap<(usize, Height, Step), Subject>,
    /// Of each validator, by place.
    ids: Vec<ValidatorId>,
    /// How often an honest validator found that another signed twice.
    detected: u64,
    /// Of evidence on the ledger.
    recorded: u64,
}

impl Checks {
    pub fn new(genesis: GenesisHash, ids: Vec<ValidatorId>, honest: Vec<bool>) -> Self {
        Self {
            genesis,
            violations: Vec::new(),
            honest,
            submitted: BTreeSet::new(),
            later: BTreeSet::new(),
            blocks: BTreeMap::new(),
            done: BTreeMap::new(),
            signed: BTreeMap::new(),
            ids,
            detected: 0,
            recorded: 0,
        }
    }

    pub fn violated(&mut self, what: impl Into<String>) {
        if self.violations.len() < 16 {
            self.violations.push(what.into());
        }
    }

    pub fn is_honest(&self, place: usize) -> bool {
        self.honest[place]
    }

    pub fn heights(&self) -> u64 {
        self.blocks.keys().next_back().map_or(0, |height| height.0)
    }

    pub fn transactions(&self) -> u64 {
        self.done.len() as u64
    }

    pub fn detected(&self) -> u64 {
        self.detected
    }

    pub fn recorded(&self) -> u64 {
        self.recorded
    }

    pub fn is_done(&self, id: &TxId) -> bool {
        self.done.contains_key(id)
    }

    /// Whether anything has come about that needs a later version.
    pub fn has_later(&self) -> bool {
        self.later.iter().any(|id| self.done.contains_key(id))
    }

    /// Something leaves an honest validator.
    pub fn sent(&mut self, node: usize, own: impl Fn(&Message) -> bool, message: &Message, durable: &Durable) {
        if !own(message) {
            return;
        }
        let entry = match message {
            Message::Vote(vote) => LogEntry::Vote(vote.clone()),
            Message::Proposal(proposal) => LogEntry::Proposal(proposal.clone()),
            Message::Polka(_) | Message::Round(_) => return,
        };
        let signed = Signed::of(&entry).expect("its own");
        self.invariant_on_disk_before_sent(node, &entry, &signed, durable);
        self.invariant_one_signature_a_step(node, signed);
    }

    fn invariant_on_disk_before_sent(&mut self, node: usize, entry: &LogEntry, signed: &Signed, durable: &Durable) {
        if !durable.entries.contains(&entry.encode()) {
            self.violated(format!("validator {node} sent what was not in its log: {signed:?}"));
        }
        if !durable.entries.contains(&signed.encode()) {
            self.violated(format!(
                "validator {node} sent what was not in its sign record: {signed:?}"
            ));
        }
    }

    fn invariant_one_signature_a_step(&mut self, node: usize, signed: Signed) {
        let key = (node, signed.height, signed.step);
        let before = *self.signed.entry(key).or_insert(signed.subject);
        if before != signed.subject {
            self.violated(format!(
                "validator {node} signed twice at height {}: {:?} and {before:?} in {:?}",
                signed.height, signed.subject, signed.step
            ));
        }
    }

    /// An honest validator found that one signed twice.
    pub fn found(&mut self, node: usize, evidence: &Evidence) {
        self.detected += 1;
        self.invariant_only_the_guilty_are_accused(&format!("validator {node}"), evidence);
    }

    fn invariant_only_the_guilty_are_accused(&mut self, by: &str, evidence: &Evidence) {
        let accused = self.ids.iter().position(|id| *id == evidence.validator);
        if accused.is_none_or(|place| self.honest[place]) {
            self.violated(format!("{by} accuses {accused:?}, which is honest: {evidence:?}"));
        }
    }

    /// All that a block records convicts somebody who is guilty, and is new.
    fn invariant_evidence_is_against_the_guilty(
        &mut self,
        height: Height,
        execution: &Execution,
        ledger: &Ledger,
        scheme: &dyn Scheme,
    ) {
        for (key, value) in &execution.changes {
            let (StateKey::Evidence(accused, place), Some(StateValue::Evidence(record))) = (key, value) else {
                continue;
            };
            self.recorded += 1;
            let evidence = &record.evidence;
            self.invariant_only_the_guilty_are_accused(&format!("the ledger at height {height}"), evidence);
            let verdict = ledger
                .accountable(accused, evidence.height)
                .map(|key| evidence.verify_with(&self.genesis, key, |signed| scheme.is_good(signed)));
            let recorded: Vec<_> = ledger.evidence_against(*accused).collect();
            let same_height = recorded.iter().filter(|it| it.evidence.height == evidence.height);
            if verdict != Some(Ok(())) || evidence.validator != *accused || same_height.count() != 1 {
                self.violated(format!(
                    "height {height} records as {place}, where there are {}: {evidence:?}, {verdict:?}",
                    recorded.len()
                ));
            }
        }
    }

    /// An honest validator has made a block durable.
    pub fn committed(
        &mut self,
        node: usize,
        certified: &CertifiedBlock,
        execution: &Execution,
        ledger: &Ledger,
        wall: TimeMs,
        judge: (&ValidatorSet, &dyn Scheme),
    ) {
        let header = &certified.block.header;
        let height = header.height;
        let mine = (certified.block.id(), ledger.tip().state_hash);
        if let Some(theirs) = self.blocks.get(&height) {
            if *theirs != mine {
                let theirs = *theirs;
                self.violated(format!(
                    "at height {height} validator {node} has {mine:?}, another {theirs:?}"
                ));
            }
            return;
        }
        self.blocks.insert(height, mine);
        self.invariant_valid(certified, wall, judge);
        self.invariant_at_most_once(height, execution);
        self.invariant_nothing_before_its_version(header.version, execution, ledger);
        self.invariant_conserved(height, ledger);
        self.invariant_evidence_is_against_the_guilty(height, execution, ledger, judge.1);
    }

    fn invariant_valid(&mut self, certified: &CertifiedBlock, wall: TimeMs, judge: (&ValidatorSet, &dyn Scheme)) {
        let CertifiedBlock { block, certificate } = certified;
        let height = block.header.height;
        let (validators, scheme) = judge;
        let verdict = certificate.verify_with(&self.genesis, validators, |signed| scheme.is_good(signed));
        if let Err(error) = verdict {
            self.violated(format!("the certificate of height {height} is not good: {error}"));
        }
        if certificate.block != block.id() || certificate.height != height {
            self.violated(format!("the certificate of height {height} is for another block"));
        }
        if block.header.time_ms.0 > wall.0 + AHEAD_MS_MAX {
            let ahead = block.header.time_ms.0 - wall.0;
            self.violated(format!("block {height} is {ahead} ms ahead of time"));
        }
    }

    fn invariant_at_most_once(&mut self, height: Height, execution: &Execution) {
        for (id, ..) in execution.of_transactions() {
            if !self.submitted.contains(&id) {
                self.violated(format!("transaction {id} at height {height} was signed by nobody"));
            }
            if let Some(before) = self.done.insert(id, height) {
                self.violated(format!("transaction {id} took effect at heights {before} and {height}"));
            }
        }
    }

    /// The header says by which version it is made, and holds nothing of a later one.
    fn invariant_nothing_before_its_version(
        &mut self,
        version: ProtocolVersion,
        execution: &Execution,
        ledger: &Ledger,
    ) {
        let height = ledger.tip().height;
        let protocol = ledger.protocol();
        if version != protocol.version || protocol.upcoming.is_some_and(|upcoming| upcoming.height <= height) {
            self.violated(format!(
                "block {height} is of version {version}, and the state says {protocol:?}"
            ));
        }
        for (id, ..) in execution.of_transactions() {
            if version == PROTOCOL_MIN && self.later.contains(&id) {
                self.violated(format!(
                    "transaction {id} at height {height} is of a version that was not in force"
                ));
            }
        }
    }

    fn invariant_conserved(&mut self, height: Height, ledger: &Ledger) {
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        for (key, value) in ledger.entries() {
            if let (StateKey::Balance(_, code), StateValue::Balance(record)) = (key, value) {
                *sums.entry(code).or_default() += record.total();
            }
        }
        for (code, sum) in sums.into_iter().filter(|(_, sum)| *sum != 0) {
            self.violated(format!("at height {height} the balances of {code} add up to {sum}"));
        }
    }

    /// At the end: equal heights, equal state, in full.
    pub fn invariant_equal_state<'a>(&mut self, databases: impl Iterator<Item = (usize, &'a Database)>) {
        let mut by_height: BTreeMap<u64, (usize, &Database)> = BTreeMap::new();
        for (node, database) in databases {
            let (other, first) = *by_height.entry(database.height()).or_insert((node, database));
            if first.entries() != database.entries() || !first.remembers_as(database) {
                let height = database.height();
                self.violated(format!(
                    "validators {node} and {other} differ in state at height {height}"
                ));
            }
        }
    }
}
