//! One attempt to send one signed message to one endpoint. The endpoint is a customer's word, so that nothing of it
//! is followed further than it was checked: its name is resolved once, all addresses are judged, one of these is
//! connected to, a redirect is a failure, and of the answer little is read.
//!
//! It is written on hyper, not on reqwest that the wallet has: features are unified over a program, and with TLS
//! turned on but no provider of cryptography chosen for the whole process, every client that reqwest builds
//! elsewhere (in the wallet, the devnet and the node's tests) panics. Nor has reqwest a bound on an answer's head.
//! Here there is nothing to turn off: no pool, no second resolution, no redirects, cookies or proxies.

use std::{io, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{
    address::AddressFault,
    message::Headers,
    response::{Outcome, outcome},
};

mod answer;
mod connection;
mod resolver;
mod target;

pub use answer::{ANSWER_BYTES_MAX, Excerpt};
pub use connection::{TrustFault, client_config, system_trust};
pub use resolver::{Resolve, SystemResolver};
pub use target::{HostAndPort, HostAndPortFault, TargetFault, URL_BYTES_MAX};

/// How long an attempt may take, from the resolution of the name to the answer's end.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// How an operator has webhooks sent.
#[derive(Debug, Clone)]
pub struct SenderSettings {
    /// [`ATTEMPT_TIMEOUT`], except in tests.
    pub timeout: Duration,
    /// Where http is good enough and a loopback address is allowed. For tests and devnets; empty elsewhere.
    pub local: Vec<HostAndPort>,
    /// The authorities whose certificates are believed: [`system_trust`], except in tests.
    pub trust: rustls::RootCertStore,
}

/// Sends messages; holds no state of its own between them.
pub struct Sender<R = SystemResolver> {
    timeout: Duration,
    local: Vec<HostAndPort>,
    tls: tokio_rustls::TlsConnector,
    resolver: R,
}

/// What is sent: the headers that [`sign`](super::sign) made for exactly this body, which is JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// What became of an attempt.
#[derive(Debug)]
pub struct Attempt {
    pub outcome: Outcome,
    /// HTTP status, if an answer came.
    pub status: Option<u16>,
    pub detail: Detail,
}

/// For whoever looks for the reason of a failure.
#[derive(Debug)]
pub enum Detail {
    /// The beginning of the answer's body. It is the receiver's text, not ours.
    Answer(Excerpt),
    NoAnswer(DeliveryFault),
}

/// Why there is no answer; the first of these that applies. None tells the URL, which may hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryFault {
    #[error(transparent)]
    Target(#[from] TargetFault),
    #[error("the host's name cannot be resolved: {0}")]
    Resolution(#[source] io::Error),
    #[error(transparent)]
    Address(#[from] AddressFault),
    #[error("no connection to any address of the host: {0}")]
    Connection(#[source] io::Error),
    #[error("no TLS with the host: {0}")]
    Tls(#[source] io::Error),
    #[error("the host does not answer as HTTP/1.1 has it: {0}")]
    Http(#[source] hyper::Error),
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("the URL's path or a header of the message has characters that HTTP has no place for: {0}")]
    Request(#[source] hyper::http::Error),
}

impl Attempt {
    /// A sentence, without what the receiver has said.
    pub fn told(&self) -> String {
        match &self.detail {
            Detail::NoAnswer(fault) => fault.to_string(),
            Detail::Answer(_) => format!("an answer of status {}", self.status.unwrap_or_default()),
        }
    }
}

impl Sender {
    pub fn new(settings: SenderSettings) -> Self {
        Self::with_resolver(settings, SystemResolver)
    }
}

impl<R: Resolve> Sender<R> {
    pub fn with_resolver(settings: SenderSettings, resolver: R) -> Self {
        Self {
            timeout: settings.timeout,
            local: settings.local,
            tls: connection::tls(settings.trust),
            resolver,
        }
    }

    /// Whether a message could be sent there, as far as the URL alone says.
    pub fn check(&self, url: &str) -> Result<(), TargetFault> {
        target::Target::parse(url, &self.local).map(drop)
    }

    /// POSTs the message to `url` over a connection of its own.
    pub async fn send(&self, url: &str, message: &Message) -> Attempt {
        let deadline = Instant::now() + self.timeout;
        let exchange = timeout_at(deadline, self.exchange(url, message)).await;
        match exchange.unwrap_or(Err(DeliveryFault::TimedOut(self.timeout))) {
            Ok(answer) => {
                let status = Some(answer.status());
                // The status is the outcome, whether or not the rest comes in time.
                Attempt {
                    outcome: outcome(status),
                    status,
                    detail: Detail::Answer(answer.excerpt(deadline).await),
                }
            }
            Err(fault) => Attempt {
                outcome: outcome(None),
                status: None,
                detail: Detail::NoAnswer(fault),
            },
        }
    }

    /// Up to the head of the answer.
    async fn exchange(&self, url: &str, message: &Message) -> Result<answer::Answer, DeliveryFault> {
        let target = target::Target::parse(url, &self.local)?;
        let addresses = match target.address() {
            Some(address) => vec![address],
            None => {
                let resolved = self.resolver.resolve(target.host()).await;
                resolved.map_err(DeliveryFault::Resolution)?
            }
        };
        target.check_addresses(&addresses)?;
        let stream = connection::open(&target, &addresses, &self.tls).await?;
        answer::request(stream, &target, message).await
    }
}

#[cfg(test)]
mod tests;
