//! What arrives on one connection, from bytes to messages that were read, and back.

use std::collections::HashMap;

use causeway_cards::iso8583::{Fault, Message, Place, Refusal, Spec, Violation};
use tokio::task::spawn_blocking;

use super::{LineId, Outcome, key::offered};
use crate::acquiring::{
    hsm::HsmError,
    link_key::{Generations, ModuleKey},
};

/// One frame's content.
#[derive(Debug)]
pub enum Arrival {
    Message(Message),
    /// To be answered so; what of it could be read.
    Refused(Message, Outcome),
    /// No answer can be written to it: the type is not one of the dialect's, or the head cannot be read. The connection
    /// is closed.
    Unanswerable(Box<Refusal>),
}

/// Why a message is not written, or its code not checked.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// A field that the dialect does not list, or longer than it may be.
    #[error(transparent)]
    Violation(#[from] Violation),
    #[error("the security module")]
    Key(#[from] HsmError),
    #[error("the thread that asked the security module has failed")]
    Failed,
}

/// How messages of a link are written and, if it has keys, sealed (field 64 or 128: ISO 9797-1 algorithm 3, padding
/// method 1, over all bytes before it).
pub struct Dialect {
    pub spec: &'static Spec,
    /// Generations, from the oldest. Without any, nothing is sealed.
    pub mac_keys: Vec<ModuleKey>,
}

/// A link's dialect while its key may change. A key that was offered (0800/160) is good beside the current one, by which
/// messages are written until the first arrives that is sealed with the new one; see [`Generations`]. The old one is then
/// good for a while longer, on the connections where what was heard last is sealed with it.
pub struct LinkDialect {
    spec: &'static Spec,
    keys: Generations,
    /// By which key each connection's last message was sealed.
    heard: HashMap<LineId, u64>,
}

impl LinkDialect {
    /// Writes with the oldest key.
    pub fn new(dialect: Dialect) -> Self {
        Self {
            spec: dialect.spec,
            keys: Generations::new(dialect.mac_keys),
            heard: HashMap::new(),
        }
    }

    pub fn closed(&mut self, line: LineId) {
        self.heard.remove(&line);
    }

    pub fn spec(&self) -> &'static Spec {
        self.spec
    }

    pub fn is_keyed(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Of a link that has a key.
    pub fn keys(&mut self) -> &mut Generations {
        &mut self.keys
    }

    /// What this side has written on a line was refused, by the message that was read last on it.
    pub fn refused(&mut self, line: LineId) {
        if let Some(by) = self.heard.get(&line) {
            self.keys.refused(*by);
        }
    }

    /// Waits for the security module, if the link has a key.
    pub async fn read(&mut self, line: LineId, wire: &[u8], now_ms: u64) -> Arrival {
        self.keys.forget(now_ms);
        let message = match self.spec.parse(wire) {
            Ok(message) => message,
            Err(refusal) => return refused(refusal),
        };
        if !self.is_keyed() {
            return Arrival::Message(message);
        }
        let covered = self.spec.sealed_bytes(&message, wire);
        let (Ok(covered), Some(given)) = (covered, message.authentication_code()) else {
            return Arrival::Refused(message, Outcome::AuthenticationFailed);
        };
        match self.sealed_by(covered.to_vec(), given).await {
            Ok(Some(id)) => {
                self.heard.insert(line, id);
                self.keys.heard(id, now_ms);
                // One that was replaced, perhaps as others have it, brings no other.
                let is_replaced = self.keys.current().is_some_and(|current| current.id != id);
                if is_replaced && offered(&message).is_some() {
                    return Arrival::Refused(message, Outcome::AuthenticationFailed);
                }
                Arrival::Message(message)
            }
            Ok(None) => Arrival::Refused(message, Outcome::AuthenticationFailed),
            Err(error) => {
                tracing::error!(
                    error = error.to_string(),
                    "a message's authentication code cannot be checked"
                );
                Arrival::Refused(message, Outcome::SystemMalfunction)
            }
        }
    }

    /// The id of the key by which it is sealed: the current one is tried first.
    async fn sealed_by(&self, covered: Vec<u8>, given: [u8; 8]) -> Result<Option<u64>, SealError> {
        let keys = self.keys.good();
        let found = spawn_blocking(move || {
            for (id, key) in keys {
                if key.is_code(&covered, &given)? {
                    return Ok(Some(id));
                }
            }
            Ok(None)
        });
        found.await.map_err(|_| SealError::Failed)?
    }

    /// Waits for the security module, if the link has a key. On a `line` of a host, with the key by which that line was sealed last.
    pub async fn write(&self, line: Option<LineId>, mut message: Message) -> Result<Vec<u8>, SealError> {
        let Some(current) = self.keys.current() else {
            return Ok(self.spec.to_bytes(&message)?);
        };
        let heard = line
            .and_then(|line| self.heard.get(&line))
            .filter(|id| **id < current.id);
        let behind = heard.and_then(|id| self.keys.get(*id));
        let (spec, key) = (self.spec, behind.unwrap_or(current).key.clone());
        let sealed = spawn_blocking(move || {
            let (mut wire, mut failed) = (Vec::new(), None);
            spec.build_sealed(&mut message, &mut wire, |covered| {
                key.code(covered).unwrap_or_else(|error| {
                    failed = Some(error);
                    [0; 8]
                })
            })?;
            failed.map_or(Ok(wire), |error| Err(error.into()))
        });
        sealed.await.map_err(|_| SealError::Failed)?
    }
}

/// Without the fields that are not what they should be: an answer that repeats those could not be written.
fn refused(mut refusal: Box<Refusal>) -> Arrival {
    let hides_type = |violation: &Violation| {
        violation.place == Place::MessageType || matches!(violation.fault, Fault::MessageTooLong { .. })
    };
    if refusal.violations.iter().any(hides_type) || refusal.message.message_type().number() == 0 {
        return Arrival::Unanswerable(refusal);
    }
    for violation in &refusal.violations {
        if let Place::Field(number) = violation.place {
            refusal.message.remove(number);
        }
    }
    Arrival::Refused(refusal.message, Outcome::FormatError)
}

#[cfg(test)]
mod tests;
