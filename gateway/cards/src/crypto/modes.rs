//! ECB and CBC over whole blocks.

use zeroize::Zeroizing;

use super::{CryptoError, field, key::BlockCipher};

fn blocks<const N: usize>(data: &[u8]) -> Result<&[[u8; N]], CryptoError> {
    match data.as_chunks::<N>() {
        ([], _) => Err(field("data", "one block at least")),
        (blocks, []) => Ok(blocks),
        (_, _) => Err(field(
            "data",
            if N == 8 {
                "a multiple of 8 bytes"
            } else {
                "a multiple of 16 bytes"
            },
        )),
    }
}

pub(crate) fn xor<const N: usize>(mut block: [u8; N], other: &[u8; N]) -> [u8; N] {
    block.iter_mut().zip(other).for_each(|(byte, other)| *byte ^= other);
    block
}

type Output<E> = Result<Zeroizing<Vec<u8>>, E>;

/// # Errors
/// No block, a part of one, or what the key's holder says.
pub fn ecb_encrypt<const N: usize, K: BlockCipher<N>>(key: &K, data: &[u8]) -> Output<K::Error> {
    let mut out = Zeroizing::new(Vec::with_capacity(data.len()));
    for block in blocks::<N>(data)? {
        out.extend(key.encrypt(*block)?);
    }
    Ok(out)
}

/// # Errors
/// As of [`ecb_encrypt`].
pub fn ecb_decrypt<const N: usize, K: BlockCipher<N>>(key: &K, data: &[u8]) -> Output<K::Error> {
    let mut out = Zeroizing::new(Vec::with_capacity(data.len()));
    for block in blocks::<N>(data)? {
        out.extend(key.decrypt(*block)?);
    }
    Ok(out)
}

/// # Errors
/// As of [`ecb_encrypt`].
pub fn cbc_encrypt<const N: usize, K: BlockCipher<N>>(key: &K, iv: [u8; N], data: &[u8]) -> Output<K::Error> {
    let mut out = Zeroizing::new(Vec::with_capacity(data.len()));
    let mut chained = iv;
    for block in blocks::<N>(data)? {
        chained = key.encrypt(xor(*block, &chained))?;
        out.extend(chained);
    }
    Ok(out)
}

/// # Errors
/// As of [`ecb_encrypt`].
pub fn cbc_decrypt<const N: usize, K: BlockCipher<N>>(key: &K, iv: [u8; N], data: &[u8]) -> Output<K::Error> {
    let mut out = Zeroizing::new(Vec::with_capacity(data.len()));
    let mut chained = iv;
    for block in blocks::<N>(data)? {
        out.extend(xor(key.decrypt(*block)?, &chained));
        chained = *block;
    }
    Ok(out)
}
