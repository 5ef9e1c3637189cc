//! What becomes of a message from the host.

use causeway_cards::iso8583::{MatchingKey, Message};

use super::{ClientSession, Effect, Line, UnderWay, repeated};

/// No route, no system, no issuer, a wrong code, or not signed on.
pub(super) const PASSING: [&str; 4] = ["63", "91", "92", "96"];

impl ClientSession {
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
        match answer.text(39) {
            Some("00") => {}
            Some("63") => return vec![Effect::KeyRefused, Effect::Close],
            _ => return vec![Effect::Close],
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
}

/// Whether an answer does not say what became of its request, which may have been done, or be done yet.
pub fn is_passing(answer: &Message) -> bool {
    answer.text(39).is_none_or(|code| PASSING.contains(&code))
}
