//! What a validator must not forget while it helps to decide a height: the consensus log and the sign
//! record, each a file of its own, outside the database's folder. Backups and restores of the database
//! never touch them: with an older one of these, a validator could contradict itself.

pub mod journal;

use std::{
    fs,
    path::{Path, PathBuf},
};

use causeway_consensus::{LogEntry, SignRecord, Signed, Signing};
use causeway_contracts::{
    block::{GenesisHash, Height},
    codec::DecodeError,
    committee::ValidatorId,
};

pub use self::journal::JournalError;
use self::journal::{Frame, Journal, Owner};

const LOG: &str = "consensus.log";
const RECORD: &str = "sign.record";
const UNCONFIRMED: &str = "sign.unconfirmed";

/// A journal is written anew, without what is over, when it has become longer than this.
const JOURNAL_BYTES_MAX: u64 = 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the consensus log holds an entry that this program cannot read: {0}")]
    Entry(#[source] DecodeError),
    #[error("the sign record holds an entry that this program cannot read: {0}")]
    Signed(#[source] DecodeError),
    #[error("cannot make the folder of the consensus log: {0}")]
    Folder(#[source] std::io::Error),
}

/// What to do if the sign record is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// Make it: the operator vouches that nothing was signed.
    Create,
    /// Sign nothing until [`Files::confirm`]: what was signed is not known.
    Observe,
}

/// The two files. Appended to in memory; [`Files::sync`] makes both durable.
#[derive(Debug)]
pub struct Files {
    log: Journal,
    /// Under another name until it is confirmed, so that a restart finds it missing again.
    record: Journal,
    /// What `record` says, to write it anew.
    signed: SignRecord,
    record_path: PathBuf,
}

/// What the files held.
#[derive(Debug)]
pub struct Recovered {
    pub log: Vec<LogEntry>,
    pub record: SignRecord,
    /// The sign record was missing, and not to be made.
    pub observing: bool,
}

impl Files {
    /// Opens the files in `folder`, or makes them there.
    pub fn open(
        folder: &Path,
        genesis: GenesisHash,
        validator: ValidatorId,
        absent: Absent,
    ) -> Result<(Self, Recovered), LogError> {
        fs::create_dir_all(folder).map_err(LogError::Folder)?;
        let owner = Owner { genesis, validator };
        let record_path = folder.join(RECORD);
        let observing = absent == Absent::Observe && !record_path.exists();
        let (record, frames) = if observing {
            (Journal::create(&folder.join(UNCONFIRMED), owner, &[])?, None)
        } else {
            Journal::open(&record_path, owner)?
        };
        let mut signed = SignRecord::default();
        for frame in frames.unwrap_or_default() {
            signed.absorb(Signed::decode(&frame.entry).map_err(LogError::Signed)?);
        }
        let (log, frames) = Journal::open(&folder.join(LOG), owner)?;
        let frames = frames.unwrap_or_default();
        let entries = frames
            .iter()
            .map(|frame| LogEntry::decode(&frame.entry).map_err(LogError::Entry));
        let recovered = Recovered {
            log: entries.collect::<Result<_, _>>()?,
            record: signed.clone(),
            observing,
        };
        let files = Self {
            log,
            record,
            signed,
            record_path,
        };
        Ok((files, recovered))
    }

    pub fn persist(&mut self, entry: &LogEntry) {
        self.log.append(entry.height(), entry.encode());
    }

    pub fn record(&mut self, signed: &Signed) {
        self.signed.absorb(*signed);
        self.record.append(signed.height, signed.encode());
    }

    /// Appended and not yet synced.
    pub fn pending_bytes(&self) -> usize {
        self.log.pending_bytes() + self.record.pending_bytes()
    }

    /// The log first: what is in it is taken up into the record at a restart, but not the other way.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.log.sync()?;
        self.record.sync()
    }

    /// From where on this validator may sign, with blocks committed up to `committed`. The record says it
    /// too when this returns: once others' votes are logged, a log that had lost this validator's own
    /// looks whole again, and a second restart would not know.
    pub fn settle(&mut self, recovered: &mut Recovered, committed: Height) -> Result<Signing, JournalError> {
        let signing = recovered.signing(committed);
        if let Signing::From(first) = signing
            && first > committed.next()
        {
            let closing = Signed::closing(Height(first.0 - 1));
            recovered.record.absorb(closing);
            self.record(&closing);
            self.sync()?;
        }
        Ok(signing)
    }

    /// It is known from where on this node may sign, and the record says it: gives the record its name.
    pub fn confirm(&mut self) -> Result<(), JournalError> {
        self.sync()?;
        self.record.rename(&self.record_path)
    }

    /// All below `height` is over. Its entries are dropped when there are many.
    pub fn begin(&mut self, height: Height) -> Result<(), JournalError> {
        self.log.forget_pending_below(height);
        if self.log.bytes() > JOURNAL_BYTES_MAX {
            self.log.sync()?;
            let frames = self.log.read()?;
            self.log
                .rewrite(frames.into_iter().filter(|frame| frame.height >= height))?;
        }
        if self.record.bytes() > JOURNAL_BYTES_MAX {
            let kept = self.signed.entries().map(|signed| Frame {
                height: signed.height,
                entry: signed.encode(),
            });
            self.record.rewrite(kept)?;
        }
        Ok(())
    }
}

impl Recovered {
    /// From where on this validator may sign, with blocks committed up to `committed`.
    pub fn signing(&self, committed: Height) -> Signing {
        if self.observing {
            return Signing::Observing;
        }
        let logged = self.log.iter().map(LogEntry::height).max().unwrap_or_default();
        let highest = logged.max(self.record.height());
        let next = committed.next();
        // At the next height the log must say all that led to what the record shows to be signed.
        let complete = highest < next || (highest == next && logged == next);
        if complete {
            Signing::From(next)
        } else {
            Signing::From(highest.next())
        }
    }
}

#[cfg(test)]
mod tests;
