//! A card's keys from its issuer's, and a transaction's from its card's (EMV Book 2, annex A1.3 and A1.4).

use sha1::{Digest, Sha1};

use super::{
    CryptoError, decimalise, digits, field,
    key::{BlockCipher, TdesKey},
    pack,
};

/// How a card's number and sequence number become the block that its master key is enciphered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MasterKey {
    /// The last 16 digits of the card's number and its sequence number.
    OptionA,
    /// The same up to 16 digits of card number; longer ones by SHA-1 and decimalised.
    OptionB,
}

/// A card as keys are derived for it.
#[derive(Clone, Copy)]
pub struct CardNumber<'a> {
    /// Up to 19 digits.
    pub pan: &'a str,
    /// Tag 5F34, two digits; `None` is 00.
    pub sequence: Option<&'a str>,
}

impl MasterKey {
    fn block(self, card: CardNumber<'_>) -> Result<[u8; 8], CryptoError> {
        let pan = digits(card.pan, 1, 19, field("pan", "1 to 19 digits"))?;
        let sequence = digits(card.sequence.unwrap_or("00"), 2, 2, field("psn", "two digits"))?;
        let all = zeroize::Zeroizing::new([pan.as_slice(), &sequence].concat());
        if self == Self::OptionB && pan.len() > 16 {
            let even = if all.len() % 2 == 1 {
                [&[0], all.as_slice()].concat()
            } else {
                all.to_vec()
            };
            let chosen = decimalise(&Sha1::digest(pack(&zeroize::Zeroizing::new(even), 0).as_slice()), 16);
            return Ok(packed(chosen.bytes().map(|digit| digit - b'0')));
        }
        let kept = &all[all.len().saturating_sub(16)..];
        Ok(packed(
            std::iter::repeat_n(0, 16 - kept.len()).chain(kept.iter().copied()),
        ))
    }

    /// The card's master key, with odd parity.
    ///
    /// # Errors
    /// A card number or sequence number that is none, or what the key's holder says.
    pub fn derive<K: BlockCipher<8>>(self, issuer: &K, card: CardNumber<'_>) -> Result<TdesKey, K::Error> {
        let left = self.block(card)?;
        let right = left.map(|byte| !byte);
        Ok(joined(issuer.encrypt(left)?, issuer.encrypt(right)?))
    }
}

fn packed(digits: impl Iterator<Item = u8>) -> [u8; 8] {
    let digits = zeroize::Zeroizing::new(digits.collect::<Vec<_>>());
    pack(&digits, 0)
        .as_slice()
        .try_into()
        .expect("sixteen digits are eight bytes")
}

fn joined(left: [u8; 8], right: [u8; 8]) -> TdesKey {
    let mut both = zeroize::Zeroizing::new([0; 16]);
    both[..8].copy_from_slice(&left);
    both[8..].copy_from_slice(&right);
    TdesKey::with_odd_parity(*both)
}

/// EMV's common session key derivation from `diversification` R: `R[2]` is F0 for the left half and 0F for the
/// right one.
///
/// # Errors
/// What the key's holder says.
pub fn common_session_key<K: BlockCipher<8>>(card: &K, diversification: [u8; 8]) -> Result<TdesKey, K::Error> {
    let half = |third: u8| {
        let mut block = diversification;
        block[2] = third;
        card.encrypt(block)
    };
    Ok(joined(half(0xF0)?, half(0x0F)?))
}

/// R of a cryptogram's session key by EMV: the transaction counter (tag 9F36), then zero bytes.
pub fn by_counter(counter: [u8; 2]) -> [u8; 8] {
    [counter[0], counter[1], 0, 0, 0, 0, 0, 0]
}

/// R of a cryptogram's session key by Mastercard: the counter, two zero bytes, the terminal's unpredictable number.
pub fn by_counter_and_number(counter: [u8; 2], unpredictable: [u8; 4]) -> [u8; 8] {
    let [a, b, c, d] = unpredictable;
    [counter[0], counter[1], 0, 0, a, b, c, d]
}

/// Visa's session key of issuer scripts: the halves of the card's key, the counter added to the left one, its
/// complement to the right one.
pub fn visa_script_key(card: &TdesKey, counter: [u8; 2]) -> TdesKey {
    let mut key = *card.bytes();
    for at in 0..2 {
        key[6 + at] ^= counter[at];
        key[14 + at] ^= !counter[at];
    }
    TdesKey::with_odd_parity(key)
}
