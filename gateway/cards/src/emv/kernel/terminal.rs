//! What a terminal is, what it is to take, and what of that it tells a card.

use thiserror::Error;

use crate::emv::{applet::AID, dol::Dol, tags::named as tags, tlv::Tag};

/// Twelve digits of minor units.
const AMOUNT_MAX: u64 = 999_999_999_999;

/// How a terminal takes part, by its acquirer's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    /// ISO 3166-1 numeric: 250 is France.
    pub country: u16,
    /// Tag 9F35, two digits in BCD: 22 is attended, online and offline; 21 attended, online only.
    pub kind: u8,
    /// Tag 9F33.
    pub capabilities: [u8; 3],
    /// Minor units: above this, a tap is not begun.
    pub contactless_max: u64,
    /// Minor units: from this on, the holder is verified.
    pub verified_from: u64,
    pub has_online_pin: bool,
    pub has_signature: bool,
    /// The applications that are taken, each by the first bytes of its name.
    pub applications: Vec<Vec<u8>>,
}

impl Terminal {
    /// The applications of [`Self::applications`] by default: ours, Visa's, Mastercard's.
    pub fn default_applications() -> Vec<Vec<u8>> {
        let schemes: [&[u8]; 3] = [&AID, &[0xa0, 0, 0, 0, 0x03], &[0xa0, 0, 0, 0, 0x04]];
        schemes.map(<[u8]>::to_vec).into()
    }

    pub(super) fn takes(&self, name: &[u8]) -> bool {
        self.applications.iter().any(|taken| name.starts_with(taken))
    }
}

/// One payment. Amounts are minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transaction {
    pub amount: u64,
    /// Cashback, part of the amount.
    pub other_amount: u64,
    /// ISO 4217 numeric: 978 is the euro.
    pub currency: u16,
    /// YY, MM, DD as numbers, of the terminal's day.
    pub date: [u8; 3],
    /// Tag 9C: 0 goods, 9 cashback, 20 refund.
    pub kind: u8,
    /// Tag 9F37: from a random source, new for each tap.
    pub unpredictable: [u8; 4],
}

/// Why a tap is not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotBegun {
    #[error("an amount is 1 to {AMOUNT_MAX} minor units, {0} is not")]
    Amount(u64),
    #[error("cashback of {other} is more than the amount of {amount} it is part of")]
    OtherAmount { amount: u64, other: u64 },
    #[error("{amount} is above the contactless limit of {max}: use the card's chip")]
    AboveLimit { amount: u64, max: u64 },
    #[error("a currency and a country are three digits")]
    Code,
    #[error("a date is YY MM DD, and a kind of transaction two digits")]
    Date,
}

impl Transaction {
    pub(super) fn check(&self, terminal: &Terminal) -> Result<(), NotBegun> {
        let Self {
            amount,
            other_amount: other,
            ..
        } = *self;
        if !(1..=AMOUNT_MAX).contains(&amount) {
            return Err(NotBegun::Amount(amount));
        }
        if other > amount {
            return Err(NotBegun::OtherAmount { amount, other });
        }
        if amount > terminal.contactless_max {
            let max = terminal.contactless_max;
            return Err(NotBegun::AboveLimit { amount, max });
        }
        if !(1..=999).contains(&self.currency) || !(1..=999).contains(&terminal.country) {
            return Err(NotBegun::Code);
        }
        let [year, month, day] = self.date;
        if year > 99 || !(1..=12).contains(&month) || !(1..=31).contains(&day) || self.kind > 99 {
            return Err(NotBegun::Date);
        }
        Ok(())
    }
}

/// What a card may be told of a tap: values by tag.
pub(super) struct Told {
    pub terminal: Terminal,
    pub transaction: Transaction,
    /// Tag 95.
    pub verification_results: [u8; 5],
}

impl Told {
    pub fn wants_holder(&self) -> bool {
        self.transaction.amount >= self.terminal.verified_from
    }

    pub fn value(&self, tag: Tag) -> Option<Vec<u8>> {
        let it = &self.transaction;
        Some(match tag {
            tags::AMOUNT => bcd(it.amount, 6),
            tags::OTHER_AMOUNT => bcd(it.other_amount, 6),
            tags::COUNTRY => bcd(self.terminal.country.into(), 2),
            tags::VERIFICATION_RESULTS => self.verification_results.to_vec(),
            tags::CURRENCY => bcd(it.currency.into(), 2),
            tags::DATE => it.date.iter().flat_map(|part| bcd((*part).into(), 1)).collect(),
            tags::KIND => bcd(it.kind.into(), 1),
            tags::UNPREDICTABLE => it.unpredictable.to_vec(),
            tags::TERMINAL_CAPABILITIES => self.terminal.capabilities.to_vec(),
            tags::TERMINAL_KIND => vec![self.terminal.kind],
            tags::TERMINAL_QUALIFIERS => self.qualifiers().to_vec(),
            _ => return None,
        })
    }

    /// Tag 9F66: chip by contactless (20), PIN online (04), signature (02); a cryptogram for online (80) and the holder's
    /// verification (40) are wanted; the phone may verify (40).
    fn qualifiers(&self) -> [u8; 4] {
        let flag = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        let Terminal {
            has_online_pin,
            has_signature,
            ..
        } = self.terminal;
        let first = 0x20 | flag(has_online_pin, 0x04) | flag(has_signature, 0x02);
        [first, 0x80 | flag(self.wants_holder(), 0x40), 0x40, 0]
    }

    /// The values of a list, one after the other, and zeros for what is not known.
    pub fn values(&self, list: &Dol) -> Vec<u8> {
        list.fill(|tag| self.value(tag))
    }
}

fn bcd(mut number: u64, bytes: usize) -> Vec<u8> {
    let mut all = vec![0; bytes];
    for byte in all.iter_mut().rev() {
        *byte = (number % 10) as u8 | ((number / 10 % 10) as u8) << 4;
        number /= 100;
    }
    all
}
