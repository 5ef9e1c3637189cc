//! What a host needs of a message, with its meaning: `None` if the field is absent, a violation if it makes no sense.

use super::{
    Message, MessageType,
    codes::{self, meaning},
    violation::{Fault, Violation},
};

type Viewed<T> = Result<Option<T>, Violation>;

/// Field 3: what is asked for, from which account, to which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessingCode {
    pub transaction: u8,
    pub from: u8,
    pub to: u8,
}

impl ProcessingCode {
    pub const GOODS: u8 = 0;
    pub const REFUND: u8 = 20;

    /// What is asked for, if it is known.
    pub fn meaning(self) -> Option<&'static str> {
        meaning(&codes::TRANSACTIONS, self.transaction)
    }
}

/// Field 22: how the card number was read, and how a PIN can be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryMode {
    pub number: u8,
    pub pin: u8,
}

impl EntryMode {
    /// How the card number was read, if that is known.
    pub fn meaning(self) -> Option<&'static str> {
        meaning(&codes::ENTRY_MODES, self.number)
    }
}

/// Field 7, in UTC. It names no year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransmissionTime {
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
}

/// Fields 12 and 13, where the terminal is.
pub type LocalTime = TransmissionTime;

/// Field 54: up to six of these, 20 characters each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdditionalAmount {
    pub account: u8,
    pub kind: u8,
    /// As field 49.
    pub currency: String,
    /// `D` is negative.
    pub minor_units: i64,
}

/// Field 90: which message a reversal or a completion is about. Institutions are without leading zeros.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OriginalElements {
    pub message_type: MessageType,
    pub trace_number: String,
    pub transmission_time: String,
    pub acquirer: String,
    pub forwarder: String,
}

impl OriginalElements {
    /// The 42 digits of the field.
    pub fn to_field(&self) -> String {
        let Self {
            message_type,
            trace_number,
            transmission_time,
            acquirer,
            forwarder,
        } = self;
        format!("{message_type}{trace_number:0>6}{transmission_time:0>10}{acquirer:0>11}{forwarder:0>11}")
    }
}

impl Message {
    pub fn processing_code(&self) -> Viewed<ProcessingCode> {
        self.view(3, "a processing code of six digits", |value| {
            let [transaction, from, to] = pairs(value)?;
            Some(ProcessingCode { transaction, from, to })
        })
    }

    /// Field 4, in minor units of field 49.
    pub fn amount(&self) -> Viewed<u64> {
        self.view(4, "an amount of twelve digits", number)
    }

    /// Field 95: the amount that is right, of what field 4 says, in minor units.
    pub fn replacement_amount(&self) -> Viewed<u64> {
        self.view(95, "four replacement amounts", |value| number(value.get(..12)?))
    }

    /// Field 7.
    pub fn transmission_time(&self) -> Viewed<TransmissionTime> {
        self.view(7, "a time MMDDhhmmss", time)
    }

    /// Fields 12 and 13, if both are present.
    pub fn local_time(&self) -> Viewed<LocalTime> {
        let (Some(clock), Some(date)) = (self.get(12), self.get(13)) else {
            return Ok(None);
        };
        let local = time(&[date, clock].concat());
        local.map(Some).ok_or(wrong(12, "a time hhmmss, with field 13 MMDD"))
    }

    /// Field 22.
    pub fn entry_mode(&self) -> Viewed<EntryMode> {
        self.view(22, "an entry mode of three digits", |value| {
            let (number, pin) = (value.get(..2)?, value.get(2..3)?);
            Some(EntryMode {
                number: digits(number)?,
                pin: digits(pin)?,
            })
        })
    }

    /// Field 54.
    pub fn additional_amounts(&self) -> Viewed<Vec<AdditionalAmount>> {
        self.view(54, "one to six additional amounts of 20 characters", |value| {
            let (amounts, rest) = value.as_chunks::<20>();
            let fits = rest.is_empty() && (1..=6).contains(&amounts.len());
            fits.then(|| amounts.iter().map(additional_amount).collect())?
        })
    }

    /// Field 70.
    pub fn network_management(&self) -> Viewed<u16> {
        self.view(70, "three digits", |value| u16::try_from(number(value)?).ok())
    }

    /// Field 90.
    pub fn original_elements(&self) -> Viewed<OriginalElements> {
        self.view(90, "a message type, then 38 digits", |value| {
            let part = |from: usize, to: usize| Some(str::from_utf8(value.get(from..to)?).ok()?.to_owned());
            let institution = |from, to| Some(part(from, to)?.trim_start_matches('0').to_owned());
            (value.len() == 42 && value.iter().all(u8::is_ascii_digit)).then_some(())?;
            Some(OriginalElements {
                message_type: part(0, 4)?.parse().ok()?,
                trace_number: part(4, 10)?,
                transmission_time: part(10, 20)?,
                acquirer: institution(20, 31)?,
                forwarder: institution(31, 42)?,
            })
        })
    }

    /// Field 64 or 128.
    pub fn authentication_code(&self) -> Option<[u8; 8]> {
        let code = self.get(64).or_else(|| self.get(128))?;
        code.try_into().ok()
    }

    /// A field of digits or characters, as text; those that are never text are named elsewhere.
    pub fn text(&self, field: u8) -> Option<&str> {
        str::from_utf8(self.get(field)?).ok()
    }

    /// A field that must be there.
    pub fn require(&self, field: u8) -> Result<&[u8], Violation> {
        self.get(field).ok_or(Violation::of_field(field, Fault::Missing))
    }

    fn view<T>(&self, field: u8, is: &'static str, read: impl FnOnce(&[u8]) -> Option<T>) -> Viewed<T> {
        let Some(value) = self.get(field) else {
            return Ok(None);
        };
        read(value).map(Some).ok_or(wrong(field, is))
    }
}

/// A field as text of one's own; empty if absent or not text.
pub(super) fn text(message: &Message, field: u8) -> String {
    message.text(field).unwrap_or_default().to_owned()
}

fn wrong(field: u8, is: &'static str) -> Violation {
    Violation::of_field(field, Fault::Value(is))
}

fn number(value: &[u8]) -> Option<u64> {
    (!value.is_empty() && value.iter().all(u8::is_ascii_digit)).then_some(())?;
    str::from_utf8(value).ok()?.parse().ok()
}

fn digits(value: &[u8]) -> Option<u8> {
    u8::try_from(number(value)?).ok()
}

fn pairs<const N: usize>(value: &[u8]) -> Option<[u8; N]> {
    let (pairs, rest) = value.as_chunks::<2>();
    let pairs: [[u8; 2]; N] = pairs.try_into().ok().filter(|_| rest.is_empty())?;
    let mut numbers = [0; N];
    for (number, pair) in numbers.iter_mut().zip(pairs) {
        *number = digits(&pair)?;
    }
    Some(numbers)
}

fn time(value: &[u8]) -> Option<TransmissionTime> {
    let [month, day, hour, minute, second] = pairs(value)?;
    let days = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    let is_time = (1..=days).contains(&day) && hour < 24 && minute < 60 && second < 60;
    is_time.then_some(TransmissionTime {
        month,
        day,
        hour,
        minute,
        second,
    })
}

fn additional_amount(value: &[u8; 20]) -> Option<AdditionalAmount> {
    let minor_units = i64::try_from(number(&value[8..])?).ok()?;
    Some(AdditionalAmount {
        account: digits(&value[..2])?,
        kind: digits(&value[2..4])?,
        currency: str::from_utf8(&value[4..7]).ok()?.to_owned(),
        minor_units: match value[7] {
            b'C' => minor_units,
            b'D' => -minor_units,
            _ => return None,
        },
    })
}
