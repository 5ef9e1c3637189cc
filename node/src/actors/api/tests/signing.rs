//! Requests to read what is not open.

use std::time::{SystemTime, UNIX_EPOCH};

use causeway_contracts::{
    api::{KEY_HEADER, ReadRequest, SIGNATURE_HEADER, TIME_HEADER},
    block::{GenesisHash, TimeMs},
    codec::Text,
    keys::SecretKey,
};
use reqwest::RequestBuilder;

use super::{chain::key, node::Node};

pub fn now() -> TimeMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    TimeMs(since.as_millis().try_into().unwrap())
}

/// What a request says, apart from where it is sent.
pub struct Signing {
    pub key: SecretKey,
    pub genesis: GenesisHash,
    pub path: String,
    pub time: TimeMs,
}

impl Signing {
    pub fn of(node: &Node, seed: u8, path: impl Into<String>) -> Self {
        Self {
            key: key(seed),
            genesis: node.genesis,
            path: path.into(),
            time: now(),
        }
    }

    pub fn headers(&self) -> [(&'static str, String); 3] {
        let signed = ReadRequest {
            genesis: self.genesis,
            path: Text::new(self.path.clone()).unwrap(),
            time_ms: self.time,
        };
        [
            (KEY_HEADER, self.key.public_key().to_string()),
            (TIME_HEADER, self.time.0.to_string()),
            (SIGNATURE_HEADER, signed.sign(&self.key).to_string()),
        ]
    }

    pub fn request(&self, node: &Node, path: &str) -> RequestBuilder {
        self.headers()
            .into_iter()
            .fold(node.client.get(node.url(path)), |request, (name, value)| {
                request.header(name, value)
            })
    }
}
