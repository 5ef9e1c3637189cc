//! What the two operators tell each other of a remittance: each its facts, one after another, by number.

use super::{
    Cause, NotNow, Remittance,
    fact::{Fact, Telling},
    outcome::retry_ms,
    state::{Change, Side, State},
};

impl Remittance {
    /// What the other operator is to be told next.
    pub fn telling(&self) -> Option<Telling> {
        let fact = self.untold.first()?;
        Some(Telling {
            number: self.told,
            fact: fact.clone(),
        })
    }

    /// The other operator has heard [`Remittance::telling`], or refused it for good.
    ///
    /// # Panics
    /// If there was nothing to tell.
    pub fn told(&mut self) {
        self.untold.remove(0);
        self.told += 1;
        self.telling_failures = 0;
        self.tell_not_before_ms = 0;
    }

    /// The other operator could not be told, and may be later.
    pub fn not_told(&mut self, now_ms: u64) {
        self.telling_failures = self.telling_failures.saturating_add(1);
        self.tell_not_before_ms = now_ms.saturating_add(retry_ms(self.telling_failures));
    }

    /// What the other operator says. What it has said before changes nothing; what is not for this side or this time is
    /// refused.
    pub fn hear(&mut self, telling: &Telling, now_ms: u64) -> Result<(), NotNow> {
        if telling.number < self.heard {
            return Ok(());
        }
        self.believe(&telling.fact, now_ms)?;
        // Lesser ones that were not heard had been refused.
        self.heard = telling.number.saturating_add(1);
        Ok(())
    }

    fn believe(&mut self, fact: &Fact, now_ms: u64) -> Result<(), NotNow> {
        let other = Cause::by(self.other());
        let not_now = NotNow { state: self.state() };
        match (self.side, fact) {
            (Side::Beneficiary, Fact::Reserved { transaction }) => {
                if self.standing.is_unreserved() {
                    self.ledger.reservation = Some(*transaction);
                    self.pointed(now_ms);
                }
                Ok(())
            }
            (Side::Beneficiary, Fact::Withdrawn) => match self.state() {
                // Once it is reserved, the ledger alone says so.
                _ if self.ledger.reservation.is_some() => Err(not_now),
                State::Cancelled | State::Expired => Ok(()),
                _ => self.apply(Change::Cancelled, now_ms, other),
            },
            (Side::Beneficiary, Fact::Answered { answers }) => {
                self.apply(Change::InfoGiven, now_ms, other)?;
                self.answers.clone_from(answers);
                Ok(())
            }
            (Side::Sender, Fact::Posted { transaction, paid_out }) => {
                let may_be = self.standing.is_reserved() || self.state() == State::PayingOut;
                if may_be && !self.ledger.posting_seen {
                    self.ledger.posting = Some(*transaction);
                    self.ledger.posting_pays |= *paid_out;
                    self.pointed(now_ms);
                }
                Ok(())
            }
            (Side::Sender, Fact::Asked { question }) => {
                self.apply(Change::InfoAsked, now_ms, other)?;
                self.question = Some(question.clone());
                Ok(())
            }
            (Side::Sender, Fact::Held) => self.apply(Change::Held(Side::Beneficiary), now_ms, other),
            (Side::Sender, Fact::Released) => self.apply(Change::Released(Side::Beneficiary), now_ms, other),
            (Side::Sender, Fact::PaidOut) => match self.state() {
                State::Completed => Ok(()),
                // The posting may not have been seen yet, and goes before.
                state if state == State::PayingOut || self.standing.is_reserved() => {
                    self.ledger.posting_pays = true;
                    self.touched();
                    Ok(())
                }
                _ => Err(not_now),
            },
            (Side::Sender, Fact::Returned { transaction, reason }) => {
                if !self.state().is_end() {
                    self.ledger.returning = Some(*transaction);
                    self.reason = Some(reason.clone());
                    self.pointed(now_ms);
                }
                Ok(())
            }
            (_, Fact::Voided { transaction, reason }) => {
                let is_voided = matches!(self.state(), State::Refunded | State::Cancelled);
                // Why, the ledger does not say.
                if !self.state().is_end() || is_voided && self.reason.is_none() {
                    self.ledger.voiding = Some(*transaction);
                    self.reason = Some(reason.clone());
                    self.pointed(now_ms);
                }
                Ok(())
            }
            (Side::Sender, Fact::Reserved { .. } | Fact::Withdrawn | Fact::Answered { .. })
            | (
                Side::Beneficiary,
                Fact::Posted { .. }
                | Fact::Asked { .. }
                | Fact::Held
                | Fact::Released
                | Fact::PaidOut
                | Fact::Returned { .. },
            ) => Err(not_now),
        }
    }

    /// The last word counts, until it is seen to be so. It does not make up for failures: who points to transactions
    /// that there are not, again and again, keeps nothing open.
    fn pointed(&mut self, now_ms: u64) {
        self.ledger.pointed_ms = now_ms;
        self.version += 1;
        self.not_before_ms = 0;
    }
}
