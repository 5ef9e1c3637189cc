//! What can be wrong with a database.

use std::path::PathBuf;

use causeway_contracts::{
    block::{BatchDigest, CertificateError, GenesisHash, Height},
    codec::DecodeError,
    ledger::RestoreError,
    money::Currency,
    transaction::TxId,
};

use super::format::{Column, FORMAT_VERSION};
use crate::exit::{self, ExitStatus};

/// What an operator can do about a database that cannot be used. The sign record is apart from it, and
/// without one a node signs nothing it could contradict, so neither way makes it contradict itself.
const REMEDY: &str = "Restore the folder from a copy; or, to have this node fetch the whole chain from the other \
                      validators again, run causeway-node db renew --config FILE, and start it then";

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("there is no database at {path}, though this node has had one ({evidence}). {REMEDY}")]
    Missing { path: PathBuf, evidence: Evidence },
    #[error(
        "the database at {path} belongs to the network with genesis {found}, and the genesis file has hash \
         {expected}; use the genesis file of that network, or another data folder"
    )]
    OtherGenesis {
        path: PathBuf,
        expected: GenesisHash,
        found: GenesisHash,
    },
    #[error(
        "there is no database at {path}, and the genesis continues another network, whose state it must begin with; \
         make it from a database of that one with causeway-node genesis adopt"
    )]
    NotAdopted { path: PathBuf },
    #[error(
        "the database at {path} has format version {found}, and this program opens version {FORMAT_VERSION} alone; {}",
        if *.found < FORMAT_VERSION { "an earlier program made it, and its network goes on with that program alone: \
        install that one again, or begin another network" } else { "a newer program made \
        it. Install that one again" }
    )]
    OtherVersion { path: PathBuf, found: u32 },
    #[error(
        "this node has found its state to be wrong, and starts no more on this database: {why}. Restore it from a copy \
         of before, import another node's snapshot, or have this node fetch and execute all blocks again with \
         causeway-node db renew --config FILE; each of them removes {path}, which says so"
    )]
    Halted { path: PathBuf, why: String },
    #[error("process {process} has the database at {path} open; stop it first")]
    InUse { path: PathBuf, process: i32 },
    #[error("the node that writes the database at {path} removed logs whenever it was opened for reading; try again")]
    Changing { path: PathBuf },
    #[error("cannot {attempt} the database at {path}: {cause}.{}", remedy_for(.cause))]
    Database {
        attempt: Attempt,
        path: PathBuf,
        /// In the message, and so not a `source` as well: that would be printed twice.
        cause: rocksdb::Error,
    },
    #[error("the database is about to be closed")]
    Closing,
    #[error("the database at {path} is damaged: {damage}. {REMEDY}")]
    Damaged { path: PathBuf, damage: Damage },
    #[error("cannot {attempt} {path}: {cause}")]
    Folder {
        attempt: Attempt,
        path: PathBuf,
        cause: std::io::Error,
    },
}

impl StoreError {
    /// With which status a node ends that cannot open its store for this reason.
    pub fn exit_status(&self) -> ExitStatus {
        match self {
            Self::OtherGenesis { .. } => ExitStatus::Genesis,
            Self::Halted { .. } => ExitStatus::Divergence,
            Self::Database { cause, .. } if is_disk_full(cause) => ExitStatus::SafetyWrite,
            Self::Folder { cause, .. } if cause.kind() == std::io::ErrorKind::StorageFull => ExitStatus::SafetyWrite,
            _ => ExitStatus::Database,
        }
    }

    /// Ends the process if what is stored cannot be trusted any more: a validator must not go on from it.
    pub fn stop_if_damaged(&self) {
        let corrupt = match self {
            Self::Damaged { .. } => true,
            Self::Database { cause, .. } => cause.kind() == rocksdb::ErrorKind::Corruption,
            _ => false,
        };
        if corrupt {
            exit::stop(ExitStatus::Database, &self.to_string());
        }
    }
}

/// Whether the disk is full, which no copy or renewal mends. RocksDB has no kind of its own for that: it
/// passes on the system's words (errno ENOSPC), as it does for a file that is not there.
fn is_disk_full(cause: &rocksdb::Error) -> bool {
    cause.as_ref().contains("No space left on device")
}

/// RocksDB's word for what a copy or a renewal mends.
fn remedy_for(cause: &rocksdb::Error) -> String {
    match cause.kind() {
        rocksdb::ErrorKind::Corruption | rocksdb::ErrorKind::InvalidArgument => format!(" {REMEDY}"),
        _ => String::new(),
    }
}

/// Why a database should be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The file that is written beside a database when it is created.
    Marker,
    /// The caller knows, from its sign record or its consensus log.
    Caller,
}

impl std::fmt::Display for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Marker => "the marker file beside it says so",
            Self::Caller => "its sign record or consensus log says so",
        })
    }
}

/// What was attempted when an error came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    Create,
    Open,
    Read,
    Write,
    Sync,
    Rename,
    Remove,
    Probe,
}

impl std::fmt::Display for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Open => "open",
            Self::Read => "read",
            Self::Write => "write to",
            Self::Sync => "sync",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::Probe => "look at",
        })
    }
}

/// What stored data cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("column {} is not there", .column.name())]
    NoColumn { column: Column },
    #[error("{0} is not there")]
    NoMeta(&'static str),
    #[error("a key of column {} has not its form", .column.name())]
    Key { column: Column },
    #[error("a value of column {}: {source}", .column.name())]
    Value { column: Column, source: DecodeError },
    #[error("the validators after block {0} are not those that its header names")]
    Handover(Height),
    #[error("block {0} is not there")]
    NoBlock(Height),
    #[error("the receipts of block {0} are not there")]
    NoReceipts(Height),
    #[error("batch {digest} of block {height} is not there")]
    NoBatch { height: Height, digest: BatchDigest },
    #[error("batch {0}, not yet ordered, is not there")]
    NoPendingBatch(BatchDigest),
    #[error("an entry of the state is not of its key's table")]
    WrongTable,
    #[error("the index points to transaction {transaction} of batch {batch} in block {height}, which there is not")]
    Index {
        height: Height,
        batch: u32,
        transaction: u32,
    },
    #[error("block {0} does not fit the tip: it has another id, height, time or state hash")]
    Tip(Height),
    #[error("block {0} does not follow from the one before it")]
    Chain(Height),
    #[error("all balances of {currency} add up to {sum}, not to zero")]
    Sum { currency: Currency, sum: i128 },
    #[error("the balances of {0} add up to more than can be counted")]
    SumOverflow(Currency),
    #[error("block {0} has another block's certificate, or one of other validators")]
    OtherCertificate(Height),
    #[error("the certificate of block {height}: {source}")]
    Certificate { height: Height, source: CertificateError },
    #[error("the receipts of block {0} are not those that its header commits to")]
    Receipts(Height),
    #[error("the batches of block {0} do not hold as many transactions as its header says")]
    TransactionCount(Height),
    #[error("transaction {id} of block {height} is not where the index says")]
    NotIndexed { height: Height, id: TxId },
    #[error("column {} has not one entry for each of those that it must have one for", .0.name())]
    Count(Column),
    #[error("what is stored as batch {0} is another")]
    OtherBatch(BatchDigest),
    #[error("transaction {0} is remembered and has no receipt")]
    UnknownId(TxId),
    #[error("batch {0} is remembered and not there")]
    UnknownDigest(BatchDigest),
    #[error("the state: {0}")]
    State(#[from] RestoreError),
}
