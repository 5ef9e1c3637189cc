//! A message apart from how any variant writes it: field number to value.

use std::fmt;

use zeroize::Zeroize;

use super::{
    MessageType,
    masked::Masked,
    violation::{Fault, Violation},
};

/// Bytes of all values of a message together.
pub const MESSAGE_BYTES_MAX: usize = 8_192;

/// The fields of a message. Values are ASCII text, or bytes where the field's class is `b` (52, 55, 64, 128);
/// they lie in one buffer, which is overwritten with zeros when dropped, as it may hold a card number, a track or a PIN block.
#[derive(Clone)]
pub struct Message {
    message_type: MessageType,
    /// Bit `n - 1` is field `n`.
    present: u128,
    /// Start and length in `values`, by field less one.
    spans: [(u16, u16); 128],
    values: Vec<u8>,
}

impl Message {
    pub fn new(message_type: MessageType) -> Self {
        Self::with_capacity(message_type, 256)
    }

    pub(super) fn with_capacity(message_type: MessageType, bytes: usize) -> Self {
        Self {
            message_type,
            present: 0,
            spans: [(0, 0); 128],
            values: Vec::with_capacity(bytes),
        }
    }

    pub fn message_type(&self) -> MessageType {
        self.message_type
    }

    pub fn set_message_type(&mut self, message_type: MessageType) {
        self.message_type = message_type;
    }

    /// The value of a field, if present.
    pub fn get(&self, field: u8) -> Option<&[u8]> {
        let (start, length) = self.has(field).then(|| self.spans[index(field)])?;
        Some(&self.values[usize::from(start)..usize::from(start) + usize::from(length)])
    }

    pub fn has(&self, field: u8) -> bool {
        (1..=128).contains(&field) && self.present & bit(field) != 0
    }

    /// Puts a value, in place of one that is there. Whether the field may hold it is found when the message is built.
    ///
    /// # Errors
    /// Fields are 2 to 128, and all values together at most [`MESSAGE_BYTES_MAX`].
    pub fn set(&mut self, field: u8, value: &[u8]) -> Result<(), Violation> {
        if !(2..=128).contains(&field) {
            return Err(Violation::of_field(field, Fault::Unlisted));
        }
        self.remove(field);
        if self.values.len() + value.len() > MESSAGE_BYTES_MAX {
            let fault = Fault::MessageTooLong { max: MESSAGE_BYTES_MAX };
            return Err(Violation::of_field(field, fault));
        }
        self.reserve(value.len());
        let start = self.values.len();
        self.values.extend_from_slice(value);
        self.record(field, start);
        Ok(())
    }

    /// Takes a field out, and its value out of memory.
    pub fn remove(&mut self, field: u8) {
        if !self.has(field) {
            return;
        }
        let (start, length) = self.spans[index(field)];
        let end = usize::from(start) + usize::from(length);
        self.values.copy_within(end.., usize::from(start));
        let kept = self.values.len() - usize::from(length);
        self.values[kept..].zeroize();
        self.values.truncate(kept);
        self.present &= !bit(field);
        self.spans[index(field)] = (0, 0);
        for span in &mut self.spans {
            if span.0 > start {
                span.0 -= length;
            }
        }
    }

    /// Numbers of the fields that are present, ascending.
    pub fn fields(&self) -> impl Iterator<Item = u8> + use<> {
        bits(self.present)
    }

    /// Copies fields, those present, as an answer repeats them.
    pub fn copy_from(&mut self, other: &Self, fields: &[u8]) -> Result<(), Violation> {
        for &field in fields {
            if let Some(value) = other.get(field) {
                self.set(field, value)?;
            }
        }
        Ok(())
    }

    /// The message for logs: card numbers as 6+4; tracks, PIN blocks and what is not known to be harmless by length only.
    pub fn masked(&self) -> Masked<'_> {
        Masked(self)
    }

    pub(super) fn present(&self) -> u128 {
        self.present
    }

    pub(super) fn values_mut(&mut self) -> &mut Vec<u8> {
        &mut self.values
    }

    /// The field's value is what the buffer holds from `start` on.
    pub(super) fn record(&mut self, field: u8, start: usize) {
        let length = self.values.len() - start;
        let span = |bytes: usize| u16::try_from(bytes).expect("values are at most 8,192 bytes together");
        self.spans[index(field)] = (span(start), span(length));
        self.present |= bit(field);
    }

    /// Grows without leaving a copy of the values behind.
    fn reserve(&mut self, bytes: usize) {
        if self.values.capacity() - self.values.len() < bytes {
            let mut grown = Vec::with_capacity((self.values.len() + bytes) * 2);
            grown.extend_from_slice(&self.values);
            self.values.zeroize();
            self.values = grown;
        }
    }
}

/// Equal fields: in which order they were set does not matter.
impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.message_type == other.message_type
            && self.present == other.present
            && self.fields().all(|field| self.get(field) == other.get(field))
    }
}

impl Eq for Message {}

impl Drop for Message {
    fn drop(&mut self) {
        self.values.as_mut_slice().zeroize();
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.masked(), f)
    }
}

/// Ascending numbers of the fields of a set.
pub(super) fn bits(mut set: u128) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let field = set.trailing_zeros() + 1;
        set &= set.checked_sub(1)?;
        Some(field as u8)
    })
}

pub(super) fn bit(field: u8) -> u128 {
    1 << (field - 1)
}

pub(super) fn index(field: u8) -> usize {
    usize::from(field - 1)
}
