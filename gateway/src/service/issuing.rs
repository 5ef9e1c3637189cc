//! Whether a card's payment is permitted, up to the ledger: who asks, with what proof, within which limits. The rules, and
//! their order, are [`crate::acquiring::issuer`]'s.
//!
//! What must not be forgotten is on the disk before the outcome is told: a counter and a PIN's try before the PIN is
//! looked at, what of the day's limit is used before the payment is permitted. A message that was permitted is permitted
//! again if it comes again, and uses nothing more.

use std::sync::Arc;

use causeway_cards::{
    crypto::{CryptoError, cryptogram::Version, cvv::CardData, derivation::CardNumber},
    emv::tlv::{Tag, Writer},
    pan::Pan,
};
use causeway_contracts::identity::{AccountId, Address};
use zeroize::Zeroizing;

use super::{
    config::KeyNames,
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
        hsm::{Answer, Cryptogram, Hsm, HsmError, PinBlock},
        issuer::{Chip, Entry, Holder, Presented},
    },
    store::{Sql, StoreError},
};

const DAY_MS: u64 = 86_400_000;

/// Issuer authentication data.
const ANSWER: Tag = Tag::of(0x91);

/// The service code over which the value of a chip's track is made.
const CHIP_SERVICE: &str = "999";
/// And of the one that is printed on it.
const PRINTED_SERVICE: &str = "000";

/// A card status update: approved (byte 2, bit 8: EMV Book 3, annex C10), and nothing of the card is changed.
const APPROVED: [u8; 4] = [0, 0x80, 0, 0];

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

/// Why something is not permitted.
enum Refusal {
    Outcome(Outcome),
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

impl Refusal {
    fn outcome(self) -> Outcome {
        match self {
            Self::Outcome(outcome) => outcome,
            Self::Store(error) if error.may_pass() => Outcome::IssuerUnavailable,
            Self::Store(error) => {
                tracing::error!(error = error.to_string(), "a card's payment could not be checked");
                Outcome::SystemMalfunction
            }
            Self::Keys(error) => {
                tracing::error!(error = error.to_string(), "a card's payment could not be checked");
                Outcome::IssuerUnavailable
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
/// The outcome that the acquirer is told.
pub async fn permit(gateway: &Gateway, id: &str, request: &Request, now_ms: u64) -> Result<Permit, Outcome> {
    let permitted = checked(gateway, id, request, now_ms).await;
    permitted.map_err(Refusal::outcome)
}

/// What a number stands for, as it was found.
struct Found {
    holder: Holder,
    address: String,
    before: Option<Payment>,
}

async fn checked(gateway: &Gateway, id: &str, request: &Request, now_ms: u64) -> Result<Permit, Refusal> {
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

/// What only keys can say.
struct Proofs {
    hsm: Arc<dyn Hsm>,
    names: KeyNames,
    holder: Holder,
    /// Of the number that was presented.
    digits: Zeroizing<String>,
}

impl Proofs {
    /// The cryptogram, and the value of a track; gives field 55 of the answer.
    fn check(&self, presented: &Presented) -> Result<Option<Vec<u8>>, Refusal> {
        let answer = match &presented.chip {
            Some(chip) => Some(self.check_cryptogram(chip)?),
            None => None,
        };
        let needs_value = match presented.entry {
            Entry::Stripe | Entry::Chip => true,
            Entry::Tap => self.holder.device.is_none(),
            Entry::Manual | Entry::Code | Entry::Return => false,
        };
        if needs_value {
            self.check_value(presented)?;
        }
        Ok(answer)
    }

    fn check_cryptogram(&self, chip: &Chip) -> Result<Vec<u8>, Refusal> {
        if Version::of_visa(&chip.transaction.issuer) != Ok(Version::Visa18) {
            return Err(Outcome::CryptogramWrong.into());
        }
        let is_device = self.holder.device.is_some();
        let master = if is_device {
            &self.names.devices
        } else {
            &self.names.cards
        };
        let sequence = format!("{:02}", self.holder.sequence());
        let cryptogram = Cryptogram {
            version: Version::Visa18,
            card: CardNumber {
                pan: &self.digits,
                sequence: Some(&sequence),
            },
            transaction: &chip.transaction,
            value: &chip.cryptogram,
        };
        if !self.hsm.verify_cryptogram(master, &cryptogram)? {
            return Err(Outcome::CryptogramWrong.into());
        }
        let answer = Answer::Two {
            update: APPROVED,
            own: &[],
        };
        let data = self.hsm.response_cryptogram(master, &cryptogram, answer)?;
        let mut field = Writer::new();
        field.primitive(ANSWER, &data);
        Ok(field.into_bytes())
    }

    fn check_value(&self, presented: &Presented) -> Result<(), Refusal> {
        let stripe = presented.stripe.as_ref().ok_or(Outcome::CardValueWrong)?;
        // A stripe that is made of a chip's data, or of what is printed, has these.
        if presented.entry == Entry::Stripe && [CHIP_SERVICE, PRINTED_SERVICE].contains(&&*stripe.service) {
            return Err(Outcome::CardValueWrong.into());
        }
        let card = CardData {
            pan: &self.digits,
            date: &self.holder.card.expiry.to_string(),
            service: match presented.entry {
                Entry::Stripe => &stripe.service,
                _ => CHIP_SERVICE,
            },
        };
        let is_right = self.hsm.verify_cvv(&self.names.cvv, card, &stripe.value)?;
        is_right.then_some(()).ok_or(Outcome::CardValueWrong.into())
    }

    /// A block of another key, number or format is a wrong PIN.
    fn check_pin(&self, block: [u8; 8]) -> Result<(), Refusal> {
        let reference = self.holder.card.pin.as_deref().ok_or(Outcome::WrongPin)?;
        let KeyNames {
            pin, pin_verification, ..
        } = &self.names;
        let block = PinBlock::Format0(block);
        let verified = self
            .hsm
            .verify_pin(pin, &block, &self.digits, pin_verification, &reference.parse()?);
        match verified {
            Ok(true) => Ok(()),
            Ok(false) | Err(HsmError::Input(CryptoError::PinBlock(_))) => Err(Outcome::WrongPin.into()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The holder as it is now, for this transaction alone.
fn locked(sql: &mut dyn Sql, before: &Holder) -> Result<Holder, StoreError> {
    let card = cards::locked(sql, &before.card.id)?.ok_or(StoreError::Changed)?.card;
    let device = match &before.device {
        Some(device) => Some(devices::locked(sql, &device.id)?.ok_or(StoreError::Changed)?.device),
        None => None,
    };
    Ok(Holder { card, device })
}

fn save(sql: &mut dyn Sql, holder: &Holder) -> Result<(), StoreError> {
    cards::save(sql, &holder.card)?;
    holder
        .device
        .as_ref()
        .map_or(Ok(()), |device| devices::save(sql, device))
}

/// Takes the counter, and a try of the PIN, for good.
async fn take(gateway: &Gateway, holder: &Holder, presented: &Presented, now_ms: u64) -> Result<(), Refusal> {
    let before = holder.clone();
    let status = Presented {
        pan: presented.pan.clone(),
        chip: presented.chip.clone(),
        stripe: None,
        pin_block: None,
        category: None,
        ..*presented
    };
    let taken = gateway.store.write(move |sql| {
        let mut holder = locked(sql, &before)?;
        holder.check(&status, now_ms)?;
        if let Some(chip) = &status.chip {
            holder.take_counter(chip.counter)?;
        }
        // No try left: the counter is used all the same.
        let tried = holder.take_pin_try();
        save(sql, &holder)?;
        Ok::<_, Refusal>(tried)
    });
    Ok(taken.await??)
}

struct Booked {
    message: String,
    /// Whether limits are used.
    is_payment: bool,
    /// Whether counter and try were taken, and the PIN was right.
    has_taken: bool,
}

/// Takes what was not taken yet, and of the limits.
async fn book(
    gateway: &Gateway,
    holder: &Holder,
    presented: Presented,
    booked: Booked,
    now_ms: u64,
) -> Result<(), Refusal> {
    let before = holder.clone();
    let done = gateway.store.write(move |sql| {
        let mut holder = locked(sql, &before)?;
        if booked.has_taken {
            holder.pin_was_right();
        } else {
            holder.check(&presented, now_ms)?;
            if let Some(chip) = &presented.chip {
                holder.take_counter(chip.counter)?;
            }
        }
        save(sql, &holder)?;
        if !booked.is_payment {
            return Ok(Ok(()));
        }
        let day = now_ms / DAY_MS;
        let used = payments::used(sql, &holder.card.id, day)?;
        // Above its limits: the counter is used all the same.
        if let Err(outcome) = holder.card.check_limits(&presented, used) {
            return Ok(Err(outcome));
        }
        let payment = Payment {
            card: holder.card.id,
            day,
            amount: presented.amount,
            counter: presented.chip.as_ref().map_or(0, |chip| chip.counter),
            released: false,
        };
        if payments::add(sql, &booked.message, &payment)? {
            Ok(Ok(()))
        } else {
            Ok::<_, Refusal>(Err(Outcome::DuplicateTransmission))
        }
    });
    Ok(done.await??)
}
