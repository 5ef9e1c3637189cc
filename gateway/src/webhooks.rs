//! Webhooks as Standard Webhooks 1.0.0 has them: who signs what, when to try again, what an answer means, and
//! which addresses may be sent to. [`delivery`] sends; the rest is pure. <https://www.standardwebhooks.com>
//!
//! The webhook's id is constant over its attempts; timestamp and signatures are of each attempt. Order is not
//! promised.

pub mod delivery;

mod address;
mod message;
mod response;
mod retries;
mod secret;
mod verify;

pub use address::{AddressFault, check_addresses, special_range};
pub use message::{Headers, IdFault, MessageId, sign};
pub use response::{FailureKind, Outcome, outcome};
pub use retries::{ATTEMPTS_MAX, Jitter, NextStep, delay_before, next_step};
pub use secret::{SecretTextFault, SigningSecret, VerifyingSecret};
pub use verify::{Received, Refusal, TOLERANCE_SECONDS, verify};
