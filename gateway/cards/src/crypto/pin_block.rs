//! PIN blocks (ISO 9564-1): a PIN with something of the card, enciphered between keypad and issuer.
//!
//! | format | block | with the card | fill |
//! | --- | --- | --- | --- |
//! | 0 | `0` length PIN fill | xor of 0000 and 12 digits before the check digit | F |
//! | 1 | `1` length PIN fill | nothing | random |
//! | 2 | `2` length PIN fill | nothing; only between terminal and chip | F |
//! | 3 | `3` length PIN fill | as 0 | random of A to F |
//! | 4 | `4` length PIN fill, 8 random bytes; AES | xor between two encipherments | A |

use zeroize::Zeroizing;

use super::{CryptoError, digits, field, key::BlockCipher, modes::xor, nibbles, pack, pin::Pin};

/// The formats of 8 bytes, which go under TDES.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Iso0,
    Iso1,
    Iso2,
    Iso3,
}

impl Format {
    const fn control(self) -> u8 {
        self as u8
    }

    const fn has_card(self) -> bool {
        matches!(self, Self::Iso0 | Self::Iso3)
    }

    fn fill(self, random: u8) -> u8 {
        match self {
            Self::Iso0 | Self::Iso2 => 0xF,
            Self::Iso1 => random & 0xF,
            Self::Iso3 => 0xA + random % 6,
        }
    }

    const fn may_fill(self, nibble: u8) -> bool {
        match self {
            Self::Iso0 | Self::Iso2 => nibble == 0xF,
            Self::Iso1 => true,
            Self::Iso3 => nibble >= 0xA,
        }
    }
}

/// The clear block. `pan` is not read by formats 1 and 2, `random` only by 1 and 3.
///
/// # Errors
/// A card number of less than 13 or more than 19 digits.
pub fn compose(format: Format, pin: &Pin, pan: &str, random: &[u8; 16]) -> Result<Zeroizing<[u8; 8]>, CryptoError> {
    let mut all = headed(format.control(), pin);
    let missing = 16 - all.len();
    all.extend(random.iter().take(missing).map(|random| format.fill(*random)));
    with_card(format, bytes(&all), pan)
}

fn headed(control: u8, pin: &Pin) -> Zeroizing<Vec<u8>> {
    let digits = pin.digits();
    let mut all = Zeroizing::new(Vec::with_capacity(32));
    all.extend([control, digits.len() as u8]);
    all.extend(digits);
    all
}

fn bytes<const N: usize>(nibbles: &[u8]) -> [u8; N] {
    pack(nibbles, 0)
        .as_slice()
        .try_into()
        .expect("as many half bytes as the block has")
}

fn with_card(format: Format, block: [u8; 8], pan: &str) -> Result<Zeroizing<[u8; 8]>, CryptoError> {
    if !format.has_card() {
        return Ok(Zeroizing::new(block));
    }
    let pan = digits(pan, 13, 19, field("pan", "13 to 19 digits"))?;
    let kept = &pan[pan.len() - 13..pan.len() - 1];
    let card: [u8; 8] = bytes(&Zeroizing::new([&[0; 4], kept].concat()));
    Ok(Zeroizing::new(xor(block, &card)))
}

/// The PIN of a clear block.
///
/// # Errors
/// A block that is not of the format, as one is that was deciphered under another key or for another card.
pub fn parse(format: Format, block: &[u8; 8], pan: &str) -> Result<Pin, CryptoError> {
    let block = with_card(format, *block, pan)?;
    let all = nibbles(block.as_slice());
    pin_of(&all, format.control(), |nibble| format.may_fill(nibble))
}

fn pin_of(nibbles: &[u8], control: u8, may_fill: impl Fn(u8) -> bool) -> Result<Pin, CryptoError> {
    if nibbles[0] != control {
        return Err(CryptoError::PinBlock("its control field is of another format"));
    }
    let length = usize::from(nibbles[1]);
    if !(4..=12).contains(&length) {
        return Err(CryptoError::PinBlock("the PIN's length is not 4 to 12"));
    }
    let (pin, fill) = nibbles[2..16].split_at(length);
    if pin.iter().any(|digit| *digit > 9) {
        return Err(CryptoError::PinBlock("the PIN is not of digits"));
    }
    if !fill.iter().all(|nibble| may_fill(*nibble)) {
        return Err(CryptoError::PinBlock("its fill is not the format's"));
    }
    Pin::from_digits(pin)
}

/// # Errors
/// As of [`compose`], or what the key's holder says.
pub fn encipher<K: BlockCipher<8>>(
    key: &K,
    format: Format,
    pin: &Pin,
    pan: &str,
    random: &[u8; 16],
) -> Result<[u8; 8], K::Error> {
    key.encrypt(*compose(format, pin, pan, random)?)
}

/// # Errors
/// As of [`parse`], or what the key's holder says.
pub fn decipher<K: BlockCipher<8>>(key: &K, format: Format, block: [u8; 8], pan: &str) -> Result<Pin, K::Error> {
    Ok(parse(format, &Zeroizing::new(key.decrypt(block)?), pan)?)
}

/// Format 4's PIN field, of which the last 8 bytes are `random`'s first.
pub fn pin_field_4(pin: &Pin, random: &[u8; 16]) -> Zeroizing<[u8; 16]> {
    let mut all = headed(4, pin);
    all.resize(16, 0xA);
    all.extend(nibbles(&random[..8]).iter());
    Zeroizing::new(bytes(&all))
}

/// Format 4's field of the card: how many digits above 12, the digits, zeros. Shorter numbers get zeros before them.
///
/// # Errors
/// Not 1 to 19 digits.
pub fn pan_field_4(pan: &str) -> Result<Zeroizing<[u8; 16]>, CryptoError> {
    let pan = digits(pan, 1, 19, field("pan", "1 to 19 digits"))?;
    let mut all = Zeroizing::new(vec![pan.len().saturating_sub(12) as u8]);
    all.resize(1 + 12usize.saturating_sub(pan.len()), 0);
    all.extend(pan.iter());
    all.resize(32, 0);
    Ok(Zeroizing::new(bytes(&all)))
}

/// # Errors
/// Another format, or a PIN that is none.
pub fn parse_pin_field_4(block: &[u8; 16]) -> Result<Pin, CryptoError> {
    pin_of(&nibbles(block), 4, |nibble| nibble == 0xA)
}

/// Format 4: the PIN field enciphered, xor the card's field, enciphered again.
///
/// # Errors
/// A card number that is none, or what the key's holder says.
pub fn encipher_4<K: BlockCipher<16>>(key: &K, pin: &Pin, pan: &str, random: &[u8; 16]) -> Result<[u8; 16], K::Error> {
    let card = pan_field_4(pan)?;
    let inner = Zeroizing::new(key.encrypt(*pin_field_4(pin, random))?);
    key.encrypt(xor(*inner, &card))
}

/// # Errors
/// A card number that is none, a block of another key, card or format, or what the key's holder says.
pub fn decipher_4<K: BlockCipher<16>>(key: &K, block: [u8; 16], pan: &str) -> Result<Pin, K::Error> {
    let card = pan_field_4(pan)?;
    let inner = Zeroizing::new(key.decrypt(block)?);
    let field = Zeroizing::new(key.decrypt(xor(*inner, &card))?);
    Ok(parse_pin_field_4(&field)?)
}
