//! What an issuer gives a device, as JSON: all of it once, then keys only.
//!
//! ```json
//! {"version": 1, "device": "dev_…", "token": "16 digits", "expiry": "YYMM", "psn": "00", "currency": "EUR",
//!  "keys": [{"atc": 1, "key": "32 hexadecimal digits"}], "good_until": 1796020860}
//! ```
//!
//! `key_index`, which of the issuer's master keys (tag 9F10), is 1 if it is absent. A file with keys only may leave out
//! what the device has; where it says it, it must be the same.

use causeway_cards::{
    crypto::key::TdesKey,
    emv::applet::{self, KEYS_MAX, Token},
    pan,
};
use causeway_contracts::money::Currency;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

use super::{DeviceError, Until};

/// The only version there is.
pub const VERSION: u16 = 1;

/// Of an issuer's file: many times what [`KEYS_MAX`] keys take.
pub const FILE_BYTES_MAX: u64 = 64 * 1024;

const KEY_INDEX: u8 = 1;

/// A device with its first keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    version: u16,
    device: String,
    token: Digits,
    expiry: String,
    psn: String,
    currency: Currency,
    #[serde(default = "key_index")]
    key_index: u8,
    keys: Vec<GivenKey>,
    good_until: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct More {
    version: u16,
    device: String,
    token: Option<Digits>,
    expiry: Option<String>,
    psn: Option<String>,
    currency: Option<Currency>,
    key_index: Option<u8>,
    keys: Vec<GivenKey>,
    good_until: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenKey {
    atc: u16,
    key: HexKey,
}

fn key_index() -> u8 {
    KEY_INDEX
}

/// All that a phone keeps. Wiped on drop, and printed nowhere.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    pub device: String,
    pub token: Digits,
    pub expiry: String,
    pub psn: String,
    pub key_index: u8,
    pub currency: Currency,
    /// Tag 9F36: the last that was used, 0 of a new device.
    pub counter: u16,
    /// By counter, all above the last.
    pub keys: Vec<Key>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub atc: u16,
    pub key: HexKey,
    /// Seconds since 1970.
    pub good_until: u64,
}

impl Content {
    /// Of an issuer's file, at `now` in seconds.
    pub fn new(json: &[u8], now: u64) -> Result<Self, DeviceError> {
        let new: New = serde_json::from_slice(json).map_err(DeviceError::Provisioning)?;
        check_version(new.version)?;
        let mut content = Self {
            device: new.device,
            token: new.token,
            expiry: new.expiry,
            psn: new.psn,
            key_index: new.key_index,
            currency: new.currency,
            counter: 0,
            keys: Vec::new(),
        };
        content.token()?;
        content.currency_number()?;
        if !pan::luhn(content.token.0.as_bytes()) {
            return Err(DeviceError::CheckDigit);
        }
        content.take_keys(new.keys, new.good_until, now)?;
        Ok(content)
    }

    /// Takes the keys of an issuer's file; says how many are new.
    pub fn add(&mut self, json: &[u8], now: u64) -> Result<usize, DeviceError> {
        let more: More = serde_json::from_slice(json).map_err(DeviceError::Provisioning)?;
        check_version(more.version)?;
        if more.device != self.device {
            return Err(DeviceError::OtherDevice {
                own: self.device.clone(),
                given: more.device.chars().filter(|it| !it.is_control()).take(64).collect(),
            });
        }
        let differs = [
            ("token", more.token.is_some_and(|it| it.0 != self.token.0)),
            ("expiry", more.expiry.is_some_and(|it| it != self.expiry)),
            ("sequence number", more.psn.is_some_and(|it| it != self.psn)),
            ("currency", more.currency.is_some_and(|it| it != self.currency)),
            (
                "index of the issuer's key",
                more.key_index.is_some_and(|it| it != self.key_index),
            ),
        ];
        if let Some((what, _)) = differs.into_iter().find(|(_, differs)| *differs) {
            return Err(DeviceError::Differs(what));
        }
        self.take_keys(more.keys, more.good_until, now)
    }

    /// Keys of counters that are used are left out, and so are those here that are good no more. Of a counter that has
    /// a key, the new key is taken.
    fn take_keys(&mut self, given: Vec<GivenKey>, good_until: u64, now: u64) -> Result<usize, DeviceError> {
        if good_until <= now {
            return Err(DeviceError::TooLate(Until(good_until)));
        }
        let mut counters: Vec<_> = given.iter().map(|key| key.atc).collect();
        counters.sort_unstable();
        if let Some(pair) = counters.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(applet::DeviceError::RepeatedKey(pair[0]).into());
        }
        let fresh: Vec<_> = given.into_iter().filter(|key| key.atc > self.counter).collect();
        let kept = |key: &Key| key.good_until > now && fresh.iter().all(|new| new.atc != key.atc);
        let count = fresh.len() + self.keys.iter().filter(|key| kept(key)).count();
        if count > KEYS_MAX {
            return Err(applet::DeviceError::TooManyKeys(count).into());
        }
        if fresh.is_empty() {
            return Err(DeviceError::NothingNew);
        }
        self.keys.retain(kept);
        let added = fresh.len();
        self.keys.extend(
            fresh
                .into_iter()
                .map(|GivenKey { atc, key }| Key { atc, key, good_until }),
        );
        self.keys.sort_by_key(|key| key.atc);
        Ok(added)
    }

    pub fn token(&self) -> Result<Token, DeviceError> {
        let psn = self.psn.as_bytes();
        let is_psn = psn.len() == 2 && psn.iter().all(u8::is_ascii_digit);
        let sequence = self.psn.parse().ok().filter(|_| is_psn);
        Ok(Token::new(
            &self.token.0,
            &self.expiry,
            sequence.ok_or(applet::DeviceError::Sequence)?,
        )?)
    }

    /// ISO 4217 numeric.
    pub fn currency_number(&self) -> Result<u16, DeviceError> {
        let digits = causeway_cards::currency::numeric(&self.currency.to_string());
        let number = digits.and_then(|digits| digits.parse().ok());
        number.ok_or(DeviceError::Currency(self.currency))
    }
}

fn check_version(version: u16) -> Result<(), DeviceError> {
    match version {
        VERSION => Ok(()),
        other => Err(DeviceError::Version(other)),
    }
}

/// A number that is wiped on drop.
#[derive(Clone)]
pub(super) struct Digits(pub Zeroizing<String>);

impl Serialize for Digits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text("digits", |text| {
            let is_number = text.bytes().all(|digit| digit.is_ascii_digit());
            is_number.then(|| Self(Zeroizing::new(text.to_owned())))
        }))
    }
}

/// A limited-use key, wiped on drop.
#[derive(Clone)]
pub(super) struct HexKey(pub TdesKey);

impl Serialize for HexKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(hex::encode(self.0.bytes())))
    }
}

impl<'de> Deserialize<'de> for HexKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text("a key of 32 hexadecimal digits", |text| {
            let mut bytes = Zeroizing::new([0; 16]);
            hex::decode_to_slice(text, bytes.as_mut_slice()).ok()?;
            TdesKey::new(bytes.as_slice()).ok().map(Self)
        }))
    }
}

/// Reads a text without keeping a copy, or saying in an error what it was.
struct Text<T>(&'static str, fn(&str) -> Option<T>);

impl<T> de::Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        let Self(what, read) = self;
        read(text).ok_or_else(|| E::custom(format_args!("it is not {what}")))
    }
}

#[cfg(test)]
mod tests;
