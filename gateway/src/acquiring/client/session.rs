//! A link to an issuer's host as a pure state machine: requests, answers and time in, messages out.
//!
//! | what | what becomes of it |
//! | --- | --- |
//! | connected | 0800/001; when it is answered 00, everything under way is sent again as a repeat; else the connection is given up |
//! | nothing heard for long | 0800/301; without an answer the connection is given up |
//! | nothing sent for long | a frame of length zero |
//! | a request | sent when its reversal is stored, if it needs one; ended by its answer or by time |
//! | an answer | matched by its type and fields 11 and 7; one that nobody waits for is counted and dropped |
//! | no answer in time, or a passing code | 0420, and 0421 until it is answered by other than a passing code |
//!
//! A connection that breaks ends nothing: what was under way may have reached the host, so that its answer is awaited on the next.

mod due;
mod hear;
mod number;

pub use hear::is_passing;
pub use number::transmission_time;

use std::collections::BTreeMap;

use causeway_cards::iso8583::{MatchingKey, Message, Violation};
use thiserror::Error;

use super::reversal::{Reversal, StoreError};
use number::TRACES;

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
    /// The sign-on was answered 63: it was not sealed with the host's key.
    KeyRefused,
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
}

fn repeated(message: &Message) -> Message {
    let mut repeat = message.clone();
    repeat.set_message_type(message.message_type().repeat());
    repeat
}

#[cfg(test)]
mod tests;
