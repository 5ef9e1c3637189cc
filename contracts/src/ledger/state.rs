//! What the ledger knows: the state tables, and the form in which an entry is stored and committed to.

use std::{collections::BTreeMap, fmt, hint::black_box};

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{contracts::Contracts, overlay::Changes, posting::Part, purses::Purses, table::Table};
use crate::{
    block::{Checkpoints, GenesisHash, Height, TimeMs},
    codec,
    committee::{ValidatorId, ValidatorList, ValidatorSet, change::FormerValidators, rotation::Rotation},
    evidence::EvidenceRecord,
    governance::{CurrencyRecord, Parameters},
    identity::{AccountId, AccountStatus, Freeze, IdentityCommitment, KeyPolicy, Participant, ParticipantId, Tier},
    keys::PublicKey,
    merkle::{self, Root},
    money::{Amount, Balance, Currency},
    offline::record::{OfflineKey, OfflineRow},
    protocol::Protocol,
    registry::Registry,
    settlement::{
        Contract, ContractId, MerchantCategory, ReferenceRate,
        netting::{Obligation, Position},
        offer::BookKey,
    },
};

/// An account, without its balances.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Account {
    /// Itself, for the account that a participant owns.
    pub operator: ParticipantId,
    pub keys: KeyPolicy,
    pub tier: Tier,
    pub status: AccountStatus,
    pub identity: IdentityCommitment,
}

/// A day of block time (UTC), counted from 1970-01-01.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(pub u64);

impl Day {
    pub fn of(time: TimeMs) -> Self {
        Self(time.0 / 86_400_000)
    }
}

/// What an account has of one currency. There is one from the first posting or freeze on, and it
/// stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub struct BalanceRecord {
    pub available: Balance,
    pub held: Amount,
    /// The last day on which money went out.
    pub day: Day,
    /// What went out on that day.
    pub spent: Amount,
    /// By the currency's issuer: this account pays out nothing of it.
    pub frozen: Option<Freeze>,
}

impl BalanceRecord {
    /// Outgoing on `day`.
    pub fn spent_on(&self, day: Day) -> Amount {
        if self.day == day { self.spent } else { Amount::ZERO }
    }

    /// Available and held together.
    pub fn total(&self) -> i128 {
        self.available.0 + i128::from(self.held.0)
    }

    pub fn part(&self, part: Part) -> Balance {
        match part {
            Part::Available => self.available,
            Part::Held => Balance(i128::from(self.held.0)),
        }
    }
}

/// The name of a state entry. Its first encoded byte is the table's, by the order of variants, and
/// keys sort as their encoded bytes do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum StateKey {
    Account(AccountId),
    Balance(AccountId, Currency),
    Currency(Currency),
    Participant(ParticipantId),
    Parameters,
    Council,
    Validators,
    Rotation,
    /// Against this validator, and which of its records, from 0.
    Evidence(ValidatorId, u8),
    Protocol,
    /// The genesis of the first network of all, if this one continues another; else this network's.
    Origin,
    /// Those who decide the block after the next one.
    NextValidators,
    Nodes,
    FormerValidators,
    Checkpoints,
    Contract(ContractId),
    /// How much of the second currency one unit of the first is worth.
    ReferenceRate(Currency, Currency),
    Category(AccountId),
    /// The offer that stands there.
    Book(BookKey),
    /// Of a participant in one currency of a netting cycle.
    Position(ContractId, AccountId, Currency),
    /// One that waits in a cycle, by its number there, big-endian.
    Obligation(ContractId, [u8; 8]),
    /// What is known about purses.
    Offline(OfflineKey),
}

/// A state entry's content; the same variant as its key's.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum StateValue {
    Account(Account),
    Balance(BalanceRecord),
    Currency(CurrencyRecord),
    Participant(Participant),
    Parameters(Parameters),
    Council(KeyPolicy),
    Validators(ValidatorList),
    Rotation(Rotation),
    Evidence(Box<EvidenceRecord>),
    Protocol(Protocol),
    Origin(GenesisHash),
    NextValidators(ValidatorList),
    Nodes(Registry),
    FormerValidators(FormerValidators),
    Checkpoints(Checkpoints),
    Contract(Box<Contract>),
    ReferenceRate(ReferenceRate),
    Category(MerchantCategory),
    Book(ContractId),
    Position(Position),
    Obligation(Obligation),
    Offline(Box<OfflineRow>),
}

/// A state entry's canonical bytes are at most this many: the longest is a registry of 512 nodes, with some
/// 300 bytes each.
pub const STATE_VALUE_BYTES_MAX: usize = 256 * 1024;

/// A state entry that a block set, or removed.
pub type Change = (StateKey, Option<StateValue>);

/// The root over changes, in ascending order of their keys. A leaf is the encoded [`Change`].
pub fn changes_root(changes: &[Change]) -> Root {
    debug_assert!(changes.is_sorted_by(|a, b| a.0 < b.0));
    let mut bytes = Vec::with_capacity(256);
    let leaves = changes.iter().map(|change| {
        bytes.clear();
        codec::encode_into(change, &mut bytes);
        merkle::leaf(&bytes)
    });
    merkle::root(leaves.collect())
}

/// A [`StateValue`] that does not fit its [`StateKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value is not of its key's table")]
pub struct WrongTable;

/// How many changes' rows are loaded at a time ahead of the changes.
const READ_AHEAD: usize = 32;

/// The committed tables, in memory.
pub(super) struct State {
    pub(super) genesis: GenesisHash,
    /// The hash from which the ids of accounts are made.
    pub(super) origin: GenesisHash,
    pub(super) accounts: Table<AccountId, Account>,
    pub(super) balances: Table<(AccountId, Currency), BalanceRecord>,
    pub(super) currencies: Table<Currency, CurrencyRecord>,
    pub(super) participants: Table<ParticipantId, Participant>,
    pub(super) parameters: Parameters,
    pub(super) council: KeyPolicy,
    pub(super) validators: ValidatorSet,
    pub(super) rotation: Rotation,
    pub(super) evidence: Table<(ValidatorId, u8), Box<EvidenceRecord>>,
    pub(super) protocol: Protocol,
    pub(super) next_validators: ValidatorSet,
    pub(super) nodes: Registry,
    pub(super) former_validators: FormerValidators,
    pub(super) checkpoints: Checkpoints,
    pub(super) contracts: Contracts,
    pub(super) reference_rates: BTreeMap<(Currency, Currency), ReferenceRate>,
    pub(super) categories: BTreeMap<AccountId, MerchantCategory>,
    pub(super) book: BTreeMap<BookKey, ContractId>,
    pub(super) positions: BTreeMap<(ContractId, AccountId, Currency), Position>,
    pub(super) obligations: BTreeMap<(ContractId, [u8; 8]), Obligation>,
    pub(super) offline: Purses,
}

impl State {
    /// As of [`super::Ledger::accountable`].
    pub(super) fn accountable(&self, id: &ValidatorId, height: Height) -> Option<&PublicKey> {
        if let Some(validator) = self.validators.by_id(id) {
            return Some(&validator.key);
        }
        let former = self.former_validators.get(id)?;
        (height <= former.last).then_some(&former.key)
    }

    /// Every entry, table by table; the order within a table is that of insertion.
    pub(super) fn entries(&self) -> impl Iterator<Item = (StateKey, StateValue)> {
        let accounts = self.accounts.iter();
        let balances = self.balances.iter();
        let currencies = self.currencies.iter();
        let participants = self.participants.iter();
        let evidence = self.evidence.iter();
        let contracts = self.contracts.rows().iter();
        let rates = self.reference_rates.iter();
        let categories = self.categories.iter();
        let book = self.book.iter();
        let positions = self.positions.iter();
        let obligations = self.obligations.iter();
        let offline = self.offline.rows().iter();
        let next = self.next_validators.to_list();
        let singles = [
            (StateKey::Parameters, StateValue::Parameters(self.parameters.clone())),
            (StateKey::Council, StateValue::Council(self.council.clone())),
            (StateKey::Validators, StateValue::Validators(self.validators.to_list())),
            (StateKey::Rotation, StateValue::Rotation(self.rotation.clone())),
            (StateKey::Protocol, StateValue::Protocol(self.protocol)),
            (StateKey::Origin, StateValue::Origin(self.origin)),
            (StateKey::NextValidators, StateValue::NextValidators(next)),
            (StateKey::Nodes, StateValue::Nodes(self.nodes.clone())),
            (
                StateKey::FormerValidators,
                StateValue::FormerValidators(self.former_validators.clone()),
            ),
            (StateKey::Checkpoints, StateValue::Checkpoints(self.checkpoints)),
        ];
        accounts
            .map(|(id, account)| (StateKey::Account(*id), StateValue::Account(account.clone())))
            .chain(balances.map(|((id, code), record)| (StateKey::Balance(*id, *code), StateValue::Balance(*record))))
            .chain(currencies.map(|(code, record)| (StateKey::Currency(*code), StateValue::Currency(record.clone()))))
            .chain(participants.map(|(id, it)| (StateKey::Participant(*id), StateValue::Participant(it.clone()))))
            .chain(singles)
            .chain(
                evidence.map(|((id, at), record)| (StateKey::Evidence(*id, *at), StateValue::Evidence(record.clone()))),
            )
            .chain(rates.map(|((from, to), it)| (StateKey::ReferenceRate(*from, *to), StateValue::ReferenceRate(*it))))
            .chain(
                positions
                    .map(|((id, who, code), it)| (StateKey::Position(*id, *who, *code), StateValue::Position(*it))),
            )
            .chain(obligations.map(|((id, at), it)| (StateKey::Obligation(*id, *at), StateValue::Obligation(*it))))
            .chain(offline.map(|(key, row)| (StateKey::Offline(*key), StateValue::Offline(row.clone()))))
            .chain(book.map(|(key, id)| (StateKey::Book(*key), StateValue::Book(*id))))
            .chain(categories.map(|(id, it)| (StateKey::Category(*id), StateValue::Category(*it))))
            .chain(contracts.map(|(id, it)| (StateKey::Contract(*id), StateValue::Contract(Box::new(it.clone())))))
    }

    /// The root over all entries.
    pub(super) fn root(&self) -> Root {
        let mut entries: Vec<_> = self.entries().map(|(key, value)| (key, Some(value))).collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        changes_root(&entries)
    }

    /// Makes the changes of a block.
    ///
    /// # Panics
    /// If they were not worked out over this state.
    pub(super) fn set_all(&mut self, changes: Changes) {
        let mut entries = changes.entries.into_iter();
        for places in changes.places.chunks(READ_AHEAD) {
            // Other tables' places among them do no harm.
            let touch = |key: &(AccountId, Currency), record: &BalanceRecord| {
                u64::from(key.0.0[0]) ^ record.held.0 ^ u64::from(record.frozen.is_some())
            };
            black_box(self.balances.read_rows_ahead(places.iter().flatten().copied(), touch));
            for (place, (key, value)) in places.iter().zip(&mut entries) {
                let Some(value) = value else {
                    self.remove(key).expect("an execution's changes fit their tables");
                    continue;
                };
                match (key, value, place) {
                    // A block changes thousands of these; the others are few.
                    (StateKey::Balance(id, code), StateValue::Balance(record), Some(row)) => {
                        self.balances.insert_near(*row, (id, code), record);
                    }
                    (key, value, _) => self.set(key, value).expect("an execution's changes fit their tables"),
                }
            }
        }
    }

    /// What contracts are made of comes to an end, categories, and some of what is known about purses; all else stays.
    fn remove(&mut self, key: StateKey) -> Result<(), WrongTable> {
        match key {
            StateKey::Contract(id) => self.contracts.remove(&id),
            StateKey::Category(id) => drop(self.categories.remove(&id)),
            StateKey::Book(key) => drop(self.book.remove(&key)),
            StateKey::Position(id, who, code) => drop(self.positions.remove(&(id, who, code))),
            StateKey::Obligation(id, at) => drop(self.obligations.remove(&(id, at))),
            StateKey::Offline(key) => self.offline.remove(&key),
            _ => return Err(WrongTable),
        }
        Ok(())
    }

    /// Adds or replaces an entry.
    ///
    /// # Panics
    /// If a list of validators is not a valid set: it is checked before it is made an entry.
    pub(super) fn set(&mut self, key: StateKey, value: StateValue) -> Result<(), WrongTable> {
        match (key, value) {
            (StateKey::Account(id), StateValue::Account(it)) => drop(self.accounts.insert(id, it)),
            (StateKey::Balance(id, code), StateValue::Balance(it)) => drop(self.balances.insert((id, code), it)),
            (StateKey::Currency(code), StateValue::Currency(it)) => drop(self.currencies.insert(code, it)),
            (StateKey::Participant(id), StateValue::Participant(it)) => drop(self.participants.insert(id, it)),
            (StateKey::Parameters, StateValue::Parameters(it)) => self.parameters = it,
            (StateKey::Council, StateValue::Council(it)) => self.council = it,
            (StateKey::Validators, StateValue::Validators(it)) => {
                self.validators = it.try_into().expect("checked before it was made an entry");
            }
            (StateKey::Rotation, StateValue::Rotation(it)) => self.rotation = it,
            (StateKey::NextValidators, StateValue::NextValidators(it)) => {
                self.next_validators = it.try_into().expect("checked before it was made an entry");
            }
            (StateKey::Nodes, StateValue::Nodes(it)) => self.nodes = it,
            (StateKey::FormerValidators, StateValue::FormerValidators(it)) => self.former_validators = it,
            (StateKey::Checkpoints, StateValue::Checkpoints(it)) => self.checkpoints = it,
            (StateKey::Evidence(id, at), StateValue::Evidence(it)) => drop(self.evidence.insert((id, at), it)),
            (StateKey::Protocol, StateValue::Protocol(it)) => self.protocol = it,
            (StateKey::Origin, StateValue::Origin(it)) => self.origin = it,
            (StateKey::Contract(id), StateValue::Contract(it)) => drop(self.contracts.insert(id, *it)),
            (StateKey::ReferenceRate(from, to), StateValue::ReferenceRate(it)) => {
                self.reference_rates.insert((from, to), it);
            }
            (StateKey::Category(id), StateValue::Category(it)) => drop(self.categories.insert(id, it)),
            (StateKey::Book(key), StateValue::Book(id)) => drop(self.book.insert(key, id)),
            (StateKey::Position(id, who, code), StateValue::Position(it)) => {
                self.positions.insert((id, who, code), it);
            }
            (StateKey::Obligation(id, at), StateValue::Obligation(it)) => {
                self.obligations.insert((id, at), it);
            }
            (StateKey::Offline(key), StateValue::Offline(it)) if it.is_of(&key) => {
                self.offline.insert(key, it);
            }
            _ => return Err(WrongTable),
        }
        Ok(())
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("accounts", &self.accounts)
            .field("balances", &self.balances)
            .field("currencies", &self.currencies)
            .field("participants", &self.participants)
            .finish_non_exhaustive()
    }
}
