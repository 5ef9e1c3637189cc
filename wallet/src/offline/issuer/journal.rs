//! What of the service survives a crash: how far it has come, and what it has signed and the ledger may not have yet.
//!
//! Before anything that was signed leaves the service it is in this file. After a crash the same bytes are sent
//! again, and nothing else is signed in their place. Without the file the service begins anew from the ledger.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use causeway_contracts::{
    block::{BlockId, GenesisHash, Height},
    money::Currency,
    offline::{
        encoding::{Malformed, Reader},
        ids::{Epoch, KeyId, PurseId, RevocationEntry},
        issuer::ByIssuer as _,
        message::Message,
    },
};
use serde::{Deserialize, Serialize};

use super::{
    plan::{Book, Plan},
    rules::{KeyIds, ServiceKeys},
};
use crate::durable::{self, FileError};

/// A block of loads alone has some 16,000, whose grants have 106 bytes, two digits each.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Of one message; the longest is a delta of 54 entries.
const MESSAGE_BYTES_MAX: usize = 1024;

/// What is on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journal {
    pub book: Book,
    /// Signed, and perhaps sent.
    pub open: Option<Open>,
}

/// What has to reach the ledger before the book may say that it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// In this order.
    pub messages: Vec<Message>,
    /// What is remembered then.
    pub book: Book,
}

impl Journal {
    /// With what is signed of a plan. A plan that has nothing to sign is done.
    pub fn begin(&self, plan: &Plan, keys: &ServiceKeys) -> Self {
        let messages = plan.sign(keys);
        let book = plan.book.clone();
        if messages.is_empty() {
            return Self { book, open: None };
        }
        Self {
            book: self.book.clone(),
            open: Some(Open { messages, book }),
        }
    }

    /// After the ledger has taken all that was open, or said of each that it never will.
    pub fn done(self) -> Self {
        match self.open {
            Some(open) => Self {
                book: open.book,
                open: None,
            },
            None => self,
        }
    }

    /// After a restart. What another key has signed will not be taken any more if that one was withdrawn, and is
    /// signed again from the blocks otherwise.
    pub fn reopened(self, keys: &KeyIds) -> Self {
        let is_ours = |message: &Message| signer(message).is_some_and(|key| key == keys.grant || key == keys.beacon);
        let open = self.open.filter(|open| open.messages.iter().all(is_ours));
        Self { open, ..self }
    }
}

fn signer(message: &Message) -> Option<KeyId> {
    match message {
        Message::Grant(signed) => Some(signed.body.issuer()),
        Message::Beacon(signed) => Some(signed.body.issuer()),
        Message::RevocationDelta(signed) => Some(signed.body.issuer()),
        _ => None,
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BookText {
    height: Height,
    block: Option<BlockId>,
    overspent: BTreeMap<PurseId, Epoch>,
    missed: BTreeSet<RevocationEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenText {
    /// In hexadecimal digits.
    messages: Vec<String>,
    done: BookText,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JournalText {
    genesis: GenesisHash,
    currency: Currency,
    book: BookText,
    open: Option<OpenText>,
}

impl From<&Book> for BookText {
    fn from(book: &Book) -> Self {
        Self {
            height: book.height,
            block: book.block,
            overspent: book.overspent.clone(),
            missed: book.missed.clone(),
        }
    }
}

impl From<BookText> for Book {
    fn from(text: BookText) -> Self {
        Self {
            height: text.height,
            block: text.block,
            overspent: text.overspent,
            missed: text.missed,
        }
    }
}

/// Why there is no state to go on from.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{} is not what this service wrote: {source}; without it the service begins anew from the ledger", path.display())]
    Format {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("{}: an open message: {source}; without the file the service begins anew from the ledger", path.display())]
    Message {
        path: PathBuf,
        #[source]
        source: Malformed,
    },
    #[error("{}: an open message is not in hexadecimal digits", path.display())]
    NotHex { path: PathBuf },
    #[error(
        "{} is of the issuer of {currency} on the network {genesis}; give this service a state folder of its own",
        path.display()
    )]
    Other {
        path: PathBuf,
        genesis: GenesisHash,
        currency: Currency,
    },
}

/// Where a journal is, and whose it is.
#[derive(Debug, Clone)]
pub struct JournalFile {
    pub path: PathBuf,
    pub genesis: GenesisHash,
    pub currency: Currency,
}

impl JournalFile {
    pub fn in_folder(folder: &Path, genesis: GenesisHash, currency: Currency) -> Self {
        Self {
            path: folder.join("cursor.json"),
            genesis,
            currency,
        }
    }

    /// Beside it: the validators that were trusted last.
    pub fn trust_path(&self) -> PathBuf {
        self.path.with_file_name("trust.json")
    }

    /// None if there is none yet.
    pub fn load(&self) -> Result<Option<Journal>, JournalError> {
        let bytes = match durable::read(&self.path, FILE_BYTES_MAX) {
            Err(error) if error.is_not_found() => return Ok(None),
            other => other?,
        };
        self.parse(&bytes).map(Some)
    }

    /// On disk before this returns.
    pub fn save(&self, journal: &Journal) -> Result<(), FileError> {
        durable::replace(&self.path, &self.bytes(journal))
    }

    fn bytes(&self, journal: &Journal) -> Vec<u8> {
        let open = journal.open.as_ref().map(|open| OpenText {
            messages: open
                .messages
                .iter()
                .map(|message| hex::encode(message.to_bytes()))
                .collect(),
            done: BookText::from(&open.book),
        });
        let text = JournalText {
            genesis: self.genesis,
            currency: self.currency,
            book: BookText::from(&journal.book),
            open,
        };
        serde_json::to_vec_pretty(&text).expect("a journal has a JSON form")
    }

    fn parse(&self, bytes: &[u8]) -> Result<Journal, JournalError> {
        let path = || self.path.clone();
        let text: JournalText =
            serde_json::from_slice(bytes).map_err(|source| JournalError::Format { path: path(), source })?;
        if (text.genesis, text.currency) != (self.genesis, self.currency) {
            return Err(JournalError::Other {
                path: path(),
                genesis: text.genesis,
                currency: text.currency,
            });
        }
        let open = match text.open {
            None => None,
            Some(open) => Some(Open {
                messages: open
                    .messages
                    .iter()
                    .map(|digits| self.message(digits))
                    .collect::<Result<_, _>>()?,
                book: open.done.into(),
            }),
        };
        Ok(Journal {
            book: text.book.into(),
            open,
        })
    }

    fn message(&self, digits: &str) -> Result<Message, JournalError> {
        let bytes = hex::decode(digits).map_err(|_| JournalError::NotHex {
            path: self.path.clone(),
        })?;
        let wrong = |source| JournalError::Message {
            path: self.path.clone(),
            source,
        };
        let mut reader = Reader::new(&bytes, MESSAGE_BYTES_MAX).map_err(wrong)?;
        let message = Message::read(&mut reader).map_err(wrong)?;
        reader.end().map_err(wrong)?;
        Ok(message)
    }
}

#[cfg(test)]
mod tests;
