//! From the database of a network that has stopped for good to that of the network that continues it.

use std::path::Path;

use causeway_contracts::{
    genesis::Genesis,
    ledger::{ContinueError, Ledger, Tip},
};

use super::{
    error::StoreError,
    folder,
    format::{Column, StoredBlock, height_key},
    open::{self, Expect},
};

/// Why a database cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the database has no block of its network, and so no certificate")]
    NoBlock,
    #[error("the database at {} is not continued by this genesis: {source}", path.display())]
    Other {
        path: std::path::PathBuf,
        source: ContinueError,
    },
    #[error("there is a database at {} already", .0.display())]
    Occupied(std::path::PathBuf),
}

/// The state in the database of a node that is not running, and the block that made it, with its certificate.
/// It is checked as at a start.
pub fn last(path: &Path, genesis: &Genesis) -> Result<(Ledger, StoredBlock), AdoptError> {
    let (database, opened) = open::open(path, genesis, Expect::Existing)?;
    let block = database
        .view()
        .get(Column::Blocks, &height_key(opened.ledger.tip().height))?
        .ok_or(AdoptError::NoBlock)?;
    Ok((opened.ledger, block))
}

/// Makes the database at `path` for a network that continues the one whose database is at `from`, which is
/// left as it is. Gives what the first block follows.
pub fn adopt(path: &Path, genesis: &Genesis, from: &Path, before: &Genesis) -> Result<Tip, AdoptError> {
    folder::remove_if_there(&folder::building_path(path))?;
    if folder::is_occupied(path)? {
        return Err(AdoptError::Occupied(path.to_owned()));
    }
    let (database, opened) = open::open(from, before, Expect::Existing)?;
    drop(database);
    let ledger = opened
        .ledger
        .continued_by(genesis)
        .map_err(|source| AdoptError::Other {
            path: from.to_owned(),
            source,
        })?;
    open::create(path, |database| open::write_state(database, &ledger))?;
    folder::write_marker(path, &genesis.hash())?;
    Ok(ledger.tip().clone())
}
