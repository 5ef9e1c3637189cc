//! What a validator must not forget while it helps to decide a height: the consensus log and the sign
//! record, each a file of its own, outside the database's folder. Backups and restores of the database
//! never touch them: with an older one of these, a validator could contradict itself.

mod folder;
mod journal;

#[cfg(test)]
mod tests;

use causeway_contracts::{
    block::{GenesisHash, Height},
    codec::DecodeError,
    committee::ValidatorId,
};

use self::journal::{Frame, Journal, Owner};
pub use self::{folder::Folder, journal::JournalError};
use crate::{
    engine::Signing,
    log::LogEntry,
    record::{SignRecord, Signed},
};

const LOG: &str = "consensus.log";
const RECORD: &str = "sign.record";
const UNCONFIRMED: &str = "sign.unconfirmed";

/// A journal is written anew, without what is over, when it has become longer than this.
const JOURNAL_BYTES_MAX: u64 = 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum FilesError<E> {
    #[error(transparent)]
    Journal(#[from] JournalError<E>),
    #[error("the consensus log holds an entry that this program cannot read: {0}")]
    Entry(#[source] DecodeError),
    #[error("the sign record holds an entry that this program cannot read: {0}")]
    Signed(#[source] DecodeError),
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
pub struct Files<F> {
    folder: F,
    log: Journal,
    /// Under another name until it is confirmed, so that a restart finds it missing again.
    record: Journal,
    /// What `record` says, to write it anew.
    signed: SignRecord,
}

/// What the files held.
#[derive(Debug)]
pub struct Recovered {
    pub log: Vec<LogEntry>,
    pub record: SignRecord,
    /// The sign record was missing, and not to be made.
    pub observing: bool,
    /// What a crash had left half-written of both, and is gone now.
    pub dropped_bytes: u64,
}

impl<F: Folder> Files<F> {
    /// Opens the files in `folder`, or makes them there.
    pub fn open(
        mut folder: F,
        genesis: GenesisHash,
        validator: ValidatorId,
        absent: Absent,
    ) -> Result<(Self, Recovered), FilesError<F::Error>> {
        let owner = Owner { genesis, validator };
        let mut dropped_bytes = 0;
        let mut signed = SignRecord::default();
        let opened = Journal::open(&mut folder, RECORD, owner)?;
        let observing = absent == Absent::Observe && opened.is_none();
        let record = match opened {
            Some((record, opened)) => {
                for frame in opened.frames {
                    signed.absorb(Signed::decode(&frame.entry).map_err(FilesError::Signed)?);
                }
                dropped_bytes += opened.dropped_bytes;
                record
            }
            None => {
                let name = if observing { UNCONFIRMED } else { RECORD };
                Journal::create(&mut folder, name, owner, &[]).map_err(JournalError::from)?
            }
        };
        let mut entries = Vec::new();
        let log = match Journal::open(&mut folder, LOG, owner)? {
            Some((log, opened)) => {
                for frame in opened.frames {
                    entries.push(LogEntry::decode(&frame.entry).map_err(FilesError::Entry)?);
                }
                dropped_bytes += opened.dropped_bytes;
                log
            }
            None => Journal::create(&mut folder, LOG, owner, &[]).map_err(JournalError::from)?,
        };
        let recovered = Recovered {
            log: entries,
            record: signed.clone(),
            observing,
            dropped_bytes,
        };
        let files = Self {
            folder,
            log,
            record,
            signed,
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
    pub fn sync(&mut self) -> Result<(), F::Error> {
        self.log.sync(&mut self.folder)?;
        self.record.sync(&mut self.folder)
    }

    /// From where on this validator may sign, with blocks committed up to `committed`. The record says it
    /// too when this returns: once others' votes are logged, a log that had lost this validator's own
    /// looks whole again, and a second restart would not know.
    pub fn settle(&mut self, recovered: &mut Recovered, committed: Height) -> Result<Signing, F::Error> {
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
    pub fn confirm(&mut self) -> Result<(), F::Error> {
        self.sync()?;
        self.record.rename(&mut self.folder, RECORD)
    }

    /// All below `height` is over. Its entries are dropped when there are many.
    pub fn begin(&mut self, height: Height) -> Result<(), JournalError<F::Error>> {
        self.log.forget_pending_below(height);
        if self.log.bytes() > JOURNAL_BYTES_MAX {
            self.log.sync(&mut self.folder)?;
            let frames = self.log.read(&self.folder)?;
            let kept = frames.into_iter().filter(|frame| frame.height >= height);
            self.log.rewrite(&mut self.folder, kept)?;
        }
        if self.record.bytes() > JOURNAL_BYTES_MAX {
            let kept = self.signed.entries().map(|signed| Frame {
                height: signed.height,
                entry: signed.encode(),
            });
            self.record.rewrite(&mut self.folder, kept)?;
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
