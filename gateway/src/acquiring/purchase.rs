//! A payment by card, as a terminal brings it, and the message by which an acquirer asks its issuer to pay (0200) or to hold the
//! money (0100).

use causeway_cards::{
    currency,
    emv::{
        tags::named as tags,
        tlv::{Duplicates, Limits, Node, Tag, read_tree},
    },
    iso8583::{Message, MessageType, Violation},
    pan::Pan,
    qr::cpm,
};
use causeway_contracts::money::{Amount, Currency};
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// Field 55.
const CHIP_BYTES_MAX: usize = 255;

/// Field 41 of what no terminal of the merchant's has brought.
const NO_TERMINAL: &str = "00000000";

/// How the card or phone was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    Tap,
    Chip,
    /// A customer's code.
    Code,
}

impl Entry {
    /// Field 22; the last digit says that the terminal takes no PINs.
    const fn mode(self) -> &'static str {
        match self {
            Self::Tap => "072",
            Self::Chip => "052",
            Self::Code => "032",
        }
    }
}

/// What a card or phone has given.
pub struct Presented {
    pub entry: Entry,
    pub pan: Pan,
    track: Option<Zeroizing<String>>,
    chip: Zeroizing<Vec<u8>>,
}

/// Why nobody is asked about it. Says nothing of the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PresentedFault {
    #[error(
        "track 2 is a number of 12 to 19 digits, D or =, and 7 to 24 digits, or the same in hexadecimal as tag 57 has it"
    )]
    Track,
    #[error("chip data are data objects of BER-TLV in hexadecimal, and at most 255 bytes")]
    Chip,
    #[error("the code is none that a customer pays with, or has no card's number or no chip data")]
    Code,
}

/// Why a chip's data are of another payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OtherPayment {
    #[error("the chip has agreed to another amount (9F02) than the order's")]
    Amount,
    #[error("the chip has agreed to another currency (5F2A) than the order's")]
    Currency,
}

impl Presented {
    /// # Errors
    /// What is not written as it should be.
    pub fn card(entry: Entry, track: &str, chip: &str) -> Result<Self, PresentedFault> {
        let track = track.trim_end_matches(['F', 'f']);
        let (number, rest) = track.split_once(['=', 'D', 'd']).ok_or(PresentedFault::Track)?;
        let is_rest = (7..=24).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_digit());
        if !is_rest || number.len() + rest.len() > 36 {
            return Err(PresentedFault::Track);
        }
        if chip.len() > 2 * CHIP_BYTES_MAX {
            return Err(PresentedFault::Chip);
        }
        let chip = Zeroizing::new(hex::decode(chip).map_err(|_| PresentedFault::Chip)?);
        objects(&chip).ok_or(PresentedFault::Chip)?;
        Ok(Self {
            entry,
            pan: number.parse().map_err(|_| PresentedFault::Track)?,
            track: Some(Zeroizing::new(format!("{number}={rest}"))),
            chip,
        })
    }

    /// # Errors
    /// It is no code that a customer pays with.
    pub fn code(text: &str) -> Result<Self, PresentedFault> {
        let read = || {
            let bytes = cpm::decode(text).ok()?;
            let code = cpm::Code::read(&bytes).ok()?;
            if !code.violations().is_empty() {
                return None;
            }
            let application = code.applications().next()?;
            let [chip, common] = application.chip_data();
            let chip = Zeroizing::new(chip.or(common)?.to_vec());
            objects(&chip)?;
            Some(Self {
                entry: Entry::Code,
                pan: application.pan()?.ok()?,
                track: None,
                chip,
            })
        };
        read().ok_or(PresentedFault::Code)
    }

    /// That the chip has agreed to this payment. A customer's code may leave the amount open, or say the most that it pays.
    ///
    /// # Errors
    /// Amount or currency are another payment's.
    pub fn check(&self, amount: Amount, currency: Currency) -> Result<(), OtherPayment> {
        let nodes = objects(&self.chip).unwrap_or_default();
        if let Some(value) = value(&nodes, tags::AMOUNT) {
            let agreed = decimal(value).ok_or(OtherPayment::Amount)?;
            let is_good = match self.entry {
                Entry::Code => agreed == 0 || amount.0 <= agreed,
                Entry::Tap | Entry::Chip => amount.0 == agreed,
            };
            if !is_good {
                return Err(OtherPayment::Amount);
            }
        }
        if let Some(value) = value(&nodes, tags::CURRENCY) {
            let number = currency::numeric(currency.as_str()).and_then(|digits| digits.parse().ok());
            if decimal(value).is_none() || decimal(value) != number {
                return Err(OtherPayment::Currency);
            }
        }
        Ok(())
    }
}

fn objects(chip: &[u8]) -> Option<Vec<Node<'_>>> {
    let limits = Limits {
        duplicates: Duplicates::Refused,
        ..Limits::STANDARD
    };
    if chip.is_empty() || chip.len() > CHIP_BYTES_MAX {
        return None;
    }
    read_tree(chip, limits).ok()
}

fn value<'a>(nodes: &[Node<'a>], tag: Tag) -> Option<&'a [u8]> {
    let found = nodes.iter().find(|node| node.object.tag == tag);
    found.map(|node| node.object.value)
}

/// Two digits a byte.
fn decimal(bytes: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for byte in bytes {
        let (high, low) = (byte >> 4, byte & 0x0F);
        if high > 9 || low > 9 {
            return None;
        }
        number = number.checked_mul(100)?.checked_add(u64::from(high * 10 + low))?;
    }
    Some(number)
}

/// Of UTC, as fields 13 and 12 have it; field 7 is both.
pub(super) struct Stamp {
    pub date: String,
    pub clock: String,
}

impl Stamp {
    pub fn of(now_ms: u64) -> Self {
        let at = utc(now_ms);
        Self {
            date: format!("{:02}{:02}", u8::from(at.month()), at.day()),
            clock: format!("{:02}{:02}{:02}", at.hour(), at.minute(), at.second()),
        }
    }
}

fn utc(now_ms: u64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(now_ms.cast_signed())
}

/// Whom the money is for, and what makes the message one of its kind.
#[derive(Debug, Clone)]
pub struct Purchase<'a> {
    /// 0200, or 0100 if the money is only to be held.
    pub message_type: MessageType,
    pub amount: Amount,
    /// ISO 4217, three digits.
    pub currency: &'a str,
    /// Field 48.
    pub memo: &'a str,
    /// Field 11.
    pub trace: u32,
    /// Field 32.
    pub acquirer_id: &'a str,
    /// Field 18 (ISO 18245).
    pub category: &'a str,
    /// Field 41.
    pub terminal: Option<&'a str>,
    /// Field 42.
    pub acceptor: &'a str,
    pub name: &'a str,
    pub city: &'a str,
    pub country: &'a str,
    pub now_ms: u64,
}

impl Purchase<'_> {
    /// The message, with times of UTC, and its reference (field 37): the last digit of the year, the day in it, the hour and the
    /// trace number.
    ///
    /// # Errors
    /// An amount of more than 12 digits.
    pub fn message(&self, presented: &Presented) -> Result<(Message, String), Violation> {
        let (at, Stamp { date, clock }) = (utc(self.now_ms), Stamp::of(self.now_ms));
        let trace = format!("{:06}", self.trace);
        let rrn = format!("{}{:03}{:02}{trace}", at.year().rem_euclid(10), at.ordinal(), at.hour());
        let mut message = Message::new(self.message_type);
        message.set(2, presented.pan.digits())?;
        let texts = [
            (3, "000000"),
            (4, &format!("{:012}", self.amount.0)),
            (7, &format!("{date}{clock}")),
            (11, &trace),
            (12, &clock),
            (13, &date),
            (18, self.category),
            (22, presented.entry.mode()),
            (32, self.acquirer_id),
            (37, &rrn),
            (41, &format!("{:<8}", self.terminal.unwrap_or(NO_TERMINAL))),
            (42, &format!("{:<15}", self.acceptor)),
            (43, &self.place()),
            (48, self.memo),
            (49, self.currency),
        ];
        for (field, text) in texts {
            message.set(field, text.as_bytes())?;
        }
        if let Some(track) = &presented.track {
            message.set(35, track.as_bytes())?;
        }
        message.set(55, &presented.chip)?;
        Ok((message, rrn))
    }

    /// Field 43: 25 characters of the name, 13 of the city, and the country.
    fn place(&self) -> String {
        let plain = |text: &str, characters: usize| {
            let only = text.chars().map(|it| if (' '..='~').contains(&it) { it } else { ' ' });
            let text: String = only.take(characters).collect();
            format!("{text:<characters$}")
        };
        format!(
            "{}{}{}",
            plain(self.name, 25),
            plain(self.city, 13),
            plain(self.country, 2)
        )
    }
}
