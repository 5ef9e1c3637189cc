//! What becomes of time.

use causeway_cards::iso8583::MatchingKey;

use super::{ClientSession, Effect, Line, Queued, Unanswered, UnderWay, repeated};

impl ClientSession {
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
}
