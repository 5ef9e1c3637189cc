//! How far the ledger was followed: the block up to which entries are stored, and now and then the Bookkeeper, which
//! may be of an earlier one.

use std::collections::BTreeSet;

use causeway_contracts::{
    block::{BlockId, Height, TimeMs},
    identity::AccountId,
};
use serde::{Deserialize, Serialize};

use super::{document, int};
use crate::{
    bookkeeping::Bookkeeper,
    store::{Sql, StoreError},
};

const ENTRIES: &str = "entries";
const BOOKKEEPER: &str = "bookkeeper";

/// All blocks up to this one are booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    pub height: Height,
    /// The ledger's time there.
    pub time_ms: TimeMs,
    /// The ledger's time when this began: what was before is not booked.
    pub since_ms: TimeMs,
    /// Accounts whose entries may not be all that there is, until the ledger has been asked.
    pub unsettled: BTreeSet<AccountId>,
}

/// A Bookkeeper as it was after a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptBookkeeper {
    /// That block, if it has taken one already.
    pub block: Option<BlockId>,
    pub bookkeeper: Bookkeeper,
}

/// `None` before the ledger is followed for the first time.
pub fn find(sql: &mut dyn Sql) -> Result<Option<Followed>, StoreError> {
    let row = sql.query_one("SELECT body FROM followed WHERE name = $1", &[ENTRIES.into()])?;
    row.map(|row| row.json(0)).transpose()
}

pub fn save(sql: &mut dyn Sql, followed: &Followed) -> Result<(), StoreError> {
    put(sql, ENTRIES, followed.height, &document(followed))
}

pub fn bookkeeper(sql: &mut dyn Sql) -> Result<Option<KeptBookkeeper>, StoreError> {
    let row = sql.query_one("SELECT body FROM followed WHERE name = $1", &[BOOKKEEPER.into()])?;
    row.map(|row| row.json(0)).transpose()
}

pub fn save_bookkeeper(sql: &mut dyn Sql, kept: &KeptBookkeeper) -> Result<(), StoreError> {
    put(sql, BOOKKEEPER, kept.bookkeeper.next(), &document(kept))
}

fn put(sql: &mut dyn Sql, name: &str, height: Height, body: &str) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO followed (name, height, body) VALUES ($1, $2, $3) \
         ON CONFLICT (name) DO UPDATE SET height = excluded.height, body = excluded.body",
        &[name.into(), int(height.0).into(), body.into()],
    )?;
    Ok(())
}
