//! What a gateway that has cards is configured with.

mod links;

pub(super) use links::is_name;
pub use links::{Link, LinkFault, LinkKeys, LinkKeysFault, Variant};

use std::{collections::BTreeMap, path::Path};

use causeway_contracts::money::Currency;
use serde::Deserialize;

use crate::acquiring::{
    hsm::{HsmConfig, KeyName, Purpose},
    issuer::{VerifiedFrom, VerifiedFromFault},
};

/// As it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuingText {
    bin: String,
    token_bin: String,
    /// Without one, cards are neither made nor paid with.
    #[serde(default)]
    hsm: Option<HsmConfig>,
    keys: KeyNames,
    #[serde(default)]
    links: Vec<links::LinkText>,
    #[serde(default = "ten_seconds")]
    answer_ms: u64,
    #[serde(default = "seven_days")]
    hold_days: u32,
    #[serde(default)]
    verified_from: BTreeMap<Currency, String>,
}

fn ten_seconds() -> u64 {
    10_000
}

fn seven_days() -> u32 {
    7
}

/// An answer that comes later finds its terminal gone.
const ANSWER_MS: std::ops::RangeInclusive<u64> = 100..=60_000;

const HOLD_DAYS: std::ops::RangeInclusive<u32> = 1..=31;

/// That this gateway has cards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuing {
    /// The first digits of cards' numbers (ISO/IEC 7812-1): six or eight.
    pub bin: String,
    /// The same of devices' numbers.
    pub token_bin: String,
    /// Which has the keys, with paths as the configuration has them.
    pub hsm: Option<HsmConfig>,
    pub keys: KeyNames,
    /// Acquirers that ask for payments, each on a port of its own.
    pub links: Vec<Link>,
    /// An acquirer is answered no later than this.
    pub answer_ms: u64,
    /// How long an authorisation holds money.
    pub hold_days: u32,
    /// From which amount on a tap's holder must be verified.
    pub verified_from: VerifiedFrom,
}

/// By which the security module calls the keys that cards need.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyNames {
    /// From which cards' keys of cryptograms come.
    pub cards: KeyName,
    /// From which devices' limited-use keys come.
    pub devices: KeyName,
    /// Of card verification values.
    pub cvv: KeyName,
    /// Under which acquirers encipher PINs.
    pub pin: KeyName,
    /// By which PINs are verified.
    pub pin_verification: KeyName,
}

impl KeyNames {
    /// Each with what it is for.
    pub fn all(&self) -> [(&KeyName, Purpose); 5] {
        [
            (&self.cards, Purpose::CryptogramMaster),
            (&self.devices, Purpose::CryptogramMaster),
            (&self.cvv, Purpose::Cvv),
            (&self.pin, Purpose::Pin),
            (&self.pin_verification, Purpose::PinVerification),
        ]
    }
}

/// Why a section `issuing` is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuingFault {
    #[error("issuing.{key} is '{text}', and must be six or eight digits")]
    Bin { key: &'static str, text: String },
    #[error("issuing.bin and issuing.token_bin: neither begins with the other, so that cards are told from devices")]
    SameBin,
    #[error("issuing.answer_ms is {0}, and must be 100 to 60,000")]
    Answer(u64),
    #[error("issuing.hold_days is {0}, and must be 1 to 31")]
    HoldDays(u32),
    #[error("issuing.verified_from")]
    VerifiedFrom(#[from] VerifiedFromFault),
    #[error("issuing.links.{name}")]
    Link {
        name: String,
        #[source]
        source: LinkFault,
    },
}

fn bin(key: &'static str, text: String) -> Result<String, IssuingFault> {
    let is_bin = [6, 8].contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit());
    if is_bin {
        return Ok(text);
    }
    let text = text.chars().take(20).collect();
    Err(IssuingFault::Bin { key, text })
}

impl Issuing {
    /// With paths that are relative to a folder.
    pub fn within(mut self, folder: &Path) -> Self {
        self.hsm = self.hsm.map(|hsm| hsm.within(folder));
        self
    }
}

impl TryFrom<IssuingText> for Issuing {
    type Error = IssuingFault;

    fn try_from(text: IssuingText) -> Result<Self, IssuingFault> {
        let IssuingText {
            bin: cards,
            token_bin,
            hsm,
            keys,
            links,
            answer_ms,
            hold_days,
            verified_from,
        } = text;
        if !ANSWER_MS.contains(&answer_ms) {
            return Err(IssuingFault::Answer(answer_ms));
        }
        if !HOLD_DAYS.contains(&hold_days) {
            return Err(IssuingFault::HoldDays(hold_days));
        }
        let (cards, token_bin) = (bin("bin", cards)?, bin("token_bin", token_bin)?);
        if cards.starts_with(&token_bin) || token_bin.starts_with(&cards) {
            return Err(IssuingFault::SameBin);
        }
        Ok(Self {
            bin: cards,
            token_bin,
            links: links::all(links, hsm.is_some(), keys.all().map(|(name, _)| name.clone()).into())?,
            hsm,
            keys,
            answer_ms,
            hold_days,
            verified_from: VerifiedFrom::read(verified_from)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_read_or_refused_with_the_reason() {
        let text = |bin: &str, token_bin: &str, pin: &str| {
            let text = format!(
                "bin = '{bin}'\ntoken_bin = '{token_bin}'\n[keys]\ncards = 'a'\ndevices = 'b'\ncvv = 'c'\n\
                 pin = '{pin}'\npin_verification = 'e'"
            );
            toml::from_str::<IssuingText>(&text)
        };
        let check = |bin: &str, token_bin: &str, expected: Option<IssuingFault>| {
            let text = text(bin, token_bin, "d").expect("a section");
            assert_eq!(Issuing::try_from(text).err(), expected, "{bin} {token_bin}");
        };
        let not_bin = |key, text: &str| {
            Some(IssuingFault::Bin {
                key,
                text: text.to_owned(),
            })
        };
        check("990000", "990001", None);
        check("99000012", "990001", None);
        check("99000", "990001", not_bin("bin", "99000"));
        check("990000", "99000a", not_bin("token_bin", "99000a"));
        check("990000", "990000", Some(IssuingFault::SameBin));
        check("990000", "99000012", Some(IssuingFault::SameBin));
        let refused = text("990000", "990001", "").expect_err("a key without a name");
        assert!(refused.to_string().contains("a key's name must be"), "{refused}");
    }
}
