//! Orders whose money a card's issuer holds first, until it is captured or voided.

use causeway_contracts::{block::Height, money::Amount};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Change, Happened, NotNow, Order, Payment, State};

/// When a card's money is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Capture {
    /// With the payment.
    #[default]
    Automatic,
    /// The issuer holds it, until it is captured or voided.
    Manual,
}

impl Capture {
    pub fn is_automatic(&self) -> bool {
        *self == Self::Automatic
    }
}

/// Why what was held went back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VoidReason {
    /// The merchant has asked for it.
    Requested,
    /// The hold's time was over on the ledger.
    Expired,
    /// The issuer returned it by itself.
    ByIssuer,
}

impl Order {
    /// Whether what is held is just what is to be paid, and in time.
    pub fn fits(&self, held: &Payment) -> bool {
        (held.currency, held.amount) == (self.currency, self.amount) && held.time_ms < self.expires_ms
    }

    /// The money is held for it.
    pub fn authorize(&mut self, held: Payment, now_ms: u64) -> Result<(), NotNow> {
        self.changed(Change::Authorized)?;
        self.payment = Some(held);
        self.happened(Happened::Authorized, now_ms, Some(held.height), None);
        Ok(())
    }

    /// What was held is paid, by `captured`.
    pub fn capture(&mut self, captured: Payment, now_ms: u64) -> Result<(), NotNow> {
        self.changed(Change::Captured)?;
        self.payment = Some(captured);
        self.happened(Happened::Paid, now_ms, Some(captured.height), None);
        Ok(())
    }

    /// What was held went back.
    pub fn void(&mut self, reason: VoidReason, height: Height, now_ms: u64) -> Result<(), NotNow> {
        self.changed(Change::Voided)?;
        self.payment = None;
        self.happened(Happened::Voided, now_ms, Some(height), None);
        if let Some(moment) = self.timeline.last_mut() {
            moment.reason = Some(reason);
        }
        Ok(())
    }

    /// The issuer has declined to pay so much of what it holds.
    pub fn capture_failed(&mut self, amount: Amount, now_ms: u64) {
        self.happened(Happened::CaptureFailed, now_ms, None, Some(amount));
    }

    /// The issuer has declined to give back what it holds.
    pub fn void_failed(&mut self, now_ms: u64) {
        self.happened(Happened::VoidFailed, now_ms, None, None);
    }

    /// Whether it has ended, or was paid, without what cards' issuers hold for it.
    pub fn needs_no_hold(&self) -> bool {
        let was_authorized = self
            .timeline
            .iter()
            .any(|moment| moment.happened == Happened::Authorized);
        match self.state {
            State::Created | State::Authorized => false,
            State::Voided => true,
            _ => !was_authorized,
        }
    }
}
