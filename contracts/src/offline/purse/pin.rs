//! The person's PIN: three tries, and what is paid without it.

use super::{PurseRefusal, PurseState, Step, record::record};
use crate::{codec, merkle::Root, money::Amount, offline::ids::PurseId};

pub const TRIES: u8 = 3;
const TAG: &str = "dofp/pin/1/";
const DIGITS: std::ops::RangeInclusive<usize> = 4..=12;

/// What a payment has to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// The person has given the PIN, in this session or for this payment.
    Pin,
    /// Nothing but the tap.
    None,
}

record! {
    /// The PIN, and what has happened since it was given last.
    Pin {
        /// The id of the purse that it was first set for.
        salt: PurseId,
        /// SHA-256 over the salt and the digits. Whoever reads this memory has the key too.
        digest: Root,
        tries_left: u8,
        /// What was paid without it.
        unconfirmed: Amount,
        unconfirmed_payments: u32,
    }
}

impl Pin {
    pub(super) fn new(purse: PurseId, digits: &str) -> Result<Self, PurseRefusal> {
        check_pin(digits)?;
        Ok(Self {
            salt: purse,
            digest: digest(purse, digits),
            tries_left: TRIES,
            unconfirmed: Amount::ZERO,
            unconfirmed_payments: 0,
        })
    }
}

/// Whether these digits can be a PIN.
pub fn check_pin(digits: &str) -> Result<(), PurseRefusal> {
    let is_pin = DIGITS.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_pin.then_some(()).ok_or(PurseRefusal::NotAPin)
}

fn digest(salt: PurseId, digits: &str) -> Root {
    Root(codec::hash(TAG, &[&salt.0, digits.as_bytes()]))
}

impl PurseState {
    /// Takes a try away. It has to be in memory before [`PurseState::verify_pin`] says anything, so that a loss of
    /// power gives none back.
    pub fn try_pin(&self) -> Result<Step<()>, PurseRefusal> {
        let left = self.pin.tries_left.checked_sub(1).ok_or(PurseRefusal::PinBlocked)?;
        Ok(self.step((), |next| next.pin.tries_left = left))
    }

    /// After [`PurseState::try_pin`]: the right PIN gives the tries back, and begins the count of payments
    /// without it anew.
    pub fn verify_pin(&self, digits: &str) -> Result<Step<()>, PurseRefusal> {
        if digest(self.pin.salt, digits) != self.pin.digest {
            return Err(match self.pin.tries_left {
                0 => PurseRefusal::PinBlocked,
                left => PurseRefusal::WrongPin(left),
            });
        }
        Ok(self.step((), |next| {
            next.pin.tries_left = TRIES;
            next.pin.unconfirmed = Amount::ZERO;
            next.pin.unconfirmed_payments = 0;
        }))
    }

    /// After [`PurseState::try_pin`]: as [`PurseState::verify_pin`], and from now on another PIN is the right one.
    pub fn change_pin(&self, old: &str, new: &str) -> Result<Step<()>, PurseRefusal> {
        check_pin(new)?;
        let mut step = self.verify_pin(old)?;
        if let Some(next) = &mut step.next {
            next.pin.digest = digest(next.pin.salt, new);
        }
        Ok(step)
    }

    pub(super) fn check_consent(&self, amount: Amount, consent: Consent) -> Result<(), PurseRefusal> {
        let sum = self.pin.unconfirmed.checked_add(amount);
        let is_small = amount <= self.rules.no_pin_payment_max
            && sum.is_some_and(|sum| sum <= self.rules.no_pin_sum_max)
            && self.pin.unconfirmed_payments < self.rules.no_pin_payments_max;
        if is_small || consent == Consent::Pin {
            Ok(())
        } else {
            Err(PurseRefusal::Confirm)
        }
    }

    pub(super) fn count_unconfirmed(&mut self, amount: Amount, consent: Consent) {
        if consent == Consent::None {
            self.pin.unconfirmed = Amount(self.pin.unconfirmed.0.saturating_add(amount.0));
            self.pin.unconfirmed_payments = self.pin.unconfirmed_payments.saturating_add(1);
        }
    }
}
