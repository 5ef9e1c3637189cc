//! What every module does, over block ciphers whose keys it holds.

use std::ops::RangeInclusive;

use causeway_cards::crypto::{
    cryptogram::{Method, Version, answer_1, answer_2},
    cvv::{self, CardData},
    derivation::CardNumber,
    key::{BlockCipher, Tdes, TdesKey},
    mac::{self, Padding},
    pin::Pin,
    pin_block::{self, Format},
    tr31::{self, Attributes, Header},
};
use zeroize::Zeroizing;

use super::{
    Algorithm, Answer, Cryptogram, DEVICE_KEYS_MAX, DeviceKey, Hsm, HsmError, KeyInfo, KeyName, KeySpec, PinBlock,
    PinReference, PinScheme, Purpose,
};

/// Where keys are, and handles of them.
pub(super) trait Keeper: Send + Sync {
    type Tdes<'a>: Tdes<Error = HsmError>
    where
        Self: 'a;
    type Aes<'a>: BlockCipher<16, Error = HsmError>
    where
        Self: 'a;

    fn spec(&self, key: &KeyName) -> Result<KeySpec, HsmError>;

    /// Of a key whose specification says that it is that.
    fn tdes(&self, key: &KeyName) -> Result<Self::Tdes<'_>, HsmError>;
    fn aes(&self, key: &KeyName) -> Result<Self::Aes<'_>, HsmError>;

    /// Refused if the name is taken. `bytes` are as many as the algorithm has.
    fn put(&self, key: &KeyName, spec: KeySpec, bytes: &[u8]) -> Result<(), HsmError>;
    /// Refused if the name is taken.
    fn generate(&self, key: &KeyName, spec: KeySpec) -> Result<(), HsmError>;
    fn delete(&self, key: &KeyName) -> Result<(), HsmError>;
    fn names(&self) -> Result<Vec<KeyName>, HsmError>;
    /// Random bytes of the module's own.
    fn random(&self, bytes: &mut [u8]) -> Result<(), HsmError>;
    /// Of a key that is exportable.
    fn reveal(&self, key: &KeyName) -> Result<Zeroizing<Vec<u8>>, HsmError>;
}

/// The specification of a key that is for `needed`.
fn needed<K: Keeper>(keeper: &K, name: &KeyName, needed: Purpose) -> Result<KeySpec, HsmError> {
    let spec = keeper.spec(name)?;
    if spec.purpose == needed {
        return Ok(spec);
    }
    Err(HsmError::WrongPurpose {
        name: name.clone(),
        is: spec.purpose,
        needed,
    })
}

fn tdes<'a, K: Keeper>(keeper: &'a K, name: &KeyName, purpose: Purpose) -> Result<K::Tdes<'a>, HsmError> {
    needed(keeper, name, purpose)?;
    keeper.tdes(name)
}

fn wrapping<'a, K: Keeper>(keeper: &'a K, name: &KeyName) -> Result<(K::Aes<'a>, usize), HsmError> {
    let spec = needed(keeper, name, Purpose::Wrapping)?;
    Ok((keeper.aes(name)?, spec.algorithm.key_bytes()))
}

/// `key` in a block of version D. `exportability` is its header's: E may leave its next module, N may not.
fn block<K: Keeper>(
    keeper: &K,
    wrapping_key: &KeyName,
    spec: KeySpec,
    exportability: &str,
    key: &[u8],
) -> Result<String, HsmError> {
    let header = Header::new(Attributes {
        version: "D",
        usage: spec.purpose.usage(),
        algorithm: spec.algorithm.letter(),
        mode_of_use: spec.purpose.mode_of_use(),
        key_version: "00",
        exportability,
    });
    let header = header.map_err(causeway_cards::crypto::CryptoError::from)?;
    let mut random = [0; tr31::RANDOM_BYTES];
    keeper.random(&mut random)?;
    let (protection, length) = wrapping(keeper, wrapping_key)?;
    tr31::wrap_by(&protection, length, &header, key, &random)
}

fn card_key<K: Keeper>(
    keeper: &K,
    master: &KeyName,
    version: Version,
    card: CardNumber<'_>,
) -> Result<TdesKey, HsmError> {
    version.card_key(&tdes(keeper, master, Purpose::CryptogramMaster)?, card)
}

fn pin_of<K: Keeper>(keeper: &K, name: &KeyName, block: &PinBlock, pan: &str) -> Result<Pin, HsmError> {
    let spec = needed(keeper, name, Purpose::Pin)?;
    match (block, spec.algorithm) {
        (PinBlock::Format0(block), Algorithm::Tdes) => {
            pin_block::decipher(&keeper.tdes(name)?, Format::Iso0, *block, pan)
        }
        (PinBlock::Format4(block), Algorithm::Aes128 | Algorithm::Aes256) => {
            pin_block::decipher_4(&keeper.aes(name)?, *block, pan)
        }
        (_, is) => Err(HsmError::PinFormat { name: name.clone(), is }),
    }
}

/// Of DES keys, whose lowest bits count for nothing.
pub(super) fn set_odd_parity(key: &mut [u8]) {
    for byte in key {
        *byte ^= u8::from(byte.count_ones().is_multiple_of(2));
    }
}

impl<K: Keeper> Hsm for K {
    fn describe(&self, key: &KeyName) -> Result<KeyInfo, HsmError> {
        let spec = self.spec(key)?;
        let check_value = match spec.algorithm {
            Algorithm::Tdes => {
                let [a, b, c, ..] = self.tdes(key)?.encrypt([0; 8])?;
                [a, b, c]
            }
            Algorithm::Aes128 | Algorithm::Aes256 => {
                let [a, b, c, ..] = mac::cmac(&self.aes(key)?, &[0; 16])?;
                [a, b, c]
            }
        };
        Ok(KeyInfo { spec, check_value })
    }

    fn generate(&self, key: &KeyName, spec: KeySpec) -> Result<KeyInfo, HsmError> {
        Keeper::generate(self, key, spec.check()?)?;
        self.describe(key)
    }

    fn assemble(&self, key: &KeyName, spec: KeySpec, components: &[&[u8]]) -> Result<KeyInfo, HsmError> {
        let length = spec.check()?.algorithm.key_bytes();
        if components.len() < 2 || components.iter().any(|component| component.len() != length) {
            return Err(HsmError::Components);
        }
        // Two equal ones count for nothing: who has the third has the key.
        let is_again = |at: usize| components[..at].contains(&components[at]);
        if (0..components.len()).any(is_again) {
            return Err(HsmError::Components);
        }
        let mut whole = Zeroizing::new(vec![0; length]);
        for component in components {
            whole
                .iter_mut()
                .zip(*component)
                .for_each(|(byte, other)| *byte ^= other);
        }
        if whole.iter().all(|byte| *byte == 0) {
            return Err(HsmError::Components);
        }
        self.put(key, spec, &whole)?;
        self.describe(key)
    }

    fn import(
        &self,
        key: &KeyName,
        purpose: Purpose,
        wrapping_key: &KeyName,
        block: &str,
    ) -> Result<KeyInfo, HsmError> {
        let (protection, length) = wrapping(self, wrapping_key)?;
        let unwrapped = tr31::unwrap_by(&protection, length, block)?;
        // A token's handle holds it for itself.
        drop(protection);
        let said = unwrapped.header.attributes();
        if said.usage != purpose.usage() {
            return Err(HsmError::KeyBlock("usage", purpose));
        }
        let algorithm = Algorithm::of_block(said.algorithm, unwrapped.key.len());
        let algorithm = algorithm.ok_or(HsmError::KeyBlock("algorithm or length", purpose))?;
        let spec = KeySpec {
            purpose,
            algorithm,
            exportable: said.exportability != "N",
        };
        self.put(key, spec.check()?, &unwrapped.key)?;
        self.describe(key)
    }

    fn export(&self, key: &KeyName, wrapping_key: &KeyName) -> Result<String, HsmError> {
        let spec = self.spec(key)?;
        if !spec.exportable {
            return Err(HsmError::NotExportable(key.clone()));
        }
        block(self, wrapping_key, spec, "E", &self.reveal(key)?)
    }

    fn share(&self, key: &KeyName, spec: KeySpec, wrapping_key: &KeyName) -> Result<(KeyInfo, String), HsmError> {
        let spec = KeySpec {
            exportable: false,
            ..spec.check()?
        };
        let mut bytes = Zeroizing::new(vec![0; spec.algorithm.key_bytes()]);
        self.random(&mut bytes)?;
        if spec.algorithm == Algorithm::Tdes {
            set_odd_parity(&mut bytes);
        }
        let block = block(self, wrapping_key, spec, "N", &bytes)?;
        self.put(key, spec, &bytes)?;
        Ok((self.describe(key)?, block))
    }

    fn delete(&self, key: &KeyName) -> Result<(), HsmError> {
        Keeper::delete(self, key)
    }

    fn names(&self) -> Result<Vec<KeyName>, HsmError> {
        let mut names = Keeper::names(self)?;
        names.sort();
        Ok(names)
    }

    fn verify_cryptogram(&self, master: &KeyName, cryptogram: &Cryptogram<'_>) -> Result<bool, HsmError> {
        let Cryptogram {
            version,
            card,
            transaction,
            value,
        } = *cryptogram;
        let card = card_key(self, master, version, card)?;
        let session = version.session_key(&card, transaction.counter, transaction.unpredictable);
        Ok(version.verify(&session, transaction, value))
    }

    fn response_cryptogram(
        &self,
        master: &KeyName,
        cryptogram: &Cryptogram<'_>,
        answer: Answer<'_>,
    ) -> Result<Vec<u8>, HsmError> {
        let version = cryptogram.version;
        let card = card_key(self, master, version, cryptogram.card)?;
        let key = version.answer_key(&card, cryptogram.transaction.counter);
        match (version.method(), answer) {
            (Method::One, Answer::One { code }) => {
                Ok([answer_1(&key, cryptogram.value, code).as_slice(), &code].concat())
            }
            (Method::Two, Answer::Two { update, own }) => {
                let made = answer_2(&key, cryptogram.value, update, own)?;
                Ok([made.as_slice(), &update, own].concat())
            }
            _ => Err(HsmError::AnswerMethod(version.name())),
        }
    }

    fn device_keys(
        &self,
        master: &KeyName,
        version: Version,
        card: CardNumber<'_>,
        counters: RangeInclusive<u16>,
    ) -> Result<Vec<DeviceKey>, HsmError> {
        if matches!(version, Version::Visa10 | Version::Mastercard16 | Version::Mastercard17) {
            return Err(HsmError::DeviceVersion(version.name()));
        }
        if !(1..=DEVICE_KEYS_MAX).contains(&counters.len()) {
            return Err(HsmError::Counters);
        }
        let card = card_key(self, master, version, card)?;
        let one = |counter: u16| DeviceKey {
            counter,
            key: version.session_key(&card, counter.to_be_bytes(), [0; 4]),
        };
        Ok(counters.map(one).collect())
    }

    fn cvv(&self, key: &KeyName, card: CardData<'_>) -> Result<Zeroizing<String>, HsmError> {
        cvv::generate(&tdes(self, key, Purpose::Cvv)?, card).map(Zeroizing::new)
    }

    fn verify_cvv(&self, key: &KeyName, card: CardData<'_>, value: &str) -> Result<bool, HsmError> {
        cvv::verify(&tdes(self, key, Purpose::Cvv)?, card, value)
    }

    fn mac(&self, key: &KeyName, data: &[u8], padding: Padding) -> Result<[u8; 8], HsmError> {
        mac::retail(&tdes(self, key, Purpose::Mac)?, data, padding)
    }

    fn verify_mac(&self, key: &KeyName, data: &[u8], padding: Padding, code: &[u8; 8]) -> Result<bool, HsmError> {
        Ok(mac::equal(&self.mac(key, data, padding)?, code))
    }

    fn pin_reference(&self, key: &KeyName, scheme: PinScheme, pin: &Pin, pan: &str) -> Result<PinReference, HsmError> {
        PinReference::new(&tdes(self, key, Purpose::PinVerification)?, scheme, pin, pan)
    }

    fn verify_pin(
        &self,
        pin_key: &KeyName,
        block: &PinBlock,
        pan: &str,
        key: &KeyName,
        reference: &PinReference,
    ) -> Result<bool, HsmError> {
        let pin = pin_of(self, pin_key, block, pan)?;
        reference.is_of(&tdes(self, key, Purpose::PinVerification)?, &pin, pan)
    }

    fn translate_pin(&self, from: &KeyName, block: &PinBlock, to: &KeyName, pan: &str) -> Result<PinBlock, HsmError> {
        let pin = pin_of(self, from, block, pan)?;
        let mut random = Zeroizing::new([0; 16]);
        getrandom::fill(random.as_mut_slice())?;
        Ok(match needed(self, to, Purpose::Pin)?.algorithm {
            Algorithm::Tdes => {
                PinBlock::Format0(pin_block::encipher(&self.tdes(to)?, Format::Iso0, &pin, pan, &random)?)
            }
            Algorithm::Aes128 | Algorithm::Aes256 => {
                PinBlock::Format4(pin_block::encipher_4(&self.aes(to)?, &pin, pan, &random)?)
            }
        })
    }
}
