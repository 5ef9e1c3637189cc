//! The two keys of a protection key, one to encipher and one for codes, and what is done with them.

use zeroize::Zeroizing;

use super::{KeyBlockError, Version};
use crate::crypto::{
    CryptoError,
    key::{AesKey, BlockCipher, DesKey, infallible},
    mac::{self, Padding},
    modes,
};

const ENCRYPTION: u8 = 0;
const AUTHENTICATION: u8 = 1;

/// Encryption, then authentication.
pub(super) enum Keys {
    Variants(DesKey, DesKey),
    Tdes(DesKey, DesKey),
    Aes(AesKey, AesKey),
}

impl Keys {
    pub(super) fn of(version: Version, protection: &[u8]) -> Result<Self, KeyBlockError> {
        let wrong = |_: CryptoError| KeyBlockError::ProtectionKey;
        let keys = match version {
            Version::A | Version::C => Self::Variants(
                DesKey::new(&masked(protection, 0x45)).map_err(wrong)?,
                DesKey::new(&masked(protection, 0x4D)).map_err(wrong)?,
            ),
            Version::B if protection.len() == 8 => return Err(KeyBlockError::ProtectionKey),
            Version::B => {
                let key = DesKey::new(protection).map_err(wrong)?;
                let algorithm = u8::from(protection.len() == 24);
                let one = |used| DesKey::new(&derived::<8, _>(&key, used, algorithm, protection.len())?);
                Self::Tdes(one(ENCRYPTION).map_err(wrong)?, one(AUTHENTICATION).map_err(wrong)?)
            }
            Version::D => {
                let key = AesKey::new(protection).map_err(wrong)?;
                Self::by(&key, protection.len()).map_err(wrong)?
            }
        };
        Ok(keys)
    }

    /// Version D's, of an AES key of `length` bytes that may be in a security module.
    pub(super) fn by<K: BlockCipher<16>>(protection: &K, length: usize) -> Result<Self, K::Error> {
        let algorithm = (length / 8) as u8;
        let one = |used| Ok::<_, K::Error>(AesKey::new(&derived::<16, _>(protection, used, algorithm, length)?)?);
        Ok(Self::Aes(one(ENCRYPTION)?, one(AUTHENTICATION)?))
    }

    /// Ciphertext and code of whole blocks.
    pub(super) fn seal(&self, header: &[u8], clear: &[u8]) -> (Vec<u8>, Vec<u8>) {
        match self {
            Self::Variants(cipher, code) => {
                let ciphertext = infallible(modes::cbc_encrypt(cipher, first(header), clear)).to_vec();
                let code = short_code(code, header, &ciphertext);
                (ciphertext, code)
            }
            Self::Tdes(cipher, code) => sealed::<8, _>(cipher, code, header, clear),
            Self::Aes(cipher, code) => sealed::<16, _>(cipher, code, header, clear),
        }
    }

    /// Whole blocks in clear, when their code is right.
    pub(super) fn open(
        &self,
        header: &[u8],
        ciphertext: &[u8],
        given: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyBlockError> {
        match self {
            Self::Variants(cipher, code) => {
                if !mac::equal(&short_code(code, header, ciphertext), given) {
                    return Err(KeyBlockError::Mac);
                }
                Ok(infallible(modes::cbc_decrypt(cipher, first(header), ciphertext)))
            }
            Self::Tdes(cipher, code) => opened::<8, _>(cipher, code, (header, ciphertext, given)),
            Self::Aes(cipher, code) => opened::<16, _>(cipher, code, (header, ciphertext, given)),
        }
    }
}

fn masked(key: &[u8], mask: u8) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(key.iter().map(|byte| byte ^ mask).collect())
}

/// By CMAC in counter mode (NIST SP 800-108).
fn derived<const N: usize, K: BlockCipher<N>>(
    key: &K,
    used: u8,
    algorithm: u8,
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, K::Error> {
    let mut out = Zeroizing::new(Vec::with_capacity(32));
    for number in 1..=length.div_ceil(N) {
        let [high, low] = (length as u16 * 8).to_be_bytes();
        let data = [number as u8, 0, used, 0, 0, algorithm, high, low];
        out.extend(mac::cmac(key, &data)?);
    }
    out.truncate(length);
    Ok(out)
}

fn first(header: &[u8]) -> [u8; 8] {
    std::array::from_fn(|at| header[at])
}

fn short_code(key: &DesKey, header: &[u8], ciphertext: &[u8]) -> Vec<u8> {
    let code: [u8; 8] = infallible(mac::cbc(key, &[header, ciphertext].concat(), Padding::Method1));
    code[..Version::A.mac_bytes()].to_vec()
}

fn code_of<const N: usize, K: BlockCipher<N, Error = CryptoError>>(key: &K, header: &[u8], clear: &[u8]) -> [u8; N] {
    infallible(mac::cmac(key, &Zeroizing::new([header, clear].concat())))
}

fn sealed<const N: usize, K: BlockCipher<N, Error = CryptoError>>(
    cipher: &K,
    code: &K,
    header: &[u8],
    clear: &[u8],
) -> (Vec<u8>, Vec<u8>) {
    let code = code_of(code, header, clear);
    (
        infallible(modes::cbc_encrypt(cipher, code, clear)).to_vec(),
        code.to_vec(),
    )
}

fn opened<const N: usize, K: BlockCipher<N, Error = CryptoError>>(
    cipher: &K,
    code: &K,
    (header, ciphertext, given): (&[u8], &[u8], &[u8]),
) -> Result<Zeroizing<Vec<u8>>, KeyBlockError> {
    let iv = given.try_into().map_err(|_| KeyBlockError::MacForm)?;
    let clear = infallible(modes::cbc_decrypt(cipher, iv, ciphertext));
    let is_right = mac::equal(&code_of(code, header, &clear), given);
    is_right.then_some(clear).ok_or(KeyBlockError::Mac)
}
