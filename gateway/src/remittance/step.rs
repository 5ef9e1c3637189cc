//! What is to be done next about a remittance, and what follows from what came of it.

use causeway_contracts::{
    block::Height,
    settlement::Ending,
    transaction::{TxId, UnixSeconds},
};

use super::{
    Cause, NotNow, Purpose, Remittance, Wish,
    fact::{Fact, Reason},
    state::{Change, Side, Standing, State},
};

/// The ledger ends a hold in the first block after its time: only then is there something to be seen.
const AFTER_EXPIRY_MS: u64 = 2_000;

/// The other operator is asked again what became of a pay-out this often.
const ASK_AGAIN_MS: u64 = 30_000;

/// Attempts are ever further apart, up to this.
const RETRY_MS_MAX: u64 = 30_000;

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
    /// The other operator says that this transaction posts, voids or sends back: its receipt is fetched.
    Confirm(Purpose, TxId),
    /// What has become of the hold is asked of the ledger.
    LookAtHold,
    /// The other operator gets the first of [`Remittance::untold`].
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
        let step = self.due(now_ms, accepts);
        // What is only waited for, and what needs nobody, is not put off.
        match step {
            Step::Wait(_) | Step::Done | Step::Take(_) => step,
            _ if now_ms < self.not_before_ms => Step::Wait(self.not_before_ms),
            step => step,
        }
    }

    fn due(&self, now_ms: u64, accepts: bool) -> Step {
        if self.intent.is_some() {
            return Step::Settle;
        }
        if !self.untold.is_empty() && (self.introduced || self.side == Side::Beneficiary) {
            return Step::Tell;
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
            return match self.ledger.reservation {
                Some(transaction) => Step::Confirm(Purpose::Reserve, transaction),
                // The sender's side may have died between reserving and telling: then the hold ends by itself.
                None if now_ms >= until_ms.saturating_add(u64::from(self.hold_seconds) * 1000) => {
                    Step::Take(Change::Expired)
                }
                None => Step::Wait(until_ms.saturating_add(u64::from(self.hold_seconds) * 1000)),
            };
        }
        if now_ms >= until_ms {
            return Step::Take(Change::Expired);
        }
        if matches!(self.wish, Some(Wish::Recall(_))) {
            return Step::Take(Change::Cancelled);
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
        if let Some(transaction) = self.ledger.posting {
            return Step::Confirm(Purpose::Post, transaction);
        }
        if let Some(transaction) = self.ledger.voiding {
            return Step::Confirm(Purpose::Void, transaction);
        }
        if self.ledger.look {
            return Step::LookAtHold;
        }
        let ends_ms = self.ledger.hold_expires_at.map_or(0, |at| at.0.saturating_mul(1000));
        if now_ms >= ends_ms {
            let look_ms = ends_ms.saturating_add(AFTER_EXPIRY_MS);
            return if now_ms >= look_ms {
                Step::LookAtHold
            } else {
                Step::Wait(look_ms)
            };
        }
        match (&self.wish, self.side) {
            (Some(Wish::Recall(_)), Side::Sender) | (Some(Wish::Refuse(_)), Side::Beneficiary) => {
                Step::Sign(Purpose::Void)
            }
            (_, Side::Sender) => Step::Wait(ends_ms.saturating_add(AFTER_EXPIRY_MS)),
            (_, Side::Beneficiary) if self.state() != State::Reserved => {
                Step::Wait(ends_ms.saturating_add(AFTER_EXPIRY_MS))
            }
            (_, Side::Beneficiary) if !self.is_screened => Step::Screen,
            (Some(Wish::Accept), Side::Beneficiary) => Step::Sign(Purpose::Post),
            (_, Side::Beneficiary) if accepts => Step::Sign(Purpose::Post),
            (_, Side::Beneficiary) => Step::Wait(ends_ms.saturating_add(AFTER_EXPIRY_MS)),
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
                None => Step::Wait(now_ms.saturating_add(ASK_AGAIN_MS)),
            },
            Side::Beneficiary if self.is_direct => Step::Take(Change::PaidOut),
            Side::Beneficiary => match &self.wish {
                Some(Wish::Return(_)) => Step::Sign(Purpose::Return),
                _ => Step::Wait(now_ms.saturating_add(ASK_AGAIN_MS)),
            },
        }
    }

    /// An attempt at the present step has failed and may go better later.
    pub fn failed(&mut self, now_ms: u64) {
        self.failures = self.failures.saturating_add(1);
        let delay = 250_u64 << self.failures.min(7);
        self.not_before_ms = now_ms.saturating_add(delay.min(RETRY_MS_MAX));
    }

    /// The change that [`Step::Take`] names.
    pub fn take(&mut self, change: Change, now_ms: u64) -> Result<(), NotNow> {
        let us = self.us();
        let wish = self.wish.clone();
        self.apply(change, now_ms, Cause::by(us))?;
        match (self.side, change) {
            (Side::Sender, Change::Cancelled | Change::Expired | Change::Failed) => {
                if let Some(Wish::Recall(reason)) = wish {
                    self.reason = Some(reason);
                }
                if self.introduced {
                    self.untold.push(Fact::Withdrawn);
                }
            }
            (Side::Beneficiary, Change::PaidOut) if !self.is_direct => self.untold.push(Fact::PaidOut),
            _ => {}
        }
        Ok(())
    }

    /// Its own transaction is in a final block, and has done what it was for.
    pub fn settled(&mut self, purpose: Purpose, height: Height, now_ms: u64) -> Result<(), NotNow> {
        let Some(intent) = self.intent.take() else {
            return Err(NotNow { state: self.state() });
        };
        let transaction = intent.id;
        let wish = self.wish.clone();
        match purpose {
            Purpose::Reserve => {
                self.ledger.reservation = Some(transaction);
                self.untold.push(Fact::Reserved { transaction });
            }
            Purpose::Post => {
                self.ledger.posting = Some(transaction);
                self.untold.push(Fact::Posted {
                    transaction,
                    paid_out: self.is_direct,
                });
            }
            Purpose::Void => {
                self.ledger.voiding = Some(transaction);
                let reason = match wish {
                    Some(Wish::Recall(reason) | Wish::Refuse(reason)) => reason,
                    _ => Reason::of("NARR", "voided"),
                };
                self.reason = Some(reason.clone());
                self.untold.push(Fact::Voided { transaction, reason });
            }
            Purpose::Return => {
                self.ledger.returning = Some(transaction);
                let reason = match wish {
                    Some(Wish::Return(reason)) => reason,
                    _ => Reason::of("NARR", "returned"),
                };
                self.reason = Some(reason.clone());
                self.untold.push(Fact::Returned { transaction, reason });
            }
        }
        self.confirmed(purpose, self.side, height, transaction, now_ms)
    }

    /// A final block has a transaction, of this side's or the other's, that did this.
    pub fn confirmed(
        &mut self,
        purpose: Purpose,
        by: Side,
        height: Height,
        transaction: TxId,
        now_ms: u64,
    ) -> Result<(), NotNow> {
        if purpose == Purpose::Post {
            self.ledger.posting_seen = true;
            // That it was posted, the ledger may have said before.
            if self.state() == State::PayingOut {
                self.touched();
                return Ok(());
            }
        }
        let change = match (purpose, by) {
            (Purpose::Reserve, _) => Change::Reserved,
            (Purpose::Post, _) => Change::Posted,
            (Purpose::Void, Side::Sender) => Change::Cancelled,
            (Purpose::Void, Side::Beneficiary) => Change::Refused,
            (Purpose::Return, _) => Change::Returned,
        };
        self.apply(change, now_ms, Cause::ledger(height, Some(transaction)))
    }

    /// What the other operator has pointed to is not what it said.
    pub fn not_so(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Reserve => self.ledger.reservation = None,
            Purpose::Post => self.ledger.posting = None,
            Purpose::Void => self.ledger.voiding = None,
            Purpose::Return => self.ledger.returning = None,
        }
    }

    /// Its own transaction was refused by the ledger, or can have no effect any more.
    pub fn unsettled(&mut self) {
        let intent = self.intent.take();
        // The hold that it was for may have ended already.
        self.ledger.look = intent.is_some_and(|intent| matches!(intent.purpose, Purpose::Post | Purpose::Void));
    }

    /// The hold is as it was thought to be.
    pub fn hold_is_open(&mut self) {
        self.ledger.look = false;
    }

    /// The ledger says how the hold has ended, and nobody has said by which transaction.
    pub fn hold_ended(&mut self, how: Ending, height: Height, now_ms: u64) -> Result<(), NotNow> {
        let change = match how {
            Ending::Posted => Change::Posted,
            // The sender's own void is known to its side, and likewise the other's.
            Ending::Voided if self.side == Side::Sender => Change::Refused,
            Ending::Voided => Change::Cancelled,
            _ => Change::Expired,
        };
        self.ledger.look = false;
        self.apply(change, now_ms, Cause::ledger(height, None))
    }

    /// When the hold ends, if it is made now.
    pub fn hold_until(&self, now_ms: u64) -> UnixSeconds {
        // The quote counts from the block, which may be some seconds behind this clock.
        UnixSeconds(now_ms / 1000 + u64::from(self.hold_seconds))
    }
}
