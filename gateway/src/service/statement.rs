//! The statement of a day, written while it is sent: a page of entries is read, written, sent and forgotten before the
//! next one is read, so that one of a million entries takes no more memory than one of a few hundred.

pub mod messages;

use std::{
    cell::RefCell,
    io::{self, Write},
    rc::Rc,
};

use bytes::Bytes;
use causeway_contracts::{
    identity::{AccountId, Address},
    money::Currency,
};
use futures::{StreamExt, stream};
use time::{Date, macros::format_description};

use super::{
    call::Chunks,
    problem::Problem,
    records::{
        accounts::Account,
        entries::{self, Place, Range},
    },
};
use crate::{
    iso20022::payments::{AmountFault, StatementError, StatementHead, StatementWriter},
    store::{Store, StoreError},
};

/// Entries that are in memory at the same time.
const PAGE: usize = 256;

const DAY_MS: u64 = 86_400_000;

/// A day of UTC, of the years 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day(Date);

impl Day {
    /// Such as 2026-11-29.
    pub fn parse(text: &str) -> Option<Self> {
        let form = format_description!("[year]-[month]-[day]");
        let is_plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let date = is_plain.then(|| Date::parse(text, form).ok()).flatten()?;
        (date.year() >= 1970).then_some(Self(date))
    }

    pub fn date(self) -> Date {
        self.0
    }

    /// Its first millisecond, since 1970.
    pub fn begin_ms(self) -> u64 {
        let seconds = self.0.midnight().as_utc().unix_timestamp();
        u64::try_from(seconds).expect("since 1970") * 1_000
    }

    /// The next day's first.
    pub fn until_ms(self) -> u64 {
        self.begin_ms() + DAY_MS
    }
}

/// What a statement is of.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    pub account: AccountId,
    pub currency: Currency,
    /// Digits after the point.
    pub exponent: u8,
    pub day: Day,
}

/// An account's place on the ledger.
pub fn ledger_account(account: &Account) -> Result<AccountId, Problem> {
    let address = account.address.parse::<Address>();
    Ok(address.map_err(|error| Problem::internal(&error))?.account)
}

/// Why a statement is cut off.
#[derive(Debug, thiserror::Error)]
pub enum CutOff {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error("an amount {0}")]
    Amount(#[from] AmountFault),
}

/// What was written and not sent yet.
#[derive(Clone, Default)]
struct Pending(Rc<RefCell<Vec<u8>>>);

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Pending {
    fn take(&self) -> Bytes {
        self.0.take().into()
    }
}

struct Writing {
    store: Store,
    subject: Subject,
    after: Option<Place>,
    writer: StatementWriter<Pending>,
    pending: Pending,
}

/// The message, in pieces.
///
/// # Errors
/// The head contradicts itself.
pub fn stream(store: Store, subject: Subject, head: StatementHead) -> Result<Chunks, StatementError> {
    let pending = Pending::default();
    let writing = Writing {
        store,
        subject,
        after: Place::last_before(subject.day.begin_ms()),
        writer: StatementWriter::begin(pending.clone(), head)?,
        pending,
    };
    let chunks = stream::try_unfold(Some(writing), |writing| async {
        let Some(writing) = writing else { return Ok(None) };
        let written = writing.page().await;
        written.map(Some).map_err(|error| {
            tracing::error!(error = error.to_string(), "a statement was cut off");
            Box::from(error)
        })
    });
    Ok(chunks.boxed_local())
}

impl Writing {
    /// The next piece; with nothing to go on with, it was the last.
    async fn page(mut self) -> Result<(Bytes, Option<Self>), CutOff> {
        let range = Range {
            account: self.subject.account,
            currency: Some(self.subject.currency),
            after: self.after,
            until_ms: Some(self.subject.day.until_ms()),
        };
        let found = self
            .store
            .read::<_, StoreError, _>(move |sql| entries::list(sql, &range, PAGE))
            .await?;
        for recorded in &found {
            let entry = messages::entry(recorded, self.subject.exponent)?;
            self.writer.entry(&entry)?;
        }
        if found.len() == PAGE {
            self.after = found.last().map(|last| last.place);
            return Ok((self.pending.take(), Some(self)));
        }
        let Self { writer, pending, .. } = self;
        writer.finish()?;
        Ok((pending.take(), None))
    }
}

#[cfg(test)]
mod tests;
