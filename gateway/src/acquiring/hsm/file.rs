//! The file of a software module's keys: a header in the open, then all keys under the operator's key.
//!
//! | bytes | what |
//! | --- | --- |
//! | 5, 1 | `CWHSM`, version 1 |
//! | 8 | the beginning of SHA-256 over `causeway/hsm/check/1` and the sealing key, which tells a wrong key from damage |
//! | 24 | nonce |
//! | rest | keys by XChaCha20-Poly1305, with all before the nonce as associated data, and a tag of 16 |
//!
//! In clear, a key is the length of its name, the name, a byte each of purpose, algorithm and whether it is exportable, and
//! its bytes, as many as the algorithm has. Keys are in the order of their names.

use std::{collections::BTreeMap, path::Path};

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305,
    aead::{Aead, Payload},
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Algorithm, HsmError, KeyName, KeySpec, Purpose};

const MAGIC: &[u8; 5] = b"CWHSM";
const VERSION: u8 = 1;
const CHECK_DOMAIN: &str = "causeway/hsm/check/1";
const HEADER_BYTES: usize = 14;
const NONCE_BYTES: usize = 24;

/// Keys of one file at most, and the longest file that these make.
pub(super) const KEYS_MAX: usize = 1000;
pub(super) const FILE_BYTES_MAX: u64 = 100_000;

pub(super) struct StoredKey {
    pub spec: KeySpec,
    pub bytes: Zeroizing<Vec<u8>>,
}

pub(super) type Keys = BTreeMap<KeyName, StoredKey>;

fn header(sealing: &[u8; 32]) -> [u8; HEADER_BYTES] {
    let check = Sha256::new()
        .chain_update(CHECK_DOMAIN)
        .chain_update(sealing)
        .finalize();
    let mut header = [VERSION; HEADER_BYTES];
    header[..5].copy_from_slice(MAGIC);
    header[6..].copy_from_slice(&check[..8]);
    header
}

pub(super) fn seal(keys: &Keys, sealing: &[u8; 32], nonce: &[u8; NONCE_BYTES]) -> Vec<u8> {
    let lengths = keys.iter().map(|(name, key)| 4 + name.as_str().len() + key.bytes.len());
    // As long as it becomes, so that no copy is left behind when it grows.
    let mut clear = Zeroizing::new(Vec::with_capacity(lengths.sum()));
    for (name, StoredKey { spec, bytes }) in keys {
        assert_eq!(
            bytes.len(),
            spec.algorithm.key_bytes(),
            "a key has its algorithm's length"
        );
        clear.push(name.as_str().len() as u8);
        clear.extend(name.as_str().as_bytes());
        clear.extend([spec.purpose.byte(), spec.algorithm.byte(), u8::from(spec.exportable)]);
        clear.extend(bytes.iter());
    }
    let aad = header(sealing);
    let payload = Payload { msg: &clear, aad: &aad };
    let sealed = XChaCha20Poly1305::new(sealing.into()).encrypt(nonce.into(), payload);
    let sealed = sealed.expect("the message is far below the cipher's limit");
    [aad.as_slice(), nonce, &sealed].concat()
}

/// `path` is for errors.
pub(super) fn open(file: &[u8], sealing: &[u8; 32], path: &Path) -> Result<Keys, HsmError> {
    let path = || path.to_owned();
    let split = file.split_first_chunk::<HEADER_BYTES>();
    let (given, rest) = split
        .filter(|(given, _)| given.starts_with(MAGIC))
        .ok_or_else(|| HsmError::NotKeys { path: path() })?;
    if given[5] != VERSION {
        return Err(HsmError::Version {
            path: path(),
            version: given[5],
            known: VERSION,
        });
    }
    if *given != header(sealing) {
        return Err(HsmError::SealingKey { path: path() });
    }
    let damaged = || HsmError::Damaged { path: path() };
    let (nonce, msg) = rest.split_first_chunk::<NONCE_BYTES>().ok_or_else(damaged)?;
    let clear = XChaCha20Poly1305::new(sealing.into()).decrypt(nonce.into(), Payload { msg, aad: given });
    let clear = Zeroizing::new(clear.map_err(|_| damaged())?);
    keys_of(&clear).ok_or_else(damaged)
}

fn keys_of(mut clear: &[u8]) -> Option<Keys> {
    let mut keys = Keys::new();
    while let Some((length, rest)) = clear.split_first() {
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        let ([purpose, algorithm, exportable], rest) = rest.split_first_chunk()?;
        let spec = KeySpec {
            purpose: Purpose::of_byte(*purpose)?,
            algorithm: Algorithm::of_byte(*algorithm)?,
            exportable: *exportable == 1,
        };
        let (bytes, rest) = rest.split_at_checked(spec.algorithm.key_bytes())?;
        let name = std::str::from_utf8(name).ok()?.parse().ok()?;
        let bytes = Zeroizing::new(bytes.to_vec());
        keys.insert(name, StoredKey { spec, bytes });
        clear = rest;
    }
    Some(keys)
}
