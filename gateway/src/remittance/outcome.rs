//! What follows from what came of a step.

use causeway_contracts::{block::Height, settlement::Ending, transaction::TxId};

use super::{
    Cause, NotNow, Purpose, Remittance, Wish,
    fact::{Fact, Reason},
    state::{Change, Side, State},
};

/// Attempts are ever further apart, up to this.
const RETRY_MS_MAX: u64 = 30_000;

/// 0.5 s after the first failure, then twice as long each time.
pub(super) fn retry_ms(failures: u32) -> u64 {
    (250_u64 << failures.min(7)).min(RETRY_MS_MAX)
}

impl Remittance {
    /// An attempt at the present step has failed and may go better later.
    pub fn failed(&mut self, now_ms: u64) {
        self.failures = self.failures.saturating_add(1);
        self.not_before_ms = now_ms.saturating_add(retry_ms(self.failures));
    }

    /// The change that [`Step::Take`](super::step::Step::Take) names.
    pub fn take(&mut self, change: Change, now_ms: u64) -> Result<(), NotNow> {
        // Who pays out says so; the sender's side only had to see the posting first.
        let by = match (self.side, change) {
            (Side::Sender, Change::PaidOut) => self.other(),
            _ => self.us(),
        };
        let wish = self.wish.clone();
        self.apply(change, now_ms, Cause::by(by))?;
        match (self.side, change) {
            (Side::Sender, Change::Cancelled) => {
                if let Some(Wish::Recall(reason)) = wish {
                    self.reason = Some(reason);
                }
            }
            // Of a direct one, the posting has said it.
            (Side::Beneficiary, Change::PaidOut) if !self.is_direct || self.ledger.posting.is_none() => {
                self.untold.push(Fact::PaidOut);
            }
            _ => {}
        }
        Ok(())
    }

    /// Its own transaction is in a final block, and has done what it was for.
    pub fn settled(&mut self, purpose: Purpose, height: Height, now_ms: u64) -> Result<(), NotNow> {
        let not_now = NotNow { state: self.state() };
        let intent = self.intent.as_ref().filter(|intent| intent.purpose == purpose);
        let transaction = intent.ok_or(not_now)?.id;
        let wish = self.wish.clone();
        self.confirmed(purpose, self.side, height, transaction, now_ms)?;
        self.intent = None;
        let fact = match purpose {
            Purpose::Reserve => {
                self.ledger.reservation = Some(transaction);
                Fact::Reserved { transaction }
            }
            Purpose::Post => {
                self.ledger.posting = Some(transaction);
                Fact::Posted {
                    transaction,
                    paid_out: self.is_direct,
                }
            }
            Purpose::Void => {
                self.ledger.voiding = Some(transaction);
                let reason = match wish {
                    Some(Wish::Recall(reason) | Wish::Refuse(reason)) => reason,
                    _ => Reason::of("NARR", "voided"),
                };
                self.reason = Some(reason.clone());
                Fact::Voided { transaction, reason }
            }
            Purpose::Return => {
                self.ledger.returning = Some(transaction);
                let reason = match wish {
                    Some(Wish::Return(reason)) => reason,
                    _ => Reason::of("NARR", "returned"),
                };
                self.reason = Some(reason.clone());
                Fact::Returned { transaction, reason }
            }
        };
        self.untold.push(fact);
        Ok(())
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
        // That it was posted, the ledger may have said before.
        if purpose == Purpose::Post && self.state() == State::PayingOut {
            self.touched();
        } else {
            let change = match (purpose, by) {
                (Purpose::Reserve, _) => Change::Reserved,
                (Purpose::Post, _) => Change::Posted,
                (Purpose::Void, Side::Sender) => Change::Cancelled,
                (Purpose::Void, Side::Beneficiary) => Change::Refused,
                (Purpose::Return, _) => Change::Returned,
            };
            self.apply(change, now_ms, Cause::ledger(height, Some(transaction)))?;
        }
        self.ledger.posting_seen |= purpose == Purpose::Post;
        Ok(())
    }

    /// What the other operator has pointed to is not what it said. That counts as a failure, with no delay.
    pub fn not_so(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Reserve => self.ledger.reservation = None,
            Purpose::Post => self.ledger.posting = None,
            Purpose::Void => {
                self.ledger.voiding = None;
                self.reason = None;
            }
            Purpose::Return => {
                self.ledger.returning = None;
                self.reason = None;
            }
        }
        self.version += 1;
        self.failures = self.failures.saturating_add(1);
        self.not_before_ms = 0;
    }

    /// Its own transaction was refused by the ledger, or can have no effect any more. Another is not signed at once.
    pub fn unsettled(&mut self, now_ms: u64) {
        let intent = self.intent.take();
        // The hold that it was for may have ended already.
        self.ledger.look = intent.is_some_and(|intent| matches!(intent.purpose, Purpose::Post | Purpose::Void));
        self.failed(now_ms);
    }

    /// The hold is still open. If it should not be, the ledger's time is behind: it is asked again later.
    pub fn hold_is_open(&mut self, now_ms: u64) {
        self.ledger.look = false;
        self.failed(now_ms);
    }

    /// The ledger says how the hold has ended, and nobody has said by which transaction. `height`: if that is known.
    pub fn hold_ended(&mut self, how: Ending, height: Option<Height>, now_ms: u64) -> Result<(), NotNow> {
        let change = match how {
            Ending::Posted => Change::Posted,
            // The sender's own void is known to its side, and likewise the other's.
            Ending::Voided if self.side == Side::Sender => Change::Refused,
            Ending::Voided => Change::Cancelled,
            _ => Change::Expired,
        };
        let cause = Cause {
            height,
            ..Cause::default()
        };
        self.apply(change, now_ms, cause)?;
        self.ledger.look = false;
        Ok(())
    }
}
