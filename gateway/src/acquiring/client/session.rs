//! A link to an issuer's host as a pure state machine: requests, answers and time in, messages out.
//!
//! | what | what becomes of it |
//! | --- | --- |
//! | connected | 0800/001; when it is answered 00, everything under way is sent again as a repeat |
//! | nothing heard for long | 0800/301; without an answer the connection is given up |
//! | nothing sent for long | a frame of length zero |
//! | a request | sent when its reversal is stored, if it needs one; ended by its answer or by time |
//! | an answer | matched by its type and fields 11 and 7; one that nobody waits for is counted and dropped |
//! | no answer in time, or a passing code | 0420, and 0421 until it is answered by other than a passing code |
//!
//! A connection that breaks ends nothing: what was under way may have reached the host, so that its answer is awaited on the next.

use std::collections::BTreeMap;

use causeway_cards::iso8583::{MatchingKey, Message, MessageType, Violation};
use thiserror::Error;
use time::OffsetDateTime;

use super::reversal::{Reversal, StoreError};

/// No route, no system, no issuer, a wrong code, or not signed on.
const PASSING: [&str; 4] = ["63", "91", "92", "96"];
const TRACES: u32 = 1_000_000;

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub requests_max: usize,
    /// Of requests and of reversals that are not answered, together.
    pub outstanding_max: usize,
    /// Of a request, a sign-on and an echo.
    pub answer_within_ms: u64,
    /// Since a message was heard.
    pub echo_after_ms: u64,
    /// Since something was sent: a frame of length zero.
    pub keep_alive_after_ms: u64,
    pub repeat_after_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(u64);

/// Why a request has no answer. Only after `TimedOut`, `Stopped` and `Unkept` may the host have it.
#[derive(Debug, Error)]
pub enum Unanswered {
    #[error("the link to the host is not signed on")]
    NotSignedOn,
    #[error("as many requests wait for the host as may")]
    Busy,
    #[error("a request with the same fields 7 and 11 waits for its answer, or for its reversal's")]
    NumbersInUse,
    #[error("a request must have field {0}")]
    Missing(u8),
    #[error("an answer cannot be asked for")]
    NotARequest,
    #[error("the request cannot be written")]
    Unwritable(#[from] Violation),
    #[error("its reversal cannot be stored, so that it was not sent")]
    Unstored(#[source] StoreError),
    /// It was answered, and is undone: its reversal would come after a restart anyway.
    #[error("its reversal cannot be removed from its store")]
    Unkept(#[source] StoreError),
    /// The host may have done it. If it is `reversed`, it will be undone; else it is to be sent again, as it was.
    #[error("no answer came in time")]
    TimedOut { reversed: bool },
    #[error("the link was stopped")]
    Stopped,
}

#[derive(Debug)]
pub enum Effect {
    Send(Message),
    KeepAlive,
    SignedOn,
    /// Give up the connection.
    Close,
    Ended(RequestId, Result<Message, Unanswered>),
    /// A reversal was answered, by this field 39, and is to be removed from its store.
    Reversed {
        key: String,
        code: String,
    },
}

struct UnderWay {
    id: RequestId,
    message: Message,
    reversal: Option<Reversal>,
    /// `None` until it is sent.
    due_ms: Option<u64>,
}

struct Queued {
    reversal: Reversal,
    next_ms: u64,
    was_sent: bool,
}

/// A sign-on or echo that waits for its answer.
struct Probe {
    numbers: MatchingKey,
    signs_on: bool,
    due_ms: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Down,
    Connected,
    SignedOn,
}

pub struct ClientSession {
    limits: Limits,
    line: Line,
    probe: Option<Probe>,
    under_way: BTreeMap<MatchingKey, UnderWay>,
    reversals: BTreeMap<MatchingKey, Queued>,
    next: u64,
    trace: u32,
    heard_ms: u64,
    sent_ms: u64,
    unmatched: u64,
}

impl ClientSession {
    /// With the reversals that were left by the process before, and the last number (field 11) of network management.
    pub fn new(limits: Limits, left: Vec<Reversal>, trace: u32) -> Self {
        let queued = |reversal: Reversal| {
            let queued = Queued {
                next_ms: 0,
                was_sent: true,
                reversal,
            };
            (queued.reversal.numbers(), queued)
        };
        Self {
            limits,
            line: Line::Down,
            probe: None,
            under_way: BTreeMap::new(),
            reversals: left.into_iter().map(queued).collect(),
            next: 0,
            trace: trace % TRACES,
            heard_ms: 0,
            sent_ms: 0,
            unmatched: 0,
        }
    }

    pub fn is_signed_on(&self) -> bool {
        self.line == Line::SignedOn
    }

    /// Reversals without an answer.
    pub fn reversals(&self) -> usize {
        self.reversals.len()
    }

    /// Answers that nobody waited for, late ones among them.
    pub fn unmatched(&self) -> u64 {
        self.unmatched
    }

    /// Something came that cannot be read, or whose authentication code is wrong.
    pub fn unreadable(&mut self) {
        self.unmatched += 1;
    }

    pub fn connected(&mut self, now_ms: u64) -> Vec<Effect> {
        self.line = Line::Connected;
        self.heard_ms = now_ms;
        vec![self.ask(1, now_ms)]
    }

    pub fn disconnected(&mut self) {
        self.line = Line::Down;
        self.probe = None;
    }

    /// Takes a request on, and says which reversal is to be stored before it is sent. Network management gets its fields 7 and 11 here.
    ///
    /// # Errors
    /// It cannot be sent now, or never.
    pub fn take(&mut self, mut message: Message, now_ms: u64) -> Result<(RequestId, Option<Reversal>), Unanswered> {
        if message.message_type().is_response() {
            return Err(Unanswered::NotARequest);
        }
        if !self.is_signed_on() {
            return Err(Unanswered::NotSignedOn);
        }
        let outstanding = self.under_way.len() + self.reversals.len();
        if self.under_way.len() >= self.limits.requests_max || outstanding >= self.limits.outstanding_max {
            return Err(Unanswered::Busy);
        }
        if message.message_type().is_network() {
            self.number(&mut message, now_ms);
        }
        if let Some(missing) = [7, 11].into_iter().find(|field| !message.has(*field)) {
            return Err(Unanswered::Missing(missing));
        }
        let numbers = message.matching_key();
        if self.is_in_use(&numbers) {
            return Err(Unanswered::NumbersInUse);
        }
        let id = RequestId(self.next);
        self.next += 1;
        let reversal = Reversal::of(&message);
        let under_way = UnderWay {
            id,
            message,
            reversal: reversal.clone(),
            due_ms: None,
        };
        self.under_way.insert(numbers, under_way);
        Ok((id, reversal))
    }

    /// Sends what was taken on.
    pub fn send(&mut self, id: RequestId, now_ms: u64) -> Vec<Effect> {
        let Some((numbers, under_way)) = self.under_way.iter_mut().find(|(_, under_way)| under_way.id == id) else {
            return Vec::new();
        };
        if self.line != Line::SignedOn {
            let numbers = numbers.clone();
            self.under_way.remove(&numbers);
            return vec![Effect::Ended(id, Err(Unanswered::NotSignedOn))];
        }
        under_way.due_ms = Some(now_ms + self.limits.answer_within_ms);
        self.sent_ms = now_ms;
        vec![Effect::Send(under_way.message.clone())]
    }

    /// Forgets what was taken on and not sent.
    pub fn abandon(&mut self, id: RequestId) {
        self.under_way
            .retain(|_, under_way| under_way.id != id || under_way.due_ms.is_some());
    }

    /// Undoes a request that was answered.
    pub fn reverse(&mut self, reversal: Reversal, now_ms: u64) -> Vec<Effect> {
        let queued = Queued {
            reversal,
            next_ms: now_ms,
            was_sent: false,
        };
        self.reversals.entry(queued.reversal.numbers()).or_insert(queued);
        self.tick(now_ms)
    }

    pub fn heard(&mut self, message: Message, now_ms: u64) -> Vec<Effect> {
        self.heard_ms = now_ms;
        if !message.message_type().is_response() {
            return self.asked(&message);
        }
        let numbers = message.matching_key();
        let is_network = message.message_type().is_network();
        if is_network && self.probe.as_ref().is_some_and(|probe| probe.numbers == numbers) {
            return self.probed(&message, now_ms);
        }
        let answers = |asked: &Message| asked.message_type().response() == message.message_type();
        let is_awaited = |under_way: &UnderWay| under_way.due_ms.is_some() && answers(&under_way.message);
        if self.under_way.get(&numbers).is_some_and(is_awaited) {
            let under_way = self.under_way.remove(&numbers).expect("found");
            let undo = under_way.reversal.filter(|_| is_passing(&message));
            let mut effects = vec![Effect::Ended(under_way.id, Ok(message))];
            effects.extend(undo.into_iter().flat_map(|reversal| self.reverse(reversal, now_ms)));
            return effects;
        }
        match self.reversals.get(&numbers) {
            Some(queued) if answers(&queued.reversal.message) => self.undone(&numbers, &message),
            _ => {
                self.unmatched += 1;
                Vec::new()
            }
        }
    }

    fn undone(&mut self, numbers: &MatchingKey, answer: &Message) -> Vec<Effect> {
        if is_passing(answer) {
            return Vec::new();
        }
        let code = answer.text(39).unwrap_or_default().to_owned();
        let Some(queued) = self.reversals.remove(numbers) else {
            return Vec::new();
        };
        let key = queued.reversal.key().to_owned();
        vec![Effect::Reversed { key, code }]
    }

    fn probed(&mut self, answer: &Message, now_ms: u64) -> Vec<Effect> {
        let Some(probe) = self.probe.take() else {
            return Vec::new();
        };
        if !probe.signs_on {
            return Vec::new();
        }
        if answer.text(39) != Some("00") {
            return vec![Effect::Close];
        }
        self.line = Line::SignedOn;
        for queued in self.reversals.values_mut() {
            queued.next_ms = now_ms;
        }
        let repeats = self.under_way.values().filter(|under_way| under_way.due_ms.is_some());
        let repeats = repeats.map(|under_way| Effect::Send(repeated(&under_way.message)));
        let mut effects: Vec<Effect> = [Effect::SignedOn].into_iter().chain(repeats).collect();
        effects.extend(self.tick(now_ms));
        effects
    }

    /// The host asks: its echo is answered, and all else declined.
    fn asked(&mut self, message: &Message) -> Vec<Effect> {
        if !message.message_type().is_network() {
            self.unmatched += 1;
            return Vec::new();
        }
        let is_echo = matches!(message.network_management(), Ok(Some(301)));
        let mut answer = Message::new(message.message_type().response());
        answer.copy_from(message, &[7, 11, 70]).expect("a part fits");
        answer.set(39, if is_echo { b"00" } else { b"12" }).expect("short");
        vec![Effect::Send(answer)]
    }

    /// What is due by now.
    pub fn tick(&mut self, now_ms: u64) -> Vec<Effect> {
        let mut effects = self.time_out(now_ms);
        if self.line == Line::Down {
            return effects;
        }
        if self.probe.as_ref().is_some_and(|probe| probe.due_ms <= now_ms) {
            effects.push(Effect::Close);
            return effects;
        }
        if self.line != Line::SignedOn {
            return effects;
        }
        let due = self.reversals.values_mut().filter(|queued| queued.next_ms <= now_ms);
        for queued in due.take(self.limits.requests_max) {
            let message = &queued.reversal.message;
            effects.push(Effect::Send(if queued.was_sent {
                repeated(message)
            } else {
                message.clone()
            }));
            queued.was_sent = true;
            queued.next_ms = now_ms + self.limits.repeat_after_ms;
            self.sent_ms = now_ms;
        }
        if self.probe.is_none() && self.heard_ms + self.limits.echo_after_ms <= now_ms {
            effects.push(self.ask(301, now_ms));
        }
        if self.sent_ms + self.limits.keep_alive_after_ms <= now_ms {
            self.sent_ms = now_ms;
            effects.push(Effect::KeepAlive);
        }
        effects
    }

    fn time_out(&mut self, now_ms: u64) -> Vec<Effect> {
        let is_late = |under_way: &UnderWay| under_way.due_ms.is_some_and(|due_ms| due_ms <= now_ms);
        let late = self.under_way.iter().filter(|(_, under_way)| is_late(under_way));
        let late: Vec<MatchingKey> = late.map(|(numbers, _)| numbers.clone()).collect();
        let mut effects = Vec::new();
        for numbers in late {
            let Some(under_way) = self.under_way.remove(&numbers) else {
                continue;
            };
            let reversed = under_way.reversal.is_some();
            if let Some(reversal) = under_way.reversal {
                let queued = Queued {
                    reversal,
                    next_ms: now_ms,
                    was_sent: false,
                };
                self.reversals.insert(numbers, queued);
            }
            effects.push(Effect::Ended(under_way.id, Err(Unanswered::TimedOut { reversed })));
        }
        effects
    }

    /// When [`Self::tick`] is due next.
    pub fn due_ms(&self) -> Option<u64> {
        let requests = self.under_way.values().filter_map(|under_way| under_way.due_ms).min();
        let probe = self.probe.as_ref().map(|probe| probe.due_ms);
        let signed_on = self.is_signed_on().then(|| {
            let reversal = self.reversals.values().map(|queued| queued.next_ms).min();
            let echo = probe.is_none().then_some(self.heard_ms + self.limits.echo_after_ms);
            let alive = self.sent_ms + self.limits.keep_alive_after_ms;
            [reversal, echo].into_iter().flatten().fold(alive, u64::min)
        });
        [requests, probe, signed_on].into_iter().flatten().min()
    }

    fn ask(&mut self, code: u16, now_ms: u64) -> Effect {
        let mut message = Message::new(MessageType::NETWORK);
        message.set(70, format!("{code:03}").as_bytes()).expect("short");
        self.number(&mut message, now_ms);
        self.probe = Some(Probe {
            numbers: message.matching_key(),
            signs_on: code == 1,
            due_ms: now_ms + self.limits.answer_within_ms,
        });
        self.sent_ms = now_ms;
        Effect::Send(message)
    }

    /// Numbers that nothing outstanding has: there are a million, and less outstanding.
    fn number(&mut self, message: &mut Message, now_ms: u64) {
        message
            .set(7, transmission_time(now_ms).as_bytes())
            .expect("ten digits fit");
        loop {
            self.trace = (self.trace + 1) % TRACES;
            message
                .set(11, format!("{:06}", self.trace).as_bytes())
                .expect("six digits fit");
            if !self.is_in_use(&message.matching_key()) {
                return;
            }
        }
    }

    fn is_in_use(&self, numbers: &MatchingKey) -> bool {
        let probes = self.probe.as_ref().is_some_and(|probe| probe.numbers == *numbers);
        probes || self.under_way.contains_key(numbers) || self.reversals.contains_key(numbers)
    }
}

/// Whether an answer does not say what became of its request, which may have been done, or be done yet.
pub(super) fn is_passing(answer: &Message) -> bool {
    answer.text(39).is_none_or(|code| PASSING.contains(&code))
}

fn repeated(message: &Message) -> Message {
    let mut repeat = message.clone();
    repeat.set_message_type(message.message_type().repeat());
    repeat
}

/// Field 7: MMDDhhmmss in UTC.
pub fn transmission_time(unix_ms: u64) -> String {
    let seconds = i64::try_from(unix_ms / 1_000).unwrap_or_default();
    let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (month, day) = (u8::from(at.month()), at.day());
    format!("{month:02}{day:02}{:02}{:02}{:02}", at.hour(), at.minute(), at.second())
}

#[cfg(test)]
mod tests;
