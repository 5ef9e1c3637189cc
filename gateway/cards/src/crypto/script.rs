//! Issuer scripts: commands that only the issuer can have made (EMV Book 2, 9).

use zeroize::Zeroizing;

use super::{
    CryptoError,
    cryptogram::Version,
    derivation, field,
    key::{TdesKey, infallible},
    mac::{self, Padding},
    modes,
    modes::xor,
    pin::Pin,
    pin_block::{self, Format},
};

/// How a command's data are enciphered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Length byte before, `80` after, ECB.
    Visa,
    /// `80` only where it is no whole block, CBC.
    Mastercard,
    /// `80` always, CBC.
    Emv,
}

/// What of a transaction the keys and codes of its scripts depend on.
#[derive(Debug, Clone, Copy)]
pub struct Occasion {
    pub version: Version,
    /// Tag 9F36.
    pub counter: [u8; 2],
    /// Tag 9F26: what the terminal sent.
    pub cryptogram: [u8; 8],
}

/// The first `length` (4 to 8) of the code's bytes, over all of a command.
///
/// # Errors
/// Another length.
pub fn code(session: &TdesKey, command: &[u8], length: usize) -> Result<Vec<u8>, CryptoError> {
    if !(4..=8).contains(&length) {
        return Err(field("length", "4 to 8"));
    }
    Ok(infallible(mac::retail(session, command, Padding::Method2))[..length].to_vec())
}

/// # Errors
/// More than 239 bytes, which no command has room for.
pub fn encrypt(session: &TdesKey, encryption: Encryption, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
    if data.len() > 239 {
        return Err(field("command_data", "at most 239 bytes"));
    }
    let padded = |data: &[u8]| Zeroizing::new(Padding::Method2.apply(data, 8));
    let enciphered = match encryption {
        Encryption::Visa => {
            let all = Zeroizing::new([&[data.len() as u8], data].concat());
            modes::ecb_encrypt(session, &padded(&all))
        }
        Encryption::Mastercard if !data.is_empty() && data.len().is_multiple_of(8) => {
            modes::cbc_encrypt(session, [0; 8], data)
        }
        Encryption::Mastercard | Encryption::Emv => modes::cbc_encrypt(session, [0; 8], &padded(data)),
    };
    Ok(infallible(enciphered).to_vec())
}

impl Occasion {
    /// A script's session key from the card's key of scripts: of integrity or of confidentiality.
    pub fn session_key(&self, card: &TdesKey) -> TdesKey {
        match self.version {
            Version::Visa10 | Version::Visa18 => derivation::visa_script_key(card, self.counter),
            _ => infallible(derivation::common_session_key(card, self.cryptogram)),
        }
    }

    /// 8 bytes over header, counter, cryptogram and data. `integrity` is the card's key.
    pub fn code(&self, integrity: &TdesKey, header: &[u8; 5], data: &[u8]) -> [u8; 8] {
        let message = [header.as_slice(), &self.counter, &self.cryptogram, data].concat();
        infallible(mac::retail(&self.session_key(integrity), &message, Padding::Method2))
    }

    const fn encryption(&self) -> Encryption {
        match self.version {
            Version::Visa10 | Version::Visa18 | Version::Visa22 => Encryption::Visa,
            _ => Encryption::Mastercard,
        }
    }

    /// The whole command PIN CHANGE/UNBLOCK. Where Visa's card is to know the old PIN too, `current` is that.
    ///
    /// # Errors
    /// An old PIN for a card of Mastercard, which has no such command.
    pub fn pin_change(&self, keys: &CardKeys, new: &Pin, current: Option<&Pin>) -> Result<Vec<u8>, CryptoError> {
        let visa = self.encryption() == Encryption::Visa;
        if !visa && current.is_some() {
            return Err(field("current_pin", "absent for a card of Mastercard"));
        }
        let of_visa = visa && (current.is_some() || self.version != Version::Visa22);
        let block = if of_visa {
            visa_pin_block(&keys.cryptograms, new, current)
        } else {
            pin_block::compose(Format::Iso2, new, "", &[0; 16])?
        };
        let enciphered = encrypt(
            &self.session_key(&keys.confidentiality),
            self.encryption(),
            block.as_slice(),
        )?;
        let header = [
            0x84,
            0x24,
            0x00,
            if current.is_some() { 1 } else { 2 },
            enciphered.len() as u8 + 8,
        ];
        let code = self.code(&keys.integrity, &header, &enciphered);
        Ok([header.as_slice(), &enciphered, &code].concat())
    }
}

/// A card's three master keys.
pub struct CardKeys {
    pub cryptograms: TdesKey,
    pub integrity: TdesKey,
    pub confidentiality: TdesKey,
}

/// Visa's block of a new PIN: length, PIN, F; xor the last four bytes of the left half of the card's key; xor the
/// old PIN, left-aligned.
pub fn visa_pin_block(cryptograms: &TdesKey, new: &Pin, current: Option<&Pin>) -> Zeroizing<[u8; 8]> {
    let block = |digits: &[u8], fill: u8| -> Zeroizing<[u8; 8]> {
        let mut all = Zeroizing::new(digits.to_vec());
        all.resize(16, fill);
        Zeroizing::new(
            super::pack(&all, 0)
                .as_slice()
                .try_into()
                .expect("sixteen digits are eight bytes"),
        )
    };
    let headed = Zeroizing::new([&[0, new.digits().len() as u8], new.digits()].concat());
    let mut of_card = Zeroizing::new([0; 8]);
    of_card[4..].copy_from_slice(&cryptograms.bytes()[4..8]);
    let mixed = Zeroizing::new(xor(*block(&headed, 0xF), &of_card));
    current.map_or(mixed.clone(), |pin| {
        Zeroizing::new(xor(*mixed, &block(pin.digits(), 0)))
    })
}
