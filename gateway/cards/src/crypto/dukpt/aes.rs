//! DUKPT of AES (ANSI X9.24-3 of 2017, 6).
//!
//! Every key is derived by enciphering blocks of derivation data, of which each says what it is for:
//!
//! | bytes | what |
//! | --- | --- |
//! | 0 | version, 01 |
//! | 1 | number of the block, from 01 |
//! | 2–3 | use of the key that is derived |
//! | 4–5 | its algorithm: 0002, 0003, 0004 are AES of 128, 192, 256 bits, 0005 HMAC |
//! | 6–7 | its length in bits |
//! | 8–15 | initial key ID, of initial keys; its last four bytes and the counter, of others |

use zeroize::Zeroizing;

use super::{Use, counters};
use crate::crypto::{
    CryptoError, field,
    key::{AesKey, BlockCipher, infallible},
};

const ONES_MAX: u32 = 16;
const INITIAL: u16 = 0x8001;
const DERIVATION: u16 = 0x8000;
const HMAC: u16 = 5;

fn use_of(by: Use) -> u16 {
    match by {
        Use::Pin => 0x1000,
        Use::MacRequest => 0x2000,
        Use::MacResponse => 0x2001,
        Use::DataRequest => 0x3000,
        Use::DataResponse => 0x3001,
    }
}

fn algorithm_of(length: usize) -> u16 {
    match length {
        16 => 2,
        24 => 3,
        _ => 4,
    }
}

/// `length` bytes under `key`, 32 at most.
fn derived(key: &AesKey, (used, algorithm): (u16, u16), length: usize, context: [u8; 8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(32));
    for number in 1..=length.div_ceil(16) {
        let mut block = [0; 16];
        block[0] = 1;
        block[1] = number as u8;
        block[2..4].copy_from_slice(&used.to_be_bytes());
        block[4..6].copy_from_slice(&algorithm.to_be_bytes());
        block[6..8].copy_from_slice(&(length as u16 * 8).to_be_bytes());
        block[8..].copy_from_slice(&context);
        out.extend(infallible(key.encrypt(block)));
    }
    out.truncate(length);
    out
}

/// A key as long as the one that it is derived from.
fn alike(key: &AesKey, used: u16, context: [u8; 8]) -> AesKey {
    let length = key.bytes().len();
    AesKey::new(&derived(key, (used, algorithm_of(length)), length, context)).expect("the length of an AES key")
}

/// The last four bytes of the initial key ID, then `counter`.
fn context(ksn: [u8; 12], counter: u32) -> [u8; 8] {
    let mut context = [0; 8];
    context[..4].copy_from_slice(&ksn[4..8]);
    context[4..].copy_from_slice(&counter.to_be_bytes());
    context
}

fn counter(ksn: [u8; 12]) -> u32 {
    u32::from_be_bytes([ksn[8], ksn[9], ksn[10], ksn[11]])
}

/// A terminal's initial key from the base derivation key, and as long as that. `id` is what the terminal's serial
/// numbers begin with.
pub fn initial_key(base: &AesKey, id: [u8; 8]) -> AesKey {
    alike(base, INITIAL, id)
}

/// A transaction's key from the terminal's initial key.
///
/// # Errors
/// A counter of zero, or with more than 16 ones.
pub fn transaction_key(initial: &AesKey, ksn: [u8; 12]) -> Result<AesKey, CryptoError> {
    let counter = counter(ksn);
    if !(1..=ONES_MAX).contains(&counter.count_ones()) {
        return Err(field("ksn", "12 bytes, of which the last 4 have one to sixteen ones"));
    }
    Ok(counters(counter).fold(initial.clone(), |key, part| alike(&key, DERIVATION, context(ksn, part))))
}

/// The key of one use from the transaction's, and as long as that.
pub fn working_key(transaction: &AesKey, ksn: [u8; 12], by: Use) -> AesKey {
    alike(transaction, use_of(by), context(ksn, counter(ksn)))
}

/// The key of HMAC of one use, as long as the transaction's.
pub fn hmac_key(transaction: &AesKey, ksn: [u8; 12], by: Use) -> Zeroizing<Vec<u8>> {
    let length = transaction.bytes().len();
    derived(transaction, (use_of(by), HMAC), length, context(ksn, counter(ksn)))
}
