//! What issuers and acquirers compute with keys: cryptograms, PIN blocks, authentication codes, key blocks.
//!
//! | module | what | by |
//! | --- | --- | --- |
//! | [`key`], [`modes`], [`mac`] | TDES and AES keys, ECB and CBC, MACs and their paddings | ISO 9797-1, NIST SP 800-38B |
//! | [`derivation`] | a card's keys from an issuer's, a transaction's from a card's | EMV Book 2, annex A1 |
//! | [`dukpt`] | a key for each transaction of a terminal | ANSI X9.24 |
//! | [`cryptogram`] | cryptograms (ARQC, TC, AAC) and answers to them (ARPC) | EMV Book 2, 8; the schemes |
//! | [`script`] | issuer scripts: MAC, encryption, change of PIN | EMV Book 2, 9 |
//! | [`cvv`] | CVV, CVC, iCVV, CVV2, dCVV and CVC3 | the schemes |
//! | [`pin`], [`pin_block`] | PVV, IBM 3624, PIN blocks | ISO 9564-1 |
//! | [`tr31`] | key blocks | TR-31, ANSI X9.143 |
//! | [`command`] | all of it for testers, in JSON | |
//!
//! Whatever a key that stays in a security module is needed for is written over [`key::BlockCipher`], which a module's
//! handle implements as well as a key in memory. Keys and PINs have no `Debug` that shows them, and are zeroised.

pub mod command;
pub mod cryptogram;
pub mod cvv;
pub mod derivation;
pub mod dukpt;
pub mod key;
pub mod mac;
pub mod modes;
pub mod pin;
pub mod pin_block;
pub mod script;
pub mod tr31;

use thiserror::Error;

/// What was wrong with what was given. Says nothing of what the value was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CryptoError {
    #[error("{field} must be {expected}")]
    Field {
        field: &'static str,
        expected: &'static str,
    },
    /// What was deciphered is not a PIN block of the format: the wrong key, card number or format.
    #[error("the PIN block does not decipher to one of its format: {0}")]
    PinBlock(&'static str),
    #[error("the key block is refused: {0}")]
    KeyBlock(#[from] tr31::KeyBlockError),
}

pub(crate) const fn field(field: &'static str, expected: &'static str) -> CryptoError {
    CryptoError::Field { field, expected }
}

/// The digits of `text` as numbers, when there are `least` to `most` of them and nothing else.
pub(crate) fn digits(
    text: &str,
    least: usize,
    most: usize,
    or: CryptoError,
) -> Result<zeroize::Zeroizing<Vec<u8>>, CryptoError> {
    if text.len() < least || text.len() > most || !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(or);
    }
    Ok(zeroize::Zeroizing::new(
        text.bytes().map(|digit| digit - b'0').collect(),
    ))
}

/// Half bytes packed two by two; an odd one is followed by `fill`.
pub(crate) fn pack(nibbles: &[u8], fill: u8) -> zeroize::Zeroizing<Vec<u8>> {
    let pairs = nibbles
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(fill));
    zeroize::Zeroizing::new(pairs.collect())
}

pub(crate) fn nibbles(bytes: &[u8]) -> zeroize::Zeroizing<Vec<u8>> {
    zeroize::Zeroizing::new(bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]).collect())
}

/// The first `count` half bytes that are decimal; where they run out, those above nine less ten.
/// The decimalisation of CVV and PVV.
pub(crate) fn decimalise(block: &[u8], count: usize) -> String {
    let all = nibbles(block);
    let low = all.iter().filter(|nibble| **nibble < 10).copied();
    let high = all.iter().filter(|nibble| **nibble >= 10).map(|nibble| nibble - 10);
    low.chain(high)
        .take(count)
        .map(|digit| char::from(b'0' + digit))
        .collect()
}
