//! A phone as its issuer has provisioned it, held to a terminal, in memory.

use causeway_cards::{
    crypto::key::TdesKey,
    emv::{
        applet::{Applet, LimitedUseKey, Step, Token},
        kernel::{Kernel, Next, Outcome as Tap, Terminal, Transaction},
    },
};
use causeway_devnet::services::api::text;
use serde_json::Value;

pub struct Phone(Applet);

impl Phone {
    /// With what `/v1/cards/{id}/devices` answers.
    pub fn new(given: &Value) -> Self {
        let key = |key: &Value| {
            let bytes = hex::decode(text(key, "/key").unwrap()).unwrap();
            LimitedUseKey {
                counter: key["atc"].as_u64().unwrap().try_into().unwrap(),
                key: TdesKey::new(&bytes).unwrap(),
            }
        };
        let token = Token::new(text(given, "/token").unwrap(), text(given, "/expiry").unwrap(), 0).unwrap();
        let keys = given["keys"].as_array().unwrap().iter().map(key);
        Self(Applet::new(token, 1, keys.collect(), 0).unwrap())
    }

    /// In euro cents, by its holder.
    pub fn tap(&mut self, amount: u64) -> Tap {
        self.0.unlock();
        self.tap_as_it_is(amount)
    }

    /// The same without the holder, if the phone was not unlocked before.
    pub fn tap_as_it_is(&mut self, amount: u64) -> Tap {
        let terminal = Terminal {
            country: 276,
            kind: 0x22,
            capabilities: [0xe0, 0xb8, 0xc8],
            contactless_max: 10_000_000,
            verified_from: 10_000_000,
            has_online_pin: true,
            has_signature: false,
            applications: Terminal::default_applications(),
        };
        let transaction = Transaction {
            amount,
            other_amount: 0,
            currency: 978,
            date: [26, 11, 30],
            kind: 0,
            unpredictable: [1, 2, 3, 4],
        };
        self.0.reset();
        let (mut kernel, mut command) = Kernel::start(terminal, transaction).unwrap();
        loop {
            let answer = match self.0.command(&command.to_bytes()) {
                Step::Answer(response) => response,
                Step::Save(unsaved) => unsaved.saved(),
            };
            match kernel.on_response(&answer.to_bytes()) {
                Next::Command(next) => command = next,
                Next::Finished(outcome) => return outcome,
                Next::Failed(failure) => panic!("{failure}"),
            }
        }
    }
}
