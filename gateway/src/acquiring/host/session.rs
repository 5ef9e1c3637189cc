//! An acquirer's link as a pure state machine: messages in, answers and questions out.
//!
//! | message | what becomes of it |
//! | --- | --- |
//! | 0800: 001, 002, 301 | sign-on, sign-off and echo, answered at once |
//! | 0800: 101, 160 | a new PIN or MAC key: to be decided, if its line has signed on |
//! | 0100, 0200, 0220 | to be decided, if its line has signed on |
//! | 0400, 0420 | undoes its original (field 90) once; waits for one that is undecided |
//! | a repeat, or a message with an equal key | the first answer; none of its own while the first is undecided |
//! | an equal key with other contents | 94 |
//! | a reversal whose original is not known | is asked about, and remembered for a day: the late original is declined 12 |
//!
//! What is remembered is a cache of a day. [`Request::key`] is the same for a message and its repeats, so that whoever
//! decides stores it with what it does and does nothing twice, also after this process was gone.

use std::collections::{HashMap, HashSet};

use causeway_cards::iso8583::{DuplicateKey, Message, OriginalElements};

use super::{
    Outcome,
    key::offered,
    memory::{Memory, Reversal, contents_of, elements_of, is_final},
    request::{
        Decision, Effect, LineId, Operation, Request, RequestId, answer, operation, original_of, require, skeleton,
    },
};

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub undecided_max: usize,
    pub remembered_max: usize,
}

struct Undecided {
    line: LineId,
    answer: Message,
    /// Kept until its original is decided; what is asked about has none.
    waiting: Option<Request>,
    key: DuplicateKey,
    /// Of a reversal.
    original: Option<DuplicateKey>,
    /// Of a reversal: that some of its original stands after it.
    is_partial: bool,
}

pub struct HostSession {
    limits: Limits,
    memory: Memory,
    signed_on: HashSet<LineId>,
    undecided: HashMap<RequestId, Undecided>,
    /// Lookups of the repeats of what is undecided.
    ids: HashMap<DuplicateKey, RequestId>,
    next: u64,
    /// Of the last message.
    now_ms: u64,
}

impl HostSession {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            memory: Memory::new(limits.remembered_max),
            signed_on: HashSet::new(),
            undecided: HashMap::new(),
            ids: HashMap::new(),
            next: 0,
            now_ms: 0,
        }
    }

    /// The connection is gone: its sign-on ends. What is undecided is decided all the same.
    pub fn closed(&mut self, line: LineId) {
        self.signed_on.remove(&line);
    }

    pub fn undecided(&self) -> usize {
        self.undecided.len()
    }

    /// Answers a message that could be read in part only, or whose authentication code is wrong. Nothing of it is
    /// remembered. An answer that comes to a host gets none.
    pub fn refuse(&self, line: LineId, message: &Message, outcome: Outcome) -> Vec<Effect> {
        if message.message_type().is_response() {
            return Vec::new();
        }
        vec![answer(line, skeleton(message), &outcome.into())]
    }

    pub fn handle(&mut self, line: LineId, message: Message, now_ms: u64) -> Vec<Effect> {
        if message.message_type().is_response() {
            return Vec::new();
        }
        self.now_ms = now_ms;
        self.memory.forget(now_ms);
        let reply = skeleton(&message);
        let taken = if message.message_type().is_network() {
            self.network(line, message, now_ms)
        } else if self.signed_on.contains(&line) {
            self.transaction(line, message, now_ms)
        } else {
            Err(Outcome::NotSignedOn)
        };
        taken.unwrap_or_else(|outcome| vec![answer(line, reply, &outcome.into())])
    }

    fn network(&mut self, line: LineId, message: Message, now_ms: u64) -> Result<Vec<Effect>, Outcome> {
        require(&message, &[7, 11, 70])?;
        let operation = match message.network_management() {
            Ok(Some(1)) => {
                self.signed_on.insert(line);
                return Err(Outcome::Approved);
            }
            Ok(Some(2)) => {
                self.signed_on.remove(&line);
                return Err(Outcome::Approved);
            }
            Ok(Some(301)) => return Err(Outcome::Approved),
            Ok(Some(_)) => offered(&message).ok_or(Outcome::InvalidTransaction)?,
            Ok(None) | Err(_) => return Err(Outcome::FormatError),
        };
        if !self.signed_on.contains(&line) {
            return Err(Outcome::NotSignedOn);
        }
        if let Some(known) = self.again(line, &message)? {
            return Ok(known);
        }
        self.memory.remember(message.duplicate_key(), &message, None, now_ms);
        self.ask(line, operation, None, message, true)
    }

    /// What a message is answered that came before; nothing yet, while that is undecided. `None` for a new one, for which there is room.
    fn again(&mut self, line: LineId, message: &Message) -> Result<Option<Vec<Effect>>, Outcome> {
        let key = message.duplicate_key();
        if let Some(record) = self.memory.record(&key) {
            if record.contents != contents_of(message) {
                return Err(Outcome::DuplicateTransmission);
            }
            if let Some(decision) = &record.decision {
                return Ok(Some(vec![answer(line, skeleton(message), decision)]));
            }
            if let Some(waiting) = self.ids.get(&key).and_then(|id| self.undecided.get_mut(id)) {
                waiting.line = line;
            }
            return Ok(Some(Vec::new()));
        }
        if self.undecided.len() >= self.limits.undecided_max {
            return Err(Outcome::Busy);
        }
        Ok(None)
    }

    fn transaction(&mut self, line: LineId, message: Message, now_ms: u64) -> Result<Vec<Effect>, Outcome> {
        let operation = operation(&message)?;
        let key = message.duplicate_key();
        if let Some(known) = self.again(line, &message)? {
            return Ok(known);
        }
        let original = original_of(&message)?;
        if operation == Operation::Reversal {
            let elements = original.ok_or(Outcome::FormatError)?;
            return self.reverse(line, elements, message, now_ms);
        }
        if self.memory.is_reversed_early(&elements_of(&message)) {
            let decision = Decision::from(Outcome::ReversedBefore);
            self.memory.remember(key, &message, Some(decision), now_ms);
            return Err(Outcome::ReversedBefore);
        }
        let original = original.and_then(|elements| self.memory.original(&elements));
        self.memory.remember(key, &message, None, now_ms);
        self.ask(line, operation, original, message, true)
    }

    fn reverse(
        &mut self,
        line: LineId,
        elements: OriginalElements,
        message: Message,
        now_ms: u64,
    ) -> Result<Vec<Effect>, Outcome> {
        let key = message.duplicate_key();
        let Some(original) = self.memory.original(&elements) else {
            self.memory.remember_early(elements, now_ms);
            self.memory.remember(key, &message, None, now_ms);
            return self.ask(line, Operation::Reversal, None, message, true);
        };
        let record = self.memory.record(&original).expect("indexed by its elements");
        let stands = match (&record.decision, record.reversal) {
            (None, _) | (Some(_), Reversal::Undecided) => None,
            (Some(decision), Reversal::None) => Some(decision.outcome.is_approved()),
            (Some(_), Reversal::Done) => Some(false),
        };
        if stands == Some(true) {
            record.reversal = Reversal::Undecided;
        }
        let nothing_to_undo = (stands == Some(false)).then(|| Decision::from(Outcome::Approved));
        self.memory.remember(key, &message, nothing_to_undo, now_ms);
        match stands {
            Some(false) => Err(Outcome::Approved),
            Some(true) => self.ask(line, Operation::Reversal, Some(original), message, true),
            None => self.ask(line, Operation::Reversal, Some(original), message, false),
        }
    }

    /// Asks for a decision, now or when the original is decided.
    fn ask(
        &mut self,
        line: LineId,
        operation: Operation,
        original: Option<DuplicateKey>,
        message: Message,
        now: bool,
    ) -> Result<Vec<Effect>, Outcome> {
        if self.undecided.len() >= self.limits.undecided_max {
            return Err(Outcome::Busy);
        }
        let id = RequestId(self.next);
        self.next += 1;
        let key = message.duplicate_key();
        self.ids.insert(key.clone(), id);
        let mut undecided = Undecided {
            line,
            answer: skeleton(&message),
            waiting: None,
            key: key.clone(),
            original: original.clone().filter(|_| operation == Operation::Reversal),
            is_partial: message.replacement_amount().is_ok_and(|amount| amount > Some(0)),
        };
        let request = Request {
            operation,
            key,
            original,
            message,
        };
        let mut effects = Vec::new();
        if now {
            effects.push(Effect::Decide { id, request });
        } else {
            undecided.waiting = Some(request);
        }
        self.undecided.insert(id, undecided);
        Ok(effects)
    }

    /// Takes a decision: answers its message, and goes on with the reversals that waited for it. An id that is not
    /// undecided has no effect.
    pub fn decided(&mut self, id: RequestId, decision: Decision) -> Vec<Effect> {
        let Some(done) = self.undecided.remove(&id) else {
            return Vec::new();
        };
        self.ids.remove(&done.key);
        if is_final(&decision) {
            if let Some(record) = self.memory.record(&done.key) {
                record.decision = Some(decision.clone());
            }
        } else {
            self.memory.forget_record(&done.key);
        }
        let mut effects = vec![answer(done.line, done.answer, &decision)];
        if let Some(original) = done.original {
            if let Some(record) = self.memory.record(&original) {
                record.reversal = if decision.outcome.is_approved() && !done.is_partial {
                    Reversal::Done
                } else {
                    Reversal::None
                };
            }
            effects.extend(self.resume(&original));
        }
        effects.extend(self.resume(&done.key));
        effects
    }

    /// Goes on with the reversals that waited for this original: the first is asked about if the original stands, the
    /// others wait for that; all are answered if it does not.
    fn resume(&mut self, original: &DuplicateKey) -> Vec<Effect> {
        let waits =
            |undecided: &Undecided| undecided.waiting.is_some() && undecided.original.as_ref() == Some(original);
        let mut ids: Vec<RequestId> = self
            .undecided
            .iter()
            .filter(|(_, waiting)| waits(waiting))
            .map(|(id, _)| *id)
            .collect();
        ids.sort_by_key(|id| id.0);
        let mut effects = Vec::new();
        for id in ids {
            let record = self.memory.record(original);
            match record {
                Some(record) if record.reversal == Reversal::Undecided || record.decision.is_none() => break,
                Some(record)
                    if record.reversal == Reversal::None
                        && record
                            .decision
                            .as_ref()
                            .is_some_and(|decision| decision.outcome.is_approved()) =>
                {
                    record.reversal = Reversal::Undecided;
                    let waiting = self
                        .undecided
                        .get_mut(&id)
                        .and_then(|undecided| undecided.waiting.take());
                    effects.extend(waiting.map(|request| Effect::Decide { id, request }));
                }
                Some(_) => effects.extend(self.decided(id, Outcome::Approved.into())),
                // The original's answer might have changed when it was repeated, which is too late now. Whoever
                // decides knows whether it did anything.
                None => {
                    let waiting = self
                        .undecided
                        .get_mut(&id)
                        .and_then(|undecided| undecided.waiting.take());
                    let elements = waiting
                        .as_ref()
                        .and_then(|request| original_of(&request.message).ok().flatten());
                    if let Some(elements) = elements {
                        self.memory.remember_early(elements, self.now_ms);
                    }
                    effects.extend(waiting.map(|request| Effect::Decide { id, request }));
                }
            }
        }
        effects
    }
}

#[cfg(test)]
mod tests;
