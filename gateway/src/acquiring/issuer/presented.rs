//! What a message says of a card and its payment.

use std::fmt;

use causeway_cards::{
    crypto::cryptogram,
    currency,
    emv::{
        tags::named as tags,
        tlv::{Duplicates, Limits, Node, Tag, read_tree},
    },
    iso8583::Message,
    pan::Pan,
};
use causeway_contracts::money::{Amount, Currency};

use super::{Expiry, StripeValue, Track2};
use crate::acquiring::host::{Operation, Outcome};

/// How the number was read (field 22).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// 01
    Manual,
    /// 02, 91
    Stripe,
    /// 03: a customer's code.
    Code,
    /// 05
    Chip,
    /// 07
    Tap,
    /// Not told, of a refund.
    Return,
}

/// A chip's or a device's cryptogram, and what it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chip {
    /// With all of tag 9F10 as the issuer's data.
    pub transaction: cryptogram::Transaction,
    /// Tag 9F26.
    pub cryptogram: [u8; 8],
    /// Tag 9F36.
    pub counter: u16,
}

/// The card, and the payment that it is to make.
pub struct Presented {
    pub pan: Pan,
    pub expiry: Option<Expiry>,
    pub entry: Entry,
    /// Field 4: minor units.
    pub amount: Amount,
    pub currency: Currency,
    pub chip: Option<Chip>,
    pub stripe: Option<StripeValue>,
    /// Field 52: a PIN block of format 0.
    pub pin_block: Option<[u8; 8]>,
    /// Field 18.
    pub category: Option<String>,
}

// A PIN block is in no log.
impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("pan", &self.pan)
            .field("entry", &self.entry)
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}

impl Presented {
    /// # Errors
    /// The first of the steps of format, amount and currency that the message breaks.
    pub fn read(operation: Operation, message: &Message) -> Result<Self, Outcome> {
        let entry = entry(operation, message)?;
        let track = match message.get(35) {
            Some(_) => Some(message.text(35).and_then(Track2::parse).ok_or(Outcome::FormatError)?),
            None => None,
        };
        let number = match message.get(2) {
            Some(digits) => Some(Pan::from_digits(digits).map_err(|_| Outcome::FormatError)?),
            None => None,
        };
        let expiry = match message.get(14) {
            Some(_) => Some(message.text(14).and_then(Expiry::parse).ok_or(Outcome::FormatError)?),
            None => None,
        };
        let (pan, expiry, stripe) = agreed(number, expiry, track)?;
        if expiry.is_none() && matches!(entry, Entry::Manual | Entry::Stripe | Entry::Chip) {
            return Err(Outcome::FormatError);
        }
        let pin_block = match message.get(52) {
            Some(block) => Some(block.try_into().map_err(|_| Outcome::FormatError)?),
            None => None,
        };
        let chip = match (message.get(55), entry) {
            (Some(data), Entry::Code | Entry::Chip | Entry::Tap) => Some(ChipData::read(data)?),
            (None, Entry::Code | Entry::Chip | Entry::Tap) => return Err(Outcome::FormatError),
            _ => None,
        };
        let amount = message.amount().map_err(|_| Outcome::FormatError)?;
        let amount = amount.ok_or(Outcome::FormatError)?;
        let number = message.text(49).ok_or(Outcome::FormatError)?;
        if let Some(data) = &chip {
            data.check_amount(entry, amount)?;
        }
        if amount == 0 && operation != Operation::BalanceInquiry {
            return Err(Outcome::InvalidAmount);
        }
        if chip.as_ref().is_some_and(|data| !data.is_in(number)) {
            return Err(Outcome::InvalidCurrency);
        }
        let letters = currency::alphabetic(number).ok_or(Outcome::InvalidCurrency)?;
        Ok(Self {
            pan,
            expiry,
            entry,
            amount: Amount(amount),
            currency: Currency::new(letters).map_err(|_| Outcome::InvalidCurrency)?,
            chip: chip.map(|data| data.0),
            stripe,
            pin_block,
            category: message.text(18).map(str::to_owned),
        })
    }
}

fn entry(operation: Operation, message: &Message) -> Result<Entry, Outcome> {
    let mode = message.entry_mode().map_err(|_| Outcome::FormatError)?;
    match mode.map(|mode| mode.number) {
        None | Some(0) if operation == Operation::Refund => Ok(Entry::Return),
        None | Some(0) => Err(Outcome::FormatError),
        // What goes back to a card asks for no proof that it is there.
        Some(1) if operation == Operation::Refund => Ok(Entry::Return),
        Some(1) => Ok(Entry::Manual),
        Some(2 | 91) => Ok(Entry::Stripe),
        Some(3) => Ok(Entry::Code),
        Some(5) => Ok(Entry::Chip),
        Some(7) => Ok(Entry::Tap),
        Some(_) => Err(Outcome::NotPermittedToTerminal),
    }
}

/// Fields 2 and 14, and track 2, say the same where both do.
fn agreed(
    number: Option<Pan>,
    expiry: Option<Expiry>,
    track: Option<Track2>,
) -> Result<(Pan, Option<Expiry>, Option<StripeValue>), Outcome> {
    let Some(track) = track else {
        return Ok((number.ok_or(Outcome::FormatError)?, expiry, None));
    };
    if number.is_some_and(|number| number != track.pan) || expiry.is_some_and(|expiry| expiry != track.expiry) {
        return Err(Outcome::FormatError);
    }
    Ok((track.pan, Some(track.expiry), track.value))
}

/// Field 55, as read.
struct ChipData(Chip);

impl ChipData {
    fn read(data: &[u8]) -> Result<Self, Outcome> {
        let limits = Limits {
            duplicates: Duplicates::Refused,
            ..Limits::STANDARD
        };
        let nodes = read_tree(data, limits).map_err(|_| Outcome::FormatError)?;
        let [kind] = object(&nodes, tags::CRYPTOGRAM_KIND)?;
        let [transaction_kind] = object(&nodes, tags::KIND)?;
        let counter = object(&nodes, tags::COUNTER)?;
        let issuer = value(&nodes, tags::ISSUER_DATA)?;
        if !(1..=32).contains(&issuer.len()) {
            return Err(Outcome::FormatError);
        }
        let chip = Chip {
            cryptogram: object(&nodes, tags::CRYPTOGRAM)?,
            counter: u16::from_be_bytes(counter),
            transaction: cryptogram::Transaction {
                amount: object(&nodes, tags::AMOUNT)?,
                other_amount: object(&nodes, tags::OTHER_AMOUNT)?,
                country: object(&nodes, tags::COUNTRY)?,
                verification_results: object(&nodes, tags::VERIFICATION_RESULTS)?,
                currency: object(&nodes, tags::CURRENCY)?,
                date: object(&nodes, tags::DATE)?,
                kind: transaction_kind,
                unpredictable: object(&nodes, tags::UNPREDICTABLE)?,
                interchange_profile: object(&nodes, tags::INTERCHANGE_PROFILE)?,
                counter,
                issuer: issuer.to_vec(),
            },
        };
        // An online request (ARQC) is 80; a card that has declined or approved by itself says 00 or 40.
        if kind & 0xc0 != 0x80 {
            return Err(Outcome::InvalidTransaction);
        }
        Ok(Self(chip))
    }

    /// A customer's code is made before the amount is known: it says the most, or 0 if its holder leaves that to the
    /// limits. It says country 0, where no terminal is, so that neither is taken for the other.
    fn check_amount(&self, entry: Entry, amount: u64) -> Result<(), Outcome> {
        let signed = decimal(&self.0.transaction.amount).ok_or(Outcome::FormatError)?;
        if (entry == Entry::Code) != (self.0.transaction.country == [0; 2]) {
            return Err(Outcome::FormatError);
        }
        let is_good = match entry {
            Entry::Code => signed == 0 || amount <= signed,
            _ => amount == signed,
        };
        is_good.then_some(()).ok_or(Outcome::InvalidAmount)
    }

    fn is_in(&self, currency: &str) -> bool {
        let told = decimal(&self.0.transaction.currency);
        told.is_some() && told == currency.parse().ok()
    }
}

fn value<'a>(nodes: &[Node<'a>], tag: Tag) -> Result<&'a [u8], Outcome> {
    let found = nodes.iter().find(|node| node.object.tag == tag);
    found.map(|node| node.object.value).ok_or(Outcome::FormatError)
}

fn object<const N: usize>(nodes: &[Node<'_>], tag: Tag) -> Result<[u8; N], Outcome> {
    value(nodes, tag)?.try_into().map_err(|_| Outcome::FormatError)
}

/// Of two digits a byte.
fn decimal(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0u64, |sum, byte| {
        let (high, low) = (byte >> 4, byte & 15);
        (high < 10 && low < 10).then(|| sum * 100 + u64::from(high * 10 + low))
    })
}
