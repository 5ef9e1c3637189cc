//! Message authentication codes: ISO 9797-1 algorithms 1 (CBC) and 3 (retail), and CMAC.

use subtle::ConstantTimeEq;

use super::{
    key::{BlockCipher, Tdes},
    modes::xor,
};

/// How a message is filled up to whole blocks (ISO 9797-1, 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// Zero bytes, as few as it takes, one block at least.
    Method1,
    /// `80`, then zero bytes.
    Method2,
    /// The length in bits as a block before it, then as method 1.
    Method3,
}

impl Padding {
    /// # Panics
    /// A block of no bytes.
    pub fn apply(self, data: &[u8], block: usize) -> Vec<u8> {
        assert!(block > 0, "a block has bytes");
        let mut padded = Vec::with_capacity(data.len() + 2 * block);
        if self == Self::Method3 {
            let bits = (data.len() as u128 * 8).to_be_bytes();
            let zeros = block.saturating_sub(bits.len());
            padded.resize(zeros, 0);
            padded.extend(&bits[bits.len().saturating_sub(block)..]);
        }
        padded.extend(data);
        if self == Self::Method2 {
            padded.push(0x80);
        }
        padded.resize(padded.len().next_multiple_of(block).max(block), 0);
        padded
    }
}

/// Algorithm 3 with DES, 8 bytes: CBC under `K1`, of which the last block is enciphered under `K1 K2`.
///
/// # Errors
/// What the key's holder says.
pub fn retail<K: Tdes>(key: &K, data: &[u8], padding: Padding) -> Result<[u8; 8], K::Error> {
    let padded = padding.apply(data, 8);
    let (blocks, _) = padded.as_chunks::<8>();
    let (last, before) = blocks.split_last().expect("padding leaves a block at least");
    let mut chained = [0; 8];
    for block in before {
        chained = key.encrypt_left(xor(*block, &chained))?;
    }
    key.encrypt(xor(*last, &chained))
}

/// Algorithm 1: CBC under the whole key.
///
/// # Errors
/// What the key's holder says.
pub fn cbc<const N: usize, K: BlockCipher<N>>(key: &K, data: &[u8], padding: Padding) -> Result<[u8; N], K::Error> {
    let padded = padding.apply(data, N);
    let mut chained = [0; N];
    for block in padded.as_chunks::<N>().0 {
        chained = key.encrypt(xor(*block, &chained))?;
    }
    Ok(chained)
}

/// CMAC (NIST SP 800-38B) of a cipher of 8 or 16 bytes, over single blocks, so that a key in a security module
/// that offers no more than these can make one.
///
/// # Errors
/// What the key's holder says.
pub fn cmac<const N: usize, K: BlockCipher<N>>(key: &K, data: &[u8]) -> Result<[u8; N], K::Error> {
    let first = doubled(key.encrypt([0; N])?);
    let whole = !data.is_empty() && data.len().is_multiple_of(N);
    let (mut padded, mask) = if whole {
        (data.to_vec(), first)
    } else {
        (Padding::Method2.apply(data, N), doubled(first))
    };
    let last = padded.len() - N;
    padded[last..]
        .iter_mut()
        .zip(mask)
        .for_each(|(byte, mask)| *byte ^= mask);
    cbc(key, &padded, Padding::Method1)
}

/// Times x in the field of 2 to the 64 or 128.
fn doubled<const N: usize>(block: [u8; N]) -> [u8; N] {
    let carry = block[0] >> 7;
    let mut out = [0; N];
    for at in 0..N {
        out[at] = block[at] << 1 | block.get(at + 1).map_or(0, |next| next >> 7);
    }
    out[N - 1] ^= carry * if N == 8 { 0x1B } else { 0x87 };
    out
}

/// Whether two codes are the same, in a time that tells nothing of where they differ. A code that is cut short is
/// the beginning of the whole one; none at all is never right.
#[must_use]
pub fn equal(whole: &[u8], given: &[u8]) -> bool {
    !given.is_empty() && given.len() <= whole.len() && bool::from(whole[..given.len()].ct_eq(given))
}

#[cfg(test)]
mod tests {
    use ::cmac::{Cmac, KeyInit, Mac};
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::crypto::key::{AesKey, TdesKey};

    proptest! {
        #[test]
        fn invariant_cmac_over_single_blocks_is_that_of_the_whole_message(
            key in any::<[u8; 16]>(),
            data in vec(any::<u8>(), 0..70),
        ) {
            let mut of_aes = Cmac::<aes::Aes128>::new_from_slice(&key).expect("16 bytes");
            let mut of_des = Cmac::<des::TdesEde2>::new_from_slice(&key).expect("16 bytes");
            of_aes.update(&data);
            of_des.update(&data);
            let aes: [u8; 16] = cmac(&AesKey::new(&key).expect("16 bytes"), &data).expect("a code");
            let des: [u8; 8] = cmac(&TdesKey::new(&key).expect("16 bytes"), &data).expect("a code");
            prop_assert_eq!(aes.to_vec(), of_aes.finalize().into_bytes().to_vec());
            prop_assert_eq!(des.to_vec(), of_des.finalize().into_bytes().to_vec());
        }
    }

    #[test]
    fn a_code_is_equal_to_its_beginning_and_to_nothing_else() {
        assert!(equal(&[1, 2, 3], &[1, 2, 3]) && equal(&[1, 2, 3], &[1, 2]));
        assert!(!equal(&[1, 2, 3], &[]) && !equal(&[1, 2, 3], &[1, 3]) && !equal(&[1, 2], &[1, 2, 3]));
    }
}
