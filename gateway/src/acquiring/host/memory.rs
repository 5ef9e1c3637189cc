//! What a host remembers of the messages of a day: the first answers, and which originals were reversed. It never holds a
//! card number, a track, a PIN block or a card value; of a link's keys their blocks.

use std::collections::{HashMap, VecDeque};

use causeway_cards::iso8583::{DuplicateKey, Message, OriginalElements};

use super::{Outcome, request::Decision};

/// How long an answer, and a reversal without its original, is remembered.
pub const REMEMBERED_MS: u64 = 24 * 60 * 60 * 1_000;

const CONTENTS: &[u8] = &[3, 4, 37, 38, 49, 90, 95];
/// Of network management: a new key is in its block.
const NETWORK_CONTENTS: &[u8] = &[48, 70];

/// A message that was taken on.
pub(super) struct Record {
    pub elements: OriginalElements,
    pub contents: Vec<u8>,
    /// `None` while it is undecided.
    pub decision: Option<Decision>,
    pub reversal: Reversal,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reversal {
    None,
    Undecided,
    Done,
}

enum Entry {
    Record(DuplicateKey),
    Early(OriginalElements),
}

/// Bounded: of decided records the oldest is forgotten first. Whoever decides keeps what money depends on for good.
pub(super) struct Memory {
    entries_max: usize,
    records: HashMap<DuplicateKey, Record>,
    by_elements: HashMap<OriginalElements, DuplicateKey>,
    early: HashMap<OriginalElements, u64>,
    order: VecDeque<(u64, Entry)>,
}

impl Memory {
    pub fn new(entries_max: usize) -> Self {
        Self {
            entries_max,
            records: HashMap::new(),
            by_elements: HashMap::new(),
            early: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    pub fn record(&mut self, key: &DuplicateKey) -> Option<&mut Record> {
        self.records.get_mut(key)
    }

    pub fn original(&self, elements: &OriginalElements) -> Option<DuplicateKey> {
        self.by_elements.get(elements).cloned()
    }

    pub fn is_reversed_early(&self, elements: &OriginalElements) -> bool {
        self.early.contains_key(elements)
    }

    pub fn remember(&mut self, key: DuplicateKey, message: &Message, decision: Option<Decision>, now_ms: u64) {
        let elements = elements_of(message);
        let record = Record {
            elements: elements.clone(),
            contents: contents_of(message),
            decision,
            reversal: Reversal::None,
        };
        self.by_elements.insert(elements, key.clone());
        self.records.insert(key.clone(), record);
        self.order.push_back((now_ms, Entry::Record(key)));
    }

    pub fn remember_early(&mut self, elements: OriginalElements, now_ms: u64) {
        if self.early.insert(elements.clone(), now_ms).is_none() {
            self.order.push_back((now_ms, Entry::Early(elements)));
        }
    }

    pub fn forget_record(&mut self, key: &DuplicateKey) {
        if let Some(record) = self.records.remove(key)
            && self.by_elements.get(&record.elements) == Some(key)
        {
            self.by_elements.remove(&record.elements);
        }
    }

    /// Takes out what is older than a day, and the oldest of too many. What is undecided goes to the end of the queue.
    pub fn forget(&mut self, now_ms: u64) {
        for _ in 0..self.order.len() {
            let Some((since, _)) = self.order.front() else { return };
            let is_old = now_ms.saturating_sub(*since) >= REMEMBERED_MS;
            if !is_old && self.order.len() <= self.entries_max {
                return;
            }
            match self.order.pop_front() {
                Some((_, Entry::Early(elements))) => drop(self.early.remove(&elements)),
                Some((_, Entry::Record(key))) => match self.records.get(&key) {
                    Some(record) if record.decision.is_none() => self.order.push_back((now_ms, Entry::Record(key))),
                    _ => self.forget_record(&key),
                },
                None => return,
            }
        }
    }
}

/// As field 90 of its reversal names a message.
pub fn elements_of(message: &Message) -> OriginalElements {
    let text = |field| message.text(field).unwrap_or_default();
    let institution = |field| text(field).trim_start_matches('0').to_owned();
    OriginalElements {
        message_type: message.message_type().original(),
        trace_number: text(11).to_owned(),
        transmission_time: text(7).to_owned(),
        acquirer: institution(32),
        forwarder: institution(33),
    }
}

/// What two messages with equal keys must have in common to be the same; nothing of it is of the card.
pub fn contents_of(message: &Message) -> Vec<u8> {
    let fields = if message.message_type().is_network() {
        NETWORK_CONTENTS
    } else {
        CONTENTS
    };
    let values: Vec<_> = fields
        .iter()
        .map(|field| message.get(*field).unwrap_or_default())
        .collect();
    values.join(&0x1F)
}

/// Whether a later message may have another outcome than this one.
pub(super) fn is_final(decision: &Decision) -> bool {
    !decision.outcome.is_passing() && decision.outcome != Outcome::NoSuchOriginal
}
