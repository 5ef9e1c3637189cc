//! Network management of the link's own, and the fields 7 and 11 by which it is told from all that is outstanding.

use causeway_cards::iso8583::{MatchingKey, Message, MessageType};
use time::OffsetDateTime;

use super::{ClientSession, Effect, Probe};

/// Field 11 has six digits.
pub(super) const TRACES: u32 = 1_000_000;

impl ClientSession {
    pub(super) fn ask(&mut self, code: u16, now_ms: u64) -> Effect {
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
    pub(super) fn number(&mut self, message: &mut Message, now_ms: u64) {
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

    pub(super) fn is_in_use(&self, numbers: &MatchingKey) -> bool {
        let probes = self.probe.as_ref().is_some_and(|probe| probe.numbers == *numbers);
        probes || self.under_way.contains_key(numbers) || self.reversals.contains_key(numbers)
    }
}

/// Field 7: MMDDhhmmss in UTC.
pub fn transmission_time(unix_ms: u64) -> String {
    let seconds = i64::try_from(unix_ms / 1_000).unwrap_or_default();
    let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (month, day) = (u8::from(at.month()), at.day());
    format!("{month:02}{day:02}{:02}{:02}{:02}", at.hour(), at.minute(), at.second())
}
