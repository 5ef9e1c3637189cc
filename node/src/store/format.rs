//! Which bytes are on disk: column families, their keys and their values.
//!
//! | column | key | value |
//! | --- | --- | --- |
//! | `meta` | `format` | format version, as four bytes |
//! | `meta` | `genesis` | genesis hash |
//! | `meta` | `tip` | the last committed block's [`Tip`] |
//! | `meta` | `beginning` | height of the snapshot that the database was made from; absent where all is here from the genesis on |
//! | `meta` | `certifier` | height of the last block that carries a checkpoint's certificate; absent before the first |
//! | `meta` | `handover` and a height | [`Handover`] after the block of that height, if other validators decide then |
//! | `blocks` | height | [`StoredBlock`] |
//! | `receipts` | height | the block's receipts, in order |
//! | `batches` | digest | [`SignedBatch`](causeway_contracts::block::SignedBatch) |
//! | `pending` | digest of a batch that no committed block names | nothing |
//! | `index` | transaction id | [`IndexEntry`] |
//! | `state` | encoded [`StateKey`](causeway_contracts::ledger::StateKey) | encoded `StateValue` |
//! | `ids` | end of validity in seconds, height, part | [`StoredIds`]: of transactions whose validity ends then, with a receipt in that block; or, from a snapshot of that block's state, in one of its chunks |
//! | `digests` | when it may be forgotten in milliseconds, batch digest | nothing |
//!
//! Integers in keys are eight bytes, but for a part's four, big-endian, so that keys sort by number; values are the
//! canonical bytes of [`codec`]. A change to any of this is a new [`FORMAT_VERSION`].

use bincode::{Decode, Encode};
use causeway_contracts::{
    block::{BatchDigest, Block, BlockId, CommitCertificate, Height, StateHash, TimeMs},
    codec::Bounded,
    committee::ValidatorId,
    identity::AccountId,
    ledger::{Tip, receipt::Receipt},
    merkle::Root,
    transaction::{TxId, UnixSeconds},
};

/// Written at creation, compared at each start. The only one that this program opens.
///
/// | version | what it brought |
/// | --- | --- |
/// | 1 | the first |
/// | 2 | in `meta`: `beginning`, `certifier` and `handover`; in the state: evidence, the protocol's versions, the origin, the next and former validators, nodes and checkpoints. A state of before has other entries and another hash |
/// | 3 | in `ids`: one entry for all ids of a block that end in one second, where each id was a key |
/// | 4 | contracts in the state; receipts say what they are about, and what was exchanged |
pub const FORMAT_VERSION: u32 = 4;

/// No stored value is longer. The longest are blocks' receipts.
pub(super) const VALUE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A block has one receipt a transaction at most, and those of what no transaction asked for.
pub(super) type StoredReceipts = Bounded<Receipt, 65_536>;

/// Some of a block's, or of a snapshot's chunk.
pub(super) type StoredIds = Bounded<TxId, 65_536>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    Meta,
    Blocks,
    Receipts,
    Batches,
    Pending,
    Index,
    State,
    Ids,
    Digests,
}

impl Column {
    pub const ALL: [Self; 9] = [
        Self::Meta,
        Self::Blocks,
        Self::Receipts,
        Self::Batches,
        Self::Pending,
        Self::Index,
        Self::State,
        Self::Ids,
        Self::Digests,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Blocks => "blocks",
            Self::Receipts => "receipts",
            Self::Batches => "batches",
            Self::Pending => "pending",
            Self::Index => "index",
            Self::State => "state",
            Self::Ids => "ids",
            Self::Digests => "digests",
        }
    }
}

pub(super) const FORMAT_KEY: &[u8] = b"format";
pub(super) const GENESIS_KEY: &[u8] = b"genesis";
pub(super) const TIP_KEY: &[u8] = b"tip";
pub(super) const BEGINNING_KEY: &[u8] = b"beginning";
pub(super) const CERTIFIER_KEY: &[u8] = b"certifier";
pub(super) const HANDOVER_PREFIX: &[u8] = b"handover";

/// After the last block of a set that gives way to another.
pub(super) fn handover_key(height: Height) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(HANDOVER_PREFIX);
    key[8..].copy_from_slice(&height_key(height));
    key
}

pub(super) fn handover_of(key: &[u8]) -> Option<Height> {
    height_of(key.strip_prefix(HANDOVER_PREFIX)?)
}

/// A final block with what makes it final.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct StoredBlock {
    pub block: Block,
    pub certificate: CommitCertificate,
}

/// Where a transaction's receipt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Location {
    pub height: Height,
    /// Among the block's receipts.
    pub index: u32,
}

/// Where a transaction's receipt is, and where its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(super) struct IndexEntry {
    pub location: Location,
    /// The batch's place in the block.
    pub batch: u32,
    /// The transaction's place in the batch.
    pub transaction: u32,
}

type TipFields = (Height, TimeMs, BlockId, StateHash, Root);

pub(super) fn tip_value(tip: &Tip) -> TipFields {
    (tip.height, tip.time_ms, tip.block, tip.state_hash, tip.checkpoint_root)
}

pub(super) fn tip_of((height, time_ms, block, state_hash, checkpoint_root): TipFields) -> Tip {
    Tip {
        height,
        time_ms,
        block,
        state_hash,
        checkpoint_root,
    }
}

pub(super) fn height_key(height: Height) -> [u8; 8] {
    height.0.to_be_bytes()
}

pub(super) fn height_of(key: &[u8]) -> Option<Height> {
    Some(Height(u64::from_be_bytes(key.try_into().ok()?)))
}

pub(super) fn pending_of(key: &[u8]) -> Option<BatchDigest> {
    Some(BatchDigest(key.try_into().ok()?))
}

/// The first byte of the state keys of currencies.
pub(super) const CURRENCY_TABLE: u8 = 2;

/// The first byte of the state keys of participants.
pub(super) const PARTICIPANT_TABLE: u8 = 3;

/// The first byte of the state keys of evidence.
pub(super) const EVIDENCE_TABLE: u8 = 8;

/// Before the state keys of evidence against all validators after this one, and after its own.
pub(super) fn evidence_after(validator: ValidatorId) -> [u8; 22] {
    let mut key = [u8::MAX; 22];
    key[0] = EVIDENCE_TABLE;
    key[1..21].copy_from_slice(validator.as_bytes());
    key
}

/// How the state keys of an account's balances begin: the table's byte and the account.
pub(super) fn balances_prefix(account: AccountId) -> [u8; 21] {
    let mut prefix = [0; 21];
    prefix[0] = BALANCE_TABLE;
    prefix[1..].copy_from_slice(account.as_bytes());
    prefix
}

const BALANCE_TABLE: u8 = 1;

/// The first key of all ids that end then.
pub(super) fn id_from(valid_until: UnixSeconds) -> [u8; 8] {
    valid_until.0.to_be_bytes()
}

/// `part` tells chunks of a snapshot apart; a block has one for each end of validity.
pub(super) fn ids_key(valid_until: UnixSeconds, height: Height, part: u32) -> [u8; 20] {
    let mut key = [0; 20];
    key[..8].copy_from_slice(&valid_until.0.to_be_bytes());
    key[8..16].copy_from_slice(&height_key(height));
    key[16..].copy_from_slice(&part.to_be_bytes());
    key
}

pub(super) fn ids_end_of(key: &[u8]) -> Option<UnixSeconds> {
    let (time, rest) = key.split_first_chunk::<8>()?;
    (rest.len() == 12).then_some(UnixSeconds(u64::from_be_bytes(*time)))
}

/// The first key of all digests that may be forgotten then.
pub(super) fn digest_from(forgotten_at: TimeMs) -> [u8; 8] {
    forgotten_at.0.to_be_bytes()
}

pub(super) fn digest_key(forgotten_at: TimeMs, digest: &BatchDigest) -> [u8; 40] {
    timed_key(forgotten_at.0, digest.as_bytes())
}

pub(super) fn digest_of(key: &[u8]) -> Option<(TimeMs, BatchDigest)> {
    let (time, hash) = timed(key)?;
    Some((TimeMs(time), BatchDigest(hash)))
}

fn timed_key(time: u64, hash: &[u8; 32]) -> [u8; 40] {
    let mut key = [0; 40];
    key[..8].copy_from_slice(&time.to_be_bytes());
    key[8..].copy_from_slice(hash);
    key
}

fn timed(key: &[u8]) -> Option<(u64, [u8; 32])> {
    let (time, hash) = key.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*time), hash.try_into().ok()?))
}
