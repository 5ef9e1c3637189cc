//! Writing data objects.

use super::Tag;

/// Appends data objects to bytes, with the shortest length.
#[derive(Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a primitive object.
    ///
    /// # Panics
    /// When the value is 4 GiB or more: values come from bounded messages.
    pub fn primitive(&mut self, tag: Tag, value: &[u8]) -> &mut Self {
        tag.append_to(&mut self.bytes);
        self.append_length(value.len());
        self.bytes.extend_from_slice(value);
        self
    }

    /// Appends a constructed object of what `fill` writes.
    pub fn constructed(&mut self, tag: Tag, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let mut inner = Self::new();
        fill(&mut inner);
        self.primitive(tag, &inner.bytes)
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn append_length(&mut self, length: usize) {
        let length = u32::try_from(length).expect("a value is below 4 GiB");
        if length < 0x80 {
            self.bytes.push(length as u8);
            return;
        }
        let digits = length.to_be_bytes();
        let digits = &digits[length.leading_zeros() as usize / 8..];
        self.bytes.push(0x80 | digits.len() as u8);
        self.bytes.extend_from_slice(digits);
    }
}
