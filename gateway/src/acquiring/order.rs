//! One order of a merchant: what is to be paid, who has paid it, and what went back.
//!
//! Whoever pays names the order, and the ledger takes any payment; so what comes too late, twice, or in another amount is
//! a [`Stray`], which is sent back whole. Of the one payment that counts, refunds send back at most all. Here is no clock,
//! ledger or database: the caller says what is final, and when.

mod capture;
pub mod state;

use causeway_contracts::{
    block::Height,
    identity::AccountId,
    money::{Amount, Currency},
    transaction::TxId,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::{
    capture::{Capture, VoidReason},
    state::{Change, State},
};
use crate::money::Money;

/// Of one order, each with an intent of its own.
pub const REFUNDS_MAX: usize = 100;

/// So many strays of an order are sent back by themselves; later ones only when an officer says so.
pub const STRAYS_RETURNED_MAX: u32 = 20;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub id: String,
    /// Whose merchant it is.
    pub client: String,
    pub merchant: String,
    pub store: Option<String>,
    pub terminal: Option<String>,
    /// By which the merchant calls it.
    pub reference: Option<String>,
    pub description: Option<String>,
    /// Where it is paid to: the acquirer's collecting account, or the merchant's own.
    pub pay_to: AccountId,
    pub currency: Currency,
    /// Of the currency, digits after the point.
    pub exponent: u8,
    pub amount: Amount,
    pub created_ms: u64,
    /// A payment counts in blocks before this time.
    pub expires_ms: u64,
    #[serde(default, skip_serializing_if = "Capture::is_automatic")]
    pub capture: Capture,
    pub state: State,
    /// One more with each change.
    pub version: u64,
    /// The one that counts; while it is authorized, what is held.
    pub payment: Option<Payment>,
    /// Of the payment, what is on its way back.
    pub refunding: Amount,
    /// Of the payment, what went back.
    pub refunded: Amount,
    /// Of the payment, what open disputes ask for: nothing else sends it back.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub disputed: Amount,
    /// Payments that did not count.
    pub strays: u32,
    pub timeline: Vec<Moment>,
}

fn is_nothing(amount: &Amount) -> bool {
    amount.is_zero()
}

/// What a new order is made of.
#[derive(Debug, Clone)]
pub struct Beginning {
    pub id: String,
    pub client: String,
    pub merchant: String,
    pub store: Option<String>,
    pub terminal: Option<String>,
    pub reference: Option<String>,
    pub description: Option<String>,
    pub pay_to: AccountId,
    pub currency: Currency,
    pub exponent: u8,
    pub amount: Amount,
    pub now_ms: u64,
    pub expires_ms: u64,
    pub capture: Capture,
}

/// Money on the ledger that was sent for an order, or is held for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payment {
    pub payer: AccountId,
    pub currency: Currency,
    pub amount: Amount,
    pub transaction: TxId,
    pub height: Height,
    /// The receipt's place in its block.
    pub index: u32,
    /// Which of the account's entries by this receipt it is.
    pub part: u16,
    /// The block's.
    pub time_ms: u64,
}

impl Payment {
    /// Whether both are of the same entry of the account that is paid.
    pub fn is_same_entry(&self, other: &Self) -> bool {
        let place = |it: &Self| (it.height, it.index, it.part);
        place(self) == place(other)
    }
}

/// What has happened to an order, as its events are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    Created,
    Authorized,
    Paid,
    Cancelled,
    Expired,
    Voided,
    RefundRequested,
    PartiallyRefunded,
    Refunded,
    RefundFailed,
    Reversed,
    /// Its issuer has not captured what it holds.
    CaptureFailed,
    /// Its issuer has not voided what it holds.
    VoidFailed,
    /// A payment that does not count came, and is on its way back.
    StrayReceived,
    StrayReturned,
    /// It could not be sent back.
    StrayFailed,
}

impl Happened {
    pub const ALL: [Self; 16] = [
        Self::Created,
        Self::Authorized,
        Self::Paid,
        Self::Cancelled,
        Self::Expired,
        Self::Voided,
        Self::RefundRequested,
        Self::PartiallyRefunded,
        Self::Refunded,
        Self::RefundFailed,
        Self::StrayReceived,
        Self::StrayReturned,
        Self::StrayFailed,
        Self::Reversed,
        Self::CaptureFailed,
        Self::VoidFailed,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Authorized => "authorized",
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Voided => "voided",
            Self::RefundRequested => "refund_requested",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
            Self::RefundFailed => "refund_failed",
            Self::Reversed => "reversed",
            Self::CaptureFailed => "capture_failed",
            Self::VoidFailed => "void_failed",
            Self::StrayReceived => "stray_received",
            Self::StrayReturned => "stray_returned",
            Self::StrayFailed => "stray_failed",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    pub happened: Happened,
    pub at_ms: u64,
    /// Of the block in which it became final.
    pub height: Option<Height>,
    /// Of a refund, or of a capture that failed.
    pub amount: Option<Amount>,
    /// Of what was voided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<VoidReason>,
}

/// Why a payment does not count. The first that holds, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stray {
    /// Another has paid the order.
    Duplicate,
    /// The order was cancelled, or its time was over.
    Late,
    MerchantSuspended,
    WrongCurrency,
    WrongAmount,
}

impl Stray {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::Late => "late",
            Self::MerchantSuspended => "merchant_suspended",
            Self::WrongCurrency => "wrong_currency",
            Self::WrongAmount => "wrong_amount",
        }
    }
}

/// The order is where this cannot happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the order is {state}, where this cannot be done")]
pub struct NotNow {
    pub state: State,
}

/// Why a refund is not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefundFault {
    #[error(transparent)]
    NotNow(#[from] NotNow),
    #[error("more than is left of the payment")]
    TooMuch { left: Amount },
    #[error("an order has at most {REFUNDS_MAX} refunds")]
    TooMany,
}

impl Order {
    pub fn begin(beginning: Beginning) -> Self {
        let Beginning {
            id,
            client,
            merchant,
            store,
            terminal,
            reference,
            description,
            pay_to,
            currency,
            exponent,
            amount,
            now_ms,
            expires_ms,
            capture,
        } = beginning;
        let mut order = Self {
            id,
            client,
            merchant,
            store,
            terminal,
            reference,
            description,
            pay_to,
            currency,
            exponent,
            amount,
            created_ms: now_ms,
            expires_ms,
            capture,
            state: State::Created,
            version: 0,
            payment: None,
            refunding: Amount(0),
            refunded: Amount(0),
            disputed: Amount(0),
            strays: 0,
            timeline: Vec::new(),
        };
        order.happened(Happened::Created, now_ms, None, None);
        order
    }

    fn happened(&mut self, happened: Happened, at_ms: u64, height: Option<Height>, amount: Option<Amount>) {
        self.version += 1;
        self.timeline.push(Moment {
            happened,
            at_ms,
            height,
            amount,
            reason: None,
        });
    }

    /// Something about it was written elsewhere.
    pub fn touched(&mut self) {
        self.version += 1;
    }

    fn changed(&mut self, change: Change) -> Result<(), NotNow> {
        self.state = self.state.after(change).ok_or(NotNow { state: self.state })?;
        Ok(())
    }

    /// Of the order's currency, as it is written.
    pub fn money(&self, amount: Amount) -> Money {
        Money::of(amount, self.currency, self.exponent)
    }

    /// Takes a final payment, or says why it does not count. The one that counts, told again, changes nothing.
    pub fn receive(&mut self, payment: Payment, is_suspended: bool, now_ms: u64) -> Result<(), Stray> {
        if self.payment.is_some_and(|known| known.is_same_entry(&payment)) {
            return Ok(());
        }
        match self.state {
            State::Created => {}
            State::Cancelled | State::Expired | State::Voided => return Err(Stray::Late),
            State::Authorized | State::Paid | State::PartiallyRefunded | State::Refunded | State::Reversed => {
                return Err(Stray::Duplicate);
            }
        }
        if payment.time_ms >= self.expires_ms {
            return Err(Stray::Late);
        }
        if is_suspended {
            return Err(Stray::MerchantSuspended);
        }
        if payment.currency != self.currency {
            return Err(Stray::WrongCurrency);
        }
        if payment.amount != self.amount {
            return Err(Stray::WrongAmount);
        }
        self.changed(Change::Paid).expect("it was created and nothing else");
        self.payment = Some(payment);
        self.happened(Happened::Paid, now_ms, Some(payment.height), None);
        Ok(())
    }

    /// Counts one more payment that does not count. Whether it is sent back by itself.
    pub fn stray(&mut self) -> bool {
        self.strays = self.strays.saturating_add(1);
        self.touched();
        self.strays <= STRAYS_RETURNED_MAX
    }

    pub fn cancel(&mut self, now_ms: u64) -> Result<(), NotNow> {
        self.changed(Change::Cancelled)?;
        self.happened(Happened::Cancelled, now_ms, None, None);
        Ok(())
    }

    /// All blocks before its end have been booked, and none of them pays it.
    pub fn expire(&mut self, now_ms: u64) -> Result<(), NotNow> {
        self.changed(Change::Expired)?;
        self.happened(Happened::Expired, now_ms, None, None);
        Ok(())
    }

    /// What may still be refunded.
    pub fn refundable(&self) -> Amount {
        let (State::Paid | State::PartiallyRefunded, Some(payment)) = (self.state, &self.payment) else {
            return Amount(0);
        };
        let paid = payment.amount.0;
        let back = self.refunding.0 + self.refunded.0 + self.disputed.0;
        Amount(paid.checked_sub(back).expect("no more goes back than was paid"))
    }

    /// That so much of the payment is there, and asked for by nobody else.
    fn check_left(&self, amount: Amount) -> Result<(), RefundFault> {
        if !matches!(self.state, State::Paid | State::PartiallyRefunded) {
            return Err(NotNow { state: self.state }.into());
        }
        let left = self.refundable();
        if amount > left || amount.is_zero() {
            return Err(RefundFault::TooMuch { left });
        }
        Ok(())
    }

    /// So much is asked for by a dispute.
    pub fn dispute_opened(&mut self, amount: Amount) -> Result<(), RefundFault> {
        self.check_left(amount)?;
        self.disputed.0 += amount.0;
        self.touched();
        Ok(())
    }

    /// A dispute of so much has ended.
    ///
    /// # Panics
    /// If so much was never disputed.
    pub fn dispute_ended(&mut self, amount: Amount) {
        assert!(amount <= self.disputed, "only what was disputed ends");
        self.disputed.0 -= amount.0;
        self.touched();
    }

    /// Sets so much aside to be sent back.
    pub fn request_refund(&mut self, amount: Amount, now_ms: u64) -> Result<(), RefundFault> {
        self.check_left(amount)?;
        let requested = self.timeline.iter();
        let requested = requested.filter(|moment| moment.happened == Happened::RefundRequested);
        if requested.count() >= REFUNDS_MAX {
            return Err(RefundFault::TooMany);
        }
        self.refunding.0 += amount.0;
        self.happened(Happened::RefundRequested, now_ms, None, Some(amount));
        Ok(())
    }

    /// A refund that was requested is final.
    ///
    /// # Panics
    /// If so much was never requested.
    pub fn refund_settled(&mut self, amount: Amount, height: Height, now_ms: u64) -> Result<(), NotNow> {
        assert!(amount <= self.refunding, "only what was requested is sent back");
        let paid = self.payment.map_or(0, |payment| payment.amount.0);
        let is_whole = self.refunded.0 + amount.0 == paid;
        let (change, happened) = match is_whole {
            true => (Change::RefundedWhole, Happened::Refunded),
            false => (Change::RefundedInPart, Happened::PartiallyRefunded),
        };
        // What was under way when the payment was reversed goes back all the same.
        if self.state != State::Reversed {
            self.changed(change)?;
        }
        self.refunding.0 -= amount.0;
        self.refunded.0 += amount.0;
        self.happened(happened, now_ms, Some(height), Some(amount));
        Ok(())
    }

    /// The issuer of the card that has paid took the payment back, whatever went back besides.
    pub fn reverse(&mut self, height: Height, now_ms: u64) -> Result<(), NotNow> {
        self.changed(Change::Reversed)?;
        let amount = self.payment.map(|payment| payment.amount);
        self.happened(Happened::Reversed, now_ms, Some(height), amount);
        Ok(())
    }

    /// A refund that was requested will never be made.
    ///
    /// # Panics
    /// If so much was never requested.
    pub fn refund_failed(&mut self, amount: Amount, now_ms: u64) {
        assert!(amount <= self.refunding, "only what was requested fails");
        self.refunding.0 -= amount.0;
        self.happened(Happened::RefundFailed, now_ms, None, Some(amount));
    }
}

#[cfg(test)]
pub(crate) mod tests;
