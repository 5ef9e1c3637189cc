//! What an issuer gives a device, and what the device keeps of it.

use std::collections::VecDeque;

use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::crypto::key::TdesKey;

/// Keys that one device holds at a time; an issuer provisions ten.
pub const KEYS_MAX: usize = 64;

/// The number that stands for a card in one device, and what else terminals are told of it.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Token {
    number: String,
    /// YYMM.
    expiry: [u8; 4],
    sequence: u8,
}

/// Why what an issuer gave cannot be used. Says nothing of the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DeviceError {
    #[error("a device token has 13 to 19 digits")]
    Number,
    #[error("an expiry is four digits, YYMM")]
    Expiry,
    #[error("a sequence number is 0 to 99")]
    Sequence,
    #[error("a device holds at most {KEYS_MAX} keys, here are {0}")]
    TooManyKeys(usize),
    #[error("there are two keys of counter {0}")]
    RepeatedKey(u16),
}

impl Token {
    /// # Errors
    /// A number, a YYMM or a sequence number that is none.
    pub fn new(number: &str, expiry: &str, sequence: u8) -> Result<Self, DeviceError> {
        if !(13..=19).contains(&number.len()) || !number.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(DeviceError::Number);
        }
        let digits: [u8; 4] = expiry.as_bytes().try_into().map_err(|_| DeviceError::Expiry)?;
        let is_month = ("01"..="12").contains(&expiry.get(2..).unwrap_or_default());
        if !digits.iter().all(u8::is_ascii_digit) || !is_month {
            return Err(DeviceError::Expiry);
        }
        if sequence > 99 {
            return Err(DeviceError::Sequence);
        }
        Ok(Self {
            number: number.to_owned(),
            expiry: digits,
            sequence,
        })
    }

    /// Tag 5F34.
    pub(super) fn sequence(&self) -> u8 {
        ((self.sequence / 10) << 4) | (self.sequence % 10)
    }

    /// Tag 57: number, D, YYMM, service code 201 (international, chip, authorised as usual), F to whole bytes.
    pub(super) fn track_2(&self) -> Zeroizing<Vec<u8>> {
        let digit = |digit: &u8| digit - b'0';
        let mut nibbles = Zeroizing::new(Vec::with_capacity(28));
        nibbles.extend(self.number.as_bytes().iter().map(digit));
        nibbles.push(0xd);
        nibbles.extend(self.expiry.iter().map(digit));
        nibbles.extend([2, 0, 1]);
        let pairs = nibbles.chunks(2);
        Zeroizing::new(pairs.map(|pair| pair[0] << 4 | pair.get(1).unwrap_or(&0xf)).collect())
    }

    /// Tag 5F24: YYMMDD, the month's last day.
    pub(super) fn expiry(&self) -> [u8; 3] {
        let [y1, y2, m1, m2] = self.expiry.map(|digit| digit - b'0');
        let (year, month) = (y1 * 10 + y2, m1 * 10 + m2);
        let last_day = match month {
            2 if year.is_multiple_of(4) => 0x29,
            2 => 0x28,
            4 | 6 | 9 | 11 => 0x30,
            _ => 0x31,
        };
        [y1 << 4 | y2, m1 << 4 | m2, last_day]
    }
}

/// The session key of one counter (tag 9F36): good for one cryptogram.
pub struct LimitedUseKey {
    pub counter: u16,
    pub key: TdesKey,
}

/// Keys that were not used, by counter. What is taken is gone.
pub(super) struct Keys {
    left: VecDeque<LimitedUseKey>,
}

impl Keys {
    /// Leaves out keys whose counter is not above `last`: they are spent, or too late.
    pub fn new(mut keys: Vec<LimitedUseKey>, last: u16) -> Result<Self, DeviceError> {
        if keys.len() > KEYS_MAX {
            return Err(DeviceError::TooManyKeys(keys.len()));
        }
        keys.sort_by_key(|key| key.counter);
        if let Some(pair) = keys.windows(2).find(|pair| pair[0].counter == pair[1].counter) {
            return Err(DeviceError::RepeatedKey(pair[0].counter));
        }
        keys.retain(|key| key.counter > last);
        Ok(Self { left: keys.into() })
    }

    pub fn len(&self) -> usize {
        self.left.len()
    }

    pub fn take(&mut self) -> Option<LimitedUseKey> {
        self.left.pop_front()
    }
}
