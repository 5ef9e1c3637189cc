//! Keys on a token, by PKCS#11: sensitive, not extractable, found by label.
//!
//! An object's `CKA_LABEL` is the key's name, and its `CKA_ID` is `causeway`, the version 1, and the purpose's byte. Tokens
//! may refuse single DES, which the retail MAC and CVV need; so a key of these purposes has a second object beside it, DES2
//! of its left half twice, whose `CKA_ID` ends in a 1 more.

mod objects;

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard},
};

use causeway_cards::crypto::key::{BlockCipher, Tdes};
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, ObjectHandle},
    session::{Session, UserType},
    types::AuthPin,
};
use zeroize::Zeroizing;

use self::objects::{by_id, destroy_left_half, find, id, id_of_left_half, names, put, refuse_taken, template};
use super::{
    Algorithm, HsmError, KeyName, KeySpec,
    operations::{Keeper, set_odd_parity},
};

/// Why a token could not be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("cannot {action} by the PKCS#11 module {}: {source}", module.display())]
    Module {
        action: &'static str,
        module: PathBuf,
        #[source]
        source: Error,
    },
    #[error("the PKCS#11 module {} has no token `{label}`", module.display())]
    NoToken { module: PathBuf, label: String },
    #[error("the PKCS#11 module {} has more than one token `{label}`", module.display())]
    Tokens { module: PathBuf, label: String },
    #[error("the token refused to {action}: {source}")]
    Refused {
        action: &'static str,
        #[source]
        source: Error,
    },
    #[error("the key `{0}` is on the token, but is none that this program made: its CKA_ID, type or length is another")]
    Foreign(KeyName),
    #[error("the token has more than one key `{0}`")]
    Twice(KeyName),
    #[error("the token gave an answer of a wrong length")]
    Length,
}

fn refused(action: &'static str) -> impl FnOnce(Error) -> HsmError {
    move |source| TokenError::Refused { action, source }.into()
}

/// A token, over one session that calls take turns with.
pub struct Pkcs11Hsm {
    session: Mutex<Session>,
}

impl Pkcs11Hsm {
    /// Logs in on the token `label` of the module (a shared library) at `module`.
    ///
    /// # Errors
    /// A module that cannot be loaded, no such token or more than one, or a PIN that the token refuses.
    pub fn open(module: &Path, label: &str, pin: &AuthPin) -> Result<Self, HsmError> {
        let failed = |action| {
            let module = module.to_owned();
            move |source| HsmError::from(TokenError::Module { action, module, source })
        };
        let context = Pkcs11::new(module).map_err(failed("load functions"))?;
        match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            // By another module of this process, which may have the same library.
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(failed("begin")(error)),
        }
        let slots = context
            .get_slots_with_initialized_token()
            .map_err(failed("list tokens"))?;
        let mut found = vec![];
        for slot in slots {
            let token = context.get_token_info(slot).map_err(failed("describe a token"))?;
            if token.label() == label {
                found.push(slot);
            }
        }
        let (module, label) = (module.to_owned(), label.to_owned());
        let slot = match found[..] {
            [slot] => slot,
            [] => return Err(TokenError::NoToken { module, label }.into()),
            _ => return Err(TokenError::Tokens { module, label }.into()),
        };
        let session = context.open_rw_session(slot).map_err(refused("open a session"))?;
        match session.login(UserType::User, Some(pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(error) => return Err(refused("log in")(error)),
        }
        Ok(Self {
            session: Mutex::new(session),
        })
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        // What a panic left half done is an operation, and the next one begins anew.
        self.session.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// One key of a session that is held for as long.
pub(super) struct OnToken<'a> {
    session: MutexGuard<'a, Session>,
    key: ObjectHandle,
    left: Option<ObjectHandle>,
}

impl OnToken<'_> {
    fn encrypt_under<const N: usize>(
        &self,
        key: ObjectHandle,
        by: &Mechanism<'_>,
        block: [u8; N],
    ) -> Result<[u8; N], HsmError> {
        let out = self.session.encrypt(by, key, &block).map(Zeroizing::new);
        whole(&out.map_err(refused("encipher"))?)
    }

    fn decrypt_under<const N: usize>(&self, by: &Mechanism<'_>, block: [u8; N]) -> Result<[u8; N], HsmError> {
        let out = self.session.decrypt(by, self.key, &block).map(Zeroizing::new);
        whole(&out.map_err(refused("decipher"))?)
    }
}

fn whole<const N: usize>(block: &[u8]) -> Result<[u8; N], HsmError> {
    block.try_into().map_err(|_| TokenError::Length.into())
}

impl BlockCipher<8> for OnToken<'_> {
    type Error = HsmError;

    fn encrypt(&self, block: [u8; 8]) -> Result<[u8; 8], HsmError> {
        self.encrypt_under(self.key, &Mechanism::Des3Ecb, block)
    }

    fn decrypt(&self, block: [u8; 8]) -> Result<[u8; 8], HsmError> {
        self.decrypt_under(&Mechanism::Des3Ecb, block)
    }
}

impl Tdes for OnToken<'_> {
    fn encrypt_left(&self, block: [u8; 8]) -> Result<[u8; 8], HsmError> {
        let left = self.left.expect("keys whose left half is used have it");
        self.encrypt_under(left, &Mechanism::Des3Ecb, block)
    }
}

impl BlockCipher<16> for OnToken<'_> {
    type Error = HsmError;

    fn encrypt(&self, block: [u8; 16]) -> Result<[u8; 16], HsmError> {
        self.encrypt_under(self.key, &Mechanism::AesEcb, block)
    }

    fn decrypt(&self, block: [u8; 16]) -> Result<[u8; 16], HsmError> {
        self.decrypt_under(&Mechanism::AesEcb, block)
    }
}

impl Pkcs11Hsm {
    fn handle(&self, name: &KeyName) -> Result<OnToken<'_>, HsmError> {
        let session = self.session();
        let (key, spec) = find(&session, name)?.ok_or_else(|| HsmError::UnknownKey(name.clone()))?;
        let left = if spec.purpose.has_left_half() {
            match by_id(&session, name, id_of_left_half(spec.purpose))?[..] {
                [left] => Some(left),
                _ => return Err(TokenError::Foreign(name.clone()).into()),
            }
        } else {
            None
        };
        Ok(OnToken { session, key, left })
    }
}

fn random(session: &Session, bytes: &mut [u8]) -> Result<(), HsmError> {
    session
        .generate_random_slice(bytes)
        .map_err(refused("give random bytes"))
}

impl Keeper for Pkcs11Hsm {
    type Tdes<'a> = OnToken<'a>;
    type Aes<'a> = OnToken<'a>;

    fn spec(&self, key: &KeyName) -> Result<KeySpec, HsmError> {
        let found = find(&self.session(), key)?;
        found
            .map(|(_, spec)| spec)
            .ok_or_else(|| HsmError::UnknownKey(key.clone()))
    }

    fn tdes(&self, key: &KeyName) -> Result<OnToken<'_>, HsmError> {
        self.handle(key)
    }

    fn aes(&self, key: &KeyName) -> Result<OnToken<'_>, HsmError> {
        self.handle(key)
    }

    fn put(&self, key: &KeyName, spec: KeySpec, bytes: &[u8]) -> Result<(), HsmError> {
        let session = self.session();
        refuse_taken(&session, key)?;
        put(&session, key, spec, bytes)
    }

    fn generate(&self, key: &KeyName, spec: KeySpec) -> Result<(), HsmError> {
        let session = self.session();
        refuse_taken(&session, key)?;
        if spec.purpose.has_left_half() {
            // Of a key that nobody sees there is no half to be had.
            let mut bytes = Zeroizing::new(vec![0; spec.algorithm.key_bytes()]);
            random(&session, &mut bytes)?;
            set_odd_parity(&mut bytes);
            return put(&session, key, spec, &bytes);
        }
        let mut template = template(key, id(spec.purpose));
        let by = match spec.algorithm {
            Algorithm::Tdes => Mechanism::Des2KeyGen,
            Algorithm::Aes128 | Algorithm::Aes256 => {
                template.push(Attribute::ValueLen((spec.algorithm.key_bytes() as u64).into()));
                Mechanism::AesKeyGen
            }
        };
        session
            .generate_key(&by, &template)
            .map(drop)
            .map_err(refused("generate a key"))
    }

    fn delete(&self, key: &KeyName) -> Result<(), HsmError> {
        let session = self.session();
        let (object, spec) = find(&session, key)?.ok_or_else(|| HsmError::UnknownKey(key.clone()))?;
        session.destroy_object(object).map_err(refused("destroy a key"))?;
        destroy_left_half(&session, key, spec.purpose)
    }

    fn names(&self) -> Result<Vec<KeyName>, HsmError> {
        names(&self.session())
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), HsmError> {
        random(&self.session(), bytes)
    }

    fn reveal(&self, key: &KeyName) -> Result<Zeroizing<Vec<u8>>, HsmError> {
        Err(HsmError::NotExportable(key.clone()))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use cryptoki::object::{AttributeType, ObjectClass};

    use super::*;

    /// That no key of the token can be read or wrapped, whatever it is for.
    pub fn keys_are_sensitive(module: &Path, label: &str, pin: &str) {
        let hsm = Pkcs11Hsm::open(module, label, &pin.into()).expect("a token");
        let session = hsm.session();
        let keys = session
            .find_objects(&[Attribute::Class(ObjectClass::SECRET_KEY)])
            .expect("keys");
        assert!(keys.len() >= 9, "{} objects", keys.len());
        let asked = [
            AttributeType::Sensitive,
            AttributeType::Extractable,
            AttributeType::Value,
        ];
        for key in keys {
            let given = session.get_attributes(key, &asked).expect("attributes");
            assert_eq!(given, [Attribute::Sensitive(true), Attribute::Extractable(false)]);
        }
    }
}
