//! Whether a card's payment is permitted, up to the ledger: who asks, with what proof, within which limits. The rules, and
//! their order, are [`crate::acquiring::issuer`]'s.
//!
//! What must not be forgotten is on the disk before the outcome is told: a counter and a PIN's try before the PIN is
//! looked at, what of the day's limit is used before the payment is permitted. What was wrong of a card is counted with
//! the decision. A message that was permitted is permitted
//! again if it comes again, and uses nothing more.

mod proofs;
mod taken;

use std::sync::Arc;

use causeway_cards::pan::Pan;
use causeway_contracts::identity::{AccountId, Address};
use zeroize::Zeroizing;

pub use self::taken::count_wrong_value;
use self::{
    proofs::Proofs,
    taken::{Booked, book, take},
};
use super::{
    context::Gateway,
    records::{
        accounts,
        cards::{
            self, devices,
            payments::{self, Payment},
        },
    },
};
use crate::{
    acquiring::{
        host::{Operation, Outcome, Request},
        hsm::HsmError,
        issuer::{Holder, Presented},
        link_key::{LinkKey, ModuleKey},
        pin_keys::PinKeys,
    },
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

/// Why a payment is not permitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declined {
    /// What the acquirer is told.
    pub outcome: Outcome,
    /// The card of which a value was wrong: whoever stores the outcome calls [`count_wrong_value`] with it.
    pub wrong_value_of: Option<String>,
}

impl From<Outcome> for Declined {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            wrong_value_of: None,
        }
    }
}

/// Why something is not permitted.
enum Refusal {
    Outcome(Outcome),
    /// A cryptogram or card value of this card was looked at and was wrong.
    WrongValue {
        outcome: Outcome,
        card: String,
    },
    Store(StoreError),
    Keys(HsmError),
}

impl From<Outcome> for Refusal {
    fn from(outcome: Outcome) -> Self {
        Self::Outcome(outcome)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<HsmError> for Refusal {
    fn from(error: HsmError) -> Self {
        Self::Keys(error)
    }
}

impl From<Refusal> for Declined {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Outcome(outcome) => outcome.into(),
            Refusal::WrongValue { outcome, card } => Self {
                outcome,
                wrong_value_of: Some(card),
            },
            Refusal::Store(error) if error.may_pass() => Outcome::IssuerUnavailable.into(),
            Refusal::Store(error) => {
                tracing::error!(error = error.to_string(), "a card's payment could not be checked");
                Outcome::SystemMalfunction.into()
            }
            Refusal::Keys(error) => {
                tracing::error!(error = error.to_string(), "a card's payment could not be checked");
                Outcome::IssuerUnavailable.into()
            }
        }
    }
}

/// Checks a purchase, a pre-authorisation, a refund or a balance inquiry, and writes what must not be forgotten (the
/// counter, the PIN's try, what of the day's limit is used) before it returns. Other operations name their original, and
/// are refused 12 here. `id` is the authorisation's: asked again with it, nothing is used twice. A message with equal
/// numbers from another link has another.
///
/// # Errors
/// The outcome that the acquirer is told. A wrong cryptogram or card value is not counted yet.
pub async fn permit(
    gateway: &Gateway,
    pin_keys: &Arc<PinKeys>,
    id: &str,
    request: &Request,
    now_ms: u64,
) -> Result<Permit, Declined> {
    Ok(checked(gateway, pin_keys, id, request, now_ms).await?)
}

/// The key of a link under which PINs come, or else that of the issuer for all.
pub(super) fn pin_keys(gateway: &Gateway, own: Option<&LinkKey>) -> Result<PinKeys, HsmError> {
    if let Some(own) = own {
        return own.generations().map(PinKeys::new);
    }
    let key = gateway.hsm.as_ref().zip(gateway.config.issuing.as_ref());
    let key = key.map(|(hsm, issuing)| ModuleKey::new(Arc::clone(hsm), issuing.keys.pin.clone()));
    Ok(PinKeys::new(key.into_iter().collect()))
}

/// What a number stands for, as it was found.
struct Found {
    holder: Holder,
    address: String,
    before: Option<Payment>,
}

async fn checked(
    gateway: &Gateway,
    pin_keys: &Arc<PinKeys>,
    id: &str,
    request: &Request,
    now_ms: u64,
) -> Result<Permit, Refusal> {
    let issuing = gateway.config.issuing.as_ref().ok_or(Outcome::NoSuchIssuer)?;
    let hsm = gateway.hsm.clone().ok_or(Outcome::IssuerUnavailable)?;
    let operation = request.operation;
    if !is_checked(operation) {
        return Err(Outcome::InvalidTransaction.into());
    }
    let presented = Presented::read(operation, &request.message)?;
    let digits = digits(&presented.pan);
    if !digits.starts_with(&issuing.bin) && !digits.starts_with(&issuing.token_bin) {
        return Err(Outcome::NoSuchIssuer.into());
    }
    let found = find(gateway, &presented, id).await?;
    let is_again = found.before.as_ref().is_some_and(|before| !before.released);
    if let Some(before) = &found.before {
        check_again(before, &found.holder, &presented)?;
    } else {
        found.holder.check(&presented, now_ms)?;
    }
    let proofs = Proofs {
        hsm,
        names: issuing.keys.clone(),
        pin_keys: Arc::clone(pin_keys),
        holder: found.holder.clone(),
        digits,
    };
    let (proofs, presented, chip_answer) = blocking(move || {
        let answer = proofs.check(&presented)?;
        Ok((proofs, presented, answer))
    })
    .await?;
    let mut taken = false;
    if let Some(block) = presented.pin_block.filter(|_| !is_again) {
        take(gateway, &found.holder, &presented, now_ms).await?;
        taken = true;
        blocking(move || proofs.check_pin(block)).await?;
    }
    if !is_again {
        let booked = Booked {
            message: id.to_owned(),
            is_payment: matches!(operation, Operation::Purchase | Operation::PreAuthorization),
            has_taken: taken,
            verified_from: issuing.verified_from.of(presented.currency),
        };
        book(gateway, &found.holder, presented, booked, now_ms).await?;
    }
    let address: Address = found.address.parse().map_err(|_| Outcome::SystemMalfunction)?;
    Ok(Permit {
        card: found.holder.card.id,
        account: address.account,
        chip_answer,
    })
}

fn is_checked(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Purchase | Operation::PreAuthorization | Operation::Refund | Operation::BalanceInquiry
    )
}

/// All digits, as text.
fn digits(pan: &Pan) -> Zeroizing<String> {
    Zeroizing::new(pan.digits().iter().map(|digit| char::from(*digit)).collect())
}

async fn find(gateway: &Gateway, presented: &Presented, id: &str) -> Result<Found, Refusal> {
    let (hash, message) = (gateway.keys.number_hash(presented.pan.digits()), id.to_owned());
    let found = gateway.store.read::<_, StoreError, _>(move |sql| {
        let device = devices::by_number(sql, &hash)?;
        let card = match &device {
            Some(stored) => cards::any(sql, &stored.device.card)?,
            None => cards::by_number(sql, &hash)?,
        };
        let Some(card) = card else { return Ok(None) };
        let account = accounts::any_account(sql, &card.card.account)?;
        Ok(Some(Found {
            holder: Holder {
                card: card.card,
                device: device.map(|stored| stored.device),
            },
            address: account.ok_or(StoreError::Changed)?.address,
            before: payments::find(sql, &message)?,
        }))
    });
    Ok(found.await?.ok_or(Outcome::InvalidCard)?)
}

/// A message that was permitted before asks for the same. One whose payment was released does nothing any more.
fn check_again(before: &Payment, holder: &Holder, presented: &Presented) -> Result<(), Outcome> {
    let counter = presented.chip.as_ref().map_or(0, |chip| chip.counter);
    if (&before.card, before.amount, before.counter) != (&holder.card.id, presented.amount, counter) {
        return Err(Outcome::DuplicateTransmission);
    }
    if before.released {
        return Err(Outcome::InvalidTransaction);
    }
    Ok(())
}

/// On a thread that may wait for a security module.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refusal> + Send + 'static) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Outcome::SystemMalfunction.into()))
}
