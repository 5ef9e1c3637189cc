//! Cards, the devices that stand for them, and what both may.

use causeway_cards::emv::applet::is_holder_verified;
use causeway_contracts::money::{Amount, Currency};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Chip, Entry, Presented};
use crate::acquiring::host::Outcome;

/// Wrong ones in a row.
pub const PIN_TRIES: u8 = 3;

/// Wrong cryptograms and card values in a row. With so many a card is blocked, until its client unblocks it.
pub const WRONG_VALUES_MAX: u8 = 5;

/// For so long a customer's code is shown, by the clock of its phone.
pub const CODE_SECONDS: u64 = 60;

/// By so much that may differ from this machine's.
const CLOCK_SECONDS: u64 = 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardStatus {
    Active,
    Blocked,
    Lost,
    Stolen,
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceStatus {
    Active,
    Blocked,
}

/// A month, written YYMM, of this century. What expires in it is good to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expiry {
    year: u8,
    month: u8,
}

impl Expiry {
    pub fn parse(text: &str) -> Option<Self> {
        let is_digits = text.len() == 4 && text.bytes().all(|digit| digit.is_ascii_digit());
        let (year, month) = is_digits.then(|| text.split_at(2))?;
        let (year, month) = (year.parse().ok()?, month.parse().ok()?);
        (1..=12).contains(&month).then_some(Self { year, month })
    }

    /// The month of a time, in UTC; `years` later.
    pub fn after(now_ms: u64, years: u8) -> Self {
        let seconds = i64::try_from(now_ms / 1_000).unwrap_or(i64::MAX);
        let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let year = (now.year().clamp(2000, 2099) - 2000) as u8;
        Self {
            year: (year + years).min(99),
            month: now.month().into(),
        }
    }

    pub fn is_over(self, now_ms: u64) -> bool {
        self < Self::after(now_ms, 0)
    }

    /// MMYY, as card values are made over and cards show it.
    pub fn month_first(self) -> String {
        format!("{:02}{:02}", self.month, self.year)
    }
}

impl std::fmt::Display for Expiry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}{:02}", self.year, self.month)
    }
}

/// What a card may be used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Of one payment.
    pub payment: Amount,
    /// Of all payments of a day in UTC.
    pub day: Amount,
    /// Of merchants that it does not pay (ISO 18245).
    pub refused_categories: Vec<String>,
    /// Whether its number may be typed in: nothing then proves that the card is there.
    pub manual_entry: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    pub id: String,
    pub client: String,
    /// `acc_…`
    pub account: String,
    pub status: CardStatus,
    pub expiry: Expiry,
    /// Field 23, tag 5F34.
    pub sequence: u8,
    pub currency: Currency,
    pub limits: Limits,
    /// What the PIN is verified by: of no use without the security module's key.
    pub pin: Option<String>,
    pub pin_tries_left: u8,
    /// Cryptograms and card values, also of its devices, since the last right one.
    pub wrong_values: u8,
    /// Tag 9F36 of the chip, the highest that was taken.
    pub counter: u16,
    pub created_ms: u64,
}

/// Limited-use keys that a device was given together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyBatch {
    pub first: u16,
    pub last: u16,
    /// In seconds since 1970.
    pub good_until: u64,
}

/// A phone with a number of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    pub id: String,
    pub card: String,
    pub status: DeviceStatus,
    pub expiry: Expiry,
    pub sequence: u8,
    pub batches: Vec<KeyBatch>,
    pub counter: u16,
    pub created_ms: u64,
}

/// Whom a number stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub card: Card,
    /// If the number is a device's.
    pub device: Option<Device>,
}

impl Holder {
    pub fn sequence(&self) -> u8 {
        self.device
            .as_ref()
            .map_or(self.card.sequence, |device| device.sequence)
    }

    /// Status, expiry, entry and counter: what can be said without keys. Takes nothing.
    pub fn check(&self, presented: &Presented, now_ms: u64) -> Result<(), Outcome> {
        self.check_status()?;
        self.check_expiry(presented, now_ms)?;
        self.check_entry(presented.entry)?;
        // The PIN is the card's number's: a phone verifies its holder itself.
        if self.device.is_some() && presented.pin_block.is_some() {
            return Err(Outcome::NotPermittedToCardholder);
        }
        let chip = presented.chip.as_ref();
        chip.map_or(Ok(()), |chip| self.check_counter(presented.entry, chip, now_ms))
    }

    /// The first of [`Self::check`], and all that may change while a payment is looked at.
    pub fn check_status(&self) -> Result<(), Outcome> {
        match self.card.status {
            CardStatus::Active => {}
            CardStatus::Blocked => return Err(Outcome::RestrictedCard),
            CardStatus::Lost => return Err(Outcome::LostCard),
            CardStatus::Stolen => return Err(Outcome::StolenCard),
            CardStatus::Closed => return Err(Outcome::InvalidCard),
        }
        match &self.device {
            Some(device) if device.status == DeviceStatus::Blocked => Err(Outcome::RestrictedCard),
            _ => Ok(()),
        }
    }

    /// A device goes with its card.
    fn check_expiry(&self, presented: &Presented, now_ms: u64) -> Result<(), Outcome> {
        let own = self.device.as_ref().map_or(self.card.expiry, |device| device.expiry);
        let is_other = presented.expiry.is_some_and(|told| told != own);
        if is_other || own.is_over(now_ms) || self.card.expiry.is_over(now_ms) {
            return Err(Outcome::ExpiredCard);
        }
        Ok(())
    }

    /// A device's number counts with a cryptogram only, and a code is a device's.
    fn check_entry(&self, entry: Entry) -> Result<(), Outcome> {
        let is_good = match (entry, &self.device) {
            (Entry::Tap, _) | (Entry::Code, Some(_)) | (Entry::Chip | Entry::Stripe | Entry::Return, None) => true,
            (Entry::Return, Some(_)) => true,
            (Entry::Manual, None) => self.card.limits.manual_entry,
            (Entry::Chip | Entry::Stripe | Entry::Manual, Some(_)) | (Entry::Code, None) => false,
        };
        is_good.then_some(()).ok_or(Outcome::NotPermittedToCardholder)
    }

    /// Whether the issuer's card value is to be on the track: CVV of a stripe, iCVV of a chip.
    pub fn needs_value(&self, entry: Entry) -> bool {
        match entry {
            Entry::Stripe | Entry::Chip => true,
            Entry::Tap => self.device.is_none(),
            Entry::Manual | Entry::Code | Entry::Return => false,
        }
    }

    fn check_counter(&self, entry: Entry, chip: &Chip, now_ms: u64) -> Result<(), Outcome> {
        let last = self.device.as_ref().map_or(self.card.counter, |device| device.counter);
        if chip.counter <= last {
            return Err(Outcome::CryptogramWrong);
        }
        let Some(device) = &self.device else {
            return Ok(());
        };
        let is_of = |batch: &&KeyBatch| (batch.first..=batch.last).contains(&chip.counter);
        let batch = device.batches.iter().find(is_of).ok_or(Outcome::CryptogramWrong)?;
        let now = now_ms / 1_000;
        if batch.good_until <= now {
            return Err(Outcome::ExpiredCard);
        }
        if entry == Entry::Code {
            // In a code, the unpredictable number is the second from which on it is not taken.
            let until = u64::from(u32::from_be_bytes(chip.transaction.unpredictable));
            let is_in_time = now < until + CLOCK_SECONDS && until <= now + CODE_SECONDS + CLOCK_SECONDS;
            return is_in_time.then_some(()).ok_or(Outcome::TooLate);
        }
        Ok(())
    }

    /// Its cryptogram was right: it is not taken again, nor one below it.
    pub fn take_counter(&mut self, counter: u16) -> Result<(), Outcome> {
        let last = match &mut self.device {
            Some(device) => &mut device.counter,
            None => &mut self.card.counter,
        };
        if counter <= *last {
            return Err(Outcome::CryptogramWrong);
        }
        *last = counter;
        Ok(())
    }

    /// The payment's cryptogram and card value, if it has any: wrong ones before them count no more.
    pub fn values_were_right(&mut self, presented: &Presented) {
        if presented.chip.is_some() || self.needs_value(presented.entry) {
            self.card.wrong_values = 0;
        }
    }

    /// From that amount on, a tap or code is by its holder: verified by the phone, as its cryptogram says, or by a PIN.
    pub fn check_verification(&self, presented: &Presented, from: Amount) -> Result<(), Outcome> {
        let is_wanted = matches!(presented.entry, Entry::Tap | Entry::Code) && presented.amount >= from;
        let says_so = |chip: &Chip| is_holder_verified(&chip.transaction.issuer);
        let by_phone = self.device.is_some() && presented.chip.as_ref().is_some_and(says_so);
        // Of a PIN, that it was right was seen before.
        if is_wanted && !by_phone && presented.pin_block.is_none() {
            return Err(Outcome::HolderNotVerified);
        }
        Ok(())
    }

    /// Before the PIN is looked at.
    pub fn take_pin_try(&mut self) -> Result<(), Outcome> {
        let left = self.card.pin_tries_left.checked_sub(1);
        self.card.pin_tries_left = left.ok_or(Outcome::PinTriesExceeded)?;
        Ok(())
    }

    pub fn pin_was_right(&mut self) {
        self.card.pin_tries_left = PIN_TRIES;
    }
}

impl Card {
    /// As its client wants it, or has told.
    pub fn becomes(&mut self, status: CardStatus) {
        self.status = status;
        if status == CardStatus::Active {
            self.wrong_values = 0;
        }
    }

    /// A cryptogram or card value of its, or of a device of its, was looked at and was wrong. Whether it is blocked by that.
    pub fn value_was_wrong(&mut self) -> bool {
        self.wrong_values = self.wrong_values.saturating_add(1);
        let is_blocked = self.wrong_values >= WRONG_VALUES_MAX && self.status == CardStatus::Active;
        if is_blocked {
            self.status = CardStatus::Blocked;
        }
        is_blocked
    }

    /// Whether it may pay so much, if `used` was paid of this day's limit.
    pub fn check_limits(&self, presented: &Presented, used: Amount) -> Result<(), Outcome> {
        if presented.currency != self.currency {
            return Err(Outcome::InvalidCurrency);
        }
        if presented.amount > self.limits.payment {
            return Err(Outcome::OverAmountLimit);
        }
        let sum = used.0.checked_add(presented.amount.0);
        if sum.is_none_or(|sum| sum > self.limits.day.0) {
            return Err(Outcome::OverFrequencyLimit);
        }
        let refused = |category: &String| self.limits.refused_categories.contains(category);
        if presented.category.as_ref().is_some_and(refused) {
            return Err(Outcome::NotPermittedToCardholder);
        }
        Ok(())
    }
}
