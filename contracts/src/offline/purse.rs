//! The secure element of a purse as a pure state machine.
//!
//! A command takes the [state](PurseState) and an input, and gives a [`Step`]: the next state, and what may leave the
//! device once that state is in memory for good. Or it gives a [refusal](PurseRefusal), and nothing has changed. There
//! is no clock, no random source and no memory here: nonces come in, the hour is what a beacon said.
//!
//! | file | commands |
//! | --- | --- |
//! | [`load`] | `load_request`, `accept_grant` |
//! | [`request`] | `open_request`, `cancel_request`, `answer` |
//! | [`pay`], [`choice`] | `check_request`, `pay`, `resend`; which lots are spent |
//! | [`accept`] | `accept` |
//! | [`settle`] | `receipt`, `void` |
//! | [`redeem`] | `redeem`, `redemption`, `last_redemption` |
//! | [`sync`] | `sync_upload`, `sync_answer` |
//! | [`service`] | `news`: `beacon`, `revocation_delta` |
//! | [`rebase`] | `begin_rebase`, `successor_signature`, `successor_load_request`, `finish_rebase` |
//! | [`pin`] | `try_pin`, `verify_pin`, `change_pin` |
//! | [`status`] | `status`, `standing` |
//!
//! What must hold: the lots' amounts and what is pending in the log never sum to more than was loaded and received;
//! no counter goes down; one request is paid once and credited once; a request that has a receipt has no void.

pub mod accept;
pub mod choice;
pub mod contents;
pub mod load;
pub mod pay;
pub mod pin;
pub mod rebase;
pub mod record;
pub mod redeem;
pub mod refusal;
pub mod request;
pub mod rules;
pub mod service;
pub mod settle;
pub mod state;
pub mod status;
mod stored;
pub mod sync;

pub use self::{
    refusal::PurseRefusal,
    rules::Rules,
    state::{Counters, NewPurse, PurseState},
    stored::StateError,
};

/// How many lots a purse holds, those included that a payment without outcome may bring back.
pub const PURSE_LOTS_MAX: usize = 64;
/// How many requests are open at once.
pub const REQUESTS_MAX: usize = 8;
/// How many payments and redemptions a purse remembers since its last sync.
pub const LOG_MAX: usize = super::messages::SETTLED_MAX;
/// How many payers are counted.
pub const PAYERS_MAX: usize = 64;
/// How many payers a merchant's purse counts.
pub const MERCHANT_PAYERS_MAX: usize = 4_096;
/// How many answers to requests are kept.
pub const ANSWERS_MAX: usize = 1_024;

/// What a command does.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "nothing has happened before the next state is in memory"]
pub struct Step<R> {
    /// `None` if it changes nothing.
    pub next: Option<PurseState>,
    /// What may leave the device after that.
    pub release: R,
}

impl<R> Step<R> {
    fn to(next: PurseState, release: R) -> Self {
        Self {
            next: Some(next),
            release,
        }
    }

    fn unchanged(release: R) -> Self {
        Self { next: None, release }
    }
}

#[cfg(test)]
mod tests;
