//! What a purse's host keeps of its issuer's news, to pass on: the newest BEACON, and up to 64 RL deltas of which each
//! follows the one before.
//!
//! The element believes nothing without checking it; what is here is what it has taken, in the bytes that were signed.

use std::path::PathBuf;

use causeway_contracts::offline::{
    encoding::Malformed,
    ids::ListVersion,
    message::Message,
    messages::{Beacon, RevocationDelta},
    purse::{PurseRefusal, PurseState},
    revocation::RevocationError,
    signed::Signed,
};

use crate::{
    durable::{self, FileError},
    offline::{
        element::{Element, ElementError},
        memory::Memory,
    },
};

/// How many deltas a host keeps.
pub const DELTAS_MAX: usize = 64;

/// The deltas that are handed on in one tap.
pub const TAP_BYTES_MAX: usize = 512;

/// A beacon and all deltas, each as long as it can be.
const FILE_BYTES_MAX: usize = Signed::<Beacon>::BYTES_MAX + DELTAS_MAX * Signed::<RevocationDelta>::BYTES_MAX;

#[derive(Debug, thiserror::Error)]
pub enum NewsError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}: {source}; remove the file, and sync the purse", path.display())]
    Content {
        path: PathBuf,
        #[source]
        source: Malformed,
    },
}

/// Why what was heard was not taken.
#[derive(Debug, thiserror::Error)]
pub enum HearError {
    #[error("it is neither a beacon nor a delta of the revocation list")]
    Foreign,
    #[error(transparent)]
    Element(#[from] ElementError),
    #[error(transparent)]
    File(#[from] FileError),
}

#[derive(Debug)]
pub struct News {
    path: PathBuf,
    beacon: Option<Signed<Beacon>>,
    deltas: Vec<Signed<RevocationDelta>>,
}

impl News {
    /// What is in the file, or nothing if there is none.
    pub fn load(path: PathBuf) -> Result<Self, NewsError> {
        let bytes = match durable::read(&path, FILE_BYTES_MAX as u64) {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let messages = Message::read_all(&bytes, FILE_BYTES_MAX).map_err(|source| NewsError::Content {
            path: path.clone(),
            source,
        })?;
        let mut news = Self {
            path,
            beacon: None,
            deltas: Vec::new(),
        };
        messages.into_iter().for_each(|message| {
            news.keep(message);
        });
        Ok(news)
    }

    pub fn beacon(&self) -> Option<&Signed<Beacon>> {
        self.beacon.as_ref()
    }

    /// Gives messages to the element, and keeps what it takes. What it has already changes nothing.
    pub fn hear<M: Memory>(&mut self, element: &mut Element<M>, messages: Vec<Message>) -> Result<(), HearError> {
        let mut is_new = false;
        let heard = messages.into_iter().try_for_each(|message| {
            if take(element, &message)? {
                is_new |= self.keep(message);
            }
            Ok(())
        });
        if is_new {
            self.save()?;
        }
        heard
    }

    /// Keeps what the element has taken by other ways.
    pub fn remember(&mut self, state: &PurseState, messages: Vec<Message>) -> Result<(), FileError> {
        let is_taken = |message: &Message| match message {
            Message::Beacon(beacon) => beacon.body.epoch == state.counters().epoch,
            Message::RevocationDelta(delta) => delta.body.version <= state.revoked().version(),
            _ => false,
        };
        let mut is_new = false;
        for message in messages.into_iter().filter(is_taken) {
            is_new |= self.keep(message);
        }
        if is_new { self.save() } else { Ok(()) }
    }

    /// The beacon, and as many deltas that follow a version as one tap carries.
    pub fn after(&self, version: ListVersion) -> Vec<Message> {
        let mut messages: Vec<Message> = self.beacon.iter().cloned().map(Message::from).collect();
        let first = self.deltas.iter().position(|delta| delta.body.previous == version);
        let mut bytes = 0;
        for delta in self.deltas.iter().skip(first.unwrap_or(self.deltas.len())) {
            bytes += delta.to_bytes().len();
            if bytes > TAP_BYTES_MAX {
                break;
            }
            messages.push(delta.clone().into());
        }
        messages
    }

    /// Whether it is newer than what was there.
    fn keep(&mut self, message: Message) -> bool {
        match message {
            Message::Beacon(beacon) => {
                let is_newer = self
                    .beacon
                    .as_ref()
                    .is_none_or(|old| old.body.epoch < beacon.body.epoch);
                if is_newer {
                    self.beacon = Some(beacon);
                }
                is_newer
            }
            Message::RevocationDelta(delta) => {
                let last = self.deltas.last().map(|last| last.body.version);
                if last.is_some_and(|last| delta.body.version <= last) {
                    return false;
                }
                if last.is_some_and(|last| delta.body.previous != last) {
                    self.deltas.clear();
                }
                self.deltas.push(delta);
                if self.deltas.len() > DELTAS_MAX {
                    self.deltas.remove(0);
                }
                true
            }
            _ => false,
        }
    }

    fn save(&self) -> Result<(), FileError> {
        let beacon = self.beacon.iter().flat_map(Signed::to_bytes);
        let deltas = self.deltas.iter().flat_map(Signed::to_bytes);
        durable::replace(&self.path, &beacon.chain(deltas).collect::<Vec<_>>())
    }
}

/// Whether the element has it now.
fn take<M: Memory>(element: &mut Element<M>, message: &Message) -> Result<bool, HearError> {
    match message {
        Message::Beacon(beacon) => {
            element.run(|state| state.beacon(beacon))?;
            Ok(beacon.body.epoch == element.state().counters().epoch)
        }
        Message::RevocationDelta(delta) => match element.run(|state| state.revocation_delta(delta)) {
            Ok(()) => Ok(true),
            Err(ElementError::Refused(PurseRefusal::Revocation(
                RevocationError::NotNext { .. } | RevocationError::Earlier { .. },
            ))) => Ok(false),
            Err(error) => Err(error.into()),
        },
        _ => Err(HearError::Foreign),
    }
}
