//! The ledger: state, the rules by which blocks change it, and receipts.
//!
//! A [`Ledger`] is the committed state after some block. The block after it is executed over that
//! state without touching it ([`Ledger::draft`] for the proposer, [`Ledger::check`] for everyone
//! else); what comes out, an [`Execution`], is committed once the block is final.
//!
//! # What becomes of a transaction
//! First it may be *skipped* ([`rejection::Skip`], in that order): it then touches nothing and has no
//! receipt. What may sign for its actions is looked up in the state before the transaction: a payment
//! from an account that the same transaction opens is skipped. Else its actions are applied in order,
//! each seeing what those before it did, and the first that fails ([`rejection::Rejection`], in that
//! order) makes the transaction *rejected*: it consumes its id and nothing else. Otherwise it is
//! *applied*.
//!
//! # What a block changes
//! Money moves by [`posting::Posting`]s alone. The block's changes are the state entries that differ
//! after it from before it: an entry that was changed and changed back is not among them. Parameters
//! that a block sets are in force from the next block on; all else at once, for later transactions of
//! the same block too. A header's `transaction_count` counts all transactions of its batches, the
//! skipped ones too, and so does its cost.
//!
//! # Contracts
//! A block first ends the contracts whose time is over and forgets those that ended a day ago, the oldest
//! first, at most [`SWEEP_MAX`] legs; then its transactions are executed ([`crate::settlement`]). A contract
//! that the ledger ended by itself has a receipt, before those of the transactions.
//!
//! # Versions
//! The rules have versions ([`crate::protocol`]), and a block's header says by which it is made: by the one
//! that the state before it says is in force for its height. A block with an action of a later version is
//! invalid: programs that do not know that version cannot read the action, and need not vote on it.
//!
//! # Validators
//! The council changes the validator set and the registry of nodes ([`crate::registry`]). A change of the set
//! that is applied in block h is in the state after it as the *next* set, named by the header of h + 1, and
//! decides from h + 2 on. A validator's key must be a registered node's, and that node keeps it for as long as
//! it is in a set. Those who keep their power must be more than two thirds of the set that was to decide
//! h + 2 before the block and of the new one: all changes of a block together, so that sets that decide
//! one after the other have an honest majority in common.
//!
//! # Evidence
//! Any validator may report that one signed twice ([`crate::evidence`]). The report is applied if the
//! signatures are good and the same is not recorded yet for that validator and height. Then there is an
//! entry about it, and that is all: nobody loses money, power or a turn.
//!
//! # What is remembered
//! The ids of transactions that have a receipt, until a block's time is at or past `valid_until`. The
//! digests of ordered batches, until a block's time is at or past the ordering block's time plus
//! `validity_seconds_max`. Both are state and travel with it, but are not among a block's changes:
//! the header's other fields fix them.

mod apply;
mod authority;
mod continuing;
mod contracts;
mod execution;
mod limits;
mod opening;
mod ordered;
mod overlay;
pub mod posting;
mod purses;
pub mod receipt;
mod recent;
pub mod rejection;
mod state;
mod sweep;
mod table;
mod validity;

pub use self::{
    apply::{CURRENCIES_MAX, EVIDENCE_HEIGHTS_MAX, EVIDENCE_MAX, PARTICIPANTS_MAX, offline::payouts::GRACE_HOURS},
    continuing::ContinueError,
    execution::{BatchLocation, Batches, Execution},
    limits::cost,
    opening::RestoreError,
    state::{
        Account, BalanceRecord, Change, Day, STATE_VALUE_BYTES_MAX, StateKey, StateValue, WrongTable, changes_root,
    },
    sweep::SWEEP_MAX,
    validity::InvalidBlock,
};

use self::{
    overlay::{Changes, Overlay},
    recent::{RecentDigests, RecentIds},
    rejection::Skip,
    state::State,
    table::Seed,
};
use crate::{
    block::{BlockId, Checkpoints, GenesisHash, Header, Height, StateHash, TimeMs},
    committee::{ValidatorId, ValidatorSet, change::FormerValidators, rotation::Rotation},
    evidence::{Evidence, EvidenceRecord},
    governance::{CurrencyRecord, Parameters},
    identity::{AccountId, KeyPolicy, Participant, ParticipantId},
    keys::{PublicKey, Signed},
    merkle::Root,
    money::Currency,
    offline::{
        ids::PurseId,
        record::{OfflineKey, OfflineRow, Proof},
    },
    protocol::{NotInForce, Protocol, ProtocolVersion},
    registry::Registry,
    settlement::{Contract, ContractId},
    snapshot::SnapshotEntry,
    transaction::{SignedTransaction, TxId},
};

/// An idle network makes a block only every so often; the block that a transaction enters may be that
/// much later than the last one.
pub const IDLE_MS: u64 = 5_000;

/// The last committed block, or the genesis state at height 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tip {
    pub height: Height,
    pub time_ms: TimeMs,
    pub block: BlockId,
    pub state_hash: StateHash,
    /// Of the last certified checkpoint; the genesis state's root before the first.
    pub checkpoint_root: Root,
}

impl Tip {
    /// The tip after this block.
    pub fn of(header: &Header) -> Self {
        Self {
            height: header.height,
            time_ms: header.time_ms,
            block: header.id(),
            state_hash: header.state_hash,
            checkpoint_root: header.checkpoint_root,
        }
    }
}

/// The committed state, in memory.
#[derive(Debug)]
pub struct Ledger {
    seed: Seed,
    tip: Tip,
    state: State,
    validators_hash: Root,
    next_validators_hash: Root,
    ids: RecentIds,
    digests: RecentDigests,
    is_good: IsGood,
}

/// How a signature in evidence is judged.
pub type IsGood = fn(&Signed<'_>) -> bool;

impl Ledger {
    pub fn genesis(&self) -> GenesisHash {
        self.state.genesis
    }

    /// The hash from which the ids of accounts are made: the genesis of the first network, if this one
    /// continues another.
    pub fn origin(&self) -> GenesisHash {
        self.state.origin
    }

    pub fn tip(&self) -> &Tip {
        &self.tip
    }

    /// Those who decide the next block.
    pub fn validators(&self) -> &ValidatorSet {
        &self.state.validators
    }

    /// Those who decide the block after the next one. The next block's header names them.
    pub fn next_validators(&self) -> &ValidatorSet {
        &self.state.next_validators
    }

    /// Who has left the set.
    pub fn former_validators(&self) -> &FormerValidators {
        &self.state.former_validators
    }

    /// The nodes that may connect to each other.
    pub fn nodes(&self) -> &Registry {
        &self.state.nodes
    }

    /// The key with which this validator may have signed at this height: of one that decides the next block,
    /// for every height, and of one that has left, up to the last that it decided.
    pub fn accountable(&self, id: &ValidatorId, height: Height) -> Option<&PublicKey> {
        self.state.accountable(id, height)
    }

    pub fn rotation(&self) -> &Rotation {
        &self.state.rotation
    }

    pub fn account(&self, id: &AccountId) -> Option<&Account> {
        self.state.accounts.get(id)
    }

    pub fn balance(&self, account: &AccountId, currency: Currency) -> Option<&BalanceRecord> {
        self.state.balances.get(&(*account, currency))
    }

    pub fn contract(&self, id: &ContractId) -> Option<&Contract> {
        self.state.contracts.rows().get(id)
    }

    /// The contracts that concern an account, open or ended within the last day, ascending by id, from the one after
    /// `after` on. What is remembered of quotes is not among them.
    pub fn contracts_of(&self, account: AccountId, after: Option<ContractId>) -> impl Iterator<Item = ContractId> {
        self.state.contracts.of(account, after)
    }

    pub fn currency(&self, code: Currency) -> Option<&CurrencyRecord> {
        self.state.currencies.get(&code)
    }

    pub fn participant(&self, id: ParticipantId) -> Option<&Participant> {
        self.state.participants.get(&id)
    }

    pub fn parameters(&self) -> &Parameters {
        &self.state.parameters
    }

    pub fn council(&self) -> &KeyPolicy {
        &self.state.council
    }

    /// Versions of the protocol, as of the last block.
    pub fn protocol(&self) -> &Protocol {
        &self.state.protocol
    }

    /// The version in force for the next block.
    pub fn next_version(&self) -> ProtocolVersion {
        self.state.protocol.at(self.tip.height.next())
    }

    /// The evidence against a validator, in the order in which it was recorded.
    pub fn evidence_against(&self, validator: ValidatorId) -> impl Iterator<Item = &EvidenceRecord> {
        let records = (0..EVIDENCE_MAX).map_while(move |at| self.state.evidence.get(&(validator, at)));
        records.map(Box::as_ref)
    }

    /// Whether evidence against the same validator at the same height is recorded.
    pub fn has_evidence(&self, like: &Evidence) -> bool {
        self.evidence_against(like.validator)
            .any(|record| record.evidence.height == like.height)
    }

    /// What is known about purses under a key.
    pub fn offline(&self, key: &OfflineKey) -> Option<&OfflineRow> {
        self.state.offline.rows().get(key).map(Box::as_ref)
    }

    /// By what a purse is convicted of having broken the rules of payments.
    pub fn proofs_against(&self, purse: PurseId) -> impl Iterator<Item = Proof> {
        let first = OfflineKey::Proof(purse, Proof::Place([0; 4]));
        let rows = self.state.offline.rows().range(first..).map(|(key, _)| *key);
        rows.map_while(move |key| match key {
            OfflineKey::Proof(of, proof) if of == purse => Some(proof),
            _ => None,
        })
    }

    /// How many records of evidence there are, against all validators.
    pub fn evidence_count(&self) -> usize {
        self.state.evidence.len()
    }

    /// Every state entry, recent ids and digests apart, in no order that means anything.
    pub fn entries(&self) -> impl Iterator<Item = (StateKey, StateValue)> {
        self.state.entries()
    }

    /// Which block's state is to be certified, and which was last.
    pub fn checkpoints(&self) -> &Checkpoints {
        &self.state.checkpoints
    }

    /// All that a snapshot of this state holds, in its order. Sorts a copy of everything: for small ledgers;
    /// a node reads its database in order instead.
    pub fn snapshot(&self) -> Vec<SnapshotEntry> {
        let state = self.entries().map(|(key, value)| SnapshotEntry::State(key, value));
        let ids = self
            .ids
            .iter()
            .map(|(valid_until, id)| SnapshotEntry::Id(valid_until, id));
        let digests = self
            .digests
            .iter()
            .map(|(end, digest)| SnapshotEntry::Digest(end, digest));
        let mut entries: Vec<_> = state.chain(ids).chain(digests).collect();
        entries.sort_by_cached_key(SnapshotEntry::place);
        entries
    }

    /// How many transaction ids are remembered.
    pub fn recent_ids(&self) -> usize {
        self.ids.len()
    }

    /// How many batch digests are remembered.
    pub fn recent_digests(&self) -> usize {
        self.digests.len()
    }

    /// Whether a block after this one could name the batch.
    pub fn remembers(&self, digest: &crate::block::BatchDigest) -> bool {
        self.digests.contains(digest, self.tip.time_ms)
    }

    /// [`Self::admit_at`] the last block's time: for callers without a clock. After a long stop of the
    /// whole network it finds every transaction too far ahead.
    pub fn admit(&self, signed: &SignedTransaction, id: &TxId) -> Result<(), Skip> {
        self.admit_at(signed, id, self.tip.time_ms)
    }

    /// Whether a transaction with this id would be skipped in the next block, as far as can be told at
    /// time `now`, or at the last block's time if that is later. It may be skipped nonetheless, by what
    /// happens until then.
    pub fn admit_at(&self, signed: &SignedTransaction, id: &TxId, now: TimeMs) -> Result<(), Skip> {
        let needs = signed.needs();
        if needs > self.next_version() {
            let from = self.state.protocol.in_force_from(needs);
            return Err(Skip::NotInForce(NotInForce { needs, from }));
        }
        let valid_until = signed.transaction.valid_until;
        let earliest = now.max(self.tip.time_ms);
        let latest = TimeMs(earliest.0.saturating_add(IDLE_MS));
        if valid_until.is_past(earliest) {
            return Err(Skip::Expired);
        }
        if execution::is_too_far_ahead(valid_until, latest, &self.state.parameters) {
            return Err(Skip::TooFarAhead);
        }
        if self.ids.contains(valid_until, id) {
            return Err(Skip::AlreadyKnown);
        }
        authority::check(&Overlay::new(&self.state, self.seed), signed)
    }

    /// Makes a block's effects the committed state.
    ///
    /// # Panics
    /// If they were worked out over another state than this.
    pub fn commit(&mut self, execution: Execution) {
        let header = &execution.header;
        assert_eq!(header.parent, self.tip.block, "a block is committed on its parent");
        assert_eq!(
            header.height,
            self.tip.height.next(),
            "a block is committed at its height"
        );
        self.state.set_all(Changes {
            entries: execution.changes,
            places: execution.places,
        });
        self.validators_hash = std::mem::replace(&mut self.next_validators_hash, self.state.next_validators.hash());
        self.ids.forget(header.time_ms);
        for (valid_until, id) in execution.ids {
            assert!(self.ids.insert(valid_until, id), "transaction {id} takes effect twice");
        }
        self.digests.forget(header.time_ms);
        for (forgotten_at, digest) in execution.digests {
            assert!(
                self.digests.insert(forgotten_at, digest),
                "batch {digest} is ordered twice"
            );
        }
        self.tip = Tip::of(header);
    }
}

#[cfg(test)]
mod tests;
