//! What this wallet has paid, in `history`: JSON lines, only ever appended to.
//!
//! A single payment's signed bytes are on disk here before any node sees them. When its outcome stays
//! unknown and the same payment is asked for again, the same bytes are sent again.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use causeway_contracts::{
    block::{Height, TimeMs},
    ledger::receipt::Outcome,
    transaction::{SignedTransaction, Transaction, TxId},
};
use serde::{Deserialize, Serialize};

use crate::{
    clock,
    durable::{self, FileError},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// Signed, and perhaps sent.
    Sent {
        time_ms: TimeMs,
        id: TxId,
        transaction: Box<SignedTransaction>,
    },
    /// In a final block.
    Final {
        time_ms: TimeMs,
        id: TxId,
        height: Height,
        outcome: Outcome,
    },
    /// Proved never to take effect.
    Dead { time_ms: TimeMs, id: TxId, height: Height },
    /// Never left this machine, and never will.
    Unsent { time_ms: TimeMs, id: TxId },
}

#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}, line {at}: {source}", path.display())]
    Format {
        path: PathBuf,
        at: usize,
        #[source]
        source: serde_json::Error,
    },
}

/// A transaction with what is known of its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub time_ms: TimeMs,
    pub id: TxId,
    pub transaction: SignedTransaction,
    pub end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Unknown,
    Final { height: Height, outcome: Outcome },
    Dead { height: Height },
    Unsent,
}

/// The open history, locked: other payments of this wallet wait meanwhile.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    file: File,
}

impl History {
    /// `waits` is called where another command holds it, before that one is waited for.
    pub fn open(path: &Path, waits: impl FnOnce()) -> Result<Self, HistoryError> {
        let wait = || {
            waits();
            true
        };
        let file = durable::open_locked(path, wait)?.expect("it was waited for");
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Everything in it, oldest first, without a lock: an entry that is being written is left out.
    pub fn read(path: &Path) -> Result<Vec<Item>, HistoryError> {
        match durable::read(path, u64::MAX - 1) {
            Ok(text) => parse(path, &text[..whole(&text)]),
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Everything in it, oldest first.
    pub fn items(&mut self) -> Result<Vec<Item>, HistoryError> {
        let mut text = Vec::new();
        self.file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.read_to_end(&mut text))
            .map_err(FileError::new("read", &self.path))?;
        let whole = whole(&text);
        if whole < text.len() {
            // Torn by a crash before it was synced, so never sent.
            self.file
                .set_len(whole as u64)
                .map_err(FileError::new("cut the torn end off", &self.path))?;
        }
        parse(&self.path, &text[..whole])
    }

    /// The last transaction like this whose outcome is unknown.
    pub fn unfinished(&mut self, is_like: impl Fn(&Transaction) -> bool) -> Result<Option<Item>, HistoryError> {
        let items = self.items()?;
        let same = |item: &Item| item.end == End::Unknown && is_like(&item.transaction.transaction);
        Ok(items.into_iter().rev().find(same))
    }

    /// On disk when it returns: only then may the transaction be sent.
    pub fn sent(&mut self, transaction: &SignedTransaction) -> Result<(), HistoryError> {
        self.append(&Entry::Sent {
            time_ms: clock::now_ms(),
            id: transaction.id(),
            transaction: Box::new(transaction.clone()),
        })
    }

    pub fn ended(&mut self, id: TxId, end: End) -> Result<(), HistoryError> {
        let time_ms = clock::now_ms();
        match end {
            End::Unknown => Ok(()),
            End::Final { height, outcome } => self.append(&Entry::Final {
                time_ms,
                id,
                height,
                outcome,
            }),
            End::Dead { height } => self.append(&Entry::Dead { time_ms, id, height }),
            End::Unsent => self.append(&Entry::Unsent { time_ms, id }),
        }
    }

    fn append(&mut self, entry: &Entry) -> Result<(), HistoryError> {
        let mut text = serde_json::to_vec(entry).expect("an entry has a JSON form");
        text.push(b'\n');
        self.file
            .write_all(&text)
            .and_then(|()| self.file.sync_data())
            .map_err(|source| FileError::new("write", &self.path)(source).into())
    }
}

/// The length of a file's whole lines.
fn whole(text: &[u8]) -> usize {
    text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}

fn parse(path: &Path, text: &[u8]) -> Result<Vec<Item>, HistoryError> {
    let mut items: Vec<Item> = Vec::new();
    for (line, at) in text.split_inclusive(|byte| *byte == b'\n').zip(1..) {
        let entry = serde_json::from_slice(line).map_err(|source| HistoryError::Format {
            path: path.to_owned(),
            at,
            source,
        })?;
        let (id, end) = match entry {
            Entry::Sent {
                time_ms,
                id,
                transaction,
            } => {
                items.push(Item {
                    time_ms,
                    id,
                    transaction: *transaction,
                    end: End::Unknown,
                });
                continue;
            }
            Entry::Final {
                id, height, outcome, ..
            } => (id, End::Final { height, outcome }),
            Entry::Dead { id, height, .. } => (id, End::Dead { height }),
            Entry::Unsent { id, .. } => (id, End::Unsent),
        };
        // With other signatures it was sent more than once.
        for item in items.iter_mut().filter(|item| item.id == id) {
            item.end = end;
        }
    }
    Ok(items)
}
