//! PINs, and how an issuer tells the right one: Visa's PVV and IBM 3624 with an offset.

use std::fmt;

use zeroize::Zeroizing;

use super::{CryptoError, decimalise, digits, field, key::BlockCipher, mac, nibbles, pack};

/// Four to twelve digits (ISO 9564-1). Zeroised, never shown.
#[derive(Clone)]
pub struct Pin(Zeroizing<Vec<u8>>);

const PIN: CryptoError = field("pin", "4 to 12 digits");

impl Pin {
    /// # Errors
    /// Not 4 to 12 digits.
    pub fn new(text: &str) -> Result<Self, CryptoError> {
        digits(text, 4, 12, PIN).map(Self)
    }

    pub(super) fn from_digits(digits: &[u8]) -> Result<Self, CryptoError> {
        let right = (4..=12).contains(&digits.len()) && digits.iter().all(|digit| *digit < 10);
        if right {
            Ok(Self(Zeroizing::new(digits.to_vec())))
        } else {
            Err(PIN)
        }
    }

    /// Numbers of 0 to 9.
    pub fn digits(&self) -> &[u8] {
        &self.0
    }

    /// The PIN as its holder types it.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.iter().map(|digit| char::from(b'0' + digit)).collect())
    }

    /// In constant time, but for how many digits they have.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && mac::equal(&self.0, &other.0)
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(..)")
    }
}

/// Visa's PIN verification value, four digits: of the 11 digits before the card number's check digit, the index of
/// the key and the PIN.
///
/// # Errors
/// A PIN of more than four digits, a card number of less than 12, an index above 9, or what the key's holder says.
pub fn pvv<K: BlockCipher<8>>(key: &K, key_index: u8, pin: &Pin, pan: &str) -> Result<String, K::Error> {
    let pan = digits(pan, 12, 19, field("pan", "12 to 19 digits"))?;
    if pin.digits().len() != 4 {
        Err(field("pin", "four digits"))?;
    }
    if key_index > 9 {
        Err(field("pvki", "one digit"))?;
    }
    let kept = &pan[pan.len() - 12..pan.len() - 1];
    let all = Zeroizing::new([kept, &[key_index], pin.digits()].concat());
    let block = pack(&all, 0)
        .as_slice()
        .try_into()
        .expect("sixteen digits are eight bytes");
    Ok(decimalise(&key.encrypt(block)?, 4))
}

/// What IBM 3624 enciphers, and how it makes digits of it.
#[derive(Clone, Copy)]
pub struct Validation<'a> {
    /// Up to 19 digits.
    pub pan: &'a str,
    /// The first digit of it that counts, from 0.
    pub start: usize,
    /// How many of its digits count, of which at most 16 are used.
    pub length: usize,
    /// One hexadecimal digit that fills up to 16.
    pub pad: &'a str,
    /// Sixteen digits: what each of 0 to F becomes.
    pub table: &'a str,
}

/// The PIN that `offset` (4 to 12 digits) makes of the one that the card's number gives.
///
/// # Errors
/// What is not as [`Validation`] says, an offset that is none, or what the key's holder says.
pub fn ibm3624_pin<K: BlockCipher<8>>(key: &K, validation: Validation<'_>, offset: &str) -> Result<Pin, K::Error> {
    let offset = digits(offset, 4, 12, field("offset", "4 to 12 digits"))?;
    let natural = natural_digits(key, validation)?;
    let sum = natural
        .iter()
        .zip(offset.iter())
        .map(|(natural, offset)| (natural + offset) % 10);
    Ok(Pin::from_digits(&Zeroizing::new(sum.collect::<Vec<_>>()))?)
}

/// What must be added to the PIN that the card's number gives, digit by digit, for `pin`.
///
/// # Errors
/// As of [`ibm3624_pin`].
pub fn ibm3624_offset<K: BlockCipher<8>>(key: &K, validation: Validation<'_>, pin: &Pin) -> Result<String, K::Error> {
    let natural = natural_digits(key, validation)?;
    let difference = pin
        .digits()
        .iter()
        .zip(natural.iter())
        .map(|(pin, natural)| (10 + pin - natural) % 10);
    Ok(difference.map(|digit| char::from(b'0' + digit)).collect())
}

fn natural_digits<K: BlockCipher<8>>(key: &K, of: Validation<'_>) -> Result<Zeroizing<Vec<u8>>, K::Error> {
    let block = validation_block(of)?;
    let table = digits(of.table, 16, 16, field("conversion_table", "16 digits"))?;
    let enciphered = Zeroizing::new(key.encrypt(block)?);
    Ok(Zeroizing::new(
        nibbles(enciphered.as_slice())
            .iter()
            .map(|nibble| table[usize::from(*nibble)])
            .collect(),
    ))
}

fn validation_block(of: Validation<'_>) -> Result<[u8; 8], CryptoError> {
    let pan = digits(of.pan, 1, 19, field("pan", "1 to 19 digits"))?;
    let pad = match of.pad.as_bytes() {
        [digit] => char::from(*digit).to_digit(16),
        _ => None,
    };
    let pad = pad.ok_or(field("pan_pad", "one hexadecimal digit"))? as u8;
    let end = of.start.checked_add(of.length);
    let chosen = end.and_then(|end| pan.get(of.start..end));
    let chosen = chosen.ok_or(field(
        "pan_verify_length",
        "within the card number from pan_verify_offset on",
    ))?;
    let mut block = Zeroizing::new(chosen[..chosen.len().min(16)].to_vec());
    block.resize(16, pad);
    Ok(pack(&block, 0)
        .as_slice()
        .try_into()
        .expect("sixteen digits are eight bytes"))
}
