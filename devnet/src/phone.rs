//! A customer's phone as its issuer has provisioned it, in memory: held to a terminal, or showing a code.

use anyhow::{Context, bail};
use causeway_cards::{
    crypto::key::TdesKey,
    emv::{
        applet::{Applet, CODE_SECONDS, LimitedUseKey, Offer, Step, Token},
        kernel::{Kernel, Next, Outcome as Tap, Terminal, Transaction},
    },
};
use causeway_wallet::clock;
use serde_json::Value;

use crate::services::api::text;

/// ISO 4217: the euro.
const CURRENCY: u16 = 978;

/// ISO 3166-1: Germany.
const COUNTRY: u16 = 276;

/// In minor units, of amounts that the terminal takes without contact, and without the holder.
const AMOUNT_MAX: u64 = 999_999_999_999;

/// Which of the issuer's master keys the phone's come from.
const KEY_INDEX: u8 = 1;

pub struct Phone {
    device: String,
    applet: Applet,
    /// The highest that was used.
    counter: u16,
}

impl Phone {
    /// With what `/v1/cards/{id}/devices` answers.
    pub fn new(given: &Value) -> anyhow::Result<Self> {
        Ok(Self {
            device: text(given, "/device")?.to_owned(),
            applet: applet(given, 0)?,
            counter: 0,
        })
    }

    /// `dev_…`
    pub fn device(&self) -> &str {
        &self.device
    }

    pub fn keys_left(&self) -> usize {
        self.applet.keys_left()
    }

    /// With what `/v1/devices/{id}/keys` answers, in place of the keys that are left.
    pub fn renew(&mut self, given: &Value) -> anyhow::Result<()> {
        self.applet = applet(given, self.counter)?;
        Ok(())
    }

    /// Pays so many euro cents, by its holder.
    pub fn tap(&mut self, amount: u64) -> anyhow::Result<Tap> {
        self.applet.unlock();
        self.tap_as_it_is(amount)
    }

    /// The same without the holder, if the phone was not unlocked before.
    pub fn tap_as_it_is(&mut self, amount: u64) -> anyhow::Result<Tap> {
        let mut unpredictable = [0; 4];
        getrandom::fill(&mut unpredictable)?;
        let transaction = Transaction {
            amount,
            other_amount: 0,
            currency: CURRENCY,
            date: today(),
            kind: 0,
            unpredictable,
        };
        self.applet.reset();
        let (mut kernel, mut command) = Kernel::start(terminal(), transaction)?;
        loop {
            let answer = match self.applet.command(&command.to_bytes()) {
                Step::Answer(response) => response,
                Step::Save(unsaved) => {
                    self.counter = unsaved.counter();
                    unsaved.saved()
                }
            };
            match kernel.on_response(&answer.to_bytes()) {
                Next::Command(next) => command = next,
                Next::Finished(tap) => return Ok(tap),
                Next::Failed(failure) => bail!("the tap failed: {failure}"),
            }
        }
    }

    /// The text of a code that pays at most so many euro cents, within a minute.
    pub fn code(&mut self, amount_max: u64) -> anyhow::Result<String> {
        let until = clock::seconds_from_now(u64::from(CODE_SECONDS)).0;
        let offer = Offer {
            amount_max: Some(amount_max),
            currency: CURRENCY,
            date: today(),
            until: until.try_into().context("the clock is past 2106")?,
        };
        let unsaved = self.applet.offer(&offer)?;
        self.counter = unsaved.counter();
        Ok(unsaved.saved()?.to_string())
    }
}

fn applet(given: &Value, last: u16) -> anyhow::Result<Applet> {
    let key = |key: &Value| {
        let bytes = hex::decode(text(key, "/key")?)?;
        anyhow::Ok(LimitedUseKey {
            counter: u16::try_from(key["atc"].as_u64().context("a key without its counter")?)?,
            key: TdesKey::new(&bytes)?,
        })
    };
    let token = Token::new(text(given, "/token")?, text(given, "/expiry")?, 0)?;
    let keys = given["keys"].as_array().context("a device without keys")?;
    let keys = keys.iter().map(key).collect::<Result<_, _>>()?;
    Ok(Applet::new(token, KEY_INDEX, keys, last)?)
}

fn terminal() -> Terminal {
    Terminal {
        country: COUNTRY,
        kind: 0x22,
        capabilities: [0xe0, 0xb8, 0xc8],
        contactless_max: AMOUNT_MAX,
        verified_from: AMOUNT_MAX,
        has_online_pin: true,
        has_signature: false,
        applications: Terminal::default_applications(),
    }
}

/// YY, MM and DD, in UTC.
fn today() -> [u8; 3] {
    let (year, month, day) = clock::date(clock::now_ms().0 / 86_400_000);
    [year % 100, month, day].map(|part| part as u8)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn given(counters: std::ops::RangeInclusive<u16>) -> Value {
        let keys = counters.map(|atc| json!({ "atc": atc, "key": "0123456789abcdeffedcba9876543210" }));
        json!({
            "device": "dev_1",
            "token": "9900010000000018",
            "expiry": "3011",
            "keys": keys.collect::<Vec<_>>(),
        })
    }

    #[test]
    fn each_payment_takes_a_key_and_new_ones_go_on_where_the_last_were() {
        let mut phone = Phone::new(&given(1..=2)).unwrap();
        let tap = phone.tap(1_234).unwrap();
        assert!(tap.track_2.starts_with("9900010000000018D3011"));
        phone.code(1_234).unwrap();
        assert_eq!((phone.keys_left(), phone.counter), (0, 2));
        assert!(phone.tap(1).is_err() && phone.code(1).is_err());
        phone.renew(&given(2..=5)).unwrap();
        assert_eq!((phone.device(), phone.keys_left()), ("dev_1", 3));
    }
}
