//! Where one message is taken on, once: together with the look for one that it is about.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::Undecided;
use crate::{
    acquiring::host::{Operation, Outcome, REMEMBERED_MS},
    service::{
        context::Gateway,
        records::{
            authorizations::{self, Authorization, State},
            jobs::{self, Kind},
        },
    },
    store::{Sql, StoreError},
};

/// One reference has its authorisation, completions and refunds.
const OF_REFERENCE_MAX: usize = 32;

/// What the card's rules take at most, after the answer was due.
pub const GRACE_MS: u64 = 5_000;

pub(super) enum Begun {
    New(Authorization),
    Known(Authorization),
    /// The key of another message.
    OtherContents,
}

pub(super) async fn begin(gateway: &Gateway, asked: Authorization) -> Result<Begun, Undecided> {
    let now_ms = gateway.now_ms();
    let wait_ms = gateway.config.issuing.as_ref().map_or(0, |issuing| issuing.answer_ms) + GRACE_MS;
    let begun = gateway
        .store
        .write::<_, StoreError, _>(move |sql| take_on(sql, asked, now_ms, wait_ms));
    Ok(begun.await?)
}

/// `wait_ms`: for so long the card's rules may be asked.
fn take_on(sql: &mut dyn Sql, mut new: Authorization, now_ms: u64, wait_ms: u64) -> Result<Begun, StoreError> {
    if let Some(known) = known(sql, &new)? {
        return Ok(known);
    }
    for lock in locks(sql, &new)? {
        sql.exclusive(lock)?;
    }
    place(sql, &mut new)?;
    if !authorizations::add(sql, &new)? {
        return Ok(known(sql, &new)?.unwrap_or(Begun::OtherContents));
    }
    match new.state {
        State::Deciding => jobs::kick(sql, Kind::Authorization, &new.id, now_ms + wait_ms)?,
        State::Pending => jobs::kick(sql, Kind::Authorization, &new.id, now_ms)?,
        State::Done => {}
    }
    Ok(Begun::New(new))
}

fn known(sql: &mut dyn Sql, asked: &Authorization) -> Result<Option<Begun>, StoreError> {
    let known = authorizations::by_key(sql, &asked.key)?;
    Ok(known.map(|known| {
        if known.body.contents == asked.body.contents {
            Begun::Known(known)
        } else {
            Begun::OtherContents
        }
    }))
}

/// What is to be done first: decide by the card, go on with another, or nothing.
fn place(sql: &mut dyn Sql, new: &mut Authorization) -> Result<(), StoreError> {
    let since_ms = new.created_ms.saturating_sub(REMEMBERED_MS);
    if new.body.operation != Operation::Reversal && authorizations::is_reversed(sql, &new.elements, since_ms)? {
        new.finish(Outcome::ReversedBefore);
        return Ok(());
    }
    let target = match &new.original {
        Some(original) => authorizations::by_elements(sql, original)?,
        None => approved(sql, new)?,
    };
    match (new.body.operation, target) {
        (Operation::Reversal | Operation::Completion | Operation::Refund, Some(target)) => {
            new.body.target = Some(target.id);
            new.body.card = target.body.card;
            new.state = State::Pending;
        }
        (Operation::Reversal | Operation::Completion, None) => new.finish(Outcome::NoSuchOriginal),
        (Operation::Refund, None) if new.original.is_some() => new.finish(Outcome::NoSuchOriginal),
        _ => new.state = State::Deciding,
    }
    Ok(())
}

/// The authorisation that a completion names by fields 37 and 38.
fn approved(sql: &mut dyn Sql, new: &Authorization) -> Result<Option<Authorization>, StoreError> {
    let Some(reference) = new
        .reference
        .as_ref()
        .filter(|_| new.body.operation == Operation::Completion)
    else {
        return Ok(None);
    };
    let of_reference = authorizations::by_reference(sql, reference, OF_REFERENCE_MAX)?;
    let approval = &new.body.approval;
    let is_it =
        |row: &Authorization| row.body.operation == Operation::PreAuthorization && row.body.approval == *approval;
    Ok(of_reference.into_iter().find(is_it))
}

/// A message is not taken on at the same time as one that is about it, nor as another about the same one. Taken in their
/// order, so that no two messages wait for each other.
fn locks(sql: &mut dyn Sql, new: &Authorization) -> Result<BTreeSet<i64>, StoreError> {
    let first = match &new.original {
        Some(original) => Some(original.clone()),
        None => approved(sql, new)?.map(|first| first.elements),
    };
    Ok(first.iter().chain([&new.elements]).map(|it| lock(it)).collect())
}

fn lock(elements: &str) -> i64 {
    let hash = Sha256::digest(elements.as_bytes());
    i64::from_be_bytes(*hash.first_chunk().expect("32 bytes"))
}

#[cfg(test)]
mod tests;
