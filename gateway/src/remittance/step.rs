//! What is to be done next about a remittance.

use causeway_contracts::transaction::{TxId, UnixSeconds};

use super::{
    Purpose, Remittance, Wish,
    fact::{Fact, Telling},
    state::{Change, Side, Standing, State},
};

/// The ledger ends a hold in the first block after its time: only then is there something to be seen.
const AFTER_EXPIRY_MS: u64 = 2_000;

/// A quote's hold counts from the block's time, which may be so far behind this clock.
const BEHIND_SECONDS: u32 = 5;

/// A pay-out beyond the ledger has no time of its own: it is looked at again this often.
const PAY_OUT_MS: u64 = 30_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The other operator gets the order.
    Introduce,
    /// Names are looked for on lists.
    Screen,
    /// A transaction for this is signed and stored.
    Sign(Purpose),
    /// The stored transaction is brought to its end.
    Settle,
    /// The other operator says that this transaction reserves, posts, voids or sends back: its receipt is fetched.
    /// Where a ledger that is past [`LedgerTrace::pointed_ms`](super::LedgerTrace::pointed_ms) has none, that is not so.
    Confirm(Purpose, TxId),
    /// What has become of the hold is asked of the ledger.
    LookAtHold,
    /// The other operator gets [`Remittance::telling`]. If it refuses for good, that is told too: it knows better.
    Tell,
    /// This change follows from what is known.
    Take(Change),
    /// Nothing until then, in milliseconds since 1970, unless something happens.
    Wait(u64),
    /// Nothing ever.
    Done,
}

impl Remittance {
    /// `accepts`: whether, on the beneficiary's side, what nobody has decided is accepted.
    pub fn next(&self, now_ms: u64, accepts: bool) -> Step {
        let step = match self.due(now_ms, accepts) {
            // What is only waited for, and what needs nobody, is not put off.
            step @ (Step::Wait(_) | Step::Done | Step::Take(_)) => step,
            _ if now_ms < self.not_before_ms => Step::Wait(self.not_before_ms),
            step => step,
        };
        // Told only meanwhile: an operator that does not answer must not keep the other from what is its own to do.
        let until_ms = match step {
            Step::Wait(until_ms) => until_ms,
            Step::Done => u64::MAX,
            step => return step,
        };
        let is_idle = |telling: Telling| telling.fact == Fact::Withdrawn && now_ms >= self.over_ms();
        // From then on the other operator does not wait any more either.
        if self.telling().is_none_or(is_idle) {
            step
        } else if now_ms >= self.tell_not_before_ms {
            Step::Tell
        } else {
            Step::Wait(until_ms.min(self.tell_not_before_ms))
        }
    }

    fn due(&self, now_ms: u64, accepts: bool) -> Step {
        if self.intent.is_some() {
            return Step::Settle;
        }
        match self.state() {
            state if state.is_end() => Step::Done,
            State::PayingOut => self.pay_out(now_ms),
            _ if self.standing.is_reserved() => self.reserved(now_ms, accepts),
            _ => self.unreserved(now_ms),
        }
    }

    fn unreserved(&self, now_ms: u64) -> Step {
        let until_ms = self.order.reserve_until.0.saturating_mul(1000);
        if self.side == Side::Beneficiary {
            // The sender's side may have died between reserving and telling: then the hold ends by itself.
            let held_ms = self.over_ms();
            return match self.ledger.reservation {
                Some(transaction) => Step::Confirm(Purpose::Reserve, transaction),
                None if now_ms >= held_ms => Step::Take(Change::Expired),
                None => Step::Wait(held_ms),
            };
        }
        if matches!(self.wish, Some(Wish::Recall(_))) {
            return Step::Take(Change::Cancelled);
        }
        if now_ms >= until_ms {
            return Step::Take(Change::Expired);
        }
        if self.standing == Standing::held(Side::Sender) {
            return Step::Wait(until_ms);
        }
        if !self.is_screened {
            Step::Screen
        } else if !self.introduced {
            Step::Introduce
        } else {
            Step::Sign(Purpose::Reserve)
        }
    }

    fn reserved(&self, now_ms: u64, accepts: bool) -> Step {
        let posting = self.ledger.posting.map(|id| Step::Confirm(Purpose::Post, id));
        let voiding = self.ledger.voiding.map(|id| Step::Confirm(Purpose::Void, id));
        let pointed = posting.or(voiding);
        // Who points to a transaction that there is not gains no time by it: a void and the hold's end go before.
        if let Some(step) = &pointed
            && self.failures == 0
        {
            return step.clone();
        }
        let ends_ms = self.ledger.hold_expires_at.map_or(0, |at| at.0.saturating_mul(1000));
        let look_ms = ends_ms.saturating_add(AFTER_EXPIRY_MS);
        if self.ledger.look || now_ms >= look_ms {
            return Step::LookAtHold;
        }
        let is_unwanted = matches!(
            (&self.wish, self.side),
            (Some(Wish::Recall(_)), Side::Sender) | (Some(Wish::Refuse(_)), Side::Beneficiary)
        );
        if is_unwanted && now_ms < ends_ms {
            return Step::Sign(Purpose::Void);
        }
        if let Some(step) = pointed {
            return step;
        }
        if now_ms >= ends_ms || self.side == Side::Sender || self.state() != State::Reserved {
            return Step::Wait(look_ms);
        }
        if !self.is_screened {
            Step::Screen
        } else if accepts || self.wish == Some(Wish::Accept) {
            Step::Sign(Purpose::Post)
        } else {
            Step::Wait(look_ms)
        }
    }

    fn pay_out(&self, now_ms: u64) -> Step {
        match self.side {
            Side::Sender => match self.ledger.returning {
                Some(transaction) => Step::Confirm(Purpose::Return, transaction),
                None if let Some(posting) = self.ledger.posting
                    && !self.ledger.posting_seen =>
                {
                    Step::Confirm(Purpose::Post, posting)
                }
                None if self.ledger.posting_pays => Step::Take(Change::PaidOut),
                None => Step::Wait(now_ms.saturating_add(PAY_OUT_MS)),
            },
            Side::Beneficiary if self.is_direct => Step::Take(Change::PaidOut),
            Side::Beneficiary => match &self.wish {
                Some(Wish::Return(_)) => Step::Sign(Purpose::Return),
                _ => Step::Wait(now_ms.saturating_add(PAY_OUT_MS)),
            },
        }
    }

    /// When the hold ends, if it is signed now: early enough for a maker whose longest time the order's is.
    pub fn hold_until(&self, now_ms: u64) -> UnixSeconds {
        let seconds = self.order.hold_seconds.saturating_sub(BEHIND_SECONDS);
        UnixSeconds((now_ms / 1000).saturating_add(u64::from(seconds)))
    }
}
