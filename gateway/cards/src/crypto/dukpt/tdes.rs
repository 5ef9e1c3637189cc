//! DUKPT of TDES (ANSI X9.24-1 of 2009, annex A; X9.24-3 of 2017, annex C).

use zeroize::Zeroizing;

use super::{Use, counters};
use crate::crypto::{
    CryptoError, field,
    key::{BlockCipher, Tdes, TdesKey, infallible},
    modes::xor,
};

const COUNTER: u32 = 0x1F_FFFF;
const ONES_MAX: u32 = 10;
/// Makes another key of one, on each half.
const VARIANT: [u8; 8] = [0xC0, 0xC0, 0xC0, 0xC0, 0, 0, 0, 0];

/// The serial number without its counter, and the counter.
fn split(mut ksn: [u8; 10]) -> ([u8; 10], u32) {
    let low = u32::from_be_bytes([ksn[6], ksn[7], ksn[8], ksn[9]]);
    ksn[6..].copy_from_slice(&(low & !COUNTER).to_be_bytes());
    (ksn, low & COUNTER)
}

fn joined(left: [u8; 8], right: [u8; 8]) -> TdesKey {
    let both = Zeroizing::new([left, right]);
    TdesKey::new(both.as_flattened()).expect("two halves of 8 bytes")
}

fn halves(key: &TdesKey) -> ([u8; 8], [u8; 8]) {
    let (halves, _) = key.bytes().as_chunks::<8>();
    (halves[0], halves[1])
}

fn variant(key: &TdesKey, mask: &[u8; 8]) -> TdesKey {
    let (left, right) = halves(key);
    joined(xor(left, mask), xor(right, mask))
}

/// A terminal's initial key (IPEK) from the base derivation key. The counter in `ksn` does not matter.
pub fn initial_key(base: &TdesKey, ksn: [u8; 10]) -> TdesKey {
    let (named, _) = split(ksn);
    let block: [u8; 8] = std::array::from_fn(|at| named[at]);
    joined(
        infallible(base.encrypt(block)),
        infallible(variant(base, &VARIANT).encrypt(block)),
    )
}

/// A transaction's key from the terminal's initial key.
///
/// # Errors
/// A counter of zero, or with more than ten ones.
pub fn transaction_key(initial: &TdesKey, ksn: [u8; 10]) -> Result<TdesKey, CryptoError> {
    let (named, counter) = split(ksn);
    if !(1..=ONES_MAX).contains(&counter.count_ones()) {
        return Err(field("ksn", "10 bytes, of which the last 21 bits have one to ten ones"));
    }
    let mut register: [u8; 8] = std::array::from_fn(|at| named[at + 2]);
    let mut key = initial.clone();
    for part in counters(counter) {
        let low = u32::from_be_bytes([named[6], named[7], named[8], named[9]]) | part;
        register[4..].copy_from_slice(&low.to_be_bytes());
        key = joined(one_way(&variant(&key, &VARIANT), &register), one_way(&key, &register));
    }
    Ok(key)
}

/// DES under the left half, masked with the right half before and after.
fn one_way(key: &TdesKey, register: &[u8; 8]) -> [u8; 8] {
    let (_, right) = halves(key);
    xor(infallible(key.encrypt_left(xor(right, register))), &right)
}

/// The key of one use from the transaction's. Data's are enciphered under themselves.
pub fn working_key(transaction: &TdesKey, by: Use) -> TdesKey {
    let (byte, is_data) = match by {
        Use::Pin => (7, false),
        Use::MacRequest => (6, false),
        Use::MacResponse => (4, false),
        Use::DataRequest => (5, true),
        Use::DataResponse => (3, true),
    };
    let mut mask = [0; 8];
    mask[byte] = 0xFF;
    let key = variant(transaction, &mask);
    if !is_data {
        return key;
    }
    let (left, right) = halves(&key);
    joined(infallible(key.encrypt(left)), infallible(key.encrypt(right)))
}
