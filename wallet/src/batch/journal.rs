//! What a batch has signed and how it ended, in `FILE.csv.journal`: JSON lines, only ever appended to.
//!
//! The first line binds it to the network, the paying account and the CSV file's content. A signed
//! transaction is on disk before any node sees it. A last line that a crash has torn was therefore
//! never sent, and is cut off. The file is locked while a run uses it.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use causeway_contracts::{
    block::{GenesisHash, Height},
    identity::Address,
    ledger::receipt::Outcome,
    transaction::{SignedTransaction, TransactionError, TxId},
};
use serde::{Deserialize, Serialize};

use super::{
    lines::Line,
    plan::{Contradiction, Fact, Plan},
};
use crate::durable::{self, FileError};

/// The only version there is.
const VERSION: u16 = 1;

/// Beyond this a journal is not one of ours: a million lines of a kilobyte each, signed four times.
const JOURNAL_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// What a journal is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    pub network: GenesisHash,
    pub from: Address,
    /// SHA-256 of the CSV file, in hexadecimal.
    pub csv: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Heading {
    journal: u16,
    binding: Binding,
}

/// One line of the journal after the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Record {
    Signed {
        line: u64,
        id: TxId,
        /// The signed transaction's canonical bytes, in hexadecimal: what is sent, byte for byte.
        tx: String,
    },
    Final {
        line: u64,
        id: TxId,
        height: Height,
        outcome: Outcome,
    },
    Dead {
        line: u64,
        id: TxId,
        height: Height,
    },
    /// It never left this machine.
    Unsent {
        line: u64,
        id: TxId,
    },
}

impl Record {
    pub fn signed(line: u64, tx: &SignedTransaction) -> Result<Self, TransactionError> {
        Ok(Self::Signed {
            line,
            id: tx.id(),
            tx: hex::encode(tx.to_bytes()?),
        })
    }

    pub fn of(line: u64, fact: Fact) -> Option<Self> {
        match fact {
            Fact::Signed(_) => None,
            Fact::Final { id, height, outcome } => Some(Self::Final {
                line,
                id,
                height,
                outcome,
            }),
            Fact::Dead { id, height } => Some(Self::Dead { line, id, height }),
            Fact::Unsent { id } => Some(Self::Unsent { line, id }),
        }
    }

    fn line(&self) -> u64 {
        match self {
            Self::Signed { line, .. }
            | Self::Final { line, .. }
            | Self::Dead { line, .. }
            | Self::Unsent { line, .. } => *line,
        }
    }

    fn fact(&self) -> Fact {
        match *self {
            Self::Signed { id, .. } => Fact::Signed(id),
            Self::Final {
                id, height, outcome, ..
            } => Fact::Final { id, height, outcome },
            Self::Dead { id, height, .. } => Fact::Dead { id, height },
            Self::Unsent { id, .. } => Fact::Unsent { id },
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{} is in use: another run of this batch is under way; wait for it to end", path.display())]
    InUse { path: PathBuf },
    #[error(
        "{} belongs to another {what}: {journalled}, and this one is {actual}. \
         It remembers payments that may have been made already. Pay the rest from the original file; \
         for a new batch, give the new file a name of its own",
        path.display()
    )]
    OtherBatch {
        path: PathBuf,
        what: &'static str,
        journalled: String,
        actual: String,
    },
    #[error("{}, line {at}: not a record of a journal: {source}", path.display())]
    Format {
        path: PathBuf,
        at: usize,
        #[source]
        source: serde_json::Error,
    },
    #[error("{}: version {version} is not known; this program knows version {VERSION}", path.display())]
    Version { path: PathBuf, version: u16 },
    #[error("{}, line {at}: the signed transaction: {source}", path.display())]
    Transaction {
        path: PathBuf,
        at: usize,
        #[source]
        source: TransactionError,
    },
    #[error("{}, line {at}: the signed transaction is not hexadecimal: {source}", path.display())]
    NotHex {
        path: PathBuf,
        at: usize,
        #[source]
        source: hex::FromHexError,
    },
    #[error(
        "{}, line {at}: line {line} was signed as another payment than it is now; \
         was a contact changed since? Put it back as it was",
        path.display()
    )]
    OtherPayment { path: PathBuf, at: usize, line: u64 },
    #[error("{}, line {at}: {source}", path.display())]
    Contradiction {
        path: PathBuf,
        at: usize,
        #[source]
        source: Contradiction,
    },
}

/// An open journal, locked.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

/// What a journal remembers.
#[derive(Debug)]
pub struct Remembered {
    pub plan: Plan,
    /// For each line that was signed: its last transaction.
    pub signed: BTreeMap<u64, SignedTransaction>,
    /// Whether anything that was signed may have left this machine.
    pub sent: bool,
}

impl Journal {
    /// Opens the journal at `path`, or begins it.
    pub fn open(path: &Path, binding: &Binding, lines: &[Line]) -> Result<(Self, Remembered), JournalError> {
        let Some(mut file) = durable::open_locked(path, || false)? else {
            return Err(JournalError::InUse { path: path.to_owned() });
        };
        let mut bytes = durable::read_open(&mut file, path, JOURNAL_BYTES_MAX)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut journal = Self {
            path: path.to_owned(),
            file,
        };
        if whole < bytes.len() {
            journal.cut(whole as u64)?;
        }
        bytes.truncate(whole);
        if whole == 0 {
            journal.begin(binding)?;
        }
        let remembered = Remembered::read(path, &bytes, binding, lines)?;
        Ok((journal, remembered))
    }

    fn cut(&mut self, length: u64) -> Result<(), JournalError> {
        self.file
            .set_len(length)
            .and_then(|()| self.file.sync_all())
            .and_then(|()| self.file.seek(SeekFrom::End(0)).map(drop))
            .map_err(|source| FileError::new("cut the torn end off", &self.path)(source).into())
    }

    fn begin(&mut self, binding: &Binding) -> Result<(), JournalError> {
        let heading = Heading {
            journal: VERSION,
            binding: binding.clone(),
        };
        let mut text = serde_json::to_vec(&heading).expect("a heading has a JSON form");
        text.push(b'\n');
        self.write(&text)?;
        self.sync()
    }

    /// Appends records without waiting for the disk: for facts that can be learned again.
    pub fn note(&mut self, records: &[Record]) -> Result<(), JournalError> {
        let mut text = Vec::new();
        for record in records {
            serde_json::to_writer(&mut text, record).expect("a record has a JSON form");
            text.push(b'\n');
        }
        self.write(&text)
    }

    /// Appends records and returns when they are on disk: before what is signed may be sent.
    pub fn append(&mut self, records: &[Record]) -> Result<(), JournalError> {
        self.note(records)?;
        self.sync()
    }

    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.file
            .sync_data()
            .map_err(|source| FileError::new("sync", &self.path)(source).into())
    }

    fn write(&mut self, text: &[u8]) -> Result<(), JournalError> {
        self.file
            .write_all(text)
            .map_err(|source| FileError::new("write", &self.path)(source).into())
    }
}

impl Remembered {
    /// What the whole lines of the journal at `file` say; errors name it.
    pub fn read(file: &Path, bytes: &[u8], binding: &Binding, lines: &[Line]) -> Result<Self, JournalError> {
        let path = || file.to_owned();
        let payments: BTreeMap<_, _> = lines.iter().map(|line| (line.number, &line.payment)).collect();
        let mut remembered = Self {
            plan: Plan::new(payments.keys().copied()),
            signed: BTreeMap::new(),
            sent: false,
        };
        let mut perhaps_sent = 0u64;
        let mut texts = bytes.split_inclusive(|byte| *byte == b'\n').zip(1..);
        if let Some((text, at)) = texts.next() {
            let heading: Heading = serde_json::from_slice(text).map_err(|source| JournalError::Format {
                path: path(),
                at,
                source,
            })?;
            heading.check(file, binding)?;
        }
        for (text, at) in texts {
            let record: Record = serde_json::from_slice(text).map_err(|source| JournalError::Format {
                path: path(),
                at,
                source,
            })?;
            let line = record.line();
            remembered
                .plan
                .learn(line, record.fact())
                .map_err(|source| JournalError::Contradiction {
                    path: path(),
                    at,
                    source,
                })?;
            match record {
                Record::Signed { .. } => perhaps_sent += 1,
                // The plan has taken it: it belongs to a signed one.
                Record::Unsent { .. } => perhaps_sent -= 1,
                Record::Final { .. } | Record::Dead { .. } => {}
            }
            if let Record::Signed { id, tx, .. } = record {
                let bytes = hex::decode(tx).map_err(|source| JournalError::NotHex {
                    path: path(),
                    at,
                    source,
                })?;
                let signed = SignedTransaction::decode(&bytes, &binding.network).map_err(|source| {
                    JournalError::Transaction {
                        path: path(),
                        at,
                        source,
                    }
                })?;
                let is_the_lines = payments
                    .get(&line)
                    .is_some_and(|payment| payment.is_made_by(&signed.transaction));
                if !is_the_lines || signed.id() != id {
                    return Err(JournalError::OtherPayment { path: path(), at, line });
                }
                remembered.signed.insert(line, signed);
            }
        }
        remembered.sent = perhaps_sent > 0;
        Ok(remembered)
    }
}

impl Heading {
    fn check(&self, file: &Path, binding: &Binding) -> Result<(), JournalError> {
        let Self {
            journal,
            binding: there,
        } = self;
        if *journal != VERSION {
            return Err(JournalError::Version {
                path: file.to_owned(),
                version: *journal,
            });
        }
        let differs = [
            ("network", there.network.to_string(), binding.network.to_string()),
            ("paying account", there.from.to_string(), binding.from.to_string()),
            ("file content", there.csv.clone(), binding.csv.clone()),
        ];
        for (what, journalled, actual) in differs {
            if journalled != actual {
                return Err(JournalError::OtherBatch {
                    path: file.to_owned(),
                    what,
                    journalled,
                    actual,
                });
            }
        }
        Ok(())
    }
}

/// `FILE.csv.journal` beside `FILE.csv`.
pub fn path_for(csv: &Path) -> PathBuf {
    let mut name = csv.as_os_str().to_owned();
    name.push(".journal");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
