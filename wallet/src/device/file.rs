//! The device at rest: one JSON file, of which the passphrase opens all that is not about itself.
//!
//! `header` says how the passphrase gives the key ([`crate::keystore::passphrase`]); `sealed` is the content
//! (XChaCha20-Poly1305, with the header's JSON as associated data), under a nonce that is new with each write. The file
//! is replaced as a whole: whenever the power fails, it is the one before or the one after. So a counter that is used is
//! in no file that is there later, and neither is its key.
//!
//! A file beside it is locked while the device is open, so that two processes never use one counter. A copy of the
//! folder would: the issuer refuses the second cryptogram of a counter.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use causeway_cards::{
    emv::applet::{Applet, KEYS_MAX, LimitedUseKey},
    pan,
};
use causeway_contracts::money::Currency;
use chacha20poly1305::{
    XChaCha20Poly1305,
    aead::{Aead, Payload},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    DeviceError, Until,
    provisioning::{self, Content},
};
use crate::{
    clock,
    durable::{self, FileError},
    keystore::{
        SealError,
        passphrase::{Cipher, Derived, Hex, Kdf},
    },
};

const VERSION: u16 = 1;
/// [`KEYS_MAX`] keys take less than 16 KiB.
const FILE_BYTES_MAX: u64 = 256 * KEYS_MAX as u64 * 4;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedFile {
    header: Header,
    nonce: Hex,
    /// The content's JSON and a tag of 16 bytes.
    sealed: Hex,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u16,
    kdf: Kdf,
    cipher: Cipher,
    /// SHA-256 over the second half of what the passphrase gives.
    passphrase_check: Hex,
}

/// An open device, this process's alone.
pub struct Device {
    path: PathBuf,
    header: Header,
    cipher: XChaCha20Poly1305,
    content: Content,
    _lock: File,
}

/// What may be told of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub device: String,
    /// The first six and last four digits.
    pub token: String,
    /// YYMM.
    pub expiry: String,
    pub currency: Currency,
    /// The last that was used, 0 of none.
    pub counter: u16,
    /// Those that are still good.
    pub keys_left: usize,
    /// The second since 1970 until which the last of them is good; `None` without any.
    pub good_until: Option<u64>,
}

impl Device {
    /// Keeps what an issuer's file gives, under a passphrase.
    pub fn create(path: &Path, provisioning: &[u8], passphrase: &str) -> Result<Self, DeviceError> {
        if passphrase.is_empty() {
            return Err(DeviceError::EmptyPassphrase);
        }
        let content = Content::new(provisioning, now())?;
        let lock = lock(path)?;
        if path.exists() {
            return Err(DeviceError::Exists);
        }
        let kdf = Kdf::fresh()?;
        let derived = kdf.derive(passphrase)?;
        let header = Header {
            version: VERSION,
            kdf,
            cipher: Cipher::XChaCha20Poly1305,
            passphrase_check: derived.check(),
        };
        let device = Self {
            path: path.to_owned(),
            cipher: derived.cipher(),
            header,
            content,
            _lock: lock,
        };
        durable::create(path, &device.sealed()?)?;
        Ok(device)
    }

    pub fn open(path: &Path, passphrase: &str) -> Result<Self, DeviceError> {
        check_there(path)?;
        let lock = lock(path)?;
        let json = durable::read(path, FILE_BYTES_MAX)?;
        let file: SealedFile = serde_json::from_slice(&json).map_err(DeviceError::Format)?;
        let header = file.header;
        if header.version != VERSION {
            return Err(SealError::Version(header.version).into());
        }
        let derived: Derived = header.kdf.derive(passphrase)?;
        if derived.check() != header.passphrase_check {
            return Err(SealError::WrongPassphrase.into());
        }
        let cipher = derived.cipher();
        let nonce: [u8; 24] = file.nonce.0.as_slice().try_into().map_err(|_| SealError::Tampered)?;
        let payload = Payload {
            msg: &file.sealed.0,
            aad: &header.authenticated(),
        };
        let opened = cipher
            .decrypt((&nonce).into(), payload)
            .map_err(|_| SealError::Tampered)?;
        let opened = Zeroizing::new(opened);
        let content = serde_json::from_slice(&opened).map_err(|_| SealError::Tampered)?;
        Ok(Self {
            path: path.to_owned(),
            header,
            cipher,
            content,
            _lock: lock,
        })
    }

    /// Takes the device out of the wallet, with its keys.
    pub fn remove(path: &Path) -> Result<(), DeviceError> {
        check_there(path)?;
        let _lock = lock(path)?;
        fs::remove_file(path).map_err(FileError::new("remove", path))?;
        Ok(durable::sync_folder_of(path).map_err(FileError::new("remove", path))?)
    }

    pub fn summary(&self) -> Summary {
        let now = now();
        let good: Vec<_> = self.content.keys.iter().filter(|key| key.good_until > now).collect();
        Summary {
            device: self.content.device.clone(),
            token: pan::mask(self.content.token.0.as_bytes()),
            expiry: self.content.expiry.clone(),
            currency: self.content.currency,
            counter: self.content.counter,
            keys_left: good.len(),
            good_until: good.iter().map(|key| key.good_until).max(),
        }
    }

    pub fn currency(&self) -> Currency {
        self.content.currency
    }

    /// ISO 4217 numeric.
    pub fn currency_number(&self) -> Result<u16, DeviceError> {
        self.content.currency_number()
    }

    /// Takes more keys from an issuer's file; how many.
    pub fn replenish(&mut self, provisioning: &[u8]) -> Result<usize, DeviceError> {
        let added = self.content.add(provisioning, now())?;
        self.save()?;
        Ok(added)
    }

    /// The application, with the keys that are good now.
    ///
    /// # Errors
    /// There is none, or the token is over.
    pub fn applet(&self) -> Result<Applet, DeviceError> {
        let now = now();
        self.check_expiry(now)?;
        let good = self.content.keys.iter().filter(|key| key.good_until > now);
        let keys: Vec<_> = good
            .map(|key| LimitedUseKey {
                counter: key.atc,
                key: key.key.0.clone(),
            })
            .collect();
        if keys.is_empty() {
            let last = self.content.keys.iter().map(|key| key.good_until).max();
            return Err(last.map_or(DeviceError::OutOfKeys, |last| DeviceError::Lapsed(Until(last))));
        }
        let content = &self.content;
        Ok(Applet::new(content.token()?, content.key_index, keys, content.counter)?)
    }

    /// Until the last day of its month has ended.
    fn check_expiry(&self, now: u64) -> Result<(), DeviceError> {
        let (year, month, _) = clock::date(now / 86_400);
        let expiry: u64 = self.content.expiry.parse().map_err(|_| SealError::Tampered)?;
        if year % 100 * 100 + month > expiry {
            let (year, month) = ((expiry / 100) as u8, (expiry % 100) as u8);
            return Err(DeviceError::Expired { year, month });
        }
        Ok(())
    }

    /// The keys of the application that was had at another time may be good no more.
    pub(super) fn has_lapsed_keys(&self) -> bool {
        let now = now();
        self.content.keys.iter().any(|key| key.good_until <= now)
    }

    /// Saves that this counter and all before it are used, for good. Where that fails, they count as used all the same:
    /// it may have been saved.
    pub fn spend(&mut self, counter: u16) -> Result<(), DeviceError> {
        assert!(counter > self.content.counter, "{counter} is used");
        self.content.counter = counter;
        self.content.keys.retain(|key| key.atc > counter);
        self.save()
    }

    fn save(&self) -> Result<(), DeviceError> {
        Ok(durable::replace(&self.path, &self.sealed()?)?)
    }

    fn sealed(&self) -> Result<Vec<u8>, DeviceError> {
        let mut nonce = [0; 24];
        getrandom::fill(&mut nonce)?;
        let content = Zeroizing::new(serde_json::to_vec(&self.content).expect("a content has a JSON form"));
        let payload = Payload {
            msg: &content,
            aad: &self.header.authenticated(),
        };
        let sealed = self.cipher.encrypt((&nonce).into(), payload);
        let file = SealedFile {
            header: self.header.clone(),
            nonce: Hex(nonce.to_vec()),
            sealed: Hex(sealed.expect("the message is far below the cipher's limit")),
        };
        Ok(serde_json::to_vec_pretty(&file).expect("a file has a JSON form"))
    }
}

impl Header {
    /// Its own JSON, whose fields are in a fixed order.
    fn authenticated(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a header has a JSON form")
    }
}

/// That it is there, before anybody types a passphrase.
pub fn check_there(path: &Path) -> Result<(), DeviceError> {
    if path.exists() {
        Ok(())
    } else {
        Err(DeviceError::NotThere)
    }
}

fn lock(path: &Path) -> Result<File, DeviceError> {
    durable::open_locked(&path.with_extension("lock"), || false)?.ok_or(DeviceError::InUse)
}

pub(super) fn now() -> u64 {
    clock::now_ms().0 / 1000
}

/// An issuer's file.
pub fn read_provisioning(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    durable::read(path, provisioning::FILE_BYTES_MAX).map(Zeroizing::new)
}

#[cfg(test)]
mod tests;
