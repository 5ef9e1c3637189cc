//! Keys in memory and in a sealed file ([`super::file`]).

use std::{
    path::{Path, PathBuf},
    sync::{RwLock, RwLockReadGuard},
};

use causeway_cards::crypto::{
    CryptoError,
    key::{AesKey, BlockCipher, Tdes, TdesKey},
};
use causeway_wallet::durable;
use zeroize::Zeroizing;

use super::{
    Algorithm, HsmError, KeyName, KeySpec,
    file::{self, FILE_BYTES_MAX, KEYS_MAX, Keys, StoredKey},
    operations::{Keeper, set_odd_parity},
};

/// Keys that the operator's own key protects on disk, and nothing in memory: for tests, and where no module is at hand.
pub struct SoftwareHsm {
    path: PathBuf,
    sealing: Zeroizing<[u8; 32]>,
    keys: RwLock<Keys>,
}

impl SoftwareHsm {
    /// The keys in the file at `path`, or none yet if there is no such file. `sealing` must be 32 random bytes. Another
    /// process that has the file open sees what this one changes when it opens it anew; neither loses what the other wrote.
    ///
    /// # Errors
    /// A file that cannot be read, is none of keys, was altered, or is sealed under another key.
    pub fn open(path: &Path, sealing: Zeroizing<[u8; 32]>) -> Result<Self, HsmError> {
        let keys = read(path, &sealing)?;
        Ok(Self {
            path: path.to_owned(),
            sealing,
            keys: RwLock::new(keys),
        })
    }

    fn keys(&self) -> RwLockReadGuard<'_, Keys> {
        self.keys.read().expect("no change of the keys panics")
    }

    fn with<T>(&self, name: &KeyName, of: impl FnOnce(&StoredKey) -> T) -> Result<T, HsmError> {
        let keys = self.keys();
        keys.get(name).map(of).ok_or_else(|| HsmError::UnknownKey(name.clone()))
    }

    /// On disk before any call sees it.
    fn change(&self, change: impl FnOnce(&mut Keys) -> Result<(), HsmError>) -> Result<(), HsmError> {
        let mut keys = self.keys.write().expect("no change of the keys panics");
        let mut lock = self.path.clone().into_os_string();
        lock.push(".lock");
        let _locked = durable::open_locked(Path::new(&lock), || true)?;
        let mut changed = read(&self.path, &self.sealing)?;
        change(&mut changed)?;
        let mut nonce = [0; 24];
        getrandom::fill(&mut nonce)?;
        durable::replace(&self.path, &file::seal(&changed, &self.sealing, &nonce))?;
        *keys = changed;
        Ok(())
    }
}

fn read(path: &Path, sealing: &[u8; 32]) -> Result<Keys, HsmError> {
    match durable::read(path, FILE_BYTES_MAX) {
        Ok(bytes) => file::open(&bytes, sealing, path),
        Err(error) if error.is_not_found() => Ok(Keys::new()),
        Err(error) => Err(error.into()),
    }
}

/// A key in memory, whose errors are a module's.
pub(super) struct InMemory<K>(K);

impl<const N: usize, K: BlockCipher<N, Error = CryptoError>> BlockCipher<N> for InMemory<K> {
    type Error = HsmError;

    fn encrypt(&self, block: [u8; N]) -> Result<[u8; N], HsmError> {
        Ok(self.0.encrypt(block)?)
    }

    fn decrypt(&self, block: [u8; N]) -> Result<[u8; N], HsmError> {
        Ok(self.0.decrypt(block)?)
    }
}

impl Tdes for InMemory<TdesKey> {
    fn encrypt_left(&self, block: [u8; 8]) -> Result<[u8; 8], HsmError> {
        Ok(self.0.encrypt_left(block)?)
    }
}

impl Keeper for SoftwareHsm {
    type Tdes<'a> = InMemory<TdesKey>;
    type Aes<'a> = InMemory<AesKey>;

    fn spec(&self, key: &KeyName) -> Result<KeySpec, HsmError> {
        self.with(key, |key| key.spec)
    }

    fn tdes(&self, key: &KeyName) -> Result<InMemory<TdesKey>, HsmError> {
        Ok(InMemory(self.with(key, |key| TdesKey::new(&key.bytes))??))
    }

    fn aes(&self, key: &KeyName) -> Result<InMemory<AesKey>, HsmError> {
        Ok(InMemory(self.with(key, |key| AesKey::new(&key.bytes))??))
    }

    fn put(&self, key: &KeyName, spec: KeySpec, bytes: &[u8]) -> Result<(), HsmError> {
        self.change(|keys| {
            if keys.contains_key(key) {
                return Err(HsmError::Exists(key.clone()));
            }
            if keys.len() >= KEYS_MAX {
                return Err(HsmError::Full(KEYS_MAX));
            }
            let bytes = Zeroizing::new(bytes.to_vec());
            keys.insert(key.clone(), StoredKey { spec, bytes });
            Ok(())
        })
    }

    fn generate(&self, key: &KeyName, spec: KeySpec) -> Result<(), HsmError> {
        let mut bytes = Zeroizing::new(vec![0; spec.algorithm.key_bytes()]);
        self.random(&mut bytes)?;
        if spec.algorithm == Algorithm::Tdes {
            set_odd_parity(&mut bytes);
        }
        self.put(key, spec, &bytes)
    }

    fn delete(&self, key: &KeyName) -> Result<(), HsmError> {
        self.change(|keys| match keys.remove(key) {
            Some(_) => Ok(()),
            None => Err(HsmError::UnknownKey(key.clone())),
        })
    }

    fn names(&self) -> Result<Vec<KeyName>, HsmError> {
        Ok(self.keys().keys().cloned().collect())
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), HsmError> {
        Ok(getrandom::fill(bytes)?)
    }

    fn reveal(&self, key: &KeyName) -> Result<Zeroizing<Vec<u8>>, HsmError> {
        self.with(key, |key| key.bytes.clone())
    }
}
